//! What a look at a pool leaves in the store before anything follows from it: the newest snapshot, the plan, and what it
//! found missing.

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use poolwarden_domain::UnknownScope;
use poolwarden_domain::plan::{Observation, PoolIndex, plan};
use poolwarden_domain::published::Published;
use poolwarden_domain::report::{PoolReport, entries_per_part};
use poolwarden_domain::run::Run;
use poolwarden_domain::snapshot::PoolSnapshot;
use poolwarden_domain::waiting::withhold;

/// Plans against the catalogue's index, and writes down the plan and what it found missing.
pub(super) async fn decide(
    deps: &Deps,
    run: &Run,
    pool: &str,
    empty: PoolIndex,
    published: &Published,
    unknown: Vec<UnknownScope>,
    observation: Observation,
) -> Result<PoolReport, Fault> {
    let state = deps.state();
    let index_key = keys::index(&run.connection, pool);
    let index = state.value(&index_key).await?.unwrap_or(empty);
    let mut plan = plan(published, &index, &unknown, &observation);
    let is_checked_only = deps.policy(&run.connection).check_only && !run.apply;
    let waiting = if is_checked_only { withhold(&mut plan, &index) } else { Vec::new() };
    if !plan.missing.is_empty() || !plan.not_missing.is_empty() {
        let mark = |index: Option<PoolIndex>| {
            let mut index = index?;
            index.mark(&plan, &observation).then_some(index)
        };
        state.change(&index_key, mark).await?;
    }
    let report = PoolReport::new(pool, observation, &plan, index.active(), unknown);
    if let Some(digest) = &report.plan.digest {
        for (part, entries) in (0..).zip(plan.entries.chunks(entries_per_part(plan.entries.len()))) {
            state.create(&keys::plan(&run.id, &run.connection, pool, digest, part), &entries).await?;
        }
    }
    Ok(PoolReport { waiting, ..report })
}

/// An older observation never overwrites a newer one.
pub(super) async fn keep_newest(deps: &Deps, key: &str, snapshot: &PoolSnapshot) -> Result<(), Fault> {
    let newer = |known: Option<PoolSnapshot>| match known {
        Some(known) if known.observed_at >= snapshot.observed_at => None,
        _ => Some(snapshot.clone()),
    };
    deps.state().change(key, newer).await?;
    Ok(())
}
