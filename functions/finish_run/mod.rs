//! Draws the sum of a run once every pool has reported: retires what two complete looks in a row have missed, behind
//! the brake, writes the report, and tells the connection's webhooks.

use crate::acquire_token::give_up_run;
use crate::deps::Deps;
use crate::stage::{self, Fault, Stage};
use crate::state::StateError;
use crate::{keys, lifecycle, runs, targets};
use jiff::Timestamp;
use poolwarden_domain::catalogue::{self, Applied};
use poolwarden_domain::conclude::conclude;
use poolwarden_domain::event::{self, Event};
use poolwarden_domain::message::{ConnectionRun, queue};
use poolwarden_domain::package::Package;
use poolwarden_domain::plan::{Observation, PoolIndex};
use poolwarden_domain::report::PoolReport;
use poolwarden_domain::run::{Baseline, PART_SUFFIX, Run};
use poolwarden_host::{Failure, Invocation, Outcome};
use poolwarden_store::StoreError;
use std::collections::HashSet;
use std::sync::Arc;

/// How many ended runs of a connection are kept, and how many of a part of it.
const RUNS_KEPT: usize = 50;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    stage::invoke::<FinishRun>(deps, invocation).await
}

pub(crate) struct FinishRun;

impl Stage for FinishRun {
    type Message = ConnectionRun;
    const QUEUE: &'static str = queue::FINISH_RUN;

    async fn handle(deps: &Deps, message: &ConnectionRun) -> Result<(), Fault> {
        let state = deps.state();
        let run = runs::find(deps, &message.run, &message.connection).await?;
        let approved = run.held() && run.approved_at.is_some();
        if run.finished.is_some() && !approved {
            return runs::tell_end(deps, &run).await;
        }
        let reports: Vec<(String, PoolReport)> = state.all(&keys::pool_reports(&run.id, &run.connection)).await?;
        let reports: Vec<PoolReport> = reports.into_iter().map(|(_, report)| report).collect();
        let previous: Option<Baseline> = state.value(&keys::baseline(&run.connection)).await?;

        let policy = deps.policy(&run.connection);
        let mut ending = conclude(&run, &reports, policy.brake, policy.fingerprint(), previous.as_ref());

        for (pool, packages, observation) in &ending.retire {
            let events = retire(deps, &run, pool, packages, observation).await?;
            // What another run has retired, or seen again, is not this one's to count.
            ending.report.packages.retired -= packages.len() - events.len();
            runs::notify(deps, &run.connection, events).await?;
        }
        if let Some(baseline) = ending.baseline {
            let newer = |known: Option<Baseline>| match known {
                Some(known) if known.started_at >= baseline.started_at => None,
                _ => Some(baseline.clone()),
            };
            state.change(&keys::baseline(&run.connection), newer).await?;
            forget_parts(deps, &run).await?;
        }
        targets::follow(deps, &run).await?;
        runs::end(deps, &run, ending.report).await?;
        clean_up(deps, &run).await?;
        // Where no timer runs, `sync` is the one to tell what persons did. What cannot be told now is told next time.
        if let Err(fault) = lifecycle::sweep(deps).await {
            tracing::error!(%fault, "what killed commands did is not told yet");
        }
        Ok(())
    }

    async fn give_up(deps: &Deps, message: &ConnectionRun, reason: &str) -> Result<(), Fault> {
        give_up_run(deps, message, reason).await
    }
}

/// Retires packages of one pool, and returns the events of it.
async fn retire(
    deps: &Deps,
    run: &Run,
    pool: &str,
    packages: &[String],
    observation: &Observation,
) -> Result<Vec<Event>, Fault> {
    let (state, now) = (deps.state(), deps.now());
    let (mut events, mut retired) = (Vec::new(), Vec::new());
    let index: Option<PoolIndex> = state.value(&keys::index(&run.connection, pool)).await?;
    let is_due = |key: &&String| index.as_ref().is_some_and(|index| index.is_due(key, observation));
    for key in packages.iter().filter(is_due) {
        let mut revision = None;
        let package = state
            .change(&keys::package(&run.connection, key), |existing: Option<Package>| {
                let (after, ours) = match catalogue::retire(existing.as_ref(), observation, now) {
                    Applied::Write(package) => (Some(*package), true),
                    Applied::Already(_) => (None, true),
                    Applied::Superseded => (None, false),
                };
                let package = after.as_ref().or(existing.as_ref());
                revision = package.filter(|_| ours).and_then(|package| package.revision_of(&run.id).cloned());
                after
            })
            .await?;
        let Some(package) = package else { continue };
        events.extend(revision.map(|revision| event::package(&package, &revision, &package.content)));
        retired.push(package);
    }
    let record = |index: Option<PoolIndex>| {
        let mut index = index?;
        let changed = retired.iter().filter(|package| index.record(package)).count() > 0;
        changed.then_some(index)
    };
    state.change(&keys::index(&run.connection, pool), record).await?;
    Ok(events)
}

/// Forgets the marks of limited runs on the pools that this run has looked at since.
async fn forget_parts(deps: &Deps, run: &Run) -> Result<(), Fault> {
    let looked_at: HashSet<&String> = run.discovered.iter().flat_map(|discovered| &discovered.pools).collect();
    for pool in deps.state().names(&keys::parts(&run.connection)).await? {
        let key = keys::part(&run.connection, &pool);
        let mark = deps.state().read::<Timestamp>(&key).await?;
        if let Some(mark) = mark.filter(|mark| mark.value < run.started_at && looked_at.contains(&pool)) {
            match deps.documents.delete(&key, &mark.version).await {
                // Another limited run has marked it anew.
                Ok(()) | Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(StateError::from(error).into()),
            }
        }
    }
    Ok(())
}

/// Deletes what the run no longer needs, and the runs that are too old to ask about.
async fn clean_up(deps: &Deps, run: &Run) -> Result<(), Fault> {
    let state = deps.state();
    state.delete_all(&keys::pending_all(&run.id, &run.connection)).await?;
    let suffix = format!("/{}", run.connection);
    let runs = state.names(keys::RUNS).await?;
    let ours = runs.iter().filter_map(|name| name.strip_suffix(&suffix));
    // Runs of a few pools are many; they do not push out what is known of the whole.
    let ours: Vec<&str> = ours.filter(|id| id.ends_with(PART_SUFFIX) == run.id.ends_with(PART_SUFFIX)).collect();
    for old in &ours[..ours.len().saturating_sub(RUNS_KEPT)] {
        state.delete_all(&keys::pool_reports(old, &run.connection)).await?;
        state.delete_all(&keys::plans(old, &run.connection)).await?;
        state.delete(&keys::run(old, &run.connection)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
