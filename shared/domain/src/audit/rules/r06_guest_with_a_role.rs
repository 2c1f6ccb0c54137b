//! Somebody from elsewhere who manages, or looks at, what is here.

use super::helpers::{is_entitling, is_guest, member_violation, name_of, note_opaque, role_of, users_of};
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
    let judged = |grant: &&Effective<'_>| !is_entitling(grant) && !POWER.contains(&grant.role.as_str());
    for grant in audit.world.grants().iter().filter(judged) {
        let Some(writes) = writes(grant) else { continue };
        let users = users_of(audit, grant);
        note_opaque(&mut outcome, audit, &users.opaque);
        for user in &users.ids {
            match is_guest(audit, user) {
                Some(true) => {
                    let (who, role) = (name_of(audit, user), role_of(grant));
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

/// Whether a role does more than read; nothing for a role without control actions. Support requests change nothing.
fn writes(grant: &Effective<'_>) -> Option<bool> {
    const READ: &str = "/read";
    const SUPPORT: &str = "microsoft.support/";
    let blocks = grant.definition?.permissions.iter();
    let mut patterns = blocks.flat_map(|block| &block.actions).map(|pattern| pattern.to_ascii_lowercase()).peekable();
    patterns.peek()?;
    Some(patterns.any(|pattern| !pattern.ends_with(READ) && !pattern.starts_with(SUPPORT)))
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
