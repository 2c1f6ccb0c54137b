//! Somebody from elsewhere who manages, or looks at, what is here.

use super::grants::grants_whose_role;
use super::helpers::{UsersReached, guest, is_entitling, is_guest, member_violation, name_of, note_opaque, role_of};
use super::r03_power_on_a_user::POWER;
use crate::access::{Effective, Facet};
use crate::audit::{Audit, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R06",
    family: Family::Rbac,
    title: "Guest with a role over resources",
    severity: Severity::High,
    rationale: "A guest's account is another organisation's to protect and to close: what it may change, or see, here \
                outlives the cooperation that it was given for.",
    references: &["https://learn.microsoft.com/azure/role-based-access-control/role-assignments-external-users"],
    needs: &[
        Facet::RoleAssignments,
        Facet::RoleDefinitions,
        Facet::PimActive,
        Facet::PimEligible,
        Facet::Principals,
        Facet::GroupMembers,
    ],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut reach = UsersReached::of_those(|object| guest(object) != Some(false));
    let judged = |grant: &Effective<'_>| {
        !is_entitling(grant) && !POWER.contains(&grant.role.as_str()) && has_control_actions(grant)
    };
    for grant in grants_whose_role(audit, judged) {
        for user in reach.of(audit, grant, &mut outcome) {
            match is_guest(audit, user) {
                Some(true) => {
                    let (who, role) = (name_of(audit, user), role_of(grant));
                    let writes = writes(grant);
                    let what = if writes { "change" } else { "read" };
                    let message = format!("guest {who} can {what} what is at {} and below, by {role}", grant.scope);
                    let mut violation = member_violation(audit, grant, user, message);
                    violation.severity = Some(if writes { Severity::High } else { Severity::Low });
                    outcome.violations.push(violation);
                }
                Some(false) => {}
                None => note_opaque(&mut outcome, audit, [user]),
            }
        }
    }
    outcome
}

/// Whether a grant's role is about resources themselves, and not only about data in them.
fn has_control_actions(grant: &Effective<'_>) -> bool {
    actions(grant).next().is_some()
}

/// Whether a role does more than read. Support requests change nothing.
fn writes(grant: &Effective<'_>) -> bool {
    const READ: &str = "/read";
    const SUPPORT: &str = "microsoft.support/";
    let mut patterns = actions(grant).map(str::to_ascii_lowercase);
    patterns.any(|pattern| !pattern.ends_with(READ) && !pattern.starts_with(SUPPORT))
}

fn actions<'g>(grant: &'g Effective<'_>) -> impl Iterator<Item = &'g str> {
    let blocks = grant.definition.into_iter().flat_map(|definition| &definition.permissions);
    blocks.flat_map(|block| &block.actions).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, GROUP, RG, S1};

    #[test]
    fn writing_is_high_and_reading_is_low() {
        let estate = Estate::bare()
            .guest("gus")
            .group("g", &["gus"])
            .role("viewer", &["*/Read", "Microsoft.Support/*"], &[], &[], &[S1])
            .assign("g", builtin::CONTRIBUTOR, RG)
            .assign("gus", "viewer", S1);
        let found: Vec<_> =
            estate.check(&RULE).violations.into_iter().map(|one| (one.subject.unwrap(), one.severity)).collect();
        let expected =
            [(builtin::CONTRIBUTOR.to_owned(), Some(Severity::High)), ("viewer".to_owned(), Some(Severity::Low))];
        assert_eq!(found, expected);
        assert_eq!(estate.found(&RULE), [format!("{S1} gus viewer"), format!("{RG} gus {}", builtin::CONTRIBUTOR)]);
    }

    #[test]
    fn using_applications_power_data_roles_and_members_are_none_of_it() {
        let estate = Estate::clean()
            .guest("gus")
            .assign("gus", builtin::DESKTOP_VIRTUALIZATION_USER, GROUP)
            .assign("gus", builtin::OWNER, S1)
            .assign("gus", builtin::VIRTUAL_MACHINE_USER_LOGIN, S1)
            .assign("gus", "deleted-role", S1)
            .user("ann")
            .assign("ann", builtin::READER, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn a_group_that_could_not_be_seen_makes_it_unknown() {
        let estate = Estate::clean().opaque_group("g").assign("g", builtin::READER, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Unknown);
        assert_eq!(Estate::clean().forbidden(Facet::RoleDefinitions, S1).verdict(&RULE), Verdict::Unknown);
    }
}
