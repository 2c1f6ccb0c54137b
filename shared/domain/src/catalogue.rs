//! What applying a plan does to the catalogue's documents. Plain functions from the old document to the new one, so
//! that a repeated, late or reordered message can be judged by what is already there.

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
    if existing.observed_at > observation.observed_at || (change == Change::Updated && fields.is_empty()) {
        return Applied::Superseded;
    }
    let mut package = existing.clone();
    package.state = PackageState::Active;
    package.content = entry.content.clone();
    package.observed_at = observation.observed_at;
    package.revise(change, fields, &observation.run, now);
    Applied::Write(Box::new(package))
}

/// Retires the package as it stands.
pub fn retire(existing: Option<&Package>, observation: &Observation, now: Timestamp) -> Applied {
    let Some(existing) = existing else {
        return Applied::Superseded;
    };
    if let Some(revision) = existing.revision_of(&observation.run) {
        return Applied::Already(revision.clone());
    }
    if existing.state == PackageState::Retired || existing.observed_at > observation.observed_at {
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
    pub fn record(&mut self, package: &Package) -> bool {
        let row = row(package);
        match self.rows.get(&package.key) {
            Some(known) if known.revision > row.revision || *known == row => false,
            _ => {
                self.rows.insert(package.key.clone(), row);
                true
            }
        }
    }
}

fn row(package: &Package) -> Row {
    let content: &PackageContent = &package.content;
    Row {
        display_name: content.display_name.clone(),
        kind: content.kind,
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
