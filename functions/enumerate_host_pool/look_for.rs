//! A pool that discovery did not see: whether it is gone, or only out of sight.

use super::decide::decide;
use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use poolwarden_azure::Inventory;
use poolwarden_domain::plan::PoolIndex;
use poolwarden_domain::published::Published;
use poolwarden_domain::report::PoolReport;
use poolwarden_domain::run::Run;
use poolwarden_domain::snapshot::PoolSnapshot;
use poolwarden_domain::{ArmId, UnknownScope, Unreadable, Why};

/// A pool that the catalogue knows and discovery did not see. Resource Graph leaves out what the caller may not read,
/// so only the pool's own "not found" counts as gone.
pub(super) async fn look_for(
    deps: &Deps,
    run: &Run,
    inventory: &dyn Inventory,
    pool: &str,
    id: &ArmId,
) -> Result<PoolReport, Fault> {
    let observation = run.observe(deps.now());
    let covered = deps.config.connection(&run.connection).is_none_or(|connection| connection.covers(id));
    // A subscription that was taken out of the configuration is as good as gone.
    let found = if covered { inventory.host_pool(id).await } else { Ok(None) };
    let unknown = match found {
        Ok(None) => None,
        Ok(Some(_)) => {
            let detail = "the host pool is there, but the listing of all pools left it out; the next run will tell";
            Some(Unreadable::new(Why::Missing, detail))
        }
        Err(reason) => Some(reason),
    };
    if unknown.is_none() {
        let gone = |known: Option<PoolSnapshot>| {
            let known = known.filter(|known| known.observed_at < observation.observed_at && !known.gone)?;
            Some(PoolSnapshot { gone: true, ..known })
        };
        deps.state().change(&keys::snapshot(&run.connection, pool), gone).await?;
    }
    let unknown = unknown.map(|reason| UnknownScope { scope: id.clone(), reason }).into_iter().collect();
    let index = PoolIndex::new(id.clone(), id.name().to_owned());
    let mut report = decide(deps, run, pool, index, &Published::default(), unknown, observation).await?;
    report.label = id.name().to_owned();
    Ok(report)
}
