//! Who can read the token with which a virtual machine joins a host pool.

use super::avd::{is_faceless, services};
use super::grants::{Reach, grants_that_allow};
use super::helpers::{named, role_of, violation_of};
use super::standing::Standing;
use crate::access::{Action, Facet, builtin};
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity};
use std::collections::BTreeSet;

pub(super) const RULE: Rule = Rule {
    id: "R34",
    family: Family::Rbac,
    title: "Registration tokens can be retrieved at any time",
    severity: Severity::High,
    rationale: "Whoever has a registration token can add a machine of their own to the host pool, and people sign in to it \
                as if it were theirs. Only who deploys hosts needs it, and only while doing so.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/add-session-hosts-host-pool",
        "https://learn.microsoft.com/azure/virtual-desktop/rbac",
        "https://learn.microsoft.com/entra/id-governance/privileged-identity-management/pim-resource-roles-assign-roles",
    ],
    needs: &[
        Facet::RoleAssignments,
        Facet::RoleDefinitions,
        Facet::PimActive,
        Facet::Principals,
        Facet::DesktopVirtualization,
        Facet::ManagementGroups,
    ],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let pools = Reach::new(audit, audit.host_pools().map(|pool| &pool.id));
    let (services, mut unknown, mut terms) = (services(audit), BTreeSet::new(), Standing::new(audit));
    let holding = grants_that_allow(audit, &Action::control(builtin::RETRIEVE_REGISTRATION_TOKEN)).into_iter();
    let standing = holding.filter(|grant| {
        Standing::is_meant(grant)
            && !services.contains_key(grant.principal.id.as_str())
            && pools.is_concerned_by(grant.scope)
    });
    let violations = standing.filter_map(|grant| {
        let by = format!("{} at {}", role_of(grant), grant.scope);
        if is_faceless(audit, grant.principal) {
            let who = &grant.principal.id;
            unknown.insert(format!(
                "which application service principal {who} is of, which holds {by}, could not be read"
            ));
            return None;
        }
        let caveat = terms.caveat(grant);
        let when = if caveat.is_empty() { " at any time" } else { "" };
        let message = format!("{} can retrieve registration tokens{when}: {by}{caveat}", named(audit, grant.principal));
        let mut violation = violation_of(audit, grant, message);
        violation.evidence.push(Evidence::new("action", builtin::RETRIEVE_REGISTRATION_TOKEN));
        violation.fix.portal.push_str(
            ". Who deploys hosts gets it as an eligible assignment of Privileged Identity Management, who does not, a \
             role without this action",
        );
        Some(violation)
    });
    let mut outcome: Outcome = violations.collect();
    outcome.unknown.extend(unknown);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::context::HOST_POOLS;
    use crate::audit::testing::{Estate, GROUP, LANDING, POOL, RG, S1};
    use serde_json::json;

    fn estate() -> Estate {
        Estate::bare().resource(POOL, HOST_POOLS, json!({})).user("ann").group("team", &["ann"])
    }

    #[test]
    fn a_standing_role_with_the_action_at_above_or_within_a_pool_is_reported() {
        let (owner, pools) = (builtin::OWNER, builtin::HOST_POOL_CONTRIBUTOR);
        for (role, scope) in [(owner, "/"), (owner, LANDING), (pools, S1), (pools, RG), (pools, POOL)] {
            assert_eq!(estate().assign("team", role, scope).found(&RULE), [format!("{scope} team {role}")]);
        }
        let host = format!("{POOL}/sessionHosts/h1");
        assert_eq!(estate().assign("ann", owner, &host).found(&RULE), [format!("{host} ann {owner}")]);
    }

    #[test]
    fn roles_without_the_action_other_places_other_times_and_the_service_itself_are_fine() {
        let estate = estate()
            .assign("team", builtin::SESSION_HOST_OPERATOR, POOL)
            .assign("team", builtin::READER, S1)
            .assign("team", builtin::OWNER, GROUP)
            .assign("team", builtin::OWNER, "/subscriptions/s1/resourceGroups/other")
            .eligible("team", builtin::HOST_POOL_CONTRIBUTOR, POOL, None)
            .activated("team", builtin::HOST_POOL_CONTRIBUTOR, POOL)
            .application("avd", "Azure Virtual Desktop", builtin::AVD_APPLICATION)
            .assign("avd", builtin::AVD_VIRTUAL_MACHINE_CONTRIBUTOR, RG);
        assert!(estate.found(&RULE).is_empty());
        assert!(Estate::bare().user("ann").assign("ann", builtin::OWNER, S1).found(&RULE).is_empty());
    }

    #[test]
    fn pools_that_could_not_be_read_leave_it_open() {
        let report = Estate::bare()
            .user("ann")
            .assign("ann", builtin::HOST_POOL_CONTRIBUTOR, RG)
            .forbidden(Facet::DesktopVirtualization, S1)
            .report();
        let result = report.rules.iter().find(|rule| rule.id == RULE.id).unwrap();
        assert_eq!(result.verdict, crate::audit::Verdict::Unknown);
    }

    #[test]
    fn a_service_principal_that_nobody_knows_may_be_the_service_itself() {
        let unknown = estate().assign("avd", builtin::AVD_VIRTUAL_MACHINE_CONTRIBUTOR, RG);
        let unknown = unknown.with(|facts| facts.assignments[0].principal.kind = "ServicePrincipal".to_owned());
        let outcome = unknown.check(&RULE);
        assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{outcome:?}");
        assert!(outcome.unknown[0].contains("service principal avd"), "{outcome:?}");
        assert_eq!(unknown.clone().deleted("avd").found(&RULE).len(), 1);
        let elsewhere = unknown.with(|facts| facts.assignments[0].scope = crate::ArmId::new(GROUP));
        assert_eq!(elsewhere.check(&RULE), Outcome::default());
    }

    #[test]
    fn who_may_be_there_for_now_only_is_not_said_to_be_there_at_any_time() {
        let estate = estate().assign("team", builtin::HOST_POOL_CONTRIBUTOR, S1).forbidden(Facet::PimActive, S1);
        let message = estate.check(&RULE).violations.remove(0).message;
        assert!(
            !message.contains("at any time") && message.ends_with("; whether only for now was not read"),
            "{message}"
        );
    }
}
