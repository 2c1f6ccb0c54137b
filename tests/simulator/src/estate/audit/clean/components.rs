//! The vaults, storage, workspaces and plans of the clean estate.

use serde_json::{Value, json};

use super::{Clean, Site, machines::name_of};
use crate::estate::{
    audit::{draft::Draft, ids},
    model::Kind,
};

/// Days that logs are kept: as few as may be by default.
const RETENTION_DAYS: u32 = 30;

/// The eight letters by which names of a subscription's parts differ.
fn mark(site: &Site) -> &str {
    name_of(&site.subscription).split('-').next().unwrap_or("0")
}

pub(crate) fn vault_id(site: &Site) -> String {
    format!("{}/providers/{}/kv-avd-{}", site.home, ids::VAULTS, mark(site))
}

pub(crate) fn storage_id(site: &Site) -> String {
    format!("{}/providers/{}/stavd{}", site.home, ids::STORAGE, mark(site))
}

pub(super) fn grow(draft: &mut Draft, clean: &mut Clean) {
    for index in 0..clean.sites.len() {
        let site = &mut clean.sites[index];
        vault(draft, site);
        files(draft, site);
        logs(draft, site);
        scaling(draft, site);
        if index == 0 {
            capacity(draft, site);
        }
        // Neither in an estate that never saw VDS.
        if draft.dice.chance(0.3) {
            let account = format!("{}/providers/Microsoft.Automation/automationAccounts/aa-reports", site.home);
            draft.resource(&account, "Microsoft.Automation/automationAccounts", json!({"properties": {}}));
        }
    }
    for kind in [Kind::HostPool, Kind::ApplicationGroup, Kind::Workspace] {
        for id in draft.ids(kind) {
            diagnose(draft, clean, &id);
        }
    }
}

/// Sends the logs of a resource to its subscription's workspace.
pub(crate) fn diagnose(draft: &mut Draft, clean: &Clean, id: &str) {
    let site = clean.sites.iter().find(|site| id.starts_with(&site.subscription));
    let workspace = site.map_or("", |site| site.log_workspace.as_str()).to_owned();
    let setting = format!("{id}/providers/Microsoft.Insights/diagnosticSettings/avd");
    draft.resource(
        &setting,
        "Microsoft.Insights/diagnosticSettings",
        json!({
            "properties": {
                "workspaceId": workspace,
                "logs": [
                    {"category": "Checkpoint", "enabled": false},
                    {"categoryGroup": "allLogs", "enabled": true},
                ],
            },
        }),
    );
}

fn closed_to_public(draft: &mut Draft) -> Value {
    if draft.dice.chance(0.5) {
        json!({"publicNetworkAccess": "Disabled"})
    } else {
        json!({"publicNetworkAccess": "Enabled", "networkAcls": {"defaultAction": "Deny", "bypass": "AzureServices"}})
    }
}

fn vault(draft: &mut Draft, site: &mut Site) {
    let id = vault_id(site);
    let mut properties = closed_to_public(draft);
    properties["enableRbacAuthorization"] = json!(true);
    properties["enablePurgeProtection"] = json!(true);
    properties["enableSoftDelete"] = json!(true);
    properties["vaultUri"] = json!(format!("https://{}.vault.azure.net/", name_of(&id)));
    site.vault = draft.resource(&id, ids::VAULTS, json!({"location": "westeurope", "properties": properties}));
    // A time in 2031 is never long ago, and one in 2039 is not near.
    let lasting = json!({"enabled": true, "exp": 2_177_452_800_u64, "created": 1_924_992_000_u64});
    draft.secret(&id, "domain-account", lasting.clone());
    draft.secret(&id, "api-key", lasting);
    draft.secret(&id, "switched-off", json!({"enabled": false, "created": 1_577_836_800_u64}));
    draft.certificate(&id, "wildcard", json!({"enabled": true, "nbf": 1_735_689_600_u64, "exp": 2_524_608_000_u64}));
}

