//! What only the classic model leaves open: its lists say by being there that they are whole, and nothing refers to
//! what is not there.

use super::{Collector, Kind};
use crate::classic::wire::assigned_user;
use crate::files::classic::AS_A_LIST;
use poolwarden_domain::classic::is_classic;
use poolwarden_domain::estate::Workspace;
use poolwarden_domain::{ArmId, Why};
use std::collections::BTreeSet;

impl Collector {
    /// What follows from the ids alone: which groups a pool has, which tenants there are.
    pub(super) fn complete_classic(&mut self) {
        let groups = self.estate.application_groups.iter().map(|group| &group.id).chain(&self.groups);
        let groups: BTreeSet<ArmId> = groups.filter(|id| is_classic(id)).cloned().collect();
        for pool in self.estate.host_pools.iter_mut().filter(|pool| is_classic(&pool.id)) {
            pool.application_group_references =
                groups.iter().filter(|group| group.is_within(&pool.id)).cloned().collect();
        }
        let pools = self.estate.host_pools.iter().map(|pool| &pool.id);
        let tenants: BTreeSet<ArmId> =
            pools.chain(&groups).filter(|id| is_classic(id)).filter_map(|id| id.up_to("tenants")).collect();
        let known: BTreeSet<ArmId> = self.estate.workspaces.iter().map(|workspace| workspace.id.clone()).collect();
        // A tenant is only a heading: its name will do.
        self.estate.workspaces.extend(tenants.difference(&known).map(|id| Workspace {
            id: id.clone(),
            object_id: id.canonical(),
            friendly_name: None,
        }));
        if self.grants.assignments.iter().any(|assignment| is_classic(&assignment.id)) {
            self.grants.definitions.push(assigned_user());
        }
    }

    /// Lists that no file holds to the end.
    pub(super) fn open_classic_lists(&mut self, folder: &str) {
        let tenants = self.estate.workspaces.iter().map(|tenant| (Kind::HostPool, &tenant.id, "", "the host pools"));
        let pools = self.estate.host_pools.iter().map(|pool| (Kind::Group, &pool.id, "", "the application groups"));
        let groups = self.estate.application_groups.iter();
        let users = groups.map(|group| (Kind::AssignedUser, &group.id, "/assignedUsers", "the assigned users"));
        let open: Vec<(ArmId, String)> = tenants
            .chain(pools)
            .chain(users)
            .filter(|(kind, of, ..)| {
                let is_whole = self.lists.get(&(*kind, (*of).clone())).is_some_and(|list| list.is_whole);
                is_classic(of) && !is_whole
            })
            .map(|(_, of, list, what)| {
                let text = format!("no file in {folder} lists {what} of {of} to the end{AS_A_LIST}");
                (ArmId::new(&format!("{of}{list}")), text)
            })
            .collect();
        for (scope, text) in open {
            self.missing(scope, Why::Missing, text);
        }
    }
}
