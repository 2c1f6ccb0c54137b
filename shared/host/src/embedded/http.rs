//! HTTP functions on a real port: route, method, key, body, and the function's output as the answer.

use super::call::Caller;
use super::definition::{Function, HttpTrigger};
use super::envelope;
use super::keys::{AccessKeys, AuthLevel};
use super::options::Clock;
use crate::MAX_ENVELOPE_BYTES;
use crate::wire::{AnswerBody, HttpAnswer, TRACEPARENT, Verdict};
use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use percent_encoding::percent_decode_str;
use serde_json::json;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The largest body of an HTTP request: 10 MiB. Beyond it the answer is 413. The real host takes 100 MiB; an import
/// of ours is a few MiB, and base64 of this still fits an envelope.
pub const MAX_HTTP_BODY_BYTES: usize = 10 << 20;
/// The largest of a function that anybody may call: 1 MiB.
const MAX_ANONYMOUS_BODY_BYTES: usize = 1 << 20;
/// How long a request's body may take to come.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// How many HTTP invocations run at once; beyond it the answer is 429, as on the real host.
pub const MAX_CONCURRENT_REQUESTS: u16 = 100;

/// The header and the query parameter that may hold the access key.
const KEY_HEADER: &str = "x-functions-key";
const KEY_PARAMETER: &str = "code";

/// One HTTP function.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) function: Function,
    pub(super) trigger: HttpTrigger,
}

/// All of them, and what they need.
pub(super) struct Site {
    endpoints: Vec<Endpoint>,
    keys: AccessKeys,
    caller: Caller,
    clock: Clock,
    slots: Arc<Semaphore>,
}

impl Site {
    pub(super) fn new(mut endpoints: Vec<Endpoint>, keys: AccessKeys, caller: Caller, clock: Clock) -> Self {
        endpoints.sort_by_key(|endpoint| endpoint.trigger.route.precedence());
        let slots = Arc::new(Semaphore::new(usize::from(MAX_CONCURRENT_REQUESTS)));
        Self { endpoints, keys, caller, clock, slots }
    }

    /// The semaphore whose free permits say that nothing is in flight.
    pub(super) fn slots(&self) -> Arc<Semaphore> {
        Arc::clone(&self.slots)
    }

    pub(super) fn router(self: Arc<Self>) -> Router {
        Router::new().fallback(serve).with_state(self)
    }

    /// The endpoint of a path and method, with the route's parameters. Routes are tried from the most literal one.
    fn find(&self, request: &Request) -> Result<(&Endpoint, BTreeMap<String, String>), StatusCode> {
        let mut refusal = StatusCode::NOT_FOUND;
        for endpoint in &self.endpoints {
            if let Some(params) = endpoint.trigger.route.matches(request.uri().path()) {
                let methods = &endpoint.trigger.methods;
                if methods.is_empty() || methods.contains(request.method()) {
                    return Ok((endpoint, params));
                }
                refusal = StatusCode::METHOD_NOT_ALLOWED;
            }
        }
        Err(refusal)
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], json!({ "error": why }).to_string()).into_response()
}

async fn serve(State(site): State<Arc<Site>>, request: Request) -> Response {
    if request.uri().path() == "/" {
        return (StatusCode::OK, "The host is running.").into_response();
    }
    let (endpoint, params) = match site.find(&request) {
        Ok(found) => found,
        Err(StatusCode::METHOD_NOT_ALLOWED) => {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "not this method");
        }
        Err(status) => return refuse(status, "no such route"),
    };
    let (mut query, mut headers) = (Query::parse(request.uri()), request.headers().clone());
    let in_header = headers.remove(KEY_HEADER);
    let in_query = query.take(KEY_PARAMETER);
    // A function must not see the key that opens it: it might log the request, or store it.
    let given = in_header.as_ref().and_then(|value| value.to_str().ok()).or(in_query.as_deref());
    let (name, level) = (endpoint.function.name, endpoint.trigger.auth);
    if !site.keys.admit(name, level, given) {
        debug_assert!(level != AuthLevel::Anonymous);
        return refuse(StatusCode::UNAUTHORIZED, "this function needs an access key");
    }
    let Ok(slot) = Arc::clone(&site.slots).try_acquire_owned() else {
        return refuse(StatusCode::TOO_MANY_REQUESTS, "too many requests at once");
    };
    let (parts, body) = request.into_parts();
    let limit = if level == AuthLevel::Anonymous { MAX_ANONYMOUS_BODY_BYTES } else { MAX_HTTP_BODY_BYTES };
    // A slot is not held by who has nothing to say.
    let body = match tokio::time::timeout(BODY_PATIENCE, read(&headers, body, limit)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refusal)) => return refusal,
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "the request's body did not come in time"),
    };
    if !body.is_empty() && !headers.contains_key(header::CONTENT_LENGTH) {
        tracing::warn!(function = name, "a body without Content-Length is not handed on; nor is it in Azure");
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("localhost");
    let url = format!("http://{host}{}{}", parts.uri.path(), query.text());
    let envelope = envelope::request(
        &endpoint.function,
        &envelope::Request {
            url: &url,
            method: parts.method.as_str(),
            query: &query.joined(),
            headers: &headers,
            params: &params,
            body: &body,
        },
        (site.clock)(),
    );
    drop(body);
    if envelope.to_string().len() > MAX_ENVELOPE_BYTES {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large once it is encoded");
    }
    // A task of its own: a caller who hangs up must not stop a function half way.
    let caller = site.caller.clone();
    let traceparent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let call = tokio::spawn(async move {
        let verdict = caller.call(name, &envelope, traceparent.as_deref()).await;
        drop(slot);
        verdict
    });
    respond(name, &endpoint.trigger.output, call.await.unwrap_or_else(|_| Verdict::Failed("it ended early".into())))
}

