//! HTTP functions, called over a real connection.

use super::*;
use crate::{HttpAnswer, MAX_ENVELOPE_BYTES};
use ::http::StatusCode;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

const FUNCTION_KEY: &str = "the function's own key";
const OTHER_KEY: &str = "the key of another function";
const HOST_KEY: &str = "the key of the host";
const MASTER_KEY: &str = "the key of all keys";

const RUNS: FunctionDefinition = FunctionDefinition {
    name: "runs",
    function_json: r#"{"bindings":[
        {"name":"req","type":"httpTrigger","direction":"in","authLevel":"function","methods":["post"],"route":"runs/{id?}"},
        {"name":"res","type":"http","direction":"out"}]}"#,
};
const RESET: FunctionDefinition = FunctionDefinition {
    name: "reset",
    function_json: r#"{"bindings":[
        {"name":"req","type":"httpTrigger","direction":"in","authLevel":"admin"},
        {"name":"res","type":"http","direction":"out"}]}"#,
};
/// Answers with whatever output object the request's body holds.
const MIRROR: FunctionDefinition = FunctionDefinition {
    name: "mirror",
    function_json: r#"{"bindings":[
        {"name":"req","type":"httpTrigger","direction":"in","authLevel":"anonymous"},
        {"name":"res","type":"http","direction":"out"}]}"#,
};

/// A host on a port of the system's choice.
struct Site {
    running: Running,
    base: String,
    client: Client,
}

