//! Changes of Azure resources as Event Grid tells them, in its own schema or as CloudEvents 1.0.
//!
//! Of an event only these are read: its type, subject and time, and of its data `resourceUri`, `operationName`,
//! `status` and `subscriptionId`. Everything else is skipped, above all `claims` and `authorization`, which are about
//! people. What a change means for the catalogue is decided in [`crate::part`].
//! <https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions>

use crate::ArmId;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::fmt;

/// The most events of one request that are read.
pub const MAX_EVENTS: usize = 5_000;
/// The longest validation code that is given back.
const MAX_CODE_CHARS: usize = 200;

/// A resource that was written or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceEvent {
    /// The resource.
    pub resource: ArmId,
    /// When, if the event says so.
    pub at: Option<Timestamp>,
}

/// What one event of a request tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Something was changed.
    Changed(ResourceEvent),
    /// It was tried, and failed or was given up.
    Failed,
    /// It is about no write and no deletion.
    Nothing,
}

/// An event that cannot be read, or a body that holds none. Repeats nothing of what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegible {
    /// The body is not JSON of the expected form.
    #[error("the body is no {expected} (line {line}, column {column})")]
    Body {
        /// What it should be.
        expected: &'static str,
        /// Where it stops being that, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// There are too many events.
    #[error("there are more than {MAX_EVENTS} events in one request")]
    TooMany,
    /// One event is not what an event is.
    #[error("it is no event of a resource (line {line}, column {column} of it)")]
    Event {
        /// The line within the event, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// It names no resource, or something that is no resource id.
    #[error("it names no resource by a legible id")]
    NoResource,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "eventType", alias = "type")]
    kind: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default, rename = "eventTime", alias = "time")]
    at: Option<String>,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    resource_uri: Option<String>,
    operation_name: Option<String>,
    status: Option<String>,
    subscription_id: Option<String>,
}

/// The events of a request in Event Grid's schema or in CloudEvents' batch mode: each by itself, so that a malformed
/// one does not hide its neighbours.
pub fn batch(body: &[u8]) -> Result<Vec<Result<Told, Illegible>>, Illegible> {
    let events: Vec<&RawValue> =
        serde_json::from_slice(body).map_err(|error| illegible_body("array of events", &error))?;
    if events.len() > MAX_EVENTS {
        return Err(Illegible::TooMany);
    }
    Ok(events.into_iter().map(|event| single(event.get().as_bytes())).collect())
}

/// The one event of a request in CloudEvents' structured mode.
pub fn single(body: &[u8]) -> Result<Told, Illegible> {
    let event: Event = serde_json::from_slice(body)
        .map_err(|error| Illegible::Event { line: error.line(), column: error.column() })?;
    told(event)
}

/// The one event of a request in CloudEvents' binary mode: its attributes are headers, its data is the body.
pub fn binary(kind: &str, subject: Option<&str>, time: Option<&str>, body: &[u8]) -> Result<Told, Illegible> {
    let data: Data = serde_json::from_slice(body).map_err(|error| illegible_body("event's data", &error))?;
    let own = |text: Option<&str>| text.map(str::to_owned);
    told(Event { kind: kind.to_owned(), subject: own(subject), at: own(time), data: Some(data) })
}

/// The code that Event Grid wants back before it sends anything.
pub fn validation_code(body: &[u8]) -> Result<String, Illegible> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Validation {
        validation_code: String,
        // Fetching it would let whoever sends the event choose what this machine asks for.
        #[serde(default, rename = "validationUrl")]
        _url: IgnoredAny,
    }
    #[derive(Deserialize)]
    struct Handshake {
        data: Validation,
    }
    let events: Vec<Handshake> =
        serde_json::from_slice(body).map_err(|error| illegible_body("validation event", &error))?;
    let code = events.into_iter().next().map(|event| event.data.validation_code);
    code.filter(|code| code.chars().count() <= MAX_CODE_CHARS && !code.chars().any(char::is_control))
        .ok_or(Illegible::NoResource)
}

fn illegible_body(expected: &'static str, error: &serde_json::Error) -> Illegible {
    Illegible::Body { expected, line: error.line(), column: error.column() }
}

fn told(event: Event) -> Result<Told, Illegible> {
    const RESOURCES: &str = "microsoft.resources.resource";
    let kind = event.kind.to_ascii_lowercase();
    let data = event.data.unwrap_or_default();
    let Some(outcome) = kind.strip_prefix(RESOURCES) else { return Ok(Told::Nothing) };
    // An action (to restart a host, to send a message) publishes nothing; moving a resource deletes and writes it.
    let is_change = outcome.starts_with("write") || outcome.starts_with("delete");
    let is_action = data.operation_name.is_some_and(|name| name.to_ascii_lowercase().ends_with("/action"));
    if !is_change || is_action {
        return Ok(Told::Nothing);
    }
    let succeeded = data.status.is_none_or(|status| status.eq_ignore_ascii_case("Succeeded"));
    if !outcome.ends_with("success") || !succeeded {
        return Ok(Told::Failed);
    }
    let resource = [data.resource_uri, event.subject].into_iter().flatten().find_map(|id| ArmId::from_outside(&id));
    let resource = resource.filter(|id| id.subscription().is_some()).ok_or(Illegible::NoResource)?;
    // Of two that contradict one another nobody can say which is meant.
    let says = data.subscription_id.as_deref().filter(|id| !id.is_empty());
    if says.is_some_and(|says| resource.subscription().is_none_or(|id| !id.eq_ignore_ascii_case(says))) {
        return Err(Illegible::NoResource);
    }
    // A time that cannot be read proves no event old.
    Ok(Told::Changed(ResourceEvent { resource, at: event.at.and_then(|at| at.parse().ok()) }))
}

impl fmt::Display for ResourceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resource.fmt(f)
    }
}

#[cfg(test)]
mod tests;
