//! One tenant: its host pools, their application groups and session hosts, and whom the groups are assigned to.

use super::lists::{List, list};
use super::wire::{self, Thing, id_below};
use super::{ClassicInventory, Listing};
use crate::arm::json;
use crate::arm_estate::settle;
use futures::{StreamExt, stream};
use poolwarden_domain::estate::{ApplicationGroup, Estate, HostPool, Workspace};
use poolwarden_domain::{ArmId, Reading, UnknownScope, Unreadable, Why};
use serde_json::value::RawValue;

/// Host pools of a tenant that are read at once, and application groups of a pool.
const POOLS_AT_ONCE: usize = 8;
const GROUPS_AT_ONCE: usize = 8;

/// Puts one part of an estate to the rest.
pub(super) fn add(estate: &mut Estate, mut part: Estate) {
    estate.host_pools.append(&mut part.host_pools);
    estate.application_groups.append(&mut part.application_groups);
    estate.workspaces.append(&mut part.workspaces);
    estate.session_hosts.append(&mut part.session_hosts);
    estate.role_assignments.append(&mut part.role_assignments);
    estate.unknown.append(&mut part.unknown);
}

impl ClassicInventory {
    /// Everything of one tenant but the resources inside its groups.
    pub(super) async fn read_tenant(&self, tenant: Workspace) -> Estate {
        let mut estate = Estate::default();
        let mut pools = Vec::new();
        let listed = list(&self.arm, &tenant.id, List::HOST_POOLS, wire::host_pool).await;
        settle(listed, &tenant.id, &mut pools, &mut estate.unknown);
        let parts = stream::iter(pools).map(|pool| async move { self.read_pool(pool).await });
        for part in parts.buffered(POOLS_AT_ONCE).collect::<Vec<_>>().await {
            add(&mut estate, part);
        }
        estate.workspaces.push(tenant);
        estate
    }

    async fn read_pool(&self, mut pool: HostPool) -> Estate {
        let mut estate = Estate::default();
        let (groups, hosts) = tokio::join!(
            list(&self.arm, &pool.id, List::GROUPS, wire::application_group),
            // Only how many there are matters; what is odd about one of them does not.
            list(&self.arm, &pool.id, List::SESSION_HOSTS, |_, _| Ok(())),
        );
        let mut found: Vec<ApplicationGroup> = Vec::new();
        settle(groups, &pool.id, &mut found, &mut estate.unknown);
        // A group that cannot be understood is one of the pool's all the same.
        let illegible = estate.unknown.iter().map(|unknown| &unknown.scope);
        let illegible = illegible.filter(|scope| scope.segment("applicationGroups").is_some());
        pool.application_group_references = found.iter().map(|group| &group.id).chain(illegible).cloned().collect();

        let (mut counted, before) = (Vec::new(), estate.unknown.len());
        settle(hosts, &List::SESSION_HOSTS.scope(&pool.id), &mut counted, &mut estate.unknown);
        if estate.unknown.len() == before && !counted.is_empty() {
            estate.session_hosts.insert(pool.id.clone(), counted.len() as u64);
        }

        let groups: Vec<ArmId> = found.iter().map(|group| group.id.clone()).collect();
        let users = stream::iter(groups).map(|group| async move {
            let users = list(&self.arm, &group, List::USERS, wire::assignment).await;
            (group, users)
        });
        for (group, users) in users.buffered(GROUPS_AT_ONCE).collect::<Vec<_>>().await {
            settle(users, &List::USERS.scope(&group), &mut estate.role_assignments, &mut estate.unknown);
        }
        estate.application_groups = found;
        estate.host_pools.push(pool);
        estate
    }

    /// The one desktop of a desktop group. The service writes it as a single object; a list of it is understood too.
    pub(super) async fn desktop(&self, group: &ArmId) -> Reading<Option<Listing>> {
        let read = |body: &RawValue| {
            let items: Vec<&RawValue> =
                if body.get().starts_with('[') { json(body.get().as_bytes())? } else { vec![body] };
            let mut listing = Listing::default();
            for item in items {
                let Some(id) = id_below(group, item, Thing::Desktop) else {
                    return Err("has a name that cannot be used".to_owned());
                };
                match wire::resource(item, &id) {
                    Ok(desktop) => listing.resources.push(desktop),
                    Err(text) => {
                        let reason = Unreadable::new(Why::Malformed, format!("the desktop of {group} {text}"));
                        listing.unknown.push(UnknownScope { scope: id, reason });
                    }
                }
            }
            Ok(listing)
        };
        self.get(group, Some("Desktop"), "the desktop", read).await
    }
}
