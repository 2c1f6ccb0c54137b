//! Where packages are published to besides the catalogue: folders on this machine that somebody else takes up.
//!
//! A target follows the catalogue: whatever changed that, a run's end finds that the target says something else, and
//! writes it anew. One that cannot be written fails no run; that is remembered, told by `status`, and tried again at
//! the end of the next run.

pub mod application_workspace;

use crate::config::Target;
use crate::deps::Deps;
use crate::folder::INDEX;
use crate::keys;
use crate::lifecycle::offer;
use crate::stage::Fault;
use jiff::Timestamp;
use poolwarden_domain::application_workspace::script::script;
use poolwarden_domain::plan::PoolIndex;
use poolwarden_domain::run::Run;
use poolwarden_domain::text::sha256_hex;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

/// What became of a target: `targets/<connection>/<target>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The run at whose end it was written.
    pub run: String,
    /// When.
    pub at: Timestamp,
    /// Tells what it was written from.
    pub digest: String,
    /// Why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Two runs of one connection may end at once; one folder is written by one of them at a time.
static WRITING: Mutex<()> = Mutex::const_new(());

/// Brings every target of the run's connection up to date with the catalogue.
pub async fn follow(deps: &Deps, run: &Run) -> Result<(), Fault> {
    let targets = deps.config.connection(&run.connection).map(|connection| &*connection.targets).unwrap_or_default();
    if targets.is_empty() {
        return Ok(());
    }
    let _alone = WRITING.lock().await;
    let digest = digest(deps, &run.connection).await?;
    for target in targets {
        let key = keys::target(&run.connection, &target.name);
        let known: Option<Written> = deps.state().value(&key).await?;
        let said = known.is_some_and(|known| known.error.is_none() && known.digest == digest);
        if said && target.folder.join(INDEX).exists() {
            continue;
        }
        let error = application_workspace::export(deps, &target.folder, Some(&run.connection)).await.err();
        let error = error.map(|error| format!("{error:#}"));
        match &error {
            None => tracing::info!(run = run.id, connection = run.connection, target = target.name, "target written"),
            Some(error) => {
                tracing::error!(
                    run = run.id,
                    connection = run.connection,
                    target = target.name,
                    error,
                    "target not written"
                );
            }
        }
        let written = Written { run: run.id.clone(), at: deps.now(), digest: digest.clone(), error };
        deps.state().change(&key, |_: Option<Written>| Some(written.clone())).await?;
    }
    Ok(())
}

/// What is wrong with a connection's targets, one line each.
pub async fn complaints(deps: &Deps, connection: &str, targets: &[Target]) -> Result<Vec<String>, Fault> {
    let mut complaints = Vec::new();
    for target in targets {
        let known: Option<Written> = deps.state().value(&keys::target(connection, &target.name)).await?;
        if let Some(error) = known.and_then(|known| known.error) {
            complaints.push(format!("{connection}: target {} was not written: {error}", target.name));
        }
    }
    Ok(complaints)
}

/// Changes whenever what a target would hold does: with a package, with its state, with how the connection offers its
/// packages, and with Poolwarden itself.
async fn digest(deps: &Deps, connection: &str) -> Result<String, Fault> {
    let mut all = format!("{}\n{:?}", sha256_hex(script().as_bytes()), offer(deps, connection));
    for (pool, index) in deps.state().all::<PoolIndex>(&keys::indexes(connection)).await? {
        for (key, row) in &index.rows {
            let (state, stage) = (row.state, row.stage);
            all += &format!("\n{pool} {key} {} {state:?} {stage:?} {}", row.revision, row.content_sha256);
        }
    }
    Ok(sha256_hex(all.as_bytes()))
}

#[cfg(test)]
mod tests;
