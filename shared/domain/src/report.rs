//! What a run tells: of each pool while it goes on, and of the whole connection when it ends.

use crate::package::Change;
use crate::plan::{Observation, PoolPlan};
use crate::published::NotPublished;
use crate::run::{Requests, Status};
use crate::waiting::Waiting;
use crate::{ArmId, UnknownScope, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of one pool: `run-pools/<run>/<connection>/<pool>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolReport {
    /// The pool's key.
    pub pool: String,
    /// What people call it.
    pub label: String,
    /// Who looked, and when.
    pub observation: Observation,
    /// What is to be done; the entries themselves are in the plan's own document.
    pub plan: PlanSummary,
    /// What each part of the plan came to, by its number; the pool is done when all parts are there.
    pub parts: BTreeMap<u32, PartOutcome>,
    /// Desktops and RemoteApps found, offered or not.
    pub resources: usize,
    /// Session hosts, if they could be counted.
    pub session_hosts: Option<u64>,
    /// Packages offered before the plan.
    pub active: usize,
    /// What is there and not offered.
    pub not_published: Vec<NotPublished>,
    /// What would have changed, had this run not been told to check only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// Scopes of this pool that could not be read.
    pub unknown: Vec<UnknownScope>,
    /// What it cost.
    pub requests: Requests,
    /// The digest of the pool's facts; `None` for a pool that is gone or unknown.
    pub fingerprint: Option<String>,
}

/// A plan without its entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// Tells this plan's entries from those of another delivery's; `None` when there are none.
    pub digest: Option<String>,
    /// How many packages to create, update or restore.
    pub entries: usize,
    /// How many packages this look is the first to miss.
    pub missing: usize,
    /// Packages to retire, behind the brake.
    pub retire: Vec<String>,
    /// How many packages are as they should be.
    pub unchanged: usize,
    /// Of how many packages nobody can say.
    pub unknown: usize,
}

impl From<&PoolPlan> for PlanSummary {
    fn from(plan: &PoolPlan) -> Self {
        let digest = || text::sha256_hex(&serde_json::to_vec(&plan.entries).expect("plans are plain data"));
        Self {
            digest: (!plan.entries.is_empty()).then(|| digest()[..12].to_owned()),
            entries: plan.entries.len(),
            missing: plan.missing.len(),
            retire: plan.retire.clone(),
            unchanged: plan.unchanged,
            unknown: plan.unknown,
        }
    }
}

/// What publishing one part of a plan came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartOutcome {
    /// New packages.
    pub created: usize,
    /// Packages whose content changed.
    pub updated: usize,
    /// Packages that came back.
    pub restored: usize,
    /// Packages about which the catalogue knew the same or better.
    pub superseded: usize,
    /// Packages that could not be written, with the reason.
    pub failed: BTreeMap<String, String>,
}

impl PartOutcome {
    /// Counts one applied change.
    pub fn count(&mut self, change: Change) {
        match change {
            Change::Created => self.created += 1,
            Change::Updated => self.updated += 1,
            Change::Restored => self.restored += 1,
            // Not what a plan's entry comes to.
            Change::Retired
            | Change::Requested
            | Change::Promoted
            | Change::Demoted
            | Change::Edited
            | Change::Assigned
            | Change::Purged => {}
        }
    }
}

/// How many entries of a plan one message covers at least. Service Bus over REST takes three requests a message, so a
/// message a package would cost more than the publishing.
const MIN_ENTRIES_PER_PART: usize = 50;
/// And at most: a part is one document, and is published under one lock.
const MAX_ENTRIES_PER_PART: usize = 500;
/// Into how many parts a plan of a size between the two is divided: every part rewrites the pool's index.
const PARTS: usize = 8;

/// How many entries of a plan of this size one message covers.
pub fn entries_per_part(entries: usize) -> usize {
    entries.div_ceil(PARTS).clamp(MIN_ENTRIES_PER_PART, MAX_ENTRIES_PER_PART)
}

impl PoolReport {
    /// The report on a plan that is about to be carried out.
    pub fn new(
        pool: &str,
        observation: Observation,
        plan: &PoolPlan,
        active: usize,
        unknown: Vec<UnknownScope>,
    ) -> Self {
        Self {
            pool: pool.to_owned(),
            label: String::new(),
            observation: Observation { pool: Some(pool.to_owned()), ..observation },
            plan: plan.into(),
            parts: BTreeMap::new(),
            resources: 0,
            session_hosts: None,
            active,
            not_published: Vec::new(),
            waiting: Vec::new(),
            unknown,
            requests: Requests::default(),
            fingerprint: None,
        }
    }

    /// How many messages the plan takes.
    pub fn parts_expected(&self) -> u32 {
        let parts = self.plan.entries.div_ceil(entries_per_part(self.plan.entries));
        u32::try_from(parts).unwrap_or(u32::MAX)
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.parts.len() >= self.parts_expected() as usize
    }

    /// Records that the parts that have not reported will not be published.
    pub fn give_up(&mut self, reason: &str) {
        for part in 0..self.parts_expected() {
            self.parts.entry(part).or_insert_with(|| PartOutcome {
                failed: BTreeMap::from([(format!("{}, part {part}", self.pool), reason.to_owned())]),
                ..PartOutcome::default()
            });
        }
    }

    /// Whether the next run may take it for granted while nothing changes: all of it was read, and every entry of the
    /// plan is known to be in the catalogue.
    pub(crate) fn is_settled(&self) -> bool {
        let written: usize = self.parts.values().map(|part| part.created + part.updated + part.restored).sum();
        let is_known = self.unknown.is_empty() && self.waiting.is_empty();
        is_known && self.plan.missing == 0 && self.plan.retire.is_empty() && written == self.plan.entries
    }
}

/// The account a run gives of one connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionReport {
    /// The connection.
    pub name: String,
    /// What the run was limited to: the rest of the account is about that alone. Empty for the whole connection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<ArmId>,
    /// How it ended.
    pub status: Status,
    /// Host pools.
    pub pools: PoolCounts,
    /// Session hosts that could be counted.
    pub session_hosts: u64,
    /// Desktops and RemoteApps found, offered or not.
    pub resources: usize,
    /// What happened in the catalogue.
    pub packages: PackageCounts,
    /// What is there and not offered.
    pub not_published: Vec<NotPublished>,
    /// What would have changed, had the run not been told to check only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// What could not be read.
    pub unknown_scopes: Vec<ReportedScope>,
    /// Packages that could not be written, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed_packages: BTreeMap<String, String>,
    /// Input files that were not understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored_files: Vec<String>,
    /// Why nothing could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it cost.
    pub requests: Requests,
}

impl ConnectionReport {
    /// A report with nothing in it yet.
    pub fn new(name: &str, status: Status) -> Self {
        Self {
            name: name.to_owned(),
            only: Vec::new(),
            status,
            pools: PoolCounts::default(),
            session_hosts: 0,
            resources: 0,
            packages: PackageCounts::default(),
            not_published: Vec::new(),
            waiting: Vec::new(),
            unknown_scopes: Vec::new(),
            failed_packages: BTreeMap::new(),
            ignored_files: Vec::new(),
            error: None,
            requests: Requests::default(),
        }
    }
}

/// Host pools by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolCounts {
    /// Seen, or known from before.
    pub found: usize,
    /// Read in whole.
    pub read: usize,
    /// Not read, or not in whole.
    pub unknown: usize,
}

/// Packages by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageCounts {
    /// New.
    pub created: usize,
    /// Changed, or back again.
    pub updated: usize,
    /// As they were.
    pub unchanged: usize,
    /// No longer offered.
    pub retired: usize,
    /// To retire once a person agrees.
    pub held: usize,
    /// To create, update, restore or retire once a person has it applied: the connection checks only.
    #[serde(default)]
    pub waiting: usize,
    /// Left as they were because nobody can say.
    pub unknown: usize,
}

/// A scope that could not be read, as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportedScope {
    /// The scope.
    pub scope: ArmId,
    /// The kind of reason and the story.
    pub reason: String,
}
