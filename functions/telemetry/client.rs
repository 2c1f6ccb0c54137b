//! Requests to the collector, with the HTTP client that everything else here uses.

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use secrecy::{ExposeSecret, SecretString};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;

/// How much of an answer is read: it says how many spans were refused, at most.
const ANSWER_LIMIT: usize = 64 * 1024;

/// A client whose requests run in the runtime it was made in: the exporter's own thread has none.
pub(super) struct Client {
    http: reqwest::Client,
    runtime: Handle,
    failing: AtomicBool,
}

/// The headers are secrets.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(headers: &[(String, SecretString)], timeout: Duration) -> anyhow::Result<Self> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let invalid = || format!("the header {name} of the collector cannot be sent");
            let name = HeaderName::try_from(name.as_str()).with_context(invalid)?;
            let mut value = HeaderValue::try_from(value.expose_secret()).with_context(invalid)?;
            value.set_sensitive(true);
            map.insert(name, value);
        }
        // The headers are for this collector, not for whoever it points to.
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().default_headers(map).redirect(redirect).timeout(timeout).build();
        let http = http.context("the client for traces could not be made")?;
        Ok(Self { http, runtime: Handle::current(), failing: AtomicBool::new(false) })
    }

    /// One line when it begins to fail, one when it works again.
    fn report(&self, problem: Option<&str>) {
        let failed = self.failing.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !failed => tracing::warn!(problem, "traces are lost: the collector does not take them"),
            None if failed => tracing::info!("the collector takes traces again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let http = self.http.clone();
        let result = self.runtime.spawn(exchange(http, request)).await;
        let result = result.unwrap_or_else(|_| Err("the runtime has ended".into()));
        let problem = match &result {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answers {}", response.status())),
            Err(error) => Some(story(error.as_ref())),
        };
        self.report(problem.as_deref());
        result
    }
}

async fn exchange(http: reqwest::Client, request: reqwest::Request) -> Result<Response<Bytes>, HttpError> {
    // An address may hold a secret in its query.
    let mut response = http.execute(request).await.map_err(reqwest::Error::without_url)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err("the answer exceeds the limit of 64 KiB".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response::builder().status(response.status()).body(body.into())?)
}

/// An error and its causes.
fn story(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
