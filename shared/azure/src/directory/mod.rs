//! The port through which a tenant's directory is read, for an audit of access: who holds roles, who is in the groups,
//! which applications there are and what they may do.
//!
//! A read never fails as a whole: what could not be read is said in its coverage, facet by facet, and never taken for
//! "nobody".

use async_trait::async_trait;
use poolwarden_domain::access::{Coverage, Directory};
use std::collections::BTreeSet;

mod applications;
mod ask;
mod delta;
mod graph;
mod groups;
mod memory;
mod posture;
mod run;
mod wire;

#[cfg(test)]
mod tests;

pub use graph::GraphDirectory;
pub use memory::DirectoryMemory;

/// What an audit wants to know of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Object ids to resolve: everybody and everything that holds a role. Groups among them are followed to their
    /// members, however deep.
    pub principals: BTreeSet<String>,
    /// Application (client) ids whose service principals are wanted.
    pub app_ids: Vec<String>,
    /// Display names of applications and service principals that are wanted.
    pub names: Vec<String>,
    /// Users that are wanted by their display name, or by what stands before the @ of their user principal name.
    pub accounts: Vec<String>,
    /// Users by their principal names, and users and groups by their display names, that are wanted.
    pub people: Vec<String>,
    /// Whether the directory's own roles and the tenant are wanted too.
    pub posture: bool,
}

/// What was read of a directory, and what was not.
#[derive(Debug, Clone, Default)]
pub struct DirectoryRead {
    /// What was found.
    pub directory: Directory,
    /// What became of each facet of the directory that was wanted; the scope is `/`.
    pub coverage: Vec<Coverage>,
    /// To be kept, and handed in at the next read.
    pub memory: DirectoryMemory,
    /// How many requests that took, repeats included.
    pub requests: u64,
}

/// A directory that can be read.
#[async_trait]
pub trait DirectoryReader: Send + Sync {
    /// Reads what is wanted. With the memory of an earlier read of the same directory, only what has changed since is
    /// asked for where the service can tell.
    async fn read(&self, wanted: &Wanted, memory: Option<&DirectoryMemory>) -> DirectoryRead;
}
