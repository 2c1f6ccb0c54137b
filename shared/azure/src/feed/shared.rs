//! What the handles of one connection have in common.

use super::documents::DocumentCache;
use crate::cloud::Endpoints;
use crate::http::Http;
use crate::sign_in::{AccessToken, Credentials};
use crate::throttle::Throttle;
use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Requests under way at once, over all handles of a connection.
const REQUESTS_AT_ONCE: usize = 64;
/// The pause before the second try; it doubles, and is jittered.
const PAUSE: Duration = Duration::from_millis(400);
/// How long a request waits in all because the service asks for it.
const PATIENCE: Duration = Duration::from_secs(120);
/// A token that is not accepted is renewed once in this time, however many requests meet that.
const RENEWAL_PAUSE: Duration = Duration::from_secs(300);

/// What every handle of one connection shares: the HTTP client, the tokens, and the documents that need not be sent
/// again if they did not change.
pub struct FeedShared {
    pub(super) http: Http,
    pub(super) credentials: Arc<dyn Credentials>,
    pub(super) endpoints: Endpoints,
    pub(super) documents: DocumentCache,
    pub(super) throttle: Throttle,
    pub(super) requests: Semaphore,
    renewals: Mutex<HashMap<&'static str, Renewal>>,
    pub(super) patience: Duration,
    pub(super) pause: Duration,
}

/// A token that was not accepted, and when another one was asked for in its place.
struct Renewal {
    rejected: AccessToken,
    at: Instant,
}

impl FeedShared {
    /// Ready to ask, nothing asked yet.
    pub fn new(http: Http, credentials: Arc<dyn Credentials>, endpoints: Endpoints) -> Self {
        Self {
            http,
            credentials,
            endpoints,
            documents: DocumentCache::default(),
            throttle: Throttle::default(),
            requests: Semaphore::new(REQUESTS_AT_ONCE),
            renewals: Mutex::default(),
            patience: PATIENCE,
            pause: PAUSE,
        }
    }

    /// The same with another limit to how long one request waits because the service asks for it (two minutes by
    /// default).
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same with another first pause between tries.
    #[cfg(test)]
    pub(super) fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Whether a request whose token was not accepted may try a newer one. Many requests meet the same stale token at
    /// once, and a service that accepts none must not make each of them sign in again.
    pub(super) fn may_renew(&self, scope: &'static str, token: AccessToken) -> bool {
        let mut renewals = self.renewals.lock().unwrap_or_else(PoisonError::into_inner);
        match renewals.get(scope) {
            Some(last) if last.rejected.secret.expose_secret() == token.secret.expose_secret() => true,
            Some(last) if last.at.elapsed() < RENEWAL_PAUSE => false,
            _ => {
                self.credentials.reject(scope, &token);
                renewals.insert(scope, Renewal { rejected: token, at: Instant::now() });
                true
            }
        }
    }
}
