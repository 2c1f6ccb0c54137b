//! What a rule is given.

use super::policy::AuditPolicy;
use crate::ArmId;
use crate::access::{AccessFacts, ArmResource, World};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap, HashSet};

/// What a rule is given: the facts and their evaluation, the policy, and the time.
#[derive(Debug)]
pub struct Audit<'a> {
    /// All that was read.
    pub facts: &'a AccessFacts,
    /// The same, ready to be asked.
    pub world: &'a World<'a>,
    /// What is expected.
    pub policy: &'a AuditPolicy,
    /// The time.
    pub now: Timestamp,
}

/// The type of host pools.
pub(crate) const HOST_POOLS: &str = "microsoft.desktopvirtualization/hostpools";
/// The type of application groups.
pub(crate) const APPLICATION_GROUPS: &str = "microsoft.desktopvirtualization/applicationgroups";
/// The type of scaling plans.
pub(crate) const SCALING_PLANS: &str = "microsoft.desktopvirtualization/scalingplans";
/// The type of session hosts.
pub(crate) const SESSION_HOSTS: &str = "microsoft.desktopvirtualization/hostpools/sessionhosts";

impl<'a> Audit<'a> {
    /// The host pools.
    pub fn host_pools(&self) -> impl Iterator<Item = &'a ArmResource> {
        self.facts.resources_of(HOST_POOLS)
    }

    /// The application groups that people use: those of Cloud PCs are Windows 365's.
    pub fn application_groups(&self) -> impl Iterator<Item = &'a ArmResource> {
        self.facts.resources_of(APPLICATION_GROUPS).filter(|group| group.flag("cloudPcResource") != Some(true))
    }

    /// The scaling plans.
    pub fn scaling_plans(&self) -> impl Iterator<Item = &'a ArmResource> {
        self.facts.resources_of(SCALING_PLANS)
    }

    /// The host pools that a scope concerns; for many scopes, ask a [`Pools`].
    pub fn pools_at(&self, scope: &ArmId) -> Vec<ArmId> {
        Pools::new(self.facts).at(scope)
    }
}

/// Which host pools a scope concerns, ready to be asked for many scopes.
#[derive(Debug)]
pub(super) struct Pools {
    /// What these scopes, and everything below them, concern.
    below: HashMap<ArmId, BTreeSet<ArmId>>,
    /// The pools that resource groups hold.
    held: HashMap<ArmId, BTreeSet<ArmId>>,
}

impl Pools {
    /// Sorts the resources. A pool that others refer to and that was not seen itself is none: nobody would tell what is
    /// about it alone, and so that is about the estate.
    pub(super) fn new(facts: &AccessFacts) -> Self {
        let mut pools = Self { below: HashMap::new(), held: HashMap::new() };
        let seen: HashSet<&ArmId> = facts.resources_of(HOST_POOLS).map(|pool| &pool.id).collect();
        let mut add = |scope: ArmId, pool: &ArmId| {
            if seen.contains(pool) {
                pools.below.entry(scope).or_default().insert(pool.clone());
            }
        };
        for pool in facts.resources_of(HOST_POOLS) {
            add(pool.id.clone(), &pool.id);
        }
        for group in facts.resources_of(APPLICATION_GROUPS) {
            let Some(pool) = group.reference("hostPoolArmPath") else { continue };
            add(group.id.clone(), &pool);
            if let Some(workspace) = group.reference("workspaceArmPath") {
                add(workspace, &pool);
            }
        }
        for host in facts.resources_of(SESSION_HOSTS) {
            if let (Some(machine), Some(pool)) = (host.reference("resourceId"), host.id.up_to("hostPools")) {
                add(machine, &pool);
            }
        }
        for pool in facts.resources_of(HOST_POOLS) {
            if let Some(group) = pool.id.up_to("resourceGroups") {
                pools.held.entry(group).or_default().insert(pool.id.clone());
            }
        }
        pools
    }

    /// The host pools that a scope concerns: what is within a pool, an application group of it, a workspace with a group
    /// of it, a session host's virtual machine, or a resource group that holds the pool. None for a subscription and
    /// what is above: it concerns the estate as a whole.
    pub(super) fn at(&self, scope: &ArmId) -> Vec<ArmId> {
        if scope.resource_group().is_none() {
            return Vec::new();
        }
        let above: Vec<ArmId> = scope.ancestors().collect();
        let within = above.iter().filter_map(|scope| self.below.get(scope));
        let all: BTreeSet<&ArmId> = within.chain(self.held.get(scope)).flatten().collect();
        all.into_iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::{Estate, GROUP, POOL, RG, S1};
    use serde_json::json;

    #[test]
    fn a_scope_concerns_the_pools_that_it_is_part_of_serves_or_holds() {
        let workspace = POOL.replace("hostPools/p1", "workspaces/w");
        let (vm, host) =
            (format!("{RG}-hosts/providers/Microsoft.Compute/virtualMachines/vm"), format!("{POOL}/sessionHosts/vm"));
        let estate = Estate::bare()
            .resource(POOL, HOST_POOLS, json!({}))
            .resource(GROUP, APPLICATION_GROUPS, json!({ "hostPoolArmPath": POOL, "workspaceArmPath": workspace }))
            .resource(&host, SESSION_HOSTS, json!({ "resourceId": vm }));
        let pools = Pools::new(&estate.facts);
        let group_upper = GROUP.to_uppercase();
        let disk = format!("{vm}/extensions/x");
        for scope in [POOL, GROUP, group_upper.as_str(), &workspace, &vm, &disk, &host, RG] {
            assert_eq!(pools.at(&ArmId::new(scope)), [ArmId::new(POOL)], "{scope}");
        }
        for scope in ["/", S1, "/subscriptions/s1/resourceGroups/other", &format!("{POOL}2")] {
            assert!(pools.at(&ArmId::new(scope)).is_empty(), "{scope}");
        }
    }

    #[test]
    fn a_pool_that_was_not_seen_leaves_what_is_about_it_to_the_estate() {
        let hidden = Estate::bare().resource(GROUP, APPLICATION_GROUPS, json!({ "hostPoolArmPath": POOL }));
        assert!(Pools::new(&hidden.facts).at(&ArmId::new(GROUP)).is_empty());
    }
}
