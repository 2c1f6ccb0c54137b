//! Queues in a Service Bus namespace, through its REST interface, with tokens of Microsoft Entra.
//!
//! What the interface lacks stays undone here: a lock's duration, the delivery count and the duplicate window are the
//! queue's own settings; nobody dead-letters a message explicitly; the reason of an abandonment is not kept, and its
//! delay is this process' to wait (should it die meanwhile, the lock runs out instead).

mod error;
pub(crate) mod properties;
pub(crate) mod receive;
pub(crate) mod send;
#[cfg(test)]
mod tests;

pub use error::ServiceBusError;

use crate::cloud::{EndpointError, endpoint};
use crate::http::{BodyError, Http, read_body, transport_text};
use crate::sign_in::Credentials;
use crate::throttle::jittered;
use crate::versions::SERVICE_BUS_SCOPE;
use async_trait::async_trait;
use bytes::Bytes;
use error::Answer;
use jiff::Timestamp;
use poolwarden_store::{Delivery, Lock, Outgoing, QueueError, Queues, check_batch, check_name};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long and how often an answer is waited for, besides the time that a receive waits. A request that gets no answer,
/// 429 or 5xx may be repeated: a send by its message ids, a settlement by its lock.
pub(crate) struct Patience {
    timeout: Duration,
    tries: u32,
}

pub(crate) const PATIENCE: Patience = Patience { timeout: Duration::from_secs(30), tries: 4 };
/// For a settlement or a renewal: with the longest pause 30 seconds in all, half of a lock of a minute.
pub(crate) const LOCKED_PATIENCE: Patience = Patience { timeout: Duration::from_secs(10), tries: 2 };
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause that a Retry-After gets.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The longest wait of one receive, in seconds; whoever wants to wait longer asks again.
pub(crate) const MAX_WAIT_S: u64 = 50;
/// Largest answer, in bytes: a message has at most 256 KiB on the standard tier, 1 MiB on the premium one.
const ANSWER_LIMIT: usize = 2 << 20;

/// Queues in a Service Bus namespace. Cheap to clone.
#[derive(Clone)]
pub struct ServiceBus {
    inner: Arc<Inner>,
}

struct Inner {
    http: Http,
    credentials: Arc<dyn Credentials>,
    namespace: Url,
}

/// One answer, read whole.
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl ServiceBus {
    /// How long a poller should wait for a message: what nobody hears meanwhile costs no request.
    pub const LONG_POLL: Duration = Duration::from_secs(20);

    /// The queues of a namespace such as `https://contoso.servicebus.windows.net`. Nothing is asked yet.
    ///
    /// Tokens go to this host and no other, whatever an answer says.
    pub fn new(http: Http, credentials: Arc<dyn Credentials>, namespace: &str) -> Result<Self, EndpointError> {
        let mut namespace = endpoint(namespace)?;
        namespace.set_path("");
        namespace.set_query(None);
        Ok(Self { inner: Arc::new(Inner { http, credentials, namespace }) })
    }

    /// An address of this namespace.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.inner.namespace.clone();
        url.set_path(path);
        url
    }

    /// Sends a request until it is answered for good, with a fresh token if the first was not accepted.
    pub(crate) async fn ask(
        &self,
        method: &Method,
        url: &Url,
        wait: Duration,
        patience: &Patience,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Answer<Received> {
        let (mut pause, mut renewed) = (PAUSE, false);
        let mut tries_left = patience.tries;
        loop {
            tries_left -= 1;
            let token = self.inner.credentials.token(SERVICE_BUS_SCOPE).await.map_err(ServiceBusError::SignIn)?;
            let request = self.inner.http.0.request(method.clone(), url.clone()).timeout(patience.timeout + wait);
            let request = fill(request.bearer_auth(token.secret.expose_secret()));
            let error = match receive(request).await {
                Ok(received) if received.status == 401 && !renewed => {
                    renewed = true;
                    tries_left += 1;
                    self.inner.credentials.reject(SERVICE_BUS_SCOPE, &token);
                    continue;
                }
                Ok(received) if received.status < 400 => return Ok(received),
                Ok(received) => ServiceBusError::of(&received),
                Err(error) => error,
            };
            if tries_left == 0 || !error.is_worth_repeating() {
                return Err(error);
            }
            let asked = error.wait_asked().map(|asked| asked.min(LONGEST_PAUSE));
            tokio::time::sleep(asked.unwrap_or_else(|| jittered(pause))).await;
            pause *= 2;
        }
    }

    /// Asks about a locked message. A lock that is not known any more is lost.
    async fn settle(&self, method: Method, lock: &Lock, action: &'static str) -> Result<Received, QueueError> {
        let lost = || QueueError::LockLost { queue: lock.queue.clone() };
        if !receive::is_lock_of(lock) {
            return Err(lost());
        }
        match self.ask(&method, &self.url(&lock.token), Duration::ZERO, &LOCKED_PATIENCE, |request| request).await {
            Err(ServiceBusError::Gone { .. }) => Err(lost()),
            answer => answer.map_err(|error| error.of_queue(&lock.queue, action)),
        }
    }
}

async fn receive(request: RequestBuilder) -> Answer<Received> {
    let response = request.send().await.map_err(|error| ServiceBusError::Unreachable(transport_text(error)))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = read_body(response, ANSWER_LIMIT).await.map_err(|error| match error {
        BodyError::TooLarge => ServiceBusError::Malformed("the answer is too large".to_owned()),
        BodyError::Broken(text) => ServiceBusError::Unreachable(text),
    })?;
    Ok(Received { status, headers, body })
}

#[async_trait]
impl Queues for ServiceBus {
    async fn send(&self, queue: &str, messages: Vec<Outgoing>) -> Result<(), QueueError> {
        check_batch(queue, &messages)?;
        let url = self.url(&format!("/{queue}/messages"));
        for request in send::requests(&messages) {
            let sent = self.ask(&Method::POST, &url, Duration::ZERO, &PATIENCE, |builder| request.fill(builder)).await;
            sent.map_err(|error| match error {
                ServiceBusError::TooLarge(_) => request.too_large(queue),
                error => error.of_queue(queue, "take messages in"),
            })?;
        }
        Ok(())
    }

    async fn receive(&self, queue: &str, max: usize, _: Duration, wait: Duration) -> Result<Vec<Delivery>, QueueError> {
        check_name(queue)?;
        self.take(queue, max, wait).await.map_err(|error| error.of_queue(queue, "deliver messages"))
    }

    async fn complete(&self, lock: &Lock) -> Result<(), QueueError> {
        self.settle(Method::DELETE, lock, "complete a message").await.map(drop)
    }

    async fn abandon(&self, lock: &Lock, delay: Duration, _: &str) -> Result<(), QueueError> {
        if delay.is_zero() {
            return self.settle(Method::PUT, lock, "abandon a message").await.map(drop);
        }
        if !receive::is_lock_of(lock) {
            return Err(QueueError::LockLost { queue: lock.queue.clone() });
        }
        let (queues, lock) = (self.clone(), lock.clone());
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            // Should it fail, the lock runs out instead.
            if let Err(error) = queues.settle(Method::PUT, &lock, "abandon a message").await {
                tracing::debug!(queue = lock.queue, %error, "a message waits for its lock to run out");
            }
        });
        Ok(())
    }

    async fn renew(&self, lock: &Lock, lock_for: Duration) -> Result<Timestamp, QueueError> {
        let asked = Timestamp::now();
        let renewed = self.settle(Method::POST, lock, "renew a lock").await?;
        Ok(properties::locked_until(&renewed.headers).unwrap_or(asked + lock_for))
    }
}
