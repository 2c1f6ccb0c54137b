//! A package's history: what was done to it, when, and by whom.

use crate::package::{Package, Stage};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one revision did to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The package is new.
    Created,
    /// Its content changed.
    Updated,
    /// It had been retired and is back.
    Restored,
    /// It is no longer published.
    Retired,
    /// A person asked to let it through to more people, and somebody else has to approve.
    Requested,
    /// A person let it through to more people.
    Promoted,
    /// A person took it back from people.
    Demoted,
    /// A person changed what it says.
    Edited,
    /// A person changed who may have it.
    Assigned,
    /// A person deleted it for good.
    Purged,
}

/// Who makes a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author<'a> {
    /// A run, by its id.
    Run(&'a str),
    /// A person, by name.
    Person(&'a str),
}

/// One entry of a package's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revision {
    /// 1 for the first, without gaps.
    pub number: u64,
    /// What happened.
    pub change: Change,
    /// Which fields changed; empty when all of it is new or gone.
    pub fields: Vec<String>,
    /// The stage that it came to; only where it was promoted or demoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// The run that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The person who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Revision {
    /// The last one of a package, as a person deletes it for good.
    pub fn purged(package: &Package, who: &str, at: Timestamp) -> Self {
        Self {
            number: package.revision() + 1,
            change: Change::Purged,
            fields: Vec::new(),
            stage: None,
            run: None,
            by: Some(who.to_owned()),
            at,
        }
    }
}

/// How many revisions a package remembers.
pub const MAX_REVISIONS: usize = 50;
