//! A simulator and a client for it.

use jiff::Timestamp;
use reqwest::{Method, Response};
use serde_json::Value;
use simulator::{Clock, EstateSpec, Options, Running, Simulator};

/// What `api-version` the AVD provider is asked with.
pub(crate) const AVD: &str = "api-version=2025-10-10";

/// A running simulator with a clock that stands still.
pub(crate) struct Azure {
    pub(crate) running: Running,
    pub(crate) http: reqwest::Client,
    token: String,
}

/// Options with a manual clock.
pub(crate) fn options(estate: EstateSpec) -> Options {
    let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    Options { estate, clock: Clock::manual(start), ..Options::default() }
}

/// Starts a simulator of the `small` estate.
pub(crate) async fn small() -> Azure {
    start(options(EstateSpec::built_in("small").unwrap())).await
}

pub(crate) async fn start(options: Options) -> Azure {
    let running = Simulator::start(options).await.unwrap();
    let token = running.token();
    Azure { running, http: reqwest::Client::new(), token }
}

impl Azure {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    /// Sends a request with a token.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.http.request(method, self.url(path)).bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, None).await
    }

    /// The body of a GET that succeeds.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// Status and error code of a GET.
    pub(crate) async fn error(&self, path: &str) -> (u16, String) {
        let answer = self.get(path).await;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        (status, body["error"]["code"].as_str().unwrap_or("").to_owned())
    }

    /// Asks Resource Graph; status and body.
    pub(crate) async fn query(&self, body: &Value) -> (u16, Value) {
        let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
        let answer = self.send(Method::POST, path, Some(body)).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Asks Microsoft Graph below `/v1.0/`; status and body.
    pub(crate) async fn directory(&self, path: &str) -> (u16, Value) {
        self.directory_at(&self.url(&format!("/v1.0/{path}"))).await
    }

    /// The same by a link that it gave.
    pub(crate) async fn directory_at(&self, url: &str) -> (u16, Value) {
        let token = self.running.token_for("https://graph.microsoft.com");
        let answer = self.http.get(url).bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Posts to Microsoft Graph; status and body.
    pub(crate) async fn directory_post(&self, path: &str, body: &Value) -> (u16, Value) {
        let token = self.running.token_for("https://graph.microsoft.com");
        let url = self.url(&format!("/v1.0/{path}"));
        let answer = self.http.post(url).bearer_auth(token).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// All items of a list of Microsoft Graph, page after page.
    pub(crate) async fn directory_all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = Some(self.url(&format!("/v1.0/{path}")));
        while let Some(url) = next {
            let (status, page) = self.directory_at(&url).await;
            assert_eq!(status, 200, "{page}");
            items.extend(page["value"].as_array().unwrap().iter().cloned());
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        items
    }

    /// Plants what no simulated interface could make.
    pub(crate) async fn plant(&self, entries: Value) {
        let (status, body) = self.sim(Method::POST, "plant", &entries).await;
        assert_eq!(status, 200, "{body}");
    }

    /// Changes the directory.
    pub(crate) async fn change_directory(&self, entries: Value) {
        let (status, body) = self.sim(Method::POST, "graph/change", &entries).await;
        assert_eq!(status, 200, "{body}");
    }

    /// All items of a list, page after page.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = Some(self.url(path));
        while let Some(url) = next {
            let page: Value = self.http.get(url).bearer_auth(&self.token).send().await.unwrap().json().await.unwrap();
            items.extend(page["value"].as_array().unwrap().iter().cloned());
            next = page["nextLink"].as_str().map(str::to_owned);
        }
        items
    }

    /// Calls `/_sim`; status and body.
    pub(crate) async fn sim(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.http.request(method, self.url(&format!("/_sim/{path}"))).json(body).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// The planted items of a kind.
    pub(crate) fn planted(&self, kind: &str) -> Vec<Value> {
        self.running.estate()[kind].as_array().unwrap().clone()
    }

    /// The first subscription's path.
    pub(crate) fn subscription(&self) -> String {
        format!("/subscriptions/{}", self.planted("subscriptions")[0]["id"].as_str().unwrap())
    }
}

/// Ids in lower case, sorted, each once.
pub(crate) fn ids(items: &[Value]) -> Vec<String> {
    let mut ids: Vec<String> = items.iter().map(|item| item["id"].as_str().unwrap().to_ascii_lowercase()).collect();
    ids.sort();
    ids.dedup();
    ids
}
