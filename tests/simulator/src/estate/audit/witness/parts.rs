//! Rules about the parts beside hosts and networks: V37, V38, V40 to V44, V46.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    hosts::{extensions, hosts},
    view::{Found, View, is_within},
};
use crate::estate::{
    audit::{ids, record::Violation},
    model::Kind,
};

/// A moment that planted times are years away from: in 2026, in seconds.
const ABOUT_NOW: i64 = 1_795_000_000;
const SHARES: &str = "Microsoft.Storage/storageAccounts/fileServices/shares";
const DAY: i64 = 86_400;

fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

pub(super) fn check(view: &View<'_>, found: &mut Found) {
    logs(view, found);
    files(view, found);
    vaults(view, found);
    capacity(view, found);
}

fn is_public(properties: &Value) -> bool {
    properties["publicNetworkAccess"] != "Disabled" && properties["networkAcls"]["defaultAction"] != "Deny"
}

fn logs(view: &View<'_>, found: &mut Found) {
    let settings: Vec<(&str, &Value)> = view.resources("Microsoft.Insights/diagnosticSettings").collect();
    let named: BTreeSet<String> = settings
        .iter()
        .filter_map(|(_, body)| body["properties"]["workspaceId"].as_str())
        .map(str::to_ascii_lowercase)
        .collect();
    for (id, body) in view.resources("Microsoft.OperationalInsights/workspaces") {
        let is_ours = view.is_of_estate(id) || named.contains(id);
        let days = body["properties"]["retentionInDays"].as_u64();
        if is_ours && days.is_some_and(|days| days < view.threshold("log_retention_days", 30)) {
            found.push(Violation::new("V37", id, None, None));
        }
    }
    let working: BTreeSet<&str> = settings
        .iter()
        .filter(|(_, body)| {
            let properties = &body["properties"];
            let targets = ["workspaceId", "storageAccountId", "eventHubAuthorizationRuleId"];
            let has_target = targets.iter().any(|name| properties[name].as_str().is_some_and(|id| !id.is_empty()));
            has_target && properties["logs"].as_array().into_iter().flatten().any(|log| log["enabled"] == true)
        })
        .filter_map(|(id, _)| id.split("/providers/microsoft.insights/").next())
        .collect();
    let pools = view.avd(Kind::HostPool).into_iter().chain(view.avd(Kind::Workspace));
    for resource in pools.chain(view.application_groups()) {
        if !working.contains(resource.key.as_str()) {
            found.push(Violation::new("V38", &resource.key, None, None));
        }
    }
}

fn files(view: &View<'_>, found: &mut Found) {
    let items: Vec<&Value> = view
        .resources("Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems")
        .map(|(_, body)| &body["properties"])
        .filter(|item| item["protectedItemType"] == "AzureFileShareProtectedItem")
        .filter(|item| item["isScheduledForDeferredDelete"] != true && item["protectionState"] != "ProtectionStopped")
        .collect();
    for account in view.file_accounts() {
        let properties = &view.draft.resources[account]["properties"];
        let of_account =
            |item: &&&Value| item["sourceResourceId"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(account));
        let shares: Vec<&str> =
            view.resources(SHARES).map(|(id, _)| id).filter(|share| is_within(share, account)).collect();
        for share in &shares {
            let named = |item: &&Value| {
                item["friendlyName"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(name_of(share)))
            };
            if !items.iter().filter(of_account).any(named) {
                found.push(Violation::new("V40", share, None, Some("protectedItem")));
            }
        }
        if shares.is_empty() && !items.iter().any(|item| of_account(&item)) {
            found.push(Violation::new("V40", account, None, Some("protectedItem")));
        }
        let source = properties["azureFilesIdentityBasedAuthentication"]["directoryServiceOptions"].as_str();
        if !["AD", "AADKERB"].contains(&source.unwrap_or("")) {
            found.push(Violation::new("V44", account, None, Some("directoryServiceOptions")));
        }
        if is_public(properties) {
            found.push(Violation::new("V44", account, None, Some("publicNetworkAccess")));
        }
    }
    for (id, body) in view.resources("Microsoft.RecoveryServices/vaults") {
        let state = body["properties"]["securitySettings"]["softDeleteSettings"]["softDeleteState"].as_str();
        if view.is_of_estate(id) && state.is_some_and(|state| !["Enabled", "AlwaysON"].contains(&state)) {
            found.push(Violation::new("V40", id, None, Some("softDeleteState")));
        }
    }
}

