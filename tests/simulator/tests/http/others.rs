//! Resources of any provider, and what is in key vaults.

use serde_json::{Value, json};

use crate::support::{Azure, small};

const ANY: &str = "api-version=2023-01-01";

/// The small estate with machines, a vault, a storage account, a backup and a
/// scaling plan beside it.
async fn with_others() -> (Azure, String) {
    let azure = small().await;
    let group = format!("{}/resourceGroups/rg-avd-01", azure.subscription());
    let pool = azure.planted("hostPools")[0]["id"].as_str().unwrap().to_owned();
    let provider = |path: &str| format!("{group}/providers/{path}");
    let vm = provider("Microsoft.Compute/virtualMachines/vm1");
    let items: Vec<Value> = (0..4)
        .map(|number| json!({"op": "resource", "id": provider(&format!("Microsoft.Network/networkInterfaces/nic{number}")), "properties": {}}))
        .chain([
            json!({"op": "resource", "id": vm, "properties": {"licenseType": "Windows_Client"}, "zones": ["1"]}),
            json!({"op": "resource", "id": format!("{vm}/extensions/AADLogin"), "properties": {"type": "AADLoginForWindows"}}),
            json!({"op": "resource", "id": format!("{vm}/providers/Microsoft.Insights/dataCollectionRuleAssociations/a"), "properties": {"dataCollectionRuleId": "x"}}),
            json!({"op": "resource", "id": format!("{pool}/providers/microsoft.insights/diagnosticSettings/all"), "properties": {"workspaceId": "w"}}),
            json!({"op": "resource", "id": provider("Microsoft.KeyVault/vaults/Keys"), "properties": {"enableRbacAuthorization": true}}),
            json!({"op": "resource", "id": provider("Microsoft.Storage/storageAccounts/files/fileServices/default/shares/profiles"), "properties": {}}),
            json!({"op": "resource", "id": provider("Microsoft.Storage/storageAccounts/files"), "properties": {}, "kind": "FileStorage"}),
            json!({"op": "resource", "id": provider("Microsoft.RecoveryServices/vaults/backups"), "properties": {}}),
            json!({"op": "resource", "id": provider("Microsoft.RecoveryServices/vaults/backups/backupFabrics/Azure/protectionContainers/c/protectedItems/i"), "properties": {"sourceResourceId": vm}}),
            json!({"op": "resource", "id": provider("Microsoft.DesktopVirtualization/scalingPlans/plan"), "properties": {"hostPoolReferences": [{"hostPoolArmPath": pool, "scalingPlanEnabled": true}]}}),
            json!({"op": "vault", "vault": "Keys", "secrets": [{"id": "https://keys.vault.azure.net/secrets/join", "attributes": {"enabled": true}}], "certificates": [{"id": "https://keys.vault.azure.net/certificates/c", "attributes": {"exp": 1}}]}),
        ])
        .collect();
    azure.plant(items.into()).await;
    (azure, group)
}

