//! The facts of access from files, for those who may not or will not let Poolwarden ask Azure: what ARM, Resource Graph
//! and Microsoft Graph answered, what `az` and Azure PowerShell printed, and what an earlier audit read.
//!
//! Everything is known by its content, not by its file's name; an empty list and the members of a group may say by name
//! what they are. What is not understood is listed, never fatal; what is not there is unknown, never fine.

mod content;
mod cover;
mod directory;

use super::ledger::Ledger;
use super::redact::redact;
use super::tidy::{count, tidy};
use super::{Depth, graph, hidden, item::Item, resource, wire};
use crate::answers::safe;
use crate::files::{Found, OpenError, Problem, find, shown, text};
use content::{Content, What, is_facts, named_everybody, named_list, split, what_is};
use cover::Lists;
use directory::Gathered;
use jiff::Timestamp;
use poolwarden_domain::access::{
    AccessFacts, Coverage, Directory, Facet, ManagementGroup, PimKind, State, SubscriptionFacts, principal_id,
};
use poolwarden_domain::{ArmId, Unreadable, Why};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What files told.
#[derive(Debug, Clone)]
pub struct AccessFiles {
    /// The facts, with what no file holds.
    pub facts: AccessFacts,
    /// How deep they go: an earlier audit's own facts of access alone are none of the posture, whatever was wanted.
    pub depth: Depth,
    /// The files, and things in them, that were not used, each with why.
    pub ignored: Vec<String>,
}

/// Reads the facts of access from the `.json` files of a folder and the folders in it, or from one file. `now` is when
/// they were read, unless an earlier audit's own file says when that was. Blocks on the disk.
pub fn read_access_files(path: &Path, depth: Depth, now: Timestamp) -> Result<AccessFiles, OpenError> {
    let mut reading = Reading::new(now);
    if path.is_file() {
        let folder = path.parent().unwrap_or(path);
        reading.read(path, &shown(folder, path));
    } else {
        let Found { root, files, problems } = find(path)?;
        for problem in problems {
            match problem {
                Problem::Ignored(shown, reason) => reading.ignored.push(format!("{shown}: {reason}")),
                Problem::CutShort(reason) => {
                    reading.cut_short.get_or_insert_with(|| Unreadable::new(Why::TooLarge, reason.clone()));
                    reading.ignored.push(reason);
                }
            }
        }
        for file in &files {
            reading.read(file, &shown(&root, file));
        }
    }
    Ok(reading.finish(depth))
}

/// What files told so far.
struct Reading {
    facts: AccessFacts,
    /// Whether an earlier audit's own file was there, with its own coverage.
    has_facts: bool,
    gathered: Gathered,
    lists: Lists,
    ledger: Ledger,
    /// Items of the directory that cannot be understood, the first of each facet.
    directory_flaws: BTreeMap<Facet, Unreadable>,
    /// The management groups that subscriptions are in.
    parents: BTreeMap<ArmId, ArmId>,
    names: BTreeMap<ArmId, String>,
    ignored: Vec<String>,
    cut_short: Option<Unreadable>,
}

impl Reading {
    fn new(now: Timestamp) -> Self {
        Self {
            facts: AccessFacts::new(now),
            has_facts: false,
            gathered: Gathered::default(),
            lists: Lists::default(),
            ledger: Ledger::default(),
            directory_flaws: BTreeMap::new(),
            parents: BTreeMap::new(),
            names: BTreeMap::new(),
            ignored: Vec::new(),
            cut_short: None,
        }
    }

    fn read(&mut self, file: &Path, shown: &str) {
        let value = text(file).and_then(|text| {
            let wrong =
                |error: serde_json::Error| format!("is no JSON (line {}, column {})", error.line(), error.column());
            serde_json::from_str::<Value>(&text).map_err(wrong)
        });
        let taken = value.and_then(|value| {
            if is_facts(&value) {
                self.take_facts(value)
            } else {
                split(value).map(|content| self.take(file, shown, &content))
            }
        });
        if let Err(reason) = taken {
            self.ignored.push(format!("{shown}: {reason}"));
        }
    }

