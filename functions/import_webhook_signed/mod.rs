//! Begins an import for whoever signs the request as Standard Webhooks says, or brings a token of Microsoft Entra.
//!
//! The Functions host lets everybody through to here; whoever cannot show that they may ask is answered 401, learns
//! nothing, and leaves no trace but a line in the log.

use crate::deps::Deps;
use crate::import::claims::{MAX_KEY_CHARS, Repeat};
use crate::import::trust::Asker;
use crate::import::{self, MAX_BODY_BYTES, REQUEST, refuse, too_large, unauthorized};
use axum::http::StatusCode;
use poolwarden_host::{Failure, Invocation, Outcome};
use std::sync::Arc;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    let request = invocation.http(REQUEST)?;
    if request.body.as_ref().is_some_and(|body| body.len() > MAX_BODY_BYTES) {
        return Ok(too_large(MAX_BODY_BYTES));
    }
    let asker = match deps.trust.asker(&request, deps.now()).await {
        Ok(Ok(asker)) => asker,
        Ok(Err(denied)) => {
            let reason = Failure::caused_by(&denied).message;
            tracing::warn!(reason, "signed import refused");
            return Ok(unauthorized());
        }
        Err(trouble) => {
            let reason = Failure::caused_by(&trouble).message;
            tracing::error!(reason, "signed imports cannot be checked now");
            return Ok(refuse(StatusCode::SERVICE_UNAVAILABLE, "try again later"));
        }
    };
    let repeat = match &asker {
        Asker::Signer { webhook_id } => Repeat::refused(webhook_id),
        Asker::Application(caller) => match request.header("idempotency-key") {
            Some(key) if (1..=MAX_KEY_CHARS).contains(&key.chars().count()) => Repeat::same(&caller.client, key),
            Some(_) => {
                let why = format!("the header Idempotency-Key has no or more than {MAX_KEY_CHARS} characters");
                return Ok(refuse(StatusCode::BAD_REQUEST, &why));
            }
            None => Repeat::Unknown,
        },
    };
    import::import(deps, &request, repeat).await
}
