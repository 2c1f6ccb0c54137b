//! Reading what an audit of access needs: who may do what to an estate, from Azure or from files.
//!
//! Azure Resource Graph is asked for whatever it holds, in few queries; it leaves out silently what the identity may
//! not read, so ARM is asked what the identity may read at all, and whatever Resource Graph names without having it; what
//! a deny assignment hides from the identity is marked ([`hidden`]).
//! Deny assignments, Privileged Identity Management and registration tokens' ends are ARM's alone. Every facet of every
//! subscription gets a line in the coverage, and no part that fails takes another one with it.
//!
//! What a secret is named like is left out of every resource's body ([`redact`]); a vault is asked for names only.

mod authorization;
mod definitions;
mod files;
mod graph;
mod hidden;
mod item;
mod kinds;
mod ledger;
mod permissions;
mod posture;
mod reader;
mod redact;
mod references;
mod resource;
mod resources;
mod tidy;
mod vaults;
pub(crate) mod wire;

use crate::directory::DirectoryMemory;
use crate::inventory::Requests;
use poolwarden_domain::access::{AccessFacts, Facet};

pub use files::{AccessFiles, read_access_files};
pub use reader::AccessReader;

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// What the rules on role-based access control need.
    #[default]
    Rbac,
    /// What the rules on posture need besides: networks, disks, vaults' contents, diagnostic settings, backups.
    Posture,
}

impl Depth {
    /// The facets of each subscription that are read; the directory's are its reader's.
    pub fn facets(self) -> &'static [Facet] {
        const POSTURE: [Facet; 18] = [
            Facet::ManagementGroups,
            Facet::RoleAssignments,
            Facet::RoleDefinitions,
            Facet::DenyAssignments,
            Facet::PimActive,
            Facet::PimEligible,
            Facet::ClassicAdministrators,
            Facet::DesktopVirtualization,
            Facet::Compute,
            Facet::KeyVaults,
            Facet::Storage,
            Facet::Automation,
            Facet::Network,
            Facet::VaultContents,
            Facet::RecoveryServices,
            Facet::Monitoring,
            Facet::DiagnosticSettings,
            Facet::NetApp,
        ];
        /// How many of these the rules on access need.
        const RBAC: usize = 12;
        match self {
            Self::Rbac => POSTURE.split_at(RBAC).0,
            Self::Posture => &POSTURE,
        }
    }

    /// The facets of the directory that are read.
    fn of_directory(self) -> &'static [Facet] {
        const POSTURE: [Facet; 8] = [
            Facet::Principals,
            Facet::GroupMembers,
            Facet::Owners,
            Facet::AppRoleAssignments,
            Facet::DelegatedGrants,
            Facet::Applications,
            Facet::DirectoryRoles,
            Facet::Organization,
        ];
        /// How many of these the rules on access need.
        const RBAC: usize = 6;
        match self {
            Self::Rbac => POSTURE.split_at(RBAC).0,
            Self::Posture => &POSTURE,
        }
    }
}

/// What is to be read.
#[derive(Debug, Clone, Default)]
pub struct AccessWanted {
    /// How much.
    pub depth: Depth,
    /// Names by which a deployment vendor's applications are known in the directory.
    pub names: Vec<String>,
}

/// What was read, and what that took.
#[derive(Debug, Clone)]
pub struct AccessRead {
    /// The facts, with what could not be read.
    pub facts: AccessFacts,
    /// What the directory's reader wants to see again at the next read.
    pub memory: DirectoryMemory,
    /// The requests to ARM and Resource Graph.
    pub requests: Requests,
    /// The requests to the directory.
    pub directory_requests: u64,
}

#[cfg(test)]
mod tests;
