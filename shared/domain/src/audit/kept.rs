//! What an audit found of one host pool, kept from run to run: what has appeared, and what has gone.

use super::completeness::unread;
use super::finding::{Finding, Fix};
use super::report::AuditReport;
use crate::access::{AccessFacts, Facet};
use crate::audit::context::HOST_POOLS;
use crate::discovery::pool_key;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What stands for the estate as a whole where a pool's key is wanted. No pool has such a key: theirs end in a digest.
pub const ESTATE: &str = "estate";

/// How many findings are kept with their proof and commands. Of more, what they are is kept: a document has its limit,
/// and the report has the rest.
const MAX_WHOLE: usize = 2_000;

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
    /// The rules that were run and saw all they depend on: what such a rule does not find is not there.
    #[serde(default)]
    pub sighted: BTreeSet<String>,
    /// Whether what has appeared and gone was told.
    #[serde(default)]
    pub told: bool,
    /// Fingerprints of what was told from here and is wrong still, maybe elsewhere, each with its rule. None in documents
    /// from before this was kept.
    #[serde(default)]
    pub spoken: Option<BTreeMap<String, String>>,
    /// The rules that saw all they depend on, whether or not the pool is there.
    #[serde(skip)]
    pub saw: BTreeSet<String>,
    /// Fingerprints of all that is wrong anywhere, and whether it is exempt: what concerns other pools now is not gone.
    #[serde(skip)]
    pub everywhere: BTreeMap<String, bool>,
    /// Fingerprints of what was told before, of whichever pool: what concerned other pools then is not new.
    #[serde(skip)]
    pub spoken_before: BTreeSet<String>,
}

impl PoolFindings {
    /// What a report says of a pool. A finding that concerns several pools is in each of them.
    pub fn of(report: &AuditReport, facts: &AccessFacts, pool: &str, run: &str) -> Self {
        let id = facts.resources_of(HOST_POOLS).map(|resource| &resource.id).find(|id| pool_key(id) == pool);
        let is_of_it = |finding: &&Finding| match id {
            Some(id) => finding.host_pools.contains(id),
            None => pool == ESTATE && finding.host_pools.is_empty(),
        };
        // Of a pool that is not there, and may only not have been seen, nothing is certain.
        let is_seen = pool == ESTATE || id.is_some() || unread(facts, &[Facet::DesktopVirtualization]).is_empty();
        let saw: BTreeSet<String> =
            report.rules.iter().filter(|rule| rule.saw_everything()).map(|rule| rule.id.clone()).collect();
        Self {
            pool: pool.to_owned(),
            run: run.to_owned(),
            read_at: report.read_at,
            findings: fitting(report.findings.iter().filter(is_of_it)),
            unclear: Vec::new(),
            appeared: Vec::new(),
            vanished: Vec::new(),
            sighted: if is_seen { saw.clone() } else { BTreeSet::new() },
            told: false,
            spoken: None,
            saw,
            everywhere: report.findings.iter().map(|one| (one.fingerprint.clone(), one.exempt.is_some())).collect(),
            spoken_before: BTreeSet::new(),
        }
    }

    /// Whether a finding's coming and going is told from here: one that concerns several pools is told by the first.
    pub fn tells(&self, finding: &Finding) -> bool {
        finding.host_pools.first().is_none_or(|first| pool_key(first) == self.pool)
    }

    /// What was told from here and is wrong still, without what is new in the audit of this time, or a later one: the
    /// same whether this document is from before that audit or from it.
    pub fn spoken_before(&self, audit: Timestamp) -> BTreeSet<String> {
        let mut spoken: BTreeSet<String> = self.spoken().into_keys().collect();
        if self.read_at >= audit {
            let new: BTreeSet<&String> = self.appeared.iter().collect();
            spoken.retain(|one| !new.contains(one));
        }
        spoken
    }

    fn spoken(&self) -> BTreeMap<String, String> {
        self.spoken.clone().unwrap_or_else(|| {
            let told = self.findings.iter().chain(&self.unclear).filter(|one| one.exempt.is_none() && self.tells(one));
            told.map(|one| (one.fingerprint.clone(), one.rule.clone())).collect()
        })
    }

