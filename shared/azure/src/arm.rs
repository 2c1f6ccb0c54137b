//! The client for Azure Resource Manager: one request with everything that can go wrong with it, told apart. The
//! management interface of the classic service and Microsoft Graph are asked with the same patience.
//!
//! It retries what a retry can mend, waits when Azure says so, renews a token that was not accepted once, and sends
//! the token to the connection's own host only.

use crate::answers::{error_text, not_json};
use crate::cloud::Endpoints;
use crate::http::{BodyError, Http, read_body, transport_text};
use crate::inventory::Requests;
use crate::rate_headers::retry_after;
use crate::sign_in::{Credentials, SignInError};
use crate::throttle::{Kind, Meter, Patience, Throttle, TooLong, jittered};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::Timestamp;
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use secrecy::ExposeSecret;
use service::Service;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use url::Url;

/// Requests under way at once, over all connections of a process.
const REQUESTS_AT_ONCE: usize = 64;
/// Memory that answers under way may take together, in KiB. An answer of unknown length counts as the second number.
const BODIES_KIB: u32 = 16 * 1024;
const UNKNOWN_BODY_KIB: u32 = 256;
/// Largest answer, in bytes.
const BODY_LIMIT: usize = 32 * 1024 * 1024;
/// How often a request that fails is sent.
pub(crate) const TRIES: u32 = 4;
/// How often a request may be throttled, however short the waits are.
pub(crate) const THROTTLED_TRIES: u32 = 20;
/// The pause before the second try; it doubles, and is jittered.
const PAUSE: Duration = Duration::from_millis(400);
/// Longest time for one answer.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How long a request waits in all because Azure asks for it.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a failure ends after which a request may have been carried out all the same.
pub(crate) const NOT_KNOWN: &str = "it is not known whether it was done";

/// What every connection handle of one identity shares: the HTTP client, the throttle, the tokens.
pub struct Shared {
    service: Service,
    http: Http,
    credentials: Arc<dyn Credentials>,
    pub(crate) endpoints: Endpoints,
    throttle: Throttle,
    requests: Semaphore,
    bodies: Semaphore,
    pub(crate) patience: Duration,
    pub(crate) pause: Duration,
}

impl Shared {
    /// Ready to ask, nothing asked yet.
    pub fn new(http: Http, credentials: Arc<dyn Credentials>, endpoints: Endpoints) -> Self {
        Self {
            service: Service::Arm,
            http,
            credentials,
            endpoints,
            throttle: Throttle::default(),
            requests: Semaphore::new(REQUESTS_AT_ONCE),
            bodies: Semaphore::new(BODIES_KIB as usize),
            patience: PATIENCE,
            pause: PAUSE,
        }
    }

    /// The same identity, patience and HTTP client for key vaults.
    pub(crate) fn to_vaults(&self) -> Self {
        let shared = Self::new(self.http.clone(), Arc::clone(&self.credentials), self.endpoints.clone());
        Self { service: Service::KeyVault, patience: self.patience, pause: self.pause, ..shared }
    }

    /// The object id of the identity that asks, if its token tells; nobody relies on it but reports.
    pub(crate) async fn own_object_id(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Claims {
            oid: String,
        }
        let token = self.credentials.token(self.service.scope(&self.endpoints)).await.ok()?;
        let claims = token.secret.expose_secret().split('.').nth(1)?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        Some(poolwarden_domain::access::principal_id(&claims.oid)).filter(|id| !id.is_empty())
    }

    /// The same for the management interface of the classic service.
    pub(crate) fn for_classic(self) -> Self {
        Self { service: Service::Classic, ..self }
    }

    /// The same for Microsoft Graph.
    pub(crate) fn for_graph(self) -> Self {
        Self { service: Service::Graph, ..self }
    }

    /// The same with another limit to how long one request waits because Azure asks for it (two minutes by default).
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same with another first pause between tries.
    #[cfg(test)]
    pub(crate) fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }
}

/// What was asked so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    arm: AtomicU64,
    resource_graph: AtomicU64,
    pub(crate) feed: AtomicU64,
    pub(crate) graph: AtomicU64,
    pub(crate) throttled: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Requests {
        Requests {
            arm: self.arm.load(Ordering::Relaxed),
            resource_graph: self.resource_graph.load(Ordering::Relaxed),
            feed: self.feed.load(Ordering::Relaxed),
            graph: self.graph.load(Ordering::Relaxed),
            throttled: self.throttled.load(Ordering::Relaxed),
        }
    }
}

