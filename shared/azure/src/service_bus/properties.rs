//! A message's properties as headers and JSON: what the broker says in `BrokerProperties`, and our own beside it.
//!
//! Times are RFC 1123, to the second. The value of a property of ours may come in quotation marks.

use crate::versions::SERVICE_BUS_TRACE_PROPERTY;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// The header of the broker's own properties.
pub(super) const BROKER_PROPERTIES: &str = "BrokerProperties";

/// What is said about a message that is sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Sent<'a> {
    pub(super) message_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheduled_enqueue_time_utc: Option<String>,
}

/// What is said about a message that is received.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Broker {
    pub(super) message_id: Option<String>,
    pub(super) delivery_count: Option<u32>,
    pub(super) sequence_number: Option<i64>,
    pub(super) enqueued_time_utc: Option<String>,
    pub(super) locked_until_utc: Option<String>,
}

impl Broker {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        serde_json::from_slice(headers.get(BROKER_PROPERTIES)?.as_bytes()).ok()
    }
}

/// When a lock that was just renewed runs out, if the answer says so.
pub(super) fn locked_until(headers: &HeaderMap) -> Option<Timestamp> {
    time(&Broker::of(headers)?.locked_until_utc?)
}

/// An RFC 1123 time; some answers have ISO 8601.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let rfc1123 = || Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok();
    text.parse().ok().or_else(rfc1123)
}

/// A time as RFC 1123. It has whole seconds, and a message must not come early: the next one.
pub(super) fn rfc1123(at: Timestamp) -> String {
    httpdate::fmt_http_date(SystemTime::from(whole_second(at)))
}

/// A time as far as RFC 1123 can say it, and not before it.
pub(crate) fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() + i64::from(at.subsec_nanosecond() > 0)).unwrap_or(at)
}

/// One of our own properties, or the broker's reason.
pub(super) fn user(headers: &HeaderMap, name: &str) -> Option<String> {
    unquoted(headers.get(name)?.to_str().ok()?)
}

/// A property's value out of its header.
pub(crate) fn unquoted(text: &str) -> Option<String> {
    let quoted: Option<String> = serde_json::from_str(text).ok();
    quoted.or_else(|| Some(text.trim_matches('"').to_owned())).filter(|text| !text.is_empty())
}

/// Why the broker gave a message up.
pub(super) fn dead_letter_reason(headers: &HeaderMap) -> Option<String> {
    reason(|name| user(headers, name))
}

/// The same from properties of any kind.
pub(crate) fn reason(property: impl Fn(&str) -> Option<String>) -> Option<String> {
    let parts = [property("DeadLetterReason"), property("DeadLetterErrorDescription")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| crate::answers::safe(&parts.join(": "), 500))
}

/// The trace context a message was sent in.
pub(super) fn trace(headers: &HeaderMap) -> Option<String> {
    user(headers, SERVICE_BUS_TRACE_PROPERTY)
}
