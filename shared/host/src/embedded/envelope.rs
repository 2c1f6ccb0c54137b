//! The envelope, encoded as the real host encodes it: inconsistencies and traps included.
//!
//! A handler that reads these reads the real ones. So this is deliberately not the inverse of a tidy decoder: bodies
//! are encoded twice, numbers are strings, dates lose their zone, and a message's top-level scalars overwrite the
//! broker's own metadata.

use super::definition::Function;
use crate::ids;
use crate::wire::{TRACE_PROPERTY, is_binary};
use ::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use poolwarden_store::Delivery;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// .NET's "never".
const NEVER: &str = "0001-01-01T00:00:00";

/// A `DateTime`: to the second, and without its zone.
fn date_time(time: Timestamp) -> Value {
    Value::from(time.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

/// A `DateTimeOffset`: to the second.
fn date_time_offset(time: Timestamp) -> Value {
    Value::from(time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string())
}

/// What is not an object becomes a string that holds JSON.
fn encoded(value: &Value) -> Value {
    match value {
        Value::Object(_) => value.clone(),
        other => Value::from(other.to_string()),
    }
}

/// The trigger's metadata, as the host's dictionary keeps it: case-insensitive, the later entry wins.
struct Entries(Map<String, Value>);

impl Entries {
    fn new(function: &Function, now: Timestamp) -> Self {
        let system = json!({
            "MethodName": function.name,
            "UtcNow": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "RandGuid": ids::guid(),
        });
        let mut entries = Self(Map::new());
        entries.set("sys", system);
        entries
    }

    fn set(&mut self, name: &str, value: Value) {
        let known = self.0.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned();
        self.0.insert(known.unwrap_or_else(|| name.to_owned()), value);
    }

    /// The trap: the top-level scalars of a JSON object body become metadata, and win.
    fn overwrite_from(&mut self, body: &str) {
        let Ok(Value::Object(body)) = serde_json::from_str(body) else {
            return;
        };
        for (name, value) in &body {
            if matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
                self.set(name, encoded(value));
            }
        }
    }

    /// Nulls, and whatever is called like a trigger, are not sent.
    fn finish(mut self) -> Value {
        self.0.retain(|name, value| !value.is_null() && !name.to_ascii_lowercase().ends_with("trigger"));
        Value::Object(self.0)
    }
}

fn envelope(function: &Function, value: Value, metadata: Entries) -> Value {
    let data = Map::from_iter([(function.input.clone(), value)]);
    json!({ "Data": data, "Metadata": metadata.finish() })
}

/// A Service Bus message.
pub(super) fn message(function: &Function, delivery: &Delivery, now: Timestamp) -> Value {
    let mut metadata = Entries::new(function, now);
    // Client objects of the host's own world, which it serialises all the same.
    for client in ["MessageReceiver", "MessageActions", "ReceiveActions", "Client"] {
        metadata.set(client, json!({}));
    }
    let own = match &delivery.traceparent {
        Some(traceparent) => json!({ TRACE_PROPERTY: traceparent }),
        None => json!({}),
    };
    for properties in ["ApplicationProperties", "UserProperties"] {
        metadata.set(properties, own.clone());
    }
    for (name, value) in [
        ("MessageId", Value::from(delivery.id.as_str())),
        ("DeliveryCount", Value::from(delivery.delivery_count)),
        ("SequenceNumber", Value::from(delivery.sequence)),
        ("LockToken", Value::from(delivery.lock.token.as_str())),
        ("ContentType", Value::from("application/json")),
    ] {
        metadata.set(name, encoded(&value));
    }
    metadata.set("EnqueuedTimeUtc", date_time(delivery.enqueued_at));
    metadata.set("EnqueuedTime", date_time_offset(delivery.enqueued_at));
    metadata.overwrite_from(&delivery.body);
    // Encoded as JSON once here, and once more with the envelope.
    let body = Value::from(Value::from(delivery.body.as_str()).to_string());
    envelope(function, body, metadata)
}

/// What a monitored timer knows of its ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticks {
    pub(super) last: Option<Timestamp>,
    pub(super) next: Timestamp,
    pub(super) last_updated: Timestamp,
}

/// A retry of a timer: which of how many, and what the last attempt said.
pub(super) struct RetryOf<'a> {
    pub(super) count: u32,
    pub(super) max_count: u32,
    pub(super) error: &'a str,
}

/// A timer's tick. `ticks` is absent for a timer that is not monitored.
pub(super) fn timer(
    function: &Function,
    ticks: Option<Ticks>,
    is_past_due: bool,
    retry: Option<&RetryOf<'_>>,
    now: Timestamp,
) -> Value {
    let mut metadata = Entries::new(function, now);
    if let Some(retry) = retry {
        metadata.set(
            "RetryContext",
            json!({
                "RetryCount": retry.count,
                "MaxRetryCount": retry.max_count,
                "Exception": { "Message": retry.error },
            }),
        );
    }
    let status = ticks.map(|ticks| {
        json!({
            "Last": ticks.last.map_or(Value::from(NEVER), date_time_offset),
            "Next": date_time_offset(ticks.next),
            "LastUpdated": date_time_offset(ticks.last_updated),
        })
    });
    let value = json!({ "Schedule": { "AdjustForDST": true }, "ScheduleStatus": status, "IsPastDue": is_past_due });
    envelope(function, value, metadata)
}

/// An HTTP request, its access key already taken out.
pub(super) struct Request<'a> {
    pub(super) url: &'a str,
    pub(super) method: &'a str,
    pub(super) query: &'a BTreeMap<String, String>,
    pub(super) headers: &'a HeaderMap,
    pub(super) params: &'a BTreeMap<String, String>,
    pub(super) body: &'a [u8],
}

/// An HTTP request.
pub(super) fn request(function: &Function, request: &Request<'_>, now: Timestamp) -> Value {
    let mut lists: Map<String, Value> = Map::new();
    let mut joined: Map<String, Value> = Map::new();
    for name in request.headers.keys() {
        let values = request.headers.get_all(name).iter();
        let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        lists.insert(name.as_str().to_owned(), json!(values));
        joined.insert(name.as_str().to_owned(), Value::from(values.join(", ")));
    }
    let text = |name| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut metadata = Entries::new(function, now);
    metadata.set("Headers", Value::Object(joined));
    metadata.set("Query", json!(request.query));
    for (name, value) in request.params {
        metadata.set(name, encoded(&Value::from(value.as_str())));
    }
    let mut value = json!({
        "Url": request.url,
        "Method": request.method,
        "Query": request.query,
        "Headers": lists,
        "Params": request.params,
        "Identities": [{ "AuthenticationType": null, "IsAuthenticated": false, "Claims": [], "NameClaimType":
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name" }],
    });
    // The host reads a body only of a request that announces its length.
    if !text(header::CONTENT_LENGTH).is_empty() {
        value["Body"] = if is_binary(text(header::CONTENT_TYPE)) {
            Value::from(BASE64.encode(request.body))
        } else {
            Value::from(String::from_utf8_lossy(request.body))
        };
        metadata.overwrite_from(&String::from_utf8_lossy(request.body));
    }
    envelope(function, value, metadata)
}
