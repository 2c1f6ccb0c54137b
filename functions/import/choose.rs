//! Which connection a host pool or a changed resource belongs to: the one that knows of it, else the one that may see it.

use crate::config::Connection;
use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use moka::sync::Cache;
use poolwarden_domain::ArmId;
use poolwarden_domain::part::KnownPool;
use std::sync::Arc;
use std::time::Duration;

/// How long what is known of a connection's pools is taken for true: events come in bursts.
const REMEMBERED_FOR: Duration = Duration::from_secs(10);
/// Of how many connections.
const CONNECTIONS: u64 = 64;

/// What the catalogue knows of each connection's pools.
pub struct Known(Cache<String, Arc<Vec<KnownPool>>>);

impl Default for Known {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CONNECTIONS).time_to_live(REMEMBERED_FOR).build())
    }
}

impl Known {
    /// The pools of a connection as they were last looked at, at most a few seconds old.
    pub async fn of(&self, deps: &Deps, connection: &str) -> Result<Arc<Vec<KnownPool>>, Fault> {
        if let Some(known) = self.0.get(connection) {
            return Ok(known);
        }
        let snapshots: Vec<(String, KnownPool)> = deps.state().all(&keys::snapshots(connection)).await?;
        let known: Arc<Vec<KnownPool>> = Arc::new(snapshots.into_iter().map(|(_, pool)| pool).collect());
        self.0.insert(connection.to_owned(), Arc::clone(&known));
        Ok(known)
    }

    /// Lets the next question be answered from the store: a run of the connection has ended here.
    pub fn forget(&self, connection: &str) {
        self.0.invalidate(connection);
    }
}

/// Those of the connections that something belongs to: whoever names its subscription or knows a pool in it; if there
/// is none, whoever reads all subscriptions.
pub async fn connections_of<'a>(
    deps: &Deps,
    connections: impl Iterator<Item = &'a Connection>,
    id: &ArmId,
) -> Result<Vec<&'a Connection>, Fault> {
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for connection in connections.filter(|connection| connection.covers(id)) {
        let names_it = !connection.subscriptions.is_empty();
        if names_it || knows_subscription(deps, &connection.name, id).await? {
            near.push(connection);
        } else {
            far.push(connection);
        }
    }
    Ok(if near.is_empty() { far } else { near })
}

async fn knows_subscription(deps: &Deps, connection: &str, id: &ArmId) -> Result<bool, Fault> {
    let subscription = id.up_to("subscriptions");
    let known = deps.known.of(deps, connection).await?;
    Ok(subscription.is_some_and(|subscription| known.iter().any(|pool| pool.id.is_within(&subscription))))
}
