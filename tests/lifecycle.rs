//! What becomes of a package over many runs: it is missed, retired, restored; runs are held, approved, and overlap.

use crate::harness::{Output, Stand, Synced, finished, manifest_of, tiny};
use serde_json::{Value, json};
use simulator::EstateSpec;

/// One of the stand's applications, as the simulator can be asked to put it again.
fn body_of(stand: &Stand, id: &str) -> Value {
    let estate = stand.azure.estate();
    let groups = estate["applicationGroups"].as_array().unwrap();
    let mut applications = groups.iter().flat_map(|group| group["applications"].as_array().unwrap());
    let found = applications.find(|application| application["id"].as_str().unwrap().eq_ignore_ascii_case(id));
    let found = found.unwrap();
    json!({"id": found["id"], "properties": found["properties"]})
}

/// Whether a resource is offered now.
async fn is_offered(stand: &Stand, id: &str) -> bool {
    manifest_of(&stand.export().await, id).is_some()
}

/// What `packages list` says of a resource, retired or not.
async fn listed(stand: &Stand, id: &str) -> Value {
    let lines = stand.run(&["packages", "list", "--retired", "--json"]).await.json();
    manifest_of(lines.as_array().unwrap(), id).unwrap().clone()
}

/// What a package's revisions say that happened, in order.
async fn history(stand: &Stand, key: &str) -> Vec<(u64, String)> {
    let shown = stand.run(&["packages", "show", key, "--json"]).await.json();
    let revisions = shown[0]["revisions"].as_array().unwrap();
    let line =
        |revision: &Value| (revision["number"].as_u64().unwrap(), revision["change"].as_str().unwrap().to_lowercase());
    revisions.iter().map(line).collect()
}

#[tokio::test]
async fn a_package_is_retired_by_the_second_complete_run_that_misses_it() {
    let stand = Stand::new(tiny()).await;
    stand.sync_whole(&[]).await;
    let gone = stand.applications().remove(0);
    stand.delete(std::slice::from_ref(&gone));

    let first = stand.sync_whole(&[]).await;
    assert_eq!(first.packages("retired"), 0);
    assert!(is_offered(&stand, &gone).await, "missed once");
    let second = stand.sync_whole(&[]).await;
    assert_eq!(second.packages("retired"), 1);
    stand.assert_true().await;
    assert_eq!(listed(&stand, &gone).await["state"].as_str().unwrap().to_lowercase(), "retired");
    let third = stand.sync_whole(&[]).await;
    assert_eq!(third.changed(), 0, "it is retired once");
}

#[tokio::test]
async fn a_run_that_cannot_tell_makes_the_count_begin_again() {
    let stand = Stand::new(tiny()).await;
    stand.sync_whole(&[]).await;
    let gone = stand.applications().remove(0);
    let (group, _) = gone.split_once("/applications/").unwrap();
    stand.delete(std::slice::from_ref(&gone));

    stand.sync_whole(&[]).await;
    stand.break_with(&[&format!("malformed:path={group}/applications")]);
    let blind = stand.sync(&[]).await;
    assert_eq!((blind.code, blind.packages("retired")), (Some(2), 0));
    stand.break_with(&[]);
    let first = stand.sync_whole(&[]).await;
    assert_eq!(first.packages("retired"), 0, "the miss before the blind run does not count");
    assert!(is_offered(&stand, &gone).await);
    let second = stand.sync_whole(&[]).await;
    assert_eq!(second.packages("retired"), 1);
    stand.assert_true().await;
}

#[tokio::test]
async fn what_comes_back_is_the_same_package_with_its_history() {
    let stand = Stand::new(tiny()).await;
    stand.sync_whole(&[]).await;
    let id = stand.applications().remove(0);
    let key = listed(&stand, &id).await["key"].as_str().unwrap().to_owned();
    let body = body_of(&stand, &id);

    stand.delete(std::slice::from_ref(&id));
    stand.sync_whole(&[]).await;
    stand.change(&json!([{"op": "put", "resource": body}]));
    let back = stand.sync_whole(&[]).await;
    assert_eq!(back.packages("created") + back.packages("retired"), 0, "missed once and back again");
    stand.delete(std::slice::from_ref(&id));
    stand.sync_whole(&[]).await;
    stand.sync_whole(&[]).await;
    assert!(!is_offered(&stand, &id).await);

    stand.change(&json!([{"op": "put", "resource": body}]));
    let restored = stand.sync_whole(&[]).await;
    assert_eq!((restored.packages("created"), restored.packages("updated")), (0, 1));
    let manifests = stand.assert_true().await;
    assert_eq!(manifest_of(&manifests, &id).unwrap()["key"], key.as_str());
    let history = history(&stand, &key).await;
    let changes: Vec<&str> = history.iter().map(|(_, change)| change.as_str()).collect();
    // A resource that was put anew has a new object id, which launch links name.
    assert_eq!(changes, ["created", "updated", "retired", "restored"]);
    assert!(history.iter().zip(1..).all(|((number, _), expected)| *number == expected), "{history:?}");
}

