//! Much that comes from above.

use super::helpers::{assignments, is_management_group, listed};
use crate::ArmId;
use crate::access::{Assignment, Facet};
use crate::audit::{Audit, Family, Fix, Outcome, Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    id: "R15",
    family: Family::Rbac,
    title: "Many role assignments inherited from management groups",
    severity: Severity::Medium,
    rationale: "What is assigned at a management group holds in every subscription below it, those of next year \
                included, and its owners cannot take it away.",
    references: &[
        "https://learn.microsoft.com/azure/governance/management-groups/overview",
        "https://learn.microsoft.com/azure/role-based-access-control/scope-overview",
    ],
    needs: &[Facet::RoleAssignments, Facet::ManagementGroups],
    check,
};

/// The most assignments that a finding lists.
const MAX_LISTED: usize = 50;

fn check(audit: &Audit<'_>) -> Outcome {
    let most = audit.policy.thresholds.inherited_assignments;
    let mut at_groups = assignments(audit);
    at_groups.retain(|one| is_management_group(&one.scope));
    let subscriptions = audit.facts.subscriptions.iter().filter_map(|subscription| {
        let chain: Vec<ArmId> = audit.world.chain(&subscription.id);
        let inherited: Vec<&Assignment> = at_groups.iter().copied().filter(|one| chain.contains(&one.scope)).collect();
        let message = format!(
            "{} inherits {} role assignments from management groups; more than {most} are too many",
            subscription.name,
            inherited.len()
        );
        (inherited.len() > most).then(|| Violation {
            scope: subscription.id.clone(),
            principal: None,
            subject: None,
            severity: None,
            message,
            evidence: inherited.iter().take(MAX_LISTED).map(|one| listed(audit, one)).collect(),
            fix: Fix {
                portal: format!(
                    "{} > Access control (IAM) > Role assignments, grouped by scope: assign in the subscriptions that \
                     need it, and remove the assignments at the management groups",
                    subscription.id
                ),
                ..Fix::default()
            },
        })
    });
    subscriptions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::READER;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, LANDING, S1, TENANT};

    fn inherited(number: usize) -> Estate {
        let scopes = [LANDING, TENANT].into_iter().cycle().take(number);
        scopes.fold(Estate::clean(), |estate, scope| estate.assign("operators", READER, scope))
    }

    #[test]
    fn four_from_the_groups_above_are_too_many_and_three_are_not() {
        assert_eq!(inherited(4).found(&RULE), ["/subscriptions/s1 - -"]);
        assert_eq!(inherited(3).verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn the_root_the_subscription_itself_and_other_groups_do_not_count() {
        let estate = inherited(3).assign("operators", READER, "/").assign("operators", READER, S1);
        let estate = estate.assign("operators", READER, "/providers/Microsoft.Management/managementGroups/other");
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn where_the_groups_above_are_not_known_it_is_unknown() {
        let estate = inherited(0).forbidden(Facet::ManagementGroups, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Unknown);
    }
}
