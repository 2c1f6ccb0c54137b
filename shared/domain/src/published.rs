//! From what a host pool is to what the catalogue should hold for it, and why the rest is not offered.

use crate::classic::is_classic;
use crate::discovery::GroupFacts;
use crate::estate::{CommandLineSetting, Resource, ResourceKind, Workspace};
use crate::feed::FeedItem;
use crate::launch::Target;

use crate::icon::{self, Placeholder};
use crate::names::{told_apart, without_round_brackets};
use crate::package::{Icon, LaunchAction, Named, PackageContent, Program};
use crate::plan::Defaults;
use crate::policy::Policy;
use crate::snapshot::PoolSnapshot;
use crate::text::{stable_key, title};
use crate::{ArmId, launch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, btree_map};

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
    /// Those of them whose resource this very look saw: what could not be read hides others, not these.
    pub seen: BTreeSet<String>,
    /// What is there and not offered.
    pub not_published: Vec<NotPublished>,
    /// What the connection says of packages that are new.
    pub defaults: Defaults,
    /// The pictures that packages without an icon name: whoever writes the packages stores them first.
    pub placeholders: Vec<Placeholder>,
}

impl Published {
    /// The same, with those packages alone that somebody chose. Names are told apart as if all were there, so that
    /// choosing one more renames none.
    #[must_use]
    pub fn narrowed(mut self, chosen: &BTreeSet<String>) -> Self {
        let left_out = self.packages.extract_if(.., |key, _| !chosen.contains(key));
        self.not_published.extend(left_out.map(|(key, content)| NotPublished {
            resource: content.resource,
            reason: format!("nobody chose it: `poolwarden resources create-package {key}` does"),
        }));
        self
    }
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
    let saw = |(group, resource): &(&GroupFacts, &Resource)| snapshot.saw(&group.group.id, &resource.id);
    let seen = offered.iter().filter(|(_, listed)| saw(listed)).map(|(key, _)| key.clone()).collect();
    let mut placeholders = BTreeMap::new();
    let mut placeholder = |group: &GroupFacts, resource: &Resource| {
        let drawn = icon::placeholder(group.group.kind, &readable_name(group, resource));
        let sha256 = drawn.sha256.to_string();
        placeholders.insert(sha256.clone(), drawn);
        Icon { sha256, placeholder: true }
    };
    let packages = offered
        .into_iter()
        .zip(names)
        .filter_map(|((key, (group, resource)), name)| {
            let icon = match &resource.icon_sha256 {
                Some(sha256) => Icon { sha256: sha256.clone(), placeholder: false },
                None => placeholder(group, resource),
            };
            Some((key, content(snapshot, group, resource, name, icon, policy)?))
        })
        .collect();
    let defaults = Defaults { stage: policy.stage, managed: policy.managed };
    Published { packages, seen, not_published, defaults, placeholders: placeholders.into_values().collect() }
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
    let runs_on = resource.feed.as_deref().and_then(runs_on).unwrap_or_default();
    let pool_names = [pool.id.name(), pool.friendly_name.as_deref().unwrap_or_default(), &runs_on];
    let workspace = group.workspace.as_ref();
    let workspace_names = [
        group.group.workspace.as_ref().map_or("", ArmId::name),
        workspace.and_then(|workspace| workspace.friendly_name.as_deref()).unwrap_or_default(),
    ];
    let resource_names = [resource.name.as_str(), resource.friendly_name.as_deref().unwrap_or_default()];
    named("its host pool", &policy.host_pools, &pool_names)
        .or_else(|| named("its workspace", &policy.workspaces, &workspace_names))
        .or_else(|| named("it", &policy.resources, &resource_names))
        .or_else(|| {
            // The classic model has no such ids.
            let cannot_launch = resource.object_id.is_empty() && !is_classic(&resource.id);
            cannot_launch.then(|| "it has no object id to launch it by".to_owned())
        })
}

