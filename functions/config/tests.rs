//! What a person sees who writes a configuration, right or wrong.

use super::*;
use jiff::SignedDuration;
use poolwarden_azure::{Cloud, Credential};
use poolwarden_domain::assignment::{IconPlace, Offer, Publish};
use poolwarden_domain::dependency;
use poolwarden_domain::launch::LaunchCloud;
use poolwarden_domain::lifecycle::{Rule, Rules};
use poolwarden_domain::package::Stage;
use poolwarden_domain::policy::{Brake, NameFilter, Policy, Scope};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

mod credential;
mod feed;
mod import;
mod slips;
mod telemetry;

const EXAMPLE: &str = include_str!("poolwarden.example.toml");
const FAULTY: &str = include_str!("testdata/faulty.toml");

/// Stands for the host's parser.
fn six_fields(text: &str) -> Result<(), String> {
    match text.split(' ').count() {
        6 => Ok(()),
        fields => Err(format!("{text:?} has {fields} fields")),
    }
}

fn parse_in(text: &str, env: &HashMap<&str, &str>) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("etc/poolwarden.toml"), env, six_fields)
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    parse_in(text, &HashMap::new())
}

/// What is told about a connection with this line in it.
fn faults_with(line: &str) -> String {
    parse(&format!("[[connection]]\nname = \"c\"\n{line}\n")).unwrap_err().to_string()
}

#[test]
fn the_minimal_example_is_ten_lines_and_enough() {
    assert_eq!(MINIMAL_EXAMPLE.lines().count(), 10);
    let config = parse(MINIMAL_EXAMPLE).unwrap();
    assert_eq!(config.store, Store::Sqlite("etc/poolwarden.db".into()));
    assert_eq!(config.connections.len(), 1);
    assert_eq!(config.connection("contoso").unwrap().policy.host_pools.exclude, ["*-test"]);
    assert!(config.connection("fabrikam").is_none());
    assert_eq!(check_references(&config, &HashMap::new()), []);
}

#[test]
fn a_name_is_enough_for_a_connection() {
    let config = parse("[[connection]]\nname = \"c\"").unwrap();
    assert_eq!(config.path.as_deref(), Some(Path::new("etc/poolwarden.toml")));
    assert_eq!(config.store, Store::Sqlite("etc/poolwarden.db".into()));
    let serve = Serve { listen: "127.0.0.1:7071".parse().unwrap(), host_key: None, master_key: None };
    assert_eq!(config.serve, serve);
    let connection = &config.connections[0];
    assert!(connection.enabled);
    assert_eq!(connection.credential, Credential::AzureCli { tenant_id: None });
    assert_eq!(connection.endpoints.arm().as_str(), "https://management.azure.com/");
    assert_eq!(connection.subscriptions, [] as [String; 0]);
    assert_eq!(connection.schedule, "0 */15 * * * *");
    assert_eq!(connection.full_read_every, Duration::from_secs(86_400));
    assert_eq!(connection.policy, Policy::default());
    assert_eq!(connection.webhooks, []);
}

