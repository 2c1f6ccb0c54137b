//! Power that is there all the time.

use super::grants::grants_whose_role;
use super::helpers::{is_privileged, kind_of, mend, named, role_of, violation_of};
use super::standing::Standing;
use crate::access::Facet;
use crate::audit::{Audit, Family, Outcome, Rule, Severity, fix};

pub(super) const RULE: Rule = Rule {
    id: "R17",
    family: Family::Rbac,
    title: "Privileged role held all the time",
    severity: Severity::Medium,
    rationale: "Power that is activated when it is needed, for hours and with a reason, is not there when an account is \
                stolen.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/pim-integration",
        "https://learn.microsoft.com/entra/id-governance/privileged-identity-management/pim-resource-roles-assign-roles",
    ],
    needs: &[Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let (mut outcome, mut standing) = (Outcome::default(), Standing::new(audit));
    let privileged = grants_whose_role(audit, is_privileged).into_iter();
    for grant in privileged.filter(|grant| Standing::is_meant(grant)) {
        let (who, role) = (named(audit, grant.principal), role_of(grant));
        // For how long is all that this is about.
        if !standing.is_told(grant) {
            let line = format!("whether {who} holds {role} at {} all the time or only for now", grant.scope);
            outcome.unknown.push(format!("{line}, could not be read"));
            continue;
        }
        let message = format!("{who} holds {role} at {} all the time", grant.scope);
        let mut violation = violation_of(audit, grant, message);
        // Nothing but users and groups can activate a role.
        if matches!(kind_of(audit, grant.principal), "User" | "Group") {
            violation.fix = mend(audit, grant, fix::make_eligible);
        }
        outcome.violations.push(violation);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{AssignmentType, builtin};
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, RG, S1};

    #[test]
    fn standing_power_is_reported_that_of_custom_roles_too() {
        let estate = Estate::bare()
            .group("g", &[])
            .role("giver", &["Microsoft.Authorization/roleAssignments/*"], &[], &[], &[S1])
            .assign("g", "giver", RG)
            .assign("g", builtin::RBAC_ADMINISTRATOR, S1);
        assert_eq!(estate.found(&RULE), [format!("{S1} g {}", builtin::RBAC_ADMINISTRATOR), format!("{RG} g giver")]);
        let fix = estate.check(&RULE).violations.remove(0).fix;
        assert!(fix.az.unwrap().contains("AdminAssign"));
    }

    #[test]
    fn an_assignment_that_an_activation_is_seen_as_does_not_stand() {
        let estate = Estate::clean().activated("owners", builtin::OWNER, S1).assign("owners", builtin::OWNER, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Fail);
        let origin = |estate: Estate, kind: AssignmentType| {
            estate.with(|facts| {
                let assignment = facts.assignments.last().unwrap().id.clone();
                let instance = facts.pim.last_mut().unwrap();
                instance.origin = Some(assignment);
                instance.assignment_type = Some(kind);
            })
        };
        assert_eq!(origin(estate.clone(), AssignmentType::Activated).verdict(&RULE), Verdict::Pass);
        assert_eq!(origin(estate, AssignmentType::Assigned).verdict(&RULE), Verdict::Fail);
    }

    #[test]
    fn eligible_owners_and_contributors_are_none_of_it() {
        let estate = Estate::clean().assign("operators", builtin::CONTRIBUTOR, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.forbidden(Facet::PimActive, S1).verdict(&RULE), Verdict::Unknown);
    }

    #[test]
    fn an_assignment_of_which_nobody_tells_for_how_long_it_is_there_is_not_called_standing() {
        let estate = Estate::bare().user("ann").assign("ann", builtin::OWNER, S1);
        assert_eq!(estate.found(&RULE).len(), 1);
        let unread = estate.forbidden(Facet::PimActive, S1);
        let outcome = unread.check(&RULE);
        assert!(outcome.violations.is_empty(), "{outcome:?}");
        let line = format!("whether user User ann holds Owner at {S1} all the time or only for now, could not be read");
        assert_eq!(outcome.unknown, [line]);
        let told = unread.activated("ann", builtin::OWNER, S1).with(|facts| {
            facts.pim[0].origin = Some(facts.assignments[0].id.clone());
            facts.pim[0].assignment_type = Some(AssignmentType::Assigned);
        });
        assert_eq!(told.found(&RULE).len(), 1, "what was read of it tells");
    }
}
