//! From what a host pool is to what the catalogue should hold for it, and why the rest is not offered.

use crate::discovery::GroupFacts;
use crate::estate::{CommandLineSetting, Resource, ResourceKind};
use crate::names::{told_apart, without_round_brackets};
use crate::package::{Icon, Named, PackageContent, Program};
use crate::plan::Defaults;
use crate::policy::Policy;
use crate::snapshot::PoolSnapshot;
use crate::text::{stable_key, title};
use crate::{ArmId, launch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, btree_map};

/// Hash digits in a package's key: 64 bits, so that a million packages collide with a chance of one in forty million.
const KEY_DIGITS: usize = 16;

/// A resource that is there and not offered, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotPublished {
    /// The desktop or RemoteApp.
    pub resource: ArmId,
    /// Why, in a sentence.
    pub reason: String,
}

/// What the catalogue should hold for one host pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The packages, by key.
    pub packages: BTreeMap<String, PackageContent>,
    /// What is there and not offered.
    pub not_published: Vec<NotPublished>,
    /// What the connection says of packages that are new.
    pub defaults: Defaults,
}

/// Decides what a pool publishes. Groups whose resources were never read publish nothing and say nothing: they are
/// among the unknown scopes.
pub fn published(snapshot: &PoolSnapshot, policy: &Policy) -> Published {
    let mut not_published = Vec::new();
    let mut offered = BTreeMap::new();
    for (key, (group, resource)) in listed(snapshot) {
        match left_out(snapshot, group, resource, policy) {
            Some(reason) => not_published.push(NotPublished { resource: resource.id.clone(), reason }),
            None => {
                offered.insert(key, (group, resource));
            }
        }
    }
    let names = display_names(&snapshot.facts.label, &offered, &policy.name_prefix);
    let packages = offered
        .into_iter()
        .zip(names)
        .filter_map(|((key, (group, resource)), name)| Some((key, content(snapshot, group, resource, name, policy)?)))
        .collect();
    Published { packages, not_published, defaults: Defaults { stage: policy.stage, managed: policy.managed } }
}

/// Resources by the key of their package, each with the group that lists it.
type Listed<'a> = BTreeMap<String, (&'a GroupFacts, &'a Resource)>;

/// Every resource once. Should two groups list it, it belongs to the one that its id names.
fn listed(snapshot: &PoolSnapshot) -> Listed<'_> {
    let mut listed = Listed::new();
    for group in &snapshot.facts.groups {
        for resource in snapshot.resources_of(&group.group.id).unwrap_or_default() {
            let owner = |group: &GroupFacts| resource.id.is_within(&group.group.id);
            match listed.entry(stable_key(&resource.name, &resource.id, KEY_DIGITS)) {
                btree_map::Entry::Vacant(free) => {
                    free.insert((group, resource));
                }
                btree_map::Entry::Occupied(mut taken) if owner(group) && !owner(taken.get().0) => {
                    taken.insert((group, resource));
                }
                btree_map::Entry::Occupied(_) => {}
            }
        }
    }
    listed
}

/// Why a resource is not offered; `None` when it is.
fn left_out(snapshot: &PoolSnapshot, group: &GroupFacts, resource: &Resource, policy: &Policy) -> Option<String> {
    let pool = &snapshot.facts.pool;
    let kind = group.group.kind;
    if group.group.workspace.is_none() {
        return Some("its application group is in no workspace, so no client shows it".to_owned());
    }
    if group.group.show_in_feed == Some(false) {
        return Some("its application group is hidden in the feed (showInFeed is false)".to_owned());
    }
    if resource.show_in_portal == Some(false) {
        return Some("it is hidden in the feed (showInPortal is false)".to_owned());
    }
    if group.group.cloud_pc && !policy.cloud_pcs {
        return Some("it is a Windows 365 Cloud PC, and cloud_pcs is not set".to_owned());
    }
    if !policy.scope.covers(kind) {
        return Some(format!("the connection's scope leaves out every {kind:?}"));
    }
    let named = |what: &str, filter: &crate::policy::NameFilter, names: &[&str]| {
        filter.leaves_out(names).map(|why| format!("{what} is {why}"))
    };
    let pool_names = [pool.id.name(), pool.friendly_name.as_deref().unwrap_or_default()];
    let workspace = group.workspace.as_ref();
    let workspace_names = [
        group.group.workspace.as_ref().map_or("", ArmId::name),
        workspace.and_then(|workspace| workspace.friendly_name.as_deref()).unwrap_or_default(),
    ];
    let resource_names = [resource.name.as_str(), resource.friendly_name.as_deref().unwrap_or_default()];
    named("its host pool", &policy.host_pools, &pool_names)
        .or_else(|| named("its workspace", &policy.workspaces, &workspace_names))
        .or_else(|| named("it", &policy.resources, &resource_names))
        .or_else(|| resource.object_id.is_empty().then(|| "it has no object id to launch it by".to_owned()))
}

