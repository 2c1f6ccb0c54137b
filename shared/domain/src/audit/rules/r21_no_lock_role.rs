//! Locks that only owners can remove.

use super::helpers::custom_roles;
use crate::ArmId;
use crate::access::{Action, Facet};
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity, Violation, fix};

pub(super) const RULE: Rule = Rule {
    id: "R21",
    family: Family::Rbac,
    title: "No custom role for the administration of locks",
    severity: Severity::Low,
    rationale: "Without such a role, whoever has to set or remove a lock is made Owner or User Access Administrator.",
    references: &["https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources"],
    needs: NEEDS,
    check,
};

const NEEDS: &[Facet] = &[Facet::RoleDefinitions];
const WRITE_LOCKS: &str = "Microsoft.Authorization/locks/write";

fn check(audit: &Audit<'_>) -> Outcome {
    if audit.facts.subscriptions.is_empty() {
        return Outcome::not_applicable("there is no subscription");
    }
    let write = Action::control(WRITE_LOCKS);
    let is_there = custom_roles(audit).any(|role| write.is_in(&role.permissions));
    // One that was not read may be it.
    if is_there || !audit.is_read_everywhere(NEEDS) {
        return Outcome::default();
    }
    let scopes: Vec<ArmId> = audit.facts.subscriptions.iter().map(|subscription| subscription.id.clone()).collect();
    let violation = Violation {
        scope: ArmId::new("/"),
        principal: None,
        subject: None,
        severity: None,
        message: "no custom role can set and remove locks".to_owned(),
        evidence: vec![Evidence::new("custom roles", custom_roles(audit).count().to_string())],
        fix: fix::create_lock_role(&scopes),
    };
    [violation].into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, S1};

    #[test]
    fn an_estate_without_such_a_role_is_told_so_once() {
        let estate =
            Estate::bare().subscription("s2").role("r", &["Microsoft.Authorization/locks/read"], &[], &[], &[S1]);
        assert_eq!(estate.found(&RULE), ["/ - -"]);
        let az = estate.check(&RULE).violations.remove(0).fix.az.unwrap();
        assert!(az.contains(r#""AssignableScopes":["/subscriptions/s1","/subscriptions/s2"]"#), "{az}");
    }

    #[test]
    fn any_role_that_holds_it_will_do_and_azures_own_will_not() {
        assert_eq!(Estate::clean().verdict(&RULE), Verdict::Pass);
        let wide = Estate::bare().role("r", &["Microsoft.Authorization/*"], &[], &[], &[S1]);
        assert_eq!(wide.verdict(&RULE), Verdict::Pass);
        let withheld = Estate::bare().role("r", &["*"], &["Microsoft.Authorization/locks/*"], &[], &[S1]);
        assert_eq!(withheld.verdict(&RULE), Verdict::Fail);
    }

    #[test]
    fn a_role_that_was_not_read_is_not_taken_for_missing() {
        assert_eq!(Estate::bare().forbidden(Facet::RoleDefinitions, S1).verdict(&RULE), Verdict::Unknown);
        let nothing = Estate::bare().with(|facts| facts.subscriptions.clear());
        assert_eq!(nothing.verdict(&RULE), Verdict::NotApplicable);
    }
}
