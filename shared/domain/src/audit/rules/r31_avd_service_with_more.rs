//! Azure Virtual Desktop's service principals holding what the service has no use for.

use super::avd::{note_faceless, services};
use super::helpers::{named, role_of, violation_of};
use crate::access::{Facet, builtin};
use crate::audit::{Audit, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R31",
    family: Family::Rbac,
    title: "Azure Virtual Desktop's service principal holds more than it needs",
    severity: Severity::High,
    rationale: "The service starts and stops hosts, and for some features creates them: there is a role for each, and \
                whoever can make the service act gets whatever else it holds.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/service-principal-assign-roles",
        "https://learn.microsoft.com/azure/virtual-desktop/rbac",
    ],
    needs: &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::Principals],
    check,
};

/// The roles that exist for the service.
pub(super) const ROLES_OF_SERVICE: [&str; 3] =
    [builtin::POWER_ON_CONTRIBUTOR, builtin::POWER_ON_OFF_CONTRIBUTOR, builtin::AVD_VIRTUAL_MACHINE_CONTRIBUTOR];

fn check(audit: &Audit<'_>) -> Outcome {
    let services = services(audit);
    let held = audit.world.grants().iter().filter(|grant| services.contains_key(grant.principal.id.as_str()));
    let too_much = held.filter(|grant| !ROLES_OF_SERVICE.contains(&grant.role.as_str()));
    let violations = too_much.map(|grant| {
        let message = format!("{} of Azure Virtual Desktop holds {}", named(audit, grant.principal), role_of(grant));
        violation_of(audit, grant, message)
    });
    let mut outcome: Outcome = violations.collect();
    note_faceless(&mut outcome, audit);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::{Estate, RG, S1};

    fn estate() -> Estate {
        Estate::bare()
            .application("avd", "Azure Virtual Desktop", builtin::AVD_APPLICATION)
            .application("arm", "Azure Virtual Desktop ARM Provider", builtin::AVD_NAME_SAKES[1])
            .application("other", "Azure Virtual Desktop", "another-application")
    }

    #[test]
    fn any_other_role_is_too_much_for_the_service_and_its_name_sakes() {
        let estate = estate()
            .assign("avd", builtin::CONTRIBUTOR, RG)
            .eligible("avd", builtin::READER, S1, None)
            .assign("arm", "no-such-role", S1);
        let expected = [
            format!("{RG} avd {}", builtin::CONTRIBUTOR),
            format!("{S1} arm no-such-role"),
            format!("{S1} avd {}", builtin::READER),
        ];
        let found = estate.found(&RULE);
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn its_own_roles_are_fine_and_so_is_what_others_hold() {
        let estate = estate()
            .assign("avd", builtin::POWER_ON_CONTRIBUTOR, S1)
            .assign("avd", builtin::POWER_ON_OFF_CONTRIBUTOR, S1)
            .assign("avd", builtin::AVD_VIRTUAL_MACHINE_CONTRIBUTOR, S1)
            .assign("other", builtin::OWNER, S1);
        assert_eq!(estate.check(&RULE), Outcome::default());
    }

    #[test]
    fn a_service_principal_that_nobody_could_look_up_might_be_the_service() {
        let estate = estate().assign("unseen", builtin::OWNER, S1).with(|facts| {
            facts.assignments[0].principal.kind = "ServicePrincipal".to_owned();
        });
        let outcome = estate.check(&RULE);
        assert!(outcome.violations.is_empty());
        assert_eq!(outcome.unknown, ["which application service principal unseen is of, could not be read"]);
        assert!(estate.deleted("unseen").check(&RULE).unknown.is_empty());
    }
}
