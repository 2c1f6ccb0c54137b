use super::*;
use serde_json::Value;

fn id(provider: &str, rest: &str) -> String {
    format!("{}/resourceGroups/g/providers/{provider}/{rest}", sub(S))
}

async fn posture_of(fake: &Fake) -> AccessRead {
    fake.estate().await;
    let endpoints = Endpoints::of(Cloud::Public).with_arm(&fake.server.uri()).unwrap();
    let endpoints = endpoints.with_key_vault(&fake.server.uri()).unwrap();
    let shared = Shared::new(Http::new().unwrap(), Arc::new(FixedToken::default()), endpoints);
    let reader = AccessReader::new(Arc::new(shared.with_pause(Duration::from_millis(1))), vec![S.to_owned()], None);
    let wanted = AccessWanted { depth: Depth::Posture, names: Vec::new() };
    reader.read(&wanted, Timestamp::UNIX_EPOCH, None).await.unwrap()
}

async fn with_vault(fake: &Fake) -> (String, String) {
    let (vault, account) = (id("Microsoft.KeyVault", "vaults/kv"), id("Microsoft.Storage", "storageAccounts/st"));
    let rows = json!([
        {"id": vault, "type": kinds::VAULTS, "properties": {"vaultUri": "https://kv.vault.azure.net/"}},
        {"id": account, "type": kinds::STORAGE_ACCOUNTS, "kind": "FileStorage", "properties": {}},
    ]);
    fake.graph_table("microsoft.keyvault/vaults", rows).await;
    (vault, account)
}

async fn lists_below(fake: &Fake, account: &str) {
    let share = json!({"id": format!("{account}/fileServices/default/shares/profiles"), "name": "profiles"});
    fake.get(&format!("{account}/fileServices/default/shares"), json!({"value": [share]})).await;
    let at = format!("{}/providers/microsoft.insights/diagnosticSettings", fake::pool());
    let setting = json!({"id": format!("{at}/all"), "properties": {"workspaceId": "/w"}});
    fake.get(&at, json!({"value": [setting]})).await;
}

fn secret(name: &str) -> Value {
    json!({"id": format!("https://kv.vault.azure.net/secrets/{name}"), "attributes": {"enabled": true, "exp": 9}})
}

#[tokio::test]
async fn vaults_shares_and_diagnostic_settings_are_resources_of_their_own() {
    let fake = Fake::start().await;
    let (vault, account) = with_vault(&fake).await;
    lists_below(&fake, &account).await;
    let next = format!("{}/vaults/kv/secrets?page=2", fake.server.uri());
    wiremock::Mock::given(wiremock::matchers::path("/vaults/kv/secrets"))
        .and(wiremock::matchers::query_param("page", "2"))
        .respond_with(crate::testing::page_of(&json!({"value": [secret("b")], "nextLink": null})))
        .mount(&fake.server)
        .await;
    fake.get("/vaults/kv/secrets", json!({"value": [secret("a")], "nextLink": next})).await;
    fake.get("/vaults/kv/certificates", json!({"value": [{"id": "https://kv.vault.azure.net/certificates/c"}]})).await;
    let read = posture_of(&fake).await;
    assert_eq!(unknown(&read), Vec::<String>::new());
    let of = |kind: &'static str| read.facts.resources_of(kind).map(|one| one.id.clone()).collect::<Vec<_>>();
    let within = |path: &str| ArmId::new(&format!("{vault}/{path}"));
    assert_eq!(of(kinds::SECRETS), [within("secrets/a"), within("secrets/b")]);
    assert_eq!(of(kinds::CERTIFICATES), [within("certificates/c")]);
    assert_eq!(of(kinds::SHARES)[0].name(), "profiles");
    assert_eq!(of(kinds::DIAGNOSTIC_SETTINGS)[0].name(), "all");
    let first = read.facts.resources_of(kinds::SECRETS).next().unwrap();
    assert_eq!(first.number("attributes/exp"), Some(9.0));
    assert_eq!(state(&read, &sub(S), Facet::VaultContents), State::Read { items: 3 });
}

