//! As much of Service Bus as a trigger needs, over REST: one message at a time, and what becomes of it.

use crate::envelope::Message;
use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Method};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::sync::Mutex;

/// What a token has to be for.
const AUDIENCE: &str = "https://servicebus.azure.net";
/// A token is renewed this long before it expires.
const EARLY_S: i64 = 60;
/// How long an answer may take, besides the time that a receive waits.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What the broker or HTTP says by itself; the rest are properties of the sender's.
const NOT_PROPERTIES: [&str; 9] = [
    "brokerproperties",
    "location",
    "content-type",
    "content-length",
    "date",
    "server",
    "transfer-encoding",
    "strict-transport-security",
    "connection",
];

/// Where tokens come from.
#[derive(Debug, Clone)]
pub enum Tokens {
    /// The managed identity of an App Service: `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
    ManagedIdentity {
        /// The endpoint.
        endpoint: String,
        /// What it wants to hear.
        header: String,
    },
    /// This one, whoever gave it.
    Fixed(String),
}

/// A Service Bus namespace.
#[derive(Debug)]
pub struct ServiceBus {
    url: String,
    tokens: Tokens,
    known: Mutex<Option<(String, i64)>>,
    http: Client,
}

/// A message that is locked.
#[derive(Debug, Clone)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// When its lock runs out.
    pub locked_until: Timestamp,
    /// The trace it was sent in.
    pub trace: Option<String>,
    location: String,
}

impl ServiceBus {
    /// The namespace at this address.
    pub fn new(url: &str, tokens: Tokens) -> Result<Self> {
        let http = Client::builder().no_proxy().build()?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), tokens, known: Mutex::new(None), http })
    }

    /// The next message, locked; waits for one.
    pub async fn receive(&self, queue: &str, wait: Duration) -> Result<Option<Received>> {
        let url = format!("{}/{queue}/messages/head?timeout={}", self.url, wait.as_secs());
        let response = self.ask(Method::POST, &url, wait).await?;
        match response.status().as_u16() {
            204 => return Ok(None),
            201 => {}
            status => bail!("receiving from {queue}: {status} {}", response.text().await?),
        }
        let headers = response.headers().clone();
        let location = headers.get(LOCATION).context("a message without Location")?.to_str()?.to_owned();
        ensure!(location.starts_with(&self.url), "a message is to be settled elsewhere, at {location}");
        let broker: Value =
            serde_json::from_slice(headers.get("BrokerProperties").context("no BrokerProperties")?.as_bytes())?;
        let body = String::from_utf8(response.bytes().await?.to_vec()).context("a body that is no text")?;
        let time = |name: &str| -> Result<Timestamp> {
            let text = broker[name].as_str().with_context(|| format!("a message without {name}"))?;
            Ok(jiff::fmt::rfc2822::parse(text)?.timestamp())
        };
        let properties = properties(&headers);
        let trace = properties.get("diagnostic-id").and_then(Value::as_str).map(str::to_owned);
        let message = Message {
            body,
            id: broker["MessageId"].as_str().unwrap_or_default().to_owned(),
            delivery_count: broker["DeliveryCount"].as_u64().context("a message without DeliveryCount")?,
            sequence: broker["SequenceNumber"].as_i64().context("a message without SequenceNumber")?,
            enqueued_at: time("EnqueuedTimeUtc")?.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            lock_token: broker["LockToken"].as_str().unwrap_or_default().to_owned(),
            properties,
        };
        Ok(Some(Received { message, locked_until: time("LockedUntilUtc")?, trace, location }))
    }

    /// Done with it: it goes. Whether the lock was still held.
    pub async fn complete(&self, received: &Received) -> Result<bool> {
        self.settle(Method::DELETE, received).await
    }

    /// Not done: it comes again at once. Whether the lock was still held.
    pub async fn unlock(&self, received: &Received) -> Result<bool> {
        self.settle(Method::PUT, received).await
    }

    /// More time. Whether the lock was still held.
    pub async fn renew(&self, received: &Received) -> Result<bool> {
        self.settle(Method::POST, received).await
    }

    async fn settle(&self, method: Method, received: &Received) -> Result<bool> {
        let response = self.ask(method, &received.location, Duration::ZERO).await?;
        match response.status().as_u16() {
            200..=299 => Ok(true),
            404 | 409 | 410 => Ok(false),
            status => bail!("settling a message: {status} {}", response.text().await?),
        }
    }

    async fn ask(&self, method: Method, url: &str, wait: Duration) -> Result<reqwest::Response> {
        let token = self.token().await?;
        let request = self.http.request(method, url).bearer_auth(token).header("content-length", "0");
        request.timeout(TIMEOUT + wait).send().await.context("Service Bus gave no answer")
    }

    async fn token(&self) -> Result<String> {
        let (endpoint, header) = match &self.tokens {
            Tokens::Fixed(token) => return Ok(token.clone()),
            Tokens::ManagedIdentity { endpoint, header } => (endpoint, header),
        };
        let mut known = self.known.lock().await;
        match &*known {
            Some((token, until)) if Timestamp::now().as_second() < until - EARLY_S => Ok(token.clone()),
            _ => {
                let url = format!("{endpoint}?api-version=2019-08-01&resource={AUDIENCE}");
                let response = self.http.get(url).header("x-identity-header", header).timeout(TIMEOUT).send().await?;
                let said: Value = response.error_for_status()?.json().await.context("no token came")?;
                let token = said["access_token"].as_str().context("an answer without a token")?.to_owned();
                let until = said["expires_on"].as_str().and_then(|text| text.parse().ok());
                *known = Some((token.clone(), until.context("a token without an end")?));
                Ok(token)
            }
        }
    }
}

/// What the sender added: headers of other names, whose values are JSON.
fn properties(headers: &HeaderMap) -> Map<String, Value> {
    let theirs = headers.iter().filter(|(name, _)| !NOT_PROPERTIES.contains(&name.as_str()));
    let values = theirs.filter_map(|(name, value)| {
        let text = value.to_str().ok()?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        Some((name.as_str().to_owned(), value))
    });
    values.collect()
}
