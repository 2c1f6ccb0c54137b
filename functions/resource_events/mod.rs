//! Takes what Event Grid tells of changed resources, and has the host pools that a change touches looked at soon.
//!
//! It speaks Event Grid's own schema and CloudEvents 1.0, with the handshake of each. It answers once the messages are
//! sent; until then Event Grid sends again. It asks Azure for nothing.

mod gathering;
mod take;

use crate::deps::Deps;
use crate::import::{REQUEST, refuse, respond, too_large};
use axum::http::StatusCode;
pub use gathering::WINDOW;
use poolwarden_domain::resource_event::{self, Illegible, Told};
use poolwarden_host::{Failure, HttpAnswer, HttpRequest, Invocation, Outcome};
use serde_json::json;
use std::sync::Arc;
use take::take;

/// The largest body of a request, in bytes: Event Grid sends at most 1 MiB.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The longest name of whoever asks to send events, in characters.
const MAX_ORIGIN_CHARS: usize = 253;

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
