//! The Service Bus namespace over its REST interface.

mod dead_letters;
mod faults;
mod measure;
mod messages;
mod steering;
mod time;
mod tokens;
mod waiting;

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Method, Response};
use serde_json::Value;
use simulator::{EstateSpec, Options};

use crate::support::{Azure, options, start};

/// The audience of Service Bus.
const AUDIENCE: &str = "https://servicebus.azure.net";
/// The content type of a batch.
const BATCH: &str = "application/vnd.microsoft.servicebus.json";

/// A namespace and a token for it.
struct Bus {
    azure: Azure,
    token: String,
}

/// A received message.
#[derive(Debug)]
struct Received {
    broker: Value,
    location: String,
    body: String,
    headers: reqwest::header::HeaderMap,
}

impl Received {
    async fn of(answer: Response) -> Self {
        let headers = answer.headers().clone();
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        Self {
            broker: serde_json::from_str(&text("brokerproperties")).unwrap(),
            location: text("location"),
            body: answer.text().await.unwrap(),
            headers,
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A namespace on a clock that stands still.
async fn bus() -> Bus {
    with(options(EstateSpec::default())).await
}

async fn with(options: Options) -> Bus {
    let azure = start(options).await;
    let token = azure.running.token_for(AUDIENCE);
    Bus { azure, token }
}

impl Bus {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { self.azure.url(path) };
        self.azure.http.request(method, url).bearer_auth(&self.token)
    }

    /// The status of a request without a body.
    async fn status(&self, method: Method, path: &str) -> u16 {
        self.request(method, path).send().await.unwrap().status().as_u16()
    }

    /// Sends one message with broker properties.
    async fn send(&self, queue: &str, broker: &Value, body: &str) -> u16 {
        let request = self.request(Method::POST, &format!("/{queue}/messages"));
        let request = request.header("BrokerProperties", broker.to_string()).body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    }

    async fn send_batch(&self, queue: &str, batch: &Value, content_type: &str) -> u16 {
        let request = self.request(Method::POST, &format!("/{queue}/messages"));
        let request = request.header("Content-Type", content_type).body(batch.to_string());
        request.send().await.unwrap().status().as_u16()
    }

    /// Locks the next message without waiting.
    async fn lock(&self, queue: &str) -> Option<Received> {
        let answer = self.request(Method::POST, &format!("/{queue}/messages/head?timeout=0")).send().await.unwrap();
        match answer.status().as_u16() {
            201 => Some(Received::of(answer).await),
            204 => None,
            other => panic!("{other}: {}", answer.text().await.unwrap()),
        }
    }

    /// The counts of a queue.
    fn counts(&self, queue: &str) -> Value {
        self.azure.running.service_bus()["queues"][queue].clone()
    }

    fn count(&self, queue: &str, what: &str) -> u64 {
        self.counts(queue)[what].as_u64().unwrap()
    }

    fn advance(&self, seconds: u64) {
        self.azure.running.clock().advance(Duration::from_secs(seconds));
    }

    fn now(&self) -> Timestamp {
        self.azure.running.clock().now()
    }

    /// A time some seconds from now, in the form of `BrokerProperties`.
    fn after(&self, seconds: i64) -> String {
        let time = self.now() + jiff::SignedDuration::from_secs(seconds);
        time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// Receives and gives back until the message of a queue is dead-lettered.
    async fn wear_out(&self, queue: &str) {
        while let Some(message) = self.lock(queue).await {
            assert_eq!(self.status(Method::PUT, &message.location).await, 200);
        }
    }
}
