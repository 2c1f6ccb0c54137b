//! What one account is shown, from sign-in to the package: against the simulator's own account of it, on good days and
//! on bad ones.

use crate::harness::{CONNECTION, Stand, Synced, UNTIMED, tiny};
use serde_json::{Value, json};
use simulator::EstateSpec;
use std::collections::{BTreeMap, BTreeSet};

/// The account's password is in this variable.
pub(crate) const PASSWORD: &str = "POOLWARDEN_READER_PASSWORD";

/// Three pools in two workspaces.
fn estate() -> EstateSpec {
    EstateSpec {
        apps_per_group: 8,
        pools_per_subscription: 3,
        pools_per_workspace: 2,
        icon_share: 0.7,
        hidden_share: 0.2,
        ..tiny()
    }
}

/// An installation whose one connection reads this account's feed.
pub(crate) async fn stand(account: &str, more: &str) -> Stand {
    let mut stand = Stand::new(estate()).await;
    stand.set(PASSWORD, "correct horse");
    configure(&stand, account, more);
    stand
}

fn configure(stand: &Stand, account: &str, more: &str) {
    std::fs::write(stand.path("poolwarden.toml"), connection(stand, CONNECTION, account, more)).unwrap();
}

fn connection(stand: &Stand, name: &str, account: &str, more: &str) -> String {
    let url = stand.azure.url();
    format!(
        "[[connection]]\nname = \"{name}\"\nkind = \"feed\"\nendpoints = {{ feed = \"{url}\", authority = \"{url}\", \
         graph = \"{url}\" }}\ncredential = {{ kind = \"username_password\", username = \"{account}\", password = {{ \
         env = \"{PASSWORD}\" }} }}\n{UNTIMED}{more}\n"
    )
}

/// What the simulator says that an account is shown, by resource id as Poolwarden makes it.
async fn expected(stand: &Stand, account: &str, model: &str) -> BTreeMap<String, Value> {
    let url = format!("{}/_sim/feed/expected?account={account}", stand.azure.url());
    let told: Value = serde_json::from_slice(&reqwest::get(url).await.unwrap().bytes().await.unwrap()).unwrap();
    let mut resources = BTreeMap::new();
    for workspace in told[model].as_array().unwrap().iter().filter(|workspace| workspace["cloudPc"] == false) {
        for resource in workspace["resources"].as_array().unwrap() {
            if resource["showByDefault"] == false {
                continue;
            }
            let below = match resource["kind"].as_str().unwrap() {
                "Desktop" => "desktops/desktops",
                _ => "remoteapps/applications",
            };
            let (workspace, id) = (workspace["id"].as_str().unwrap(), resource["id"].as_str().unwrap());
            let id = format!("/feeds/{model}/workspaces/{workspace}/applicationGroups/{below}/{id}");
            resources.insert(id.to_lowercase(), resource.clone());
        }
    }
    resources
}

pub(crate) async fn put(stand: &Stand, path: &str, body: Value) {
    let request = reqwest::Client::new().put(format!("{}/_sim/{path}", stand.azure.url()));
    request.body(body.to_string()).send().await.unwrap().error_for_status().unwrap();
}