#[tokio::test]
async fn resources_are_listed_by_type_and_read_by_id() {
    let (azure, group) = with_others().await;
    let subscription = azure.subscription();
    let pool = azure.planted("hostPools")[0]["id"].as_str().unwrap().to_owned();
    for (path, count) in [
        (format!("{subscription}/providers/Microsoft.Network/networkInterfaces"), 4),
        (format!("{group}/providers/Microsoft.Compute/virtualMachines"), 1),
        (format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1/extensions"), 1),
        (format!("{pool}/providers/Microsoft.Insights/diagnosticSettings"), 1),
        (format!("{group}/providers/Microsoft.RecoveryServices/vaults/backups/backupProtectedItems"), 1),
        (format!("{group}/providers/Microsoft.Storage/storageAccounts/files/fileServices/default/shares"), 1),
        (format!("{group}/providers/Microsoft.KeyVault/vaults/keys/secrets"), 1),
        (format!("{subscription}/providers/Microsoft.Automation/automationAccounts"), 0),
    ] {
        assert_eq!(azure.all(&format!("{path}?{ANY}")).await.len(), count, "{path}");
    }
    for path in [
        format!("{subscription}/providers/Microsoft.DesktopVirtualization/scalingPlans"),
        format!("{group}/providers/Microsoft.DesktopVirtualization/scalingPlans"),
        format!("{pool}/scalingPlans"),
    ] {
        assert_eq!(azure.all(&format!("{path}?api-version=2025-10-10")).await.len(), 1, "{path}");
    }
    let vm = azure.json(&format!("{group}/providers/microsoft.compute/virtualmachines/VM1?{ANY}")).await;
    assert_eq!((&vm["zones"][0], &vm["properties"]["licenseType"]), (&json!("1"), &json!("Windows_Client")));
    for (path, status, code) in [
        (format!("{group}/providers/Microsoft.Compute/virtualMachines/none?{ANY}"), 404, "ResourceNotFound"),
        (format!("{group}/providers/Microsoft.Compute/virtualMachines/none/extensions?{ANY}"), 404, "ResourceNotFound"),
        (
            format!("{subscription}/resourceGroups/none/providers/Microsoft.Compute/disks?{ANY}"),
            404,
            "ResourceGroupNotFound",
        ),
        (format!("{group}/providers/Microsoft.KeyVault/vaults/keys/certificates?{ANY}"), 404, "InvalidResourceType"),
        (format!("{group}/providers/Microsoft.Nothing/things?{ANY}"), 404, "InvalidResourceNamespace"),
        (format!("{group}/providers/Microsoft.Compute/disks"), 400, "MissingApiVersionParameter"),
    ] {
        assert_eq!(azure.error(&path).await, (status, code.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn resource_graph_has_them_in_its_tables() {
    let (azure, _) = with_others().await;
    let count = async |query: &str| -> usize {
        let (status, body) =
            azure.query(&json!({"query": format!("{query} | project id, type, kind, sku, zones, properties")})).await;
        assert_eq!(status, 200, "{body}");
        body["data"].as_array().unwrap().len()
    };
    assert_eq!(
        count("resources | where type in~ ('microsoft.compute/virtualmachines', 'Microsoft.KeyVault/vaults')").await,
        2
    );
    assert_eq!(count("resources | where type =~ 'microsoft.compute/virtualmachines/extensions' and properties.type =~ 'AADLoginForWindows'").await, 1);
    assert_eq!(count("resources | where kind == 'FileStorage'").await, 1);
    assert_eq!(
        count("resources | where type contains 'diagnostic' or type contains 'shares' or type contains 'protected'")
            .await,
        0
    );
    assert_eq!(count("insightsresources").await, 1);
    assert_eq!(count("recoveryservicesresources | where type endswith 'protecteditems'").await, 1);
    azure
        .sim(
            reqwest::Method::PUT,
            "faults",
            &json!([format!(
                "403:scope={}/resourcegroups/rg-avd-01/providers/microsoft.keyvault",
                azure.subscription()
            )]),
        )
        .await;
    assert_eq!(count("resources | where type =~ 'microsoft.keyvault/vaults'").await, 0, "left out in silence");
}

#[tokio::test]
async fn a_vault_lists_names_and_no_values() {
    let (azure, _) = with_others().await;
    let token = azure.running.token_for("https://vault.azure.net");
    let ask = async |path: &str, host: Option<&str>| -> (u16, Value) {
        let request = azure.http.get(azure.url(path)).bearer_auth(&token);
        let request = match host {
            Some(host) => request.header("host", host),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    };
    for (path, host) in [
        ("/vaults/keys/secrets?api-version=7.4", None),
        ("/secrets?api-version=7.4", Some("keys.vault.azure.net")),
        ("/secrets?api-version=7.4", None),
    ] {
        let (status, body) = ask(path, host).await;
        assert_eq!((status, &body["value"][0]["attributes"]["enabled"]), (200, &json!(true)), "{path}");
        assert!(body["value"][0].get("value").is_none());
    }
    let (_, body) = ask("/vaults/KEYS/certificates?api-version=7.4", None).await;
    assert_eq!(body["value"][0]["attributes"]["exp"], 1);
    assert_eq!(ask("/vaults/none/secrets?api-version=7.4", None).await.0, 404);
    assert_eq!(ask("/vaults/keys/secrets", None).await.0, 400);
    let answer = azure.get("/vaults/keys/secrets?api-version=7.4").await;
    assert_eq!(answer.status(), 401, "a token for ARM");
}
