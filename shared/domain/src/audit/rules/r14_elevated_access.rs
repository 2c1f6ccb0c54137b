//! Elevated access that was not put back.

use super::helpers::{named, violation_of};
use super::standing::Standing;
use crate::access::{Facet, builtin};
use crate::audit::{Audit, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R14",
    family: Family::Rbac,
    title: "User Access Administrator at the root of the tenant, all the time",
    severity: Severity::Critical,
    rationale: "A Global Administrator elevates access for a single task. Left in place, it lets the holder give \
                anybody everything in every subscription.",
    references: &["https://learn.microsoft.com/azure/role-based-access-control/elevate-access-global-admin"],
    needs: &[Facet::RoleAssignments, Facet::PimActive],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let mut standing = Standing::new(audit);
    let grants = audit.world.grants().iter().filter(|grant| Standing::is_meant(grant));
    grants
        .filter(|grant| grant.role == builtin::USER_ACCESS_ADMINISTRATOR && grant.scope.as_str() == "/")
        .map(|grant| {
            let (who, caveat) = (named(audit, grant.principal), standing.caveat(grant));
            let message = format!("{who} holds User Access Administrator at /{caveat}");
            violation_of(audit, grant, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, S1, TENANT};

    #[test]
    fn what_stands_at_the_root_is_reported() {
        let estate = Estate::clean().user("ann").assign("ann", builtin::USER_ACCESS_ADMINISTRATOR, "/");
        assert_eq!(estate.found(&RULE), [format!("/ ann {}", builtin::USER_ACCESS_ADMINISTRATOR)]);
        let fix = estate.check(&RULE).violations.remove(0).fix;
        let id = "/providers/Microsoft.Authorization/roleAssignments/a1";
        assert_eq!(fix.az.unwrap(), format!("az role assignment delete --ids '{id}'"));
    }

    #[test]
    fn other_roles_other_scopes_and_what_is_not_standing_are_none_of_it() {
        let estate = Estate::clean()
            .assign("owners", builtin::USER_ACCESS_ADMINISTRATOR, TENANT)
            .assign("owners", builtin::READER, "/")
            .eligible("owners", builtin::USER_ACCESS_ADMINISTRATOR, "/", None);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.forbidden(Facet::RoleAssignments, S1).verdict(&RULE), Verdict::Unknown);
    }

    #[test]
    fn what_one_subscription_tells_of_the_root_is_enough() {
        let estate =
            Estate::bare().subscription("s2").user("ann").assign("ann", builtin::USER_ACCESS_ADMINISTRATOR, "/");
        let message = |estate: &Estate| estate.check(&RULE).violations.remove(0).message;
        let told = "user User ann holds User Access Administrator at /";
        let one = estate.forbidden(Facet::PimActive, S1);
        assert_eq!(message(&one), told);
        let none = one.forbidden(Facet::PimActive, "/subscriptions/s2");
        assert_eq!(message(&none), format!("{told}; whether only for now was not read"));
    }
}
