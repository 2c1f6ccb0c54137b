//! What was read and what was not: a result of its own, for a rule passes only over what was read.

use crate::{ArmId, Unreadable};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of what an audit reads of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    /// The management groups above a subscription.
    ManagementGroups,
    /// Role assignments at, above and below a subscription.
    RoleAssignments,
    /// The definitions of roles that can be assigned in a subscription.
    RoleDefinitions,
    /// Deny assignments.
    DenyAssignments,
    /// Role assignments that Privileged Identity Management made for a while.
    PimActive,
    /// Role assignments that Privileged Identity Management would make.
    PimEligible,
    /// Classic administrators of a subscription.
    ClassicAdministrators,
    /// Users, groups and service principals, by id (the directory).
    Principals,
    /// Who is in the groups (the directory).
    GroupMembers,
    /// Application registrations and the credentials of applications (the directory).
    Applications,
    /// Owners of service principals (the directory).
    Owners,
    /// Application permissions (the directory).
    AppRoleAssignments,
    /// Delegated permissions (the directory).
    DelegatedGrants,
    /// Members of the directory's own roles, such as Global Administrator (the directory).
    DirectoryRoles,
    /// The tenant, and when it was last synchronised (the directory).
    Organization,
    /// Host pools, application groups, workspaces, scaling plans, session hosts.
    DesktopVirtualization,
    /// Virtual machines with their extensions and run commands, network interfaces, disks, availability sets, versions of
    /// gallery images.
    Compute,
    /// Virtual networks, security groups, public addresses, NAT gateways, route tables, local network gateways.
    Network,
    /// Key vaults.
    KeyVaults,
    /// The names and ends of secrets and certificates in key vaults.
    VaultContents,
    /// Storage accounts and their file shares.
    Storage,
    /// Automation accounts.
    Automation,
    /// Recovery Services vaults and what they protect.
    RecoveryServices,
    /// Log Analytics workspaces, data collection rules and what they are associated with.
    Monitoring,
    /// Diagnostic settings of host pools, application groups and workspaces.
    DiagnosticSettings,
    /// Azure NetApp Files.
    NetApp,
    /// Delegated access of Azure Virtual Desktop (classic).
    ClassicAssignments,
}

impl Facet {
    /// Every facet.
    pub const ALL: [Self; 27] = [
        Self::ManagementGroups,
        Self::RoleAssignments,
        Self::RoleDefinitions,
        Self::DenyAssignments,
        Self::PimActive,
        Self::PimEligible,
        Self::ClassicAdministrators,
        Self::Principals,
        Self::GroupMembers,
        Self::Applications,
        Self::Owners,
        Self::AppRoleAssignments,
        Self::DelegatedGrants,
        Self::DirectoryRoles,
        Self::Organization,
        Self::DesktopVirtualization,
        Self::Compute,
        Self::Network,
        Self::KeyVaults,
        Self::VaultContents,
        Self::Storage,
        Self::Automation,
        Self::RecoveryServices,
        Self::Monitoring,
        Self::DiagnosticSettings,
        Self::NetApp,
        Self::ClassicAssignments,
    ];

    /// Whether it is of the directory, of which there is one, and not of each subscription.
    pub fn is_of_directory(self) -> bool {
        matches!(
            self,
            Self::Principals
                | Self::GroupMembers
                | Self::Applications
                | Self::Owners
                | Self::AppRoleAssignments
                | Self::DelegatedGrants
                | Self::DirectoryRoles
                | Self::Organization
        )
    }
}

impl fmt::Display for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = serde_json::to_value(self).ok();
        f.write_str(&name.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().replace('_', " "))
    }
}

/// What became of reading a facet of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// All of it.
    Read {
        /// How many items.
        items: u64,
    },
    /// None of it, or only some: what is in the facts may not be all.
    Unknown(Unreadable),
}

/// What became of reading a facet of a scope: a subscription, a single resource or group below it (its part of the
/// facet only), or `/` for the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Coverage {
    /// Which scope.
    pub scope: ArmId,
    /// Which facet.
    pub facet: Facet,
    /// What became of it.
    #[serde(flatten)]
    pub state: State,
}

impl Coverage {
    /// A facet that was read.
    pub fn read(scope: ArmId, facet: Facet, items: usize) -> Self {
        Self { scope, facet, state: State::Read { items: items as u64 } }
    }

    /// A facet that was not.
    pub fn unknown(scope: ArmId, facet: Facet, reason: Unreadable) -> Self {
        Self { scope, facet, state: State::Unknown(reason) }
    }
}
