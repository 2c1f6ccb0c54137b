//! What time does to messages: schedules, lives, and the window in which
//! duplicates are found.

use reqwest::Method;
use serde_json::json;

use super::{BATCH, bus};

#[tokio::test]
async fn a_scheduled_message_waits_for_its_time() {
    let bus = bus().await;
    let scheduled = json!({"MessageId": "later", "ScheduledEnqueueTimeUtc": bus.after(30)});
    assert_eq!(bus.send("finish_run", &scheduled, "later").await, 201);
    let past = json!({"Body": "past", "BrokerProperties": {"ScheduledEnqueueTimeUtc": bus.after(-5)}});
    let iso = json!({"Body": "iso", "BrokerProperties": {"ScheduledEnqueueTimeUtc": "2026-03-01T12:00:10Z"}});
    assert_eq!(bus.send_batch("finish_run", &json!([past, iso]), BATCH).await, 201);
    assert_eq!((bus.count("finish_run", "active"), bus.count("finish_run", "scheduled")), (1, 2));
    assert_eq!(bus.lock("finish_run").await.unwrap().body, "past", "a time that is over is no schedule");
    assert!(bus.lock("finish_run").await.is_none());
    bus.advance(10);
    assert_eq!(bus.lock("finish_run").await.unwrap().body, "iso");
    bus.advance(19);
    assert!(bus.lock("finish_run").await.is_none());
    bus.send("finish_run", &json!({}), "meanwhile").await;
    bus.advance(1);
    let first = bus.lock("finish_run").await.unwrap();
    assert_eq!(first.body, "meanwhile", "what falls due is appended");
    let message = bus.lock("finish_run").await.unwrap();
    assert_eq!((message.body.as_str(), &message.broker["DeliveryCount"]), ("later", &json!(1)));
    assert_eq!(message.broker["EnqueuedTimeUtc"], "Sun, 01 Mar 2026 12:00:30 GMT");
    assert!(message.broker["SequenceNumber"].as_u64() > first.broker["SequenceNumber"].as_u64());
    assert_eq!(bus.count("finish_run", "scheduled"), 0);
}

#[tokio::test]
async fn duplicates_are_dropped_within_the_window() {
    let bus = bus().await;
    let id = json!({"MessageId": "once"});
    assert_eq!(bus.send("finish_run", &id, "first").await, 201);
    assert_eq!(bus.send("finish_run", &id, "second").await, 201, "without a word");
    let scheduled = json!({"MessageId": "twice", "ScheduledEnqueueTimeUtc": bus.after(60)});
    let batch = json!([
        {"Body": "third", "BrokerProperties": id},
        {"Body": "other", "BrokerProperties": {"MessageId": "other"}},
        {"Body": "other again", "BrokerProperties": {"MessageId": "other"}},
        {"Body": "scheduled", "BrokerProperties": scheduled},
        {"Body": "scheduled too", "BrokerProperties": {"MessageId": "twice"}},
    ]);
    assert_eq!(bus.send_batch("finish_run", &batch, BATCH).await, 201);
    assert_eq!(bus.send("publish_package", &id, "x").await, 201, "each queue has its own window");
    let counts = bus.counts("finish_run");
    let found = ["sent", "duplicates", "active", "scheduled"].map(|what| counts[what].as_u64().unwrap());
    assert_eq!(found, [3, 4, 2, 1]);

    let message = bus.lock("finish_run").await.unwrap();
    assert_eq!(message.body, "first");
    assert_eq!(bus.status(Method::DELETE, &message.location).await, 200);
    bus.advance(599);
    assert_eq!(bus.send("finish_run", &id, "fourth").await, 201);
    assert_eq!(bus.count("finish_run", "duplicates"), 5, "also after it is completed");
    bus.advance(1);
    assert_eq!(bus.send("finish_run", &id, "fifth").await, 201);
    assert_eq!(bus.count("finish_run", "sent"), 4, "the window is over");
}

#[tokio::test]
async fn a_queue_can_do_without_duplicate_detection() {
    let bus = bus().await;
    bus.azure.running.put_queue("plain:duplicates=0s".parse().unwrap());
    for _ in 0..2 {
        assert_eq!(bus.send("plain", &json!({"MessageId": "once"}), "x").await, 201);
    }
    assert_eq!(bus.count("plain", "active"), 2);
}

#[tokio::test]
async fn what_outlives_its_time_is_dead_lettered() {
    let bus = bus().await;
    bus.azure.running.put_queue("short:ttl=100s".parse().unwrap());
    bus.send("short", &json!({"MessageId": "a", "TimeToLive": 10}), "a").await;
    bus.send("short", &json!({"MessageId": "b", "TimeToLive": 1e6}), "b").await;
    let scheduled = json!({"MessageId": "c", "TimeToLive": 10, "ScheduledEnqueueTimeUtc": bus.after(50)});
    bus.send("short", &scheduled, "c").await;
    let held = bus.lock("short").await.unwrap();
    bus.advance(20);
    assert_eq!(bus.count("short", "locked"), 1, "what is held does not expire");
    assert_eq!(bus.status(Method::PUT, &held.location).await, 200);
    assert_eq!((bus.count("short", "dead"), bus.count("short", "active")), (1, 1));
    let dead = bus.lock("short/$deadletterqueue").await.unwrap();
    assert_eq!((dead.body.as_str(), dead.header("deadletterreason")), ("a", "\"TTLExpiredException\""));
    bus.advance(35);
    assert_eq!(bus.count("short", "active"), 2, "a scheduled message lives from its time on");
    bus.advance(6);
    assert_eq!((bus.count("short", "active"), bus.count("short", "dead")), (1, 2));
    bus.advance(40);
    assert_eq!((bus.count("short", "active"), bus.count("short", "dead")), (0, 3), "no longer than the queue lets it");
}
