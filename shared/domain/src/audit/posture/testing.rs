//! A deployment that violates nothing, for the tests of the rules about how one is made: each test spoils one thing.

use super::RULES;
use crate::ArmId;
use crate::access::{DirectoryObject, Organization, builtin};
use crate::audit::testing::{Estate, GROUP, POOL, RG, S1, now};
use crate::audit::{Family, Rule, RuleResult, Verdict, audit};
use serde_json::{Value, json};

/// Nothing found.
pub(super) const NONE: [&str; 0] = [];
/// The first host's machine.
pub(super) const VM1: &str = "Microsoft.Compute/virtualMachines/acmeTS1";
/// The second's.
pub(super) const VM2: &str = "Microsoft.Compute/virtualMachines/acmeTS2";
/// The hosts' network.
pub(super) const NET: &str = "Microsoft.Network/virtualNetworks/net";
/// The network of the domain controllers.
pub(super) const HUB: &str = "Microsoft.Network/virtualNetworks/hub";
/// The hosts' security group.
pub(super) const NSG: &str = "Microsoft.Network/networkSecurityGroups/nsg";
/// The deployment's vault.
pub(super) const VAULT: &str = "Microsoft.KeyVault/vaults/kv";
/// The storage account with the profiles.
pub(super) const FILES: &str = "Microsoft.Storage/storageAccounts/acmefiles";
/// The Recovery Services vault.
pub(super) const RECOVERY: &str = "Microsoft.RecoveryServices/vaults/rsv";

/// A resource of the deployment's resource group.
pub(super) fn id(short: &str) -> String {
    match short.starts_with('/') {
        true => short.to_owned(),
        false => format!("{RG}/providers/{short}"),
    }
}

/// A resource's type, from its id.
fn kind(id: &str) -> String {
    let (_, rest) = id.rsplit_once("/providers/").unwrap();
    let parts: Vec<&str> = rest.split('/').collect();
    std::iter::once(parts[0]).chain(parts[1..].iter().step_by(2).copied()).collect::<Vec<_>>().join("/").to_lowercase()
}

/// An estate with another resource.
pub(super) fn with(estate: Estate, short: &str, properties: Value) -> Estate {
    let id = id(short);
    estate.resource(&id, &kind(&id), properties)
}

/// An estate without a resource and what is below it.
pub(super) fn without(estate: Estate, short: &str) -> Estate {
    let id = ArmId::new(&id(short));
    estate.with(|facts| facts.resources.retain(|resource| !resource.id.is_within(&id)))
}

/// An estate in which a value of a resource's body is another; null is as good as absent.
pub(super) fn edited(estate: Estate, short: &str, pointer: &str, value: Value) -> Estate {
    let id = ArmId::new(&id(short));
    estate.with(|facts| {
        let resource = facts.resources.iter_mut().find(|resource| resource.id == id).unwrap();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match resource.body.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[name.parse::<usize>().unwrap()] = value,
            parent => parent[name] = value,
        }
    })
}

/// What a rule finds: scope without the resource group, principal, subject; sorted.
pub(super) fn found(estate: &Estate, rule: &Rule) -> Vec<String> {
    estate.found(rule).iter().map(|line| line.replace(&format!("{RG}/providers/"), "")).collect()
}

/// What becomes of a rule in an audit.
pub(super) fn result(estate: &Estate, rule: &str) -> RuleResult {
    let mut policy = estate.policy.clone();
    policy.disabled = RULES.iter().filter(|other| other.id != rule).map(|other| other.id.to_owned()).collect();
    let report = audit("test", &estate.facts, &policy, &[Family::Posture], now());
    report.rules.into_iter().find(|result| result.id == rule).unwrap()
}

/// The verdict of a rule.
pub(super) fn verdict(estate: &Estate, rule: &Rule) -> Verdict {
    result(estate, rule.id).verdict
}

/// The rules that find something.
pub(super) fn failing(estate: &Estate) -> Vec<&'static str> {
    RULES.iter().filter(|rule| !estate.found(rule).is_empty()).map(|rule| rule.id).collect()
}

/// What an estate with a sign of VDS has: the custom role, which `V19` alone complains of.
pub(super) fn vds(estate: Estate) -> Estate {
    estate.role("control", &["Microsoft.Automation/*"], &[], &[], &[S1]).with(|facts| {
        facts.definitions.last_mut().unwrap().name = "Automation Contributor".to_owned();
    })
}