/// Asserts that the catalogue holds what the account is shown, no more and no less, each with its file and icon.
pub(crate) async fn assert_shown(stand: &Stand, account: &str, model: &str) -> Vec<Value> {
    let manifests = stand.export().await;
    let expected = expected(stand, account, model).await;
    assert!(!expected.is_empty());
    let have: BTreeSet<String> =
        manifests.iter().map(|manifest| manifest["resource"].as_str().unwrap().to_lowercase()).collect();
    assert_eq!(have, expected.keys().cloned().collect());
    for manifest in &manifests {
        let resource = &expected[&manifest["resource"].as_str().unwrap().to_lowercase()];
        assert_eq!(manifest["kind"], resource["kind"]);
        let icon = std::fs::read(stand.path("catalogue").join(manifest["icon_file"].as_str().unwrap())).unwrap();
        assert!(icon.starts_with(b"\x89PNG"), "an icon is a PNG, whatever it was");
        assert_eq!(manifest["icon"]["placeholder"], !resource["icon"].as_bool().unwrap(), "{manifest:#}");
        let rdp = std::fs::read(stand.path("catalogue").join(manifest["rdp_file"].as_str().unwrap())).unwrap();
        assert_eq!(rdp.starts_with(b"\xFF\xFE"), resource["rdpEncoding"] == "utf-16le", "byte for byte");
        if model == "arm" {
            let pool = resource["hostPool"].as_str().unwrap();
            assert!(manifest["runs_on"].as_str().unwrap().eq_ignore_ascii_case(pool), "{manifest:#}");
        }
        assert_eq!(manifest["entitlements"][0]["principal"]["id"], account);
        let ways: Vec<&str> =
            manifest["launch"].as_array().unwrap().iter().map(|way| way["with"].as_str().unwrap()).collect();
        assert_eq!((ways[0], *ways.last().unwrap()), ("agent", "download"));
    }
    manifests
}

#[tokio::test]
async fn what_an_account_is_shown_becomes_packages_and_a_second_look_changes_nothing() {
    let account = "all@contoso.com";
    let stand = stand(account, "").await;
    let first = stand.sync_whole(&[]).await;
    assert!(first.packages("created") > 0);
    let manifests = assert_shown(&stand, account, "arm").await;
    let second = stand.sync_whole(&[]).await;
    assert_eq!(second.changed(), 0, "{:#}", second.report);
    let workspaces: BTreeSet<&str> = manifests.iter().map(|one| one["host_pool"]["id"].as_str().unwrap()).collect();
    let requests = second.report["requests"]["feed"].as_u64().unwrap();
    // One of them is named without its region, and redirects.
    assert!(requests <= 2 + workspaces.len() as u64, "{requests} requests for {} workspaces", workspaces.len());
    assert_eq!(crate::feed_sign_in::attempts(&stand), 2, "a process signs in once");
}

#[tokio::test]
async fn folders_and_file_associations_are_categories() {
    let stand = stand("all@contoso.com", "").await;
    stand.sync_whole(&[]).await;
    let expected = expected(&stand, "all@contoso.com", "arm").await;
    let mut seen = (false, false);
    for manifest in stand.export().await {
        let resource = &expected[&manifest["resource"].as_str().unwrap().to_lowercase()];
        let categories: Vec<&str> =
            manifest["categories"].as_array().into_iter().flatten().map(|one| one.as_str().unwrap()).collect();
        for folder in resource["folders"].as_array().unwrap() {
            let folder = folder.as_str().unwrap().trim_matches('/');
            assert!(folder.is_empty() || categories.contains(&folder), "{folder} in {categories:?}");
            seen.0 |= !folder.is_empty();
        }
        for association in resource["fileAssociations"].as_array().unwrap() {
            let name = format!("Opens {}", association["extension"].as_str().unwrap());
            assert!(categories.contains(&name.as_str()), "{name} in {categories:?}");
            seen.1 = true;
        }
    }
    assert!(seen.0 && seen.1, "the estate has folders and file associations");
}

#[tokio::test]
async fn the_classic_feed_is_read_in_the_same_way_and_its_retirement_keeps_the_packages() {
    let account = "all@contoso.com";
    let stand = stand(account, "models = [\"classic\"]").await;
    stand.sync_whole(&[]).await;
    let before = assert_shown_classic(&stand, account).await;
    put(&stand, "feed", json!({"classic": "retired"})).await;
    let retired = stand.sync(&[]).await;
    assert_eq!(retired.status(), "failed");
    let told = retired.report["error"].as_str().unwrap();
    assert!(told.contains("retired since 2026-09-30"), "{told}");
    assert_eq!(stand.export().await.len(), before);
}

async fn assert_shown_classic(stand: &Stand, account: &str) -> usize {
    let (manifests, expected) = (stand.export().await, expected(stand, account, "classic").await);
    assert_eq!(manifests.len(), expected.len());
    for manifest in &manifests {
        for way in manifest["launch"].as_array().unwrap() {
            assert!(!way["uri"].as_str().unwrap().starts_with("ms-avd:"), "no client of today opens classic ids");
        }
    }
    manifests.len()
}

