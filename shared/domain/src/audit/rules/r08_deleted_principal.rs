//! A role assignment to nobody.

use super::helpers::{is_deleted, is_entitling, is_role_unseen, role_of, violation_of};
use crate::access::Facet;
use crate::audit::{Audit, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R08",
    family: Family::Rbac,
    title: "Role held by a principal that is deleted",
    severity: Severity::Medium,
    rationale: "The assignment serves nobody, uses up the subscription's limit, and is back in force when the principal \
                is restored within 30 days.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/troubleshooting",
        "https://learn.microsoft.com/azure/role-based-access-control/role-assignments-remove",
    ],
    needs: &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::Principals],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let deleted = audit.world.grants().iter().filter(|grant| is_deleted(audit, grant.principal));
    for grant in deleted.filter(|grant| !is_entitling(grant)) {
        let (id, role) = (&grant.principal.id, role_of(grant));
        if is_role_unseen(audit, grant) {
            outcome.unknown.push(format!("what role {role} grants to {id}, which is deleted, could not be read"));
        } else {
            let message = format!("{role} at {} is assigned to {id}, which is not in the directory", grant.scope);
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
    use crate::audit::testing::{Estate, GROUP, S1};

    #[test]
    fn assignments_and_eligibilities_of_the_deleted_are_reported() {
        let estate = Estate::bare().deleted("gone").assign("gone", builtin::READER, S1);
        let estate = estate.eligible("gone", builtin::OWNER, S1, None);
        assert_eq!(
            estate.found(&RULE),
            [format!("{S1} gone {}", builtin::OWNER), format!("{S1} gone {}", builtin::READER)]
        );
    }

    #[test]
    fn the_living_foreign_groups_and_the_use_of_applications_are_none_of_it() {
        let estate = Estate::clean().deleted("gone").assign("gone", builtin::DESKTOP_VIRTUALIZATION_USER, GROUP);
        let estate = estate.deleted("abroad").assign("abroad", builtin::READER, S1);
        let estate =
            estate.with(|facts| facts.assignments.last_mut().unwrap().principal.kind = "ForeignGroup".to_owned());
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn where_principals_could_not_be_looked_up_it_is_unknown() {
        let estate = Estate::bare().assign("x", builtin::READER, S1).forbidden(Facet::Principals, "/");
        assert_eq!(estate.verdict(&RULE), Verdict::Unknown);
        let unread = Estate::bare().deleted("x").assign("x", "some-role", S1).forbidden(Facet::RoleDefinitions, S1);
        assert_eq!(unread.verdict(&RULE), Verdict::Unknown);
    }
}
