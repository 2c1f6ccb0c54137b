//! Pools whose hosts are to be started when somebody connects, by a service that may not.

use super::avd::{Right, SERVICE_RIGHT, right_of_service};
use super::remedy::{Grantee, Place, assign};
use crate::access::{ArmResource, builtin};
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity, Violation};
use std::collections::BTreeMap;

pub(super) const RULE: Rule = Rule {
    id: "R30",
    family: Family::Rbac,
    title: "Start VM on Connect cannot start virtual machines",
    severity: Severity::High,
    rationale: "Start VM on Connect acts through Azure Virtual Desktop's service principal, which needs Desktop \
                Virtualization Power On Contributor. Without it nobody can connect while all hosts of the pool are off.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/start-virtual-machine-connect",
        "https://learn.microsoft.com/azure/virtual-desktop/service-principal-assign-roles",
    ],
    needs: SERVICE_RIGHT,
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let pools: Vec<&ArmResource> =
        audit.host_pools().filter(|pool| pool.flag("startVMOnConnect") == Some(true)).collect();
    if pools.is_empty() {
        return Outcome::not_applicable("no host pool starts virtual machines when somebody connects");
    }
    let (mut outcome, mut rights) = (Outcome::default(), BTreeMap::new());
    for pool in pools {
        let Some(group) = pool.id.up_to("resourceGroups") else { continue };
        let right = rights
            .entry(group.clone())
            .or_insert_with(|| right_of_service(audit, &[builtin::START_VIRTUAL_MACHINE], &group));
        match right {
            Right::Held => {}
            Right::Unclear(why) => {
                outcome.unknown.push(format!("{}: Azure Virtual Desktop's service principal: {why}", pool.id));
            }
            Right::Lacking(why) => outcome.violations.extend(violation(pool, why)),
        }
    }
    outcome
}

fn violation(pool: &ArmResource, why: &str) -> Option<Violation> {
    let subscription = pool.id.up_to("subscriptions")?;
    Some(Violation {
        scope: pool.id.clone(),
        principal: None,
        subject: None,
        severity: None,
        message: format!(
            "Host pool {} is to start virtual machines when somebody connects, and Azure Virtual Desktop's service \
             principal may not: {why}",
            pool.id.name()
        ),
        evidence: vec![
            Evidence::new("properties.startVMOnConnect", "true"),
            Evidence::new("application", builtin::AVD_APPLICATION),
            Evidence::new("missing", why),
        ],
        fix: assign(
            Grantee::Application(builtin::AVD_APPLICATION),
            builtin::POWER_ON_CONTRIBUTOR,
            "Desktop Virtualization Power On Contributor",
            Place::At(&subscription),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArmId;
    use crate::access::{DenyAssignment, Facet};
    use crate::audit::context::HOST_POOLS;
    use crate::audit::testing::{Estate, GROUP, POOL, RG, S1};
    use crate::estate::{Permission, Principal};
    use serde_json::json;

    fn estate(start: bool) -> Estate {
        Estate::bare()
            .resource(POOL, HOST_POOLS, json!({ "startVMOnConnect": start }))
            .application("avd", "Windows Virtual Desktop", builtin::AVD_APPLICATION)
            .application("client", "Azure Virtual Desktop", builtin::AVD_NAME_SAKES[0])
    }

    #[test]
    fn a_pool_is_reported_where_the_service_may_not_start_what_is_in_its_resource_group() {
        let line = [format!("{POOL} - -")];
        assert_eq!(estate(true).found(&RULE), line);
        assert_eq!(estate(true).assign("avd", builtin::POWER_ON_CONTRIBUTOR, GROUP).found(&RULE), line);
        assert_eq!(estate(true).assign("client", builtin::POWER_ON_CONTRIBUTOR, S1).found(&RULE), line);
    }

    #[test]
    fn the_right_at_the_resource_group_or_above_is_enough() {
        for scope in [RG, S1, "/"] {
            assert!(
                estate(true).assign("avd", builtin::POWER_ON_CONTRIBUTOR, scope).found(&RULE).is_empty(),
                "{scope}"
            );
        }
    }

    #[test]
    fn without_such_a_pool_there_is_nothing_to_judge() {
        assert!(estate(false).check(&RULE).not_applicable.is_some());
        assert!(Estate::bare().check(&RULE).not_applicable.is_some());
    }

    #[test]
    fn what_could_not_be_read_is_not_taken_for_lacking() {
        let outcome = estate(true).forbidden(Facet::RoleAssignments, S1).check(&RULE);
        assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{outcome:?}");
    }

    #[test]
    fn a_deny_assignment_that_may_spare_the_service_leaves_it_open() {
        let principal = |id: &str, kind: &str| Principal { id: id.to_owned(), kind: kind.to_owned() };
        let estate = estate(true).assign("avd", builtin::POWER_ON_CONTRIBUTOR, S1).with(|facts| {
            facts.denies.push(DenyAssignment {
                id: ArmId::new("/deny"),
                name: "deny".to_owned(),
                scope: ArmId::new(RG),
                not_for_child_scopes: false,
                permissions: vec![Permission { actions: vec!["*".to_owned()], ..Permission::default() }],
                principals: vec![principal("00000000-0000-0000-0000-000000000000", "SystemDefined")],
                except: vec![principal("partners", "ForeignGroup")],
                condition: None,
            });
        });
        let outcome = estate.check(&RULE);
        assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{outcome:?}");
        assert!(outcome.unknown[0].contains("deny assignment deny"), "{outcome:?}");
        let all = estate.with(|facts| facts.denies[0].except.clear());
        assert_eq!(all.found(&RULE), [format!("{POOL} - -")]);
    }
}