#[tokio::test]
async fn an_account_that_is_shown_nothing_any_more_removes_nothing() {
    let stand = stand("all@contoso.com", "").await;
    stand.sync_whole(&[]).await;
    let before = stand.export().await.len();
    configure(&stand, "none@contoso.com", "");
    for _ in 0..3 {
        let synced = stand.sync(&[]).await;
        assert_eq!((synced.status(), synced.changed()), ("incomplete", 0));
        assert!(synced.report["unknown_scopes"].to_string().contains("no workspace"), "{:#}", synced.report);
    }
    assert_eq!(stand.export().await.len(), before);
}

#[tokio::test]
async fn a_workspace_that_is_gone_is_retired_by_the_second_look_that_misses_it() {
    let stand = stand("all@contoso.com", "brake = { share = 1.0 }").await;
    stand.sync_whole(&[]).await;
    configure(&stand, "guest@contoso.com", "brake = { share = 1.0 }");
    assert_eq!(stand.sync_whole(&[]).await.packages("retired"), 0);
    assert!(stand.sync_whole(&[]).await.packages("retired") > 0);
    assert_eq!(stand.export().await.len(), expected(&stand, "guest@contoso.com", "arm").await.len());
}

/// Each fault strikes one workspace's feed: it is unknown, its neighbours are read, and nothing is retired.
#[tokio::test]
async fn the_trouble_of_one_feed_is_not_its_neighbours() {
    let account = "all@contoso.com";
    let url = |stand: &Stand| format!("{}/_sim/feed/expected?account={account}", stand.azure.url());
    for fault in ["404", "html", "malformed", "truncate", "403"] {
        let stand = stand(account, "").await;
        let told: Value =
            serde_json::from_slice(&reqwest::get(url(&stand)).await.unwrap().bytes().await.unwrap()).unwrap();
        let path = told["arm"][0]["feedPath"].as_str().unwrap();
        stand.sync_whole(&[]).await;
        let before = stand.export().await.len();
        stand.break_with(&[&format!("{fault}:path={path}")]);
        for _ in 0..3 {
            let synced = stand.sync(&["--full"]).await;
            assert_eq!((synced.status(), synced.changed()), ("incomplete", 0), "{fault}: {:#}", synced.report);
            let unknown = synced.report["unknown_scopes"].to_string();
            assert!(unknown.contains(told["arm"][0]["id"].as_str().unwrap()), "{fault}: {unknown}");
            assert!(!unknown.contains(told["arm"][1]["id"].as_str().unwrap()), "{fault}: {unknown}");
            if fault == "html" {
                assert!(unknown.contains("a web page, not a feed; it says: "), "it is quoted: {unknown}");
            }
        }
        stand.break_with(&[]);
        stand.sync_whole(&[]).await;
        assert_eq!(stand.export().await.len(), before);
        assert_shown(&stand, account, "arm").await;
    }
}

#[tokio::test]
async fn a_storm_of_429_slows_it_and_loses_nothing() {
    let account = "all@contoso.com";
    let stand = stand(account, "").await;
    stand.break_with(&["429:rate=0.2,retry_after=1", "503:rate=0.1"]);
    stand.sync_whole(&[]).await;
    assert_shown(&stand, account, "arm").await;
}

#[tokio::test]
async fn an_old_client_is_told_which_setting_to_change() {
    let stand = stand("all@contoso.com", "user_agent = \"MSRDC/9.0.0\"").await;
    put(&stand, "feed/min-version", json!("10.0.0")).await;
    let synced = stand.sync(&[]).await;
    assert_eq!(synced.status(), "failed");
    let told = synced.report["error"].as_str().unwrap();
    assert!(told.contains("user_agent") && told.contains("MSRDC/9.0.0"), "{told}");
    configure(&stand, "all@contoso.com", "user_agent = \"MSRDC/10.0.0\"");
    stand.sync_whole(&[]).await;
}