async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Response> {
    let too_large =
        || refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body exceeds the limit of {} MiB", limit >> 20));
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    to_bytes(body, limit).await.map_err(|error| match error.source() {
        Some(source) if source.is::<LengthLimitError>() => too_large(),
        _ => refuse(StatusCode::BAD_REQUEST, "the request's body broke off"),
    })
}

/// A query's parameters: as they were written for the address, and decoded for the function.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(uri: &Uri) -> Self {
        let parts = uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty());
        Self(parts.map(|part| (decode(part.split('=').next().unwrap_or_default()), part.to_owned())).collect())
    }

    /// Removes a parameter, in any case of its name, and returns its first value.
    fn take(&mut self, name: &str) -> Option<String> {
        let (taken, kept) =
            std::mem::take(&mut self.0).into_iter().partition(|(known, _)| known.eq_ignore_ascii_case(name));
        self.0 = kept;
        let taken: Vec<(String, String)> = taken;
        taken.first().map(|(_, part)| value(part))
    }

    /// With its question mark, or nothing.
    fn text(&self) -> String {
        let parts: Vec<&str> = self.0.iter().map(|(_, part)| part.as_str()).collect();
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }

    /// By name; the values of a repeated one are joined by commas, as ASP.NET does.
    fn joined(&self) -> BTreeMap<String, String> {
        let mut joined: BTreeMap<String, String> = BTreeMap::new();
        for (name, part) in &self.0 {
            let value = value(part);
            joined.entry(name.clone()).and_modify(|known| *known = format!("{known},{value}")).or_insert(value);
        }
        joined
    }
}

fn value(part: &str) -> String {
    part.split_once('=').map(|(_, value)| decode(value)).unwrap_or_default()
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// The function's `http` output as the answer. A failed invocation is a bare 500, as from the real host: why it
/// failed is in the log, not on the wire.
fn respond(function: &str, output: &str, verdict: Verdict) -> Response {
    let failed = || refuse(StatusCode::INTERNAL_SERVER_ERROR, "the function failed; the log says why");
    let Verdict::Success(answer) = verdict else {
        return failed();
    };
    let Some(output) = answer.outputs.get(output) else {
        return StatusCode::OK.into_response();
    };
    match HttpAnswer::from_output(output).and_then(|answer| response(&answer)) {
        Ok(response) => response,
        Err(fault) => {
            tracing::error!(function, fault, "the function's http output cannot be sent");
            failed()
        }
    }
}

fn response(answer: &HttpAnswer) -> Result<Response, String> {
    let (body, content_type) = match &answer.body {
        AnswerBody::Empty => (Body::empty(), None),
        AnswerBody::Text(text) => (Body::from(text.clone()), Some("text/plain; charset=utf-8")),
        AnswerBody::Json(value) => (Body::from(value.to_string()), Some("application/json; charset=utf-8")),
    };
    let mut response = (answer.status, body).into_response();
    if let Some(content_type) = content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (name, value) in &answer.headers {
        let fault = || format!("the header {name:?} is not valid");
        let name = HeaderName::try_from(name.as_str()).map_err(|_| fault())?;
        let value = HeaderValue::try_from(value.as_str()).map_err(|_| fault())?;
        // How the message is framed is the server's business.
        if ![header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(&name) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}
