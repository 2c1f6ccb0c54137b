//! What one read of a directory leaves for the next.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What one read of a directory leaves for the next, so that it asks only for what has changed. Nothing for others to
/// look into; to lose it costs requests and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DirectoryMemory {
    pub(super) followed: Vec<Followed>,
}

/// The direct members of groups, by the groups' ids.
pub(super) type Members = BTreeMap<String, BTreeSet<String>>;

/// Groups that one delta query follows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Followed {
    /// The link that tells what has changed since.
    pub(super) link: String,
    /// Who was in the groups then. A group that the query named and that is not here was not there.
    pub(super) members: Members,
    /// What people call the groups.
    #[serde(default)]
    pub(super) names: BTreeMap<String, String>,
    /// Which of the members are groups, or may be: for when nobody may ask what they are.
    #[serde(default)]
    pub(super) nested: BTreeSet<String>,
}
