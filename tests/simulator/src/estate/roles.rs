//! Role definitions: the built-in ones that matter to Azure Virtual Desktop,
//! with their true ids, and custom ones, some of which let people open
//! applications without carrying a name that says so.

use serde_json::{Value, json};

use super::access::subscription_of;
use crate::dice::Dice;

/// The role that lets a person open what a group publishes.
pub(crate) const DESKTOP_VIRTUALIZATION_USER: &str = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";
pub(crate) const POWER_ON_CONTRIBUTOR: &str = "489581de-a3bd-480d-9518-53dea7416b33";
pub(crate) const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
pub(crate) const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
pub(crate) const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";

/// The data action behind [`DESKTOP_VIRTUALIZATION_USER`].
const USE_APPLICATIONS: &str = "Microsoft.DesktopVirtualization/applicationGroups/useApplications/action";

/// What every AVD role may do besides its own actions.
const COMMON: [&str; 5] = [
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Support/*",
];

/// A role: its GUID, where it may be assigned, and what ARM prints of it.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) guid: String,
    /// The subscription that a custom role is printed with; `None` for a
    /// built-in one, and for one that is assignable only above subscriptions.
    pub(crate) subscription: Option<String>,
    pub(crate) properties: Value,
}

/// What a custom role grants.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Permissions<'a> {
    pub(crate) actions: &'a [&'a str],
    pub(crate) not_actions: &'a [&'a str],
    pub(crate) data_actions: &'a [&'a str],
    pub(crate) not_data_actions: &'a [&'a str],
}

impl Role {
    /// A custom role.
    pub(crate) fn custom(guid: &str, name: &str, assignable_scopes: &[String], grants: Permissions<'_>) -> Self {
        let actions: Vec<String> = grants.actions.iter().map(|&action| action.to_owned()).collect();
        let mut role = role(guid, name, &actions, grants.not_actions, grants.data_actions);
        role.properties["permissions"][0]["notDataActions"] = json!(grants.not_data_actions);
        role.properties["type"] = json!("CustomRole");
        role.properties["assignableScopes"] = json!(assignable_scopes);
        let subscriptions = assignable_scopes.iter().map(|scope| subscription_of(scope));
        role.subscription = subscriptions.filter(|id| !id.is_empty()).map(str::to_owned).next();
        role
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.properties["type"] == "CustomRole"
    }

    /// Where it can be assigned, in lower case.
    pub(crate) fn assignable_scopes(&self) -> impl Iterator<Item = String> {
        let scopes = self.properties["assignableScopes"].as_array().into_iter().flatten();
        scopes.filter_map(Value::as_str).map(|scope| {
            let scope = scope.trim_end_matches('/').to_ascii_lowercase();
            if scope.is_empty() { "/".to_owned() } else { scope }
        })
    }

    /// The role as ARM prints it when it is read below `prefix`: an empty
    /// prefix for the tenant, else `/subscriptions/{s}`.
    pub(crate) fn body(&self, prefix: &str) -> Value {
        json!({
            "properties": self.properties,
            "id": format!("{prefix}/providers/Microsoft.Authorization/roleDefinitions/{}", self.guid),
            "type": "Microsoft.Authorization/roleDefinitions",
            "name": self.guid,
        })
    }
}

/// The built-in roles.
pub(crate) fn built_in() -> Vec<Role> {
    let avd = "Microsoft.DesktopVirtualization";
    let own = |parts: &[&str]| -> Vec<String> {
        parts.iter().map(|part| format!("{avd}/{part}")).chain(COMMON.map(str::to_owned)).collect()
    };
    let plain = |actions: &[&str]| -> Vec<String> { actions.iter().map(|&action| action.to_owned()).collect() };
    let none: &[&str] = &[];
    let mut roles = vec![
        role(OWNER, "Owner", &plain(&["*"]), none, none),
        role(
            CONTRIBUTOR,
            "Contributor",
            &plain(&["*"]),
            &[
                "Microsoft.Authorization/*/Delete",
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/elevateAccess/Action",
            ],
            none,
        ),
        role(READER, "Reader", &plain(&["*/read"]), none, none),
        role(
            "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
            "User Access Administrator",
            &plain(&["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"]),
            none,
            none,
        ),
        role(
            "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
            "Role Based Access Control Administrator",
            &plain(&[
                "Microsoft.Authorization/roleAssignments/write",
                "Microsoft.Authorization/roleAssignments/delete",
                "*/read",
                "Microsoft.Support/*",
            ]),
            none,
            none,
        ),
        role(
            DESKTOP_VIRTUALIZATION_USER,
            "Desktop Virtualization User",
            &[],
            none,
            &[USE_APPLICATIONS, "Microsoft.DesktopVirtualization/appAttachPackages/useApplications/action"],
        ),
    ];
    for (guid, name, parts) in AVD_ROLES {
        let name = format!("Desktop Virtualization {name}");
        roles.push(role(guid, &name, &own(parts), none, none));
    }
    for (guid, name, actions, data_actions) in MACHINE_ROLES {
        roles.push(role(guid, name, &plain(actions), none, data_actions));
    }
    roles
}

/// Custom roles of one subscription; every third grants use of applications by
/// name, every third by wildcard, the others not at all.
pub(crate) fn custom(dice: &mut Dice, subscription: &str, count: usize) -> Vec<Role> {
    (0..count)
        .map(|index| {
            let (actions, data_actions): (Vec<String>, Vec<&str>) = match index % 3 {
                0 => (vec![format!("{}/read", "Microsoft.Compute/virtualMachines")], vec![USE_APPLICATIONS]),
                1 => (Vec::new(), vec!["Microsoft.DesktopVirtualization/*"]),
                _ => (vec!["Microsoft.DesktopVirtualization/*/read".to_owned()], Vec::new()),
            };
            let mut role = role(
                &dice.guid(),
                &format!("Contoso workplace role {:02} ({})", index + 1, &subscription[..8]),
                &actions,
                &[],
                &data_actions,
            );
            role.properties["type"] = json!("CustomRole");
            role.properties["assignableScopes"] = json!([format!("/subscriptions/{subscription}")]);
            role.subscription = Some(subscription.to_owned());
            role
        })
        .collect()
}

fn role(guid: &str, name: &str, actions: &[String], not_actions: &[&str], data_actions: &[&str]) -> Role {
    Role {
        guid: guid.to_owned(),
        subscription: None,
        properties: json!({
            "roleName": name,
            "type": "BuiltInRole",
            "description": format!("{name}, as simulated."),
            "assignableScopes": ["/"],
            "permissions": [{
                "actions": actions,
                "notActions": not_actions,
                "dataActions": data_actions,
                "notDataActions": [],
            }],
            "createdOn": "2021-03-15T10:12:13.1234567Z",
            "updatedOn": "2021-11-11T20:14:15.9876543Z",
            "createdBy": null,
            "updatedBy": null,
        }),
    }
}

const AVD_ROLES: [(&str, &str, &[&str]); 10] = [
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

type MachineRole = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const MACHINE_ROLES: [MachineRole; 15] = [
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
