//! Takes what Event Grid tells of changed resources, and has the host pools that a change touches looked at soon.
//!
//! It speaks Event Grid's own schema and CloudEvents 1.0, with the handshake of each. It answers once the messages are
//! sent; until then Event Grid sends again. It asks Azure for nothing.

mod gathering;

use crate::deps::Deps;
use crate::health::{self, HealthState};
use crate::import::choose::connections_of;
use crate::import::{REQUEST, refuse, respond, too_large};
use crate::stage::Fault;
use axum::http::StatusCode;
pub use gathering::WINDOW;
use jiff::Timestamp;
use poolwarden_domain::ArmId;
use poolwarden_domain::part::{Due, due, touched};
use poolwarden_domain::resource_event::{self, Illegible, Told};
use poolwarden_host::{Failure, HttpAnswer, HttpRequest, Invocation, Outcome};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The largest body of a request, in bytes: Event Grid sends at most 1 MiB.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The longest name of whoever asks to send events, in characters.
const MAX_ORIGIN_CHARS: usize = 253;
/// Malformed events of one request that the log tells one by one.
const MAX_TOLD: usize = 5;

/// What became of a request's events; each counts once.
#[derive(Debug, Default, Serialize)]
struct Counts {
    /// They lead to a look at something.
    taken: usize,
    /// They change nothing that is published.
    irrelevant: usize,
    /// The change failed.
    failed: usize,
    /// What they touch was looked at since.
    stale: usize,
    /// No connection that runs by itself reads their subscription.
    unknown_subscription: usize,
    /// They cannot be read.
    malformed: usize,
}

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    let request = invocation.http(REQUEST)?;
    if request.method.eq_ignore_ascii_case("OPTIONS") {
        return Ok(respond(handshake(&request)));
    }
    let body = request.body.as_deref().unwrap_or_default();
    if body.len() > MAX_BODY_BYTES {
        return Ok(too_large(MAX_BODY_BYTES));
    }
    let kind = request.header("aeg-event-type").unwrap_or_default();
    if kind.eq_ignore_ascii_case("SubscriptionValidation") {
        return Ok(match resource_event::validation_code(body) {
            Ok(code) => respond(HttpAnswer::json(StatusCode::OK, json!({ "validationResponse": code }))),
            Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
        });
    }
    // Event Grid tells that it will tell no more.
    if kind.eq_ignore_ascii_case("SubscriptionDeletion") || kind.eq_ignore_ascii_case("Unsubscribe") {
        return Ok(respond(HttpAnswer::json(StatusCode::OK, json!({}))));
    }
    let events = match events(&request, body) {
        Ok(events) => events,
        Err(error) => return Ok(refuse(StatusCode::BAD_REQUEST, &error.to_string())),
    };
    if let Some(Err(first)) = events.first().filter(|_| events.iter().all(Result::is_err)) {
        return Ok(refuse(StatusCode::BAD_REQUEST, &format!("no event can be read; of the first: {first}")));
    }
    let (runs, counts) = take(deps, events).await.map_err(|fault| Failure::new(fault.to_string()))?;
    tracing::info!(?runs, ?counts, "resource events");
    Ok(respond(HttpAnswer::json(StatusCode::OK, json!({ "runs": runs, "events": counts }))))
}

/// The consent that CloudEvents' webhooks ask for before they send anything. It authenticates nobody: the key does.
fn handshake(request: &HttpRequest) -> HttpAnswer {
    let answer = HttpAnswer::json(StatusCode::OK, json!({})).with_header("Allow", "POST, OPTIONS");
    let origin = request.header("webhook-request-origin").unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '/' | '_');
    if origin.is_empty() || origin.len() > MAX_ORIGIN_CHARS || !origin.chars().all(is_name) {
        return answer;
    }
    answer.with_header("WebHook-Allowed-Origin", origin).with_header("WebHook-Allowed-Rate", "*")
}

/// The events of a request, in whichever form.
fn events(request: &HttpRequest, body: &[u8]) -> Result<Vec<Result<Told, Illegible>>, Illegible> {
    let content_type = request.header("content-type").unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media == "application/cloudevents+json" {
        return resource_event::single(body).map(|told| vec![Ok(told)]);
    }
    match request.header("ce-type") {
        Some(kind) => {
            let (subject, time) = (request.header("ce-subject"), request.header("ce-time"));
            resource_event::binary(kind, subject, time, body).map(|told| vec![Ok(told)])
        }
        None => resource_event::batch(body),
    }
}

/// A target and the time of the newest change in it; without a time it is new in any case.
type Newest = BTreeMap<ArmId, (Option<Timestamp>, usize)>;

/// What becomes of a change; of several connections that it concerns, the most counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outlook {
    UnknownSubscription,
    Irrelevant,
    Stale,
    Taken,
}

/// Sorts the events out, and has looked at what has to be. Returns the runs by connection.
async fn take(deps: &Deps, events: Vec<Result<Told, Illegible>>) -> Result<(BTreeMap<String, String>, Counts), Fault> {
    let (mut counts, mut newest) = (Counts::default(), Newest::new());
    for event in events {
        match event {
            Ok(Told::Nothing) => counts.irrelevant += 1,
            Ok(Told::Failed) => counts.failed += 1,
            Ok(Told::Changed(event)) => match touched(&event.resource) {
                None => counts.irrelevant += 1,
                Some(target) => {
                    let (at, count) = newest.entry(target).or_insert((event.at, 0));
                    *at = at.zip(event.at).map(|(known, at)| known.max(at));
                    *count += 1;
                }
            },
            Err(error) => {
                counts.malformed += 1;
                if counts.malformed <= MAX_TOLD {
                    tracing::warn!(%error, "a malformed event is left out");
                }
            }
        }
    }
    let mut looks: BTreeMap<&str, Vec<ArmId>> = BTreeMap::new();
    for (target, (at, count)) in newest {
        let enabled = deps.config.connections.iter().filter(|connection| connection.enabled);
        let connections = connections_of(deps, enabled, &target).await?;
        let mut outcome = if connections.is_empty() { Outlook::UnknownSubscription } else { Outlook::Irrelevant };
        for connection in connections {
            let known = deps.known.of(deps, &connection.name).await?;
            outcome = outcome.max(match due(&target, at, &known) {
                Due::Look(only) => {
                    let look = looks.entry(&connection.name).or_insert_with(|| only.clone());
                    // Nothing in the list is the whole connection, which has all the rest.
                    if !look.is_empty() {
                        look.extend(only);
                    }
                    Outlook::Taken
                }
                Due::Whole => {
                    looks.insert(&connection.name, Vec::new());
                    Outlook::Taken
                }
                Due::Stale => Outlook::Stale,
                Due::Nothing => Outlook::Irrelevant,
            });
        }
        *match outcome {
            Outlook::UnknownSubscription => &mut counts.unknown_subscription,
            Outlook::Irrelevant => &mut counts.irrelevant,
            Outlook::Stale => &mut counts.stale,
            Outlook::Taken => &mut counts.taken,
        } += count;
    }
    let mut runs = BTreeMap::new();
    for (connection, only) in looks {
        // Whoever cannot sign in would be locked out by trying.
        if health::of(deps, connection).await?.is_some_and(|health| health.state == HealthState::NeedsAttention) {
            tracing::warn!(connection, "its sign-in needs attention; what changed is looked at once it is mended");
            continue;
        }
        runs.insert(connection.to_owned(), gathering::look_soon(deps, connection, &only).await?);
    }
    Ok((runs, counts))
}
