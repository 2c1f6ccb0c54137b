//! Many files: the estate they hold together, and what they leave open.

use super::classic::{Known, Unknown, what_is};
use super::content::{Content, Kind};
use crate::answers::safe;
use crate::arm_estate::Grants;
use crate::classic::wire as classic_wire;
use crate::versions::ROLES_WITHOUT_USE;
use crate::wire;
use poolwarden_domain::classic::is_classic;
use poolwarden_domain::entitlement::DESKTOP_VIRTUALIZATION_USER;
use poolwarden_domain::estate::{Estate, RoleAssignment, Subscription};
use poolwarden_domain::{ArmId, UnknownScope, Unreadable, Why};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// What the files say about one list: of which files it consists, and whether its end is among them.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    pub(super) files: BTreeSet<PathBuf>,
    pub(super) is_whole: bool,
}

/// Lists by what they list and of what.
pub(super) type Lists = BTreeMap<(Kind, ArmId), Coverage>;

/// Collects the contents of files.
#[derive(Default)]
pub(super) struct Collector {
    estate: Estate,
    grants: Grants,
    hosts: BTreeMap<ArmId, HashSet<String>>,
    named: BTreeMap<String, Subscription>,
    /// Groups known through their applications or desktops.
    groups: BTreeSet<ArmId>,
    lists: Lists,
    seen: HashSet<(Kind, String)>,
}

/// What an item belongs to: the list it would be found in.
pub(super) fn holder(kind: Kind, id: &ArmId) -> Option<ArmId> {
    match kind {
        Kind::SessionHost => id.up_to("hostPools"),
        Kind::Application | Kind::Desktop | Kind::AssignedUser => id.up_to("applicationGroups"),
        Kind::Group if is_classic(id) => id.up_to("hostPools"),
        Kind::HostPool if is_classic(id) => id.up_to("tenants"),
        Kind::Workspace if is_classic(id) => id.up_to("tenantGroups"),
        Kind::Subscription => Some(ArmId::new("/")),
        _ => id.up_to("subscriptions"),
    }
}

impl Collector {
    /// Takes in one file. `shown` is its name as people know it.
    pub(super) fn take_in(&mut self, file: &Path, shown: &str, content: &Content<'_>) {
        let mut others: BTreeMap<String, usize> = BTreeMap::new();
        let mut holders = BTreeSet::new();
        holders.extend(content.asked.clone());
        for item in &content.items {
            let known = match what_is(item, content.asked_classic.as_ref()) {
                Ok(known) => known,
                Err(Unknown::Other(what)) => {
                    *others.entry(what).or_default() += 1;
                    continue;
                }
                Err(Unknown::Nameless(why)) => {
                    self.estate.ignored.push(format!("{shown}: an item {why}"));
                    continue;
                }
            };
            let (kind, id) = (known.kind, known.id.as_ref());
            holders.extend(id.and_then(|id| holder(kind, id)).map(|holder| (kind, holder)));
            if let Err(text) = self.take_item(&known, item) {
                match id {
                    Some(scope) => self.estate.unknown.push(UnknownScope {
                        scope: ArmId::new(&safe(scope.as_str(), 500)),
                        reason: Unreadable::new(Why::Malformed, format!("an item in {shown} {text}")),
                    }),
                    None => self.estate.ignored.push(format!("{shown}: an item {text}")),
                }
            }
        }
        for (what, count) in others {
            self.estate.ignored.push(format!("{shown}: {what} ({count} of them) is not used here"));
        }
        if content.is_list {
            if holders.is_empty() && content.items.is_empty() {
                self.estate.ignored.push(format!("{shown}: an empty list that does not say of what"));
            }
            for list in holders {
                let coverage = self.lists.entry(list).or_default();
                coverage.files.insert(file.to_owned());
                coverage.is_whole |= !content.goes_on;
            }
        }
    }

