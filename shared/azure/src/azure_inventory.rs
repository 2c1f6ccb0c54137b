//! An estate as Azure tells it: Resource Graph for what it holds, ARM for the rest.
//!
//! Resource Graph silently leaves out what the caller may not read. So the subscriptions are asked of ARM first, and
//! whatever something in the answer refers to without being in it is asked for by name: gone, or only hidden?

use crate::arm::{Arm, Call, Shared};
use crate::arm_estate::{AVD_READER, Grants, settle};
use crate::inventory::{Inventory, Listing, Requests, WantedPool};
use crate::listing::Listed;
use crate::resource_graph::Row;
use crate::roles::{desktop_virtualization_user, may_use_applications};
use crate::throttle::{Kind, Meter};
use crate::versions::SUBSCRIPTIONS;
use crate::wire;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use poolwarden_domain::estate::{ApplicationGroup, Estate, HostPool, Resource, ResourceKind, Subscription};
use poolwarden_domain::{ArmId, Reading, UnknownScope, Unreadable, Why};
use serde_json::value::RawValue;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Referred-to resources that are asked for by name in one reading at most.
const REFERENCES: usize = 200;
/// … and how many of them at once.
const REFERENCES_AT_ONCE: usize = 16;

/// Reads an estate from Azure. A handle is cheap and counts its own requests.
#[derive(Clone)]
pub struct AzureInventory {
    pub(crate) arm: Arm,
    subscriptions: Vec<String>,
}

impl AzureInventory {
    /// Reads these subscriptions, by GUID; every subscription that the identity sees when there are none.
    pub fn new(shared: Arc<Shared>, subscriptions: Vec<String>) -> Self {
        Self { arm: Arm::new(shared), subscriptions }
    }

    /// The same with requests counted anew.
    pub(crate) fn afresh(&self) -> Self {
        Self::new(Arc::clone(&self.arm.shared), self.subscriptions.clone())
    }

    /// The subscriptions to cover, and the configured ones that cannot be seen.
    pub(crate) async fn covered(&self) -> Reading<(Vec<Subscription>, Vec<UnknownScope>)> {
        let call = Call {
            url: self.arm.shared.endpoints.arm_url("/subscriptions", &[("api-version", SUBSCRIPTIONS)]),
            body: None,
            meter: Meter::new(None, Kind::Read),
            what: "the subscriptions",
            scope: ArmId::new("/subscriptions"),
            role: AVD_READER,
        };
        let list = self.arm.list(call, wire::subscription).await?;
        let list: Listed<Subscription> = list.ok_or_else(|| {
            Unreadable::new(
                Why::Failed,
                "the list of subscriptions: 404; is this the address of Azure Resource Manager?",
            )
        })?;
        if self.subscriptions.is_empty() {
            if list.items.is_empty() && list.stopped.is_none() {
                // Having lost every right looks just like this; it must not be taken for an empty estate.
                let text = format!("the identity sees no subscription; grant {AVD_READER} on those to read");
                return Err(Unreadable::new(Why::Forbidden, text));
            }
            let mut unknown = list.flaws;
            unknown.extend(list.stopped.map(|reason| UnknownScope { scope: ArmId::new("/"), reason }));
            return Ok((list.items, unknown));
        }
        let (mut covered, mut unknown) = (Vec::new(), Vec::new());
        for wanted in &self.subscriptions {
            if let Some(found) = list.items.iter().find(|subscription| subscription.id.eq_ignore_ascii_case(wanted)) {
                covered.push(found.clone());
                continue;
            }
            let scope = ArmId::new(&format!("/subscriptions/{wanted}"));
            let advice =
                format!("{scope} is configured, but the identity does not see it; grant {AVD_READER} on {scope}");
            let reason = list.stopped.clone().unwrap_or_else(|| Unreadable::new(Why::Forbidden, advice));
            unknown.push(UnknownScope { scope, reason });
        }
        Ok((covered, unknown))
    }

    /// Everything but the names of the subscriptions.
    async fn read(&self, subscriptions: &[String]) -> Estate {
        let (rows, hosts, roles) = tokio::join!(
            self.arm.query_estate(subscriptions),
            self.arm.query_session_hosts(subscriptions),
            self.grants(subscriptions),
        );
        let mut estate = match rows.and_then(part_is_no_answer) {
            Ok(rows) => sort_rows(rows),
            Err(reason) => {
                tracing::warn!(%reason, "Resource Graph gives no estate; asking ARM for each subscription");
                self.arm.list_estate(subscriptions).await
            }
        };
        drop_foreign(&mut estate, subscriptions);
        estate.role_assignments = roles.assignments;
        estate.role_definitions = roles.definitions;
        estate.unknown.extend(roles.unknown);
        self.look_up_references(&mut estate).await;
        self.count_hosts(&mut estate, hosts).await;
        estate
    }

