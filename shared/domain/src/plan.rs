//! The difference between what a host pool publishes and what the catalogue holds for it.
//!
//! Laws, each with a test: a plan applied twice changes nothing; effects do not depend on the order of entries; what
//! is unknown is neither changed nor retired; nothing is retired by the first run that misses it; what a person keeps
//! from following its source is not touched.

use crate::discovery::hides_below;
use crate::estate::ResourceKind;
use crate::package::{Change, PackageContent, PackageState, Stage, follows_its_source};
use crate::published::Published;
use crate::{ArmId, UnknownScope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Which run looked, when, and at what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The run.
    pub run: String,
    /// When the run began.
    pub run_started_at: Timestamp,
    /// When it began to look at this pool.
    pub observed_at: Timestamp,
    /// The key of the pool, once there is a report on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
}

/// The catalogue's index of one host pool: a line for each package it ever published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolIndex {
    /// The pool.
    pub host_pool: ArmId,
    /// What people call it.
    pub label: String,
    /// The packages, by key.
    pub rows: BTreeMap<String, Row>,
    /// Packages that this pool offers by now and that stay with another one, because no run may touch them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub elsewhere: BTreeSet<String>,
}

/// One package in an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The package's name.
    pub display_name: String,
    /// Desktop or RemoteApp.
    pub kind: ResourceKind,
    /// The published resource.
    pub resource: ArmId,
    /// The application group it comes from.
    pub group: ArmId,
    /// What people call its workspace.
    pub workspace: String,
    /// How far it is let through.
    pub stage: Stage,
    /// The stage that a waiting promotion would take it to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Stage>,
    /// Whether it follows its source.
    #[serde(default = "follows_its_source")]
    pub managed: bool,
    /// Offered or retired.
    pub state: PackageState,
    /// Since when it is retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    /// The person who retired it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_by: Option<String>,
    /// The digest of its content.
    pub content_sha256: String,
    /// Its newest revision.
    pub revision: u64,
    /// When its newest revision was observed.
    pub observed_at: Timestamp,
    /// Set by a complete look that did not find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
}

/// The first complete look in a row that did not find a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The run that looked.
    pub run: String,
    /// When it looked.
    pub observed_at: Timestamp,
}

impl Row {
    /// Whether no run may touch the package.
    fn stays(&self) -> bool {
        !self.managed || self.retired_by.is_some()
    }
}

impl PoolIndex {
    /// The index of a pool that has published nothing yet.
    pub fn new(host_pool: ArmId, label: String) -> Self {
        Self { host_pool, label, rows: BTreeMap::new(), elsewhere: BTreeSet::new() }
    }

    /// How many packages are offered.
    pub fn active(&self) -> usize {
        self.rows.values().filter(|row| row.state == PackageState::Active).count()
    }

    /// Records what a look found missing, and what it did not. Returns whether anything changed.
    pub fn mark(&mut self, plan: &PoolPlan, observation: &Observation) -> bool {
        let before = self.clone();
        for key in &plan.missing {
            if let Some(row) = self.rows.get_mut(key).filter(|row| row.observed_at <= observation.observed_at) {
                let missing = Missing { run: observation.run.clone(), observed_at: observation.observed_at };
                row.missing.get_or_insert(missing);
            }
        }
        for key in &plan.not_missing {
            if let Some(row) = self.rows.get_mut(key) {
                row.missing = None;
            }
        }
        *self != before
    }

    /// Whether a package that a look found due to retire still is: since that look it may have been seen again, and
    /// perhaps missed anew. One that is retired already stays due, so that retiring can be repeated.
    pub fn is_due(&self, key: &str, observation: &Observation) -> bool {
        let missed = |missing: &Missing| missing.observed_at < observation.run_started_at;
        self.rows.get(key).is_some_and(|row| {
            row.state == PackageState::Retired || row.managed && row.missing.as_ref().is_some_and(missed)
        })
    }
}

/// What a connection says of packages that are new. Afterwards it is for persons to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// How far they are let through.
    pub stage: Stage,
    /// Whether they follow their source.
    pub managed: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { stage: Stage::default(), managed: follows_its_source() }
    }
}