    /// What an earlier audit read.
    fn take_facts(&mut self, value: Value) -> Result<(), String> {
        let mut facts: AccessFacts =
            serde_json::from_value(value).map_err(|_| "looks like the facts of an audit, but cannot be understood")?;
        facts.resources.iter_mut().for_each(|resource| redact(&mut resource.body));
        if self.has_facts {
            return Err("are the facts of another audit; only the first ones were used".to_owned());
        }
        self.has_facts = true;
        let mine = std::mem::replace(&mut self.facts, facts);
        self.facts.assignments.extend(mine.assignments);
        self.facts.definitions.extend(mine.definitions);
        self.facts.denies.extend(mine.denies);
        self.facts.pim.extend(mine.pim);
        self.facts.classic_administrators.extend(mine.classic_administrators);
        self.facts.resources.extend(mine.resources);
        self.facts.management_groups.extend(mine.management_groups);
        Ok(())
    }

    fn take(&mut self, file: &Path, shown: &str, content: &Content) {
        let mut others: BTreeMap<String, usize> = BTreeMap::new();
        let mut whats = Vec::with_capacity(content.items.len());
        let mut known = Vec::with_capacity(content.items.len());
        for value in &content.items {
            match what_is(value) {
                Ok(what) => {
                    if let Err(text) = self.take_item(what, value) {
                        self.flaw(what, value, shown, &text);
                    }
                    whats.push(what);
                    known.push(value.clone());
                }
                Err(what) => *others.entry(what).or_default() += 1,
            }
        }
        for (what, count) in others {
            self.ignored.push(format!("{shown}: {what} ({count} of them) is not used here"));
        }
        if let Some(group) = group_of(file, content) {
            let members: Vec<String> =
                known.iter().filter_map(|value| Item::of(value).ok()?.own("id").map(principal_id)).collect();
            if content.is_whole() && members.len() == content.items.len() {
                self.gathered.members(group, members);
            } else {
                self.ignored
                    .push(format!("{shown}: not every member of the group is in it, so its members are unknown"));
            }
            return;
        }
        if content.is_whole() {
            self.gathered.listed(&whats, &known, content.asked.as_ref());
            self.lists.take(&whats, &known, content);
            let everybody = named_everybody(file).filter(|_| content.asked.is_none());
            everybody.into_iter().for_each(|list| self.gathered.named(list));
            if content.items.is_empty() && content.asked.is_none() {
                match named_list(file) {
                    Some(list) => self.lists.named(list),
                    None if everybody.is_some() => {}
                    None => self.ignored.push(format!("{shown}: an empty list that does not say of what")),
                }
            }
        } else if content.is_list {
            self.ignored.push(format!("{shown}: the list begins or goes on elsewhere, so it is not whole"));
        }
    }

    fn take_item(&mut self, what: What, value: &Value) -> Result<(), String> {
        let facts = &mut self.facts;
        match what {
            What::Assignment => facts.assignments.push(wire::assignment_of(value)?),
            What::Definition => facts.definitions.push(wire::definition_of(value)?),
            What::Deny => facts.denies.push(wire::deny_of(value)?),
            What::Active => facts.pim.push(wire::instance_of(value, PimKind::Active)?),
            What::Eligible => facts.pim.push(wire::instance_of(value, PimKind::Eligible)?),
            What::ClassicAdministrator => facts.classic_administrators.push(wire::classic_administrator_of(value)?),
            What::Resource(_) => facts.resources.push(resource::resource_of(value.clone())?),
            What::ManagementGroup => self.take_management_group(value)?,
            What::Subscription => self.take_subscription(value)?,
            directory => self.gathered.take(directory, value)?,
        }
        Ok(())
    }

