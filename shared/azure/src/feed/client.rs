//! One request to the feed. The token goes to the hosts that the connection allows and nowhere else: each address is
//! checked before a token is even asked for, those that an answer redirects to as well.

use super::inventory::FeedLook;
use super::refusal::{Refusal, in_words};
use super::shared::FeedShared;
use crate::arm::{Counters, sign_in_story, too_long_text};
use crate::http::{BodyError, read_body, transport_text};
use crate::rate_headers::retry_after;
use crate::sign_in::AccessToken;
use crate::throttle::{Kind, Meter, Pass, Patience, TooLong, jittered};
use crate::versions::FEED_USER_AGENT_HEADER;
use bytes::Bytes;
use jiff::Timestamp;
use poolwarden_domain::feed::FeedModel;
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use reqwest::header::{
    ACCEPT, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use reqwest::{RequestBuilder, Response};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

/// Requests of one handle under way at once: documents, icons and `.rdp` files together.
pub(super) const REQUESTS_OF_A_HANDLE: usize = 32;
/// Redirects that one request follows.
const REDIRECTS: u32 = 5;
/// How often a request that fails is sent.
const TRIES: u32 = 4;
/// How often a request may be throttled, however short the waits are.
const THROTTLED_TRIES: u32 = 20;
/// Longest time for one answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest `ETag` or `Last-Modified` that is sent back.
const VALIDATOR_BYTES: usize = 256;

/// What to send back to learn whether a document changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

impl Validators {
    fn of(headers: &HeaderMap) -> Self {
        let header = |name| headers.get(name).filter(|value| value.len() <= VALIDATOR_BYTES).cloned();
        Self { etag: header(ETAG), last_modified: header(LAST_MODIFIED) }
    }

    fn headers(&self) -> Vec<(HeaderName, &HeaderValue)> {
        let etag = self.etag.iter().map(|etag| (IF_NONE_MATCH, etag));
        etag.chain(self.last_modified.iter().map(|since| (IF_MODIFIED_SINCE, since))).collect()
    }

    pub(super) fn is_none(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// One thing to ask for.
pub(super) struct Ask<'a> {
    pub(super) url: &'a Url,
    pub(super) model: FeedModel,
    /// What it is, for a person: "the icon".
    pub(super) what: &'static str,
    /// What it is of.
    pub(super) scope: &'a ArmId,
    pub(super) accept: &'static str,
    /// The largest answer, in bytes.
    pub(super) limit: usize,
    /// What an earlier answer came with: then it may be that nothing changed.
    pub(super) validators: Option<&'a Validators>,
}

/// What came back.
pub(super) enum Answer {
    /// It, from the address that had it in the end.
    Got { body: Bytes, url: Url, validators: Validators },
    /// It has not changed.
    NotModified,
    /// The service says, in these words, that there is no such thing.
    Absent { status: u16, text: String },
}

/// One try's result.
enum Try {
    Done(Answer),
    Moved(Url),
    /// Worth another try, after what the service asked for.
    Failed(String, Option<Duration>),
    Throttled,
    NotAccepted(AccessToken),
    Hopeless(Unreadable),
}

/// Asks on behalf of one handle.
pub(super) struct FeedClient {
    pub(super) shared: Arc<FeedShared>,
    pub(super) counters: Counters,
    pub(super) look: FeedLook,
    user_agent: Result<HeaderValue, Unreadable>,
    requests: Semaphore,
}

impl FeedClient {
    pub(super) fn new(shared: Arc<FeedShared>, user_agent: &str, look: FeedLook) -> Self {
        let unfit = |_| Unreadable::new(Why::Failed, "the setting `user_agent` has characters that no header may have");
        Self {
            shared,
            counters: Counters::default(),
            look,
            user_agent: HeaderValue::from_str(user_agent).map_err(unfit),
            requests: Semaphore::new(REQUESTS_OF_A_HANDLE),
        }
    }

    /// Asks, as often as it takes and makes sense.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Reading<Answer> {
        let story = |url: &Url, why, text: &str| {
            Unreadable::new(why, format!("{} of {}, at {}: {text}", ask.what, ask.scope, shown(url)))
        };
        let mut url = ask.url.clone();
        let (mut failures, mut throttled, mut redirects, mut renewed) = (0, 0, 0, false);
        let mut patience = Patience(self.shared.patience);
        loop {
            match self.attempt(ask, &url, throttled, &mut patience).await {
                Try::Done(answer) => return Ok(answer),
                Try::Hopeless(reason) => return Err(story(&url, reason.why, &reason.detail)),
                Try::Moved(_) if redirects == REDIRECTS => {
                    return Err(story(&url, Why::Failed, &format!("more than {REDIRECTS} redirects")));
                }
                Try::Moved(location) => {
                    redirects += 1;
                    if let Err(text) = self.allowed(&location) {
                        return Err(story(&url, Why::Malformed, &format!("a redirect; {text}")));
                    }
                    url = location;
                }
                Try::NotAccepted(token) => {
                    let scope = self.shared.endpoints.feed_scope(ask.model);
                    if renewed || !self.shared.may_renew(scope, token) {
                        let text = "401; a new token was not accepted either: check that the connection's tenant and \
                                    cloud are the right ones, and that the application has User.Access";
                        return Err(story(&url, Why::Forbidden, text));
                    }
                    renewed = true;
                }
                Try::Throttled => {
                    throttled += 1;
                    if throttled >= THROTTLED_TRIES {
                        let text = "the service keeps asking to wait (429); try again later";
                        return Err(story(&url, Why::Throttled, text));
                    }
                }
                Try::Failed(text, asked) => {
                    failures += 1;
                    if failures >= TRIES {
                        let text = format!("{text}, {TRIES} times in a row; try again later");
                        return Err(story(&url, Why::Failed, &text));
                    }
                    let pause = asked.unwrap_or_else(|| jittered(self.shared.pause * (1 << (failures - 1))));
                    patience.spend(pause).map_err(|wait| story(&url, Why::Throttled, &too_long_text(wait)))?;
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Whether anything may be asked of this address at all.
    pub(super) fn allowed(&self, url: &Url) -> Result<(), String> {
        let is_plain = url.username().is_empty() && url.password().is_none();
        if is_plain && self.shared.endpoints.is_feed(url) {
            return Ok(());
        }
        let host = crate::answers::safe(url.host_str().unwrap_or("nowhere"), 100);
        Err(format!(
            "it leads to {host}, which is no host of the feed by https; it was not asked, and no token was sent"
        ))
    }

    async fn attempt(&self, ask: &Ask<'_>, url: &Url, throttled: u32, patience: &mut Patience) -> Try {
        // Before anything else: from here on there is a token at hand.
        if let Err(text) = self.allowed(url) {
            return Try::Hopeless(Unreadable::new(Why::Malformed, text));
        }
        let shared = &self.shared;
        let token = match shared.credentials.token(shared.endpoints.feed_scope(ask.model)).await {
            Ok(token) => token,
            Err(error) => return Try::Hopeless(sign_in_story(&error)),
        };
        let request = match self.request(ask, url, &token) {
            Ok(request) => request,
            Err(reason) => return Try::Hopeless(reason),
        };
        let _of_handle = self.requests.acquire().await;
        let (pass, _permit) = match self.admitted(url, patience).await {
            Ok(admitted) => admitted,
            Err(too_long) => return Try::Hopeless(Unreadable::new(Why::Throttled, too_long_text(too_long))),
        };
        self.counters.feed.fetch_add(1, Ordering::Relaxed);
        let response = match request.send().await {
            Ok(response) => response,
            // A host without an address, too: both models are asked of the same one, so that tells of no retirement.
            Err(error) => return Try::Failed(transport_text(error), None),
        };
        if pass.answered(response.status().as_u16(), response.headers(), throttled).is_some() {
            self.counters.throttled.fetch_add(1, Ordering::Relaxed);
            return Try::Throttled;
        }
        self.received(ask, url, token, response).await
    }

    fn request(&self, ask: &Ask<'_>, url: &Url, token: &AccessToken) -> Reading<RequestBuilder> {
        let user_agent = self.user_agent.as_ref().map_err(Clone::clone)?;
        let get = self.shared.http.0.get(url.clone()).timeout(TIMEOUT).bearer_auth(token.secret.expose_secret());
        let request = get.header(ACCEPT, ask.accept).header(FEED_USER_AGENT_HEADER, user_agent);
        Ok(ask
            .validators
            .map_or_else(Vec::new, Validators::headers)
            .into_iter()
            .fold(request, |request, (name, value)| request.header(name, value)))
    }

    /// Waits for this request's turn.
    async fn admitted(
        &self,
        url: &Url,
        patience: &mut Patience,
    ) -> Result<(Pass, Option<SemaphorePermit<'_>>), TooLong> {
        let meter = Meter { subject: url.authority().to_owned(), kind: Kind::Feed, units: 1 };
        loop {
            let pass = self.shared.throttle.admit(&meter, patience).await?;
            // The semaphore is never closed.
            let permit = self.shared.requests.acquire().await.ok();
            if pass.is_good() {
                return Ok((pass, permit));
            }
            pass.unused();
        }
    }

    async fn received(&self, ask: &Ask<'_>, url: &Url, token: AccessToken, response: Response) -> Try {
        let (status, headers) = (response.status().as_u16(), response.headers());
        if matches!(status, 301 | 302 | 303 | 307 | 308) {
            return moved(url, headers);
        }
        if status == 304 && ask.validators.is_some() {
            return Try::Done(Answer::NotModified);
        }
        let (validators, wait) = (Validators::of(headers), retry_after(headers, Timestamp::now()));
        let body = match read_body(response, ask.limit).await {
            Ok(body) => body,
            Err(BodyError::Broken(text)) => return Try::Failed(text, None),
            Err(BodyError::TooLarge) => {
                let text = format!("{status}, and the answer is larger than {} KiB", ask.limit / 1024);
                return Try::Hopeless(Unreadable::new(Why::TooLarge, text));
            }
        };
        if (200..300).contains(&status) {
            return Try::Done(Answer::Got { body, url: url.clone(), validators });
        }
        let user_agent = self.user_agent.as_ref().ok().and_then(|value| value.to_str().ok()).unwrap_or_default();
        match in_words(status, &body, user_agent) {
            Refusal::NotAccepted => Try::NotAccepted(token),
            Refusal::Absent(text) => Try::Done(Answer::Absent { status, text }),
            Refusal::Passing(text) => Try::Failed(text, wait),
            Refusal::Lasting(reason) => Try::Hopeless(reason),
        }
    }
}

fn moved(from: &Url, headers: &HeaderMap) -> Try {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    match location.and_then(|location| from.join(location).ok()) {
        Some(location) => Try::Moved(location),
        None => Try::Hopeless(Unreadable::new(Why::Malformed, "a redirect to nowhere")),
    }
}

/// An address without what may be secret of it: no query, no fragment, no user.
pub(super) fn shown(url: &Url) -> String {
    crate::answers::safe(&format!("{}{}", url.host_str().unwrap_or_default(), url.path()), 200)
}
