//! Messages as requests: many in a batch as far as the limit goes, in their order.

use super::properties::{BROKER_PROPERTIES, Sent, rfc1123};
use crate::versions::{SERVICE_BUS_BATCH_BYTES, SERVICE_BUS_BATCH_MESSAGES, SERVICE_BUS_TRACE_PROPERTY};
use poolwarden_store::{MAX_MESSAGE_BYTES, Outgoing, QueueError};
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use std::collections::BTreeMap;

/// Exactly this, without parameters: with a charset, the array would be one message.
const BATCH_TYPE: &str = "application/vnd.microsoft.servicebus.json";

/// One request to send.
#[derive(Debug)]
pub(super) enum Request<'a> {
    /// A message by itself: its body as it is.
    Single(&'a Outgoing),
    /// A JSON array of messages, and the first of them.
    Batch(&'a Outgoing, String),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    body: &'a str,
    broker_properties: Sent<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    user_properties: BTreeMap<&'static str, &'a str>,
}

fn properties(message: &Outgoing) -> Sent<'_> {
    Sent { message_id: &message.id, scheduled_enqueue_time_utc: message.not_before.map(rfc1123) }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("properties are plain text and always serialise")
}

/// As few requests as the limits allow. A message that would not fit into a batch, because of what JSON escapes in its
/// body, goes by itself.
pub(super) fn requests(messages: &[Outgoing]) -> Vec<Request<'_>> {
    let (mut requests, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for message in messages {
        let trace = message.traceparent.as_deref().map(|trace| (SERVICE_BUS_TRACE_PROPERTY, trace));
        let user_properties = trace.into_iter().collect();
        let entry = json(&Entry { body: &message.body, broker_properties: properties(message), user_properties });
        if bytes + entry.len() > SERVICE_BUS_BATCH_BYTES || batch.len() == SERVICE_BUS_BATCH_MESSAGES {
            requests.extend(close(&mut batch));
            bytes = 0;
        }
        bytes += entry.len() + 1;
        batch.push((message, entry));
    }
    requests.extend(close(&mut batch));
    requests
}

fn close<'a>(batch: &mut Vec<(&'a Outgoing, String)>) -> Option<Request<'a>> {
    match &batch.split_off(0)[..] {
        [] => None,
        [(message, _)] => Some(Request::Single(message)),
        many => {
            let entries: Vec<&str> = many.iter().map(|(_, entry)| entry.as_str()).collect();
            Some(Request::Batch(many[0].0, format!("[{}]", entries.join(","))))
        }
    }
}

impl Request<'_> {
    /// What the namespace said is too large, by its first message. The namespace has the last word about the limit: the
    /// tier's may be lower than the one that every queue has here.
    pub(super) fn too_large(&self, queue: &str) -> QueueError {
        let (first, size_bytes) = match self {
            Self::Single(message) => (message, message.body.len()),
            Self::Batch(first, body) => (first, body.len()),
        };
        let (queue, id) = (queue.to_owned(), first.id.clone());
        QueueError::TooLarge { queue, id, size_bytes, limit_bytes: MAX_MESSAGE_BYTES }
    }

    pub(super) fn fill(&self, builder: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Batch(_, body) => builder.header(CONTENT_TYPE, BATCH_TYPE).body(body.clone()),
            Self::Single(message) => {
                let builder = builder
                    .header(CONTENT_TYPE, "application/json")
                    .header(BROKER_PROPERTIES, ascii(&json(&properties(message))))
                    .body(message.body.clone());
                match &message.traceparent {
                    Some(trace) => builder.header(SERVICE_BUS_TRACE_PROPERTY, json(trace)),
                    None => builder,
                }
            }
        }
    }
}

/// JSON with everything beyond ASCII escaped: a header holds nothing else.
pub(crate) fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            out.push(letter);
        } else {
            let mut units = [0; 2];
            out.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}
