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
            Some(head) if head.run == run.id => head,
            Some(head) if !is_due(deps, &run, &head) => return Ok(()),
            _ => read(deps, &run).await?,
        };
        hand_on(deps, &run, &head).await
    }

    async fn give_up(_: &Deps, _: &ConnectionRun, _: &str) -> Result<(), Fault> {
        // Nobody waits: the run has ended, and the findings stay as they were read last.
        Ok(())
    }
}

/// Whether enough time has passed since the last audit, and nothing newer was read.
fn is_due(deps: &Deps, run: &Run, head: &Head) -> bool {
    let every = deps.config.connection(&run.connection).map(|connection| connection.audit.every).unwrap_or_default();
    let since = run.started_at.duration_since(head.read_at);
    head.read_at <= run.started_at && since.unsigned_abs() >= every
}

async fn read(deps: &Deps, run: &Run) -> Result<Head, Fault> {
    let known = audit::load(deps, &run.connection).await?;
    let posture = deps.config.connection(&run.connection).is_some_and(|connection| connection.audit.posture);
    let reader = deps.sources.access(&run.connection).map_err(Fault::Permanent)?;
    let (wanted, now) = (audit::wanted(deps, &run.connection, posture), deps.now());
    let (kept, requests) = match reader.read(&wanted, now, known.as_ref().map(|(_, kept)| &kept.memory)).await {
        Ok(read) => {
            let requests = Requests { graph: read.directory_requests, ..read.requests };
            (Kept { facts: read.facts, memory: read.memory }, requests)
        }
        Err(reason) if matches!(reason.why, Why::Failed | Why::Throttled) => {
            return Err(Fault::Transient(reason.to_string()));
        }
        // Nothing could be read, which is a result too: everything is unknown.
        Err(reason) => {
            let memory = known.map(|(_, kept)| kept.memory).unwrap_or_default();
            (Kept { facts: nothing(now, &reason), memory }, Requests::default())
        }
    };
    trace::note_requests(requests.total());
    audit::keep(deps, &run.connection, &run.id, posture, requests, &kept).await
}

/// Facts that say of everything that it could not be read.
fn nothing(now: jiff::Timestamp, reason: &Unreadable) -> AccessFacts {
    let unknown = |facet| Coverage::unknown(ArmId::new("/"), facet, reason.clone());
    AccessFacts { coverage: Facet::ALL.into_iter().map(unknown).collect(), ..AccessFacts::new(now) }
}

/// Notes how the audit came out, and sends one message for each pool, for those that had findings before, and for what
/// is about no pool.
async fn hand_on(deps: &Deps, run: &Run, head: &Head) -> Result<(), Fault> {
    let Some(audited) = audit::judged(deps, &run.connection).await? else { return Ok(()) };
    if audited.head.run != head.run {
        // A later run has read since, and tells the rest.
        return Ok(());
    }
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
            let id = format!("{}/{}/audit/{pool}", run.id, run.connection);
            outgoing(id, PoolRun { run: run.id.clone(), connection: run.connection.clone(), pool })
        })
        .collect();
    for batch in messages.chunks(BATCH) {
        deps.send(queue::AUDIT_HOST_POOL, batch.to_vec()).await?;
    }
    Ok(())
}
