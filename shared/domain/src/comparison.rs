//! What one account is shown, held against what Azure Resource Manager says is there: every resource that is in one and
//! not in the other, with the reason as far as the two tell it.
//!
//! Both sides are snapshots of earlier looks. A resource is the same on both if its workspace and it have the same object
//! ids, or if the feed names its resource id.

use crate::classic::is_classic;
use crate::discovery::GroupFacts;
use crate::estate::{Resource, ResourceKind};
use crate::feed::FeedModel;
use crate::report::ReportedScope;
use crate::snapshot::PoolSnapshot;
use crate::{ArmId, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// One side of the comparison.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The connection.
    pub connection: &'a str,
    /// The pools as they were last observed; of a feed, its workspaces.
    pub snapshots: &'a [PoolSnapshot],
    /// What the last run could not read.
    pub unknown: &'a [ReportedScope],
}

/// Which side has a resource that the other has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// The account is shown it; ARM does not list it.
    InFeedOnly,
    /// ARM lists it; the account is not shown it.
    InArmOnly,
}

/// A resource that only one side has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Which side has it.
    pub seen: Seen,
    /// What people call it.
    pub name: String,
    /// Desktop or RemoteApp.
    pub kind: ResourceKind,
    /// What people call its workspace.
    pub workspace: String,
    /// Its id on the side that has it.
    pub resource: ArmId,
    /// Why the other has not, in a sentence.
    pub reason: String,
}

/// What the comparison comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// How many resources both sides have.
    pub in_both: usize,
    /// Those that one has, sorted.
    pub differences: Vec<Difference>,
}

/// Compares what an account is shown with what ARM lists.
pub fn compare(feed: Side<'_>, arm: Side<'_>) -> Comparison {
    let (shown, listed): (Vec<Item<'_>>, Vec<Item<'_>>) = (items(feed.snapshots), items(arm.snapshots));
    let in_arm: HashMap<Key, usize> = keyed(&listed);
    let mut matched = HashSet::new();
    let mut comparison = Comparison::default();
    for item in &shown {
        match item.keys().iter().find_map(|key| in_arm.get(key)) {
            Some(at) => {
                matched.insert(*at);
            }
            None => comparison.differences.push(item.only(Seen::InFeedOnly, why_not_listed(item, arm))),
        }
    }
    comparison.in_both = matched.len();
    let missing = listed.iter().enumerate().filter(|(at, _)| !matched.contains(at));
    let surroundings = Surroundings::of(&shown, &listed);
    comparison
        .differences
        .extend(missing.map(|(_, item)| item.only(Seen::InArmOnly, why_not_shown(item, feed, &surroundings))));
    comparison.differences.sort();
    comparison
}

/// A resource with its surroundings.
struct Item<'a> {
    snapshot: &'a PoolSnapshot,
    group: &'a GroupFacts,
    resource: &'a Resource,
}

/// What a resource is known by: its own and its workspace's object ids, or its resource id.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Objects(String, String),
    Id(ArmId),
}

fn items(snapshots: &[PoolSnapshot]) -> Vec<Item<'_>> {
    let groups = snapshots.iter().flat_map(|snapshot| snapshot.facts.groups.iter().map(move |group| (snapshot, group)));
    groups
        .flat_map(|(snapshot, group)| {
            let resources = snapshot.resources_of(&group.group.id).unwrap_or_default();
            resources.iter().map(move |resource| Item { snapshot, group, resource })
        })
        .collect()
}

fn keyed(items: &[Item<'_>]) -> HashMap<Key, usize> {
    let keys = items.iter().enumerate().flat_map(|(at, item)| item.keys().into_iter().map(move |key| (key, at)));
    keys.collect()
}

impl Item<'_> {
    fn workspace_id(&self) -> String {
        let feed = self.resource.feed.as_ref().map(|feed| feed.workspace_id.as_str());
        let workspace = self.group.workspace.as_ref().map(|workspace| workspace.object_id.as_str());
        feed.or(workspace).unwrap_or_default().to_ascii_lowercase()
    }

    fn keys(&self) -> Vec<Key> {
        let arm_path = self.resource.feed.as_ref().and_then(|feed| feed.arm_path.as_deref());
        let named = arm_path.map_or_else(|| self.resource.id.clone(), ArmId::new);
        let objects = Key::Objects(self.workspace_id(), self.resource.object_id.to_ascii_lowercase());
        let is_item = named.segment("applications").is_some() || named.segment("desktops").is_some();
        let named = is_item.then_some(Key::Id(named));
        (!self.resource.object_id.is_empty()).then_some(objects).into_iter().chain(named).collect()
    }

    fn only(&self, seen: Seen, reason: String) -> Difference {
        let named = |name: &Option<String>| name.as_deref().and_then(text::title);
        let workspace = self.group.workspace.as_ref();
        Difference {
            seen,
            name: named(&self.resource.friendly_name).unwrap_or_else(|| self.resource.name.clone()),
            kind: self.group.group.kind,
            workspace: workspace
                .map(|workspace| named(&workspace.friendly_name).unwrap_or_else(|| workspace.id.name().to_owned()))
                .unwrap_or_default(),
            resource: self.resource.id.clone(),
            reason,
        }
    }
}