#[test]
fn the_example_shows_every_setting_and_has_no_fault() {
    let config = parse(EXAMPLE).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.serve.host_key, Some(SecretRef::Env("POOLWARDEN_HOST_KEY".to_owned())));
    assert_eq!(config.serve.master_key, Some(SecretRef::File("etc/secrets/master-key".into())));
    let [contoso, simulator, ..] = &config.connections[..] else { panic!("connections") };
    let tenant = || Some("contoso.onmicrosoft.com".to_owned());
    assert_eq!(contoso.credential, Credential::AzureCli { tenant_id: tenant() });
    assert_eq!(contoso.subscriptions, ["11111111-1111-1111-1111-111111111111"]);
    let names = |include: &[&str], exclude: &[&str]| NameFilter {
        include: include.iter().map(ToString::to_string).collect(),
        exclude: exclude.iter().map(ToString::to_string).collect(),
    };
    let policy = Policy {
        scope: Scope::Both,
        host_pools: names(&["hp-*"], &["*-test"]),
        workspaces: names(&[], &["ws-lab-*"]),
        resources: names(&["*"], &[]),
        cloud_pcs: false,
        name_prefix: "Contoso ".to_owned(),
        stage: Stage::Production,
        managed: true,
        cloud: LaunchCloud::Public,
        tenant: tenant(),
        brake: Brake { share: 0.2, count: 5 },
        network_credentials: Some("${Identity.UserName}".to_owned()),
        dependencies: vec![dependency::windows_app()],
        ..Policy::default()
    };
    assert_eq!(contoso.policy, policy);
    let rule = Rule { by: vec!["ops@*".to_owned()], after: SignedDuration::from_hours(72), approval: true };
    assert_eq!(contoso.promotion, Rules(BTreeMap::from([(Stage::Production, rule)])));
    assert_eq!(contoso.offer, Offer { publish: Publish::Catalog, icons: BTreeSet::from([IconPlace::StartMenu]) });
    assert_eq!(contoso.webhooks[0].events, ["package.*", "run.*"]);
    assert_eq!(contoso.webhooks[0].secret, SecretRef::Env("POOLWARDEN_WEBHOOK_SECRET".to_owned()));
    assert!(!simulator.enabled);
    let secret = SecretRef::File("etc/secrets/simulator".into());
    assert!(matches!(&simulator.credential, Credential::ClientSecret { secret: found, .. } if *found == secret));
    assert_eq!(simulator.endpoints.arm().as_str(), "http://127.0.0.1:7072/");
}

#[test]
fn what_differs_from_the_defaults_arrives() {
    let text = r#"
        [serve]
        listen = "0.0.0.0:80"
        [[connection]]
        name = "gov"
        cloud = "us_government"
        tenant = "22222222-2222-2222-2222-22222222222A"
        credential = { kind = "client_secret", client_id = "33333333-3333-3333-3333-333333333333", secret = { key_vault = "https://v.vault.usgovcloudapi.net/secrets/n" } }
        full_read_every = "2 days"
        scope = "remote_apps"
        stage = "acceptance"
        managed = false
        cloud_pcs = true
        brake = { share = 1 }
    "#;
    let config = parse(text).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(!config.serve.listen.ip().is_loopback());
    let gov = &config.connections[0];
    assert_eq!(gov.endpoints.cloud(), Cloud::UsGovernment);
    assert_eq!(gov.full_read_every, Duration::from_secs(172_800));
    let tenant = "22222222-2222-2222-2222-22222222222a";
    assert!(matches!(&gov.credential, Credential::ClientSecret { tenant_id, .. } if tenant_id == tenant));
    let policy = Policy {
        managed: false,
        scope: Scope::RemoteApps,
        stage: Stage::Acceptance,
        cloud_pcs: true,
        cloud: LaunchCloud::UsGovernment,
        tenant: Some(tenant.to_owned()),
        brake: Brake { share: 1.0, count: 5 },
        ..Policy::default()
    };
    assert_eq!(gov.policy, policy);
}

#[test]
fn a_rule_of_promotion_that_makes_no_sense_is_refused_with_what_to_write() {
    let connection = "[[connection]]\nname = \"c\"\n";
    for (faulty, fix) in [
        ("promotion = true", "write [connection.promotion] as a table"),
        ("[connection.promotion.produktion]", "did you mean `production`?"),
        ("[connection.promotion.development]", "remove it; known are test, acceptance, production"),
        ("[connection.promotion.test]\nby = [\"\"]", "write a name, such as \"ops@*\""),
        ("[connection.promotion.test]\nby = \"ops\"", "write a list between [ and ]"),
        ("[connection.promotion.test]\nafter = \"a while\"", "write one such as \"24h\""),
        ("[connection.promotion.test]\napproval = \"yes\"", "write true or false"),
        ("publish = \"forcd\"", "did you mean `forced`?"),
        ("icons = [\"taskbar\"]", "known are desktop, start_menu"),
    ] {
        let told = parse(&format!("{connection}{faulty}\n")).unwrap_err().to_string();
        assert!(told.contains(fix), "{faulty}: {told}");
    }
}

