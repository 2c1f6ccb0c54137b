//! A custom role that can do everything.

use super::helpers::{custom_role_violation, custom_roles, is_management_group, is_subscription};
use crate::ArmId;
use crate::access::Facet;
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity, fix};

pub(super) const RULE: Rule = Rule {
    id: "R11",
    family: Family::Rbac,
    title: "Custom role that can do everything in a subscription or above",
    severity: Severity::Critical,
    rationale: "A custom role with the action * is an Owner by another name: lists of owners do not show who holds it.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/custom-roles",
        "https://learn.microsoft.com/azure/role-based-access-control/best-practices",
    ],
    needs: &[Facet::RoleDefinitions],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let is_wide = |scope: &ArmId| scope.as_str() == "/" || is_subscription(scope) || is_management_group(scope);
    let everything = custom_roles(audit).filter(|role| {
        let mut patterns = role.permissions.iter().flat_map(|block| &block.actions);
        patterns.any(|pattern| pattern == "*") && role.assignable_scopes.iter().any(is_wide)
    });
    everything
        .map(|role| {
            let message =
                format!("the custom role {} has the action * and can be assigned to whole subscriptions", role.name);
            let mut violation = custom_role_violation(role, message, fix::limit_role(role));
            violation.evidence.push(Evidence::new("actions", "*"));
            violation
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, RG, S1, TENANT};

    #[test]
    fn a_star_is_reported_whatever_not_actions_take_away() {
        for scope in [S1, TENANT, "/"] {
            let estate = Estate::clean().role("god", &["A/read", "*"], &["B/write"], &[], &[RG, scope]);
            assert_eq!(estate.found(&RULE), [format!("{scope} - god")]);
        }
    }

    #[test]
    fn narrower_stars_narrower_scopes_and_azures_own_roles_are_none_of_it() {
        let estate = Estate::clean()
            .role("reader", &["*/read", "Microsoft.Compute/*"], &[], &[], &[S1])
            .role("local", &["*"], &[], &[], &[RG])
            .role("data", &["A/read"], &[], &["*"], &[S1]);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.forbidden(Facet::RoleDefinitions, S1).verdict(&RULE), Verdict::Unknown);
    }
}
