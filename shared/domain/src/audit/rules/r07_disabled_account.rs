//! A role that waits for an account to be enabled again.

use super::grants::grants_whose_role;
use super::helpers::{
    UsersReached, disabled, is_disabled, is_entitling, is_role_unseen, member_violation, name_of, role_of,
};
use crate::access::{Effective, Facet};
use crate::audit::{Audit, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R07",
    family: Family::Rbac,
    title: "Disabled account holds a role",
    severity: Severity::High,
    rationale: "An account is disabled when somebody leaves or is suspected. Whoever enables it again gets back what it \
                held, and nobody decides anew.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/role-assignments-remove",
        "https://learn.microsoft.com/entra/identity/users/users-revoke-access",
    ],
    needs: &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::Principals, Facet::GroupMembers],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut reach = UsersReached::of_those(|object| disabled(object) != Some(false));
    for grant in grants_whose_role(audit, |grant| !is_entitling(grant)) {
        for user in reach.of(audit, grant, &mut outcome) {
            judge(audit, &mut outcome, grant, user);
        }
    }
    outcome
}

fn judge(audit: &Audit<'_>, outcome: &mut Outcome, grant: &Effective<'_>, user: &str) {
    let who = name_of(audit, user);
    let mut note = |line: String| {
        if !outcome.unknown.contains(&line) {
            outcome.unknown.push(line);
        }
    };
    match is_disabled(audit, user) {
        Some(false) => {}
        Some(true) if is_role_unseen(audit, grant) => {
            note(format!("what role {} grants to the disabled account {who} could not be read", grant.role));
        }
        Some(true) => {
            let message = format!("the disabled account {who} holds {} at {}", role_of(grant), grant.scope);
            outcome.violations.push(member_violation(audit, grant, user, message));
        }
        None => note(format!("whether the account {who} is enabled could not be read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, GROUP, S1};

    #[test]
    fn disabled_accounts_are_found_by_themselves_and_in_groups_whatever_the_role() {
        let estate = Estate::bare()
            .disabled("dan")
            .user("ann")
            .group("g", &["dan", "ann"])
            .assign("g", builtin::READER, S1)
            .assign("dan", "deleted-role", S1);
        assert_eq!(estate.found(&RULE), [format!("{S1} dan {}", builtin::READER), format!("{S1} dan deleted-role")]);
    }

    #[test]
    fn enabled_accounts_deleted_ones_and_the_use_of_applications_are_none_of_it() {
        let estate = Estate::clean().disabled("dan").assign("dan", builtin::DESKTOP_VIRTUALIZATION_USER, GROUP);
        assert_eq!(estate.deleted("gone").assign("gone", builtin::READER, S1).verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn an_account_of_which_the_state_is_not_known_makes_it_unknown() {
        let estate = Estate::clean().unclear("uma").assign("uma", builtin::READER, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Unknown);
        assert_eq!(estate.check(&RULE).unknown, ["whether the account User uma is enabled could not be read"]);
        let unread =
            Estate::clean().disabled("dan").assign("dan", "some-role", S1).forbidden(Facet::RoleDefinitions, S1);
        assert_eq!(unread.verdict(&RULE), Verdict::Unknown);
    }
}
