//! Azure on a bad day: what the catalogue says is right, what is missing from it is named, and nothing is retired.

use crate::expected::{Expected, differences};
use crate::harness::{Stand, Synced, tiny};
use crate::truth::assert_keeps_secrets;
use serde_json::{Value, json};
use simulator::EstateSpec;
use std::collections::BTreeMap;

/// Two subscriptions of two pools.
fn two_subscriptions() -> EstateSpec {
    EstateSpec { subscriptions: 2, ..tiny() }
}

fn lower(value: &Value) -> String {
    value.as_str().unwrap().to_lowercase()
}

/// The scopes that a report calls unknown, in lower case; each with a reason.
fn unknown_scopes(synced: &Synced) -> Vec<String> {
    let scopes = synced.report["unknown_scopes"].as_array().unwrap();
    assert!(scopes.iter().all(|scope| !scope["reason"].as_str().unwrap().is_empty()), "{scopes:#?}");
    scopes.iter().map(|scope| lower(&scope["scope"])).collect()
}

fn is_within(id: &str, scope: &str) -> bool {
    scope == "/" || id.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What is in the catalogue is right, and what should be and is not lies in a scope that is called unknown.
async fn assert_right_as_far_as_known(stand: &Stand, synced: &Synced) -> Vec<Value> {
    let manifests = stand.export().await;
    let (there, missing): (BTreeMap<String, Expected>, BTreeMap<_, _>) = stand
        .expected()
        .into_iter()
        .partition(|(id, _)| manifests.iter().any(|manifest| lower(&manifest["resource"]) == *id));
    let wrong = differences(&there, &manifests);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let scopes = unknown_scopes(synced);
    for (id, package) in missing {
        let holders = [&id, &package.host_pool, &package.application_group, &package.workspace];
        let named = scopes.iter().any(|scope| holders.iter().any(|holder| is_within(holder, scope)));
        assert!(named, "{id} is missing and in none of {scopes:#?}");
    }
    assert_eq!(synced.packages("retired") + synced.packages("held"), 0);
    manifests
}

/// A fault that passes while a run goes on leaves no trace.
async fn assert_overcome(faults: &[&str]) -> Synced {
    let stand = Stand::new(tiny()).await;
    stand.break_with(faults);
    let synced = stand.sync_whole(&[]).await;
    assert!(stand.azure.stats()["faults"].as_u64().unwrap() > 0, "the fault struck");
    stand.assert_true().await;
    assert_keeps_secrets(&stand, &[]);
    synced
}

/// A fault that stays, at first sight: the run is incomplete; when the fault is over, the next one is complete.
async fn assert_named_at_first_sight(stand: &Stand, fault: &str) {
    stand.break_with(&[fault]);
    let synced = stand.sync(&[]).await;
    assert_eq!((synced.code, synced.status()), (Some(2), "incomplete"), "{fault}: {:#}", synced.report);
    let manifests = assert_right_as_far_as_known(stand, &synced).await;
    assert!(manifests.len() < stand.expected().len(), "{fault} hides something");

    stand.break_with(&[]);
    stand.sync_whole(&[]).await;
    stand.assert_true().await;
}

/// A fault that begins after a complete run: the catalogue stays exactly as it was, run after run.
async fn assert_nothing_is_lost_to(stand: &Stand, fault: &str) {
    stand.break_with(&[]);
    stand.sync_whole(&[]).await;
    let before = stand.assert_true().await;
    stand.break_with(&[fault]);
    for _ in 0..2 {
        let synced = stand.sync(&["--full"]).await;
        assert_eq!((synced.code, synced.status()), (Some(2), "incomplete"), "{fault}: {:#}", synced.report);
        if synced.changed() > 0 {
            let after = stand.export().await;
            for (a, b) in before.iter().zip(&after) {
                if a["display_name"] != b["display_name"] {
                    println!("{} -> {} fields {}", a["display_name"], b["display_name"], b["revisions"][1]["fields"]);
                }
            }
        }
        assert_eq!(synced.changed(), 0, "{fault}: {:#}", synced.report);
        assert!(!unknown_scopes(&synced).is_empty());
        assert!(stand.export().await == before, "{fault} changed the catalogue");
    }
    stand.break_with(&[]);
    let synced = stand.sync_whole(&[]).await;
    assert_eq!(synced.changed(), 0, "{fault}: {:#}", synced.report);
}

#[tokio::test]
async fn throttling_is_waited_out_in_whatever_form_it_is_asked_for() {
    let storms = ["1", "date", "none", "garbage"].map(|form| async move {
        let synced = assert_overcome(&[&format!("429:rate=0.3,retry_after={form}")]).await;
        assert!(synced.report["requests"]["throttled"].as_u64().unwrap() > 0, "{form}: {:#}", synced.report);
    });
    futures::future::join_all(storms).await;
}

#[tokio::test]
async fn failures_that_pass_leave_no_trace() {
    // No request is hit so often that it is given up.
    let faults = [
        "503:rate=0.2,count=3",
        "cut:rate=0.2,count=3",
        "truncate:after=3,count=1",
        "malformed:after=3,count=1",
        "slow:ms=300,rate=0.3",
        "expired-token:after=2,count=1",
    ];
    futures::future::join_all(faults.map(|fault| async move { assert_overcome(&[fault]).await })).await;
}

#[tokio::test]
async fn without_resource_graph_everything_is_read_through_arm() {
    for fault in ["403:scope=resourcegraph", "malformed:path=microsoft.resourcegraph"] {
        let synced = assert_overcome(&[fault]).await;
        assert!(synced.report["requests"]["arm"].as_u64().unwrap() > 10, "{fault}: {:#}", synced.report);
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_named_at_first_sight() {
    let stand = Stand::new(two_subscriptions()).await;
    let estate = stand.azure.estate();
    let subscriptions: Vec<&str> =
        estate["subscriptions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    stand.configure(&format!("subscriptions = {}", json!(subscriptions)));
    for scope in [
        format!("/subscriptions/{}", subscriptions[1]),
        lower(&estate["hostPools"][0]["id"]),
        lower(&estate["applicationGroups"][1]["id"]),
    ] {
        std::fs::remove_file(stand.path("poolwarden.db")).ok();
        assert_named_at_first_sight(&stand, &format!("403:scope={scope}")).await;
    }
}

#[tokio::test]
async fn a_group_whose_answers_are_of_no_use_is_named_at_first_sight() {
    let stand = Stand::new(tiny()).await;
    let group = lower(&stand.azure.estate()["applicationGroups"][1]["id"]);
    assert!(group.ends_with("-rag1"));
    for kind in ["malformed", "truncate", "503", "cut", "429:retry_after=0", "expired-token"] {
        std::fs::remove_file(stand.path("poolwarden.db")).ok();
        let separator = if kind.contains(':') { ',' } else { ':' };
        assert_named_at_first_sight(&stand, &format!("{kind}{separator}path={group}/applications")).await;
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_after_its_first_page_is_named() {
    let stand = Stand::new(tiny()).await;
    let group = lower(&stand.azure.estate()["applicationGroups"][1]["id"]);
    stand.break_with(&[&format!("malformed:path={group}/applications,after=1")]);
    let synced = stand.sync(&[]).await;
    assert_eq!(synced.code, Some(2));
    let manifests = assert_right_as_far_as_known(&stand, &synced).await;
    let of_group = manifests.iter().filter(|manifest| lower(&manifest["application_group"]["id"]) == group).count();
    assert!(of_group <= 3, "at most the first page");
    stand.break_with(&[]);
    stand.sync_whole(&[]).await;
    stand.assert_true().await;
}

#[tokio::test]
async fn what_can_no_longer_be_read_stays_as_it_was() {
    let stand = Stand::new(two_subscriptions()).await;
    let estate = stand.azure.estate();
    let subscription = estate["subscriptions"][1]["id"].as_str().unwrap();
    let group = lower(&estate["applicationGroups"][1]["id"]);
    for fault in [
        format!("403:scope=/subscriptions/{subscription}"),
        format!("403:scope={}", lower(&estate["hostPools"][0]["id"])),
        format!("403:scope={group}"),
        format!("malformed:path={group}/applications"),
        format!("429:retry_after=0,path={group}/applications"),
        "cut:path=/desktops".to_owned(),
    ] {
        assert_nothing_is_lost_to(&stand, &fault).await;
    }
}

#[tokio::test]
async fn who_may_open_a_package_stays_known_when_assignments_cannot_be_read() {
    let stand = Stand::new(tiny()).await;
    stand.sync_whole(&[]).await;
    let before = stand.assert_true().await;
    // Resource Graph answers the assignments, or else ARM: neither may.
    stand.break_with(&["403:scope=resourcegraph", "403:path=microsoft.authorization"]);
    let synced = stand.sync(&["--full"]).await;
    assert_eq!((synced.code, synced.status()), (Some(2), "incomplete"), "{:#}", synced.report);
    assert_eq!(synced.packages("retired"), 0);
    assert!(unknown_scopes(&synced).iter().any(|scope| scope.contains("/providers/microsoft.authorization")));
    let entitlements = |manifests: &[Value]| -> Vec<Value> {
        manifests.iter().map(|manifest| manifest["entitlements"].clone()).collect()
    };
    assert_eq!(entitlements(&stand.export().await), entitlements(&before));
}

#[tokio::test]
async fn an_azure_that_shows_nothing_retires_nothing() {
    let stand = Stand::new(two_subscriptions()).await;
    stand.sync_whole(&[]).await;
    let before = stand.assert_true().await;
    let estate = stand.azure.estate();
    let faults: Vec<String> = estate["subscriptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("403:scope=/subscriptions/{}", one["id"].as_str().unwrap()))
        .collect();
    let faults: Vec<&str> = faults.iter().map(String::as_str).collect();
    stand.break_with(&faults);
    for _ in 0..3 {
        let synced = stand.sync(&[]).await;
        assert_eq!((synced.code, synced.status()), (Some(1), "failed"), "{:#}", synced.report);
        assert!(synced.report["error"].as_str().unwrap().contains("sees no subscription"));
    }
    assert!(stand.export().await == before);
}
