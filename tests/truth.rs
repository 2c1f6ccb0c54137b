//! What is planted is what the catalogue says: for estates of every kind, at first sight and after changes.

use crate::expected;
use crate::harness::{Output, Stand, Synced, files, read};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use simulator::{EstateSpec, REGISTRATION_SECRET_PREFIX};
use std::collections::HashSet;

/// How many estates are looked at side by side.
const AT_A_TIME: usize = 4;
/// What a run over an unchanged estate may cost beside one request a subscription.
const FIXED_REQUESTS: u64 = 10;
/// Retirements are another test's.
const NO_BRAKE: &str = "brake = { share = 1.0, count = 1000000 }";

/// A small estate in which everything is drawn by lot.
fn drawn(seed: u64) -> EstateSpec {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut below = |bound: u64| {
        // SplitMix64, by Sebastiano Vigna, in the public domain.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    };
    let mut count = |least: usize, most: usize| least + below((most - least + 1) as u64) as usize;
    let mut spec = EstateSpec {
        subscriptions: count(1, 3),
        pools_per_subscription: count(1, 3),
        hosts_per_pool: count(0, 3),
        remoteapp_groups_per_pool: count(0, 2),
        desktop_groups_per_pool: count(0, 2),
        apps_per_group: count(0, 6),
        pools_per_workspace: count(1, 3),
        distinct_icons: count(1, 6),
        assignments_per_group: count(0, 3),
        custom_roles_per_subscription: count(0, 2),
        deny_assignments_per_subscription: count(0, 1),
        pim_instances_per_subscription: count(0, 2),
        page_size: count(1, 4),
        ..EstateSpec::default()
    };
    let mut share = |most: usize| count(0, most) as f64 / 10.0;
    spec.icon_share = share(10);
    spec.hidden_share = share(5);
    spec.hidden_group_share = share(3);
    spec.orphan_group_share = share(3);
    spec.odd_names_share = share(10);
    spec.odd_wire_share = share(10);
    spec
}

fn size(value: &Value, kind: &str) -> u64 {
    value[kind].as_array().unwrap().len() as u64
}

/// The counts of a first, complete run add up, and to what was planted.
fn assert_adds_up(estate: &Value, synced: &Synced, packages: usize) {
    let report = &synced.report;
    assert_eq!((synced.code, synced.status()), (Some(0), "complete"), "{report:#}");
    assert_eq!(synced.packages("created"), packages as u64);
    let pools = size(estate, "hostPools");
    assert_eq!(report["pools"], json!({"found": pools, "read": pools, "unknown": 0}));
    assert_eq!(report["session_hosts"], size(estate, "sessionHosts"));
    let groups = estate["applicationGroups"].as_array().unwrap();
    let resources: u64 = groups.iter().map(|group| size(group, "applications") + size(group, "desktops")).sum();
    assert_eq!(report["resources"], resources);
    assert_eq!(resources, packages as u64 + size(report, "not_published"));
    let reasons = report["not_published"].as_array().unwrap();
    assert!(reasons.iter().all(|not| !not["reason"].as_str().unwrap().is_empty()));
}

/// What was exported is whole: every manifest follows the schema, every icon is there under its own hash.
fn assert_exported_well(stand: &Stand, manifests: &[Value]) {
    let schema = read(&stand.path("catalogue/schema/package.schema.json"));
    let schema = jsonschema::validator_for(&schema).unwrap();
    for manifest in manifests {
        let faults: Vec<String> = schema.iter_errors(manifest).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", manifest["key"]);
        assert!(stand.path("catalogue").join(manifest["icon_file"].as_str().unwrap()).is_file());
    }
    for icon in files(&stand.path("catalogue/icons")) {
        let sha256 = Sha256::digest(std::fs::read(&icon).unwrap());
        let sha256: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(icon.file_stem().unwrap().to_str().unwrap(), sha256);
    }
    let keys: HashSet<&str> = manifests.iter().map(|manifest| manifest["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), manifests.len());
}

/// No secret that Poolwarden gets to see is in a file it wrote, its store included, or in what it printed.
pub(crate) fn assert_keeps_secrets(stand: &Stand, outputs: &[&Output]) {
    let token = stand.azure.token();
    let token = token.split('.').next().unwrap();
    assert!(token.len() > 20, "the first part of every token");
    let planted = stand.azure.estate();
    assert!(size(&planted, "hostPools") == 0 || planted.to_string().contains(REGISTRATION_SECRET_PREFIX));
    for secret in [REGISTRATION_SECRET_PREFIX, token] {
        for file in files(&stand.path("")) {
            let bytes = std::fs::read(&file).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", file.display());
        }
        for output in outputs {
            assert!(!output.stdout.contains(secret) && !output.stderr.contains(secret), "{secret} was printed");
        }
    }
}

async fn assert_first_sight(stand: &Stand) {
    let output = stand.run(&["sync", "--json"]).await;
    let manifests = stand.assert_true().await;
    assert_keeps_secrets(stand, &[&output]);
    assert_adds_up(&stand.azure.estate(), &Synced::of(&output), manifests.len());
    assert_exported_well(stand, &manifests);
}

#[tokio::test]
async fn the_small_estate_is_in_the_catalogue_as_it_was_planted() {
    assert_first_sight(&Stand::new(EstateSpec::built_in("small").unwrap()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_large_estate_is_in_the_catalogue_as_it_was_planted() {
    assert_first_sight(&Stand::new(EstateSpec::built_in("large").unwrap()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_random_estates_are_in_the_catalogue_as_they_were_planted() {
    let looks = (1..=50).map(|seed| async move {
        let look = async move {
            let stand = Stand::seeded(drawn(seed), seed).await;
            assert_first_sight(&stand).await;
            stand.expected().len()
        };
        tokio::spawn(look).await.unwrap_or_else(|_| panic!("seed {seed}: {:#?}", drawn(seed)))
    });
    let packages: Vec<usize> = stream::iter(looks).buffer_unordered(AT_A_TIME).collect().await;
    let offering = packages.iter().filter(|packages| **packages > 0).count();
    assert!(offering >= 30, "only {offering} of the estates offer anything");
}

#[tokio::test]
async fn the_log_of_everything_shows_no_secret_and_each_of_its_lines_is_one_record() {
    let mut stand = Stand::new(EstateSpec::built_in("small").unwrap()).await;
    stand.set("RUST_LOG", "trace");
    let output = stand.run(&["sync", "--json"]).await;
    assert!(output.stderr.len() > 10_000, "everything is logged");
    for line in output.stderr.lines() {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(record["timestamp"].is_string());
    }
    assert_keeps_secrets(&stand, &[&output]);
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_costs_few_requests() {
    let stand = Stand::new(EstateSpec::built_in("small").unwrap()).await;
    let first = stand.sync_whole(&[]).await;
    stand.azure.reset_stats();
    let second = stand.sync_whole(&[]).await;
    assert_eq!(second.changed(), 0, "{:#}", second.report);
    assert_eq!(second.packages("unchanged"), first.packages("created"));
    let limit = size(&stand.azure.estate(), "subscriptions") + FIXED_REQUESTS;
    let asked = &stand.azure.stats()["requests"];
    let asked = asked["total"].as_u64().unwrap() - asked["managed_identity"].as_u64().unwrap();
    assert_eq!(asked, second.requests(), "the report counts what was sent");
    assert!(asked <= limit && asked < first.requests(), "{asked} requests, after {}", first.requests());

    let full = stand.sync_whole(&["--full"]).await;
    assert_eq!(full.changed(), 0, "{:#}", full.report);
    assert_eq!(full.requests(), first.requests(), "everything is asked for again");
    stand.assert_true().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_followed_additions_at_once_and_removals_after_two_runs() {
    let followed = (1..=6).map(|seed| async move {
        let stand = Stand::seeded(EstateSpec::built_in("small").unwrap(), seed).await;
        stand.configure(NO_BRAKE);
        stand.sync_whole(&[]).await;
        stand.assert_true().await;
        for step in 0..2 {
            let before = stand.expected();
            stand.change(&json!([{"op": "random", "seed": seed * 100 + step, "count": 8}]));
            let after = stand.expected();

            stand.sync_whole(&[]).await;
            let (known, gone): (Vec<Value>, Vec<Value>) = stand
                .export()
                .await
                .into_iter()
                .partition(|manifest| after.contains_key(&manifest["resource"].as_str().unwrap().to_lowercase()));
            let differences = expected::differences(&after, &known);
            assert!(differences.is_empty(), "seed {seed}, step {step}:\n{}", differences.join("\n"));
            let vanished = before.keys().filter(|id| !after.contains_key(*id)).count();
            assert_eq!(gone.len(), vanished, "what is missed for the first time stays");

            let second = stand.sync_whole(&[]).await;
            assert_eq!(second.packages("retired"), vanished as u64, "seed {seed}, step {step}");
            stand.assert_true().await;
        }
        let quiet = stand.sync_whole(&[]).await;
        assert_eq!(quiet.changed(), 0, "{:#}", quiet.report);
    });
    stream::iter(followed).buffer_unordered(AT_A_TIME).collect::<Vec<()>>().await;
}
