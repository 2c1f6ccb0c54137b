use super::*;
use crate::audit::{Kept, keep};
use crate::testing::{Disturbed, SUBSCRIPTION, audited, facts, run, store, taken};
use jiff::Timestamp;
use poolwarden_azure::DirectoryMemory;
use poolwarden_domain::ArmId;
use poolwarden_domain::access::ArmResource;
use poolwarden_domain::audit::ESTATE;
use poolwarden_domain::discovery::pool_key;
use poolwarden_domain::run::Requests;
use poolwarden_store::Sqlite;
use serde_json::{Value, json};

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
    handle_pool(deps, run, ESTATE).await;
}

async fn handle_pool(deps: &Deps, run: &str, pool: &str) {
    let message = PoolRun { run: run.to_owned(), connection: C.to_owned(), pool: pool.to_owned() };
    AuditHostPool::handle(deps, &message).await.unwrap();
}

/// The same facts with one owner: of a resource group with these pools, or of an application group that alone tells of a
/// pool nobody saw.
async fn read_group(deps: &Deps, id: &str, second: i64, pools: &[&str], unseen: Option<&str>) {
    let run = run(deps, id, second).await;
    let mut facts = facts(Timestamp::from_second(second).unwrap(), &["ann"]);
    let resource = |kind: &str, name: &str, body: Value| {
        let kind = format!("Microsoft.DesktopVirtualization/{kind}");
        let id = ArmId::new(&format!("{}/providers/{kind}/{name}", group()));
        ArmResource { id, kind: kind.to_ascii_lowercase(), location: None, body }
    };
    facts.resources.extend(pools.iter().map(|name| resource("hostPools", name, Value::Null)));
    let refers = |name: &str| json!({"properties": {"hostPoolArmPath": pool_id(name)}});
    let apps = unseen.map(|name| resource("applicationGroups", "apps", refers(name)));
    facts.assignments[0].scope = apps.as_ref().map_or_else(|| ArmId::new(&group()), |apps| apps.id.clone());
    facts.resources.extend(apps);
    let kept = Arc::new(Kept { facts, memory: DirectoryMemory::default() });
    keep(deps, &run, false, Requests::default(), &kept).await.unwrap();
}

fn group() -> String {
    format!("{SUBSCRIPTION}/resourceGroups/g")
}

fn pool_id(name: &str) -> ArmId {
    ArmId::new(&format!("{}/providers/Microsoft.DesktopVirtualization/hostPools/{name}", group()))
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
async fn what_concerns_another_pool_now_is_not_told_again() {
    for is_estate_first in [true, false] {
        let store = store();
        let deps = deps(&store);
        let key = |name: &str| pool_key(&pool_id(name));
        let all = async |run: &str, pools: &[String]| {
            let mut pools = pools.to_vec();
            pools.push(ESTATE.to_owned());
            if is_estate_first {
                pools.reverse();
            }
            for pool in &pools {
                handle_pool(&deps, run, pool).await;
            }
            names(&told(&store).await).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        read_group(&deps, "r1", 1, &[], None).await;
        assert_eq!(all("r1", &[]).await, ["ann appeared"], "of the estate");
        read_group(&deps, "r2", 2, &["b"], None).await;
        assert_eq!(all("r2", &[key("b")]).await, [] as [&str; 0], "it is the group's first pool's now");
        read_group(&deps, "r3", 3, &["a", "b"], None).await;
        assert_eq!(all("r3", &[key("a"), key("b")]).await, [] as [&str; 0], "another one has joined, and is the first");
        read(&deps, "r4", 4, &[]).await;
        assert_eq!(all("r4", &[key("a"), key("b")]).await.len(), 1, "it is gone");
        read_group(&deps, "r5", 5, &["a", "b"], None).await;
        assert_eq!(all("r5", &[key("a"), key("b")]).await, ["ann appeared"], "and there again");
    }
}

#[tokio::test]
async fn what_is_about_a_pool_that_was_not_seen_is_told_of_the_estate() {
    let store = store();
    let deps = deps(&store);
    read_group(&deps, "r1", 1, &[], Some("hidden")).await;
    handle(&deps, "r1").await;
    let told = told(&store).await;
    assert!(told.iter().any(|(name, _)| name == "ann appeared"), "{told:?}");
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