#[tokio::test]
async fn what_is_hidden_is_retired_with_the_reason_and_shown_again_restored() {
    let stand = Stand::new(tiny()).await;
    stand.sync_whole(&[]).await;
    let id = stand.applications().remove(0);
    let show = |shown: bool| {
        stand.change(&json!([{"op": "patch", "resource": {"id": id, "properties": {"showInPortal": shown}}}]));
    };
    show(false);
    let first = stand.sync_whole(&[]).await;
    let reasons = first.report["not_published"].as_array().unwrap();
    let reason = reasons.iter().find(|not| not["resource"].as_str().unwrap().eq_ignore_ascii_case(&id)).unwrap();
    assert!(reason["reason"].as_str().unwrap().contains("hidden"), "{reason}");
    stand.sync_whole(&[]).await;
    stand.assert_true().await;
    assert!(!is_offered(&stand, &id).await);
    show(true);
    stand.sync_whole(&[]).await;
    stand.assert_true().await;
}

#[tokio::test]
async fn a_pool_that_is_gone_is_retired_whole() {
    let stand = Stand::new(EstateSpec { pools_per_subscription: 6, ..tiny() }).await;
    stand.sync_whole(&[]).await;
    let pool = stand.azure.estate()["hostPools"][0]["id"].as_str().unwrap().to_owned();
    let before = stand.expected().len();
    stand.delete(&[pool]);
    let gone = before - stand.expected().len();
    assert!(gone > 0);
    stand.sync_whole(&[]).await;
    assert_eq!(stand.export().await.len(), before);
    assert_eq!(stand.sync_whole(&[]).await.packages("retired"), gone as u64);
    stand.assert_true().await;
}

/// A stand whose last run is held: 8 of 18 packages are gone.
async fn held() -> (Stand, Synced) {
    let stand = Stand::new(EstateSpec { apps_per_group: 8, ..tiny() }).await;
    stand.sync_whole(&[]).await;
    stand.delete(&stand.applications()[..8]);
    stand.sync_whole(&[]).await;
    let held = stand.sync(&[]).await;
    assert_eq!((held.code, held.status()), (Some(2), "held"), "{:#}", held.report);
    assert_eq!((held.packages("held"), held.packages("retired")), (8, 0));
    (stand, held)
}

#[tokio::test]
async fn the_brake_holds_a_run_until_a_person_approves_it() {
    let (stand, held) = held().await;
    assert_eq!(stand.export().await.len(), 18, "nothing is retired");
    let again = stand.sync(&[]).await;
    assert_eq!(again.status(), "held", "and asking again is no approval");

    let run = held.summary["run"].as_str().unwrap();
    let approved = stand.run(&["runs", "approve", run]).await;
    assert_eq!(approved.code, Some(0), "{approved:?}");
    // Approving queues; whoever hosts next, a sync as well, does it.
    let next = stand.sync(&[]).await;
    assert_eq!(next.packages("retired") + next.packages("held"), 0, "{:#}", next.report);
    stand.assert_true().await;
    let shown = stand.run(&["runs", "show", run, "--json"]).await.json();
    assert_eq!(shown[0]["finished"]["report"]["packages"]["retired"], 8);
    let twice = stand.run(&["runs", "approve", run]).await;
    assert_eq!(twice.code, Some(2), "nothing is held any more: {twice:?}");
}

#[tokio::test]
async fn an_approval_does_not_retire_what_has_come_back() {
    let stand = Stand::new(EstateSpec { apps_per_group: 8, ..tiny() }).await;
    stand.sync_whole(&[]).await;
    let ids = stand.applications()[..8].to_vec();
    let bodies: Vec<Value> = ids.iter().map(|id| body_of(&stand, id)).collect();
    stand.delete(&ids);
    stand.sync_whole(&[]).await;
    let held = stand.sync(&[]).await;
    assert_eq!(held.status(), "held");

    stand.change(&bodies.iter().map(|body| json!({"op": "put", "resource": body})).collect());
    stand.sync_whole(&[]).await;
    stand.run(&["runs", "approve", held.summary["run"].as_str().unwrap()]).await;
    stand.sync_whole(&[]).await;
    stand.assert_true().await;
}

#[tokio::test]
async fn two_runs_at_once_end_with_the_same_catalogue() {
    let stand = Stand::new(EstateSpec::built_in("small").unwrap()).await;
    let waiting = || finished(stand.command(&["sync", "--json", "--wait"]));
    let (one, two): (Output, Output) = tokio::join!(waiting(), waiting());
    for output in [one, two] {
        let synced = Synced::of(&output);
        assert_eq!((synced.code, synced.status()), (Some(0), "complete"), "{:#}", synced.summary);
    }
    let manifests = stand.assert_true().await;
    let once = |manifest: &Value| manifest["revisions"].as_array().unwrap().len() == 1;
    assert!(manifests.iter().all(once), "each package was created once");
    assert_eq!(stand.sync_whole(&[]).await.changed(), 0);
}
