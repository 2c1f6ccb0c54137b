//! Built-in roles with their true ids.

use super::roles::POWER_ON_CONTRIBUTOR;

/// Roles of the AVD provider: id, the name after `Desktop Virtualization`, and
/// the actions below the provider.
pub(super) const AVD_ROLES: [(&str, &str, &[&str]); 10] = [
    ("082f0a83-3be5-4ba1-904c-961cca79b387", "Contributor", &["*"]),
    ("49a72310-ab8d-41df-bbb0-79b649203868", "Reader", &["*/read"]),
    ("e307426c-f9b6-4e81-87de-d99efb3c32bc", "Host Pool Contributor", &["hostpools/*"]),
    ("ceadfde2-b300-400a-ab7b-6143895aa822", "Host Pool Reader", &["hostpools/read", "hostpools/*/read"]),
    (
        "86240b0e-9422-4c43-887b-b61143f32ba8",
        "Application Group Contributor",
        &["applicationgroups/*", "hostpools/read", "hostpools/sessionhosts/read"],
    ),
    (
        "aebf23d0-b568-4e86-b8f9-fe83a2c6ab55",
        "Application Group Reader",
        &["applicationgroups/*/read", "applicationgroups/read", "hostpools/read", "hostpools/sessionhosts/read"],
    ),
    ("21efdde3-836f-432b-bf3d-3e8e734d4b2b", "Workspace Contributor", &["workspaces/*", "applicationgroups/read"]),
    ("0fa44ee9-7a7d-466b-9bb2-2bf446b1204d", "Workspace Reader", &["workspaces/read", "applicationgroups/read"]),
    ("2ad6aaab-ead9-4eaa-8ac5-da422f562408", "Session Host Operator", &["hostpools/read", "hostpools/sessionhosts/*"]),
    (
        "ea4bfff8-7fb4-485a-aadd-d4129a0ffaa6",
        "User Session Operator",
        &["hostpools/read", "hostpools/sessionhosts/read", "hostpools/sessionhosts/usersessions/*"],
    ),
];

/// Id, name, actions and data actions.
type MachineRole = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

/// Roles about machines, files and vaults.
pub(super) const MACHINE_ROLES: [MachineRole; 15] = [
    (
        POWER_ON_CONTRIBUTOR,
        "Desktop Virtualization Power On Contributor",
        &["Microsoft.Compute/virtualMachines/start/action", "Microsoft.Compute/virtualMachines/read"],
        &[],
    ),
    (
        "40c5ff49-9181-41f8-ae61-143b0e78555e",
        "Desktop Virtualization Power On Off Contributor",
        &[
            "Microsoft.Compute/virtualMachines/start/action",
            "Microsoft.Compute/virtualMachines/read",
            "Microsoft.Compute/virtualMachines/deallocate/action",
            "Microsoft.Compute/virtualMachines/powerOff/action",
            "Microsoft.Compute/virtualMachines/restart/action",
        ],
        &[],
    ),
    (
        "a959dbd1-f747-45e3-8ba6-dd80f235f97c",
        "Desktop Virtualization Virtual Machine Contributor",
        &[
            "Microsoft.Compute/virtualMachines/*",
            "Microsoft.Compute/disks/*",
            "Microsoft.Network/networkInterfaces/*",
            "Microsoft.DesktopVirtualization/hostPools/retrieveRegistrationToken/action",
            "Microsoft.Compute/virtualMachines/runCommand/action",
        ],
        &[],
    ),
    (
        "fb879df8-f326-4884-b1cf-06f3ad86be52",
        "Virtual Machine User Login",
        &["Microsoft.Compute/virtualMachines/*/read"],
        &["Microsoft.Compute/virtualMachines/login/action"],
    ),
    (
        "1c0163c0-47e6-4577-8991-ea5c82e286e4",
        "Virtual Machine Administrator Login",
        &["Microsoft.Compute/virtualMachines/*/read"],
        &["Microsoft.Compute/virtualMachines/login/action", "Microsoft.Compute/virtualMachines/loginAsAdmin/action"],
    ),
    (
        "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        "Virtual Machine Contributor",
        &[
            "Microsoft.Authorization/*/read",
            "Microsoft.Compute/virtualMachines/*",
            "Microsoft.Network/networkInterfaces/*",
            "Microsoft.Resources/deployments/*",
        ],
        &[],
    ),
    (
        "f1a07417-d97a-45cb-824c-7a7467783830",
        "Managed Identity Operator",
        &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
            "Microsoft.Authorization/*/read",
        ],
        &[],
    ),
    (
        "0c867c2a-1d8c-454a-a3db-ab2ea1bdc8bb",
        "Storage File Data SMB Share Contributor",
        &[],
        &[
            "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/read",
            "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/write",
            "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/delete",
        ],
    ),
    (
        "a7264617-510b-434b-a828-9731dc254ea7",
        "Storage File Data SMB Share Elevated Contributor",
        &[],
        &[
            "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/read",
            "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/write",
            "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/delete",
            "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/modifypermissions/action",
        ],
    ),
    (
        "4633458b-17de-408a-b874-0445c86b69e6",
        "Key Vault Secrets User",
        &[],
        &[
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        ],
    ),
    (
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        "Key Vault Secrets Officer",
        &["Microsoft.KeyVault/vaults/*/read", "Microsoft.Support/*"],
        &["Microsoft.KeyVault/vaults/secrets/*"],
    ),
    (
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "Key Vault Administrator",
        &["Microsoft.KeyVault/vaults/*/read", "Microsoft.Support/*"],
        &["Microsoft.KeyVault/vaults/*"],
    ),
    (
        "21090545-7ca7-4776-b22c-e363652d74d2",
        "Key Vault Reader",
        &["Microsoft.KeyVault/vaults/*/read", "Microsoft.Support/*"],
        &["Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"],
    ),
    (
        "73c42c96-874c-492b-b04d-ab87d138a893",
        "Log Analytics Reader",
        &["*/read", "Microsoft.OperationalInsights/workspaces/analytics/query/action", "Microsoft.Support/*"],
        &[],
    ),
    (
        "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
        "Monitoring Reader",
        &["*/read", "Microsoft.OperationalInsights/workspaces/search/action", "Microsoft.Support/*"],
        &[],
    ),
];
