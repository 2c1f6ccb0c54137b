//! A run: one pass over one connection, from the trigger to the report. Its documents are what makes it survive a
//! killed process.

use crate::discovery::PoolFacts;
use crate::plan::{Observation, PoolPlan};
use crate::published::NotPublished;
use crate::package::Change;
use crate::{ArmId, UnknownScope};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What set a run off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The connection's schedule.
    Timer,
    /// A person at the command line.
    Command,
}

/// Where a run reads the estate from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The connection's Azure.
    Azure,
    /// Files, as exported from Azure.
    Directory(PathBuf),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything was read, and the catalogue says so.
    Complete,
    /// Something could not be read; what could be is in the catalogue.
    Incomplete,
    /// It would retire more than the brake lets through, and waits for a person.
    Held,
    /// Nothing could be read.
    Failed,
}

/// One connection's part of a run: `runs/<run>/<connection>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The run's id; it sorts by the time it began.
    pub id: String,
    /// The connection.
    pub connection: String,
    /// What set it off.
    pub trigger: Trigger,
    /// Where it reads from.
    pub source: Source,
    /// Whether everything is read anew, whatever is known.
    pub full: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// Set once the pools are known and their work is laid out.
    pub discovered: Option<Discovered>,
    /// Set once it has ended.
    pub finished: Option<Finished>,
    /// Set when a person let a held run go on.
    pub approved_at: Option<Timestamp>,
}

/// What discovery found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discovered {
    /// The keys of the pools to enumerate.
    pub pools: Vec<String>,
    /// The pools in which nothing can have changed, by key, with what is known of them.
    pub carried: BTreeMap<String, BaselinePool>,
    /// Scopes that could not be read.
    pub unknown: Vec<UnknownScope>,
    /// Input files that were not understood (offline input only).
    pub ignored: Vec<String>,
    /// What it cost.
    pub requests: Requests,
    /// Whether every resource is read anew in this run.
    pub full: bool,
}

/// Requests sent, by interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// To Azure Resource Manager, Resource Graph not counted.
    pub arm: u64,
    /// To Azure Resource Graph.
    pub resource_graph: u64,
    /// Answers, of either, that asked to wait.
    pub throttled: u64,
}

impl std::ops::AddAssign for Requests {
    fn add_assign(&mut self, other: Self) {
        self.arm += other.arm;
        self.resource_graph += other.resource_graph;
        self.throttled += other.throttled;
    }
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// When.
    pub at: Timestamp,
    /// The account it gives.
    pub report: ConnectionReport,
}

/// The work laid out for one pool: `pending/<run>/<connection>/<pool>`. It is deleted when the pool is done, so that
/// an empty list means that every pool is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolWork {
    /// The pool was seen.
    Seen {
        /// All that is known of it.
        facts: Box<PoolFacts>,
        /// The groups to ask even though their resources are known; `None` asks all.
        changed: Option<Vec<ArmId>>,
    },
    /// The catalogue knows the pool, and discovery did not see it.
    Vanished {
        /// The pool.
        id: ArmId,
    },
}

/// What became of one pool: `run-pools/<run>/<connection>/<pool>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolReport {
    /// The pool's key.
    pub pool: String,
    /// What people call it.
    pub label: String,
    /// Who looked, and when.
    pub observation: Observation,
    /// What is to be done.
    pub plan: PoolPlan,
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
    /// Scopes of this pool that could not be read.
    pub unknown: Vec<UnknownScope>,
    /// What it cost.
    pub requests: Requests,
    /// The digest of the pool's facts; `None` for a pool that is gone or unknown.
    pub fingerprint: Option<String>,
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
            Change::Retired => {}
        }
    }
}

/// How many entries of a plan one message covers. Service Bus over REST takes three requests a message, so a message
/// a package would cost more than the publishing.
pub const ENTRIES_PER_PART: usize = 50;

impl PoolReport {
    /// How many messages the plan takes.
    pub fn parts_expected(&self) -> u32 {
        u32::try_from(self.plan.entries.len().div_ceil(ENTRIES_PER_PART)).unwrap_or(u32::MAX)
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.parts.len() >= self.parts_expected() as usize
    }

    /// Whether the next run may take it for granted while nothing changes.
    fn is_settled(&self) -> bool {
        self.unknown.is_empty()
            && self.plan.missing.is_empty()
            && self.plan.retire.is_empty()
            && self.parts.values().all(|part| part.failed.is_empty() && part.superseded == 0)
    }
}

/// What the next run may take for granted: `baselines/<connection>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The run that vouches for it.
    pub run: String,
    /// When that run began: whatever changed since must be read again.
    pub started_at: Timestamp,
    /// When every resource was last read anew.
    pub full_at: Timestamp,
    /// The digest of the policy it was decided under.
    pub policy: String,
    /// The pools, by key.
    pub pools: BTreeMap<String, BaselinePool>,
}

