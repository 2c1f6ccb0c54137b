//! Keeps what is wrong with who may do what to one host pool, and tells the connection's webhooks what has appeared and
//! what has gone since the last audit.

use crate::deps::Deps;
use crate::stage::{self, Fault, Stage};
use crate::{audit, keys, runs};
use poolwarden_domain::audit::PoolFindings;
use poolwarden_domain::event;
use poolwarden_domain::message::{PoolRun, queue};
use poolwarden_host::{Failure, Invocation, Outcome};
use std::sync::Arc;

/// How many events are sent at once.
const BATCH: usize = 100;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    stage::invoke::<AuditHostPool>(deps, invocation).await
}

pub(crate) struct AuditHostPool;

impl Stage for AuditHostPool {
    type Message = PoolRun;
    const QUEUE: &'static str = queue::AUDIT_HOST_POOL;

    async fn handle(deps: &Deps, message: &PoolRun) -> Result<(), Fault> {
        let PoolRun { connection, pool, .. } = message;
        let key = keys::findings(connection, pool);
        // What was found before and not told, because somebody broke off in between, would be lost with the next.
        let before = deps.state().value::<PoolFindings>(&key).await?;
        if let Some(before) = &before {
            tell(deps, connection, before).await?;
        }
        // The newest facts, whichever run they were read after: nobody else may come and tell what is in them.
        let Some(audited) = audit::judged(deps, connection).await? else { return Ok(()) };
        let mut now = PoolFindings::of(&audited.report, &audited.facts, pool, &audited.head.run);
        if now.clone().after(before).is_some_and(|next| !next.appeared.is_empty()) {
            // What is new here may have been told already of another pool, or of the estate.
            now.spoken_before = audit::spoken_before(deps, connection, &audited).await?.clone();
        }
        let follow = |known: Option<PoolFindings>| now.clone().after(known);
        match deps.state().change(&key, follow).await? {
            Some(kept) => tell(deps, connection, &kept).await,
            None => Ok(()),
        }
    }

    async fn give_up(_: &Deps, _: &PoolRun, _: &str) -> Result<(), Fault> {
        // Nobody waits: the findings stay as they were.
        Ok(())
    }
}

/// Tells what has appeared and gone, unless that was told, and notes that it was.
async fn tell(deps: &Deps, connection: &str, kept: &PoolFindings) -> Result<(), Fault> {
    if kept.told {
        return Ok(());
    }
    let events = event::findings(connection, kept);
    for batch in events.chunks(BATCH) {
        let told = runs::notify(deps, connection, batch.to_vec()).await;
        if let Err(fault @ Fault::Permanent(_)) = told {
            // An event that cannot be sent must not keep the next ones from being told.
            tracing::error!(connection, pool = kept.pool, %fault, "what has appeared or gone is told to nobody");
        } else {
            told?;
        }
    }
    let note = |known: Option<PoolFindings>| {
        known.filter(|known| known.read_at == kept.read_at).map(|known| PoolFindings { told: true, ..known })
    };
    deps.state().change(&keys::findings(connection, &kept.pool), note).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
