//! What a rule is given.

use super::policy::AuditPolicy;
use crate::ArmId;
use crate::access::{AccessFacts, ArmResource, World};
use jiff::Timestamp;
use std::collections::BTreeSet;

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

    /// The host pools that a scope concerns: what is within a pool, an application group of it, a workspace with a
    /// group of it, a session host's virtual machine, or a resource group that holds the pool. None for a subscription
    /// and what is above: it concerns the estate as a whole.
    pub fn pools_at(&self, scope: &ArmId) -> Vec<ArmId> {
        if scope.resource_group().is_none() {
            return Vec::new();
        }
        let groups = self.facts.resources_of(APPLICATION_GROUPS).filter(|group| {
            let in_workspace = group.reference("workspaceArmPath").is_some_and(|workspace| scope.is_within(&workspace));
            scope.is_within(&group.id) || in_workspace
        });
        let of_groups = groups.filter_map(|group| group.reference("hostPoolArmPath"));
        let hosts = self.facts.resources_of(SESSION_HOSTS);
        let hosts = hosts.filter(|host| host.reference("resourceId").is_some_and(|vm| scope.is_within(&vm)));
        let of_hosts = hosts.filter_map(|host| host.id.up_to("hostPools"));
        let pools = self.host_pools().map(|pool| &pool.id);
        let own = pools.filter(|pool| scope.is_within(pool) || pool.is_within(scope)).cloned();
        let all: BTreeSet<ArmId> = own.chain(of_groups).chain(of_hosts).collect();
        all.into_iter().collect()
    }
}