/// Why ARM does not list what the account is shown.
fn why_not_listed(item: &Item<'_>, arm: Side<'_>) -> String {
    let connection = arm.connection;
    if is_classic(&item.snapshot.facts.pool.id) {
        return "it is offered by the classic service, of which Azure Resource Manager knows nothing; \
                `poolwarden classic successors` finds what took its place"
            .to_owned();
    }
    let feed = item.resource.feed.as_deref();
    let named = feed.and_then(|feed| feed.host_pool.as_deref()).filter(|pool| pool.starts_with('/')).map(ArmId::new);
    let Some(pool) = named else {
        return format!("its file does not name its host pool, and {connection} lists no resource of its object id");
    };
    if let Some(dark) = arm.unknown.iter().find(|dark| pool.is_within(&dark.scope) || dark.scope.is_within(&pool)) {
        return format!("unknown: {connection} could not read {}: {}", dark.scope, dark.reason);
    }
    if let Some(known) = arm.snapshots.iter().find(|snapshot| snapshot.facts.pool.id == pool) {
        let at = known.observed_at;
        return format!("{connection} last looked at its host pool {} at {at}, and did not find it there", pool.name());
    }
    let subscription = pool.subscription().unwrap_or_default();
    let reads = |snapshot: &PoolSnapshot| snapshot.facts.pool.id.subscription() == Some(subscription);
    if arm.snapshots.iter().any(reads) {
        return format!("{connection} does not see its host pool {pool}: is its identity entitled to read it?");
    }
    format!(
        "its host pool {} lies in subscription {subscription}, of which {connection} reads nothing; \
         where it is another organisation's, the account is a guest there",
        pool.name()
    )
}

/// What tells why something is not shown.
struct Surroundings {
    /// The workspaces that the account is shown, by object id.
    workspaces: BTreeSet<String>,
    /// Which kinds each ARM host pool publishes.
    kinds: BTreeMap<ArmId, BTreeSet<ResourceKind>>,
}

impl Surroundings {
    fn of(shown: &[Item<'_>], listed: &[Item<'_>]) -> Self {
        let mut kinds: BTreeMap<ArmId, BTreeSet<ResourceKind>> = BTreeMap::new();
        for item in listed {
            kinds.entry(item.snapshot.facts.pool.id.clone()).or_default().insert(item.group.group.kind);
        }
        Self { workspaces: shown.iter().map(Item::workspace_id).collect(), kinds }
    }
}

/// Why the account is not shown what ARM lists.
fn why_not_shown(item: &Item<'_>, feed: Side<'_>, surroundings: &Surroundings) -> String {
    let (group, pool) = (&item.group.group, &item.snapshot.facts.pool);
    if group.workspace.is_none() {
        return "its application group is in no workspace, so no client shows it".to_owned();
    }
    if group.show_in_feed == Some(false) {
        return "its application group is hidden in the feed (showInFeed is false)".to_owned();
    }
    if item.resource.show_in_portal == Some(false) {
        return "it is hidden in the feed (showInPortal is false)".to_owned();
    }
    let workspace = item.workspace_id();
    let is_dark = |dark: &&ReportedScope| {
        let of_workspace = dark.scope.segment("workspaces").is_some_and(|id| id.eq_ignore_ascii_case(&workspace));
        of_workspace || dark.scope == FeedModel::Arm.id()
    };
    if let Some(dark) = feed.unknown.iter().find(is_dark) {
        return format!("unknown: the feed could not be read whole: {}", dark.reason);
    }
    let both = surroundings.kinds.get(&pool.id).is_some_and(|kinds| kinds.len() == 2);
    let preferred = pool.preferred_app_group_type.as_deref().unwrap_or_default();
    let kept_back = match preferred {
        "RailApplications" => group.kind == ResourceKind::Desktop,
        "Desktop" => group.kind == ResourceKind::RemoteApp,
        _ => false,
    };
    if both && kept_back {
        return format!(
            "its host pool prefers the other kind (preferredAppGroupType is {preferred}): who may open both is shown \
             that one alone"
        );
    }
    let entitled = match &item.group.entitlements {
        None => "who may open it could not be read".to_owned(),
        Some(entitled) if entitled.is_empty() => {
            return "nobody may open it: assign Desktop Virtualization User on its application group".to_owned();
        }
        Some(entitled) => {
            let groups = entitled.iter().filter(|entitled| entitled.principal.kind == "Group").count();
            format!("{} may open it, {groups} of them groups", entitled.len())
        }
    };
    let nothing = if surroundings.workspaces.contains(&workspace) { "" } else { ", nor anything of its workspace" };
    format!(
        "the account is not shown it{nothing}: assign it, or a group it is a member of, Desktop Virtualization User on \
         {} ({entitled})",
        group.id
    )
}

#[cfg(test)]
mod tests;
