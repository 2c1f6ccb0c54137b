//! What applying a plan does to the catalogue's documents. Plain functions from the old document to the new one, so
//! that a repeated, late or reordered message can be judged by what is already there.

use crate::discovery::pool_key;
use crate::package::{Author, Change, Package, PackageContent, PackageState, Revision};
use crate::plan::{Entry, Observation, PoolIndex, Row};
use jiff::Timestamp;

/// What applying one entry comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// The document to write, whose newest revision is this run's.
    Write(Box<Package>),
    /// This run has written its revision before; only what follows from it may be left to do.
    Already(Revision),
    /// The catalogue already says the same, or something newer.
    Superseded,
}

/// Applies an entry to the package as it stands. One that was there before and has been purged is a new package whose
/// revisions count on from `purged`, so that no event has the id of an old one.
pub fn publish(
    entry: &Entry,
    connection: &str,
    existing: Option<&Package>,
    purged: u64,
    observation: &Observation,
    now: Timestamp,
) -> Applied {
    let Some(existing) = existing else {
        let mut package = Package {
            key: entry.key.clone(),
            connection: connection.to_owned(),
            state: PackageState::Active,
            content: entry.content.clone(),
            stage: entry.defaults.stage,
            stage_since: Some(now),
            requested: None,
            managed: entry.defaults.managed,
            assigned: Vec::new(),
            retired_at: None,
            retired_by: None,
            observed_at: observation.observed_at,
            revisions: Vec::new(),
        };
        package.revise_after(purged, Change::Created, Vec::new(), Author::Run(&observation.run), now);
        return Applied::Write(Box::new(package));
    };
    if let Some(revision) = existing.revision_of(&observation.run) {
        return Applied::Already(revision.clone());
    }
    let fields = existing.content.differences(&entry.content);
    let change = match existing.state {
        PackageState::Retired => Change::Restored,
        PackageState::Active => Change::Updated,
    };
    let differs = change == Change::Restored || !fields.is_empty();
    if existing.stays() || existing.observed_at > observation.observed_at || !differs {
        return Applied::Superseded;
    }
    let mut package = existing.clone();
    package.take_back();
    package.content = entry.content.clone();
    package.observed_at = observation.observed_at;
    package.revise(change, fields, Author::Run(&observation.run), now);
    Applied::Write(Box::new(package))
}

/// Retires the package as it stands. One that another pool offers by now is not this look's to retire.
pub fn retire(existing: Option<&Package>, observation: &Observation, now: Timestamp) -> Applied {
    let Some(existing) = existing else {
        return Applied::Superseded;
    };
    if let Some(revision) = existing.revision_of(&observation.run) {
        return Applied::Already(revision.clone());
    }
    let elsewhere = observation.pool.as_ref().is_some_and(|pool| *pool != pool_key(&existing.content.host_pool.id));
    let retired = existing.state == PackageState::Retired;
    if retired || existing.stays() || existing.observed_at > observation.observed_at || elsewhere {
        return Applied::Superseded;
    }
    let mut package = existing.clone();
    package.observed_at = observation.observed_at;
    package.put_away(Author::Run(&observation.run), now);
    Applied::Write(Box::new(package))
}

impl PoolIndex {
    /// Takes over what a package now says, unless the index knows something newer. Returns whether anything changed.
    ///
    /// A package that another pool offers by now (its group was created anew there) leaves this index. One that stays
    /// with another pool although this one offers it is remembered, so that it is not planned again and again.
    pub fn record(&mut self, package: &Package) -> bool {
        if package.content.host_pool.id != self.host_pool {
            let left = self.rows.remove(&package.key).is_some();
            let turned = if package.stays() {
                self.elsewhere.insert(package.key.clone())
            } else {
                self.elsewhere.remove(&package.key)
            };
            return left || turned;
        }
        let returned = self.elsewhere.remove(&package.key);
        let known = self.rows.get(&package.key);
        if known.is_some_and(|known| known.revision > package.revision()) {
            return returned;
        }
        // A look that came after what the package says, and missed it, still counts.
        let missing = known.and_then(|known| known.missing.clone());
        let missing = missing
            .filter(|_| package.state == PackageState::Active && package.managed)
            .filter(|missing| missing.observed_at > package.observed_at);
        let row = Row { missing, ..row(package) };
        if known == Some(&row) {
            return returned;
        }
        if row.state == PackageState::Active && self.rows.values().all(|other| other.observed_at <= row.observed_at) {
            self.label.clone_from(&package.content.host_pool.name);
        }
        self.rows.insert(package.key.clone(), row);
        true
    }
}

fn row(package: &Package) -> Row {
    let content: &PackageContent = &package.content;
    Row {
        display_name: content.display_name.clone(),
        kind: content.kind,
        resource: content.resource.clone(),
        group: content.application_group.id.clone(),
        workspace: content.workspace.name.clone(),
        stage: package.stage,
        requested: package.requested.as_ref().map(|promotion| promotion.to),
        managed: package.managed,
        state: package.state,
        retired_at: package.retired_at,
        retired_by: package.retired_by.clone(),
        content_sha256: content.sha256(),
        revision: package.revision(),
        observed_at: package.observed_at,
        missing: None,
    }
}

#[cfg(test)]
mod tests;
