//! A few host pools by themselves, by ARM alone: Resource Graph learns of a change seconds to minutes after it.
//!
//! A pool costs one request, and each of its groups two: the group and who may open it. Each workspace is asked for
//! once, and the custom roles of a subscription only where one is assigned.

use super::{AzureInventory, REFERENCES, REFERENCES_AT_ONCE, Reference};
use crate::inventory::WantedPool;
use crate::resource_graph::Row;
use crate::wire;
use futures::{StreamExt, stream};
use poolwarden_domain::estate::{ApplicationGroup, Estate, HostPool};
use poolwarden_domain::{ArmId, Reading, UnknownScope, Unreadable, Why};
use std::collections::BTreeSet;

impl AzureInventory {
    /// As [`crate::Inventory::part`].
    pub(super) async fn read_pools(&self, wanted: &[WantedPool]) -> Reading<Estate> {
        let answers = stream::iter(wanted.to_vec()).map(|wanted| async move {
            let answer = self.get(&wanted.id, "the host pool", wire::host_pool).await;
            (wanted, answer)
        });
        let answers: Vec<_> = answers.buffered(REFERENCES_AT_ONCE).collect().await;
        if let Some(reason) = all_failed(&answers) {
            return Err(reason);
        }
        let mut estate = Estate::default();
        let mut groups = BTreeSet::new();
        for (wanted, answer) in answers {
            match answer {
                Ok(Some(pool)) => {
                    groups.extend(pool.application_group_references.iter().cloned().chain(wanted.groups));
                    estate.host_pools.push(pool);
                }
                Ok(None) => {}
                Err(reason) => estate.unknown.push(UnknownScope { scope: wanted.id, reason }),
            }
        }
        self.read_groups(groups, &mut estate).await;
        let workspaces = estate.application_groups.iter().filter_map(|group| group.workspace.clone());
        self.read_rows(Reference::Workspace, workspaces.collect(), &mut estate).await;
        let groups: Vec<ArmId> = estate.application_groups.iter().map(|group| group.id.clone()).collect();
        let grants = self.arm.list_grants_of_groups(&groups).await;
        estate.role_assignments = grants.assignments;
        estate.role_definitions = grants.definitions;
        estate.unknown.extend(grants.unknown);
        Ok(estate)
    }

    async fn read_groups(&self, groups: BTreeSet<ArmId>, estate: &mut Estate) {
        self.read_rows(Reference::Group, groups, estate).await;
        let pools: BTreeSet<&ArmId> = estate.host_pools.iter().map(|pool| &pool.id).collect();
        // A group that has become another pool's is that one's to read.
        estate.application_groups.retain(|group: &ApplicationGroup| pools.contains(&group.host_pool));
    }

    /// Asks for each by its id. Not found is gone; anything else is unknown.
    async fn read_rows(&self, kind: Reference, ids: BTreeSet<ArmId>, estate: &mut Estate) {
        let segment = match kind {
            Reference::HostPool => "hostPools",
            Reference::Group => "applicationGroups",
            Reference::Workspace => "workspaces",
        };
        // A reference that is no id of its kind leads nowhere.
        let ids = ids.into_iter().filter(|id| id.segment(segment).is_some_and(|name| name == id.name()));
        let (asked, left): (Vec<_>, Vec<_>) = ids.enumerate().partition(|(number, _)| *number < REFERENCES);
        for (_, id) in left {
            let text = format!("{id} is one of more than {REFERENCES} to look at; it was not asked for");
            estate.unknown.push(UnknownScope { scope: id, reason: Unreadable::new(Why::TooLarge, text) });
        }
        let answers = stream::iter(asked).map(|(_, id)| async move { self.look_up(kind, &id).await });
        for answer in answers.buffered(REFERENCES_AT_ONCE).collect::<Vec<_>>().await {
            match answer {
                Ok(None) => {}
                Ok(Some(Row::HostPool(pool))) => estate.host_pools.push(pool),
                Ok(Some(Row::Group(group))) => estate.application_groups.push(group),
                Ok(Some(Row::Workspace(workspace))) => estate.workspaces.push(workspace),
                Err(unknown) => estate.unknown.push(unknown),
            }
        }
    }
}

/// The reason why nothing at all is known, if trying again later can mend it.
fn all_failed(answers: &[(WantedPool, Reading<Option<HostPool>>)]) -> Option<Unreadable> {
    let passing = |answer: &Reading<Option<HostPool>>| match answer {
        Err(reason) if matches!(reason.why, Why::Failed | Why::Throttled) => Some(reason.clone()),
        _ => None,
    };
    let reasons: Option<Vec<Unreadable>> = answers.iter().map(|(_, answer)| passing(answer)).collect();
    reasons?.into_iter().next()
}

#[cfg(test)]
mod tests;