#[test]
fn all_faults_are_told_at_once_and_no_secret_is() {
    let error = parse(FAULTY).unwrap_err();
    let told = error.to_string();
    assert!(!told.contains("hunter2"), "{told}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    assert!(!told.contains(['\u{7}', '\u{1b}']), "{told:?}");
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("faulty", told));
}

#[test]
fn a_file_that_is_no_toml_has_one_fault_with_its_place() {
    for (text, told) in [
        ("[store]\npath = \n", "etc/poolwarden.toml:2:8: "),
        ("a = 1\na = 2\n", "etc/poolwarden.toml:2:1: "),
        ("[store", "etc/poolwarden.toml:1:7: "),
        ("[[connection.webhook]]\nsecret = \"hunter2", "etc/poolwarden.toml:2:18: "),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("the configuration has 1 fault:\n  {told}this is no TOML: ")), "{error}");
        assert!(!error.contains("hunter2"));
    }
}

#[test]
fn lists_that_are_written_as_single_tables_say_how_they_are_headed() {
    let single = parse("[connection]\nname = \"c\"\n").unwrap_err().to_string();
    assert!(
        single.contains(
            "poolwarden.toml:1:1: `connection` is a table; there can be several: head each with [[connection]]"
        ),
        "{single}"
    );
    let webhook = faults_with("webhook = { name = \"ops\" }");
    assert!(webhook.contains("head each with [[connection.webhook]]"), "{webhook}");
    parse("connection = [{ name = \"a\" }, { name = \"b\" }]").unwrap();
}

#[test]
fn a_vault_of_another_cloud_is_no_place_for_a_secret() {
    let credential = |vault: &str| {
        format!(
            "credential = {{ kind = \"client_secret\", tenant_id = \"a.example\", client_id = \"33333333-3333-3333-3333-333333333333\", secret = {{ key_vault = \"{vault}\" }} }}"
        )
    };
    for vault in [
        "https://v.vault.azure.cn/secrets/n",
        "https://v.vault.azure.net/keys/n",
        "https://v.vault.azure.net/secrets/n?hunter2",
        "hunter2",
    ] {
        let told = faults_with(&credential(vault));
        assert!(
            told.contains("3:") && told.contains("no secret in a Key Vault of this cloud") && !told.contains("hunter2"),
            "{told}"
        );
    }
}

#[test]
fn a_key_of_the_host_is_not_in_a_vault() {
    let told = parse("[serve]\nhost_key = { key_vault = \"https://v.vault.azure.net/secrets/n\" }").unwrap_err();
    assert!(told.to_string().contains("poolwarden.toml:2:26: `key_vault` cannot be used here"), "{told}");
}

#[test]
fn a_rehearsal_tells_nobody() {
    let config = parse(EXAMPLE).unwrap().without_webhooks();
    assert!(config.connections.iter().all(|connection| connection.webhooks.is_empty()));
}

#[test]
fn the_environment_overrides_the_file() {
    let env = HashMap::from([(STORE_VARIABLE, "/var/state.db"), (LISTEN_VARIABLE, "[::1]:80")]);
    let config = parse_in(EXAMPLE, &env).unwrap();
    assert_eq!(config.store, Store::Sqlite("/var/state.db".into()));
    assert_eq!(config.serve.listen.to_string(), "[::1]:80");
    let config = Config::empty(Path::new("here"), &env).unwrap();
    assert_eq!(config.store, Store::Sqlite("/var/state.db".into()));

    let env = HashMap::from([(STORE_VARIABLE, ""), (LISTEN_VARIABLE, "everywhere")]);
    let told = parse_in("x = 1", &env).unwrap_err().to_string();
    assert!(told.starts_with("the configuration has 2 faults:\n  etc/poolwarden.toml:1:1: "), "{told}");
    assert!(told.contains("\n  environment variable POOLWARDEN_LISTEN: the value is `everywhere`"), "{told}");
    Config::empty(Path::new("here"), &env).unwrap_err();
    let config = Config::empty(Path::new("here"), &HashMap::new()).unwrap();
    assert_eq!((config.path, config.store), (None, Store::Sqlite("here/poolwarden.db".into())));
}

