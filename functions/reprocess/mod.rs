//! Takes over what the queues gave up, and sends transient dead letters again, later each time.

use crate::deps::Deps;
use crate::letters;
use poolwarden_host::{Failure, Invocation, Outcome};
use std::sync::Arc;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, _: &Invocation) -> Result<Outcome, Failure> {
    match letters::reprocess(deps).await {
        Ok(round) if round == letters::Round::default() => Ok(Outcome::done()),
        Ok(letters::Round { taken, replayed }) => {
            tracing::info!(taken, replayed, "dead letters");
            Ok(Outcome::done().with_log(format!("{taken} dead letters taken over, {replayed} sent again")))
        }
        Err(fault) => Err(fault.into()),
    }
}
