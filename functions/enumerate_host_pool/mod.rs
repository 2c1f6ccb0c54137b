//! Looks at one host pool: asks each application group that may have changed, and plans what to publish.

mod ask;
mod decide;
mod look_for;

use crate::deps::Deps;
use crate::stage::{self, Fault, Stage, outgoing};
use crate::{chosen, icons, keys, rdp_files, runs};
use ask::ask;
use decide::{decide, keep_newest};
use look_for::look_for;
use poolwarden_azure::Inventory;
use poolwarden_domain::ArmId;
use poolwarden_domain::discovery::PoolFacts;
use poolwarden_domain::message::{PlanPart, PoolRun, queue};
use poolwarden_domain::plan::PoolIndex;
use poolwarden_domain::policy::Method;
use poolwarden_domain::published::published;
use poolwarden_domain::report::PoolReport;
use poolwarden_domain::run::{PoolWork, Run};
use poolwarden_domain::snapshot::PoolSnapshot;
use poolwarden_host::{Failure, Invocation, Outcome, trace};
use std::sync::Arc;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    stage::invoke::<EnumerateHostPool>(deps, invocation).await
}

pub(crate) struct EnumerateHostPool;

impl Stage for EnumerateHostPool {
    type Message = PoolRun;
    const QUEUE: &'static str = queue::ENUMERATE_HOST_POOL;

    async fn handle(deps: &Deps, message: &PoolRun) -> Result<(), Fault> {
        let run = runs::find(deps, &message.run, &message.connection).await?;
        let Some(discovered) = run.discovered.as_ref().filter(|_| run.finished.is_none()) else { return Ok(()) };
        let report_key = keys::pool_report(&run.id, &run.connection, &message.pool);
        if let Some(report) = deps.state().value(&report_key).await? {
            return hand_on(deps, &run, &report).await;
        }
        let work_key = keys::pending(&run.id, &run.connection, &discovered.layout, &message.pool);
        let Some(work) = deps.state().value(&work_key).await? else { return Ok(()) };
        let inventory = deps.sources.inventory(&run).map_err(Fault::Permanent)?;
        let report = match work {
            PoolWork::Seen { facts, changed } => {
                enumerate(deps, &run, inventory.as_ref(), *facts, changed.as_deref()).await
            }
            PoolWork::Vanished { id } => look_for(deps, &run, inventory.as_ref(), &message.pool, &id).await,
        };
        trace::note_requests(inventory.requests().total());
        let report = PoolReport { requests: inventory.requests(), ..report? };
        deps.state().create(&report_key, &report).await?;
        // Another delivery may have reported first: then its report, and its plan, count.
        match deps.state().value(&report_key).await? {
            Some(report) => hand_on(deps, &run, &report).await,
            None => Err(Fault::Transient("the pool's report is gone".to_owned())),
        }
    }

    async fn give_up(deps: &Deps, message: &PoolRun, reason: &str) -> Result<(), Fault> {
        let Some(run) = deps.state().value::<Run>(&keys::run(&message.run, &message.connection)).await? else {
            return Ok(());
        };
        runs::give_up_pool(deps, &run, &message.pool, reason).await
    }
}

/// A pool that discovery saw.
async fn enumerate(
    deps: &Deps,
    run: &Run,
    inventory: &dyn Inventory,
    mut facts: PoolFacts,
    changed: Option<&[ArmId]>,
) -> Result<PoolReport, Fault> {
    let state = deps.state();
    let observation = run.observe(deps.now());
    let snapshot_key = keys::snapshot(&run.connection, &facts.key);
    let previous: Option<PoolSnapshot> = state.value(&snapshot_key).await?;
    let fingerprint = facts.fingerprint();

    let answers = ask(inventory, &mut facts, changed, previous.as_ref()).await;
    let answers = icons::store(deps, answers).await?;
    let answers = rdp_files::store(deps, &run.connection, answers).await?;
    let (mut snapshot, unknown) = PoolSnapshot::observe(facts, answers, previous.as_ref(), observation.observed_at);
    snapshot.facts_since = Some(run.started_at);
    let policy = deps.policy(&run.connection);
    let mut published = published(&snapshot, &policy);
    if policy.method == Method::OnDemand {
        published = published.narrowed(&chosen::of_pool(deps, &run.connection, &snapshot.facts.key).await?);
    }
    icons::store_placeholders(deps, &published.placeholders).await?;

    keep_newest(deps, &snapshot_key, &snapshot).await?;
    let empty = PoolIndex::new(snapshot.facts.pool.id.clone(), snapshot.facts.label.clone());
    let mut report = decide(deps, run, &snapshot.facts.key, empty, &published, unknown, observation).await?;
    report.label = snapshot.facts.label.clone();
    report.resources = snapshot.resources.values().map(|read| read.resources.len()).sum();
    report.session_hosts = snapshot.facts.session_hosts;
    report.not_published = published.not_published;
    report.fingerprint = Some(fingerprint);
    Ok(report)
}

/// Sends one message for each part of the plan, or counts the pool as done if there is none.
async fn hand_on(deps: &Deps, run: &Run, report: &PoolReport) -> Result<(), Fault> {
    if report.is_done() {
        return runs::pool_done(deps, run, &report.pool).await;
    }
    let messages = (0..report.parts_expected()).map(|part| {
        let (connection, pool) = (run.connection.clone(), report.pool.clone());
        let id = format!("{}/{connection}/{pool}/{part}", run.id);
        outgoing(id, PlanPart { run: run.id.clone(), connection, pool, part })
    });
    deps.send(queue::PUBLISH_PACKAGE, messages.collect()).await?;
    Ok(())
}
