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

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    stage::invoke::<AuditHostPool>(deps, invocation).await
}

pub(crate) struct AuditHostPool;

impl Stage for AuditHostPool {
    type Message = PoolRun;
    const QUEUE: &'static str = queue::AUDIT_HOST_POOL;

    async fn handle(deps: &Deps, message: &PoolRun) -> Result<(), Fault> {
        let PoolRun { run, connection, pool } = message;
        let Some(audited) = audit::judged(deps, connection).await?.filter(|audited| audited.head.run == *run) else {
            // A later run has read since, and tells the rest.
            return Ok(());
        };
        let now = PoolFindings::of(&audited.report, &audited.facts, pool, run);
        let follow = |known: Option<PoolFindings>| now.clone().after(known);
        let Some(kept) = deps.state().change(&keys::findings(connection, pool), follow).await? else { return Ok(()) };
        if kept.run == *run {
            runs::notify(deps, connection, event::findings(connection, &kept)).await?;
        }
        Ok(())
    }

    async fn give_up(_: &Deps, _: &PoolRun, _: &str) -> Result<(), Fault> {
        // Nobody waits: the findings stay as they were.
        Ok(())
    }
}
