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
        let blind =
            report.rules.iter().filter(|rule| rule.verdict != Verdict::NotApplicable && !rule.reasons.is_empty());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArmId;
    use crate::audit::{Fix, Severity, fingerprint};

    fn finding(rule: &str) -> Finding {
        let scope = ArmId::new("/subscriptions/s");
        Finding {
            fingerprint: fingerprint(rule, &scope, None, None),
            rule: rule.to_owned(),
            severity: Severity::High,
            scope,
            principal: None,
            subject: None,
            message: String::new(),
            evidence: Vec::new(),
            fix: Fix::default(),
            host_pools: Vec::new(),
            exempt: None,
        }
    }

    fn kept(at: i64, rules: &[&str], blind: &[&str]) -> PoolFindings {
        PoolFindings {
            pool: ESTATE.to_owned(),
            run: format!("run-{at}"),
            read_at: Timestamp::from_second(at).unwrap(),
            findings: rules.iter().map(|rule| finding(rule)).collect(),
            unclear: Vec::new(),
            appeared: Vec::new(),
            vanished: Vec::new(),
            blind: blind.iter().map(|&rule| rule.to_owned()).collect(),
        }
    }

    fn rules(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn what_comes_and_goes_is_told_from_what_nobody_can_see() {
        let first = kept(1, &["R01", "R02", "R03"], &[]).after(None).unwrap();
        assert_eq!(first.appeared.len(), 3, "at first everything is new");
        let second = kept(2, &["R01", "R04"], &["R03"]).after(Some(first)).unwrap();
        assert_eq!(second.appeared, [finding("R04").fingerprint]);
        assert_eq!((rules(&second.vanished), rules(&second.unclear)), (vec!["R02"], vec!["R03"]));
        let third = kept(3, &["R01", "R03"], &[]).after(Some(second)).unwrap();
        assert_eq!(third.appeared, [] as [String; 0], "what was out of sight is not new");
        assert_eq!(rules(&third.vanished), ["R04"]);
    }

    #[test]
    fn an_older_or_repeated_audit_changes_nothing() {
        let known = kept(2, &["R01"], &[]).after(None).unwrap();
        assert_eq!(kept(2, &[], &[]).after(Some(known.clone())), None);
        assert_eq!(kept(1, &[], &[]).after(Some(known)), None);
    }
}
