//! What goes wrong in the process itself: a panic fails one invocation, a kill fails what is under way, and neither
//! leaves anything behind.

use super::{NOWHERE, Site};
use crate::harness::{CONNECTION, until};
use functions_host::timer;

#[tokio::test(flavor = "multi_thread")]
async fn state_that_is_out_of_reach_fails_the_invocation_and_says_so() {
    let Some(site) = Site::new("out-of-reach").await else { return };
    let mut settings = site.settings();
    settings.environment.push(("POOLWARDEN_BLOB".to_owned(), format!("{NOWHERE}/account/container")));
    let handler = site.handler_with(settings).await;
    let why = handler.invoke("sync_timer", &timer("sync_timer", "timer", false)).await.failed();
    assert!(why.contains("500") && why.contains(CONNECTION), "{why}");
    assert_eq!(handler.root().await.unwrap().status, 200);
}

/// Without the feature no handler can be made to panic, which is as it should be.
#[cfg(feature = "fault-points")]
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_fails_one_invocation_and_no_other() {
    use functions_host::{Encoding, Message, queue_message};
    use serde_json::json;
    let Some(site) = Site::new("panic").await else { return };
    let run = site.begin(CONNECTION).await;
    let mut settings = site.settings();
    settings.environment.push(("POOLWARDEN_FAULT_POINTS".to_owned(), "before_send!:1".to_owned()));
    let mut handler = site.handler_with(settings).await;
    let body = json!({"poolwarden": {"run": run, "connection": CONNECTION}}).to_string();
    let envelope = queue_message("acquire_token", "message", &Message::new("m1", &body), Encoding::Double);
    for _ in 0..3 {
        let why = handler.invoke("acquire_token", &envelope).await.failed();
        assert!(why.contains("500") && why.contains("the function acquire_token panicked"), "{why}");
    }
    assert_eq!((handler.ended().unwrap(), handler.root().await.unwrap().status), (None, 200));
    assert!(site.letters(&handler).await.is_empty(), "it comes again");
    assert_eq!(site.ended(&run).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_in_the_middle_leaves_what_would_have_been() {
    let Some(site) = Site::new("killed").await else { return };
    let host = site.host().await;
    let first = host.process_id().unwrap();
    for queue in ["acquire_token", "discover_host_pools", "enumerate_host_pool"] {
        // Answers that take a while show an invocation under way.
        site.stand.break_with(&["slow:ms=400"]);
        let run = site.begin_in_full().await;
        let locked = || {
            let known = site.stand.azure.service_bus()["queues"][queue]["locked"].as_u64();
            std::future::ready(known.is_some_and(|locked| locked > 0))
        };
        until("a message is under way", locked).await;
        let failed = host.counts().get(queue).map_or(0, |counts| counts.failed);
        host.kill().await.unwrap();
        site.stand.break_with(&[]);
        until("the run has ended", || async { site.ended(&run).await.is_some() }).await;
        assert_eq!(site.ended(&run).await.as_deref(), Some("complete"), "killed in {queue}");
        assert!(host.counts()[queue].failed > failed, "the kill fell into an invocation of {queue}");
    }
    assert_eq!(host.deaths().len(), 3);
    assert_ne!(host.process_id().unwrap(), first, "the host has started another");
    let manifests = site.stand.assert_true().await;
    let revisions = |manifest: &serde_json::Value| manifest["revisions"].as_array().unwrap().len();
    assert!(manifests.iter().all(|manifest| revisions(manifest) == 1), "each was created once");
    until("the queues are empty", || {
        let queues = site.stand.azure.service_bus()["queues"].clone();
        let left = |queue: &serde_json::Value| queue["active"].as_u64().unwrap() + queue["locked"].as_u64().unwrap();
        std::future::ready(queues.as_object().unwrap().values().map(left).sum::<u64>() == 0)
    })
    .await;
    host.stop().await;
}