/// One package to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredEntry")]
pub struct Entry {
    /// The package.
    pub key: String,
    /// What the plan expects to do; the catalogue has the last word.
    pub change: Change,
    /// What the package shall hold.
    pub content: PackageContent,
    /// What it is if it is new.
    pub defaults: Defaults,
}

/// An entry as any version may have written it: its content said once what the defaults are.
#[derive(Deserialize)]
struct StoredEntry {
    key: String,
    change: Change,
    content: StoredContent,
    defaults: Option<Defaults>,
}

#[derive(Deserialize)]
struct StoredContent {
    #[serde(flatten)]
    content: PackageContent,
    stage: Option<Stage>,
    managed: Option<bool>,
}

impl From<StoredEntry> for Entry {
    fn from(stored: StoredEntry) -> Self {
        let StoredContent { content, stage, managed } = stored.content;
        let usual = Defaults::default();
        let defaults = stored
            .defaults
            .unwrap_or(Defaults { stage: stage.unwrap_or(usual.stage), managed: managed.unwrap_or(usual.managed) });
        Self { key: stored.key, change: stored.change, content, defaults }
    }
}

/// What one look at a pool asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolPlan {
    /// Packages to create, update or restore.
    pub entries: Vec<Entry>,
    /// Packages that this look is the first to miss.
    pub missing: Vec<String>,
    /// Packages whose earlier miss no longer counts: they are back, or nobody can say.
    pub not_missing: Vec<String>,
    /// Packages that two complete looks in a row have missed: to retire, behind the brake.
    pub retire: Vec<String>,
    /// Packages that are as they should be.
    pub unchanged: usize,
    /// Packages of which nobody can say.
    pub unknown: usize,
}

/// Plans one pool.
pub fn plan(published: &Published, index: &PoolIndex, unknown: &[UnknownScope], observation: &Observation) -> PoolPlan {
    let dark: HashSet<ArmId> = unknown.iter().filter_map(hides_below).collect();
    let is_dark = |id: &ArmId| id.ancestors().any(|scope| dark.contains(&scope));
    let pool_is_dark = is_dark(&index.host_pool);
    let in_the_dark = |group: &ArmId, resource: &ArmId| pool_is_dark || is_dark(group) || is_dark(resource);
    let mut plan = PoolPlan::default();
    for (key, content) in &published.packages {
        let row = index.rows.get(key);
        if in_the_dark(&content.application_group.id, &content.resource) && !published.seen.contains(key) {
            // Known from an earlier look only. Offered packages are counted below, with the rest of the index.
            continue;
        }
        let change = match row {
            None if index.elsewhere.contains(key) => continue,
            None => Change::Created,
            // What is retired and stays so counts nowhere, as everything that is not offered.
            Some(row) if row.state == PackageState::Retired && row.stays() => continue,
            Some(row) if row.state == PackageState::Retired => Change::Restored,
            Some(row) if row.managed && row.content_sha256 != content.sha256() => Change::Updated,
            Some(row) => {
                plan.unchanged += usize::from(row.managed);
                if row.missing.is_some() {
                    plan.not_missing.push(key.clone());
                }
                continue;
            }
        };
        let entry = Entry { key: key.clone(), change, content: content.clone(), defaults: published.defaults };
        plan.entries.push(entry);
        if row.is_some_and(|row| row.missing.is_some()) {
            plan.not_missing.push(key.clone());
        }
    }
    for (key, row) in index.rows.iter().filter(|(_, row)| row.state == PackageState::Active) {
        let seen = published.seen.contains(key);
        let published = published.packages.get(key);
        if !row.managed {
            // It is as it should be, whatever becomes of its source.
            plan.unchanged += 1;
            continue;
        }
        let dark = in_the_dark(published.map_or(&row.group, |content| &content.application_group.id), &row.resource);
        match &row.missing {
            missing if dark && !seen => {
                plan.unknown += 1;
                if missing.is_some() {
                    plan.not_missing.push(key.clone());
                }
            }
            _ if published.is_some() => {}
            None => plan.missing.push(key.clone()),
            // The runs must not overlap: two looks within one moment are one look.
            Some(missing) if missing.run != observation.run && missing.observed_at < observation.run_started_at => {
                plan.retire.push(key.clone());
            }
            Some(_) => plan.missing.push(key.clone()),
        }
    }
    plan
}

#[cfg(test)]
mod tests;