/// A session host with its machine and all that belongs to it.
fn host(estate: Estate, number: u8) -> Estate {
    let vm = id(&format!("Microsoft.Compute/virtualMachines/acmeTS{number}"));
    let nic = id(&format!("Microsoft.Network/networkInterfaces/acmeTS{number}-nic"));
    let subnet = format!("{}/subnets/hosts", id(NET));
    let estate = with(
        estate,
        &vm,
        json!({
            "licenseType": "Windows_Client",
            "securityProfile": { "securityType": "TrustedLaunch" },
            "storageProfile": {
                "osDisk": { "deleteOption": "Delete" },
                "imageReference": { "publisher": "microsoftwindowsdesktop", "exactVersion": "26100.4061.260508" },
            },
            "networkProfile": { "networkInterfaces": [{ "id": nic, "properties": { "deleteOption": "Delete" } }] },
        }),
    );
    let estate = estate.with(|facts| {
        facts.resources.last_mut().unwrap().body["zones"] = json!([number.to_string()]);
    });
    let configuration = json!({ "privateIPAddress": format!("10.0.1.{}", number + 3), "subnet": { "id": subnet },
        "applicationSecurityGroups": [{ "id": id("Microsoft.Network/applicationSecurityGroups/hosts") }] });
    let estate = with(
        estate,
        &nic,
        json!({ "virtualMachine": { "id": vm }, "ipConfigurations": [{ "properties": configuration }] }),
    );
    let session_host = format!("{POOL}/sessionHosts/acmeTS{number}.example.com");
    let estate = with(estate, &session_host, json!({ "resourceId": vm }));
    let agent = json!({ "publisher": "Microsoft.Azure.Monitor", "type": "AzureMonitorWindowsAgent" });
    let estate = with(estate, &format!("{vm}/extensions/agent"), agent);
    let url = "https://kv.vault.azure.net/secrets/domain-password/1";
    let join = json!({ "type": "JsonADDomainExtension", "protectedSettingsFromKeyVault": { "secretUrl": url } });
    let estate = with(estate, &format!("{vm}/extensions/join"), join);
    let parameters = json!([{ "name": "VHDLocations", "value": r"\\acmefiles.file.core.windows.net\profiles" }]);
    let estate = with(estate, &format!("{vm}/runCommands/configure"), json!({ "parameters": parameters }));
    let rule = json!({ "dataCollectionRuleId": id("Microsoft.Insights/dataCollectionRules/dcr") });
    with(estate, &format!("{vm}/providers/Microsoft.Insights/dataCollectionRuleAssociations/avd"), rule)
}

fn networks(estate: Estate) -> Estate {
    let peering = |to: &str| {
        json!([{ "name": "to-other", "properties": {
            "peeringState": "Connected", "remoteVirtualNetwork": { "id": id(to) } } }])
    };
    let subnets = json!([{ "id": format!("{}/subnets/hosts", id(NET)), "name": "hosts", "properties": {
        "addressPrefix": "10.0.1.0/24",
        "networkSecurityGroup": { "id": id(NSG) },
        "natGateway": { "id": id("Microsoft.Network/natGateways/nat") },
    } }]);
    let estate = with(
        estate,
        NET,
        json!({
            "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
            "dhcpOptions": { "dnsServers": ["10.1.0.4"] },
            "subnets": subnets,
            "virtualNetworkPeerings": peering(HUB),
        }),
    );
    let subnets = json!([{ "name": "directory", "properties": { "addressPrefixes": ["10.1.0.0/24"] } }]);
    let estate = with(
        estate,
        HUB,
        json!({
            "addressSpace": { "addressPrefixes": ["10.1.0.0/16"] },
            "subnets": subnets,
            "virtualNetworkPeerings": peering(NET),
        }),
    );
    let controller = json!({ "privateIPAddress": "10.1.0.4",
        "subnet": { "id": format!("{}/subnets/directory", id(HUB)) } });
    let properties = json!({ "virtualMachine": { "id": "/dc1" }, "ipConfigurations": [{ "properties": controller }] });
    let estate = with(estate, "Microsoft.Network/networkInterfaces/dc1-nic", properties);
    with(estate, NSG, json!({ "securityRules": [] }))
}

