//! Each way in which the host has been seen to hand over a message leads to the same.

use super::{Site, UNREACHABLE, wire};
use crate::harness::CONNECTION;
use functions_host::{Encoding, Message, Trigger, queue_message};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn about(run: &str, connection: &str) -> String {
    json!({"poolwarden": {"run": run, "connection": connection}}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_says_the_same_however_often_it_is_encoded() {
    let Some(site) = Site::new("encodings").await else { return };
    let handler = site.handler().await;
    for encoding in Encoding::ALL {
        for queue in ["acquire_token", "discover_host_pools", "finish_run"] {
            let message = Message::new(&format!("{queue}-{encoding:?}"), &about("never-begun", CONNECTION));
            let answer = handler.invoke(queue, &queue_message(queue, "message", &message, encoding)).await.done();
            assert!(answer.is_full() && answer.outputs.is_empty(), "{answer:?}");
            assert!(answer.logs[0].contains("there is no run never-begun"), "{queue}, {encoding:?}: {answer:?}");
        }
    }
    let letters = site.letters(&handler).await;
    assert_eq!(letters.len(), 3 * Encoding::ALL.len(), "{letters:#?}");
    assert!(letters.iter().all(|letter| letter["kind"] == "permanent"), "{letters:#?}");
    // The same message again is the same letter.
    let message = Message::new("finish_run-Double", &about("never-begun", CONNECTION));
    handler.invoke("finish_run", &queue_message("finish_run", "message", &message, Encoding::Single)).await.done();
    assert_eq!(site.letters(&handler).await.len(), letters.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_cannot_forge_what_the_broker_says() {
    let Some(site) = Site::new("forgery").await else { return };
    let handler = site.handler().await;
    let content = json!({"run": "r", "connection": CONNECTION});
    for (number, forged) in [json!(99), json!("99"), json!("\"99\""), json!(-1), json!(true)].into_iter().enumerate() {
        let body = json!({"poolwarden": content, "DeliveryCount": forged, "MessageId": "../forged", "n": number});
        let envelope = queue_message("finish_run", "message", &Message::new("m1", &body.to_string()), Encoding::Double);
        assert_ne!(envelope["Metadata"]["MessageId"], "\"m1\"", "the host lets it through");
        handler.invoke("finish_run", &envelope).await.done();
    }
    let letters = site.letters(&handler).await;
    assert_eq!(letters.len(), 5, "each is kept under an id of its own: {letters:#?}");
    assert!(letters.iter().all(|letter| letter["kind"] == "malformed"), "{letters:#?}");
    assert!(!letters.iter().any(|letter| letter["id"].as_str().unwrap().contains("forged")), "{letters:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_delivery_count_is_read_from_a_string_that_holds_it() {
    let Some(site) = Site::new("delivery-count").await else { return };
    let handler = site.handler().await;
    let run = site.begin(UNREACHABLE).await;
    let deliver = async |count: u64| {
        let message = Message { delivery_count: count, ..Message::new("m1", &about(&run, UNREACHABLE)) };
        let envelope = queue_message("acquire_token", "message", &message, Encoding::Double);
        assert_eq!(envelope["Metadata"]["DeliveryCount"], count.to_string());
        handler.invoke("acquire_token", &envelope).await
    };
    let refused = deliver(1).await.failed();
    assert!(refused.starts_with("the handler answered 500"), "it comes again: {refused}");
    assert!(site.letters(&handler).await.is_empty());
    let last = deliver(10).await.done();
    assert!(last.logs[0].starts_with("kept as a dead letter"), "{last:?}");
    assert_eq!(site.letters(&handler).await[0]["kind"], "transient");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_queue_brings_is_answered_in_full_and_kept() {
    let Some(site) = Site::new("garbage").await else { return };
    let handler = site.handler().await;
    let bodies =
        ["", "null", "[]", "[1,2]", "\"text\"", "17", "{}", "no JSON", "{\"poolwarden\":", "ZG9uZQ==", "\u{0}ß🙂"];
    let queues: Vec<String> = site
        .app()
        .functions
        .into_values()
        .filter_map(|function| match function.trigger {
            Trigger::Queue { queue, .. } => Some(queue),
            _ => None,
        })
        .collect();
    assert_eq!(queues.len(), 8);
    for queue in &queues {
        for body in bodies {
            let message = Message::new("m1", body);
            let answer =
                handler.invoke(queue, &queue_message(queue, "message", &message, Encoding::Double)).await.done();
            assert!(answer.is_full(), "{queue}, {body:?}: {answer:?}");
        }
    }
    let letters = site.letters(&handler).await;
    let ids: BTreeSet<&str> = letters.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), queues.len() * bodies.len(), "{letters:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_of_message_are_kept_or_refused_and_the_process_lives_on() {
    let Some(site) = Site::new("large").await else { return };
    let handler = site.handler().await;
    let deliver = async |body: Value| {
        let message = Message::new("m1", &body.to_string());
        handler.invoke("finish_run", &queue_message("finish_run", "message", &message, Encoding::Double)).await
    };
    let large = Value::from("x".repeat(10_000_000));
    deliver(json!({"other": [large]})).await.done();
    let letters = site.letters(&handler).await;
    assert_eq!((letters.len(), &letters[0]["kind"]), (1, &Value::from("malformed")));
    // A scalar stands in the metadata again, which is more than an envelope may have.
    let refused = deliver(json!({ "other": large })).await.failed();
    assert!(refused.contains("413") && refused.contains("16 MiB"), "{refused:.300}");
    assert_eq!(handler.root().await.unwrap().status, 200);
    wire::assert_memory_below(handler.id(), 400);
}
