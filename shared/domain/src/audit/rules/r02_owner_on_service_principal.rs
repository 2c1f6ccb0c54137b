//! A secret that owns a subscription.

use super::helpers::{kind_of, mend, named, violation_of};
use crate::access::{Facet, builtin};
use crate::audit::{Audit, Family, Outcome, Rule, Severity, fix};

pub(super) const RULE: Rule = Rule {
    id: "R02",
    family: Family::Rbac,
    title: "Owner held by a service principal or managed identity",
    severity: Severity::Critical,
    rationale: "Whoever steals its one secret, or runs code where its identity is, owns everything below the scope and \
                can give it to others.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/best-practices",
        "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identity-best-practice-recommendations",
    ],
    needs: &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::Principals],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let owners = audit.world.grants().iter().filter(|grant| grant.role == builtin::OWNER);
    let services = owners.filter(|grant| kind_of(audit, grant.principal) == "ServicePrincipal");
    services
        .map(|grant| {
            let message = format!("{} holds Owner at {}", named(audit, grant.principal), grant.scope);
            let mut violation = violation_of(audit, grant, message);
            let kind = kind_of(audit, grant.principal);
            violation.fix =
                mend(audit, grant, |grant| fix::replace(grant, kind, builtin::CONTRIBUTOR, "Contributor", grant.scope));
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
    fn every_owner_that_is_an_application_or_identity_is_reported_wherever_it_is() {
        let estate = Estate::bare()
            .application("app", "Deployer", "app-1")
            .identity("robot", "robot")
            .assign("app", builtin::OWNER, S1)
            .eligible("robot", builtin::OWNER, RG, None);
        let owner = builtin::OWNER;
        assert_eq!(estate.found(&RULE), [format!("{S1} app {owner}"), format!("{RG} robot {owner}")]);
        assert_eq!(
            estate.check(&RULE).violations[0].message,
            "service principal Deployer holds Owner at /subscriptions/s1"
        );
    }

    #[test]
    fn what_the_directory_does_not_know_is_taken_by_the_assignment() {
        let estate = Estate::bare().assign("x", builtin::OWNER, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        let estate = estate.with(|facts| facts.assignments[0].principal.kind = "servicePrincipal".to_owned());
        assert_eq!(estate.verdict(&RULE), Verdict::Fail);
    }

    #[test]
    fn users_groups_and_other_roles_are_none_of_it() {
        let estate = Estate::clean().identity("robot", "robot").assign("robot", builtin::CONTRIBUTOR, S1);
        let estate = estate.user("ann").assign("ann", builtin::OWNER, S1).assign("owners", builtin::OWNER, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.forbidden(Facet::PimActive, S1).verdict(&RULE), Verdict::Unknown);
    }

    #[test]
    fn what_a_deleted_identity_holds_is_taken_away_and_replaced_by_nothing() {
        let estate = Estate::bare().deleted("gone").assign("gone", builtin::OWNER, S1);
        let estate = estate.with(|facts| facts.assignments[0].principal.kind = "ServicePrincipal".to_owned());
        let az = estate.check(&RULE).violations.remove(0).fix.az.unwrap();
        assert!(az.starts_with("az role assignment delete --ids "), "{az}");
    }
}
