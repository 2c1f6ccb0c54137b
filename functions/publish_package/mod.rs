//! Writes a part of a pool's plan into the catalogue, and tells the connection's webhooks what changed.

mod write;

use crate::deps::Deps;
use crate::stage::{self, Fault, Stage};
use crate::state::StateError;
use crate::{keys, runs};
use jiff::Timestamp;
use poolwarden_domain::discovery::pool_key;
use poolwarden_domain::event;
use poolwarden_domain::message::{PlanPart, queue};
use poolwarden_domain::plan::{Entry, PoolIndex};
use poolwarden_domain::report::{PartOutcome, PoolReport};
use poolwarden_domain::run::Run;
use poolwarden_host::{Failure, Invocation, Outcome};
use poolwarden_store::StoreError;
use serde::Deserialize;
use std::sync::Arc;
use write::{Written, write_all};

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    stage::invoke::<PublishPackage>(deps, invocation).await
}

pub(crate) struct PublishPackage;

impl Stage for PublishPackage {
    type Message = PlanPart;
    const QUEUE: &'static str = queue::PUBLISH_PACKAGE;

    async fn handle(deps: &Deps, message: &PlanPart) -> Result<(), Fault> {
        let state = deps.state();
        let run = runs::find(deps, &message.run, &message.connection).await?;
        let report_key = keys::pool_report(&run.id, &run.connection, &message.pool);
        let Some(report) = state.value::<PoolReport>(&report_key).await? else {
            return Err(Fault::Permanent(format!("there is no plan for pool {}", message.pool)));
        };
        if run.finished.is_some() {
            return Ok(());
        }
        if report.parts.contains_key(&message.part) {
            return after(deps, &run, &report).await;
        }
        let digest = report.plan.digest.as_deref().unwrap_or_default();
        let plan_key = keys::plan(&run.id, &run.connection, &message.pool, digest, message.part);
        let entries: Vec<Entry> = state.value(&plan_key).await?.unwrap_or_default();

        let snapshot: Option<Observed> = state.value(&keys::snapshot(&run.connection, &message.pool)).await?;
        let outdated = snapshot.is_some_and(|newest| newest.observed_at > report.observation.observed_at);
        let outcome = publish(deps, &run, &report, &entries, outdated).await?;
        let report = state
            .change(&report_key, |existing: Option<PoolReport>| {
                let mut report = existing?;
                report.parts.insert(message.part, outcome.clone());
                Some(report)
            })
            .await?;
        match report {
            Some(report) => after(deps, &run, &report).await,
            None => Err(Fault::Transient("the pool's report is gone".to_owned())),
        }
    }

    async fn give_up(deps: &Deps, message: &PlanPart, reason: &str) -> Result<(), Fault> {
        let state = deps.state();
        let Some(run) = state.value::<Run>(&keys::run(&message.run, &message.connection)).await? else { return Ok(()) };
        runs::give_up_pool(deps, &run, &message.pool, reason).await
    }
}

/// Of a pool's snapshot, when it was taken: the rest may be megabytes.
#[derive(Deserialize)]
struct Observed {
    observed_at: Timestamp,
}

async fn after(deps: &Deps, run: &Run, report: &PoolReport) -> Result<(), Fault> {
    if report.is_done() { runs::pool_done(deps, run, &report.pool).await } else { Ok(()) }
}

/// Writes the packages, then sends what follows, then brings the index up to date: each step can be repeated, and a
/// repeated one finds by the revisions what it did before.
async fn publish(
    deps: &Deps,
    run: &Run,
    report: &PoolReport,
    entries: &[Entry],
    outdated: bool,
) -> Result<PartOutcome, Fault> {
    let written = write_all(deps, run, report, entries, outdated).await?;
    let mut outcome = PartOutcome::default();
    let (mut events, mut packages) = (Vec::new(), Vec::new());
    for (entry, written) in written {
        match written {
            Ok(None) => outcome.superseded += 1,
            Ok(Some(Written { package, revision: Some(revision) })) => {
                outcome.count(revision.change);
                events.push(event::package(&package, &revision, &entry.content));
                packages.push(package);
            }
            Ok(Some(Written { package, revision: None })) => {
                outcome.superseded += 1;
                packages.push(package);
            }
            Err(error @ (StateError::Malformed { .. } | StateError::Store(StoreError::TooLarge { .. }))) => {
                outcome.failed.insert(entry.key.clone(), Failure::caused_by(&error).message);
            }
            Err(error) => return Err(error.into()),
        }
    }
    runs::notify(deps, &run.connection, events).await?;
    for package in packages.iter().filter(|package| package.stays()) {
        if pool_key(&package.content.host_pool.id) != report.pool {
            let mark = keys::offered_elsewhere(&run.connection, &package.key, &report.pool);
            deps.state().create(&mark, &report.observation.observed_at).await?;
        }
    }
    let index_key = keys::index(&run.connection, &report.pool);
    let record = |index: Option<PoolIndex>| {
        let pool = entries.first().map(|entry| &entry.content.host_pool)?;
        let mut index = index.unwrap_or_else(|| PoolIndex::new(pool.id.clone(), pool.name.clone()));
        let changed = packages.iter().filter(|package| index.record(package)).count() > 0;
        changed.then_some(index)
    };
    deps.state().change(&index_key, record).await?;
    Ok(outcome)
}

#[cfg(test)]
mod tests;
