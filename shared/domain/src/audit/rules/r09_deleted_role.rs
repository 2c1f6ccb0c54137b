//! A role assignment of nothing.

use super::helpers::{named, violation_of};
use crate::ArmId;
use crate::access::Facet;
use crate::audit::{Audit, Family, Outcome, Rule, Severity};
use std::collections::HashMap;

pub(super) const RULE: Rule = Rule {
    id: "R09",
    family: Family::Rbac,
    title: "Role assignment of a role that is deleted",
    severity: Severity::Medium,
    rationale: "It grants nothing that anybody can look up; who relies on it waits for access that never comes.",
    references: &["https://learn.microsoft.com/azure/role-based-access-control/troubleshooting"],
    needs: &[Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive, Facet::PimEligible],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let dangling = audit.world.grants().iter().filter(|grant| grant.definition.is_none());
    // Whether a role of this subscription, or above all, would be among the definitions if it was there.
    let mut were_read: HashMap<Option<ArmId>, bool> = HashMap::new();
    let mut outcome = Outcome::default();
    for grant in dangling {
        let were_read = were_read.entry(grant.scope.up_to("subscriptions")).or_insert_with_key(|place| match place {
            Some(subscription) => audit.is_read(&[Facet::RoleDefinitions], subscription),
            None => audit.is_read_everywhere(&[Facet::RoleDefinitions]),
        });
        if *were_read {
            let who = named(audit, grant.principal);
            let message =
                format!("{who} is assigned role {} at {}, and there is no such role", grant.role, grant.scope);
            outcome.violations.push(violation_of(audit, grant, message));
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, S1, TENANT};

    #[test]
    fn a_role_without_definition_is_reported() {
        let estate = Estate::bare().user("ann").assign("ann", "No-Such-Role", S1);
        assert_eq!(estate.found(&RULE), ["/subscriptions/s1 ann no-such-role"]);
    }

    #[test]
    fn roles_that_are_there_are_found_whatever_their_case() {
        let estate = Estate::clean().user("ann").assign("ann", &builtin::READER.to_uppercase(), S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn a_role_that_was_not_read_is_not_taken_for_deleted() {
        let estate = Estate::bare().subscription("s2").user("ann").assign("ann", "x", "/subscriptions/s2");
        let estate = estate.assign("ann", "y", TENANT).forbidden(Facet::RoleDefinitions, "/subscriptions/s2");
        assert_eq!(estate.verdict(&RULE), Verdict::Unknown);
        assert_eq!(estate.assign("ann", "z", S1).found(&RULE), ["/subscriptions/s1 ann z"]);
    }
}
