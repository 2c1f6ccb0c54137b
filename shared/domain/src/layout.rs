//! Which pools a run must look at, and how closely: as little as the last runs allow.
//!
//! Resource Graph tells every pool and group, but not the applications in a group; those cost a request a group. A
//! group is not asked again while the subscription's activity log knows of no change in it, until the next full read.

use crate::ArmId;
use crate::discovery::PoolFacts;
use crate::run::{Baseline, BaselinePool, PoolWork};
use std::collections::{BTreeMap, HashMap, HashSet};

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
    let touched = Touched::by(changes);
    for facts in pools {
        let settled = baseline.and_then(|baseline| baseline.pools.get(&facts.key));
        let trusted = settled.filter(|_| is_covered(&facts, changes));
        let same = |before: &&BaselinePool| facts.unknown.is_empty() && before.fingerprint == facts.fingerprint();
        match trusted.filter(|_| !touched.any_of(&facts)).filter(same) {
            Some(before) => {
                layout.carried.insert(facts.key.clone(), before.clone());
            }
            None => {
                let changed = trusted.map(|_| touched.groups_of(&facts));
                layout.work.insert(facts.key.clone(), PoolWork::Seen { facts: Box::new(facts), changed });
            }
        }
    }
    for (key, id) in known {
        if !layout.carried.contains_key(&key) {
            layout.work.entry(key).or_insert(PoolWork::Vanished { id });
        }
    }
    layout
}

/// Whether every subscription that the pool or a group of it lies in told its changes.
fn is_covered(facts: &PoolFacts, changes: &Changes) -> bool {
    let groups = facts.groups.iter().map(|group| &group.group.id);
    let mut ids = groups.chain([&facts.pool.id]);
    ids.all(|id| changes.contains_key(&id.subscription().unwrap_or_default().to_ascii_lowercase()))
}

/// The pools and groups that something was changed of or inside. What happens on a session host publishes nothing.
struct Touched(HashSet<ArmId>);

impl Touched {
    fn by(changes: &Changes) -> Self {
        let changes = changes.values().flatten().filter(|id| id.segment("sessionHosts").is_none());
        Self(changes.flat_map(|id| [id.up_to("hostPools"), id.up_to("applicationGroups")]).flatten().collect())
    }

    fn any_of(&self, facts: &PoolFacts) -> bool {
        self.0.contains(&facts.pool.id) || !self.groups_of(facts).is_empty()
    }

    /// The pool's groups in which something changed; all of them if the pool itself did.
    fn groups_of(&self, facts: &PoolFacts) -> Vec<ArmId> {
        let all = self.0.contains(&facts.pool.id);
        let groups = facts.groups.iter().map(|group| &group.group.id);
        groups.filter(|group| all || self.0.contains(*group)).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
