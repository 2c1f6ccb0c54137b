//! Which pools a run must look at, and how closely: as little as the last runs allow.
//!
//! Resource Graph tells every pool and group, but not the applications in a group; those cost a request a group. A
//! group is not asked again while the subscription's activity log knows of no change in it, until the next full read.

use crate::ArmId;
use crate::discovery::PoolFacts;
use crate::run::{Baseline, BaselinePool, PoolWork};
use std::collections::{BTreeMap, HashMap};

/// What changed since the baseline, by subscription in lower case. A subscription that is absent could not be asked.
pub type Changes = HashMap<String, Vec<ArmId>>;

/// The work of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// Pools to enumerate, by key.
    pub work: BTreeMap<String, PoolWork>,
    /// Pools in which nothing changed, by key.
    pub carried: BTreeMap<String, BaselinePool>,
}

/// Lays out the work: `known` are the pools that the catalogue has packages of.
pub fn lay_out(
    pools: Vec<PoolFacts>,
    known: Vec<(String, ArmId)>,
    baseline: Option<&Baseline>,
    changes: &Changes,
) -> Layout {
    let mut layout = Layout::default();
    for (key, id) in known {
        if !pools.iter().any(|pool| pool.key == key) {
            layout.work.insert(key, PoolWork::Vanished { id });
        }
    }
    for facts in pools {
        let subscription = facts.pool.id.subscription().unwrap_or_default().to_ascii_lowercase();
        let trusted = baseline.and_then(|baseline| baseline.pools.get(&facts.key)).zip(changes.get(&subscription));
        let changed = trusted.map(|(before, changes)| (before, changed_groups(&facts, changes)));
        match changed {
            Some((before, changed))
                if changed.is_empty() && facts.unknown.is_empty() && before.fingerprint == facts.fingerprint() =>
            {
                layout.carried.insert(facts.key.clone(), before.clone());
            }
            changed => {
                let changed = changed.map(|(_, groups)| groups);
                layout.work.insert(facts.key.clone(), PoolWork::Seen { facts: Box::new(facts), changed });
            }
        }
    }
    layout
}

/// The pool's groups in which something changed; all of them if the pool itself did.
fn changed_groups(facts: &PoolFacts, changes: &[ArmId]) -> Vec<ArmId> {
    let groups = facts.groups.iter().map(|group| &group.group.id);
    if changes.iter().any(|id| id.is_within(&facts.pool.id) && id.segment("sessionHosts").is_none()) {
        return groups.cloned().collect();
    }
    groups.filter(|group| changes.iter().any(|id| id.is_within(group))).cloned().collect()
}
