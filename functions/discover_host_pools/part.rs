//! What a run that is limited to a part of its connection looks at: which pools are meant, and what is known of them.
//!
//! It asks ARM alone, each resource by its id: Resource Graph learns of a change too late.

use super::gather::{known_pools, last_observed};
use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use poolwarden_azure::{Inventory, WantedPool};
use poolwarden_domain::discovery::{Discovery, pool_key};
use poolwarden_domain::estate::{Estate, HostPool};
use poolwarden_domain::part::{KnownPool, Narrowed, keep_known};
use poolwarden_domain::plan::PoolIndex;
use poolwarden_domain::run::{Baseline, MAX_ONLY, Run};
use poolwarden_domain::snapshot::PoolSnapshot;
use poolwarden_domain::{ArmId, Reading, UnknownScope};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A limited run's pools.
pub(super) struct Part {
    /// What to read.
    pub(super) wanted: Vec<WantedPool>,
    /// The pools as they were last observed, by key.
    previous: HashMap<String, PoolSnapshot>,
    /// What could not be asked for.
    unknown: Vec<UnknownScope>,
}

impl Part {
    /// Finds out which pools are meant. `None`: more than are worth asking for one by one.
    pub(super) async fn of(deps: &Deps, run: &Run, inventory: &dyn Inventory) -> Result<Option<Self>, Fault> {
        let mut unknown = Vec::new();
        let Some(pools) = pools(deps, run, inventory, &mut unknown).await?.filter(|pools| pools.len() <= MAX_ONLY)
        else {
            return Ok(None);
        };
        let (mut wanted, mut previous) = (Vec::new(), HashMap::new());
        for id in pools {
            let key = pool_key(&id);
            let snapshot: Option<PoolSnapshot> = deps.state().value(&keys::snapshot(&run.connection, &key)).await?;
            let groups = snapshot.iter().flat_map(|known| &known.facts.groups).map(|group| group.group.id.clone());
            wanted.push(WantedPool { groups: groups.collect(), id });
            previous.extend(snapshot.map(|snapshot| (key, snapshot)));
        }
        Ok(Some(Self { wanted, previous, unknown }))
    }

    /// Those of the pools that the catalogue has packages of.
    pub(super) async fn known(&self, deps: &Deps, connection: &str) -> Result<Vec<(String, ArmId)>, Fault> {
        let mut known = Vec::new();
        for wanted in &self.wanted {
            let key = pool_key(&wanted.id);
            let index: Option<PoolIndex> = deps.state().value(&keys::index(connection, &key)).await?;
            known.extend(index.filter(|index| index.active() > 0).map(|index| (key, index.host_pool)));
        }
        Ok(known)
    }

    /// The connection's other pools, if it takes them to find a name for one that is new or renamed.
    pub(super) async fn unseen(&self, deps: &Deps, connection: &str, estate: &Estate) -> Result<Vec<HostPool>, Fault> {
        let is_named = |pool: &HostPool| {
            let previous = self.previous.get(&pool_key(&pool.id));
            previous.is_some_and(|previous| previous.facts.pool.friendly_name == pool.friendly_name)
        };
        if estate.host_pools.iter().all(is_named) {
            return Ok(Vec::new());
        }
        let baseline: Option<Baseline> = deps.state().value(&keys::baseline(connection)).await?;
        let mut others: BTreeSet<String> =
            baseline.into_iter().flat_map(|baseline| baseline.pools.into_keys()).collect();
        others.extend(known_pools(deps, connection).await?.into_iter().map(|(key, _)| key));
        for pool in &estate.host_pools {
            others.remove(&pool_key(&pool.id));
        }
        last_observed(deps, connection, others.iter().map(String::as_str)).await
    }

    /// Puts in what a look at a few pools cannot tell. `counted` are the pools whose session hosts it counted.
    pub(super) fn complete(&self, discovery: &mut Discovery, counted: &HashSet<ArmId>) {
        for facts in &mut discovery.pools {
            let is_counted = counted.contains(&facts.pool.id);
            match self.previous.get(&facts.key) {
                Some(previous) => keep_known(facts, previous, is_counted),
                None if !is_counted => facts.session_hosts = None,
                None => {}
            }
        }
        discovery.unknown.extend(self.unknown.iter().cloned());
    }
}

/// The pools that a run is limited to. A group or workspace stands for its pools as Azure names them now. `None`: it
/// would take too many requests to find out.
async fn pools(
    deps: &Deps,
    run: &Run,
    inventory: &dyn Inventory,
    unknown: &mut Vec<UnknownScope>,
) -> Result<Option<BTreeSet<ArmId>>, Fault> {
    let known: Vec<KnownPool> = if run.only.iter().all(ArmId::is_host_pool) {
        Vec::new()
    } else {
        let snapshots = deps.state().all(&keys::snapshots(&run.connection)).await?;
        snapshots.into_iter().map(|(_, pool)| pool).collect()
    };
    let mut narrowed = Narrowed::default();
    for id in &run.only {
        narrowed.add(id, &known);
    }
    for workspace in std::mem::take(&mut narrowed.workspaces) {
        let groups = found(inventory.workspace_groups(&workspace).await, &workspace, unknown);
        for group in groups.unwrap_or_default() {
            narrowed.add(&group, &known);
        }
    }
    if narrowed.groups.len() > MAX_ONLY {
        return Ok(None);
    }
    for group in narrowed.groups {
        let group = found(inventory.application_group(&group).await, &group, unknown);
        narrowed.pools.extend(group.map(|group| group.host_pool).filter(ArmId::is_host_pool));
    }
    Ok(Some(narrowed.pools))
}

/// What is there. What is gone stands for nothing; what cannot be read is unknown.
fn found<T>(answer: Reading<Option<T>>, id: &ArmId, unknown: &mut Vec<UnknownScope>) -> Option<T> {
    answer.unwrap_or_else(|reason| {
        unknown.push(UnknownScope { scope: id.clone(), reason });
        None
    })
}
