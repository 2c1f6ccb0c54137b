//! How a run begins, how its pools report, and how it ends before its time. Everything here may be repeated: ids are
//! derived from state, and a document that is there already is taken as written.

use crate::deps::Deps;
use crate::stage::{Fault, outgoing};
use crate::{keys, planted_bug};
use jiff::Timestamp;
use poolwarden_domain::event::{self, Event};
use poolwarden_domain::message::{ConnectionRun, Notification, queue};
use poolwarden_domain::plan::{PoolIndex, PoolPlan};
use poolwarden_domain::report::{ConnectionReport, PoolReport};
use poolwarden_domain::run::{Finished, PART_SUFFIX, PoolWork, Run, Source, Status, Trigger};
use poolwarden_domain::text::sha256_hex;
use poolwarden_domain::{ArmId, UnknownScope, Unreadable, Why, wildcard};
use poolwarden_host::trace;
use poolwarden_store::Outgoing;

/// A run's id: it sorts by time, and the salt tells it from others of the same second.
pub fn id(at: Timestamp, salt: &str) -> String {
    format!("{}-{}", at.strftime("%Y%m%dT%H%M%SZ"), &sha256_hex(salt.as_bytes())[..12])
}

/// Begins a run of one connection: its document, a mark that it is open, and the first message.
pub async fn start(deps: &Deps, run: &Run) -> Result<(), Fault> {
    start_at(deps, run, None).await
}

/// The same for a run that nobody takes up before a time.
pub async fn start_at(deps: &Deps, run: &Run, not_before: Option<Timestamp>) -> Result<(), Fault> {
    let state = deps.state();
    trace::note_run(Some(&run.id), Some(&run.connection));
    state.create(&keys::run(&run.id, &run.connection), run).await?;
    state.create(&keys::open_run(&run.connection, &run.id), &run.started_at).await?;
    let message = ConnectionRun { run: run.id.clone(), connection: run.connection.clone() };
    let id = format!("{}/{}/acquire", run.id, run.connection);
    deps.send(queue::ACQUIRE_TOKEN, vec![Outgoing { not_before, ..outgoing(id, message) }]).await?;
    Ok(())
}

/// The id of a run that does what another left undone, of one pool or of all that it was about: the same at the same
/// time.
pub async fn id_instead_of(deps: &Deps, run: &Run, pool: Option<&str>, now: Timestamp) -> Result<String, Fault> {
    let salt = format!("{}/{}/{}", run.id, run.connection, pool.unwrap_or_default());
    let only = left_undone(deps, run, pool).await?;
    Ok(id(now, &salt) + if only.is_empty() { "" } else { PART_SUFFIX })
}

/// Begins that run.
pub async fn start_instead_of(deps: &Deps, run: &Run, pool: Option<&str>, id: &str) -> Result<(), Fault> {
    let only = left_undone(deps, run, pool).await?;
    tracing::info!(run = id, instead_of = run.id, connection = run.connection, pool, "a new run");
    let instead = Run::new(id.to_owned(), &run.connection, Trigger::Command, run.source.clone(), deps.now());
    start(deps, &Run { full: run.full, apply: run.apply, ..instead }.limited_to(&only)).await
}

async fn left_undone(deps: &Deps, run: &Run, pool: Option<&str>) -> Result<Vec<ArmId>, Fault> {
    let of_pool = match pool {
        Some(pool) => host_pool(deps, run, pool).await?,
        None => None,
    };
    Ok(of_pool.map_or_else(|| run.only.clone(), |id| vec![id]))
}

/// The id of a host pool by its key: the catalogue knows it, or the report on its having been given up.
async fn host_pool(deps: &Deps, run: &Run, pool: &str) -> Result<Option<ArmId>, Fault> {
    let state = deps.state();
    if let Some(index) = state.value::<PoolIndex>(&keys::index(&run.connection, pool)).await? {
        return Ok(Some(index.host_pool));
    }
    let report: Option<PoolReport> = state.value(&keys::pool_report(&run.id, &run.connection, pool)).await?;
    let unknown = report.and_then(|report| report.unknown.into_iter().next());
    Ok(unknown.map(|unknown| unknown.scope).filter(|id| id.segment("hostPools").is_some()))
}

/// A run that a message names; a message about none can never be handled.
pub async fn find(deps: &Deps, run: &str, connection: &str) -> Result<Run, Fault> {
    let found = deps.state().value(&keys::run(run, connection)).await?;
    found.ok_or_else(|| Fault::Permanent(format!("there is no run {run} of connection {connection}")))
}

/// Records that nothing is left to do for one pool, and has the run's sum drawn if it was the last.
///
/// The work laid out for a pool is deleted with it, so an empty listing means that every pool is done. Two last pools
/// may both see that; they send the same message.
pub async fn pool_done(deps: &Deps, run: &Run, pool: &str) -> Result<(), Fault> {
    let Some(discovered) = &run.discovered else { return Ok(()) };
    let state = deps.state();
    state.delete(&keys::pending(&run.id, &run.connection, &discovered.layout, pool)).await?;
    if state.is_empty(&keys::pending_of(&run.id, &run.connection, &discovered.layout)).await? {
        send_finish(deps, run, "finish").await?;
    }
    Ok(())
}