#[tokio::test]
async fn a_vault_that_refuses_is_unknown_by_itself_and_arm_still_names_its_secrets() {
    let fake = Fake::start().await;
    let (vault, account) = with_vault(&fake).await;
    lists_below(&fake, &account).await;
    fake.refuse("/vaults/kv", 403).await;
    let of_arm = json!({"id": format!("{vault}/secrets/cjDomainAdministrator"), "name": "cjDomainAdministrator",
        "properties": {"attributes": {"enabled": true}, "secretUri": "https://kv.vault.azure.net/secrets/x"}});
    fake.get(&format!("{vault}/secrets"), json!({"value": [of_arm]})).await;
    let read = posture_of(&fake).await;
    let secrets: Vec<_> = read.facts.resources_of(kinds::SECRETS).map(|one| one.id.name()).collect();
    assert_eq!(secrets, ["cjDomainAdministrator"]);
    let reason = reason(&read, &vault, Facet::VaultContents);
    assert!(reason.detail.contains("certificates") && reason.detail.contains("Key Vault Reader"), "{reason}");
    assert_eq!(unknown(&read).len(), 1);
}

#[tokio::test]
async fn what_refuses_its_diagnostic_settings_is_unknown_by_itself() {
    let fake = Fake::start().await;
    fake.refuse(&format!("{}/providers/microsoft.insights", fake::pool()), 403).await;
    let read = posture_of(&fake).await;
    assert_eq!(reason(&read, &fake::pool(), Facet::DiagnosticSettings).why, Why::Forbidden);
    assert_eq!(unknown(&read).len(), 1);
}

#[tokio::test]
async fn no_token_goes_to_an_address_that_is_no_vault() {
    let fake = Fake::start().await;
    let vault = id("Microsoft.KeyVault", "vaults/kv");
    let row =
        json!({"id": vault, "type": kinds::VAULTS, "properties": {"vaultUri": format!("{}/", fake.server.uri())}});
    fake.graph_table("microsoft.keyvault/vaults", json!([row])).await;
    fake.estate().await;
    let read = read_all(&fake, &[S], Depth::Posture).await;
    assert_eq!(reason(&read, &vault, Facet::VaultContents).why, Why::Malformed);
    assert!(fake.asked("/certificates").await.is_empty());
}

#[tokio::test]
async fn accounts_that_can_hold_no_shares_are_not_asked_for_them() {
    let fake = Fake::start().await;
    let account = |name: &str, kind: &str, sku: &str| {
        json!({"id": id("Microsoft.Storage", &format!("storageAccounts/{name}")), "type": kinds::STORAGE_ACCOUNTS,
            "kind": kind, "sku": {"name": sku}, "properties": {}})
    };
    let rows = [
        account("pages", "StorageV2", "Premium_LRS"),
        account("oldpages", "Storage", "premium_LRS"),
        account("blobs", "BlockBlobStorage", "Premium_LRS"),
        account("files", "FileStorage", "Premium_ZRS"),
        account("plain", "StorageV2", "Standard_LRS"),
    ];
    fake.graph_table("microsoft.storage/storageaccounts", json!(rows)).await;
    for name in ["files", "plain"] {
        let at = format!("{}/fileServices/default/shares", id("Microsoft.Storage", &format!("storageAccounts/{name}")));
        fake.get(&at, json!({"value": []})).await;
    }
    let refusal = json!({"error": {"code": "FeatureNotSupportedForAccount", "message": "no"}});
    let answer = ResponseTemplate::new(400).set_body_json(refusal);
    wiremock::Mock::given(wiremock::matchers::path_regex("/shares$")).respond_with(answer).mount(&fake.server).await;
    fake.get(&format!("{}/providers/microsoft.insights/diagnosticSettings", fake::pool()), json!({"value": []})).await;
    let read = posture_of(&fake).await;
    assert_eq!(unknown(&read), Vec::<String>::new());
    assert_eq!(fake.asked("/shares").await.len(), 2);
}