fn vaults(view: &View<'_>, found: &mut Found) {
    for (id, body) in view.resources(ids::VAULTS).filter(|(id, _)| view.is_of_estate(id)) {
        let properties = &body["properties"];
        for name in ["enableRbacAuthorization", "enablePurgeProtection"] {
            if properties[name] != true {
                found.push(Violation::new("V41", id, None, Some(name)));
            }
        }
        if is_public(properties) {
            found.push(Violation::new("V41", id, None, Some("publicNetworkAccess")));
        }
    }
    let joins: BTreeSet<String> = hosts(view)
        .iter()
        .flat_map(|host| extensions(view, host.id))
        .filter(|(_, body)| body["properties"]["type"] == "JsonADDomainExtension")
        .filter_map(|(_, body)| body["properties"]["protectedSettingsFromKeyVault"]["secretUrl"].as_str())
        .map(str::to_ascii_lowercase)
        .collect();
    for (vault, name, attributes) in view.draft.secrets.iter().filter(|(vault, ..)| view.is_of_estate(vault)) {
        let secret = format!("{vault}/secrets/{name}");
        let is_on = attributes["enabled"] != false;
        if is_on && attributes["exp"].is_null() {
            found.push(Violation::new("V42", &secret, None, Some("exp")));
        }
        let url = format!("https://{}.vault.azure.net/secrets/{name}/", name_of(vault)).to_ascii_lowercase();
        let is_join = name.to_ascii_lowercase().contains("join") || joins.iter().any(|join| join.starts_with(&url));
        let age = i64::try_from(view.threshold("join_password_age_days", 90)).unwrap_or(i64::MAX);
        let created = attributes["created"].as_i64().unwrap_or(ABOUT_NOW);
        if is_on && is_join && created <= ABOUT_NOW - age * DAY {
            found.push(Violation::new("V42", &secret, None, Some("created")));
        }
    }
    for (vault, name, attributes) in view.draft.certificates.iter().filter(|(vault, ..)| view.is_of_estate(vault)) {
        let number = |name: &str| attributes[name].as_i64();
        let (Some(end), Some(begin)) = (number("exp"), number("nbf").or(number("created"))) else {
            continue;
        };
        if attributes["enabled"] != false && end - ABOUT_NOW < (end - begin) / 3 {
            found.push(Violation::new("V43", &format!("{vault}/certificates/{name}"), None, None));
        }
    }
}

fn capacity(view: &View<'_>, found: &mut Found) {
    let entitled = view.entitled();
    for (id, body) in view.resources("Microsoft.NetApp/netAppAccounts/capacityPools") {
        let subscription = id.split('/').take(3).collect::<Vec<_>>().join("/");
        let here = entitled.iter().filter(|(group, _)| is_within(group, &subscription));
        let users: BTreeSet<&str> = here.flat_map(|(_, ids)| ids).copied().filter(|id| view.is_user(id)).collect();
        let count = users.len() as u64;
        let needed = match () {
            () if count <= view.threshold("netapp_standard_users", 150) => 0,
            () if count <= view.threshold("netapp_premium_users", 500) => 1,
            () => 2,
        };
        let levels = ["Standard", "Premium", "Ultra"];
        let level = levels.iter().position(|level| body["properties"]["serviceLevel"] == *level);
        if level.is_some_and(|level| level < needed) {
            found.push(Violation::new("V46", id, None, None));
        }
    }
}

/// Where profiles may be: what their paths begin with, in lower case.
pub(super) fn paths_of_files(view: &View<'_>) -> BTreeSet<String> {
    let accounts = view.file_accounts().into_iter().map(|id| format!(r"\\{}.file.", name_of(id)));
    let targets = view
        .resources("Microsoft.NetApp/netAppAccounts/capacityPools/volumes")
        .flat_map(|(_, body)| body["properties"]["mountTargets"].as_array().into_iter().flatten())
        .flat_map(|target| [&target["ipAddress"], &target["smbServerFqdn"]])
        .filter_map(Value::as_str)
        .map(|target| format!(r"\\{}\", target.to_ascii_lowercase()));
    accounts.chain(targets).collect()
}
