//! Which resources of a connection with `method = "on_demand"` somebody has made packages of.

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use poolwarden_domain::plan::PoolIndex;
use std::collections::BTreeSet;

/// The keys of the packages that a pool may have: those that are chosen, and those that the catalogue has already.
pub async fn of_pool(deps: &Deps, connection: &str, pool: &str) -> Result<BTreeSet<String>, Fault> {
    let index: Option<PoolIndex> = deps.state().value(&keys::index(connection, pool)).await?;
    let mut keys = of(deps, connection).await?;
    keys.extend(index.into_iter().flat_map(|index| index.rows.into_keys()));
    Ok(keys)
}

/// The keys that were chosen.
pub async fn of(deps: &Deps, connection: &str) -> Result<BTreeSet<String>, Fault> {
    Ok(deps.state().value(&keys::chosen(connection)).await?.unwrap_or_default())
}

/// Chooses one more, and has the next run look at its pool.
pub async fn add(deps: &Deps, connection: &str, pool: &str, key: &str) -> Result<(), Fault> {
    change(deps, connection, |chosen| chosen.insert(key.to_owned())).await?;
    let now = deps.now();
    deps.state().change(&keys::part(connection, pool), |known| (known != Some(now)).then_some(now)).await?;
    Ok(())
}

/// Takes a choice back; the package, if there is one, is not touched.
pub async fn remove(deps: &Deps, connection: &str, key: &str) -> Result<(), Fault> {
    change(deps, connection, |chosen| chosen.remove(key)).await
}

async fn change(
    deps: &Deps,
    connection: &str,
    mut change: impl FnMut(&mut BTreeSet<String>) -> bool,
) -> Result<(), Fault> {
    let changed = |known: Option<BTreeSet<String>>| {
        let mut chosen = known.unwrap_or_default();
        change(&mut chosen).then_some(chosen)
    };
    deps.state().change(&keys::chosen(connection), changed).await?;
    Ok(())
}
