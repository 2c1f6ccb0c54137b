//! What the store knows of every connection.

use super::{DeadLetters, Facts, Found};
use crate::deps::Deps;
use crate::stage::Fault;
use crate::{health, keys, letters};
use poolwarden_domain::run::Run;
use std::cmp::Reverse;

/// Reads runs, health and dead letters. A connection that is configured and never ran is there too; one that ran and is
/// configured no more is not.
pub(super) async fn gather(deps: &Deps) -> Result<Facts, Fault> {
    let mut runs: Vec<Run> = deps.state().all(keys::RUNS).await?.into_iter().map(|(_, run)| run).collect();
    runs.sort_by_key(|run| Reverse(run.started_at));
    let mut connections = Vec::new();
    for connection in &deps.config.connections {
        connections.push(Found {
            name: connection.name.clone(),
            enabled: connection.enabled,
            health: health::of(deps, &connection.name).await?,
            runs: runs.iter().filter(|run| run.connection == connection.name).cloned().collect(),
        });
    }
    let letters = letters::all(deps).await?;
    let waiting = letters.iter().filter(|letter| letters::waits_for_a_person(letter)).count();
    let dead_letters = DeadLetters { waiting, retrying: letters.len() - waiting };
    Ok(Facts { now: deps.now(), connections, dead_letters })
}
