//! Power that is given to a person and not to a group.

use super::helpers::{kind_of, mend, named, role_of, violation_of};
use super::standing::Standing;
use crate::access::{Facet, builtin};
use crate::audit::{Audit, Family, Outcome, Rule, Severity, fix};

pub(super) const RULE: Rule = Rule {
    id: "R03",
    family: Family::Rbac,
    title: "Owner or User Access Administrator held by a user instead of a group",
    severity: Severity::High,
    rationale: "What is given to single users is overlooked when they change duties: access reviews and leavers' lists \
                work on groups.",
    references: &["https://learn.microsoft.com/azure/role-based-access-control/best-practices"],
    needs: &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::Principals],
    check,
};

/// The roles that give power over who may do what.
pub(super) const POWER: [&str; 3] = [builtin::OWNER, builtin::USER_ACCESS_ADMINISTRATOR, builtin::RBAC_ADMINISTRATOR];

fn check(audit: &Audit<'_>) -> Outcome {
    let mut standing = Standing::new(audit);
    let power = audit.world.grants().iter().filter(|grant| POWER.contains(&grant.role.as_str()));
    let held_by_users = power.filter(|grant| kind_of(audit, grant.principal) == "User");
    held_by_users
        .map(|grant| {
            let (who, role) = (named(audit, grant.principal), role_of(grant));
            let mut violation = violation_of(audit, grant, format!("{who} holds {role} directly at {}", grant.scope));
            violation.fix = mend(audit, grant, |grant| standing.with_caution(grant, fix::move_to_group(grant)));
            violation
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, RG, S1};

    #[test]
    fn users_with_power_are_reported_guests_and_eligible_ones_too() {
        let estate = Estate::bare()
            .user("ann")
            .guest("gus")
            .assign("ann", builtin::USER_ACCESS_ADMINISTRATOR, RG)
            .eligible("gus", builtin::OWNER, S1, None)
            .activated("ann", builtin::RBAC_ADMINISTRATOR, S1);
        let expected = [
            format!("{S1} ann {}", builtin::RBAC_ADMINISTRATOR),
            format!("{S1} gus {}", builtin::OWNER),
            format!("{RG} ann {}", builtin::USER_ACCESS_ADMINISTRATOR),
        ];
        assert_eq!(estate.found(&RULE), expected);
        let message = format!("guest User gus holds Owner directly at {S1}");
        assert!(estate.check(&RULE).violations.iter().any(|one| one.message == message));
    }

    #[test]
    fn groups_service_principals_and_lesser_roles_are_none_of_it() {
        let estate = Estate::clean().user("ann").assign("ann", builtin::CONTRIBUTOR, S1).identity("robot", "robot");
        let estate = estate.assign("robot", builtin::OWNER, S1).assign("owners", builtin::OWNER, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.forbidden(Facet::Principals, "/").verdict(&RULE), Verdict::Unknown);
    }

    #[test]
    fn what_a_deleted_user_holds_is_taken_away_and_given_to_nobody() {
        let estate = Estate::bare().deleted("gone").assign("gone", builtin::OWNER, S1);
        let az = estate.check(&RULE).violations.remove(0).fix.az.unwrap();
        assert!(az.starts_with("az role assignment delete --ids "), "{az}");
    }
}
