//! What is known about one host pool: the facts, and the resources of each group with the time they were read.
//!
//! A group that was not asked this time, or could not be read, keeps what was last known of it; the difference is in
//! the list of unknown scopes that goes with the snapshot.

use crate::discovery::{GroupFacts, PoolFacts, hides_below};
use crate::estate::Resource;
use crate::{ArmId, Reading, UnknownScope, Unreadable, Why};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A host pool as it was last observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSnapshot {
    /// The pool, its groups and their surroundings.
    pub facts: PoolFacts,
    /// The resources of each group, by the group's canonical id.
    pub resources: BTreeMap<String, GroupRead>,
    /// When this observation began.
    pub observed_at: Timestamp,
}

/// The resources of one group, as last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRead {
    /// When they were read.
    pub read_at: Timestamp,
    /// The desktops or RemoteApps.
    pub resources: Vec<Resource>,
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
        facts.groups.extend(previous.map(|previous| hidden_groups(&facts, previous)).unwrap_or_default());
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
                Ok(Some(list)) => {
                    let read = GroupRead { read_at: observed_at, resources: list };
                    resources.insert(group.canonical(), read);
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
        (Self { facts, resources, observed_at }, unknown)
    }

    /// The resources of a group, if they were ever read.
    pub fn resources_of(&self, group: &ArmId) -> Option<&[Resource]> {
        self.resources.get(&group.canonical()).map(|read| read.resources.as_slice())
    }
}

/// The groups that were there before and that nobody can see now. What they publish still counts when names are told
/// apart; whether it is published, the plan leaves open.
fn hidden_groups(facts: &PoolFacts, previous: &PoolSnapshot) -> Vec<GroupFacts> {
    let seen: BTreeSet<&ArmId> = facts.groups.iter().map(|group| &group.group.id).collect();
    let dark: Vec<ArmId> = facts.unknown.iter().filter_map(hides_below).collect();
    let is_dark = |id: &ArmId| dark.iter().any(|scope| id.is_within(scope));
    let pool_is_dark = is_dark(&facts.pool.id);
    let hidden = |known: &&GroupFacts| !seen.contains(&known.group.id) && (pool_is_dark || is_dark(&known.group.id));
    previous.facts.groups.iter().filter(hidden).cloned().collect()
}

#[cfg(test)]
mod tests;
