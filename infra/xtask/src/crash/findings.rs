//! What webhooks were told of findings: each comes and goes in turn.

use super::stand::CONNECTION;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What the type of such an event begins with.
const KIND: &str = "dev.poolwarden.finding.";

/// One event of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    /// What events name of its fingerprint.
    fingerprint: String,
    appeared: bool,
}

impl Told {
    /// Reads `<connection>.<fingerprint>.<run>.appeared` or `.vanished`.
    pub(super) fn read(id: &str, kind: &str) -> Option<Self> {
        let what = kind.strip_prefix(KIND)?;
        let mut parts = id.strip_prefix(CONNECTION)?.strip_prefix('.')?.split('.');
        let (fingerprint, _run, end) = (parts.next()?, parts.next()?, parts.next()?);
        let is_whole = end == what && parts.next().is_none();
        let appeared = what == "appeared";
        is_whole.then(|| Self { fingerprint: fingerprint.to_owned(), appeared })
    }
}

/// What of the findings was never told, and what was told once too often. A finding that is there has appeared once more
/// than it has vanished, and one that is gone as often.
pub(super) fn judge(told: &[Told], open: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
    let mut stories: BTreeMap<&str, (i64, i64)> = open.iter().map(|one| (one.as_str(), (0, 0))).collect();
    for one in told {
        let (appeared, vanished) = stories.entry(&one.fingerprint).or_default();
        *(if one.appeared { appeared } else { vanished }) += 1;
    }
    let (mut lost, mut twice) = (Vec::new(), Vec::new());
    for (fingerprint, (appeared, vanished)) in stories {
        let wanted = i64::from(open.contains(fingerprint));
        let story =
            format!("finding {fingerprint} appeared {appeared} and vanished {vanished} times; there it is {wanted}");
        match (appeared - vanished).cmp(&wanted) {
            Ordering::Less if vanished > appeared => twice.push(story),
            Ordering::Less => lost.push(story),
            Ordering::Equal => {}
            Ordering::Greater if appeared > vanished + 1 => twice.push(story),
            Ordering::Greater => lost.push(story),
        }
    }
    (lost, twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(run: &str, appeared: bool) -> Told {
        let what = if appeared { "appeared" } else { "vanished" };
        let read = Told::read(&format!("{CONNECTION}.f1.{run}.{what}"), &format!("{KIND}{what}"));
        read.expect("it is the event of a finding")
    }

    #[test]
    fn findings_come_and_go_in_turn() {
        let (here, gone) = (BTreeSet::from(["f1".to_owned()]), BTreeSet::new());
        let fine = [told("r1", true), told("r2", false), told("r3", true)];
        let count = |told: &[Told], open| {
            let (lost, twice) = judge(told, open);
            (lost.len(), twice.len())
        };
        assert_eq!(count(&fine, &here), (0, 0));
        assert_eq!(count(&fine, &gone), (1, 0), "nobody was told that it has gone");
        assert_eq!(count(&[], &here), (1, 0));
        assert_eq!(count(&[told("r1", true), told("r2", true)], &here), (0, 1));
        assert_eq!(Told::read("made-up-1", "dev.poolwarden.finding.appeared"), None);
    }
}
