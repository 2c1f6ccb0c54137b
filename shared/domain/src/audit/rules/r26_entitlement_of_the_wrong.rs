//! The right to open desktops and RemoteApps, held by guests, by accounts that are disabled, or by nobody any more.

use super::grants::grants_whose_role;
use super::helpers::{
    EffectiveUsers, disabled, guest, is_deleted, is_disabled, is_entitling, is_guest, member_violation, name_of,
    note_opaque, role_of, users_who, violation_of,
};
use crate::access::{DirectoryObject, Effective, Facet};
use crate::audit::{Audit, Family, Outcome, Rule, Severity};
use std::collections::HashMap;

pub(super) const RULE: Rule = Rule {
    id: "R26",
    family: Family::Rbac,
    title: "A guest, a disabled or a deleted account is entitled to desktops or RemoteApps",
    severity: Severity::High,
    rationale: "Guests bring accounts that another tenant looks after, a disabled account is one click from being used \
                again, and what a deleted one held stays behind unseen.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/prerequisites",
        "https://learn.microsoft.com/azure/role-based-access-control/troubleshooting",
        "https://learn.microsoft.com/entra/identity/users/users-restrict-guest-permissions",
    ],
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

/// Those of a principal's users whom the rule is about: group members are gone through once, however many grants the
/// group holds.
struct Wrong {
    users: Vec<(String, &'static str)>,
}

fn check(audit: &Audit<'_>) -> Outcome {
    let (mut outcome, mut known) = (Outcome::default(), HashMap::new());
    for grant in grants_whose_role(audit, is_entitling) {
        if is_deleted(audit, grant.principal) {
            let message = format!("{}, who is deleted, holds {}", grant.principal.id, role_of(grant));
            outcome.violations.push(violation_of(audit, grant, message));
            continue;
        }
        let wrong =
            known.entry(grant.principal.id.as_str()).or_insert_with(|| wrong_users(audit, grant, &mut outcome.unknown));
        outcome.violations.extend(wrong.users.iter().map(|(user, what)| {
            let message = format!("{}, {what}, is entitled through {}", name_of(audit, user), role_of(grant));
            member_violation(audit, grant, user, message)
        }));
    }
    outcome
}

fn wrong_users(audit: &Audit<'_>, grant: &Effective<'_>, unknown: &mut Vec<String>) -> Wrong {
    let is_in_question =
        |object: Option<&DirectoryObject>| (guest(object), disabled(object)) != (Some(false), Some(false));
    let EffectiveUsers { ids, opaque, .. } = users_who(audit, grant, is_in_question);
    let mut noted = Outcome { unknown: std::mem::take(unknown), ..Outcome::default() };
    note_opaque(&mut noted, audit, &opaque);
    *unknown = noted.unknown;
    let mut wrong = Wrong { users: Vec::new() };
    for user in ids {
        match (is_guest(audit, &user), is_disabled(audit, &user)) {
            (Some(true), Some(true)) => wrong.users.push((user, "a guest whose account is disabled")),
            (Some(true), _) => wrong.users.push((user, "a guest")),
            (_, Some(true)) => wrong.users.push((user, "whose account is disabled")),
            (Some(_), Some(_)) => {}
            _ => unknown.push(format!("whether {} can sign in, could not be read", name_of(audit, &user))),
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::{DESKTOP_VIRTUALIZATION_USER as USER, OWNER};
    use crate::audit::testing::{Estate, GROUP, S1};

    fn estate() -> Estate {
        Estate::bare().user("ann").guest("gus").disabled("dan").group("inner", &["gus", "dan", "ann"])
    }

    #[test]
    fn guests_and_disabled_accounts_are_found_however_deep_and_deleted_ones_by_their_own_grants() {
        let estate = estate()
            .group("outer", &["inner"])
            .deleted("gone")
            .assign("outer", USER, GROUP)
            .assign("gone", USER, GROUP)
            .eligible("gus", USER, S1, None);
        let expected = [
            format!("{GROUP} dan {USER}"),
            format!("{GROUP} gone {USER}"),
            format!("{GROUP} gus {USER}"),
            format!("{S1} gus {USER}"),
        ];
        let found = estate.found(&RULE);
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected);
        let violations = estate.check(&RULE).violations;
        let dan = violations.iter().find(|one| one.principal.as_deref() == Some("dan")).unwrap();
        assert!(dan.evidence.iter().any(|one| one.what == "through groups" && one.value.contains("inner")), "{dan:?}");
        assert_eq!(dan.fix.az.as_deref(), Some("az ad group member remove --group 'inner' --member-id 'dan'"));
    }

    #[test]
    fn a_group_with_several_grants_is_reported_for_each() {
        let other = format!("{GROUP}2");
        let estate = estate().assign("inner", USER, GROUP).assign("inner", USER, &other);
        assert_eq!(estate.found(&RULE).len(), 4);
    }

    #[test]
    fn members_who_can_sign_in_and_other_roles_are_fine() {
        let estate = estate()
            .group("fine", &["ann"])
            .deleted("gone")
            .assign("fine", USER, GROUP)
            .assign("inner", OWNER, GROUP)
            .assign("gone", OWNER, GROUP);
        assert_eq!(estate.check(&RULE), Outcome::default());
    }

    #[test]
    fn members_and_accounts_that_could_not_be_seen_leave_it_open() {
        let estate = estate()
            .opaque_group("dark")
            .unclear("una")
            .assign("dark", USER, GROUP)
            .assign("dark", USER, S1)
            .assign("una", USER, GROUP);
        let outcome = estate.check(&RULE);
        assert!(outcome.violations.is_empty());
        let expected =
            ["members of group Group dark could not be read", "whether User una can sign in, could not be read"];
        assert_eq!(outcome.unknown, expected);
    }
}
