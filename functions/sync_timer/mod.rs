//! Begins a run of every connection that is due, ends runs that nobody reports on any more, forgets which requests
//! came long ago, and tells what commands did that were killed before they told it.

use crate::deps::Deps;
use crate::health::{self, HealthState};
use crate::import::claims;
use crate::stage::Fault;
use crate::{keys, lifecycle, runs};
use jiff::{SignedDuration, Timestamp};
use poolwarden_domain::run::{Run, Source, Trigger};
use poolwarden_domain::text::sha256_hex;
use poolwarden_host::{Failure, Invocation, Outcome, Schedule};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A run that has not ended after this long will not end by itself: a message of it was lost to a crash too often.
const STALLED_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, _: &Invocation) -> Result<Outcome, Failure> {
    let mut faults = Vec::new();
    for connection in &deps.config.connections {
        // One connection's trouble is not its neighbours'.
        if let Err(fault) = tick(deps, &connection.name, &connection.schedule, connection.enabled).await {
            faults.push(format!("{}: {fault}", connection.name));
        }
    }
    if let Err(fault) = claims::sweep(deps, deps.now()).await {
        faults.push(fault.to_string());
    }
    match lifecycle::sweep(deps).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "what killed commands did is told now"),
        Err(fault) => faults.push(fault.to_string()),
    }
    if faults.is_empty() { Ok(Outcome::done()) } else { Err(Failure::new(faults.join("; "))) }
}

/// When a connection was last due, and the run that began for it: `connections/<name>/schedule`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LastDue {
    at: Timestamp,
    run: String,
}

/// One that is not enabled begins nothing by itself; what a person or a webhook has begun is ended all the same.
async fn tick(deps: &Deps, connection: &str, schedule: &str, enabled: bool) -> Result<(), Fault> {
    let state = deps.state();
    let now = deps.now();
    let last: Option<LastDue> = state.value(&keys::schedule(connection)).await?;
    if let Some(last) = last.as_ref().filter(|_| enabled) {
        // A process killed after it wrote down that a run is due may not have begun it.
        let begun: Option<Run> = state.value(&keys::run(&last.run, connection)).await?;
        if begun.is_none_or(|run| run.discovered.is_none() && run.finished.is_none()) {
            return begin(deps, connection, last).await;
        }
    }
    let open = open_runs(deps, connection).await?;
    for run in &open {
        if now.duration_since(run.started_at) > STALLED_AFTER {
            end_stalled(deps, run).await?;
        }
    }
    let needs_person = health::of(deps, connection).await?.is_some_and(|h| h.state == HealthState::NeedsAttention);
    // A run of a few pools is no reason to put off one of all.
    if !enabled
        || open.iter().any(|run| !run.is_part())
        || needs_person
        || !is_due(schedule, last.as_ref(), now).map_err(Fault::Permanent)?
    {
        return Ok(());
    }
    let due = LastDue { at: now, run: run_id(now, connection) };
    let first = |known: Option<LastDue>| (known == last).then(|| due.clone());
    match state.change(&keys::schedule(connection), first).await? {
        Some(recorded) if recorded == due => begin(deps, connection, &due).await,
        _ => Ok(()),
    }
}

/// A new connection is due at once; of many missed times one run makes up for all.
fn is_due(schedule: &str, last: Option<&LastDue>, now: Timestamp) -> Result<bool, String> {
    let Some(last) = last else { return Ok(true) };
    Ok(Schedule::parse(schedule)?.after(last.at).is_some_and(|next| next <= now))
}

async fn begin(deps: &Deps, connection: &str, due: &LastDue) -> Result<(), Fault> {
    runs::start(deps, &Run::new(due.run.clone(), connection, Trigger::Timer, Source::Azure, due.at)).await
}

fn run_id(at: Timestamp, salt: &str) -> String {
    let hash = sha256_hex(salt.as_bytes());
    format!("{}-{}", at.strftime("%Y%m%dT%H%M%SZ"), &hash[..6])
}

async fn open_runs(deps: &Deps, connection: &str) -> Result<Vec<Run>, Fault> {
    let mut open = Vec::new();
    for id in deps.state().names(&keys::open_runs(connection)).await? {
        match deps.state().value::<Run>(&keys::run(&id, connection)).await? {
            Some(run) if run.finished.is_none() => open.push(run),
            Some(run) => runs::tell_end(deps, &run).await?,
            None => deps.state().delete(&keys::open_run(connection, &id)).await?,
        }
    }
    Ok(open)
}

/// Counts the pools that never reported as unknown, so that the others' work is not lost.
async fn end_stalled(deps: &Deps, run: &Run) -> Result<(), Fault> {
    const REASON: &str = "no report came; see the dead letters";
    let Some(discovered) = &run.discovered else { return runs::fail(deps, run, REASON).await };
    for pool in deps.state().names(&keys::pending_of(&run.id, &run.connection, &discovered.layout)).await? {
        runs::give_up_pool(deps, run, &pool, REASON).await?;
    }
    runs::send_finish(deps, run, "stalled").await
}