/// `<prefix><name> (<pool>)`: the pool's label is unique in the connection, and within the pool names that clash are
/// told apart by their group, then by the resource's own name, then by its key.
///
/// The label has no round brackets here, so that nothing but the name can come before the last of them: two packages
/// of different pools never share a name, whatever they are called.
fn display_names(label: &str, offered: &Listed<'_>, prefix: &str) -> Vec<String> {
    let offered: Vec<&(&GroupFacts, &Resource)> = offered.values().collect();
    let names = offered.iter().map(|(group, resource)| readable_name(group, resource));
    let group = |at: usize| &offered[at].0.group;
    let resource = |at: usize| offered[at].1;
    let names = told_apart(
        names.collect(),
        " – ",
        &[
            &|at| resource(at).feed.as_deref().and_then(runs_on).unwrap_or_default(),
            &|at| friendly(&group(at).friendly_name).unwrap_or_else(|| readable(group(at).id.name())),
            &|at| format!("{}/{}", readable(group(at).id.name()), readable(&resource(at).name)),
            &|at| stable_key("", &resource(at).id, KEY_DIGITS),
        ],
    );
    let label = without_round_brackets(label);
    names.into_iter().map(|name| format!("{prefix}{name} ({label})")).collect()
}

/// What people call a resource, before anything is done to tell it apart.
fn readable_name(group: &GroupFacts, resource: &Resource) -> String {
    // Every desktop is called SessionDesktop until somebody names it: then its group's name says more.
    let unnamed = group.group.kind == ResourceKind::Desktop;
    friendly(&resource.friendly_name)
        .filter(|name| !(unnamed && name.eq_ignore_ascii_case("SessionDesktop")))
        .or_else(|| if unnamed { friendly(&group.group.friendly_name) } else { None })
        .unwrap_or_else(|| readable(&resource.name))
}

/// A feed is no host pool: what its `.rdp` file calls the one that is meant.
fn runs_on(feed: &FeedItem) -> Option<String> {
    feed.host_pool.as_deref().and_then(|pool| title(pool.rsplit('/').next().unwrap_or(pool)))
}

fn readable(name: &str) -> String {
    title(name).unwrap_or_else(|| "unnamed".to_owned())
}

fn friendly(name: &Option<String>) -> Option<String> {
    name.as_deref().and_then(title)
}

fn content(
    snapshot: &PoolSnapshot,
    group: &GroupFacts,
    resource: &Resource,
    display_name: String,
    icon: Icon,
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
        icon,
        launch: launch(workspace, resource, policy),
        rdp: resource.feed.as_ref().and_then(|feed| feed.rdp.clone()),
        runs_on: resource.feed.as_ref().and_then(|feed| feed.host_pool.clone()),
        categories: resource.feed.as_deref().map(categories).unwrap_or_default(),
        file_associations: resource.feed.as_ref().map(|feed| feed.file_associations.clone()).unwrap_or_default(),
        network_credentials: policy.network_credentials.clone(),
        dependencies: policy.dependencies.clone(),
        entitlements: group.entitlements.clone(),
    })
}

/// The ways to start a resource. What the classic service offers has none but its file.
fn launch(workspace: &Workspace, resource: &Resource, policy: &Policy) -> Vec<LaunchAction> {
    let feed = resource.feed.as_deref();
    let target = Target {
        workspace: feed.map_or(workspace.object_id.as_str(), |feed| feed.workspace_id.as_str()),
        resource: &resource.object_id,
        rdp: feed.and_then(|feed| feed.rdp.as_ref()),
        is_classic: is_classic(&resource.id),
    };
    launch::actions(policy.cloud, &target, policy.tenant.as_deref(), policy.web_client)
}

/// Where a catalogue shows what a feed offers: the feed's folders, then the files it opens.
fn categories(feed: &FeedItem) -> Vec<String> {
    let folders = feed.folders.iter().filter_map(|folder| title(folder));
    let files = feed.file_associations.iter().filter_map(|file| title(&format!("Opens {}", file.extension)));
    let mut categories: Vec<String> = folders.chain(files).collect();
    categories.sort();
    categories.dedup();
    categories
}

#[cfg(test)]
mod tests;
