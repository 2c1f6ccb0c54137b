//! A run: one pass over one connection, from the trigger to the report. Its documents are what makes it survive a
//! killed process.

use crate::discovery::PoolFacts;
use crate::plan::Observation;
use crate::published::NotPublished;
use crate::report::ConnectionReport;
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
    /// A request to `import_webhook` or `import_webhook_signed`.
    Webhook,
    /// A change that Azure told of.
    ResourceEvent,
}

/// How the id of a run that is limited to a part of its connection ends, so that it is told from others without
/// reading it.
pub const PART_SUFFIX: &str = "-part";

/// The most ids a run can be limited to; what touches more is for a run of the whole connection.
pub const MAX_ONLY: usize = 50;

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
    /// Whether it applies what it finds even where the connection checks only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apply: bool,
    /// What it is limited to: host pools, or application groups, workspaces and scopes whose pools are meant. Empty
    /// for the whole connection. At most [`MAX_ONLY`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<ArmId>,
    /// When it began.
    pub started_at: Timestamp,
    /// Set once the pools are known and their work is laid out.
    pub discovered: Option<Discovered>,
    /// Set once it has ended.
    pub finished: Option<Finished>,
    /// Set when a person let a held run go on.
    pub approved_at: Option<Timestamp>,
}

impl Run {
    /// A run that is about to begin.
    pub fn new(id: String, connection: &str, trigger: Trigger, source: Source, started_at: Timestamp) -> Self {
        Self {
            id,
            connection: connection.to_owned(),
            trigger,
            source,
            full: false,
            apply: false,
            only: Vec::new(),
            started_at,
            discovered: None,
            finished: None,
            approved_at: None,
        }
    }

    /// The same run, limited to these. None at all, or too many, are the whole connection.
    #[must_use]
    pub fn limited_to(self, only: &[ArmId]) -> Self {
        let mut each: Vec<ArmId> = Vec::new();
        for id in only {
            if !each.contains(id) {
                each.push(id.clone());
            }
            if each.len() > MAX_ONLY {
                break;
            }
        }
        Self { only: if each.len() > MAX_ONLY { Vec::new() } else { each }, ..self }
    }

    /// The run with more to look at; `None` if it looks at that anyway, or has looked already.
    pub fn widened(&self, more: &[ArmId]) -> Option<Self> {
        if self.has_looked()
            || self.only.is_empty()
            || (!more.is_empty() && more.iter().all(|id| self.only.contains(id)))
        {
            return None;
        }
        let only = if more.is_empty() { Vec::new() } else { [&self.only, more].concat() };
        Some(self.clone().limited_to(&only))
    }

    /// Whether it is too late to widen it.
    pub fn has_looked(&self) -> bool {
        self.discovered.is_some() || self.finished.is_some()
    }

    /// Whether it is limited to a part of its connection.
    pub fn is_part(&self) -> bool {
        !self.only.is_empty()
    }

    /// A look at one pool that begins now.
    pub fn observe(&self, now: Timestamp) -> Observation {
        Observation { run: self.id.clone(), run_started_at: self.started_at, observed_at: now, pool: None }
    }

    /// Whether it has ended waiting for a person.
    pub fn held(&self) -> bool {
        self.finished.as_ref().is_some_and(|finished| finished.report.status == Status::Held)
    }
}

/// What discovery found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Discovered {
    /// Which layout of the work counts: a second delivery may have laid out another before this one was recorded.
    pub layout: String,
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
    /// To the user's feed and the classic service: documents, icons and `.rdp` files.
    #[serde(default)]
    pub feed: u64,
    /// To Microsoft Graph.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub graph: u64,
    /// Answers, of any, that asked to wait.
    pub throttled: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Requests {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.arm + self.resource_graph + self.feed + self.graph
    }
}

impl std::ops::AddAssign for Requests {
    fn add_assign(&mut self, other: Self) {
        self.arm += other.arm;
        self.resource_graph += other.resource_graph;
        self.feed += other.feed;
        self.graph += other.graph;
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

/// The work laid out for one pool: `pending/<run>/<connection>/<layout>/<pool>`. It is deleted when the pool is done,
/// so that an empty list means that every pool is.
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

impl PoolWork {
    /// The pool.
    pub fn id(&self) -> &ArmId {
        match self {
            Self::Seen { facts, .. } => &facts.pool.id,
            Self::Vanished { id } => id,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: std::ops::Range<usize>) -> Vec<ArmId> {
        numbers.map(|n| ArmId::new(&format!("/pools/{n}"))).collect()
    }

    fn run(only: &[ArmId]) -> Run {
        Run::new("r".to_owned(), "c", Trigger::ResourceEvent, Source::Azure, Timestamp::UNIX_EPOCH).limited_to(only)
    }

    #[test]
    fn a_run_is_widened_until_it_looks_and_not_without_bounds() {
        let part = run(&ids(0..2));
        assert_eq!(part.widened(&ids(1..2)), None, "it looks at that anyway");
        assert_eq!(part.widened(&ids(1..3)).unwrap().only, ids(0..3));
        assert!(!part.widened(&[]).unwrap().is_part(), "the whole connection");
        assert!(!part.widened(&ids(0..MAX_ONLY + 1)).unwrap().is_part(), "too many to look at each");
        assert_eq!(run(&[]).widened(&ids(0..1)), None, "the whole connection has it");
        let late = Run { discovered: Some(Discovered::default()), ..part };
        assert_eq!(late.widened(&ids(5..6)), None);
        assert_eq!(run(&[ArmId::new("/POOLS/1"), ArmId::new("/pools/1")]).only.len(), 1);
    }

    #[test]
    fn a_run_that_was_written_before_there_were_limits_is_whole() {
        let written = serde_json::to_value(run(&[])).unwrap();
        assert!(written.get("only").is_none());
        assert!(!serde_json::from_value::<Run>(written).unwrap().is_part());
    }
}