#[tokio::test]
async fn on_demand_only_what_is_chosen_becomes_a_package() {
    let stand = stand("all@contoso.com", "method = \"on_demand\"").await;
    assert_eq!(stand.sync_whole(&[]).await.packages("created"), 0);
    let resources = stand.run(&["resources", "list", "--json"]).await.json();
    let offered: Vec<&str> = resources.as_array().unwrap().iter().filter_map(|line| line["key"].as_str()).collect();
    assert!(offered.len() > 2);
    let chosen = stand.run(&["resources", "create-package", offered[0], offered[1]]).await;
    assert_eq!(chosen.code, Some(0), "{chosen:?}");
    assert_eq!(stand.sync_whole(&[]).await.packages("created"), 2);
    assert_eq!(stand.sync_whole(&[]).await.changed(), 0);
    let keys: BTreeSet<String> =
        stand.export().await.iter().map(|manifest| manifest["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys, offered[..2].iter().map(|&key| key.to_owned()).collect());
    let unknown = stand.run(&["resources", "create-package", "nothing-like-it"]).await;
    assert_eq!(unknown.code, Some(1));
}

#[tokio::test]
async fn check_only_reports_what_would_change_until_it_is_applied() {
    let stand = stand("all@contoso.com", "check_only = true").await;
    for _ in 0..2 {
        let checked = stand.sync_whole(&[]).await;
        assert_eq!((checked.changed(), checked.packages("waiting") > 0), (0, true));
        assert_eq!(checked.report["waiting"].as_array().unwrap().len() as u64, checked.packages("waiting"));
    }
    assert_eq!(stand.export().await.len(), 0);
    let applied = stand.sync_whole(&["--apply"]).await;
    assert!(applied.packages("created") > 0 && applied.packages("waiting") == 0);
    assert_eq!(stand.sync_whole(&[]).await.packages("waiting"), 0);
    assert_shown(&stand, "all@contoso.com", "arm").await;
}

#[tokio::test]
async fn cloud_pcs_are_left_out_unless_they_are_asked_for() {
    let mut stand = Stand::new(EstateSpec { cloud_pcs: 2, ..estate() }).await;
    stand.set(PASSWORD, "x");
    configure(&stand, "all@contoso.com", "");
    stand.sync_whole(&[]).await;
    let without = stand.export().await.len();
    configure(&stand, "all@contoso.com", "cloud_pcs = true");
    stand.sync_whole(&[]).await;
    assert!(stand.export().await.len() > without);
}

/// Both connections see one estate; the command says what only one of them has, and why.
#[tokio::test]
async fn what_only_one_of_feed_and_arm_has_is_explained() {
    let stand = stand("guest@contoso.com", "").await;
    let url = stand.azure.url();
    let both = connection(&stand, CONNECTION, "guest@contoso.com", "arm = \"estate\"")
        + &format!(
            "[[connection]]\nname = \"estate\"\ncredential = \"managed_identity\"\nendpoints = {{ arm = \"{url}\" }}\n\
             {UNTIMED}"
        );
    std::fs::write(stand.path("poolwarden.toml"), both).unwrap();
    let unready = stand.run(&["compare", CONNECTION]).await;
    assert!(unready.code == Some(1) && unready.stderr.contains("has not run yet"), "{unready:?}");
    stand.sync_whole(&[]).await;
    Synced::of(&stand.run(&["sync", "--json", "--connection", "estate"]).await);
    let compared = stand.run(&["compare", CONNECTION, "--json"]).await;
    assert_eq!(compared.code, Some(2));
    let compared = compared.json();
    let shown = expected(&stand, "guest@contoso.com", "arm").await.len() as u64;
    assert!(compared["in_both"].as_u64().unwrap() >= shown, "{compared:#}");
    let differences = compared["differences"].as_array().unwrap();
    assert!(!differences.is_empty());
    for difference in differences {
        assert_eq!(difference["seen"], "in_arm_only", "{difference:#}");
        assert!(difference["reason"].as_str().unwrap().len() > 20, "{difference:#}");
    }
    let people = stand.run(&["compare", CONNECTION]).await;
    assert!(people.stdout.contains("only estate") && people.stdout.contains("WHY"), "{}", people.stdout);
}
