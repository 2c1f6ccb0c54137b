//! The records of the classic management, by their own field names. Numbers
//! for kinds are printed as numbers by some versions and as words by others: a
//! group's `resourceType` is a number for some groups here (0 RemoteApp, 1
//! Desktop, which no public document says).

use serde_json::{Value, json};

use super::TENANT_GROUP;
use crate::{
    dice::hash,
    estate::{
        access::GrantKind,
        bodies::REGISTRATION_SECRET_PREFIX,
        model::{Estate, Resource, Subscription},
    },
    feed::classic_tenant,
};

pub(super) fn tenant_group() -> Value {
    json!({"tenantGroupName": TENANT_GROUP, "friendlyName": TENANT_GROUP, "description": null})
}

pub(super) fn tenant(estate: &Estate, name: &str, subscription: &Subscription) -> Value {
    json!({
        "id": classic_tenant(subscription, 0).1,
        "tenantGroupName": TENANT_GROUP,
        "aadTenantId": estate.tenant,
        "tenantName": name,
        "friendlyName": subscription.name,
        "description": null,
        "ssoAdfsAuthority": null,
        "ssoClientId": null,
        "ssoClientSecret": format!("{REGISTRATION_SECRET_PREFIX}sso-{}", subscription.id),
        "azureSubscriptionId": subscription.id,
    })
}

/// Where records are: in a pool of a tenant.
pub(super) struct Place<'a> {
    tenant: &'a str,
    pool: &'a Resource,
}

impl<'a> Place<'a> {
    pub(super) fn new(tenant: &'a str, pool: &'a Resource) -> Self {
        Self { tenant, pool }
    }

    /// The names of the place, and then the fields.
    fn record(&self, fields: Value) -> Value {
        let mut record = json!({
            "tenantGroupName": TENANT_GROUP,
            "tenantName": self.tenant,
            "hostPoolName": self.pool.name,
        });
        if let (Some(record), Value::Object(fields)) = (record.as_object_mut(), fields) {
            record.extend(fields);
        }
        record
    }

    pub(super) fn host_pool(&self) -> Value {
        let pool = self.pool;
        let balancer = match pool.property("loadBalancerType").as_str() {
            Some("BreadthFirst") => 0,
            Some("DepthFirst") => 1,
            _ => 2,
        };
        self.record(json!({
            "friendlyName": pool.property("friendlyName"),
            "description": pool.property("description"),
            "persistent": *pool.property("hostPoolType") == "Personal",
            "customRdpProperty": pool.property("customRdpProperty"),
            "maxSessionLimit": pool.property("maxSessionLimit"),
            "loadBalancerType": balancer,
            "validationEnv": pool.property("validationEnvironment"),
            "ring": null,
            "assignmentType": pool.property("personalDesktopAssignmentType"),
        }))
    }

    pub(super) fn registration(&self) -> Value {
        let info = self.pool.property("registrationInfo");
        self.record(json!({"token": info["token"], "expirationUtc": info["expirationTime"]}))
    }

    pub(super) fn session_host(&self, host: &Resource) -> Value {
        self.record(json!({
            "sessionHostName": host.name,
            "allowNewSession": host.property("allowNewSession"),
            "sessions": host.property("sessions"),
            "lastHeartBeat": host.property("lastHeartBeat"),
            "agentVersion": host.property("agentVersion"),
            "assignedUser": host.property("assignedUser"),
            "status": host.property("status"),
            "statusTimestamp": host.property("statusTimestamp"),
        }))
    }

    pub(super) fn app_group(&self, group: &Resource) -> Value {
        let is_desktop = *group.property("applicationGroupType") == "Desktop";
        let kind = match (hash(11, &group.key) & 1 == 0, is_desktop) {
            (true, desktop) => json!(u8::from(desktop)),
            (false, true) => json!("Desktop"),
            (false, false) => json!("RemoteApp"),
        };
        self.record(json!({
            "appGroupName": group.name,
            "friendlyName": group.property("friendlyName"),
            "description": group.property("description"),
            "resourceType": kind,
        }))
    }

    pub(super) fn remote_app(&self, group: &Resource, app: &Resource) -> Value {
        self.record(json!({
            "appGroupName": group.name,
            "remoteAppName": app.name,
            "friendlyName": app.property("friendlyName"),
            "description": app.property("description"),
            "appAlias": app.name,
            "filePath": app.property("filePath"),
            "commandLineSetting": app.property("commandLineSetting"),
            "requiredCommandLine": app.property("commandLineArguments"),
            "iconPath": app.property("iconPath"),
            "iconIndex": app.property("iconIndex"),
            "showInWebFeed": app.property("showInPortal"),
        }))
    }

    pub(super) fn start_menu_app(&self, group: &Resource, app: &Resource) -> Value {
        self.record(json!({
            "appGroupName": group.name,
            "appAlias": app.name,
            "friendlyName": app.property("friendlyName"),
            "filePath": app.property("filePath"),
            "commandLineArguments": app.property("commandLineArguments"),
            "iconPath": app.property("iconPath"),
            "iconIndex": app.property("iconIndex"),
        }))
    }

    pub(super) fn desktop(&self, group: &Resource, desktop: &Resource) -> Value {
        self.record(json!({
            "appGroupName": group.name,
            "remoteDesktopName": "Remote Desktop",
            "friendlyName": desktop.property("friendlyName"),
            "description": desktop.property("description"),
            "showInWebFeed": "True",
        }))
    }

    pub(super) fn assigned_user(&self, group: &Resource, user: &str) -> Value {
        self.record(json!({"appGroupName": group.name, "userPrincipalName": user}))
    }
}

/// Who is assigned to a group. The estate knows principals by id only; their
/// names are made of these.
pub(super) fn assigned_users(estate: &Estate, group: &Resource) -> Vec<String> {
    let mut users: Vec<String> = estate
        .access
        .in_subscription(&group.subscription, GrantKind::Assignment)
        .filter(|grant| grant.scope == group.key && grant.body["properties"]["principalType"] == "User")
        .flat_map(|grant| &grant.principals)
        .map(|principal| user_name(principal))
        .collect();
    users.sort();
    users.dedup();
    users
}

/// The name of a user by its object id.
pub(super) fn user_name(principal: &str) -> String {
    let short = principal.split('-').next().unwrap_or(principal);
    format!("user-{short}@contoso.example")
}
