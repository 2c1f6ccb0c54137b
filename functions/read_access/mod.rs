//! Reads who may do what to a connection's estate, after a run has ended, and has each host pool's findings drawn.

use crate::audit::{self, Head, Kept};
use crate::deps::Deps;
use crate::stage::{self, Fault, Stage, outgoing};
use crate::{keys, runs};
use poolwarden_domain::access::{AccessFacts, Coverage, Facet};
use poolwarden_domain::audit::{ESTATE, Trend, Trends};
use poolwarden_domain::discovery::pool_key;
use poolwarden_domain::message::{ConnectionRun, PoolRun, queue};
use poolwarden_domain::run::Requests;
use poolwarden_domain::run::Run;
use poolwarden_domain::{ArmId, Unreadable, Why};
use poolwarden_host::{Failure, Invocation, Outcome, trace};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many messages go in one batch.
const BATCH: usize = 200;

/// By which part of the time between two audits a run may begin early: timers do not keep it to the second.
const EARLY: u32 = 20;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    stage::invoke::<ReadAccess>(deps, invocation).await
}

pub(crate) struct ReadAccess;

impl Stage for ReadAccess {
    type Message = ConnectionRun;
    const QUEUE: &'static str = queue::READ_ACCESS;

    async fn handle(deps: &Deps, message: &ConnectionRun) -> Result<(), Fault> {
        let run = runs::find(deps, &message.run, &message.connection).await?;
        let head = match audit::head(deps, &run.connection).await? {
            Some(head) if head.run == run.id || !is_due(deps, &run, &head) => head,
            _ => read(deps, &run).await?,
        };
        // What a command or a later run has read meanwhile is told, too, once.
        if head.handed_on { Ok(()) } else { hand_on(deps, &run).await }
    }

    async fn give_up(_: &Deps, _: &ConnectionRun, _: &str) -> Result<(), Fault> {
        // Nobody waits: the run has ended, and the findings stay as they were read last.
        Ok(())
    }
}

/// Whether enough time has passed since the last audit, and nothing newer was read. Time is counted from the beginning
/// of one run to that of the next: an audit a day is one a day, however long the runs take.
fn is_due(deps: &Deps, run: &Run, head: &Head) -> bool {
    let every = deps.config.connection(&run.connection).map(|connection| connection.audit.every).unwrap_or_default();
    let since = run.started_at.duration_since(head.began.unwrap_or(head.read_at));
    head.read_at <= run.started_at && since.unsigned_abs() >= every - every / EARLY
}

async fn read(deps: &Deps, run: &Run) -> Result<Head, Fault> {
    let known = audit::memory(deps, &run.connection).await?;
    let posture = deps.config.connection(&run.connection).is_some_and(|connection| connection.audit.posture);
    let reader = deps.sources.access(&run.connection).map_err(Fault::Permanent)?;
    let (wanted, now) = (audit::wanted(deps, &run.connection, posture), deps.now());
    let (kept, requests) = match reader.read(&wanted, now, known.as_ref()).await {
        Ok(read) => {
            let requests = Requests { graph: read.directory_requests, ..read.requests };
            (Kept { facts: read.facts, memory: read.memory }, requests)
        }
        Err(reason) if matches!(reason.why, Why::Failed | Why::Throttled) => {
            return Err(Fault::Transient(reason.to_string()));
        }
        // Nothing could be read, which is a result too: everything is unknown.
        Err(reason) => (Kept { facts: nothing(now, &reason), memory: known.unwrap_or_default() }, Requests::default()),
    };
    trace::note_requests(requests.total());
    audit::keep(deps, run, posture, requests, &Arc::new(kept)).await
}

/// Facts that say of everything that it could not be read.
fn nothing(now: jiff::Timestamp, reason: &Unreadable) -> AccessFacts {
    let unknown = |facet| Coverage::unknown(ArmId::new("/"), facet, reason.clone());
    AccessFacts { coverage: Facet::ALL.into_iter().map(unknown).collect(), ..AccessFacts::new(now) }
}

/// Notes how the audit came out, and sends one message for each pool, for those that had findings before, and for what
/// is about no pool.
async fn hand_on(deps: &Deps, run: &Run) -> Result<(), Fault> {
    let Some(audited) = audit::judged(deps, &run.connection).await? else { return Ok(()) };
    let record = |known: Option<Trends>| {
        let mut trends = known.unwrap_or_default();
        trends.record(Trend::from(&audited.report));
        Some(trends)
    };
    deps.state().change(&keys::trend(&run.connection), record).await?;
    let known = deps.state().names(&keys::all_findings(&run.connection)).await?;
    let pools = audited.facts.resources_of("microsoft.desktopvirtualization/hostpools");
    let pools: BTreeSet<String> =
        pools.map(|pool| pool_key(&pool.id)).chain(known).chain([ESTATE.to_owned()]).collect();
    let messages: Vec<_> = pools
        .into_iter()
        .map(|pool| {
            let id = format!("{}/{}/audit/{pool}", audited.head.digest, run.connection);
            outgoing(id, PoolRun { run: run.id.clone(), connection: run.connection.clone(), pool })
        })
        .collect();
    for batch in messages.chunks(BATCH) {
        deps.send(queue::AUDIT_HOST_POOL, batch.to_vec()).await?;
    }
    audit::note_handed_on(deps, &run.connection, &audited.head).await
}

#[cfg(test)]
mod tests;
