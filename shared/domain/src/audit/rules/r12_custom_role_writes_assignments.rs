//! A custom role whose holders can give themselves any other.

use super::helpers::{custom_role_violation, custom_roles};
use crate::access::{Action, Facet, builtin};
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity, fix};

pub(super) const RULE: Rule = Rule {
    id: "R12",
    family: Family::Rbac,
    title: "Custom role that can write role assignments",
    severity: Severity::High,
    rationale: "Whoever can write role assignments can give themselves every other role: the custom role's other limits \
                mean nothing.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/custom-roles",
        "https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-overview",
    ],
    needs: &[Facet::RoleDefinitions],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let write = Action::control(builtin::WRITE_ROLE_ASSIGNMENTS);
    custom_roles(audit)
        .filter_map(|role| {
            let pattern = write.pattern_in(&role.permissions)?;
            let message = format!("the custom role {} can write role assignments", role.name);
            let mut violation =
                custom_role_violation(role, message, fix::withhold(role, builtin::WRITE_ROLE_ASSIGNMENTS));
            violation.evidence.push(Evidence::new("actions", pattern));
            Some(violation)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, S1};
    use crate::estate::Permission;

    #[test]
    fn wildcards_are_expanded_and_any_block_suffices() {
        for actions in
            [["Microsoft.Authorization/roleAssignments/write"], ["microsoft.authorization/*"], ["*/write"], ["*"]]
        {
            let estate = Estate::clean().role("r", &actions, &["Microsoft.Authorization/locks/*"], &[], &[S1]);
            assert_eq!(estate.found(&RULE), ["/subscriptions/s1 - r"], "{actions:?}");
        }
        let estate = Estate::clean().role("r", &["*"], &["Microsoft.Authorization/*"], &[], &[S1]).with(|facts| {
            let actions = vec!["Microsoft.Authorization/*/write".to_owned()];
            facts.definitions.last_mut().unwrap().permissions.push(Permission { actions, ..Permission::default() });
        });
        assert_eq!(estate.verdict(&RULE), Verdict::Fail);
    }

    #[test]
    fn what_not_actions_take_away_is_not_held() {
        let estate = Estate::clean().role("r", &["*"], &["Microsoft.Authorization/*/Write"], &[], &[S1]).role(
            "d",
            &["A/read"],
            &[],
            &["*"],
            &[S1],
        );
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.forbidden(Facet::RoleDefinitions, S1).verdict(&RULE), Verdict::Unknown);
    }
}
