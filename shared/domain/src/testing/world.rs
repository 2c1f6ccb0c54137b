//! What is really there, and what a look at it finds.

use super::forbidden;
use crate::estate::{ApplicationGroup, Estate, HostPool, Resource, ResourceKind, Subscription, Workspace};
use crate::snapshot::GroupAnswer;
use crate::{ArmId, Unreadable, Why};
use std::collections::{BTreeMap, BTreeSet};

/// One RemoteApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct App {
    pub(crate) called: String,
    pub(crate) shown: bool,
}

type Apps = BTreeMap<String, App>;

/// Host pools, their groups, and the groups' RemoteApps, all by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) pools: BTreeMap<String, BTreeMap<String, Apps>>,
}

/// What one look cannot see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// Scopes that are unreadable in the look at the whole estate.
    pub(crate) dark: BTreeSet<ArmId>,
    /// Groups whose applications cannot be listed.
    pub(crate) silent: BTreeSet<ArmId>,
    /// Applications that are listed and cannot be read.
    pub(crate) garbled: BTreeSet<ArmId>,
    /// Whether the activity log cannot be read.
    pub(crate) no_log: bool,
}

const PROVIDER: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DesktopVirtualization";

pub(crate) fn pool_id(pool: &str) -> ArmId {
    ArmId::new(&format!("{PROVIDER}/hostPools/{pool}"))
}

pub(crate) fn group_id(group: &str) -> ArmId {
    ArmId::new(&format!("{PROVIDER}/applicationGroups/{group}"))
}

pub(crate) fn app_id(group: &str, app: &str) -> ArmId {
    ArmId::new(&format!("{}/applications/{app}", group_id(group)))
}

fn workspace_id() -> ArmId {
    ArmId::new(&format!("{PROVIDER}/workspaces/ws"))
}

impl World {
    /// From lines such as `pool/group: app app app`.
    pub(crate) fn of(lines: &[&str]) -> Self {
        let mut world = Self::default();
        for line in lines {
            let (place, apps) = line.split_once(':').unwrap();
            let (pool, group) = place.split_once('/').unwrap();
            let group = world.pools.entry(pool.to_owned()).or_default().entry(group.to_owned()).or_default();
            group.extend(
                apps.split_whitespace().map(|app| (app.to_owned(), App { called: app.to_owned(), shown: true })),
            );
        }
        world
    }

    /// Every app that clients show: its id with the pool and group it is in.
    pub(crate) fn offered(&self) -> BTreeMap<ArmId, (ArmId, ArmId)> {
        let groups = self.pools.iter().flat_map(|(pool, groups)| groups.iter().map(move |group| (pool, group)));
        let apps = groups.flat_map(|(pool, (group, apps))| apps.iter().map(move |app| (pool, group, app)));
        apps.filter(|(_, _, (_, app))| app.shown)
            .map(|(pool, group, (name, _))| (app_id(group, name), (pool_id(pool), group_id(group))))
            .collect()
    }

    /// What the look finds of everything but the applications.
    pub(crate) fn estate(&self, look: &Look) -> Estate {
        let is_dark = |id: &ArmId| look.dark.iter().any(|scope| id.is_within(scope));
        let mut estate = Estate {
            subscriptions: vec![Subscription { id: "s".to_owned(), display_name: "S".to_owned() }],
            workspaces: vec![Workspace { id: workspace_id(), object_id: "ws-1".to_owned(), friendly_name: None }],
            unknown: look.dark.iter().map(forbidden).collect(),
            ..Estate::default()
        };
        for (pool, groups) in &self.pools {
            if !is_dark(&pool_id(pool)) {
                estate.host_pools.push(host_pool(pool, groups.keys().map(|group| group_id(group)).collect()));
            }
            let visible = groups.keys().filter(|group| !is_dark(&group_id(group)));
            estate.application_groups.extend(visible.map(|group| application_group(group, pool)));
        }
        estate
    }

    /// Whether an application is there, shown or not.
    pub(crate) fn has(&self, id: &ArmId) -> bool {
        let groups = self.pools.values().flatten();
        groups.flat_map(|(group, apps)| apps.keys().map(move |app| app_id(group, app))).any(|app| app == *id)
    }

    /// What a group answers when it is asked for its applications.
    pub(crate) fn answer(&self, group: &ArmId, look: &Look) -> GroupAnswer {
        let apps = self.pools.values().flatten().find(|(name, _)| group_id(name) == *group);
        let answer = if look.silent.contains(group) || look.dark.iter().any(|scope| group.is_within(scope)) {
            Err(Unreadable::new(Why::Throttled, "429"))
        } else {
            let legible = |resource: &Resource| !look.garbled.contains(&resource.id);
            Ok(apps.map(|(group, apps)| {
                apps.iter().map(|(name, app)| resource(group, name, app)).filter(legible).collect()
            }))
        };
        (group.clone(), answer)
    }

    /// What the activity log tells of the way from another world to this one.
    pub(crate) fn changes_since(&self, before: &Self) -> Vec<ArmId> {
        let groups = |world: &Self| -> BTreeMap<ArmId, Apps> {
            world.pools.values().flatten().map(|(name, apps)| (group_id(name), apps.clone())).collect()
        };
        let (old, new) = (groups(before), groups(self));
        old.keys().chain(new.keys()).filter(|id| old.get(id) != new.get(id)).cloned().collect()
    }
}

pub(crate) fn host_pool(name: &str, application_group_references: Vec<ArmId>) -> HostPool {
    HostPool {
        id: pool_id(name),
        object_id: format!("o-{name}"),
        friendly_name: None,
        location: "westeurope".to_owned(),
        host_pool_type: Some("Pooled".to_owned()),
        preferred_app_group_type: None,
        application_group_references,
    }
}

pub(crate) fn application_group(name: &str, pool: &str) -> ApplicationGroup {
    ApplicationGroup {
        id: group_id(name),
        object_id: format!("o-{name}"),
        friendly_name: None,
        kind: ResourceKind::RemoteApp,
        host_pool: pool_id(pool),
        workspace: Some(workspace_id()),
        show_in_feed: None,
        cloud_pc: false,
    }
}

pub(crate) fn resource(group: &str, name: &str, app: &App) -> Resource {
    Resource {
        id: app_id(group, name),
        object_id: format!("o-{group}-{name}"),
        name: name.to_owned(),
        friendly_name: Some(app.called.clone()),
        description: None,
        show_in_portal: Some(app.shown),
        file_path: Some(format!("C:\\{name}.exe")),
        command_line_setting: None,
        command_line_arguments: None,
        icon: None,
        icon_sha256: None,
        feed: None,
        rdp: None,
    }
}
