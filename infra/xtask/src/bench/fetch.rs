//! The measure of comparison: a plain client that already knows every address, fetches all of them over 32
//! connections, and throws the answers away. It parses nothing, decides nothing and keeps nothing.

use super::plain::CONNECTIONS;
use super::tap::Recorded;
use crate::simulator::IDENTITY_HEADER;
use crate::simulator::{ACCOUNT, PASSWORD};
use anyhow::{Context, Result, anyhow, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::Args;
use reqwest::{Client, Method, Url, header};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// What a feed wants to know of its client; ARM does not look at it.
const USER_AGENT: &str = "MSRDC/10.0.0";

/// `cargo xtask bench fetch`
#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// The simulator
    #[arg(long)]
    url: String,
    /// The requests, as the tap recorded them
    #[arg(long)]
    requests: PathBuf,
    /// They are a feed's: sign in as an account, and say which client this is
    #[arg(long)]
    feed: bool,
}

impl Fetch {
    /// Fetches everything once. Each connection is kept alive and has one request at a time.
    pub(super) async fn run(&self) -> Result<()> {
        let text = std::fs::read(&self.requests).with_context(|| format!("cannot read {}", self.requests.display()))?;
        let requests: Value = serde_json::from_slice(&text).context("the recording is no JSON")?;
        let requests = requests.as_array().context("the recording is no list")?;
        let requests: Arc<Vec<Recorded>> = Arc::new(requests.iter().map(from_json).collect::<Result<_>>()?);
        let began = Instant::now();
        let http = Client::builder().no_proxy().pool_max_idle_per_host(CONNECTIONS).build()?;
        let token = if self.feed { account_token(&http, &self.url).await? } else { token(&http, &self.url).await? };
        let (next, bytes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (http, token, url) = (http.clone(), token.clone(), self.url.clone());
            let (requests, next, bytes) = (Arc::clone(&requests), Arc::clone(&next), Arc::clone(&bytes));
            workers.spawn(async move {
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    bytes.fetch_add(one(&http, &url, &token, request).await?, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = workers.join_next().await {
            ended.context("a connection's task failed")??;
        }
        let elapsed_ms = began.elapsed().as_secs_f64() * 1000.0;
        println!(
            "{}",
            json!({"elapsed_ms": elapsed_ms, "bytes": bytes.load(Ordering::Relaxed), "requests": requests.len()})
        );
        Ok(())
    }
}

async fn token(http: &Client, url: &str) -> Result<String> {
    let address = format!("{url}/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com%2F");
    let answer = http.get(address).header("x-identity-header", IDENTITY_HEADER).send().await?.error_for_status()?;
    let answer: Value = answer.json().await.context("the token's answer is no JSON")?;
    answer["access_token"].as_str().map(str::to_owned).context("the answer has no token")
}

async fn account_token(http: &Client, url: &str) -> Result<String> {
    let fields = [
        ("grant_type", "password"),
        ("client_id", "a85cf173-4192-42f8-81fa-777a763e6e2c"),
        ("scope", "https://www.wvd.microsoft.com/.default"),
        ("username", ACCOUNT),
        ("password", PASSWORD),
    ];
    let mut address = Url::parse_with_params(&format!("{url}/organizations/oauth2/v2.0/token"), fields)?;
    let form = address.query().unwrap_or_default().to_owned();
    address.set_query(None);
    let request = http.post(address);
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
    let answer: Value =
        request.send().await?.error_for_status()?.json().await.context("the token's answer is no JSON")?;
    answer["access_token"].as_str().map(str::to_owned).context("the answer has no token")
}

/// Sends one request and returns how many bytes its answer had.
async fn one(http: &Client, url: &str, token: &str, request: &Recorded) -> Result<u64> {
    let method: Method = request.method.parse().context("a recorded method is none")?;
    let mut sent = http
        .request(method, format!("{url}{}", request.target))
        .bearer_auth(token)
        .header("x-ms-user-agent", USER_AGENT);
    if !request.body.is_empty() {
        sent = sent.header(header::CONTENT_TYPE, "application/json").body(request.body.clone());
    }
    let mut answer = sent.send().await.map_err(|error| anyhow!(error).context(request.target.clone()))?;
    ensure!(answer.status().is_success(), "{} {}: {}", request.method, request.target, answer.status());
    let mut bytes = 0;
    while let Some(chunk) = answer.chunk().await? {
        bytes += chunk.len() as u64;
    }
    Ok(bytes)
}

fn from_json(value: &Value) -> Result<Recorded> {
    let text = |name: &str| value[name].as_str().with_context(|| format!("a recorded request has no {name}"));
    let body = BASE64_STANDARD.decode(text("body")?).context("a recorded body is no base64")?;
    Ok(Recorded { method: text("method")?.to_owned(), target: text("target")?.to_owned(), body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_reads_back() {
        let request = Recorded { method: "POST".to_owned(), target: "/a?b=c".to_owned(), body: b"{}".to_vec() };
        assert_eq!(from_json(&request.to_json()).expect("a request"), request);
    }
}