/// Has the sum of a run drawn. `occasion` tells apart the first time and an approval.
pub async fn send_finish(deps: &Deps, run: &Run, occasion: &str) -> Result<(), Fault> {
    let message = ConnectionRun { run: run.id.clone(), connection: run.connection.clone() };
    let id = format!("{}/{}/{occasion}", run.id, run.connection);
    deps.send(queue::FINISH_RUN, vec![outgoing(id, message)]).await?;
    Ok(())
}

/// Files a report for a pool whose work will not be done, and counts the pool as done.
pub async fn give_up_pool(deps: &Deps, run: &Run, pool: &str, reason: &str) -> Result<(), Fault> {
    let Some(discovered) = &run.discovered else { return Ok(()) };
    let state = deps.state();
    let work: Option<PoolWork> =
        state.value(&keys::pending(&run.id, &run.connection, &discovered.layout, pool)).await?;
    let index: Option<PoolIndex> = state.value(&keys::index(&run.connection, pool)).await?;
    let id = work.map(|work| work.id().clone()).or_else(|| index.as_ref().map(|index| index.host_pool.clone()));
    let active = index.map_or(0, |index| index.active());
    let unknown =
        UnknownScope { scope: id.unwrap_or_else(|| ArmId::new(pool)), reason: Unreadable::new(Why::Failed, reason) };
    let plan = PoolPlan { unknown: active, ..PoolPlan::default() };
    state
        .change(&keys::pool_report(&run.id, &run.connection, pool), |existing: Option<PoolReport>| match existing {
            None => Some(PoolReport::new(pool, run.observe(deps.now()), &plan, active, vec![unknown.clone()])),
            Some(mut known) if !known.is_done() => {
                known.give_up(reason);
                Some(known)
            }
            Some(_) => None,
        })
        .await?;
    pool_done(deps, run, pool).await
}

/// Ends a run that could not read anything.
pub async fn fail(deps: &Deps, run: &Run, reason: &str) -> Result<(), Fault> {
    let mut report = ConnectionReport::new(&run.connection, Status::Failed);
    report.error = Some(reason.to_owned());
    report.requests = run.discovered.as_ref().map(|discovered| discovered.requests).unwrap_or_default();
    end(deps, run, report).await
}

/// Writes down how a run ended, once, and tells those who asked to be told.
pub async fn end(deps: &Deps, run: &Run, report: ConnectionReport) -> Result<(), Fault> {
    let finished = Finished { at: deps.now(), report };
    let approved_at = run.approved_at;
    let ended = deps
        .state()
        .change(&keys::run(&run.id, &run.connection), |existing: Option<Run>| {
            let run = existing?;
            let first = run.finished.is_none();
            let approved = run.held() && approved_at.is_some();
            (first || approved).then(|| Run { finished: Some(finished.clone()), ..run })
        })
        .await?;
    match ended {
        Some(ended) => tell_end(deps, &ended).await,
        None => Ok(()),
    }
}

/// What follows from a run's end; repeated for as long as anybody asks about a run that ended.
pub async fn tell_end(deps: &Deps, run: &Run) -> Result<(), Fault> {
    if let Some(finished) = &run.finished {
        let told = notify(deps, &run.connection, vec![event::run(&run.id, &finished.report, finished.at)]).await;
        if let Err(fault @ Fault::Permanent(_)) = told {
            // An event that cannot be sent must not keep a run open.
            tracing::error!(run = run.id, connection = run.connection, %fault, "the run's end is told to nobody");
        } else {
            told?;
        }
    }
    send_audit(deps, run).await?;
    deps.state().delete(&keys::open_run(&run.connection, &run.id)).await?;
    deps.known.forget(&run.connection);
    deps.ended.notify_waiters();
    Ok(())
}

/// Has the connection's access audited, if it is to be: after a look at the whole of it that could read anything.
async fn send_audit(deps: &Deps, run: &Run) -> Result<(), Fault> {
    let is_wanted = deps.config.connection(&run.connection).is_some_and(|connection| connection.audit.enabled);
    let could_read = run.finished.as_ref().is_some_and(|finished| finished.report.status != Status::Failed);
    if is_wanted && could_read && !run.is_part() && run.source == Source::Azure {
        let message = ConnectionRun { run: run.id.clone(), connection: run.connection.clone() };
        let id = format!("{}/{}/audit", run.id, run.connection);
        deps.send(queue::READ_ACCESS, vec![outgoing(id, message)]).await?;
    }
    Ok(())
}

/// Sends events to the connection's webhooks that want them.
pub async fn notify(deps: &Deps, connection: &str, mut events: Vec<Event>) -> Result<(), Fault> {
    // A connection that is no longer configured has nobody to tell.
    let Some(configured) = deps.config.connection(connection) else { return Ok(()) };
    for event in &mut events {
        event.id = planted_bug::id(std::mem::take(&mut event.id));
    }
    for webhook in &configured.webhooks {
        let wants = |event: &&Event| {
            let kind = event.kind.trim_start_matches("dev.poolwarden.");
            webhook.events.iter().any(|pattern| wildcard::matches(pattern, kind))
        };
        let messages: Vec<_> = events
            .iter()
            .filter(wants)
            .map(|event| {
                let id = format!("{}/{}", event.id, webhook.name);
                let (connection, webhook) = (connection.to_owned(), webhook.name.clone());
                outgoing(id, Notification { connection, webhook, attempt: 0, event: event.clone() })
            })
            .collect();
        if !messages.is_empty() {
            deps.send(queue::DELIVER_NOTIFICATION, messages).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
