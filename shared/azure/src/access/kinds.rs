//! The types of resources that an audit looks at, and of which facet each is a part.

use poolwarden_domain::access::Facet;

/// A type of resource in Resource Graph's table `resources`.
pub(super) struct Kind {
    /// Its name, in lower case.
    pub(super) name: &'static str,
    /// What it is a part of.
    pub(super) facet: Facet,
    /// Whether the rules on access need it too, and not only those on posture.
    pub(super) for_access: bool,
}

const fn kind(name: &'static str, facet: Facet) -> Kind {
    Kind { name, facet, for_access: false }
}

const fn access(name: &'static str, facet: Facet) -> Kind {
    Kind { name, facet, for_access: true }
}

pub(super) const VIRTUAL_MACHINES: &str = "microsoft.compute/virtualmachines";
pub(super) const EXTENSIONS: &str = "microsoft.compute/virtualmachines/extensions";
pub(super) const SESSION_HOSTS: &str = "microsoft.desktopvirtualization/hostpools/sessionhosts";
pub(super) const HOST_POOLS: &str = "microsoft.desktopvirtualization/hostpools";
pub(super) const APPLICATION_GROUPS: &str = "microsoft.desktopvirtualization/applicationgroups";
pub(super) const WORKSPACES: &str = "microsoft.desktopvirtualization/workspaces";
pub(super) const SCALING_PLANS: &str = "microsoft.desktopvirtualization/scalingplans";
pub(super) const VAULTS: &str = "microsoft.keyvault/vaults";
pub(super) const SECRETS: &str = "microsoft.keyvault/vaults/secrets";
pub(super) const CERTIFICATES: &str = "microsoft.keyvault/vaults/certificates";
pub(super) const STORAGE_ACCOUNTS: &str = "microsoft.storage/storageaccounts";
pub(super) const SHARES: &str = "microsoft.storage/storageaccounts/fileservices/shares";
pub(super) const RECOVERY_VAULTS: &str = "microsoft.recoveryservices/vaults";
pub(super) const DIAGNOSTIC_SETTINGS: &str = "microsoft.insights/diagnosticsettings";
pub(super) const PROTECTED_ITEMS: &str =
    "microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems";
pub(super) const RULE_ASSOCIATIONS: &str = "microsoft.insights/datacollectionruleassociations";

/// All of them.
pub(super) const KINDS: [Kind; 28] = [
    access(HOST_POOLS, Facet::DesktopVirtualization),
    access(APPLICATION_GROUPS, Facet::DesktopVirtualization),
    access(WORKSPACES, Facet::DesktopVirtualization),
    access(SCALING_PLANS, Facet::DesktopVirtualization),
    access("microsoft.desktopvirtualization/appattachpackages", Facet::DesktopVirtualization),
    access(VIRTUAL_MACHINES, Facet::Compute),
    access(EXTENSIONS, Facet::Compute),
    kind("microsoft.compute/virtualmachines/runcommands", Facet::Compute),
    kind("microsoft.compute/availabilitysets", Facet::Compute),
    kind("microsoft.compute/disks", Facet::Compute),
    kind("microsoft.compute/galleries/images/versions", Facet::Compute),
    kind("microsoft.network/networkinterfaces", Facet::Compute),
    kind("microsoft.network/virtualnetworks", Facet::Network),
    kind("microsoft.network/networksecuritygroups", Facet::Network),
    kind("microsoft.network/publicipaddresses", Facet::Network),
    kind("microsoft.network/natgateways", Facet::Network),
    kind("microsoft.network/routetables", Facet::Network),
    kind("microsoft.network/localnetworkgateways", Facet::Network),
    access(VAULTS, Facet::KeyVaults),
    access(STORAGE_ACCOUNTS, Facet::Storage),
    access("microsoft.automation/automationaccounts", Facet::Automation),
    kind(RECOVERY_VAULTS, Facet::RecoveryServices),
    kind("microsoft.operationalinsights/workspaces", Facet::Monitoring),
    kind("microsoft.insights/datacollectionrules", Facet::Monitoring),
    kind("microsoft.netapp/netappaccounts", Facet::NetApp),
    kind("microsoft.netapp/netappaccounts/capacitypools", Facet::NetApp),
    kind("microsoft.netapp/netappaccounts/capacitypools/volumes", Facet::NetApp),
    // The table `desktopvirtualizationresources` has these.
    access(SESSION_HOSTS, Facet::DesktopVirtualization),
];

/// The types that are listed by the resources that they are in or beside, and what they are a part of.
pub(super) const BELOW: [(&str, Facet); 6] = [
    (SECRETS, Facet::VaultContents),
    (CERTIFICATES, Facet::VaultContents),
    (SHARES, Facet::Storage),
    (DIAGNOSTIC_SETTINGS, Facet::DiagnosticSettings),
    (RULE_ASSOCIATIONS, Facet::Monitoring),
    (PROTECTED_ITEMS, Facet::RecoveryServices),
];

/// The facet of a type, whichever way it is read.
pub(super) fn facet_of(name: &str) -> Option<Facet> {
    let listed = KINDS.iter().map(|kind| (kind.name, kind.facet));
    listed.chain(BELOW).find(|(kind, _)| *kind == name).map(|(_, facet)| facet)
}
