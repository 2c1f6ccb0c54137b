use super::*;
use crate::audit::{Kept, keep};
use crate::testing::{Disturbed, audited, facts, run, store, taken};
use jiff::Timestamp;
use poolwarden_azure::DirectoryMemory;
use poolwarden_domain::audit::ESTATE;
use poolwarden_domain::run::Requests;
use poolwarden_store::Sqlite;
use serde_json::Value;

const C: &str = "contoso";

fn deps(store: &Sqlite) -> Deps {
    audited(Arc::new(store.clone()), store, "http://127.0.0.1:9", "")
}

/// What was read after a run at a second, in which these own the subscription.
async fn read(deps: &Deps, id: &str, second: i64, owners: &[&str]) {
    let run = run(deps, id, second).await;
    let facts = facts(Timestamp::from_second(second).unwrap(), owners);
    let kept = Arc::new(Kept { facts, memory: DirectoryMemory::default() });
    keep(deps, &run, false, Requests::default(), &kept).await.unwrap();
}

async fn handle(deps: &Deps, run: &str) {
    let message = PoolRun { run: run.to_owned(), connection: C.to_owned(), pool: ESTATE.to_owned() };
    AuditHostPool::handle(deps, &message).await.unwrap();
}

/// Which findings on whether users own the subscription were told since, with their ids.
async fn told(store: &Sqlite) -> Vec<(String, String)> {
    let mut told: Vec<(String, String)> = Vec::new();
    for (id, body) in taken(store, queue::DELIVER_NOTIFICATION).await {
        let body: Value = serde_json::from_str(&body).unwrap();
        let event = &body["poolwarden"]["event"];
        if event["data"]["rule"] == "R03" {
            let kind = event["type"].as_str().unwrap().rsplit('.').next().unwrap();
            told.push((format!("{} {kind}", event["data"]["principal"].as_str().unwrap()), id));
        }
    }
    told.sort();
    told
}

fn names(told: &[(String, String)]) -> Vec<&str> {
    told.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn what_appears_and_vanishes_is_told_once() {
    let store = store();
    let deps = deps(&store);
    read(&deps, "r1", 1, &["ann", "bob"]).await;
    handle(&deps, "r1").await;
    assert_eq!(names(&told(&store).await), ["ann appeared", "bob appeared"]);
    handle(&deps, "r1").await;
    assert_eq!(taken(&store, queue::DELIVER_NOTIFICATION).await, [], "the same message again");
    read(&deps, "r2", 2, &["bob", "cid"]).await;
    handle(&deps, "r2").await;
    assert_eq!(names(&told(&store).await), ["ann vanished", "cid appeared"]);
}

#[tokio::test]
async fn what_was_kept_and_not_told_is_told_by_whoever_comes_next() {
    let store = store();
    let deps = deps(&store);
    read(&deps, "r1", 1, &["ann"]).await;
    handle(&deps, "r1").await;
    let first = told(&store).await;
    // The process died after the findings were kept and before anybody was told.
    let key = keys::findings(C, ESTATE);
    let untold = |known: Option<PoolFindings>| known.map(|known| PoolFindings { told: false, ..known });
    deps.state().change(&key, untold).await.unwrap();
    let lagging = found(&deps).await;
    assert!(!lagging.told);
    // A later run has read meanwhile.
    read(&deps, "r2", 2, &["ann", "bob"]).await;
    handle(&deps, "r1").await;
    let again = told(&store).await;
    assert!(again.iter().any(|(name, _)| name == "bob appeared"), "{again:?}");
    let repeated: Vec<_> = again.iter().filter(|(name, _)| name == "ann appeared").cloned().collect();
    assert!(repeated.is_empty() || repeated == first, "the same event has the same id");
    assert!(found(&deps).await.told);
}

async fn found(deps: &Deps) -> PoolFindings {
    deps.state().value(&keys::findings(C, ESTATE)).await.unwrap().unwrap()
}

#[tokio::test]
async fn whoever_could_not_be_told_before_is_told_even_of_what_is_over() {
    let store = store();
    let deps = deps(&store);
    read(&deps, "r1", 1, &["ann"]).await;
    let audited = audit::judged(&deps, C).await.unwrap().unwrap();
    let kept = PoolFindings::of(&audited.report, &audited.facts, ESTATE, "r1").after(None).unwrap();
    deps.state().create(&keys::findings(C, ESTATE), &kept).await.unwrap();
    read(&deps, "r2", 2, &["bob"]).await;
    handle(&deps, "r2").await;
    assert_eq!(names(&told(&store).await), ["ann appeared", "ann vanished", "bob appeared"]);
}

#[tokio::test]
async fn the_facts_are_judged_once_for_all_pools_that_come_at_once() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let store = store();
    read(&deps(&store), "r1", 1, &["ann"]).await;
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&loads);
    let disturbed = Disturbed::new(&store, move |_, asked| {
        let is_part = asked.starts_with(&keys::access_parts(C));
        counted.fetch_add(usize::from(is_part), Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(())))
    });
    let deps = audited(Arc::new(disturbed), &store, "http://127.0.0.1:9", "");
    futures::future::join_all((0..20).map(|_| audit::judged(&deps, C))).await;
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nothing_was_read_and_nothing_is_told() {
    let store = store();
    handle(&deps(&store), "r1").await;
    assert_eq!(taken(&store, queue::DELIVER_NOTIFICATION).await, []);
}