    /// The same with what became of what was found before; nothing if that is as new, or newer.
    #[must_use]
    pub fn after(self, known: Option<Self>) -> Option<Self> {
        if known.as_ref().is_some_and(|known| known.read_at >= self.read_at) {
            return None;
        }
        let mut spoken = known.as_ref().map(Self::spoken).unwrap_or_default();
        let here: BTreeSet<&str> = self.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
        let before = known.into_iter().flat_map(|known| known.findings.into_iter().chain(known.unclear));
        let (there, gone): (Vec<Finding>, Vec<Finding>) =
            before.partition(|finding| here.contains(finding.fingerprint.as_str()));
        let there: BTreeMap<String, bool> =
            there.into_iter().map(|finding| (finding.fingerprint, finding.exempt.is_some())).collect();
        // What an exemption let stand, and lets stand no more, is as new as what was not there.
        let is_new = |finding: &&Finding| match there.get(&finding.fingerprint) {
            Some(&was_exempt) => was_exempt && finding.exempt.is_none(),
            None => !self.spoken_before.contains(&finding.fingerprint),
        };
        let new: Vec<&Finding> = self.findings.iter().filter(is_new).collect();
        // What an exemption lets stand now is new when that ends.
        spoken.retain(|fingerprint, rule| match self.everywhere.get(fingerprint) {
            Some(is_exempt) => !is_exempt,
            None => !self.saw.contains(rule),
        });
        let told = new.iter().filter(|finding| finding.exempt.is_none() && self.tells(finding));
        spoken.extend(told.map(|finding| (finding.fingerprint.clone(), finding.rule.clone())));
        let appeared = new.into_iter().map(|finding| finding.fingerprint.clone()).collect();
        let gone = gone.into_iter().filter(|finding| !self.everywhere.contains_key(&finding.fingerprint));
        let (vanished, unclear) = gone.partition(|finding| self.sighted.contains(&finding.rule));
        Some(Self { appeared, unclear, vanished, spoken: Some(spoken), ..self })
    }
}

