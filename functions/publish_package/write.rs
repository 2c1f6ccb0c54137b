//! The packages of one part, each written by compare-and-swap as the catalogue's own rules decide.

use crate::deps::Deps;
use crate::keys;
use crate::state::StateError;
use futures::{StreamExt, stream};
use poolwarden_domain::catalogue::{self, Applied};
use poolwarden_domain::package::{Package, Revision};
use poolwarden_domain::plan::Entry;
use poolwarden_domain::report::PoolReport;
use poolwarden_domain::run::Run;

/// How many packages are written at a time.
const AT_A_TIME: usize = 16;

/// Writes those packages that are there, and then those that are not.
///
/// A purge leaves its number before it deletes the package. So only who has looked for the package in vain may ask for
/// that number: asked before, it could be missing, and the package's revisions would begin anew.
pub(super) async fn write_all<'a>(
    deps: &Deps,
    run: &Run,
    report: &PoolReport,
    entries: &'a [Entry],
    outdated: bool,
) -> Result<Vec<(&'a Entry, Result<Option<Written>, StateError>)>, StateError> {
    let update = |entry| async move { (entry, write(deps, run, report, entry, outdated, None).await) };
    let updates: Vec<_> = entries.iter().map(update).collect();
    let written: Vec<_> = stream::iter(updates).buffered(AT_A_TIME).collect().await;
    let (absent, mut written): (Vec<_>, Vec<_>) =
        written.into_iter().partition(|(_, written)| !outdated && matches!(written, Ok(None)));
    if absent.is_empty() {
        return Ok(written);
    }
    // Mostly nothing was ever purged, and no package needs to be asked about.
    let any_purged = !deps.state().is_empty(&keys::all_purged(&run.connection)).await?;
    let create = |entry: &'a Entry| async move {
        let purged = match any_purged {
            true => deps.state().value(&keys::purged(&run.connection, &entry.key)).await?.unwrap_or_default(),
            false => 0,
        };
        write(deps, run, report, entry, outdated, Some(purged)).await
    };
    let create = |entry: &'a Entry| async move { (entry, create(entry).await) };
    let creations: Vec<_> = absent.into_iter().map(|(entry, _)| create(entry)).collect();
    written.extend(stream::iter(creations).buffered(AT_A_TIME).collect::<Vec<_>>().await);
    Ok(written)
}

/// A package as it stands after an entry was applied, and this run's revision of it if there is one.
pub(super) struct Written {
    pub(super) package: Package,
    pub(super) revision: Option<Revision>,
}

/// Applies an entry. A package that is not there is created after the last revision that was `purged`; without that
/// number, it is left as it is.
async fn write(
    deps: &Deps,
    run: &Run,
    report: &PoolReport,
    entry: &Entry,
    outdated: bool,
    purged: Option<u64>,
) -> Result<Option<Written>, StateError> {
    let now = deps.now();
    let mut revision = None;
    let apply = |existing: Option<Package>| {
        revision = None;
        if existing.is_none() && purged.is_none() {
            return None;
        }
        let purged = purged.unwrap_or_default();
        match catalogue::publish(entry, &run.connection, existing.as_ref(), purged, &report.observation, now) {
            Applied::Write(package) if !outdated => {
                revision = package.revisions.last().cloned();
                Some(*package)
            }
            Applied::Already(known) => {
                revision = Some(known);
                None
            }
            Applied::Write(_) | Applied::Superseded => None,
        }
    };
    let package = deps.state().change(&keys::package(&run.connection, &entry.key), apply).await?;
    Ok(package.map(|package| Written { package, revision }))
}
