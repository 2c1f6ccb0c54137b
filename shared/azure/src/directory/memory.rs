//! What one read of a directory leaves for the next.

use serde::{Deserialize, Serialize};

/// What one read of a directory leaves for the next, so that it asks only for what has changed. Nothing for others to
/// look into; to lose it costs requests and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DirectoryMemory {}
