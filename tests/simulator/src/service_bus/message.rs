//! A message: what its sender set, and what the broker keeps beside it.

use axum::http::HeaderName;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::dice::{guid, hash};

/// Properties that a sender may set and that are handed out as they came
/// (learn.microsoft.com/rest/api/servicebus/introduction, "Message properties").
/// Those of time and identity are read apart; any other is ignored.
const PASSED_ON: [&str; 7] =
    ["CorrelationId", "Label", "PartitionKey", "ReplyTo", "ReplyToSessionId", "SessionId", "To"];
/// The longest message id and session id.
const MAX_ID: usize = 128;

/// What a sender hands in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incoming {
    pub(crate) message_id: Option<String>,
    pub(crate) scheduled: Option<Timestamp>,
    pub(crate) ttl: Option<SignedDuration>,
    /// Of [`PASSED_ON`], those that were set.
    pub(crate) broker: Map<String, Value>,
    /// Custom properties: the name of the header they are handed out in, and
    /// the value.
    pub(crate) user: Vec<(HeaderName, Value)>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
    /// Bytes of the body and all properties.
    pub(crate) size: u64,
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// May be received.
    Active,
    /// May not be received before a time.
    Scheduled(Timestamp),
    /// Held by a receiver.
    Locked { token: String, until: Timestamp },
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) sequence: u64,
    pub(crate) message_id: String,
    pub(crate) state: State,
    pub(crate) enqueued: Timestamp,
    pub(crate) ttl: SignedDuration,
    pub(crate) deliveries: u32,
    pub(crate) sent: Incoming,
    /// Reason and description once it is dead-lettered.
    pub(crate) dead: Option<(&'static str, String)>,
}

impl Incoming {
    /// Reads `BrokerProperties`, of a header or of an entry of a batch.
    pub(crate) fn set_broker(&mut self, properties: &Value, now: Timestamp) -> Result<(), String> {
        let properties = properties.as_object().ok_or("BrokerProperties is not a JSON object")?;
        for (name, value) in properties.iter().filter(|(_, value)| !value.is_null()) {
            let text = || value.as_str().ok_or_else(|| format!("{name} is not a string"));
            match name.as_str() {
                "MessageId" => self.message_id = Some(id(name, text()?)?),
                "SessionId" => drop(self.broker.insert(name.clone(), json!(id(name, text()?)?))),
                "ScheduledEnqueueTimeUtc" => {
                    let time = time(text()?).ok_or_else(|| format!("{name} is not a time in RFC 1123 or ISO 8601"))?;
                    self.scheduled = (time > now).then_some(time);
                }
                "TimeToLive" => {
                    let seconds = value.as_f64().ok_or("TimeToLive is not a number of seconds")?;
                    self.ttl = Some(positive(SignedDuration::try_from_secs_f64(seconds).ok())?);
                }
                "TimeToLiveTimeSpan" => self.ttl = Some(positive(time_span(text()?))?),
                known if PASSED_ON.contains(&known) => {
                    self.broker.insert(name.clone(), json!(text()?));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Message {
    /// `BrokerProperties` as a receiver gets them. The document's example has
    /// `EnqueuedSequenceNumber` 0 in a queue that nothing is forwarded to.
    pub(crate) fn broker_properties(&self) -> Value {
        let mut properties = self.sent.broker.clone();
        properties.insert("MessageId".to_owned(), json!(self.message_id));
        properties.insert("SequenceNumber".to_owned(), json!(self.sequence));
        properties.insert("EnqueuedSequenceNumber".to_owned(), json!(0));
        properties.insert("EnqueuedTimeUtc".to_owned(), json!(rfc1123(self.enqueued)));
        properties.insert("DeliveryCount".to_owned(), json!(self.deliveries));
        properties.insert("State".to_owned(), json!("Active"));
        properties.insert("TimeToLive".to_owned(), seconds(self.ttl));
        if let State::Locked { token, until } = &self.state {
            properties.insert("LockToken".to_owned(), json!(token));
            properties.insert("LockedUntilUtc".to_owned(), json!(rfc1123(*until)));
        }
        if let Some(scheduled) = self.sent.scheduled {
            properties.insert("ScheduledEnqueueTimeUtc".to_owned(), json!(rfc1123(scheduled)));
        }
        Value::Object(properties)
    }

    /// When it expires, if nobody holds it.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        if self.dead.is_some() {
            return None;
        }
        self.enqueued.checked_add(self.ttl).ok()
    }
}

/// The id of a message whose sender gave none: a GUID without hyphens.
pub(crate) fn new_id(seed: u64, sequence: u64) -> String {
    guid(hash(seed, "service bus messages"), sequence).replace('-', "")
}

/// A time as it is printed in `BrokerProperties`.
pub(crate) fn rfc1123(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// JSON in ASCII, which a header can hold.
pub(crate) fn ascii_json(value: &Value) -> String {
    let text = value.to_string();
    if text.is_ascii() {
        return text;
    }
    let mut ascii = String::with_capacity(text.len() * 2);
    for letter in text.chars() {
        if letter.is_ascii() {
            ascii.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

fn id(name: &str, text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().count() > MAX_ID {
        return Err(format!("{name} has 1 to {MAX_ID} characters"));
    }
    Ok(text.to_owned())
}

fn positive(ttl: Option<SignedDuration>) -> Result<SignedDuration, String> {
    ttl.filter(SignedDuration::is_positive).ok_or_else(|| "the time to live is not a positive time".to_owned())
}

fn time(text: &str) -> Option<Timestamp> {
    let rfc1123 = || jiff::fmt::rfc2822::parse(text).ok().map(|time| time.timestamp());
    rfc1123().or_else(|| text.parse().ok())
}

/// .NET's `[d.]hh:mm:ss[.fraction]`.
fn time_span(text: &str) -> Option<SignedDuration> {
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let whole = |text: &str| text.parse::<u32>().ok().map(f64::from);
    let minutes = whole(days)?.mul_add(24.0, whole(hours)?).mul_add(60.0, whole(minutes)?);
    let seconds: f64 = seconds.parse().ok().filter(|seconds: &f64| *seconds >= 0.0)?;
    SignedDuration::try_from_secs_f64(minutes.mul_add(60.0, seconds)).ok()
}

/// Seconds as JSON, whole if they are.
fn seconds(time: SignedDuration) -> Value {
    if time.subsec_nanos() == 0 { json!(time.as_secs()) } else { json!(time.as_secs_f64()) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form() {
        let expected: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for text in ["Sun, 01 Mar 2026 12:00:00 GMT", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"] {
            assert_eq!(time(text), Some(expected), "{text}");
        }
        assert_eq!(rfc1123(expected), "Sun, 01 Mar 2026 12:00:00 GMT");
        assert_eq!(time("tomorrow"), None);
        assert_eq!(time_span("0.00:00:40"), Some(SignedDuration::from_secs(40)));
        assert_eq!(time_span("1.02:03:04.5"), Some(SignedDuration::from_millis(93_784_500)));
        assert_eq!(time_span("40"), None);
    }

    #[test]
    fn headers_hold_any_text() {
        assert_eq!(ascii_json(&json!("Zürich 🙂")), r#""Z\u00fcrich \ud83d\ude42""#);
    }
}
