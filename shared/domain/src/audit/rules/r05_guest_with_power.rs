//! Somebody from elsewhere who owns what is here.

use super::helpers::{UsersReached, guest, is_guest, member_violation, name_of, note_opaque, role_of};
use super::r03_power_on_a_user::POWER;
use crate::access::Facet;
use crate::audit::{Audit, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R05",
    family: Family::Rbac,
    title: "Guest with Owner or User Access Administrator",
    severity: Severity::Critical,
    rationale: "How a guest signs in, and what becomes of the account when its owner leaves, is another organisation's \
                business; with this role the guest can take over and let others in.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/role-assignments-external-users",
        "https://learn.microsoft.com/azure/role-based-access-control/best-practices",
    ],
    needs: &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::Principals, Facet::GroupMembers],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut reach = UsersReached::of_those(|object| guest(object) != Some(false));
    for grant in audit.world.grants().iter().filter(|grant| POWER.contains(&grant.role.as_str())) {
        for user in reach.of(audit, grant, &mut outcome) {
            match is_guest(audit, user) {
                Some(true) => {
                    let (who, role) = (name_of(audit, user), role_of(grant));
                    let message = format!("guest {who} holds {role} at {}", grant.scope);
                    outcome.violations.push(member_violation(audit, grant, user, message));
                }
                Some(false) => {}
                None => note_opaque(&mut outcome, audit, [user]),
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, S1};

    #[test]
    fn a_guest_is_found_however_deep_in_groups_and_the_way_is_told() {
        let estate = Estate::bare()
            .guest("gus")
            .user("ann")
            .group("inner", &["gus", "ann"])
            .group("outer", &["inner"])
            .eligible("outer", builtin::OWNER, S1, None)
            .assign("gus", builtin::RBAC_ADMINISTRATOR, S1);
        let expected = [format!("{S1} gus {}", builtin::OWNER), format!("{S1} gus {}", builtin::RBAC_ADMINISTRATOR)];
        assert_eq!(estate.found(&RULE), expected);
        let violations = estate.check(&RULE).violations;
        let through = violations.iter().find(|one| one.evidence.len() > 3).unwrap();
        assert_eq!(through.evidence[3].value, "User gus (gus) > Group inner (inner) > Group outer (outer)");
        assert_eq!(through.fix.az.as_deref(), Some("az ad group member remove --group 'inner' --member-id 'gus'"));
    }

    #[test]
    fn members_and_guests_with_lesser_roles_are_none_of_it() {
        let estate = Estate::clean().guest("gus").assign("gus", builtin::CONTRIBUTOR, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn a_group_or_person_that_could_not_be_seen_makes_it_unknown() {
        let hidden = Estate::clean().opaque_group("g").assign("g", builtin::OWNER, S1);
        assert_eq!(hidden.verdict(&RULE), Verdict::Unknown);
        let nobody = Estate::clean().assign("x", builtin::OWNER, S1);
        assert_eq!(nobody.verdict(&RULE), Verdict::Unknown);
        assert_eq!(nobody.deleted("x").verdict(&RULE), Verdict::Pass);
        assert_eq!(Estate::clean().forbidden(Facet::GroupMembers, "/").verdict(&RULE), Verdict::Unknown);
    }
}
