//! The function app: handlers by name, behind the routes the Functions host calls.

use crate::trace::{self, Scope, Span, TraceContext};
use crate::wire::{Failure, Invocation, Outcome};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, StatusCode, header};
use http_body_util::LengthLimitError;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use tracing::Instrument;

/// The largest envelope that is read: 16 MiB.
///
/// The host itself allows requests of 100 MiB, but nothing of ours comes near: a queue message is under 256 KiB
/// even with its quotes escaped twice, and an HTTP body of [`MAX_HTTP_BODY_BYTES`] fits as base64.
///
/// [`MAX_HTTP_BODY_BYTES`]: crate::embedded::MAX_HTTP_BODY_BYTES
pub const MAX_ENVELOPE_BYTES: usize = 16 << 20;

type Handler = Arc<dyn Fn(Invocation) -> BoxFuture<'static, Result<Outcome, Failure>> + Send + Sync>;

/// The functions of an app, by the names of their folders.
#[derive(Clone, Default)]
pub struct FunctionApp {
    functions: BTreeMap<&'static str, Handler>,
}

impl FunctionApp {
    /// An app without functions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function.
    ///
    /// # Panics
    /// If the name is taken: two handlers for one function are a mistake in the program.
    #[must_use]
    pub fn function<H, F>(mut self, name: &'static str, handler: H) -> Self
    where
        H: Fn(Invocation) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Outcome, Failure>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |invocation| handler(invocation).boxed());
        assert!(self.functions.insert(name, handler).is_none(), "two handlers for the function {name}");
        self
    }

    /// The names of the functions, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.functions.keys().copied()
    }

    /// The app as the host wants it: `GET /` says that it is ready, `POST /{name}` invokes.
    pub fn into_router(self) -> Router {
        // The host takes any answer on `/` for "ready", asks often, and sends no credentials.
        Router::new()
            .route("/", get(|| async { answer(StatusCode::OK, &json!({ "ready": true })) }))
            .route("/{function}", axum::routing::post(invoke))
            .fallback(|| async { refuse(StatusCode::NOT_FOUND, "no such function") })
            .method_not_allowed_fallback(|| async { refuse(StatusCode::METHOD_NOT_ALLOWED, "functions take POST") })
            .with_state(Arc::new(self.functions))
    }
}

impl std::fmt::Debug for FunctionApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.functions.keys()).finish()
    }
}

/// Every answer is JSON and says so: the host fails an invocation on any other media type.
fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn refuse(status: StatusCode, why: &str) -> Response {
    answer(status, &Failure::new(why).encode())
}

async fn invoke(
    State(functions): State<Arc<BTreeMap<&'static str, Handler>>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let Some((&name, handler)) = name.ok().and_then(|Path(name)| functions.get_key_value(name.as_str())) else {
        return refuse(StatusCode::NOT_FOUND, "no such function");
    };
    let (parts, body) = request.into_parts();
    // The content type is not checked: the host's is fixed, and a person with curl should not trip over it.
    let invocation = match read(&parts.headers, body).await {
        Ok(bytes) => Invocation::decode(&parts.headers, &bytes),
        Err(refusal) => return refusal,
    };
    let invocation = match invocation {
        Ok(invocation) => invocation,
        Err(error) => {
            tracing::warn!(function = name, %error, "invocation refused");
            return refuse(StatusCode::BAD_REQUEST, &error.to_string());
        }
    };
    run(name, handler, invocation).await
}

/// The whole body, however it is sent: the host usually sends it chunked, without a length.
async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Response> {
    let too_large = || refuse(StatusCode::PAYLOAD_TOO_LARGE, "the invocation exceeds the limit of 16 MiB");
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_ENVELOPE_BYTES) {
        return Err(too_large());
    }
    to_bytes(body, MAX_ENVELOPE_BYTES).await.map_err(|error| match error.source() {
        Some(source) if source.is::<LengthLimitError>() => too_large(),
        _ => refuse(StatusCode::BAD_REQUEST, "the request's body broke off"),
    })
}

/// What an invocation is part of: the host's request, else the message, which its sender marked.
fn parent(invocation: &Invocation) -> Option<TraceContext> {
    let header = invocation.traceparent.as_deref().and_then(TraceContext::parse);
    header.or_else(|| TraceContext::parse(&invocation.metadata.traceparent()?))
}

async fn run(name: &'static str, handler: &Handler, invocation: Invocation) -> Response {
    let started = Instant::now();
    let (delivery_count, invocation_id) = (invocation.metadata.delivery_count(), invocation.id.clone());
    let scope = Scope::new(parent(&invocation));
    let trace_id = scope.context.trace();
    let span = tracing::info_span!("invocation", function = name, invocation_id, trace_id);
    // A panic fails this invocation and no other. It may not take the process down: the host would count it against
    // the app, and every other invocation in flight would be delivered again.
    let outcome =
        AssertUnwindSafe(scope.run(async { handler(invocation).await })).catch_unwind().instrument(span).await;
    let outcome = outcome.unwrap_or_else(|_| Err(Failure::new(format!("the function {name} panicked"))));
    let notes = scope.notes();
    trace::export(|| Span {
        name: name.to_owned(),
        by_message: delivery_count.is_some(),
        context: scope.context,
        parent: scope.parent,
        started: scope.started,
        ended: SystemTime::now(),
        invocation_id: Some(invocation_id.clone()),
        delivery_count,
        notes: notes.clone(),
        error: outcome.as_ref().err().map(|failure| failure.message.clone()),
    });
    // The one line of an invocation says all by itself, without the span that the lines before it stand in.
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let trace::Notes { run, connection, requests } = notes;
    macro_rules! line {
        ($level:ident, $outcome:literal $(, $more:tt)*) => {
            tracing::$level!(
                function = name, invocation_id, trace_id, run, connection, outcome = $outcome, duration_ms, requests,
                delivery_count $(, $more)*, "invoked"
            )
        };
    }
    match outcome {
        Ok(outcome) => {
            line!(info, "success");
            answer(StatusCode::OK, &outcome.encode())
        }
        Err(failure) => {
            let error = failure.message.as_str();
            line!(warn, "failure", error);
            answer(StatusCode::INTERNAL_SERVER_ERROR, &failure.encode())
        }
    }
}

#[cfg(test)]
mod tests;