#[test]
fn a_missing_setting_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poolwarden.toml");
    let text = r#"
        [serve]
        host_key = { file = "host-key" }
        [[connection]]
        name = "a"
        credential = { kind = "workload_identity", client_id = "33333333-3333-3333-3333-333333333333", token_file = "token" }
        [[connection.webhook]]
        name = "ops"
        url = "http://localhost:1/"
        secret = { env = "OPS_SECRET" }
        [[connection]]
        name = "off"
        enabled = false
        [[connection.webhook]]
        name = "ops"
        url = "http://localhost:1/"
        secret = { env = "NOT_NEEDED" }
    "#;
    let config = Config::parse(text, &path, &HashMap::new(), six_fields).unwrap();
    let missing = |env: &HashMap<&str, &str>| -> Vec<String> {
        let prefix = format!("{}/", folder.path().display());
        check_references(&config, env).iter().map(|fault| fault.to_string().replace(&prefix, "")).collect()
    };
    assert_eq!(
        missing(&HashMap::from([("OPS_SECRET", "")])),
        [
            "poolwarden.toml:3:20: `host_key` needs the file host-key, which does not exist; create host-key or correct the path",
            "poolwarden.toml:6:22: `credential` needs the environment variable AZURE_TENANT_ID, which is not set or empty; set AZURE_TENANT_ID",
            "poolwarden.toml:6:117: `token_file` needs the file token, which does not exist; create token or correct the path",
            "poolwarden.toml:10:18: `secret` needs the environment variable OPS_SECRET, which is not set or empty; set OPS_SECRET",
        ]
    );
    for file in ["host-key", "token"] {
        std::fs::write(folder.path().join(file), "x").unwrap();
    }
    assert_eq!(missing(&HashMap::from([("OPS_SECRET", "x"), ("AZURE_TENANT_ID", "t")])), [] as [String; 0]);
}

#[test]
fn the_file_is_the_one_that_is_named_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poolwarden.toml");
    let named = path.to_str().unwrap();
    let env = HashMap::from([(CONFIG_VARIABLE, named)]);
    let load = |explicit: Option<&str>| Config::load(explicit.map(Path::new), &env, six_fields);

    let told = load(None).unwrap_err().to_string();
    assert!(
        told.contains(named) && told.contains("variable POOLWARDEN_CONFIG") && told.ends_with(MINIMAL_EXAMPLE),
        "{told}"
    );
    std::fs::write(&path, EXAMPLE).unwrap();
    assert_eq!(load(None).unwrap().store, Store::Sqlite(folder.path().join("poolwarden.db")));
    let told = load(Some("no/such.toml")).unwrap_err().to_string();
    assert!(told.contains("no/such.toml does not exist (--config names it)"), "{told}");
    assert!(Config::load_or_empty(Some(Path::new("no/such.toml")), &env, six_fields).is_err());
    let default = locate::choose(None, &HashMap::from([(CONFIG_VARIABLE, "")]));
    assert_eq!(default.path, Path::new("poolwarden.toml"));
    assert!(!default.named);

    let folder_told = load(folder.path().to_str()).unwrap_err();
    assert!(matches!(folder_told, ConfigError::Unreadable { .. }), "{folder_told}");
    std::fs::write(&path, b"[store]\npath = \"\xff\"").unwrap();
    assert!(load(None).unwrap_err().to_string().contains("poolwarden.toml:2:9: this is no UTF-8 text"));
    std::fs::write(&path, vec![b'\n'; 1024 * 1024 + 1]).unwrap();
    assert!(load(None).unwrap_err().to_string().contains("larger than 1048576 bytes"));
}

