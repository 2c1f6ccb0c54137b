//! Runs that look at a part of their connection: which pools a changed resource touches, and whether they were looked
//! at since.
//!
//! What a run is limited to ([`crate::run::Run::only`]) is a host pool; or an application group that the catalogue does
//! not know yet, or a workspace, of which only Azure can say which pools they mean now.

use crate::discovery::PoolFacts;
use crate::run::MAX_ONLY;
use crate::snapshot::PoolSnapshot;
use crate::{ArmId, DESKTOP_VIRTUALIZATION};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeSet;

/// What can be looked at because of a change in this resource: a host pool, an application group or a workspace, or
/// the subscription or resource group that a role was assigned in. `None`: it changes nothing that is published.
pub fn touched(resource: &ArmId) -> Option<ArmId> {
    const ASSIGNMENTS: &str = "/providers/microsoft.authorization/roleassignments/";
    let text = resource.canonical();
    let Some(at) = text.rfind(ASSIGNMENTS) else {
        return published_by(resource);
    };
    let scope = ArmId::new(&resource.as_str()[..at]);
    let is_above = matches!(scope.as_str().split('/').count(), 3 | 5) && scope.segment("providers").is_none();
    if is_above && scope.subscription().is_some() { Some(scope) } else { published_by(&scope) }
}

/// The pool, group or workspace that a resource is, or is part of.
fn published_by(resource: &ArmId) -> Option<ArmId> {
    resource.segment("providers").filter(|provider| provider.eq_ignore_ascii_case(DESKTOP_VIRTUALIZATION))?;
    if let Some(pool) = resource.up_to("hostPools") {
        // Session hosts and their users come and go; what is published stays.
        return resource.segment("sessionHosts").is_none().then_some(pool);
    }
    ["applicationGroups", "workspaces"].into_iter().find_map(|kind| resource.up_to(kind))
}

/// A pool as it was last looked at, as far as it takes to find the pools of a change. Read from its snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPool {
    /// The pool.
    pub id: ArmId,
    /// Its application groups.
    pub groups: Vec<KnownGroup>,
    /// Whatever changed before this time is in the snapshot.
    pub since: Timestamp,
}

/// A group of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KnownGroup {
    /// The group.
    pub id: ArmId,
    /// The workspace it is in.
    #[serde(default)]
    pub workspace: Option<ArmId>,
}

impl<'de> Deserialize<'de> for KnownPool {
    /// From the document of a [`PoolSnapshot`], without the resources in it.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Pool {
            id: ArmId,
        }
        #[derive(Deserialize)]
        struct Group {
            group: KnownGroup,
        }
        #[derive(Deserialize)]
        struct Facts {
            pool: Pool,
            groups: Vec<Group>,
        }
        #[derive(Deserialize)]
        struct Snapshot {
            facts: Facts,
            observed_at: Timestamp,
            #[serde(default)]
            facts_since: Option<Timestamp>,
        }
        let Snapshot { facts, observed_at, facts_since } = Snapshot::deserialize(deserializer)?;
        Ok(Self {
            id: facts.pool.id,
            groups: facts.groups.into_iter().map(|group| group.group).collect(),
            since: facts_since.unwrap_or(observed_at),
        })
    }
}

impl KnownPool {
    fn has_group(&self, group: &ArmId) -> bool {
        self.groups.iter().any(|known| known.id == *group)
    }

    fn is_in_workspace(&self, workspace: &ArmId) -> bool {
        self.groups.iter().any(|known| known.workspace.as_ref() == Some(workspace))
    }

    fn is_within(&self, scope: &ArmId) -> bool {
        self.groups.iter().any(|known| known.id.is_within(scope))
    }
}

/// What a change asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// To look at these.
    Look(Vec<ArmId>),
    /// To look at the whole connection: too many pools are touched to look at each.
    Whole,
    /// Nothing: whatever it touches was looked at since.
    Stale,
    /// Nothing: it touches no pool.
    Nothing,
}

/// Decides about one change, by what [`touched`] says and the time it happened. Without a time it is taken for new.
pub fn due(target: &ArmId, at: Option<Timestamp>, known: &[KnownPool]) -> Due {
    let is_stale = |pool: &&KnownPool| at.is_some_and(|at| at < pool.since);
    let kind = |key| target.segment(key).is_some();
    if kind("hostPools") {
        return match known.iter().find(|pool| pool.id == *target) {
            Some(pool) if is_stale(&pool) => Due::Stale,
            _ => Due::Look(vec![target.clone()]),
        };
    }
    if kind("applicationGroups") {
        return match known.iter().find(|pool| pool.has_group(target)) {
            Some(pool) if is_stale(&pool) => Due::Stale,
            Some(pool) => Due::Look(vec![pool.id.clone()]),
            None => Due::Look(vec![target.clone()]),
        };
    }
    if kind("workspaces") {
        // Which groups it holds now, only Azure can say.
        let mut pools = known.iter().filter(|pool| pool.is_in_workspace(target)).peekable();
        let stale = pools.peek().is_some() && pools.all(|pool| is_stale(&pool));
        return if stale { Due::Stale } else { Due::Look(vec![target.clone()]) };
    }
    let within: Vec<&KnownPool> = known.iter().filter(|pool| pool.is_within(target)).collect();
    let new: Vec<ArmId> = within.iter().filter(|pool| !is_stale(pool)).map(|pool| pool.id.clone()).collect();
    match new.len() {
        0 if within.is_empty() => Due::Nothing,
        0 => Due::Stale,
        1..=MAX_ONLY => Due::Look(new),
        _ => Due::Whole,
    }
}

/// What a limited run can look at right away, and what it has to ask first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowed {
    /// The pools.
    pub pools: BTreeSet<ArmId>,
    /// Groups of which nobody knows the pool.
    pub groups: BTreeSet<ArmId>,
    /// Workspaces of which nobody knows the groups.
    pub workspaces: BTreeSet<ArmId>,
}

impl Narrowed {
    /// Adds what a run is limited to, or what an answer named.
    pub fn add(&mut self, id: &ArmId, known: &[KnownPool]) {
        let kind = |key| id.segment(key).is_some();
        if kind("hostPools") {
            self.pools.insert(id.clone());
        } else if kind("applicationGroups") {
            match known.iter().find(|pool| pool.has_group(id)) {
                Some(pool) => self.pools.insert(pool.id.clone()),
                None => self.groups.insert(id.clone()),
            };
        } else {
            self.pools.extend(known.iter().filter(|pool| pool.is_in_workspace(id)).map(|pool| pool.id.clone()));
            if kind("workspaces") {
                self.workspaces.insert(id.clone());
            }
        }
    }
}

/// Keeps of a pool's facts what a look at it alone cannot tell: its name among all pools, for as long as its own name
/// stays, and how many session hosts it has.
pub fn keep_known(facts: &mut PoolFacts, previous: &PoolSnapshot, session_hosts_counted: bool) {
    if keeps_its_name(facts, previous) {
        facts.label.clone_from(&previous.facts.label);
    }
    if !session_hosts_counted {
        facts.session_hosts = previous.facts.session_hosts;
    }
}

/// Whether what people call the pool is what they called it when it was last looked at.
pub fn keeps_its_name(facts: &PoolFacts, previous: &PoolSnapshot) -> bool {
    facts.pool.friendly_name == previous.facts.pool.friendly_name && facts.pool.id == previous.facts.pool.id
}

#[cfg(test)]
mod tests;