impl Site {
    async fn start() -> Self {
        // Answers with the envelope as it came.
        let show = |call: crate::Invocation| async move {
            let body = json!({ "Data": call.data, "Headers": call.metadata.get::<Value>("Headers"),
                "Query": call.metadata.get::<Value>("Query"), "id": call.metadata.text("id") });
            Ok(Outcome::http("res", HttpAnswer::json(StatusCode::OK, body)))
        };
        let mirror = |call: crate::Invocation| async move {
            let output: Value = call.http("req")?.json()?;
            let answer = HttpAnswer::from_output(&output).map_err(crate::Failure::new)?;
            Ok(Outcome::http("res", answer))
        };
        let app = FunctionApp::new().function("runs", show).function("reset", show).function("mirror", mirror);
        let settings = BTreeMap::from([
            ("POOLWARDEN_KEY_RUNS", FUNCTION_KEY),
            ("POOLWARDEN_KEY_MIRROR", OTHER_KEY),
            ("POOLWARDEN_HOST_KEY", HOST_KEY),
            ("POOLWARDEN_MASTER_KEY", MASTER_KEY),
        ]);
        let keys = AccessKeys::from_settings(app.names(), |name| settings.get(name).map(|&key| key.to_owned()));
        let options =
            HostOptions { listen: Some(([127, 0, 0, 1], 0).into()), keys: keys.unwrap(), ..HostOptions::default() };
        let (documents, queues) = (Arc::new(FakeDocuments::default()), Arc::new(FakeQueues::new(1)));
        let mut host = EmbeddedHost::new(HOST_JSON, &[RUNS, RESET, MIRROR], app, documents, queues, options).unwrap();
        let address = host.bind().await.unwrap().unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { running: Running::new(host), base: format!("http://{address}"), client }
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    async fn status(&self, request: RequestBuilder) -> u16 {
        request.send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn keys_open_what_they_are_for() {
    let site = Site::start().await;
    for (path, key, status) in [
        ("/api/runs", None, 401),
        ("/api/runs", Some("wrong key, but long"), 401),
        ("/api/runs", Some(""), 401),
        ("/api/runs", Some(OTHER_KEY), 401),
        ("/api/runs", Some(FUNCTION_KEY), 200),
        ("/api/runs", Some(HOST_KEY), 200),
        ("/api/runs", Some(MASTER_KEY), 200),
        ("/api/reset", None, 401),
        ("/api/reset", Some(FUNCTION_KEY), 401),
        ("/api/reset", Some(HOST_KEY), 401),
        ("/api/reset", Some(MASTER_KEY), 200),
    ] {
        let in_header = site.post(path).header("x-functions-key", key.unwrap_or_default());
        assert_eq!(site.status(in_header).await, status, "{path} {key:?}");
        let escaped = key.unwrap_or_default().replace(' ', "%20");
        let in_query = site.post(&format!("{path}?code={escaped}"));
        assert_eq!(site.status(in_query).await, status, "{path} ?code={key:?}");
    }
    site.running.stop().await;
}

#[tokio::test]
async fn a_function_gets_the_request_and_never_its_key() {
    let site = Site::start().await;
    let request = site
        .post("/API/runs/r%201?a=1&a=2&Code=x&b=%C3%A4+c&code=the+key+of+all+keys")
        .header("x-functions-key", FUNCTION_KEY)
        .header("x-many", "one")
        .header("x-many", "two")
        .header("content-type", "application/json")
        .body(r#"{"x":1}"#);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let request = &answer["Data"]["req"];
    assert_eq!(request["Method"], "POST");
    assert_eq!(request["Params"], json!({"id": "r 1"}));
    assert_eq!(answer["id"], "r 1", "route parameters are metadata too");
    assert_eq!(request["Query"], json!({"a": "1,2", "b": "ä c"}));
    assert_eq!(request["Url"], format!("{}/API/runs/r%201?a=1&a=2&b=%C3%A4+c", site.base));
    assert_eq!(request["Headers"]["x-many"], json!(["one", "two"]));
    assert_eq!(request["Body"], r#"{"x":1}"#);
    let text = answer.to_string();
    assert!(!text.contains("the key of") && !text.contains("own key") && !text.contains("functions-key"), "{text}");
    site.running.stop().await;
}

#[tokio::test]
async fn bodies_are_text_or_base64_or_absent() {
    let site = Site::start().await;
    let send = |content_type: &str, body: reqwest::Body| {
        let request = site.post("/api/runs").header("x-functions-key", HOST_KEY).header("content-type", content_type);
        let request = request.body(body);
        async {
            let answer: Value = request.send().await.unwrap().json().await.unwrap();
            answer["Data"]["req"].get("Body").cloned()
        }
    };
    assert_eq!(send("text/plain", "done".into()).await, Some(json!("done")));
    assert_eq!(send("application/octet-stream", "done".into()).await, Some(json!("ZG9uZQ==")));
    // A body without Content-Length never reaches a function in Azure: better to learn it here.
    let chunked = raw(&site, "transfer-encoding: chunked\r\n", "4\r\ndone\r\n0\r\n\r\n").await;
    assert!(chunked.starts_with("HTTP/1.1 200"), "{chunked}");
    assert!(!chunked.contains("\"Body\""), "{chunked}");
    site.running.stop().await;
}

/// A request with exactly these headers, which reqwest would not let us send.
async fn raw(site: &Site, headers: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = site.base.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("POST /api/runs HTTP/1.1\r\nhost: h\r\nconnection: close\r\nx-functions-key: {HOST_KEY}\r\n");
    stream.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("an answer within ten seconds").unwrap();
    answer
}

#[tokio::test]
async fn the_output_becomes_the_answer() {
    let site = Site::start().await;
    let mirror = |output: Value| {
        let request = site.post("/api/mirror").json(&output);
        async { request.send().await.unwrap() }
    };
    let created = mirror(json!({"statusCode": "201", "body": {"id": 7}, "headers": {"Location": "/runs/7"}})).await;
    assert_eq!(created.status(), 201);
    assert_eq!(created.headers()["location"], "/runs/7");
    assert_eq!(created.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(created.json::<Value>().await.unwrap(), json!({"id": 7}));
    let text = mirror(json!({"statusCode": 300, "body": "hello", "headers": {"Content-Length": "999"}})).await;
    assert_eq!(
        (text.status().as_u16(), text.headers()["content-type"].clone()),
        (300, "text/plain; charset=utf-8".parse().unwrap())
    );
    assert_eq!(text.text().await.unwrap(), "hello");
    let html = mirror(json!({"body": "<p>", "headers": {"content-type": "text/html"}})).await;
    assert_eq!((html.status().as_u16(), html.headers()["content-type"].clone()), (200, "text/html".parse().unwrap()));
    let split = mirror(json!({"headers": {"X-Split": "a\r\nSet-Cookie: b"}})).await;
    assert_eq!((split.status().as_u16(), split.headers().get("set-cookie")), (500, None));
    site.running.stop().await;
}

#[tokio::test]
async fn a_failed_function_is_a_500_that_tells_strangers_nothing() {
    let site = Site::start().await;
    let answer = site.post("/api/mirror").body("hunter2").send().await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.text().await.unwrap(), r#"{"error":"the function failed; the log says why"}"#);
    site.running.stop().await;
}

#[tokio::test]
async fn routes_and_methods() {
    let site = Site::start().await;
    let get = |path: &str| site.client.get(format!("{}{path}", site.base));
    assert_eq!(site.status(get("/")).await, 200);
    assert_eq!(site.status(get("/api/runs")).await, 405);
    assert_eq!(site.status(get("/api/nothing")).await, 404);
    assert_eq!(site.status(get("/runs")).await, 404, "only under the prefix");
    assert_eq!(site.status(site.post("/runs")).await, 404, "the app's own routes are not open to the world");
    site.running.stop().await;
}

#[tokio::test]
async fn too_much_is_refused_before_anybody_reads_it() {
    let site = Site::start().await;
    let announced = raw(
        &site,
        &format!(
            "content-length: {}
",
            MAX_HTTP_BODY_BYTES + 1
        ),
        "",
    )
    .await;
    assert!(announced.starts_with("HTTP/1.1 413"), "{announced}");
    let chunked = raw(
        &site,
        "transfer-encoding: chunked\r\n",
        &format!("{:x}\r\n{}", MAX_HTTP_BODY_BYTES + 1, "a".repeat(MAX_HTTP_BODY_BYTES + 1)),
    )
    .await;
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");
    // Within the limit as it comes, beyond it once every quote is escaped.
    let quotes = "\"".repeat(MAX_ENVELOPE_BYTES / 2);
    assert_eq!(site.status(site.post("/api/mirror").body(quotes)).await, 413);
    site.running.stop().await;
}