/// A file account with two shares, both protected.
fn files(draft: &mut Draft, site: &mut Site) {
    let id = storage_id(site);
    let mut properties = closed_to_public(draft);
    let source = *draft.dice.pick(&["AD", "AADKERB"]);
    properties["azureFilesIdentityBasedAuthentication"] = json!({"directoryServiceOptions": source});
    // Of the premium accounts, those of the other kind hold page blobs alone.
    let (kind, sku) = *draft.dice.pick(&[("FileStorage", "Premium_ZRS"), ("StorageV2", "Standard_ZRS")]);
    site.storage = draft.resource(
        &id,
        ids::STORAGE,
        json!({
            "location": "westeurope", "kind": kind, "sku": {"name": sku}, "properties": properties,
        }),
    );
    site.recovery_vault = format!("{}/providers/Microsoft.RecoveryServices/vaults/rsv-avd", site.home);
    let state = *draft.dice.pick(&["Enabled", "AlwaysON"]);
    let recovery = site.recovery_vault.clone();
    draft.resource(
        &recovery,
        "Microsoft.RecoveryServices/vaults",
        json!({
            "location": "westeurope",
            "properties": {"securitySettings": {"softDeleteSettings": {"softDeleteState": state}}},
        }),
    );
    for share in ["profiles", "data"] {
        site.share = share_of(draft, &id, share);
        protect(draft, &recovery, &id, share);
    }
}

/// A share of an account.
pub(crate) fn share_of(draft: &mut Draft, account: &str, name: &str) -> String {
    let id = format!("{account}/fileServices/default/shares/{name}");
    draft.resource(
        &id,
        "Microsoft.Storage/storageAccounts/fileServices/shares",
        json!({
            "properties": {"shareQuota": 1024, "enabledProtocols": "SMB"},
        }),
    )
}

/// The protection of a share.
pub(crate) fn protect(draft: &mut Draft, vault: &str, account: &str, share: &str) -> String {
    let container = format!("StorageContainer;storage;{};{}", "rg-avd-01", name_of(account));
    let id =
        format!("{vault}/backupFabrics/Azure/protectionContainers/{container}/protectedItems/AzureFileShare;{share}");
    let kind = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems";
    draft.resource(
        &id,
        kind,
        json!({
            "properties": {
                "protectedItemType": "AzureFileShareProtectedItem",
                "sourceResourceId": account,
                "friendlyName": share,
            },
        }),
    )
}

fn logs(draft: &mut Draft, site: &mut Site) {
    let id = format!("{}/providers/Microsoft.OperationalInsights/workspaces/log-avd", site.home);
    let days = if draft.dice.chance(0.5) { RETENTION_DAYS } else { 90 };
    site.log_workspace = draft.resource(
        &id,
        "Microsoft.OperationalInsights/workspaces",
        json!({
            "location": "westeurope", "properties": {"retentionInDays": days},
        }),
    );
}

/// A scaling plan for some of the pools of a subscription.
fn scaling(draft: &mut Draft, site: &Site) {
    let subscription = name_of(&site.subscription).to_owned();
    let pools: Vec<String> =
        draft.estate.in_subscription(&subscription, Kind::HostPool).map(|pool| pool.id.clone()).collect();
    let references: Vec<Value> = pools
        .iter()
        .enumerate()
        .map(|(at, pool)| json!({"hostPoolArmPath": pool, "scalingPlanEnabled": at % 2 == 0}))
        .collect();
    let id = format!("{}/providers/{}/plan-avd", site.home, ids::SCALING_PLANS);
    draft.resource(
        &id,
        ids::SCALING_PLANS,
        json!({
            "location": "westeurope",
            "properties": {
                "timeZone": "W. Europe Standard Time",
                "hostPoolType": "Pooled",
                "exclusionTag": "poolwarden-exclude",
                "schedules": [],
                "hostPoolReferences": references,
            },
        }),
    );
}

/// NetApp Files of the highest level: enough for any number of people.
fn capacity(draft: &mut Draft, site: &Site) {
    let account = format!("{}/providers/Microsoft.NetApp/netAppAccounts/anf-avd", site.home);
    let pool = format!("{account}/capacityPools/pool1");
    draft.resource(&account, "Microsoft.NetApp/netAppAccounts", json!({"properties": {}}));
    draft.resource(
        &pool,
        "Microsoft.NetApp/netAppAccounts/capacityPools",
        json!({
            "properties": {"serviceLevel": "Ultra", "size": 4_398_046_511_104_u64},
        }),
    );
    let volume = format!("{pool}/volumes/home");
    draft.resource(&volume, "Microsoft.NetApp/netAppAccounts/capacityPools/volumes", json!({
        "properties": {"mountTargets": [{"ipAddress": format!("{}.130.4", site.prefix), "smbServerFqdn": "anf-1.contoso.example"}]},
    }));
}