    async fn count_hosts(&self, estate: &mut Estate, counted: Reading<Listed<(ArmId, u64)>>) {
        let pools: BTreeSet<ArmId> = estate.host_pools.iter().map(|pool| pool.id.clone()).collect();
        match counted {
            Ok(counted) => {
                estate.session_hosts = counted.items.into_iter().filter(|(pool, _)| pools.contains(pool)).collect();
                estate.unknown.extend(counted.flaws);
                if let Some(reason) = counted.stopped {
                    let missing = pools.iter().filter(|pool| !estate.session_hosts.contains_key(*pool));
                    estate.unknown.extend(missing.map(|pool| UnknownScope {
                        scope: ArmId::new(&format!("{pool}/sessionHosts")),
                        reason: reason.clone(),
                    }));
                }
            }
            Err(reason) => {
                tracing::warn!(%reason, "Resource Graph counts no session hosts; asking ARM for each host pool");
                let (counts, unknown) = self.arm.list_session_hosts(&pools.into_iter().collect::<Vec<_>>()).await;
                estate.session_hosts = counts;
                estate.unknown.extend(unknown);
            }
        }
    }

    async fn grants(&self, subscriptions: &[String]) -> Grants {
        match self.query_grants(subscriptions).await {
            Ok(grants) => grants,
            Err(reason) => {
                tracing::warn!(%reason, "Resource Graph gives no role assignments; asking ARM for each subscription");
                self.arm.list_grants(subscriptions).await
            }
        }
    }

    async fn query_grants(&self, subscriptions: &[String]) -> Reading<Grants> {
        let definitions = part_is_no_answer(self.arm.query_custom_roles(subscriptions).await?)?;
        let mut names: Vec<String> =
            definitions.items.iter().filter(|role| may_use_applications(role)).map(role_name).collect();
        names.push(role_name(&desktop_virtualization_user()));
        let assignments = part_is_no_answer(self.arm.query_assignments(subscriptions, &names).await?)?;
        if assignments.items.is_empty() && assignments.flaws.is_empty() {
            // Resource Graph leaves out what the caller may not read; ARM says so.
            return Err(Unreadable::new(Why::Missing, "it lists no role assignment at all"));
        }
        let mut unknown = definitions.flaws;
        unknown.extend(assignments.flaws);
        let mut grants = Grants { assignments: assignments.items, definitions: definitions.items, unknown };
        grants.keep_relevant();
        Ok(grants)
    }

    /// Asks by name for what is referred to without being in the answer: pools name groups; groups name pools and
    /// workspaces. Not found is gone; anything else is unknown.
    async fn look_up_references(&self, estate: &mut Estate) {
        let mut missing = missing_references(estate);
        for (_, id) in missing.split_off(missing.len().min(REFERENCES)) {
            let text = format!(
                "{id} is referred to but not listed, as are more than {REFERENCES} others; it was not asked for"
            );
            estate.unknown.push(UnknownScope { scope: id, reason: Unreadable::new(Why::TooLarge, text) });
        }
        let answers = stream::iter(missing).map(|(kind, id)| async move { self.look_up(kind, &id).await });
        let answers: Vec<_> = answers.buffered(REFERENCES_AT_ONCE).collect().await;
        for answer in answers {
            match answer {
                Ok(None) => {}
                Ok(Some(Row::HostPool(pool))) => estate.host_pools.push(pool),
                Ok(Some(Row::Group(group))) => estate.application_groups.push(group),
                Ok(Some(Row::Workspace(workspace))) => estate.workspaces.push(workspace),
                Err(unknown) => estate.unknown.push(unknown),
            }
        }
    }

    async fn look_up(&self, kind: Reference, id: &ArmId) -> Result<Option<Row>, UnknownScope> {
        let answer = match kind {
            Reference::HostPool => {
                self.get(id, "the host pool", wire::host_pool).await.map(|found| found.map(Row::HostPool))
            }
            Reference::Group => {
                self.get(id, "the application group", wire::application_group).await.map(|found| found.map(Row::Group))
            }
            Reference::Workspace => {
                self.get(id, "the workspace", wire::workspace).await.map(|found| found.map(Row::Workspace))
            }
        };
        answer.map_err(|reason| UnknownScope { scope: id.clone(), reason })
    }

    async fn get<T>(
        &self,
        id: &ArmId,
        what: &'static str,
        read: fn(&RawValue) -> Result<T, String>,
    ) -> Reading<Option<T>> {
        let call = self.arm.avd_call(id.as_str(), id, what);
        let read = |body: &[u8]| read(crate::arm::json(body)?).map_err(|text| format!("the answer {text}"));
        self.arm.ask(&call, read).await
    }
}

#[derive(Debug, Clone, Copy)]
enum Reference {
    HostPool,
    Group,
    Workspace,
}