/// `<prefix><name> (<pool>)`: the pool's label is unique in the connection, and within the pool names that clash are
/// told apart by their group, then by the resource's own name, then by its key.
///
/// The label has no round brackets here, so that nothing but the name can come before the last of them: two packages
/// of different pools never share a name, whatever they are called.
fn display_names(label: &str, offered: &Listed<'_>, prefix: &str) -> Vec<String> {
    let offered: Vec<&(&GroupFacts, &Resource)> = offered.values().collect();
    let readable = |name: &str| title(name).unwrap_or_else(|| "unnamed".to_owned());
    let friendly = |name: &Option<String>| name.as_deref().and_then(title);
    let names = offered.iter().map(|(group, resource)| {
        // Every desktop is called SessionDesktop until somebody names it: then its group's name says more.
        let unnamed = group.group.kind == ResourceKind::Desktop;
        friendly(&resource.friendly_name)
            .filter(|name| !(unnamed && name.eq_ignore_ascii_case("SessionDesktop")))
            .or_else(|| if unnamed { friendly(&group.group.friendly_name) } else { None })
            .unwrap_or_else(|| readable(&resource.name))
    });
    let group = |at: usize| &offered[at].0.group;
    let resource = |at: usize| offered[at].1;
    let names = told_apart(
        names.collect(),
        " – ",
        &[
            &|at| friendly(&group(at).friendly_name).unwrap_or_else(|| readable(group(at).id.name())),
            &|at| format!("{}/{}", readable(group(at).id.name()), readable(&resource(at).name)),
            &|at| stable_key("", &resource(at).id, KEY_DIGITS),
        ],
    );
    let label = without_round_brackets(label);
    names.into_iter().map(|name| format!("{prefix}{name} ({label})")).collect()
}

fn content(
    snapshot: &PoolSnapshot,
    group: &GroupFacts,
    resource: &Resource,
    display_name: String,
    policy: &Policy,
) -> Option<PackageContent> {
    let pool = &snapshot.facts.pool;
    let workspace = group.workspace.as_ref()?;
    let called = |id: &ArmId, friendly: &Option<String>| Named {
        id: id.clone(),
        name: friendly.as_deref().and_then(title).or_else(|| title(id.name())).unwrap_or_default(),
    };
    let kind = group.group.kind;
    Some(PackageContent {
        display_name,
        kind,
        description: resource.description.as_deref().and_then(title),
        resource: resource.id.clone(),
        host_pool: Named { id: pool.id.clone(), name: snapshot.facts.label.clone() },
        application_group: called(&group.group.id, &group.group.friendly_name),
        workspace: called(&workspace.id, &workspace.friendly_name),
        program: resource.file_path.clone().filter(|_| kind == ResourceKind::RemoteApp).map(|path| Program {
            path,
            command_line: resource.command_line_setting.unwrap_or(CommandLineSetting::DoNotAllow),
            arguments: resource.command_line_arguments.clone().filter(|arguments| !arguments.is_empty()),
        }),
        icon: match &resource.icon_sha256 {
            Some(sha256) => Icon { sha256: sha256.clone(), placeholder: false },
            None => Icon { sha256: crate::icon::placeholder_sha256(kind).to_owned(), placeholder: true },
        },
        launch: launch::actions(policy.cloud, &workspace.object_id, &resource.object_id, policy.tenant.as_deref()),
        rdp: resource.feed.as_ref().and_then(|feed| feed.rdp.clone()),
        runs_on: resource.feed.as_ref().and_then(|feed| feed.host_pool.clone()),
        categories: Vec::new(),
        file_associations: resource.feed.as_ref().map(|feed| feed.file_associations.clone()).unwrap_or_default(),
        network_credentials: policy.network_credentials.clone(),
        dependencies: policy.dependencies.clone(),
        entitlements: group.entitlements.clone(),
    })
}

#[cfg(test)]
mod tests;