/// A pool about which nothing is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselinePool {
    /// The digest of its facts.
    pub fingerprint: String,
    /// Desktops and RemoteApps found.
    pub resources: usize,
    /// Session hosts.
    pub session_hosts: Option<u64>,
    /// Packages offered.
    pub packages: usize,
    /// What is there and not offered.
    pub not_published: Vec<NotPublished>,
}

/// The account a run gives of one connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionReport {
    /// The connection.
    pub name: String,
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

/// What the end of a run comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The packages to retire now: pool key, package keys, and the look that missed them.
    pub retire: Vec<(String, Vec<String>, Observation)>,
    /// The account.
    pub report: ConnectionReport,
    /// What the next run may take for granted.
    pub baseline: Option<Baseline>,
}

/// Draws the sum of a run: the report, what to retire, and what the next run can build on.
pub fn conclude(
    run: &Run,
    pools: &[PoolReport],
    brake: crate::policy::Brake,
    policy: String,
    previous: Option<&Baseline>,
) -> Ending {
    let nothing = Discovered {
        pools: Vec::new(),
        carried: BTreeMap::new(),
        unknown: Vec::new(),
        ignored: Vec::new(),
        requests: Requests::default(),
        full: false,
    };
    let discovered = run.discovered.as_ref().unwrap_or(&nothing);
    let active = pools.iter().map(|pool| pool.active).sum::<usize>()
        + discovered.carried.values().map(|pool| pool.packages).sum::<usize>();
    let retiring: usize = pools.iter().map(|pool| pool.plan.retire.len()).sum();
    let held = brake.stops(retiring, active) && run.approved_at.is_none();

    let mut report = ConnectionReport {
        name: run.connection.clone(),
        status: Status::Complete,
        pools: PoolCounts { found: discovered.pools.len() + discovered.carried.len(), ..PoolCounts::default() },
        session_hosts: 0,
        resources: 0,
        packages: PackageCounts::default(),
        not_published: Vec::new(),
        unknown_scopes: Vec::new(),
        failed_packages: BTreeMap::new(),
        ignored_files: discovered.ignored.clone(),
        error: None,
        requests: discovered.requests,
    };
    let mut unknown: Vec<&UnknownScope> = discovered.unknown.iter().collect();
    for pool in pools {
        if pool.unknown.is_empty() {
            report.pools.read += 1;
        } else {
            report.pools.unknown += 1;
        }
        report.session_hosts += pool.session_hosts.unwrap_or(0);
        report.resources += pool.resources;
        for part in pool.parts.values() {
            report.packages.created += part.created;
            report.packages.updated += part.updated + part.restored;
            report.packages.unchanged += part.superseded;
            report.failed_packages.extend(part.failed.clone());
        }
        report.packages.unchanged += pool.plan.unchanged + pool.plan.missing.len();
        report.packages.unknown += pool.plan.unknown;
        report.not_published.extend(pool.not_published.iter().cloned());
        report.requests += pool.requests;
        unknown.extend(&pool.unknown);
    }
    for pool in discovered.carried.values() {
        report.pools.read += 1;
        report.session_hosts += pool.session_hosts.unwrap_or(0);
        report.resources += pool.resources;
        report.packages.unchanged += pool.packages;
        report.not_published.extend(pool.not_published.iter().cloned());
    }
    if held {
        report.packages.held = retiring;
    } else {
        report.packages.retired = retiring;
    }
    unknown.sort_by(|a, b| a.scope.cmp(&b.scope));
    unknown.dedup();
    report.unknown_scopes = unknown
        .into_iter()
        .map(|dark| ReportedScope { scope: dark.scope.clone(), reason: dark.reason.to_string() })
        .collect();
    report.not_published.sort_by(|a, b| a.resource.cmp(&b.resource));
    report.status = if held {
        Status::Held
    } else if !report.unknown_scopes.is_empty() || !report.failed_packages.is_empty() {
        Status::Incomplete
    } else {
        Status::Complete
    };

    let retire = pools
        .iter()
        .filter(|pool| !held && !pool.plan.retire.is_empty())
        .map(|pool| (pool.pool.clone(), pool.plan.retire.clone(), pool.observation.clone()))
        .collect();
    let settled = pools.iter().filter(|pool| pool.is_settled()).filter_map(|pool| {
        let packages = pool.plan.unchanged + pool.plan.entries.len();
        let settled = BaselinePool {
            fingerprint: pool.fingerprint.clone()?,
            resources: pool.resources,
            session_hosts: pool.session_hosts,
            packages,
            not_published: pool.not_published.clone(),
        };
        Some((pool.pool.clone(), settled))
    });
    let baseline = (run.source == Source::Azure).then(|| Baseline {
        run: run.id.clone(),
        started_at: run.started_at,
        full_at: if discovered.full { run.started_at } else { previous.map_or(run.started_at, |b| b.full_at) },
        policy,
        pools: discovered.carried.clone().into_iter().chain(settled).collect(),
    });
    Ending { retire, report, baseline }
}
