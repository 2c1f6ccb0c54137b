//! What a test sees and steers below `/_sim/service-bus`, and how queues are
//! written.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{DEFAULT_QUEUES, QueueSpec};

use super::{BATCH, bus};

#[tokio::test]
async fn queues_are_made_changed_and_removed() {
    let bus = bus().await;
    let (status, seen) = bus.azure.sim(Method::GET, "service-bus", &Value::Null).await;
    assert_eq!(status, 200);
    let names: Vec<&str> = seen["queues"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = DEFAULT_QUEUES.to_vec();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let settings = json!({
        "lock_ms": 60_000, "max_delivery": 10, "duplicates_ms": 600_000, "ttl_ms": 1_209_600_000_u64,
        "max_size_bytes": 1_073_741_824, "lost_lock_status": 404,
    });
    assert_eq!(seen["queues"]["finish_run"]["settings"], settings);

    bus.send("finish_run", &json!({}), "kept").await;
    let path = "service-bus/queues/Finish_Run";
    let (status, set) = bus.azure.sim(Method::PUT, path, &json!({"lock_ms": 1000})).await;
    assert_eq!((status, &set["lock_ms"], &set["max_delivery"]), (200, &json!(1000), &json!(10)));
    assert_eq!(bus.count("finish_run", "active"), 1, "its messages stay");
    for wrong in [
        json!({"lock_ms": 0}),
        json!({"lock": 1}),
        json!({"max_delivery": "3"}),
        json!({"lost_lock_status": 500}),
        json!([]),
    ] {
        assert_eq!(bus.azure.sim(Method::PUT, path, &wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(bus.azure.sim(Method::PUT, "service-bus/queues/a b", &json!({})).await.0, 400);
    assert_eq!(bus.azure.sim(Method::DELETE, path, &Value::Null).await.0, 204);
    assert_eq!(bus.azure.sim(Method::DELETE, path, &Value::Null).await.0, 404);
    assert_eq!(bus.send("finish_run", &json!({}), "x").await, 410);
    assert_eq!(bus.azure.sim(Method::PUT, path, &json!({})).await.0, 200);
    assert_eq!(bus.count("finish_run", "active"), 0, "a new queue is empty");
}

#[tokio::test]
async fn all_locks_can_be_ended_at_once() {
    let bus = bus().await;
    for queue in ["finish_run", "publish_package"] {
        bus.send_batch(queue, &json!([{"Body": "a"}, {"Body": "b"}]), BATCH).await;
    }
    let held = bus.lock("finish_run").await.unwrap();
    bus.lock("publish_package").await.unwrap();
    let (status, lapsed) = bus.azure.sim(Method::POST, "service-bus/lapse", &Value::Null).await;
    assert_eq!((status, lapsed), (200, json!({"lapsed": 2})));
    assert_eq!(bus.status(Method::DELETE, &held.location).await, 404);
    let again = bus.lock("finish_run").await.unwrap();
    assert_eq!((again.body.as_str(), &again.broker["DeliveryCount"]), ("a", &json!(2)));
}

#[tokio::test]
async fn requests_are_counted_apart() {
    let bus = bus().await;
    bus.send("finish_run", &json!({}), "a").await;
    let message = bus.lock("finish_run").await.unwrap();
    bus.status(Method::POST, &message.location).await;
    bus.status(Method::PUT, &message.location).await;
    let message = bus.lock("finish_run").await.unwrap();
    bus.status(Method::DELETE, &message.location).await;
    bus.lock("finish_run/$deadletterqueue").await;
    bus.status(Method::DELETE, "/finish_run/messages/head?timeout=0").await;
    let stats = bus.azure.running.stats();
    assert_eq!(
        stats["service_bus"],
        json!({
            "requests": 8,
            "by_operation": {
                "send": 1, "peek_lock": 2, "renew_lock": 1, "unlock": 1, "complete": 1,
                "dead_letters.peek_lock": 1, "receive_and_delete": 1,
            },
            "status": {"200": 3, "201": 3, "204": 2},
        })
    );
    assert_eq!((&stats["requests"]["total"], &stats["peak_concurrency"]), (&json!(0), &json!(0)));
    bus.azure.running.reset_stats();
    assert_eq!(bus.azure.running.stats()["service_bus"]["requests"], 0);
}

#[test]
fn queues_are_written_as_one_text() {
    let spec: QueueSpec = "Spare:lock=1500ms,max_delivery=3,duplicates=10m,ttl=90,max_size=1000".parse().unwrap();
    assert_eq!(spec.name, "spare");
    let millis = [spec.lock, spec.duplicates, spec.ttl].map(|time| time.as_millis());
    assert_eq!((millis, spec.max_delivery, spec.max_size), ([1500, 600_000, 90_000], 3, 1000));
    for wrong in
        ["", "_sim", "a/b", "a:lock", "a:lock=0s", "a:lock=soon", "a:lock=99999999m", "a:colour=red", "a:lost_lock=200"]
    {
        assert!(wrong.parse::<QueueSpec>().is_err(), "{wrong:?}");
    }
}