/// Findings as they are kept.
fn fitting<'a>(findings: impl Iterator<Item = &'a Finding> + Clone) -> Vec<Finding> {
    if findings.clone().nth(MAX_WHOLE).is_none() {
        return findings.cloned().collect();
    }
    let short = |finding: &Finding| Finding {
        evidence: Vec::new(),
        fix: Fix::default(),
        host_pools: finding.host_pools.first().cloned().into_iter().collect(),
        ..finding.clone()
    };
    findings.map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArmId;
    use crate::access::builtin;
    use crate::audit::testing::{Estate, POOL, S1};
    use crate::audit::{Severity, fingerprint};

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
        let sighted = ["R01", "R02", "R03", "R04"].into_iter().filter(|rule| !blind.contains(rule));
        let sighted: BTreeSet<String> = sighted.map(str::to_owned).collect();
        PoolFindings {
            pool: ESTATE.to_owned(),
            run: format!("run-{at}"),
            read_at: Timestamp::from_second(at).unwrap(),
            findings: rules.iter().map(|rule| finding(rule)).collect(),
            unclear: Vec::new(),
            appeared: Vec::new(),
            vanished: Vec::new(),
            saw: sighted.clone(),
            sighted,
            told: false,
            spoken: None,
            everywhere: rules.iter().map(|rule| (finding(rule).fingerprint, false)).collect(),
            spoken_before: BTreeSet::new(),
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

    #[test]
    fn what_a_rule_found_that_was_not_run_this_time_is_not_gone() {
        let first = kept(1, &["V01", "R02"], &[]).after(None).unwrap();
        let second = kept(2, &["R02"], &[]).after(Some(first)).unwrap();
        assert_eq!((rules(&second.vanished), rules(&second.unclear)), (vec![], vec!["V01"]));
    }

    #[test]
    fn what_concerns_another_pool_now_is_not_gone() {
        let first = kept(1, &["R01"], &[]).after(None).unwrap();
        let elsewhere = PoolFindings { findings: Vec::new(), ..kept(2, &["R01"], &[]) };
        let second = elsewhere.after(Some(first)).unwrap();
        assert!(second.vanished.is_empty() && second.unclear.is_empty());
    }

    /// What several documents say was told before an audit.
    fn spoken_before(documents: &[&PoolFindings], at: i64) -> BTreeSet<String> {
        documents.iter().flat_map(|one| one.spoken_before(Timestamp::from_second(at).unwrap())).collect()
    }

    #[test]
    fn what_concerned_other_pools_before_is_not_new_whichever_comes_first() {
        let first = kept(1, &["R01"], &[]).after(None).unwrap();
        // At the second audit a pool has joined that the finding is about now, and another finding is new to it.
        let estate =
            PoolFindings { findings: Vec::new(), ..kept(2, &["R01"], &[]) }.after(Some(first.clone())).unwrap();
        let pool =
            |spoken_before| PoolFindings { pool: "p".to_owned(), spoken_before, ..kept(2, &["R01", "R02"], &[]) };
        for estate in [&first, &estate] {
            let pool = pool(spoken_before(&[estate], 2)).after(None).unwrap();
            assert_eq!(pool.appeared, [finding("R02").fingerprint]);
            // Back again at the third.
            let spoken = spoken_before(&[estate, &pool], 3);
            let back = PoolFindings { spoken_before: spoken, ..kept(3, &["R01"], &[]) };
            assert_eq!(back.after(Some(estate.clone())).unwrap().appeared, [] as [String; 0]);
        }
        // What was mended in between is new when it is wrong again, and so is what nobody has told.
        let gone = kept(3, &[], &[]).after(Some(estate)).unwrap();
        assert_eq!(spoken_before(&[&gone], 4), BTreeSet::new());
        assert_eq!(spoken_before(&[&first], 1), BTreeSet::new(), "it is from this very audit");
        let blind = kept(3, &[], &["R01"]).after(Some(first)).unwrap();
        assert_eq!(spoken_before(&[&blind], 4).len(), 1, "nobody can say whether it still is wrong");
    }

    #[test]
    fn a_pool_that_is_gone_does_not_keep_what_it_told_from_being_told_again() {
        let first = kept(1, &["R01"], &[]).after(None).unwrap();
        // Nobody can say whether the pool is there, but every rule saw all it depends on, and nothing is wrong.
        let unseen = PoolFindings { sighted: BTreeSet::new(), ..kept(2, &[], &[]) };
        let second = unseen.after(Some(first)).unwrap();
        assert_eq!(rules(&second.unclear), ["R01"]);
        assert_eq!(second.spoken_before(Timestamp::from_second(3).unwrap()), BTreeSet::new());
    }

    #[test]
    fn a_document_from_before_this_was_kept_has_told_what_it_holds() {
        let old = PoolFindings { spoken: None, ..kept(1, &["R01"], &[]).after(None).unwrap() };
        assert_eq!(spoken_before(&[&old], 2), [finding("R01").fingerprint].into());
    }

    #[test]
    fn what_an_exemption_lets_stand_no_more_appears() {
        let mut first = kept(1, &["R01"], &[]);
        first.findings[0].exempt = Some("until yesterday".to_owned());
        let second = kept(2, &["R01"], &[]).after(first.after(None)).unwrap();
        assert_eq!(second.appeared, [finding("R01").fingerprint]);
        assert_eq!(kept(3, &["R01"], &[]).after(Some(second)).unwrap().appeared, [] as [String; 0]);
    }

    #[test]
    fn a_pool_that_could_not_be_seen_is_not_mended() {
        let owner = |estate: Estate| estate.user("ann").assign("ann", builtin::OWNER, POOL);
        let pool = pool_key(&ArmId::new(POOL));
        let of = |estate: Estate, second: i64| {
            let mut report = estate.report();
            report.read_at = Timestamp::from_second(second).unwrap();
            PoolFindings::of(&report, &estate.facts, &pool, "run")
        };
        let with_pool = || owner(Estate::clean().resource(POOL, HOST_POOLS, serde_json::json!({})));
        let first = of(with_pool(), 1).after(None).unwrap();
        assert!(!first.findings.is_empty());
        let blind = of(Estate::clean().forbidden(Facet::DesktopVirtualization, S1), 2);
        let blind = blind.after(Some(first.clone())).unwrap();
        assert_eq!((blind.vanished.len(), blind.unclear.len()), (0, first.findings.len()));
        let gone = of(Estate::clean(), 3).after(Some(blind)).unwrap();
        assert_eq!(gone.vanished.len(), first.findings.len());
    }

    #[test]
    fn of_very_many_findings_what_they_are_is_kept() {
        let mut whole = finding("R01");
        whole.fix.portal = "remove it".to_owned();
        let many = vec![whole.clone(); MAX_WHOLE + 1];
        assert_eq!(fitting(many[1..].iter())[0], whole);
        let short = fitting(many.iter());
        assert_eq!((short.len(), &short[0]), (MAX_WHOLE + 1, &finding("R01")));
    }
}