#[test]
fn the_configuration_that_is_deployed_is_one() {
    let text = include_str!("../../infra/poolwarden.toml");
    let env = HashMap::from([
        (TEXT_VARIABLE, text),
        (SERVICE_BUS_VARIABLE, "sb-contoso.servicebus.windows.net"),
        (CLIENT_ID_VARIABLE, "11111111-2222-3333-4444-555555555555"),
        (BLOB_VARIABLE, "https://stcontoso.blob.core.windows.net/state"),
    ]);
    let config = Config::load(None, &env, |_| Ok(())).unwrap();
    let Store::Azure(store) = &config.store else { panic!("{:?}", config.store) };
    assert_eq!(store.service_bus.as_str(), "https://sb-contoso.servicebus.windows.net/");
    let client_id = Some("11111111-2222-3333-4444-555555555555".to_owned());
    assert_eq!(store.credential, Credential::ManagedIdentity { client_id });
    assert_eq!(config.connections.len(), 1);
}

#[test]
fn a_store_in_azure_is_named_whole_or_refused_with_what_is_missing() {
    let parse = |text: &str, env: &[(&'static str, &'static str)]| {
        let env: HashMap<&str, &str> = env.iter().copied().collect();
        Config::parse(text, Path::new("poolwarden.toml"), &env, |_| Ok(()))
    };
    let whole =
        "[azure]\nservice_bus = \"sb-x.servicebus.windows.net\"\nblob = \"https://st.blob.core.windows.net/c\"\n";
    let config = parse(whole, &[(STORE_VARIABLE, "ignored.db")]);
    assert!(
        matches!(config, Err(_) | Ok(Config { store: Store::Sqlite(_), .. })),
        "POOLWARDEN_STORE overrides the file"
    );
    assert!(matches!(parse(whole, &[]).unwrap().store, Store::Azure(_)));
    let client = |name: &str| parse(&format!("{whole}client = \"{name}\"\n"), &[]);
    assert!(matches!(client("rest").unwrap().store, Store::Azure(store) if store.client == Client::Rest));
    assert!(client("amqp").unwrap_err().to_string().contains("known are rest, sdk"));
    #[cfg(feature = "servicebus-sdk")]
    assert!(matches!(client("sdk").unwrap().store, Store::Azure(store) if store.client == Client::Sdk));
    #[cfg(not(feature = "servicebus-sdk"))]
    assert!(client("sdk").unwrap_err().to_string().contains("--features servicebus-sdk"));
    for (text, env, missing) in [
        ("[azure]\nservice_bus = \"sb-x.servicebus.windows.net\"\n", vec![], "POOLWARDEN_BLOB"),
        ("[azure]\nblob = \"https://st.blob.core.windows.net/c\"\n", vec![], "ServiceBus__fullyQualifiedNamespace"),
        ("", vec![(SERVICE_BUS_VARIABLE, "sb-x.servicebus.windows.net")], "POOLWARDEN_BLOB"),
        ("[store]\npath = \"x\"\n[azure]\n", vec![], "cannot be used together"),
        ("[azure]\nservice_bus = \"https://example.com\"\n", vec![], "tokens go nowhere else"),
        ("[azure]\nblob = \"https://st.blob.core.windows.net\"\n", vec![], "is no container"),
        ("", vec![(BLOB_VARIABLE, "http://10.0.0.1/c")], "https"),
        (
            "[azure]\ncredential = { kind = \"device_code\", refresh_token = { file = \"f\" } }\n",
            vec![],
            "signs in by hand",
        ),
    ] {
        let told = parse(text, &env).unwrap_err().to_string();
        assert!(told.contains(missing), "{text:?} {env:?}: {told}");
    }
}