    fn take_item(&mut self, known: &Known, item: &RawValue) -> Result<(), String> {
        let (kind, id) = (known.kind, known.id.as_ref());
        // The same thing may be in several files; the first one counts.
        if id.is_some_and(|id| !self.seen.insert((kind, id.canonical()))) {
            return Ok(());
        }
        let estate = &mut self.estate;
        if let (true, Some(id)) = (known.is_classic, id) {
            match kind {
                Kind::HostPool => estate.host_pools.push(classic_wire::host_pool(item, id)?),
                Kind::Group => estate.application_groups.push(classic_wire::application_group(item, id)?),
                Kind::Workspace => estate.workspaces.push(classic_wire::tenant(item, id)?),
                Kind::AssignedUser => self.grants.assignments.push(classic_wire::assignment(item, id)?),
                _ => return self.take_part(kind, Some(id)),
            }
            return Ok(());
        }
        match kind {
            Kind::HostPool => estate.host_pools.push(wire::host_pool(item)?),
            Kind::Group => estate.application_groups.push(wire::application_group(item)?),
            Kind::Workspace => estate.workspaces.push(wire::workspace(item)?),
            Kind::RoleAssignment => self.grants.assignments.push(wire::role_assignment(item)?),
            Kind::RoleDefinition => self.grants.definitions.push(wire::role_definition(item)?),
            Kind::Subscription => {
                let subscription = wire::subscription(item)?;
                self.named.insert(subscription.id.to_ascii_lowercase(), subscription);
            }
            _ => return self.take_part(kind, id),
        }
        Ok(())
    }

    /// What only shows that there is more of a pool or group.
    fn take_part(&mut self, kind: Kind, id: Option<&ArmId>) -> Result<(), String> {
        match kind {
            Kind::SessionHost => {
                let id = id.ok_or("has no id")?;
                let pool = id.up_to("hostPools").ok_or("is a session host of no host pool")?;
                self.hosts.entry(pool).or_default().insert(id.canonical());
            }
            // Read when they are asked for; here only the group matters.
            _ => {
                let group = id.and_then(|id| id.up_to("applicationGroups")).ok_or("belongs to no application group")?;
                self.groups.insert(group);
            }
        }
        Ok(())
    }

    /// A file that is not understood.
    pub(super) fn ignore(&mut self, shown: &str, reason: &str) {
        self.estate.ignored.push(format!("{shown}: {reason}"));
    }

    /// Something that nobody can say, because not all files were read.
    pub(super) fn cut_short(&mut self, reason: String) {
        self.estate.ignored.push(reason.clone());
        self.missing(ArmId::new("/"), Why::TooLarge, reason);
    }

    fn missing(&mut self, scope: ArmId, why: Why, text: String) {
        self.estate.unknown.push(UnknownScope { scope, reason: Unreadable::new(why, text) });
    }

    /// The estate, with everything that the files leave open named.
    pub(super) fn finish(mut self, folder: &str) -> (Estate, Lists) {
        self.complete_classic();
        self.open_references(folder);
        self.open_lists(folder);
        self.name_subscriptions();
        self.grants_without_a_role();
        self.grants.keep_relevant();
        let mut estate = self.estate;
        estate.session_hosts = self.hosts.into_iter().map(|(pool, hosts)| (pool, hosts.len() as u64)).collect();
        estate.role_assignments = self.grants.assignments;
        estate.role_definitions = self.grants.definitions;
        (estate, self.lists)
    }

    /// What is referred to, and is in no file, may exist all the same.
    fn open_references(&mut self, folder: &str) {
        let pools: HashSet<&ArmId> = self.estate.host_pools.iter().map(|pool| &pool.id).collect();
        let groups: HashSet<&ArmId> = self.estate.application_groups.iter().map(|group| &group.id).collect();
        let workspaces: HashSet<&ArmId> = self.estate.workspaces.iter().map(|workspace| &workspace.id).collect();
        let mut open: BTreeMap<ArmId, &str> = BTreeMap::new();
        for group in self.groups.iter().filter(|group| !groups.contains(group)) {
            open.insert(group.clone(), "the application group, though applications or desktops of it are there");
        }
        for pool in &self.estate.host_pools {
            for group in pool.application_group_references.iter().filter(|group| !groups.contains(group)) {
                open.entry(group.clone()).or_insert("the application group that a host pool refers to");
            }
        }
        for group in &self.estate.application_groups {
            if !pools.contains(&group.host_pool) {
                open.insert(group.host_pool.clone(), "the host pool that an application group is on");
            }
            for workspace in group.workspace.iter().filter(|workspace| !workspaces.contains(workspace)) {
                open.insert(workspace.clone(), "the workspace that an application group is in");
            }
        }
        for (id, what) in open {
            self.missing(id, Why::Missing, format!("no file in {folder} holds {what}"));
        }
        if self.estate.host_pools.is_empty()
            && self.estate.application_groups.is_empty()
            && self.estate.workspaces.is_empty()
        {
            self.missing(
                ArmId::new("/"),
                Why::Missing,
                format!("no file in {folder} holds a host pool, application group or workspace"),
            );
        }
    }

