//! Sending, receiving and settling.

use reqwest::Method;
use serde_json::{Value, json};

use super::{BATCH, Received, bus};

#[tokio::test]
async fn a_message_is_sent_locked_and_completed() {
    let bus = bus().await;
    let request = bus.request(Method::POST, "/Finish_Run/messages?timeout=60");
    let request =
        request.header("BrokerProperties", r#"{"MessageId":"m1","Label":"L","CorrelationId":"c","Unknown":1}"#);
    let request = request.header("Priority", "High").header("Customer", "\"12345,ABC\"").header("Weight", "7");
    let sent = request.header("Content-Type", "application/json").body("{\"a\":1}").send().await.unwrap();
    assert_eq!(sent.status(), 201);

    let message = bus.lock("finish_run").await.unwrap();
    assert_eq!(message.body, "{\"a\":1}");
    assert_eq!(message.header("content-type"), "application/json");
    assert_eq!(
        [message.header("priority"), message.header("customer"), message.header("weight")],
        ["\"High\"", "\"12345,ABC\"", "7"],
        "text comes back in quotes"
    );
    let token = message.broker["LockToken"].as_str().unwrap();
    assert_eq!(
        message.broker,
        json!({
            "MessageId": "m1", "Label": "L", "CorrelationId": "c", "SequenceNumber": 1, "EnqueuedSequenceNumber": 0,
            "DeliveryCount": 1, "State": "Active", "TimeToLive": 1_209_600, "LockToken": token,
            "EnqueuedTimeUtc": "Sun, 01 Mar 2026 12:00:00 GMT", "LockedUntilUtc": "Sun, 01 Mar 2026 12:01:00 GMT",
        })
    );
    assert_eq!(message.location, bus.azure.url(&format!("/finish_run/messages/1/{token}")));
    assert!(bus.lock("finish_run").await.is_none(), "it is locked");
    assert_eq!(bus.status(Method::DELETE, &message.location).await, 200);
    assert_eq!(bus.status(Method::DELETE, &message.location).await, 404, "it is gone");
    bus.advance(3000);
    assert!(bus.lock("finish_run").await.is_none());
    let counts = bus.counts("finish_run");
    assert_eq!((&counts["sent"], &counts["completed"], &counts["size_bytes"]), (&json!(1), &json!(1), &json!(0)));
}

#[tokio::test]
async fn messages_come_in_the_order_they_were_sent() {
    let bus = bus().await;
    for body in ["a", "b", "c"] {
        assert_eq!(bus.send("finish_run", &json!({}), body).await, 201);
    }
    let first = bus.lock("finish_run").await.unwrap();
    assert_eq!(first.body, "a");
    assert_eq!(bus.lock("finish_run").await.unwrap().body, "b");
    assert_eq!(bus.status(Method::PUT, &first.location).await, 200);
    let again = bus.lock("finish_run").await.unwrap();
    assert_eq!((again.body.as_str(), &again.broker["DeliveryCount"]), ("a", &json!(2)), "back in its place");
    assert_ne!(again.location, first.location, "another lock");
    assert_eq!(bus.status(Method::PUT, &first.location).await, 404, "the first lock is spent");
    let ids: Vec<Value> = [&first, &again].map(|message| message.broker["MessageId"].clone()).into();
    assert_eq!(ids[0].as_str().unwrap().len(), 32, "without an id it gets one");
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_lock_lasts_until_it_expires() {
    let bus = bus().await;
    bus.send("finish_run", &json!({"MessageId": "a/b c"}), "x").await;
    let first = bus.lock("finish_run").await.unwrap();
    bus.advance(59);
    assert_eq!(bus.status(Method::POST, &first.location).await, 200, "renewed");
    bus.advance(59);
    assert!(bus.lock("finish_run").await.is_none());
    bus.advance(1);
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        assert_eq!(bus.status(method.clone(), &first.location).await, 404, "{method}: the lock is lost");
    }
    let second = bus.lock("finish_run").await.unwrap();
    assert_eq!(second.broker["DeliveryCount"], 2);
    assert_eq!(bus.status(Method::DELETE, &first.location).await, 404, "another holds it");
    let token = second.broker["LockToken"].as_str().unwrap();
    let wrong = format!("/finish_run/messages/7/{token}");
    assert_eq!(bus.status(Method::DELETE, &wrong).await, 404, "number and token disagree");
    let by_id = format!("/finish_run/messages/a%2Fb%20c/{token}");
    assert_eq!(bus.status(Method::DELETE, &by_id).await, 200, "by message id");
    let counts = bus.counts("finish_run");
    assert_eq!(
        ["lapsed", "renewed", "redeliveries", "completed"].map(|what| counts[what].as_u64().unwrap()),
        [1, 1, 1, 1]
    );
}

#[tokio::test]
async fn a_lost_lock_can_have_other_statuses() {
    let bus = bus().await;
    for status in [409, 410] {
        bus.azure.running.put_queue(format!("odd:lost_lock={status}").parse().unwrap());
        let request = bus.request(Method::DELETE, "/odd/messages/1/6f1d1e2a-0000-4000-8000-000000000000");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(answer.text().await.unwrap().contains("MessageLockLost"), "not that the queue is gone");
    }
}

#[tokio::test]
async fn receiving_can_delete_at_once() {
    let bus = bus().await;
    bus.send("finish_run", &json!({"MessageId": "1"}), "x").await;
    let path = "/finish_run/messages/head?timeout=0";
    let answer = bus.request(Method::DELETE, path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let message = Received::of(answer).await;
    assert_eq!((message.body.as_str(), message.location.as_str()), ("x", ""));
    assert_eq!((&message.broker["MessageId"], &message.broker["LockToken"]), (&json!("1"), &Value::Null));
    assert_eq!(bus.status(Method::DELETE, path).await, 204);
}

#[tokio::test]
async fn a_batch_is_taken_whole() {
    let bus = bus().await;
    let batch = json!([
        {"Body": "first", "BrokerProperties": {"MessageId": "1", "TimeToLiveTimeSpan": "0.00:00:40"}},
        {"Body": "zweitens: ü", "BrokerProperties": {"Label": "Ü"}, "UserProperties": {"Priority": "Low", "Weight": 2}},
        {"Body": "AAH/", "IsBodyBase64": true},
    ]);
    assert_eq!(bus.send_batch("finish_run", &batch, BATCH).await, 201);
    let first = bus.lock("finish_run").await.unwrap();
    assert_eq!((first.body.as_str(), &first.broker["TimeToLive"]), ("first", &json!(40)));
    let second = bus.lock("finish_run").await.unwrap();
    assert_eq!((second.body.as_str(), &second.broker["Label"]), ("zweitens: ü", &json!("Ü")));
    assert_eq!((second.header("priority"), second.header("weight")), ("\"Low\"", "2"));
    let answer = bus.request(Method::DELETE, "/finish_run/messages/head?timeout=0").send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().as_ref(), [0, 1, 255]);

    for wrong in [
        json!([{"Body": "good"}, {"Body": 5}]),
        json!([{"Body": "good"}, {"Body": "x", "BrokerProperties": {"MessageId": ""}}]),
        json!([{"Body": "good"}, {"Body": "x", "BrokerProperties": {"MessageId": "x".repeat(129)}}]),
        json!([{"Body": "good"}, {"Body": "x", "BrokerProperties": {"ScheduledEnqueueTimeUtc": "soon"}}]),
        json!([{"Body": "good"}, {"Body": "x", "BrokerProperties": {"TimeToLive": -1}}]),
        json!([{"Body": "good"}, {"Body": "x", "UserProperties": {"a b": 1}}]),
        json!([]),
        json!({"Body": "x"}),
    ] {
        assert_eq!(bus.send_batch("finish_run", &wrong, BATCH).await, 400, "{wrong}");
    }
    assert_eq!(bus.count("finish_run", "sent"), 3, "all or none");

    let charset = format!("{BATCH}; charset=utf-8");
    assert_eq!(bus.send_batch("finish_run", &json!([{"Body": "x"}]), &charset).await, 201);
    assert_eq!(bus.lock("finish_run").await.unwrap().body, r#"[{"Body":"x"}]"#, "with a parameter it is one message");
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused() {
    let bus = bus().await;
    let head = |queue: &str| format!("/{queue}/messages/head?timeout=0");
    assert_eq!(bus.send("nowhere", &json!({}), "x").await, 410);
    assert_eq!(bus.status(Method::POST, &head("nowhere")).await, 410);
    assert_eq!(bus.status(Method::DELETE, "/nowhere/messages/1/2").await, 410);
    assert_eq!(bus.status(Method::GET, &head("finish_run")).await, 405);
    assert_eq!(bus.status(Method::POST, "/finish_run/messages/head?timeout=soon").await, 400);
    assert_eq!(bus.status(Method::POST, "/finish_run/$deadletterqueue/messages").await, 400);
    let request = bus.request(Method::POST, "/finish_run/messages").header("BrokerProperties", "{MessageId:1}");
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (400, "application/xml; charset=utf-8")
    );
    let body = answer.text().await.unwrap();
    assert!(body.starts_with("<Error><Code>400</Code><Detail>"), "{body}");
}

#[tokio::test]
async fn size_and_quota_are_limited() {
    let bus = bus().await;
    let limit = 256 * 1024;
    assert_eq!(
        bus.send("finish_run", &json!({}), &"x".repeat(limit)).await,
        403,
        "with its properties it is too large"
    );
    assert_eq!(bus.send("finish_run", &json!({}), &"x".repeat(limit - 100)).await, 201);
    let half = json!({"Body": "x".repeat(limit / 2)});
    assert_eq!(bus.send_batch("finish_run", &json!([half, half]), BATCH).await, 403, "a batch is one request");

    let (status, _) = bus.azure.sim(Method::PUT, "service-bus/queues/small", &json!({"max_size_bytes": 1000})).await;
    assert_eq!(status, 200);
    let message = |body: &str| json!({"Body": body});
    let (large, small) = (message(&"x".repeat(800)), message(&"x".repeat(300)));
    assert_eq!(bus.send_batch("small", &json!([large, small]), BATCH).await, 403, "all or none");
    assert_eq!(bus.send_batch("small", &json!([large]), BATCH).await, 201);
    let answer = bus.request(Method::POST, "/small/messages").body("x".repeat(300)).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("QuotaExceeded"));
    let held = bus.lock("small").await.unwrap();
    assert_eq!(bus.send_batch("small", &json!([small]), BATCH).await, 403, "a lock frees nothing");
    bus.status(Method::DELETE, &held.location).await;
    assert_eq!(bus.send_batch("small", &json!([small]), BATCH).await, 201);
}
