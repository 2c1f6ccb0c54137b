//! What applying a plan does to the catalogue's documents. Plain functions from the old document to the new one, so
//! that a repeated, late or reordered message can be judged by what is already there.

use crate::discovery::pool_key;
use crate::package::{Change, Package, PackageContent, PackageState, Revision};
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

/// Applies an entry to the package as it stands.
pub fn publish(
    entry: &Entry,
    connection: &str,
    existing: Option<&Package>,
    observation: &Observation,
    now: Timestamp,
) -> Applied {
    let Some(existing) = existing else {
        let mut package = Package {
            key: entry.key.clone(),
            connection: connection.to_owned(),
            state: PackageState::Active,
            content: entry.content.clone(),
            observed_at: observation.observed_at,
            revisions: Vec::new(),
        };
        package.revise(Change::Created, Vec::new(), &observation.run, now);
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
    // An unmanaged package does not follow its source, but it cannot stay with a pool that no longer has it.
    let follows = entry.content.managed || existing.content.host_pool.id != entry.content.host_pool.id;
    let to_write = change == Change::Restored || (follows && !fields.is_empty());
    if existing.observed_at > observation.observed_at || !to_write {
        return Applied::Superseded;
    }
    let mut package = existing.clone();
    package.state = PackageState::Active;
    package.content = entry.content.clone();
    package.observed_at = observation.observed_at;
    package.revise(change, fields, &observation.run, now);
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
    if existing.state == PackageState::Retired || existing.observed_at > observation.observed_at || elsewhere {
        return Applied::Superseded;
    }
    let mut package = existing.clone();
    package.state = PackageState::Retired;
    package.observed_at = observation.observed_at;
    package.revise(Change::Retired, Vec::new(), &observation.run, now);
    Applied::Write(Box::new(package))
}

impl PoolIndex {
    /// Takes over what a package now says, unless the index knows something newer. Returns whether anything changed.
    ///
    /// A package that another pool offers by now (its group was created anew there) leaves this index.
    pub fn record(&mut self, package: &Package) -> bool {
        if package.content.host_pool.id != self.host_pool {
            return self.rows.remove(&package.key).is_some();
        }
        let known = self.rows.get(&package.key);
        if known.is_some_and(|known| known.revision > package.revision()) {
            return false;
        }
        // A look that came after what the package says, and missed it, still counts.
        let missing = known.and_then(|known| known.missing.clone());
        let missing = missing
            .filter(|missing| package.state == PackageState::Active && missing.observed_at > package.observed_at);
        let row = Row { missing, ..row(package) };
        if known == Some(&row) {
            return false;
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
        stage: content.stage,
        state: package.state,
        content_sha256: content.sha256(),
        revision: package.revision(),
        observed_at: package.observed_at,
        missing: None,
    }
}

#[cfg(test)]
mod tests;
