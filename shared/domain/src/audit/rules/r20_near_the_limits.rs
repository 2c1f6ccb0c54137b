//! Soon nothing more can be assigned.

use super::helpers::{by_subscription, custom_roles, of_subscription};
use crate::ArmId;
use crate::access::Facet;
use crate::audit::{Audit, Evidence, Family, Fix, Outcome, Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    id: "R20",
    family: Family::Rbac,
    title: "Near the limit of role assignments or custom roles",
    severity: Severity::Low,
    rationale: "When the limit is reached nobody can be given access any more, whatever the need, until something is \
                removed.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/troubleshoot-limits",
        "https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits",
    ],
    needs: &[Facet::RoleAssignments, Facet::RoleDefinitions],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let limits = &audit.policy.thresholds;
    let is_near =
        |used: usize, limit: usize| used.saturating_mul(100) > limit.saturating_mul(limits.limit_share_percent);
    let all = by_subscription(audit);
    let subscriptions = audit.facts.subscriptions.iter().filter_map(|subscription| {
        let used = of_subscription(&all, &subscription.id).len();
        is_near(used, limits.assignment_limit).then(|| {
            let advice =
                "replace assignments to users by assignments to groups, and remove those to deleted principals";
            let message = format!("{} has {used} of {} role assignments", subscription.name, limits.assignment_limit);
            violation(subscription.id.clone(), "roleAssignments", message, used, advice)
        })
    });
    let roles = custom_roles(audit).count();
    let of_roles = is_near(roles, limits.custom_role_limit).then(|| {
        let message = format!("the tenant has {roles} of {} custom roles", limits.custom_role_limit);
        violation(ArmId::new("/"), "roleDefinitions", message, roles, "delete the custom roles that nobody holds")
    });
    subscriptions.chain(of_roles).collect()
}

fn violation(scope: ArmId, subject: &str, message: String, used: usize, advice: &str) -> Violation {
    Violation {
        fix: Fix { portal: format!("{scope} > Access control (IAM): {advice}"), ..Fix::default() },
        scope,
        principal: None,
        subject: Some(subject.to_owned()),
        severity: None,
        message,
        evidence: vec![Evidence::new(subject, used.to_string())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::READER;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, RG, S1, TENANT};

    fn estate(assignments: usize, roles: usize) -> Estate {
        let estate = Estate::bare().group("g", &[]).policy(|policy| {
            policy.thresholds.assignment_limit = 10;
            policy.thresholds.custom_role_limit = 5;
        });
        let estate = (0..assignments).fold(estate, |estate, _| estate.assign("g", READER, RG));
        (0..roles).fold(estate, |estate, at| estate.role(&format!("r{at}"), &["A/read"], &[], &[], &[S1]))
    }

    #[test]
    fn more_than_the_share_is_reported_and_the_share_itself_is_not() {
        assert_eq!(estate(9, 0).found(&RULE), ["/subscriptions/s1 - roleAssignments"]);
        assert_eq!(estate(8, 5).found(&RULE), ["/ - roleDefinitions"]);
        assert_eq!(estate(8, 4).verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn assignments_above_the_subscription_do_not_count() {
        assert_eq!(estate(8, 0).assign("g", READER, TENANT).assign("g", READER, "/").verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn what_is_listed_twice_counts_once() {
        let twice = estate(5, 0).with(|facts| facts.assignments.extend(facts.assignments.clone()));
        assert_eq!(twice.verdict(&RULE), Verdict::Pass);
        let twice = estate(0, 3).with(|facts| facts.definitions.extend(facts.definitions.clone()));
        assert_eq!(twice.verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn where_assignments_were_not_read_it_is_unknown() {
        assert_eq!(estate(1, 0).forbidden(Facet::RoleAssignments, S1).verdict(&RULE), Verdict::Unknown);
    }
}
