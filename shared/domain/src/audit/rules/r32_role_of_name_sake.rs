//! The service's roles, given to an application of nearly the same name.

use super::avd::{Service, note_faceless, services};
use super::helpers::{named, role_of, violation_of};
use super::r31_avd_service_with_more::ROLES_OF_SERVICE;
use super::remedy::{Grantee, Place, assign, then};
use crate::access::{Facet, builtin};
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R32",
    family: Family::Rbac,
    title: "A role for Azure Virtual Desktop is held by its name-sake",
    severity: Severity::Medium,
    rationale: "A tenant that used Azure Virtual Desktop (classic) has several applications of the same name. Only the one \
                with application id 9cdead84-a844-4324-93f2-b2e6bb768d07 starts hosts: the role is lost on the others.",
    references: &["https://learn.microsoft.com/azure/virtual-desktop/service-principal-assign-roles"],
    needs: &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::Principals],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let services = services(audit);
    let is_name_sake = |id: &str| services.get(id) == Some(&Service::NameSake);
    let misplaced = audit
        .world
        .grants()
        .iter()
        .filter(|grant| ROLES_OF_SERVICE.contains(&grant.role.as_str()) && is_name_sake(&grant.principal.id));
    let violations = misplaced.map(|grant| {
        let message = format!(
            "{} holds {} and is not the application that starts and stops virtual machines",
            named(audit, grant.principal),
            role_of(grant)
        );
        let mut violation = violation_of(audit, grant, message);
        violation.evidence.push(Evidence::new("the right application", builtin::AVD_APPLICATION));
        let right = Grantee::Application(builtin::AVD_APPLICATION);
        violation.fix = then(assign(right, &grant.role, &role_of(grant), Place::At(grant.scope)), violation.fix);
        violation
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
        Estate::bare().application("avd", "Azure Virtual Desktop", builtin::AVD_APPLICATION).application(
            "classic",
            "Azure Virtual Desktop",
            builtin::AVD_NAME_SAKES[2],
        )
    }

    #[test]
    fn the_services_roles_are_lost_on_its_name_sakes() {
        let estate = estate().assign("classic", builtin::POWER_ON_OFF_CONTRIBUTOR, S1).eligible(
            "classic",
            builtin::POWER_ON_CONTRIBUTOR,
            RG,
            None,
        );
        let expected = [
            format!("{RG} classic {}", builtin::POWER_ON_CONTRIBUTOR),
            format!("{S1} classic {}", builtin::POWER_ON_OFF_CONTRIBUTOR),
        ];
        let found = estate.found(&RULE);
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected);
        let az = estate.check(&RULE).violations.remove(0).fix.az.unwrap();
        let (give, take) = az.split_once(" &&\n").unwrap();
        assert!(give.contains("9cdead84") && take.starts_with("az role assignment delete --ids"), "{az}");
    }

    #[test]
    fn the_service_may_hold_them_and_other_roles_are_another_rules_business() {
        let estate =
            estate().assign("avd", builtin::POWER_ON_OFF_CONTRIBUTOR, S1).assign("classic", builtin::CONTRIBUTOR, S1);
        assert_eq!(estate.check(&RULE), Outcome::default());
    }

    #[test]
    fn a_service_principal_that_nobody_could_look_up_might_be_a_name_sake() {
        let estate = estate().assign("unseen", builtin::POWER_ON_CONTRIBUTOR, S1).with(|facts| {
            facts.assignments[0].principal.kind = "ServicePrincipal".to_owned();
        });
        let outcome = estate.check(&RULE);
        assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{outcome:?}");
    }
}