fn components(estate: Estate) -> Estate {
    let logs = id("Microsoft.OperationalInsights/workspaces/logs");
    let mut estate = with(estate, &logs, json!({ "retentionInDays": 30 }));
    for resource in [POOL.to_owned(), GROUP.to_owned(), id("Microsoft.DesktopVirtualization/workspaces/w1")] {
        let setting = format!("{resource}/providers/microsoft.insights/diagnosticSettings/avd");
        let logs = json!({ "workspaceId": logs, "logs": [{ "categoryGroup": "allLogs", "enabled": true }] });
        estate = with(estate, &setting, logs);
    }
    let good = json!({ "enableRbacAuthorization": true, "enablePurgeProtection": true,
        "publicNetworkAccess": "Disabled" });
    let estate = with(estate, VAULT, good);
    // Made 2026-05-01, ends 2027-05-01; the tests' day is 2026-06-01.
    let attributes = json!({ "enabled": true, "created": 1_777_593_600, "exp": 1_809_129_600 });
    let estate = with(estate, &format!("{VAULT}/secrets/domain-password"), json!({ "attributes": attributes }));
    let attributes = json!({ "enabled": true, "nbf": "2026-05-01T00:00:00Z", "exp": "2026-07-30T00:00:00Z" });
    let estate = with(estate, &format!("{VAULT}/certificates/wildcard"), json!({ "attributes": attributes }));
    let joined = json!({ "azureFilesIdentityBasedAuthentication": { "directoryServiceOptions": "AD" },
        "networkAcls": { "defaultAction": "Deny" } });
    let estate = with(estate, FILES, joined);
    let estate = with(estate, &format!("{FILES}/fileServices/default/shares/profiles"), json!({}));
    let soft = json!({ "securitySettings": { "softDeleteSettings": { "softDeleteState": "AlwaysON" } } });
    let estate = with(estate, RECOVERY, soft);
    let item = format!("{RECOVERY}/backupFabrics/Azure/protectionContainers/c/protectedItems/i");
    let item_of = json!({ "protectedItemType": "AzureFileShareProtectedItem", "sourceResourceId": id(FILES),
        "friendlyName": "profiles" });
    let estate = with(estate, &item, item_of);
    let capacity = "Microsoft.NetApp/netAppAccounts/na/capacityPools/cp";
    let estate = with(estate, capacity, json!({ "serviceLevel": "Standard" }));
    let targets = json!([{ "ipAddress": "10.0.2.4", "smbServerFqdn": "anf-1.example.com" }]);
    with(estate, &format!("{capacity}/volumes/v"), json!({ "mountTargets": targets }))
}

/// A deployment of which every rule says that all is well, if it can be said.
pub(super) fn deployed() -> Estate {
    let estate = Estate::bare()
        .user("ulla")
        .group("users", &["ulla"])
        .assign("users", builtin::DESKTOP_VIRTUALIZATION_USER, GROUP)
        .user("adam")
        .group("admins", &["adam"])
        .identity("poolwarden", "Poolwarden")
        .assign("poolwarden", builtin::READER, S1)
        .policy(|policy| policy.domain_controllers = vec!["10.1.0.4".to_owned()])
        .with(|facts| {
            facts.own_principal = Some("poolwarden".to_owned());
            facts.directory.organization = Some(Organization {
                id: "tenant".to_owned(),
                is_synchronised: true,
                last_sync: Some("2026-06-01T10:00:00Z".parse().unwrap()),
            });
        });
    let estate = estate.assign("admins", builtin::SMB_SHARE_ELEVATED_CONTRIBUTOR, &id(FILES));
    let estate = with(estate, POOL, json!({ "hostPoolType": "Pooled" }));
    let estate = with(estate, GROUP, json!({ "hostPoolArmPath": POOL, "applicationGroupType": "Desktop" }));
    let estate = with(estate, "Microsoft.DesktopVirtualization/workspaces/w1", json!({}));
    components(networks(host(host(estate, 1), 2)))
}

/// A user of that name.
pub(super) fn account(name: &str, upn: &str) -> DirectoryObject {
    DirectoryObject::User { name: name.to_owned(), upn: Some(upn.to_owned()), guest: false, enabled: Some(true) }
}
