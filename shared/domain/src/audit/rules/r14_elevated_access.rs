//! Elevated access that was not put back.

use super::helpers::{named, violation_of};
use crate::access::{Facet, GrantKind, builtin};
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
    let standing = audit.world.grants().iter().filter(|grant| grant.kind == GrantKind::Standing);
    standing
        .filter(|grant| grant.role == builtin::USER_ACCESS_ADMINISTRATOR && grant.scope.as_str() == "/")
        .map(|grant| {
            let message = format!("{} holds User Access Administrator at /", named(audit, grant.principal));
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
}
