use super::*;
use crate::testing::{audited, facts, run, store, taken};
use jiff::Timestamp;
use poolwarden_azure::DirectoryMemory;
use poolwarden_domain::access::State;
use poolwarden_domain::audit::PoolFindings;
use poolwarden_store::Sqlite;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

const C: &str = "contoso";
/// Where nobody listens: whoever asks fails.
const NOWHERE: &str = "http://127.0.0.1:9";

fn deps(store: &Sqlite, settings: &str) -> Deps {
    audited(Arc::new(store.clone()), store, NOWHERE, settings)
}

/// What a run has read of access at a second, in which these own the subscription.
async fn kept(deps: &Deps, run: &Run, second: i64, owners: &[&str]) -> Head {
    let facts = facts(Timestamp::from_second(second).unwrap(), owners);
    let kept = Arc::new(Kept { facts, memory: DirectoryMemory::default() });
    audit::keep(deps, run, false, Requests::default(), &kept).await.unwrap()
}

async fn handle(deps: &Deps, run: &str) -> Result<(), Fault> {
    ReadAccess::handle(deps, &ConnectionRun { run: run.to_owned(), connection: C.to_owned() }).await
}

#[tokio::test]
async fn what_was_read_is_handed_on_once_however_often_the_message_comes() {
    let store = store();
    let deps = deps(&store, "");
    let first = run(&deps, "r1", 100).await;
    let head = kept(&deps, &first, 110, &["ann"]).await;
    deps.state().create(&keys::findings(C, "old-pool"), &nothing_found()).await.unwrap();
    // It died after the facts were kept: the next delivery reads nothing and hands them on.
    handle(&deps, "r1").await.unwrap();
    let sent = taken(&store, queue::AUDIT_HOST_POOL).await;
    let ids: Vec<String> = sent.iter().map(|(id, _)| id.clone()).collect();
    let expected = ["estate", "old-pool"].map(|pool| format!("{}/{C}/audit/{pool}", head.digest));
    assert_eq!(ids, expected, "also those that had findings before");
    let trends: Trends = deps.state().value(&keys::trend(C)).await.unwrap().unwrap();
    assert_eq!(trends.runs().len(), 1);
    handle(&deps, "r1").await.unwrap();
    assert_eq!(taken(&store, queue::AUDIT_HOST_POOL).await, [], "after everything was done");
}

fn nothing_found() -> PoolFindings {
    let report = poolwarden_domain::audit::audit(
        C,
        &facts(Timestamp::UNIX_EPOCH, &[]),
        &poolwarden_domain::audit::AuditPolicy::default(),
        &[],
        Timestamp::UNIX_EPOCH,
    );
    PoolFindings::of(&report, &facts(Timestamp::UNIX_EPOCH, &[]), "old-pool", "r0")
}

#[tokio::test]
async fn what_a_command_has_read_since_the_run_began_is_told_by_the_run() {
    let store = store();
    let deps = deps(&store, "every = \"7d\"");
    let asked = Run { started_at: Timestamp::from_second(150).unwrap(), ..run(&deps, "command", 150).await };
    run(&deps, "r1", 100).await;
    kept(&deps, &asked, 151, &["ann"]).await;
    handle(&deps, "r1").await.unwrap();
    assert_eq!(taken(&store, queue::AUDIT_HOST_POOL).await.len(), 1, "nothing is read, and what was read is told");
    run(&deps, "r2", 200).await;
    handle(&deps, "r2").await.unwrap();
    assert_eq!(taken(&store, queue::AUDIT_HOST_POOL).await, [], "told already, and nothing is due");
}

#[tokio::test]
async fn an_audit_a_day_is_one_a_day_however_long_runs_take() {
    const DAY: i64 = 24 * 60 * 60;
    let store = store();
    let deps = deps(&store, "every = \"1d\"");
    let first = run(&deps, "r1", 0).await;
    let head = kept(&deps, &first, 3_600, &[]).await;
    for (second, due) in [(DAY / 2, false), (DAY - 5, true), (DAY, true), (DAY + 5, true)] {
        let next = run(&deps, &format!("r-{second}"), second).await;
        assert_eq!(is_due(&deps, &next, &head), due, "{second}");
    }
    let before = run(&deps, "r-before", 10).await;
    assert!(!is_due(&deps, &before, &head), "it began before the last reading");
}

#[tokio::test]
async fn what_can_be_asked_again_is_and_keeps_what_was_read() {
    let store = store();
    let deps = deps(&store, "");
    let first = run(&deps, "r1", 0).await;
    let head = kept(&deps, &first, 1, &["ann"]).await;
    run(&deps, "r2", 100).await;
    assert!(matches!(handle(&deps, "r2").await, Err(Fault::Transient(_))));
    assert_eq!(audit::head(&deps, C).await.unwrap().unwrap(), head);
}

#[tokio::test]
async fn a_refusal_makes_everything_unknown_and_no_finding_vanishes() {
    let (store, server) = (store(), MockServer::start().await);
    let token = ResponseTemplate::new(200).set_body_json(serde_json::json!({"access_token": "a", "expires_in": 3_600}));
    Mock::given(method("POST")).respond_with(token).mount(&server).await;
    let refusal = serde_json::json!({"error": {"code": "AuthorizationFailed", "message": "no"}});
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(403).set_body_json(refusal)).mount(&server).await;
    let deps = audited(Arc::new(store.clone()), &store, &server.uri(), "");
    let first = run(&deps, "r1", 0).await;
    kept(&deps, &first, 1, &["ann"]).await;
    run(&deps, "r2", 100).await;
    handle(&deps, "r2").await.unwrap();
    let (head, kept) = audit::load(&deps, C).await.unwrap().unwrap();
    assert_eq!(head.run, "r2");
    assert!(kept.facts.coverage.iter().all(|one| matches!(one.state, State::Unknown(_))));
    assert_eq!(kept.facts.coverage.len(), Facet::ALL.len());
}

#[tokio::test]
async fn a_message_about_no_run_is_given_up_at_once() {
    let store = store();
    assert!(matches!(handle(&deps(&store, ""), "none").await, Err(Fault::Permanent(_))));
}
