//! Begins an import for whoever holds a key of the function: of one connection, or of one host pool.

use crate::deps::Deps;
use crate::import::claims::{MAX_KEY_CHARS, Repeat};
use crate::import::{self, MAX_BODY_BYTES, REQUEST, refuse, too_large};
use axum::http::StatusCode;
use poolwarden_host::{Failure, Invocation, Outcome};
use std::sync::Arc;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    let request = invocation.http(REQUEST)?;
    if request.body.as_ref().is_some_and(|body| body.len() > MAX_BODY_BYTES) {
        return Ok(too_large(MAX_BODY_BYTES));
    }
    // Senders of webhooks that cannot sign number their messages all the same.
    let repeat = match request.header("idempotency-key").or_else(|| request.header("webhook-id")) {
        None => Repeat::Unknown,
        Some(key) if (1..=MAX_KEY_CHARS).contains(&key.chars().count()) => Repeat::same("key", key),
        Some(_) => {
            let why = format!("the header Idempotency-Key has no or more than {MAX_KEY_CHARS} characters");
            return Ok(refuse(StatusCode::BAD_REQUEST, &why));
        }
    };
    import::import(deps, &request, repeat).await
}