    /// An item that cannot be understood leaves its facet unknown where it stands.
    fn flaw(&mut self, what: What, value: &Value, shown: &str, text: &str) {
        self.ignored.push(format!("{shown}: an item {text}"));
        let id = Item::of(value).ok().and_then(|item| item.own("id")).map(|id| ArmId::new(&safe(id, 500)));
        let facet = match what {
            What::Assignment => Facet::RoleAssignments,
            What::Definition => Facet::RoleDefinitions,
            What::Deny => Facet::DenyAssignments,
            What::Active => Facet::PimActive,
            What::Eligible => Facet::PimEligible,
            What::ClassicAdministrator => Facet::ClassicAdministrators,
            What::Resource(facet) => facet,
            What::ManagementGroup | What::Subscription => Facet::ManagementGroups,
            directory => {
                let other = if what == What::Members { Facet::GroupMembers } else { Facet::Principals };
                let facet = directory::facet_of(directory).unwrap_or(other);
                let reason = Unreadable::new(Why::Malformed, format!("an item in {shown} {text}"));
                self.directory_flaws.entry(facet).or_insert(reason);
                return;
            }
        };
        let scope = id.as_ref().and_then(|id| id.up_to("subscriptions")).unwrap_or_else(|| ArmId::new("/"));
        let named = id.map(|id| format!("{id} ")).unwrap_or_default();
        self.ledger.fail(&scope, facet, Unreadable::new(Why::Malformed, format!("an item {named}in {shown} {text}")));
    }

    /// A management group, or (as the list of entities has it) a subscription in one.
    fn take_management_group(&mut self, value: &Value) -> Result<(), String> {
        let item = Item::of(value)?;
        let id = ArmId::new(item.own("id").ok_or("has no id")?);
        let parent = item.value("details").and_then(|details| details.get("parent")).or_else(|| item.value("parent"));
        let parent = parent.and_then(|parent| parent.get("id")?.as_str()).map(ArmId::new);
        let name = item.text("displayName").unwrap_or(id.name()).to_owned();
        self.facts.management_groups.push(ManagementGroup { id, name, parent });
        Ok(())
    }

    fn take_subscription(&mut self, value: &Value) -> Result<(), String> {
        let item = Item::of(value)?;
        let guid = item.own("subscriptionId").or_else(|| item.own("id")).ok_or("has no id")?;
        let id = ArmId::new(&format!("/subscriptions/{}", guid.rsplit('/').next().unwrap_or(guid)));
        self.names.insert(id.clone(), item.any_text(&["displayName", "name"]).unwrap_or(guid).to_owned());
        self.facts.tenant = self.facts.tenant.take().or_else(|| item.text("tenantId").map(str::to_owned));
        let parent = item.value("parent").and_then(|parent| parent.get("id")?.as_str()).map(ArmId::new);
        if let Some(parent) = parent {
            self.parents.insert(id.clone(), parent);
        }
        for (at, (group, name, parent)) in graph::chain_of(&item)?.into_iter().enumerate() {
            if at == 0 {
                self.parents.insert(id.clone(), group.clone());
            }
            self.facts.management_groups.push(ManagementGroup { id: group, name, parent });
        }
        Ok(())
    }

    fn finish(mut self, wanted: Depth) -> AccessFiles {
        tidy(&mut self.facts);
        let mut groups = BTreeSet::new();
        self.facts.management_groups.retain(|group| groups.insert(group.id.clone()));
        let told = std::mem::take(&mut self.facts.coverage);
        let depth = if self.has_facts { wanted.min(depth_of(&told)) } else { wanted };
        self.add_subscriptions();
        let scopes: Vec<ArmId> = self.facts.subscriptions.iter().map(|one| one.id.clone()).collect();
        let mut ledger = std::mem::take(&mut self.ledger);
        ledger.open(&scopes, depth.facets());
        // What no file holds, or is hidden from whoever asked, an earlier audit may have told of.
        let is_told = |line: &Coverage| told.iter().any(|one| one.facet == line.facet && one.scope == line.scope);
        let untold = |lines: Ledger, ledger: &mut Ledger| {
            for line in lines.coverage().into_iter().filter(|line| !is_told(line)) {
                if let State::Unknown(reason) = line.state {
                    ledger.fail(&line.scope, line.facet, reason);
                }
            }
        };
        let (mut missing, mut hidden) = (Ledger::default(), Ledger::default());
        self.lists.cover(&self.facts, &scopes, depth, &mut missing);
        untold(missing, &mut ledger);
        if let Some(reason) = &self.cut_short {
            depth.facets().iter().for_each(|facet| ledger.fail_all(&scopes, *facet, reason));
        }
        count(&self.facts, &scopes, &mut ledger);
        let mut of_directory = Vec::new();
        if self.has_facts {
            // Two directories cannot be one: what is in a group may have changed between them.
            if self.gathered.directory != Directory::default() {
                self.ignored.push("the directory's files: the audit's own facts have a directory".to_owned());
            }
        } else {
            let holders = self.facts.assignments.iter().map(|one| &one.principal);
            let holders = holders.chain(self.facts.pim.iter().map(|one| &one.principal));
            let held = holders.map(|one| (one.id.clone(), one.kind.clone())).collect();
            (self.facts.directory, of_directory) = self.gathered.finish(&held, depth.of_directory());
            blemish(&mut of_directory, &self.directory_flaws);
        }
        hidden::by_denies(&self.facts, depth, &mut hidden);
        untold(hidden, &mut ledger);
        self.facts.coverage = merged(told, ledger.coverage());
        self.facts.coverage.extend(of_directory);
        AccessFiles { facts: self.facts, depth, ignored: self.ignored }
    }

