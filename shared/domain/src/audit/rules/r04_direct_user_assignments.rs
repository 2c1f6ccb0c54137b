//! Many small exceptions.

use super::helpers::{assignments, kind_of, listed};
use crate::access::{Assignment, Facet};
use crate::audit::{Audit, Family, Fix, Outcome, Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    id: "R04",
    family: Family::Rbac,
    title: "Many role assignments to single users",
    severity: Severity::Medium,
    rationale: "Assignments to users instead of groups pile up: nobody reviews them, they outlive their purpose, and \
                they use up the subscription's limit.",
    references: &["https://learn.microsoft.com/azure/role-based-access-control/best-practices"],
    needs: &[Facet::RoleAssignments, Facet::Principals],
    check,
};

/// The most assignments that a finding lists.
const MAX_LISTED: usize = 50;

fn check(audit: &Audit<'_>) -> Outcome {
    let most = audit.policy.thresholds.direct_user_assignments;
    let all = assignments(audit);
    let subscriptions = audit.facts.subscriptions.iter().filter_map(|subscription| {
        let here = all.iter().copied().filter(|one| one.scope.is_within(&subscription.id));
        let to_users: Vec<&Assignment> = here.filter(|one| kind_of(audit, &one.principal) == "User").collect();
        let message = format!(
            "{} role assignments in {} are to single users; more than {most} are too many to keep track of",
            to_users.len(),
            subscription.name
        );
        (to_users.len() > most).then(|| Violation {
            scope: subscription.id.clone(),
            principal: None,
            subject: None,
            severity: None,
            message,
            evidence: to_users.iter().take(MAX_LISTED).map(|one| listed(audit, one)).collect(),
            fix: Fix {
                portal: format!(
                    "{} > Access control (IAM) > Role assignments: assign the roles to groups, put the users in, and \
                     remove the assignments to users",
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
    use crate::audit::testing::{Estate, RG, S1, TENANT};

    fn readers(number: usize) -> Estate {
        (0..number).fold(Estate::bare().user("ann"), |estate, at| estate.assign("ann", READER, &format!("{RG}-{at}")))
    }

    #[test]
    fn six_in_a_subscription_are_too_many_and_five_are_not() {
        assert_eq!(readers(6).found(&RULE), ["/subscriptions/s1 - -"]);
        assert_eq!(readers(5).verdict(&RULE), Verdict::Pass);
        assert_eq!(
            readers(6).policy(|policy| policy.thresholds.direct_user_assignments = 6).verdict(&RULE),
            Verdict::Pass
        );
    }

    #[test]
    fn groups_eligible_users_and_assignments_above_and_elsewhere_do_not_count() {
        let estate = readers(5).group("g", &["ann"]).subscription("s2");
        let estate = estate.assign("g", READER, S1).eligible("ann", READER, S1, None).assign("ann", READER, TENANT);
        assert_eq!(estate.assign("ann", READER, "/subscriptions/s2").verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn where_assignments_were_not_read_nobody_says_that_they_are_few() {
        assert_eq!(readers(5).forbidden(Facet::RoleAssignments, S1).verdict(&RULE), Verdict::Unknown);
    }
}
