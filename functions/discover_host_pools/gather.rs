//! What a look at an estate is held against: what the last run vouches for, what changed since, and what the catalogue
//! knows.

use crate::audit;
use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use poolwarden_azure::Inventory;
use poolwarden_domain::ArmId;
use poolwarden_domain::access::AccessFacts;
use poolwarden_domain::estate::{Estate, HostPool};
use poolwarden_domain::layout::Changes;
use poolwarden_domain::plan::PoolIndex;
use poolwarden_domain::run::{Baseline, Run, Source};
use poolwarden_domain::snapshot::PoolSnapshot;
use std::collections::HashSet;

/// How far behind the activity log may be: what changed this long before the last run is asked for again.
const ACTIVITY_LOG_LAG: SignedDuration = SignedDuration::from_mins(30);
/// How many subscriptions are asked at a time.
const AT_A_TIME: usize = 32;

/// What the last run vouches for, if this one may build on it.
pub(super) async fn trusted_baseline(deps: &Deps, run: &Run) -> Result<Option<Baseline>, Fault> {
    if run.full || run.source != Source::Azure {
        return Ok(None);
    }
    let connection = deps.config.connection(&run.connection);
    let policy = deps.policy(&run.connection);
    let mut baseline: Option<Baseline> = deps.state().value(&keys::baseline(&run.connection)).await?;
    if let Some(baseline) = &mut baseline {
        // What a limited run has written since, it does not know: what is as it was then may not be so in the catalogue.
        for pool in deps.state().names(&keys::parts(&run.connection)).await? {
            baseline.pools.remove(&pool);
        }
    }
    Ok(baseline.filter(|baseline| {
        let age = run.started_at.duration_since(baseline.full_at).unsigned_abs();
        baseline.policy == policy.fingerprint() && connection.is_some_and(|c| age < c.full_read_every)
    }))
}

/// What the connection's last audit read about access, if it is audited.
pub(super) async fn known_access(deps: &Deps, run: &Run) -> Result<Option<AccessFacts>, Fault> {
    let is_audited = deps.config.connection(&run.connection).is_some_and(|connection| connection.audit.enabled);
    if !is_audited || run.source != Source::Azure {
        return Ok(None);
    }
    match audit::load(deps, &run.connection).await {
        Ok(known) => Ok(known.map(|(_, kept)| kept.facts)),
        // What cannot be read back denies nobody; the next audit writes it anew.
        Err(Fault::Permanent(reason)) => {
            tracing::warn!(connection = run.connection, reason, "what was read about access cannot be used");
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Marks the pools that a limited run is about to look at, so that the next whole run does.
pub(super) async fn mark_parts(deps: &Deps, run: &Run, pools: impl Iterator<Item = &String>) -> Result<(), Fault> {
    let now = deps.now();
    for pool in pools {
        let newer = |known: Option<Timestamp>| known.is_none_or(|known| known < now).then_some(now);
        deps.state().change(&keys::part(&run.connection, pool), newer).await?;
    }
    Ok(())
}

/// What changed since the baseline, by subscription. Whoever cannot be asked is left out: it is read in whole.
pub(super) async fn changes(inventory: &dyn Inventory, estate: &Estate, baseline: &Baseline) -> Changes {
    let since = baseline.started_at - ACTIVITY_LOG_LAG;
    let asked: Vec<_> = estate
        .subscriptions
        .iter()
        .map(|subscription| async move {
            match inventory.changes(&subscription.id, since).await {
                Ok(changes) => Some((subscription.id.to_ascii_lowercase(), changes)),
                Err(reason) => {
                    tracing::warn!(subscription = subscription.id, %reason, "no activity log: reading everything");
                    None
                }
            }
        })
        .collect();
    stream::iter(asked).buffer_unordered(AT_A_TIME).filter_map(std::future::ready).collect().await
}

/// The pools the catalogue has packages of.
pub(super) async fn known_pools(deps: &Deps, connection: &str) -> Result<Vec<(String, ArmId)>, Fault> {
    let indexes: Vec<(String, PoolIndex)> = deps.state().all(&keys::indexes(connection)).await?;
    Ok(indexes.into_iter().filter(|(_, index)| index.active() > 0).map(|(key, index)| (key, index.host_pool)).collect())
}

/// The pools among them that this look at the estate did not list, as they were last observed.
pub(super) async fn unseen_pools(
    deps: &Deps,
    connection: &str,
    known: &[(String, ArmId)],
    estate: &Estate,
) -> Result<Vec<HostPool>, Fault> {
    let seen: HashSet<&ArmId> = estate.host_pools.iter().map(|pool| &pool.id).collect();
    let unseen = known.iter().filter(|(_, id)| !seen.contains(id));
    last_observed(deps, connection, unseen.map(|(key, _)| key.as_str())).await
}

/// Pools as they were last observed, by key; those that never were are left out.
pub(super) async fn last_observed(
    deps: &Deps,
    connection: &str,
    pools: impl Iterator<Item = &str>,
) -> Result<Vec<HostPool>, Fault> {
    let mut observed = Vec::new();
    for key in pools {
        let snapshot: Option<PoolSnapshot> = deps.state().value(&keys::snapshot(connection, key)).await?;
        observed.extend(snapshot.map(|snapshot| snapshot.facts.pool));
    }
    Ok(observed)
}
