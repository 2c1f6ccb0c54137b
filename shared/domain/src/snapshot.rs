//! What is known about one host pool: the facts, and the resources of each group with the time they were read.
//!
//! A group that was not asked this time, or could not be read, keeps what was last known of it, and so does a single
//! resource in it; the difference is in the list of unknown scopes that goes with the snapshot.

use crate::discovery::{GroupFacts, PoolFacts, hides_below};
use crate::estate::Resource;
use crate::{ArmId, Reading, UnknownScope, Unreadable, Why};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A host pool as it was last observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSnapshot {
    /// The pool, its groups and their surroundings.
    pub facts: PoolFacts,
    /// The resources of each group, by the group's canonical id.
    pub resources: BTreeMap<String, GroupRead>,
    /// When this observation began.
    pub observed_at: Timestamp,
    /// Whether a later look found the pool gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// A time before which nothing changed that the facts do not know of: they are read before the observation begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts_since: Option<Timestamp>,
}

/// The resources of one group, as last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRead {
    /// When they were read.
    pub read_at: Timestamp,
    /// The desktops or RemoteApps.
    pub resources: Vec<Resource>,
    /// Those of them that were not seen this time, and may be hidden by what could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<ArmId>,
}

/// What became of asking one group.
pub type GroupAnswer = (ArmId, Reading<Option<Vec<Resource>>>);

impl PoolSnapshot {
    /// Puts an observation together from the facts, the groups that were asked, and what was known before.
    ///
    /// Returned beside it: every scope of this pool that is unknown now.
    pub fn observe(
        mut facts: PoolFacts,
        answers: Vec<GroupAnswer>,
        previous: Option<&Self>,
        observed_at: Timestamp,
    ) -> (Self, Vec<UnknownScope>) {
        let mut unknown = facts.unknown.clone();
        let shadows = Shadows::over(&facts);
        facts.groups.extend(previous.map(|previous| shadows.hidden_groups(&facts, previous)).unwrap_or_default());
        facts.groups.sort_by(|a, b| a.group.id.cmp(&b.group.id));
        let mut resources: BTreeMap<String, GroupRead> = BTreeMap::new();
        for group in &facts.groups {
            let id = group.group.id.canonical();
            if let Some(known) = previous.and_then(|previous| previous.resources.get(&id)) {
                resources.insert(id, known.clone());
            }
        }
        for (group, answer) in answers {
            match answer {
                Ok(Some(mut list)) => {
                    let before = resources.remove(&group.canonical());
                    let hidden = before.map(|before| shadows.hidden_resources(&list, before.resources));
                    let hidden = hidden.unwrap_or_default();
                    let kept = hidden.iter().map(|resource| resource.id.clone()).collect();
                    list.extend(hidden);
                    resources.insert(group.canonical(), GroupRead { read_at: observed_at, resources: list, kept });
                }
                Ok(None) => {
                    resources.remove(&group.canonical());
                    facts.groups.retain(|facts| facts.group.id != group);
                }
                Err(reason) => unknown.push(UnknownScope { scope: group, reason }),
            }
        }
        let known: HashMap<&ArmId, &GroupFacts> =
            previous.iter().flat_map(|previous| &previous.facts.groups).map(|known| (&known.group.id, known)).collect();
        for group in &mut facts.groups {
            let before = known.get(&group.group.id);
            if group.entitlements.is_none() {
                group.entitlements = before.and_then(|known| known.entitlements.clone());
            }
            if let (None, Some(workspace)) = (&group.workspace, &group.group.workspace) {
                group.workspace =
                    before.and_then(|known| known.workspace.clone()).filter(|known| known.id == *workspace);
                if group.workspace.is_none() {
                    let detail = format!("its workspace {workspace} could not be read, and a launch link names it");
                    let reason = Unreadable::new(Why::Missing, detail);
                    unknown.push(UnknownScope { scope: group.group.id.clone(), reason });
                }
            }
        }
        (Self { facts, resources, observed_at, gone: false, facts_since: None }, unknown)
    }

    /// Whether this very look saw a resource: whatever may hide others, it is as it says.
    pub fn saw(&self, group: &ArmId, resource: &ArmId) -> bool {
        let read = self.resources.get(&group.canonical());
        read.is_some_and(|read| read.read_at == self.observed_at && !read.kept.contains(resource))
    }

    /// The resources of a group, if they were ever read.
    pub fn resources_of(&self, group: &ArmId) -> Option<&[Resource]> {
        self.resources.get(&group.canonical()).map(|read| read.resources.as_slice())
    }
}

/// Where in a pool something may be that cannot be seen now. What was there before still counts when names are told
/// apart; whether it is published, the plan leaves open.
struct Shadows {
    dark: HashSet<ArmId>,
    whole_pool: bool,
}

impl Shadows {
    fn over(facts: &PoolFacts) -> Self {
        let dark: HashSet<ArmId> = facts.unknown.iter().filter_map(hides_below).collect();
        let whole_pool = facts.pool.id.ancestors().any(|scope| dark.contains(&scope));
        Self { dark, whole_pool }
    }

    fn lie_over(&self, id: &ArmId) -> bool {
        self.whole_pool || id.ancestors().any(|scope| self.dark.contains(&scope))
    }

    fn hidden_groups(&self, facts: &PoolFacts, previous: &PoolSnapshot) -> Vec<GroupFacts> {
        let seen: HashSet<&ArmId> = facts.groups.iter().map(|group| &group.group.id).collect();
        let hidden = |known: &&GroupFacts| !seen.contains(&known.group.id) && self.lie_over(&known.group.id);
        previous.facts.groups.iter().filter(hidden).cloned().collect()
    }

    fn hidden_resources(&self, seen: &[Resource], before: Vec<Resource>) -> Vec<Resource> {
        let seen: HashSet<&ArmId> = seen.iter().map(|resource| &resource.id).collect();
        before.into_iter().filter(|known| !seen.contains(&known.id) && self.lie_over(&known.id)).collect()
    }
}

#[cfg(test)]
mod tests;