    /// Every subscription that something lies in, or that is named.
    fn add_subscriptions(&mut self) {
        let facts = &mut self.facts;
        let of_grants = facts.assignments.iter().map(|one| &one.scope).chain(facts.pim.iter().map(|one| &one.scope));
        let of_rest = facts.denies.iter().map(|one| &one.scope).chain(facts.resources.iter().map(|one| &one.id));
        let mut all: BTreeSet<ArmId> = of_grants.chain(of_rest).filter_map(|id| id.up_to("subscriptions")).collect();
        all.extend(self.names.keys().cloned());
        for id in all {
            if facts.subscriptions.iter().any(|one| one.id == id) {
                continue;
            }
            let name = self.names.get(&id).cloned().unwrap_or_else(|| id.name().to_owned());
            let management_group = self.parents.get(&id).cloned();
            facts.subscriptions.push(SubscriptionFacts { id, name, management_group });
        }
    }
}

/// How deep an earlier audit looked, by what it tells of. One of access alone reads less of some facets too: of virtual
/// machines their names, of storage accounts no shares, and of the directory nobody by name but a vendor. What its facts
/// lack is not to be taken for a fault of the deployment.
fn depth_of(told: &[Coverage]) -> Depth {
    let of_access = [Depth::Rbac.facets(), Depth::Rbac.of_directory()].concat();
    let is_more = |line: &Coverage| !of_access.contains(&line.facet);
    if told.iter().any(is_more) { Depth::Posture } else { Depth::Rbac }
}

/// What an earlier audit told, and what files tell beside it: what it read counts as read no more if something of it
/// cannot be understood now, or was not looked at.
fn merged(mut told: Vec<Coverage>, lines: Vec<Coverage>) -> Vec<Coverage> {
    for line in lines {
        match told.iter_mut().find(|one| one.facet == line.facet && one.scope == line.scope) {
            Some(one) if matches!(line.state, State::Unknown(_)) && matches!(one.state, State::Read { .. }) => {
                one.state = line.state;
            }
            Some(_) => {}
            None => told.push(line),
        }
    }
    told
}

/// What was read of the directory counts as read only if all of it was understood.
fn blemish(lines: &mut [Coverage], flaws: &BTreeMap<Facet, Unreadable>) {
    for line in lines {
        if let (Some(reason), State::Read { .. }) = (flaws.get(&line.facet), &line.state) {
            line.state = State::Unknown(reason.clone());
        }
    }
}

/// The group whose members a file lists: as the question says, or the file's name (`members-{group}.json`).
fn group_of(file: &Path, content: &Content) -> Option<String> {
    let is_members = |asked: &&content::Asked| {
        ["members", "transitivemembers"].contains(&asked.list.as_str()) && asked.filter.is_none()
    };
    if let Some(asked) = content.asked.as_ref().filter(is_members) {
        return Some(principal_id(asked.of.name()));
    }
    let stem = file.file_stem()?.to_str()?.to_ascii_lowercase();
    stem.strip_prefix("members-").filter(|_| content.is_list).map(principal_id)
}

#[cfg(test)]
mod tests;