fn missing_references(estate: &Estate) -> Vec<(Reference, ArmId)> {
    let pools: HashSet<&ArmId> = estate.host_pools.iter().map(|pool| &pool.id).collect();
    let groups: HashSet<&ArmId> = estate.application_groups.iter().map(|group| &group.id).collect();
    let workspaces: HashSet<&ArmId> = estate.workspaces.iter().map(|workspace| &workspace.id).collect();
    let is_unknown = |id: &ArmId| estate.unknown.iter().any(|unknown| id.is_within(&unknown.scope));
    let named_groups = estate.host_pools.iter().flat_map(|pool| &pool.application_group_references);
    let named = named_groups.map(|id| (Reference::Group, id, groups.contains(id), "applicationGroups")).chain(
        estate.application_groups.iter().flat_map(|group| {
            let workspace =
                group.workspace.iter().map(|id| (Reference::Workspace, id, workspaces.contains(id), "workspaces"));
            workspace.chain([(Reference::HostPool, &group.host_pool, pools.contains(&group.host_pool), "hostPools")])
        }),
    );
    let mut seen = BTreeSet::new();
    named
        // A reference that is no id of its kind leads nowhere.
        .filter(|(_, id, is_there, kind)| {
            !is_there && id.segment(kind).is_some_and(|name| name == id.name()) && !is_unknown(id)
        })
        .filter(|(_, id, ..)| seen.insert((*id).clone()))
        .map(|(reference, id, ..)| (reference, id.clone()))
        .collect()
}

/// For lists of which a part is of no use.
fn part_is_no_answer<T>(mut listed: Listed<T>) -> Reading<Listed<T>> {
    listed.stopped.take().map_or(Ok(listed), Err)
}

fn role_name(role: &poolwarden_domain::estate::RoleDefinition) -> String {
    role.id.name().to_ascii_lowercase()
}

fn sort_rows(rows: Listed<Row>) -> Estate {
    let mut estate = Estate { unknown: rows.flaws, ..Estate::default() };
    for row in rows.items {
        match row {
            Row::HostPool(pool) => estate.host_pools.push(pool),
            Row::Group(group) => estate.application_groups.push(group),
            Row::Workspace(workspace) => estate.workspaces.push(workspace),
        }
    }
    estate
}

/// Drops what lies in subscriptions that nobody asked for: answers have held such.
fn drop_foreign(estate: &mut Estate, subscriptions: &[String]) {
    let is_ours =
        |id: &ArmId| id.subscription().is_some_and(|id| subscriptions.iter().any(|ours| ours.eq_ignore_ascii_case(id)));
    estate.host_pools.retain(|pool| is_ours(&pool.id));
    estate.application_groups.retain(|group| is_ours(&group.id));
    estate.workspaces.retain(|workspace| is_ours(&workspace.id));
}

#[async_trait]
impl Inventory for AzureInventory {
    async fn estate(&self) -> Reading<Estate> {
        let (covered, unknown) = self.covered().await?;
        let ids: Vec<String> = covered.iter().map(|subscription| subscription.id.clone()).collect();
        let mut estate = if ids.is_empty() { Estate::default() } else { self.read(&ids).await };
        estate.subscriptions = covered;
        estate.unknown.extend(unknown);
        Ok(estate)
    }

    async fn part(&self, wanted: &[WantedPool]) -> Reading<Estate> {
        self.read_pools(wanted).await
    }

    async fn application_group(&self, id: &ArmId) -> Reading<Option<ApplicationGroup>> {
        self.get(id, "the application group", wire::application_group).await
    }

    async fn workspace_groups(&self, id: &ArmId) -> Reading<Option<Vec<ArmId>>> {
        self.get(id, "the workspace", wire::workspace_groups).await
    }

    async fn host_pool(&self, id: &ArmId) -> Reading<Option<HostPool>> {
        self.get(id, "the host pool", wire::host_pool).await
    }

    async fn listing(&self, group: &ArmId, kind: ResourceKind, _: &[Resource]) -> Reading<Option<Listing>> {
        let (segment, what) = match kind {
            ResourceKind::Desktop => ("desktops", "the desktops"),
            ResourceKind::RemoteApp => ("applications", "the applications"),
        };
        let call = self.arm.avd_call(&format!("{group}/{segment}"), group, what);
        let Some(list) = self.arm.list(call, wire::resource).await? else { return Ok(None) };
        let mut listing = Listing::default();
        settle(Ok(Some(list)), group, &mut listing.resources, &mut listing.unknown);
        Ok(Some(listing))
    }

    async fn changes(&self, subscription: &str, since: Timestamp) -> Reading<Vec<ArmId>> {
        self.arm.changes(subscription, since, Timestamp::now()).await
    }

    fn requests(&self) -> Requests {
        self.arm.counters.read()
    }
}

mod part;
#[cfg(test)]
mod tests;