/// One thing to ask.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) url: Url,
    /// A JSON body makes a read a POST.
    pub(crate) body: Option<Bytes>,
    /// Its kind tells whether it writes: with a body it makes something then, without one it removes something.
    pub(crate) meter: Meter,
    /// What is asked, for a person: "the host pools".
    pub(crate) what: &'static str,
    /// What it is asked of.
    pub(crate) scope: ArmId,
    /// The role (of Microsoft Graph: the permission) that lets one ask, for the advice after a 403.
    pub(crate) role: &'static str,
}

/// Asks on behalf of one inventory handle.
#[derive(Clone)]
pub(crate) struct Arm {
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Arc<Counters>,
}

/// What has happened to one call so far.
struct History {
    failures: u32,
    throttled: u32,
    misread: bool,
    renewed: bool,
    patience: Patience,
}

/// One try's result.
enum Try<T> {
    Done(T),
    NotFound,
    /// Worth another try, after what the service asked for.
    Failed(String, Option<Duration>),
    Throttled(Duration),
    /// The classic service's host has no address, or refuses the connection.
    NobodyThere(String),
    NotAccepted(String),
    Misread(String),
    Hopeless(Unreadable),
}

impl Arm {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, counters: Arc::default() }
    }

    /// Asks, and reads the answer with `read`, which tells in words why it cannot. `None`: there is no such thing.
    pub(crate) async fn ask<T>(&self, call: &Call, read: impl Fn(&[u8]) -> Result<T, String>) -> Reading<Option<T>> {
        let story = |why, text: &str| Unreadable::new(why, format!("{}: {text}", self.shared.service.subject(call)));
        if !self.shared.service.may_ask(&self.shared.endpoints, &call.url) {
            let host = call.url.host_str().unwrap_or_default();
            return Err(story(
                Why::Malformed,
                &format!("the next page is on another host ({host}); it was not asked, and no token was sent"),
            ));
        }
        let mut history = History {
            failures: 0,
            throttled: 0,
            misread: false,
            renewed: false,
            patience: Patience(self.shared.patience),
        };
        loop {
            let pause = match self.attempt(call, &mut history, &read).await {
                Try::Done(value) => return Ok(Some(value)),
                Try::NotFound => return Ok(None),
                Try::Hopeless(reason) => return Err(story(reason.why, &reason.detail)),
                Try::NotAccepted(text) if history.renewed => {
                    let advice = "a new token was not accepted either; check that the connection's tenant and cloud are the right ones";
                    return Err(story(Why::Forbidden, &format!("{text}; {advice}")));
                }
                Try::NotAccepted(_) => {
                    history.renewed = true;
                    continue;
                }
                // Who asks has to look first whether it was done all the same.
                Try::Misread(text) | Try::Failed(text, _) if !self.shared.service.may_repeat(call) => {
                    return Err(story(Why::Failed, &format!("{text}; {NOT_KNOWN}")));
                }
                Try::Misread(text) if history.misread => return Err(story(Why::Malformed, &text)),
                Try::Misread(_) => {
                    history.misread = true;
                    jittered(self.shared.pause)
                }
                Try::Throttled(wait) => {
                    history.throttled += 1;
                    if history.throttled >= THROTTLED_TRIES {
                        return Err(story(Why::Throttled, "Azure keeps asking to wait (429); try again later"));
                    }
                    // The lane holds everyone back, so the wait itself happens on the way in.
                    tracing::debug!(what = call.what, scope = %call.scope, ?wait, "throttled");
                    continue;
                }
                Try::NobodyThere(text) => {
                    history.failures += 1;
                    if history.failures >= TRIES {
                        let host = call.url.host_str().unwrap_or_default();
                        let advice =
                            "should nothing else answer this machine either, it is its network that is to blame";
                        return Err(story(Why::Retired, &format!("nobody answers at {host}: {text}; {advice}")));
                    }
                    jittered(self.shared.pause * (1 << (history.failures - 1)))
                }
                Try::Failed(text, asked) => {
                    history.failures += 1;
                    if history.failures >= TRIES {
                        return Err(story(Why::Failed, &format!("{text}, {TRIES} times in a row; try again later")));
                    }
                    asked.unwrap_or_else(|| jittered(self.shared.pause * (1 << (history.failures - 1))))
                }
            };
            history.patience.spend(pause).map_err(|too_long| story(Why::Throttled, &too_long_text(too_long)))?;
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt<T>(
        &self,
        call: &Call,
        history: &mut History,
        read: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Try<T> {
        let shared = &self.shared;
        let scope = shared.service.scope(&shared.endpoints);
        let token = match shared.credentials.token(scope).await {
            Ok(token) => token,
            Err(error) => return Try::Hopeless(sign_in_story(&error)),
        };
        let (pass, _permit) = loop {
            let pass = match shared.throttle.admit(&call.meter, &mut history.patience).await {
                Ok(pass) => pass,
                Err(too_long) => return Try::Hopeless(Unreadable::new(Why::Throttled, too_long_text(too_long))),
            };
            let permit = shared.requests.acquire().await;
            if pass.is_good() {
                break (pass, permit);
            }
            pass.unused();
        };
        let request = shared.http.0.request(shared.service.method(call), call.url.clone());
        let request = match &call.body {
            None => request,
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.clone()),
        };
        let request = match shared.service {
            Service::Arm | Service::Graph | Service::KeyVault => request,
            Service::Classic => request.header(service::CORRELATION_ID, service::correlation_id()),
        };
        let counter = match (shared.service, call.meter.kind) {
            (Service::Graph, _) | (_, Kind::Graph) => &self.counters.graph,
            (Service::Classic, _) | (_, Kind::Feed) => &self.counters.feed,
            (Service::Arm | Service::KeyVault, Kind::Query) => &self.counters.resource_graph,
            (Service::Arm | Service::KeyVault, Kind::Read | Kind::SessionHosts | Kind::Write) => &self.counters.arm,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let response = match request.bearer_auth(token.secret.expose_secret()).timeout(TIMEOUT).send().await {
            Ok(response) => response,
            Err(error) if shared.service == Service::Classic && error.is_connect() && !error.is_timeout() => {
                return Try::NobodyThere(transport_text(error));
            }
            Err(error) => return Try::Failed(transport_text(error), None),
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        if let Some(wait) = pass.answered(status, &headers, history.throttled) {
            self.counters.throttled.fetch_add(1, Ordering::Relaxed);
            return Try::Throttled(wait);
        }
        let announced = response
            .content_length()
            .map_or(UNKNOWN_BODY_KIB, |length| u32::try_from(length / 1024 + 1).unwrap_or(BODIES_KIB));
        let _memory = shared.bodies.acquire_many(announced.min(BODIES_KIB)).await;
        let body = match read_body(response, BODY_LIMIT).await {
            Ok(body) => body,
            Err(BodyError::Broken(text)) => return Try::Failed(text, None),
            Err(BodyError::TooLarge) => {
                let text = format!("the answer is larger than {} MiB", BODY_LIMIT / 1024 / 1024);
                return Try::Hopeless(Unreadable::new(Why::TooLarge, text));
            }
        };
        match status {
            200..=299 => match read(&body) {
                Ok(value) => Try::Done(value),
                Err(text) => Try::Misread(text),
            },
            401 => {
                shared.credentials.reject(scope, &token);
                Try::NotAccepted(format!("401 {}", error_text(&body)))
            }
            404 => Try::NotFound,
            410 if shared.service == Service::Classic => {
                Try::Hopeless(Unreadable::new(Why::Retired, format!("410 {}", error_text(&body))))
            }
            408 | 500 | 502 | 503 | 504 => {
                Try::Failed(format!("{status} {}", error_text(&body)), retry_after(&headers, Timestamp::now()))
            }
            403 => {
                let advice = shared.service.advice(call);
                Try::Hopeless(Unreadable::new(Why::Forbidden, format!("403 {}; {advice}", error_text(&body))))
            }
            300..=399 => Try::Hopeless(Unreadable::new(Why::Failed, redirect_text(status, &headers))),
            _ => Try::Hopeless(Unreadable::new(Why::Failed, format!("{status} {}", error_text(&body)))),
        }
    }
}

/// Reads JSON, or says in words why that is none.
pub(crate) fn json<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| not_json(body, &error))
}

pub(crate) fn too_long_text(TooLong(wait): TooLong) -> String {
    format!("Azure asks to wait {} seconds more than a run can (429); try again later", wait.as_secs())
}

pub(crate) fn sign_in_story(error: &SignInError) -> Unreadable {
    let why = match error {
        SignInError::Refused { .. } => Why::Forbidden,
        SignInError::Unreachable(_) | SignInError::Misconfigured(_) => Why::Failed,
    };
    Unreadable::new(why, error.to_string())
}

fn redirect_text(status: u16, headers: &HeaderMap) -> String {
    // The host only: a location may carry a signature.
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).and_then(|text| Url::parse(text).ok());
    let host = location.as_ref().and_then(Url::host_str).unwrap_or("an unknown place");
    format!("{status}, a redirect to {}; redirects are not followed", crate::answers::safe(host, 100))
}

mod service;
#[cfg(test)]
mod tests;
