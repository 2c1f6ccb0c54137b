//! People who hold the role with which the service creates hosts.

use super::grants::{grants_whose_role, listed};
use super::helpers::{kind_of, name_of, named, note_opaque, role_of, users_of, violation_of};
use crate::access::{Facet, builtin};
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R36",
    family: Family::Rbac,
    title: "People hold Desktop Virtualization Virtual Machine Contributor",
    severity: Severity::High,
    rationale: "The role is made for the service. It runs commands as the system of every host below, retrieves \
                registration tokens and replaces machines, which amounts to every session of every user.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/rbac",
        "https://learn.microsoft.com/azure/virtual-machines/run-command-overview",
    ],
    needs: &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::Principals, Facet::GroupMembers],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    for grant in grants_whose_role(audit, |grant| grant.role == builtin::AVD_VIRTUAL_MACHINE_CONTRIBUTOR) {
        let users = users_of(audit, grant);
        let is_user = kind_of(audit, grant.principal) == "User";
        if !is_user && users.ids.is_empty() {
            note_opaque(&mut outcome, audit, &users.opaque);
            continue;
        }
        let message =
            format!("{} holds {}, which is made for the service", named(audit, grant.principal), role_of(grant));
        let mut violation = violation_of(audit, grant, message);
        if !is_user {
            let members = users.ids.iter().map(|user| format!("{} ({user})", name_of(audit, user)));
            violation.evidence.push(Evidence::new("users in the group", listed(members)));
        }
        outcome.violations.push(violation);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::AVD_VIRTUAL_MACHINE_CONTRIBUTOR as ROLE;
    use crate::audit::testing::{Estate, RG, S1};

    fn estate() -> Estate {
        Estate::bare().user("ann").identity("robot", "Robot").group("inner", &["ann"])
    }

    #[test]
    fn users_and_groups_with_a_user_somewhere_in_them_are_reported() {
        let estate =
            estate().group("outer", &["robot", "inner"]).assign("outer", ROLE, RG).eligible("ann", ROLE, S1, None);
        assert_eq!(estate.found(&RULE), [format!("{S1} ann {ROLE}"), format!("{RG} outer {ROLE}")]);
        let evidence = &estate.check(&RULE).violations[0].evidence;
        assert_eq!(evidence.last().unwrap().value, "User ann (ann)");
    }

    #[test]
    fn services_groups_of_services_and_other_roles_are_fine() {
        let estate = estate().group("robots", &["robot"]).assign("robot", ROLE, RG).assign("robots", ROLE, RG).assign(
            "ann",
            builtin::CONTRIBUTOR,
            RG,
        );
        assert_eq!(estate.check(&RULE), Outcome::default());
    }

    #[test]
    fn a_group_whose_members_could_not_be_read_might_hold_people() {
        let outcome = estate().opaque_group("dark").assign("dark", ROLE, RG).check(&RULE);
        assert!(outcome.violations.is_empty());
        assert_eq!(outcome.unknown, ["members of group Group dark could not be read"]);
    }
}