    /// Lists that are not there, or whose end is not.
    fn open_lists(&mut self, folder: &str) {
        let has =
            |lists: &Lists, kind, scope: &ArmId| lists.get(&(kind, scope.clone())).is_some_and(|list| list.is_whole);
        let pools: Vec<ArmId> = self.estate.host_pools.iter().map(|pool| pool.id.clone()).collect();
        for pool in pools.iter().filter(|pool| !has(&self.lists, Kind::SessionHost, pool)).collect::<Vec<_>>() {
            self.hosts.remove(pool);
            let text = format!("no file in {folder} lists the session hosts of {pool} to the end");
            self.missing(ArmId::new(&format!("{pool}/sessionHosts")), Why::Missing, text);
        }
        self.open_classic_lists(folder);
        for subscription in self.subscriptions() {
            if !has(&self.lists, Kind::RoleAssignment, &subscription) {
                let text = format!("no file in {folder} lists the role assignments of {subscription} to the end");
                let scope = ArmId::new(&format!("{subscription}/providers/Microsoft.Authorization/roleAssignments"));
                self.missing(scope, Why::Missing, text);
            }
            let goes_on = |kind| self.lists.get(&(kind, subscription.clone())).is_some_and(|list| !list.is_whole);
            if [Kind::HostPool, Kind::Group, Kind::Workspace].into_iter().any(goes_on) {
                let text = format!("a list of {subscription} has a next page that is in no file in {folder}");
                self.missing(subscription, Why::Missing, text);
            }
        }
    }

    fn subscriptions(&self) -> BTreeSet<ArmId> {
        let pools = self.estate.host_pools.iter().map(|pool| &pool.id);
        let groups = self.estate.application_groups.iter().map(|group| &group.id);
        let workspaces = self.estate.workspaces.iter().map(|workspace| &workspace.id);
        pools.chain(groups).chain(workspaces).chain(&self.groups).filter_map(|id| id.up_to("subscriptions")).collect()
    }

    fn name_subscriptions(&mut self) {
        for scope in self.subscriptions() {
            let id = scope.name().to_owned();
            let named = self.named.get(&id.to_ascii_lowercase()).cloned();
            self.estate.subscriptions.push(named.unwrap_or_else(|| Subscription { display_name: id.clone(), id }));
        }
    }

    /// Assignments of roles about which the files say nothing cannot be counted; that is said rather than passed over.
    fn grants_without_a_role(&mut self) {
        let role = |id: &ArmId| id.name().to_ascii_lowercase();
        let mut defined: HashSet<String> =
            self.grants.definitions.iter().map(|definition| role(&definition.id)).collect();
        defined.extend(ROLES_WITHOUT_USE.map(str::to_owned));
        defined.insert(DESKTOP_VIRTUALIZATION_USER.to_owned());
        let mut without: BTreeMap<String, usize> = BTreeMap::new();
        let is_without = |assignment: &&RoleAssignment| !defined.contains(&role(&assignment.role_definition_id));
        for assignment in self.grants.assignments.iter().filter(is_without) {
            *without.entry(role(&assignment.role_definition_id)).or_default() += 1;
        }
        for (role, count) in without {
            let role = safe(&role, 100);
            self.estate.ignored.push(format!(
                "{count} assignments of the role {role}: no file holds its definition, so what it grants is not known"
            ));
        }
    }
}

mod classic;
