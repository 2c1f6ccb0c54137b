//! Whether a connection can sign in: written by whoever tries, read by whoever plans.

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use jiff::Timestamp;
use poolwarden_azure::SignInError;
use serde::{Deserialize, Serialize};

/// A connection's health: `connections/<name>/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether sign-in works.
    pub state: HealthState,
    /// Since when it is in that state.
    pub since: Timestamp,
    /// What is wrong and what to do about it.
    pub detail: Option<String>,
}

/// Whether sign-in works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// It does.
    Valid,
    /// It was refused or is not set up. Nobody tries again by itself: repeated attempts lock accounts.
    NeedsAttention,
}

/// Records the outcome of an attempt.
pub async fn record(deps: &Deps, connection: &str, failure: Option<&SignInError>) -> Result<(), Fault> {
    let state = if failure.is_some() { HealthState::NeedsAttention } else { HealthState::Valid };
    let detail = failure.map(ToString::to_string);
    let now = deps.now();
    deps.state()
        .change(&keys::health(connection), |known: Option<Health>| {
            let since = known.as_ref().filter(|known| known.state == state).map_or(now, |known| known.since);
            let health = Health { state, since, detail: detail.clone() };
            (known.as_ref() != Some(&health)).then_some(health)
        })
        .await?;
    Ok(())
}

/// What is known of a connection.
pub async fn of(deps: &Deps, connection: &str) -> Result<Option<Health>, Fault> {
    Ok(deps.state().value(&keys::health(connection)).await?)
}
