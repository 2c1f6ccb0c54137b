//! Calling a function: an HTTP request that never leaves the process.

use crate::trace::TraceContext;
use crate::wire::{self, HOST_VERSION, INVOCATION_ID, TRACEPARENT, Verdict};
use crate::{MAX_ENVELOPE_BYTES, ids};
use ::http::{Request, header};
use axum::Router;
use axum::body::{Body, to_bytes};
use serde_json::Value;
use std::time::Duration;
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// The version of the real host whose behaviour this one reproduces.
const REPRODUCED_VERSION: &str = "4.1037";

/// Calls functions and judges what they answer, as the real host does.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) app: Router,
    pub(super) timeout: Duration,
}

/// A task that ends with whoever waits for it.
struct Owned<T>(JoinHandle<T>);

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Caller {
    /// Invokes `function`. Whatever goes wrong is a verdict; dropping the future drops the handler.
    ///
    /// `caused_by` is the trace context of what fired the function, as it came; without a valid one a trace begins.
    pub(super) async fn call(&self, function: &'static str, envelope: &Value, caused_by: Option<&str>) -> Verdict {
        let traceparent = caused_by.and_then(TraceContext::parse).unwrap_or_else(TraceContext::root);
        let invocation_id = ids::guid();
        let request = Request::post(format!("/{function}"))
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .header(header::USER_AGENT, format!("Azure-Functions-Host/{REPRODUCED_VERSION}"))
            .header(HOST_VERSION, REPRODUCED_VERSION)
            .header(INVOCATION_ID, &invocation_id)
            .header(TRACEPARENT, traceparent.to_string())
            .body(Body::from(envelope.to_string()));
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                return Verdict::Failed(format!("the request could not be built: {error}"));
            }
        };
        // A task of its own, so that a handler that computes for long cannot keep the caller from renewing its lock.
        let mut task = Owned(tokio::spawn(exchange(self.app.clone(), request)));
        let verdict = match tokio::time::timeout(self.timeout, &mut task.0).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) => Verdict::Failed("the invocation's task ended early".into()),
            Err(_) => {
                tracing::warn!(function, invocation_id, timeout = ?self.timeout, "functionTimeout: the handler is dropped");
                Verdict::Failed(format!("functionTimeout: no answer within {:?}", self.timeout))
            }
        };
        match &verdict {
            Verdict::Success(answer) => {
                for line in &answer.logs {
                    tracing::info!(function, invocation_id, "{line}");
                }
            }
            Verdict::Failed(reason) => {
                tracing::debug!(function, invocation_id, reason, "invocation failed");
            }
            Verdict::NeverCompletes(reason) => tracing::error!(
                function,
                invocation_id,
                reason,
                "in Azure this invocation would hang until functionTimeout: always answer the full object"
            ),
        }
        verdict
    }
}

async fn exchange(app: Router, request: Request<Body>) -> Verdict {
    let response = match app.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (parts, body) = response.into_parts();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match to_bytes(body, MAX_ENVELOPE_BYTES).await {
        Ok(body) => wire::judge(parts.status, content_type, &body),
        Err(_) => Verdict::Failed("the answer exceeds the limit of 16 MiB, or broke off".into()),
    }
}
