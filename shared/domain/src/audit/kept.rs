//! What an audit found of one host pool, kept from run to run: what has appeared, and what has gone.

use super::finding::Finding;
use super::report::{AuditReport, Verdict};
use crate::access::AccessFacts;
use crate::audit::context::HOST_POOLS;
use crate::discovery::pool_key;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What stands for the estate as a whole where a pool's key is wanted. No pool has such a key: theirs end in a digest.
pub const ESTATE: &str = "estate";

/// What an audit found of one host pool, or of the estate as a whole: `findings/<connection>/<pool>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolFindings {
    /// The pool's key, or [`ESTATE`].
    pub pool: String,
    /// The run that it was found after.
    pub run: String,
    /// When the facts were read.
    pub read_at: Timestamp,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What was wrong before, and nobody can say whether it still is: its rule could not see everything.
    #[serde(default)]
    pub unclear: Vec<Finding>,
    /// Fingerprints of the findings that are new since the audit before.
    #[serde(default)]
    pub appeared: Vec<String>,
    /// What was wrong before and no longer is.
    #[serde(default)]
    pub vanished: Vec<Finding>,
    /// The rules that could not see everything.
    #[serde(default)]
    pub blind: BTreeSet<String>,
}

impl PoolFindings {
    /// What a report says of a pool. A finding that concerns several pools is in each of them.
    pub fn of(report: &AuditReport, facts: &AccessFacts, pool: &str, run: &str) -> Self {
        let id = facts.resources_of(HOST_POOLS).map(|resource| &resource.id).find(|id| pool_key(id) == pool);
        let is_of_it = |finding: &&Finding| match id {
            Some(id) => finding.host_pools.contains(id),
            None => pool == ESTATE && finding.host_pools.is_empty(),
        };
        let blind = report.rules.iter().filter(|rule| rule.verdict != Verdict::NotApplicable && !rule.reasons.is_empty());
        Self {
            pool: pool.to_owned(),
            run: run.to_owned(),
            read_at: report.read_at,
            findings: report.findings.iter().filter(is_of_it).cloned().collect(),
            unclear: Vec::new(),
            appeared: Vec::new(),
            vanished: Vec::new(),
            blind: blind.map(|rule| rule.id.clone()).collect(),
        }
    }

    /// The same with what became of what was found before; nothing if that is as new, or newer.
    #[must_use]
    pub fn after(self, known: Option<Self>) -> Option<Self> {
        let Some(known) = known else {
            let appeared = self.findings.iter().map(|finding| finding.fingerprint.clone()).collect();
            return Some(Self { appeared, ..self });
        };
        if known.read_at >= self.read_at {
            return None;
        }
        let here: BTreeSet<&str> = self.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
        let before = known.findings.into_iter().chain(known.unclear);
        let (there, gone): (Vec<Finding>, Vec<Finding>) =
            before.partition(|finding| here.contains(finding.fingerprint.as_str()));
        let there: BTreeSet<String> = there.into_iter().map(|finding| finding.fingerprint).collect();
        let appeared = self.findings.iter().map(|finding| finding.fingerprint.clone());
        let appeared = appeared.filter(|fingerprint| !there.contains(fingerprint)).collect();
        let (unclear, vanished) = gone.into_iter().partition(|finding| self.blind.contains(&finding.rule));
        Some(Self { appeared, unclear, vanished, ..self })
    }
}
