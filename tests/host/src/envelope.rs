//! Invocations as the host encodes them: `{"Data": {…}, "Metadata": {…}}`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

/// How the body of a message is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A string that holds a JSON string that holds the body: what the host does.
    Double,
    /// A string that is the body.
    Single,
    /// The body itself, where it is an object.
    Object,
}

impl Encoding {
    /// Every way that has been seen.
    pub const ALL: [Self; 3] = [Self::Double, Self::Single, Self::Object];
}

/// A Service Bus message.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it says.
    pub body: String,
    /// Its id.
    pub id: String,
    /// How often it was delivered, this time included.
    pub delivery_count: u64,
    /// Its number in the queue.
    pub sequence: i64,
    /// When it was sent: `2026-11-23T12:00:00`, UTC.
    pub enqueued_at: String,
    /// Its lock.
    pub lock_token: String,
    /// What the sender added.
    pub properties: Map<String, Value>,
}

impl Message {
    /// A message that is delivered for the first time.
    pub fn new(id: &str, body: &str) -> Self {
        Self {
            body: body.to_owned(),
            id: id.to_owned(),
            delivery_count: 1,
            sequence: 1,
            enqueued_at: "2026-11-23T12:00:00".to_owned(),
            lock_token: "6b1f5a9e-0c2d-4e8f-9a3b-1c2d3e4f5a6b".to_owned(),
            properties: Map::new(),
        }
    }
}

/// One value as it arrives in `Metadata`: an object as it is, anything else as a string that holds JSON, and nothing
/// at all for null.
pub fn metadata_value(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(_) => Some(value.clone()),
        other => Some(Value::from(other.to_string())),
    }
}

/// Adds a value to `Metadata`, unless the host leaves it out.
fn add(metadata: &mut Map<String, Value>, key: &str, value: &Value) {
    // What is named like the trigger itself is not repeated.
    if key.to_ascii_lowercase().ends_with("trigger") {
        return;
    }
    if let Some(value) = metadata_value(value) {
        metadata.insert(key.to_owned(), value);
    }
}

fn sys(function: &str) -> Value {
    let guid = "0e1f5a9e-0c2d-4e8f-9a3b-1c2d3e4f5a6b";
    json!({"MethodName": function, "UtcNow": "2026-11-23T12:00:01.0000000Z", "RandGuid": guid})
}

fn invocation(binding: &str, value: &Value, metadata: &Map<String, Value>) -> Value {
    json!({"Data": {binding: value}, "Metadata": metadata})
}

/// A message for a queue's function.
pub fn queue_message(function: &str, binding: &str, message: &Message, encoding: Encoding) -> Value {
    let mut metadata = Map::new();
    for (key, value) in [
        ("MessageId", json!(message.id)),
        ("DeliveryCount", json!(message.delivery_count)),
        ("SequenceNumber", json!(message.sequence)),
        ("LockToken", json!(message.lock_token)),
        ("DeadLetterSource", Value::Null),
        ("ContentType", json!("application/json")),
        ("ReplyTo", Value::Null),
        ("To", Value::Null),
        ("Subject", Value::Null),
        ("Label", Value::Null),
        ("CorrelationId", Value::Null),
        ("SessionId", Value::Null),
        ("PartitionKey", Value::Null),
        ("ApplicationProperties", Value::Object(message.properties.clone())),
        ("UserProperties", Value::Object(message.properties.clone())),
        ("MessageReceiver", json!({})),
        ("MessageSession", json!({})),
        ("MessageActions", json!({})),
        ("SessionActions", json!({})),
        ("ReceiveActions", json!({})),
        ("Client", json!({"FullyQualifiedNamespace": "local.servicebus.windows.net"})),
        ("sys", sys(function)),
    ] {
        add(&mut metadata, key, &value);
    }
    // Dates are printed anew, without sub-seconds; one of the two kinds loses its zone.
    metadata.insert("EnqueuedTimeUtc".to_owned(), json!(message.enqueued_at));
    metadata.insert("EnqueuedTime".to_owned(), json!(format!("{}+00:00", message.enqueued_at)));
    let parsed: Option<Value> = serde_json::from_str(&message.body).ok();
    // The trap: a body's own scalars overwrite what has the same name.
    for (key, value) in parsed.iter().filter_map(Value::as_object).flatten() {
        if !value.is_object() && !value.is_array() {
            add(&mut metadata, key, value);
        }
    }
    let text = Value::from(message.body.as_str());
    let value = match (encoding, parsed) {
        (Encoding::Object, Some(object @ Value::Object(_))) => object,
        (Encoding::Single, _) => text,
        _ => Value::from(text.to_string()),
    };
    invocation(binding, &value, &metadata)
}

/// A tick of a timer.
pub fn timer(function: &str, binding: &str, is_past_due: bool) -> Value {
    let value = json!({"Schedule": {"AdjustForDST": true}, "ScheduleStatus": null, "IsPastDue": is_past_due});
    let mut metadata = Map::new();
    add(&mut metadata, "sys", &sys(function));
    invocation(binding, &value, &metadata)
}

/// A request for an HTTP function.
#[derive(Debug, Clone, Default)]
pub struct HttpCall {
    /// The method.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// The query's parameters.
    pub query: Vec<(String, String)>,
    /// What stands for the route's parameters.
    pub params: Vec<(String, String)>,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body; nothing where the request had no `Content-Length`.
    pub body: Option<Vec<u8>>,
}

/// A request as the function gets it.
pub fn http(function: &str, binding: &str, call: &HttpCall) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &call.headers {
        if let Some(values) = headers.entry(name.as_str()).or_insert_with(|| json!([])).as_array_mut() {
            values.push(json!(value));
        }
    }
    let pairs = |pairs: &[(String, String)]| -> Map<String, Value> {
        pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
    };
    let mut request = json!({
        "Url": call.url, "Method": call.method, "Query": pairs(&call.query), "Headers": headers,
        "Params": pairs(&call.params), "Identities": [],
    });
    let content_type = call.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let content_type = content_type.map_or("", |(_, value)| value.as_str()).to_ascii_lowercase();
    if let Some(body) = &call.body {
        let binary = content_type.starts_with("application/octet-stream") || content_type.starts_with("multipart/");
        let text = if binary { BASE64_STANDARD.encode(body) } else { String::from_utf8_lossy(body).into_owned() };
        request["Body"] = Value::from(text);
    }
    let mut metadata = Map::new();
    for (name, value) in call.query.iter().chain(&call.params) {
        add(&mut metadata, name, &json!(value));
    }
    let listed: Map<String, Value> = call.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    add(&mut metadata, "Headers", &Value::Object(listed));
    add(&mut metadata, "sys", &sys(function));
    invocation(binding, &request, &metadata)
}
