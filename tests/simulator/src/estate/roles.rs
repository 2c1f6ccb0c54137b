//! Role definitions: the built-in ones that matter to Azure Virtual Desktop,
//! with their true ids, and custom ones, some of which let people open
//! applications without carrying a name that says so.

use serde_json::{Value, json};

use super::{
    access::subscription_of,
    role_tables::{AVD_ROLES, MACHINE_ROLES},
};
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
