//! What a trigger says about its value.
//!
//! The host sends nearly every entry as a string that holds JSON: `MessageId` is `"\"m1\""`, `DeliveryCount` is
//! `"1"`. It also copies the top-level scalars of a JSON message body over entries of the same name, so a body
//! `{"DeliveryCount": 9}` forges the count. Nothing here can tell; messages therefore keep their content under one
//! key of their own.

use super::{TRACE_PROPERTY, json};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The trigger's metadata, still encoded; the accessors undo that.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata(Map<String, Value>);

/// Where a timer's retry policy has got to. Present on retries only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RetryContext {
    /// 1 on the first retry.
    pub retry_count: u32,
    /// The policy's limit.
    pub max_retry_count: u32,
}

impl Metadata {
    /// Metadata as it stands in the envelope.
    pub fn new(entries: Map<String, Value>) -> Self {
        Self(entries)
    }

    /// The entry as a `T`, or nothing if it is absent or of another shape.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(json::plain(self.0.get(name)?).as_ref()).ok()
    }

    /// The entry as text: a string as it is, another scalar as it is printed.
    pub fn text(&self, name: &str) -> Option<String> {
        match json::plain(self.0.get(name)?).into_owned() {
            Value::String(text) => Some(text),
            scalar @ (Value::Number(_) | Value::Bool(_)) => Some(scalar.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The id the sender gave the message.
    pub fn message_id(&self) -> Option<String> {
        self.text("MessageId")
    }

    /// How often the message was delivered, this time included.
    pub fn delivery_count(&self) -> Option<u32> {
        self.get("DeliveryCount")
    }

    /// The broker's number of the message.
    pub fn sequence_number(&self) -> Option<i64> {
        self.get("SequenceNumber")
    }

    /// When the message was sent, to the second: the host drops the rest.
    pub fn enqueued_at(&self) -> Option<Timestamp> {
        self.time("EnqueuedTimeUtc").or_else(|| self.time("EnqueuedTime"))
    }

    /// The message's properties beside its body.
    pub fn application_properties(&self) -> Option<Map<String, Value>> {
        self.get("ApplicationProperties").or_else(|| self.get("UserProperties"))
    }

    /// The W3C trace context the message was sent in. The host sends it as a header as well, if it traces at all.
    pub fn traceparent(&self) -> Option<String> {
        // A property that was sent as a header has lost its capitals.
        let mut properties = self.application_properties()?.into_iter();
        match properties.find(|(name, _)| name.eq_ignore_ascii_case(TRACE_PROPERTY))? {
            (_, Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Why the broker gave the message up, on a dead-letter queue. It has no entry of its own.
    pub fn dead_letter_reason(&self) -> Option<String> {
        match self.application_properties()?.get("DeadLetterReason")? {
            Value::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The retry this is, if it is one.
    pub fn retry_context(&self) -> Option<RetryContext> {
        self.get("RetryContext")
    }

    /// A time, in any of the spellings the host has for one. It drops the zone of a UTC time, so none means UTC.
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        /// How .NET prints a date that went through a JSON token, with and without an offset.
        const INVARIANT: [&str; 2] = ["%m/%d/%Y %H:%M:%S %:z", "%m/%d/%Y %H:%M:%S"];
        let text = self.text(name)?;
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Some(instant);
        }
        if let Ok(instant) = Timestamp::strptime(INVARIANT[0], &text) {
            return Some(instant);
        }
        let civil = text.parse::<DateTime>().or_else(|_| DateTime::strptime(INVARIANT[1], &text)).ok()?;
        TimeZone::fixed(Offset::UTC).to_timestamp(civil).ok()
    }
}
