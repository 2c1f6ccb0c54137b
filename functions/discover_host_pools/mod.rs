//! Finds every host pool of a connection and lays out one piece of work for each that may have changed.

mod gather;
mod part;

use crate::acquire_token::give_up_run;
use crate::deps::Deps;
use crate::stage::{self, Fault, Stage, outgoing};
use crate::{health, keys, runs};
use futures::{StreamExt, TryStreamExt, stream};
use gather::{changes, known_access, known_pools, mark_parts, trusted_baseline, unseen_pools};
use part::Part;
use poolwarden_domain::Why;
use poolwarden_domain::discovery::discover_knowing;
use poolwarden_domain::layout::{Changes, lay_out};
use poolwarden_domain::message::{ConnectionRun, PoolRun, queue};
use poolwarden_domain::run::{Discovered, Run};
use poolwarden_domain::text::sha256_hex;
use poolwarden_host::{Failure, Invocation, Outcome, trace};
use std::sync::Arc;

/// How many documents are written at a time.
const AT_A_TIME: usize = 32;
/// How many messages go in one batch.
const BATCH: usize = 200;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    stage::invoke::<DiscoverHostPools>(deps, invocation).await
}

pub(crate) struct DiscoverHostPools;

impl Stage for DiscoverHostPools {
    type Message = ConnectionRun;
    const QUEUE: &'static str = queue::DISCOVER_HOST_POOLS;

    async fn handle(deps: &Deps, message: &ConnectionRun) -> Result<(), Fault> {
        let run = runs::find(deps, &message.run, &message.connection).await?;
        if run.finished.is_some() {
            return runs::tell_end(deps, &run).await;
        }
        let run = match &run.discovered {
            Some(_) => run,
            None => match look(deps, &run).await? {
                Some(discovered) => discovered,
                None => return Ok(()),
            },
        };
        hand_on(deps, &run).await
    }

    async fn give_up(deps: &Deps, message: &ConnectionRun, reason: &str) -> Result<(), Fault> {
        give_up_run(deps, message, reason).await
    }
}

/// Looks at the estate and lays out the work. `None` when nothing could be read, and the run has ended with that.
async fn look(deps: &Deps, run: &Run) -> Result<Option<Run>, Fault> {
    let state = deps.state();
    let inventory = deps.sources.inventory(run).map_err(Fault::Permanent)?;
    let part = if run.is_part() { Part::of(deps, run, inventory.as_ref()).await? } else { None };
    let read = match &part {
        Some(part) => inventory.part(&part.wanted).await,
        None => inventory.estate().await,
    };
    trace::note_requests(inventory.requests().total());
    let estate = match read {
        Ok(estate) => estate,
        Err(reason) if matches!(reason.why, Why::Failed | Why::Throttled) => {
            return Err(Fault::Transient(reason.to_string()));
        }
        Err(reason) => {
            if reason.why == Why::Forbidden {
                health::record_refusal(deps, run).await?;
            }
            runs::fail(deps, run, &reason.to_string()).await?;
            return Ok(None);
        }
    };
    let baseline = if part.is_some() { None } else { trusted_baseline(deps, run).await? };
    let changes = match &baseline {
        Some(baseline) => changes(inventory.as_ref(), &estate, baseline).await,
        None => Changes::new(),
    };
    trace::note_requests(inventory.requests().total());
    let known = match &part {
        Some(part) => part.known(deps, &run.connection).await?,
        None => known_pools(deps, &run.connection).await?,
    };
    let unseen = match &part {
        Some(part) => part.unseen(deps, &run.connection, &estate).await?,
        None => unseen_pools(deps, &run.connection, &known, &estate).await?,
    };

    let (ignored, counted) = (estate.ignored.clone(), estate.session_hosts.keys().cloned().collect());
    let access = known_access(deps, run).await?;
    let mut discovery = discover_knowing(estate, &unseen, access);
    if let Some(part) = &part {
        part.complete(&mut discovery, &counted);
    }
    let layout = lay_out(discovery.pools, known, baseline.as_ref(), &changes);

    let name = sha256_hex(format!("{}{:?}", deps.now(), std::thread::current().id()).as_bytes())[..12].to_owned();
    let discovered = Discovered {
        layout: name.clone(),
        pools: layout.work.keys().cloned().collect(),
        carried: layout.carried,
        unknown: discovery.unknown,
        ignored,
        requests: inventory.requests(),
        full: baseline.is_none(),
    };
    let mut writes = Vec::with_capacity(layout.work.len());
    for (pool, work) in &layout.work {
        let key = keys::pending(&run.id, &run.connection, &name, pool);
        writes.push(async move { state.create(&key, work).await.map(|_| ()) });
    }
    stream::iter(writes).buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
    if part.is_some() {
        mark_parts(deps, run, layout.work.keys()).await?;
    }
    let key = keys::run(&run.id, &run.connection);
    // Another delivery of this message may have laid out its own work first; then that one counts.
    let recorded = state
        .change(&key, |existing: Option<Run>| {
            let known = existing.filter(|known| known.discovered.is_none() && known.only == run.only)?;
            // What turned out to be too much for a part was a look at the whole.
            let only = if part.is_some() { known.only.clone() } else { Vec::new() };
            Some(Run { discovered: Some(discovered.clone()), only, ..known })
        })
        .await?;
    match recorded {
        Some(run) if run.discovered.is_none() => {
            Err(Fault::Transient("the run was given more to look at meanwhile".to_owned()))
        }
        Some(run) => Ok(Some(run)),
        None => Err(Fault::Permanent(format!("the run {} is gone", run.id))),
    }
}

/// Sends one message a pool, or straight on if there is nothing to enumerate.
async fn hand_on(deps: &Deps, run: &Run) -> Result<(), Fault> {
    let Some(discovered) = &run.discovered else { return Ok(()) };
    if discovered.pools.is_empty() {
        return runs::send_finish(deps, run, "finish").await;
    }
    for pools in discovered.pools.chunks(BATCH) {
        let messages = pools.iter().map(|pool| {
            let id = format!("{}/{}/{pool}", run.id, run.connection);
            outgoing(id, PoolRun { run: run.id.clone(), connection: run.connection.clone(), pool: pool.clone() })
        });
        deps.send(queue::ENUMERATE_HOST_POOL, messages.collect()).await?;
    }
    Ok(())
}
