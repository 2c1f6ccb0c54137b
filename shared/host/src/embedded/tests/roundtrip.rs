//! Envelopes as this host encodes them, read by the decoder that handlers use.

use super::definition::{Function, Trigger};
use super::envelope;
use crate::Invocation;
use ::http::HeaderMap;
use jiff::Timestamp;
use poolwarden_store::{Delivery, Lock};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn function() -> Function {
    Function { name: "work", input: "message".into(), trigger: Trigger::Queue { queue: "jobs".into() } }
}

fn encoded(body: &str) -> Value {
    let delivery = Delivery {
        id: "m1".into(),
        body: body.into(),
        delivery_count: 2,
        sequence: 42,
        enqueued_at: "2026-03-01T10:00:00.75Z".parse().unwrap(),
        locked_until: Timestamp::UNIX_EPOCH,
        lock: Lock { queue: "jobs".into(), token: "t1".into() },
        traceparent: None,
        reason: None,
    };
    envelope::message(&function(), &delivery, Timestamp::UNIX_EPOCH)
}

fn decoded(body: &str) -> Invocation {
    Invocation::decode(&HeaderMap::new(), encoded(body).to_string().as_bytes()).unwrap()
}

#[test]
fn a_message_is_encoded_as_the_real_host_does() {
    let envelope = encoded(r#"{"x":1}"#);
    assert_eq!(envelope["Data"], json!({"message": r#""{\"x\":1}""#}));
    let metadata = &envelope["Metadata"];
    assert_eq!(metadata["MessageId"], "\"m1\"");
    assert_eq!(metadata["DeliveryCount"], "2");
    assert_eq!(metadata["SequenceNumber"], "42");
    assert_eq!(metadata["EnqueuedTimeUtc"], "2026-03-01T10:00:00", "no sub-seconds, no zone");
    assert_eq!(metadata["sys"]["MethodName"], "work");
    assert!(metadata["Client"].is_object() && metadata["UserProperties"].is_object());
    assert!(metadata.get("CorrelationId").is_none(), "nulls are absent");
}

#[test]
fn top_level_scalars_of_a_body_overwrite_the_metadata() {
    // The trap is real: a handler that trusts its metadata is told what the sender likes.
    let spoofed = decoded(r#"{"DeliveryCount":99,"messageid":"forged","SequenceNumber":true,"extra":"x","list":[1]}"#);
    assert_eq!(spoofed.metadata.delivery_count(), Some(99));
    assert_eq!(spoofed.metadata.message_id().as_deref(), Some("forged"), "in any case of the name");
    assert_eq!(spoofed.metadata.sequence_number(), None);
    assert_eq!(spoofed.metadata.text("extra").as_deref(), Some("x"));
    assert_eq!(spoofed.metadata.get::<Vec<u32>>("list"), None, "scalars only");
}

#[test]
fn nulls_and_triggers_are_not_sent() {
    let envelope = encoded(r#"{"myTrigger":"x","TRIGGER":1,"DeliveryCount":null}"#);
    let names: Vec<&String> = envelope["Metadata"].as_object().unwrap().keys().collect();
    assert!(names.iter().all(|name| !name.to_lowercase().ends_with("trigger")), "{names:?}");
    assert_eq!(envelope["Metadata"]["DeliveryCount"], "2", "a null overwrites nothing");
}

/// Any JSON, with names that collide with the broker's.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof!["DeliveryCount", "MessageId", "sys", "EnqueuedTimeUtc", "RetryContext", "poolwarden", ".*"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        Just(Value::from("\"{\\\"DeliveryCount\\\":9}\"")),
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4).prop_map(|entries| Map::from_iter(entries).into()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_message_holds_under_its_one_key_arrives_and_forges_nothing(content in any_json()) {
        let body = json!({ "poolwarden": { "content": content } });
        let call = decoded(&body.to_string());
        prop_assert_eq!(call.binding::<Value>("message").unwrap(), body);
        prop_assert_eq!(call.metadata.delivery_count(), Some(2));
        prop_assert_eq!(call.metadata.message_id(), Some("m1".to_owned()));
        prop_assert_eq!(call.metadata.sequence_number(), Some(42));
        prop_assert_eq!(call.metadata.enqueued_at().unwrap().to_string(), "2026-03-01T10:00:00Z");
        prop_assert_eq!(call.metadata.retry_context(), None);
    }

    #[test]
    fn any_json_body_arrives_byte_for_byte(content in any_json()) {
        let body = content.to_string();
        let call = decoded(&body);
        prop_assert_eq!(call.text("message").unwrap(), body);
    }
}
