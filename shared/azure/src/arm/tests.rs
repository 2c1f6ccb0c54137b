use super::*;
use crate::listing::Listed;
use crate::testing::{FixedToken, arm, page_of, shared};
use crate::wire;
use poolwarden_domain::estate::HostPool;
use serde_json::{Value, json};
use std::sync::atomic::AtomicUsize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{header, path, query_param};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const SUBSCRIPTION: &str = "/subscriptions/s";
const POOLS: &str = "/subscriptions/s/providers/Microsoft.DesktopVirtualization/hostPools";

fn pool(name: &str) -> Value {
    json!({"id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.DesktopVirtualization/hostPools/{name}"), "properties": {}})
}

fn pools(names: &[&str]) -> Value {
    json!({ "value": names.iter().map(|name| pool(name)).collect::<Vec<_>>() })
}

async fn list(arm: &Arm) -> Reading<Option<Listed<HostPool>>> {
    let scope = ArmId::new(SUBSCRIPTION);
    arm.list(arm.avd_call(POOLS, &scope, "the host pools"), wire::host_pool).await
}

async fn names(arm: &Arm) -> Vec<String> {
    let listed = list(arm).await.unwrap().unwrap();
    assert!(listed.stopped.is_none(), "{:?}", listed.stopped);
    listed.items.iter().map(|pool| pool.id.name().to_owned()).collect()
}

/// Answers in turn; the last answer stays.
struct InTurn(Vec<ResponseTemplate>, AtomicUsize);

impl Respond for InTurn {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let turn = self.1.fetch_add(1, Ordering::SeqCst);
        self.0[turn.min(self.0.len() - 1)].clone()
    }
}

async fn server(answers: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path(POOLS)).respond_with(InTurn(answers, AtomicUsize::new(0))).mount(&server).await;
    server
}

async fn asked(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": {"code": "Code", "message": "words"}}))
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    for failure in [408, 500, 502, 503, 504] {
        let server = server(vec![status(failure), status(failure), page_of(&pools(&["a"]))]).await;
        assert_eq!(names(&arm(&server)).await, ["a"], "{failure}");
    }
}

#[tokio::test]
async fn a_lasting_failure_ends_after_four_tries_and_tells_the_story() {
    let server = server(vec![status(503)]).await;
    let error = list(&arm(&server)).await.unwrap_err();
    assert_eq!(error.why, Why::Failed);
    assert_eq!(error.detail, "the host pools of /subscriptions/s: 503 Code: words, 4 times in a row; try again later");
    assert_eq!(asked(&server).await, 4);
}

#[tokio::test]
async fn what_a_retry_cannot_mend_is_not_tried_again() {
    for (answer, why) in [(400, Why::Failed), (409, Why::Failed), (403, Why::Forbidden), (302, Why::Failed)] {
        let server = server(vec![status(answer)]).await;
        let error = list(&arm(&server)).await.unwrap_err();
        assert_eq!(error.why, why, "{answer}");
        assert_eq!(asked(&server).await, 1);
    }
}

#[tokio::test]
async fn a_403_says_what_to_grant() {
    let server = server(vec![status(403)]).await;
    let error = list(&arm(&server)).await.unwrap_err();
    assert!(error.detail.ends_with("grant Desktop Virtualization Reader on /subscriptions/s"), "{error}");
}

#[tokio::test]
async fn a_404_is_an_answer() {
    let server = server(vec![status(404)]).await;
    assert!(list(&arm(&server)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_renewed_once() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer token 2")).respond_with(page_of(&pools(&["a"]))).mount(&server).await;
    Mock::given(header("authorization", "Bearer token 1")).respond_with(status(401)).mount(&server).await;
    assert_eq!(names(&arm(&server)).await, ["a"]);
    assert_eq!(asked(&server).await, 2);
}

#[tokio::test]
async fn a_second_401_is_forbidden() {
    let server = server(vec![status(401)]).await;
    assert_eq!(list(&arm(&server)).await.unwrap_err().why, Why::Forbidden);
    assert_eq!(asked(&server).await, 2);
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    let server = MockServer::start().await;
    let credentials = Arc::new(FixedToken::default());
    *credentials.error.lock().unwrap() =
        Some(SignInError::Refused { problem: crate::SignInProblem::Application, code: None, text: "wrong".into() });
    let arm = Arm::new(shared(&server.uri(), Arc::clone(&credentials)));
    assert_eq!(list(&arm).await.unwrap_err().why, Why::Forbidden);
    *credentials.error.lock().unwrap() = Some(SignInError::Unreachable("away".into()));
    assert_eq!(list(&arm).await.unwrap_err().why, Why::Failed);
    assert_eq!(asked(&server).await, 0);
    assert_eq!(arm.counters.read(), Requests::default());
}

#[tokio::test]
async fn throttling_is_waited_out_and_counted() {
    let throttled = ResponseTemplate::new(429).insert_header("Retry-After", "0");
    let server = server(vec![throttled.clone(), throttled, page_of(&pools(&["a"]))]).await;
    let arm = arm(&server);
    assert_eq!(names(&arm).await, ["a"]);
    assert_eq!(arm.counters.read(), Requests { arm: 3, resource_graph: 0, feed: 0, graph: 0, throttled: 2 });
}

#[tokio::test]
async fn a_wait_beyond_the_patience_makes_the_scope_throttled() {
    let server = server(vec![ResponseTemplate::new(429).insert_header("Retry-After", "3600")]).await;
    let arm = arm(&server);
    for _ in 0..2 {
        assert_eq!(list(&arm).await.unwrap_err().why, Why::Throttled);
    }
    assert_eq!(asked(&server).await, 1, "the second call must not even ask");
}

#[tokio::test]
async fn endless_throttling_ends() {
    let server = server(vec![ResponseTemplate::new(429).insert_header("Retry-After", "0")]).await;
    assert_eq!(list(&arm(&server)).await.unwrap_err().why, Why::Throttled);
    assert_eq!(asked(&server).await, THROTTLED_TRIES as usize);
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_asked_for_twice() {
    let html = ResponseTemplate::new(200).set_body_string("<html><body>Sign in</body></html>");
    let server = server(vec![html]).await;
    let error = list(&arm(&server)).await.unwrap_err();
    assert_eq!(error.why, Why::Malformed);
    assert!(error.detail.contains("a web page instead of JSON"), "{error}");
    assert_eq!(asked(&server).await, 2);
    for odd in ["", "{", "[]", r#"{"value":null}"#, r#"{"value":{}}"#, r#"{"value":[],"nextLink":7}"#, "\u{0}"] {
        let server = self::server(vec![ResponseTemplate::new(200).set_body_string(odd)]).await;
        assert_eq!(list(&arm(&server)).await.unwrap_err().why, Why::Malformed, "{odd}");
    }
}

#[tokio::test]
async fn a_malformed_item_keeps_its_siblings_and_its_id() {
    let odd = json!({"id": "/subscriptions/s/hostPools/odd", "properties": {"objectId": [7]}});
    let server =
        server(vec![page_of(&json!({"value": [pool("a"), odd, 7, null, {"id": ""}, pool("b"), pool("A")]}))]).await;
    let listed = list(&arm(&server)).await.unwrap().unwrap();
    let names: Vec<_> = listed.items.iter().map(|pool| pool.id.name()).collect();
    assert_eq!(names, ["a", "b"], "and the same id twice is one thing");
    let flaws: Vec<_> = listed.flaws.iter().map(|flaw| flaw.scope.as_str()).collect();
    assert_eq!(flaws, ["/subscriptions/s/hostPools/odd", SUBSCRIPTION, SUBSCRIPTION, SUBSCRIPTION]);
    assert!(listed.flaws.iter().all(|flaw| flaw.reason.why == Why::Malformed));
}

#[tokio::test]
async fn pages_are_followed_relative_or_absolute() {
    let server = MockServer::start().await;
    let page = |number: &str, next: Option<String>| {
        let mut body = pools(&[number]);
        body["nextLink"] = json!(next);
        page_of(&body)
    };
    let absolute = format!("{}{POOLS}?page=2", server.uri());
    Mock::given(query_param("page", "2"))
        .respond_with(page("b", Some(format!("{POOLS}?page=3"))))
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(query_param("page", "3"))
        .respond_with(page("c", Some(String::new())))
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(path(POOLS)).respond_with(page("a", Some(absolute))).mount(&server).await;
    assert_eq!(names(&arm(&server)).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn no_token_follows_a_link_to_another_host() {
    let foreign = MockServer::start().await;
    let mut body = pools(&["a"]);
    body["nextLink"] = json!(format!("{}{POOLS}?page=2", foreign.uri()));
    let server = server(vec![page_of(&body)]).await;
    let listed = list(&arm(&server)).await.unwrap().unwrap();
    assert_eq!(listed.items.len(), 1, "what came before stays");
    let stopped = listed.stopped.unwrap();
    assert_eq!(stopped.why, Why::Malformed);
    assert!(stopped.detail.contains("another host"), "{stopped}");
    assert_eq!(asked(&foreign).await, 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let foreign = MockServer::start().await;
    let redirect =
        ResponseTemplate::new(307).insert_header("location", format!("{}/x?sig=secret", foreign.uri()).as_str());
    let server = server(vec![redirect]).await;
    let error = list(&arm(&server)).await.unwrap_err();
    assert!(error.detail.contains("127.0.0.1") && !error.detail.contains("sig"), "{error}");
    assert_eq!(asked(&foreign).await, 0);
}

#[tokio::test]
async fn pages_in_a_circle_end() {
    let mut body = pools(&["a"]);
    body["nextLink"] = json!(format!("{POOLS}?page=2"));
    let server = server(vec![page_of(&body)]).await;
    let listed = list(&arm(&server)).await.unwrap().unwrap();
    assert_eq!(listed.stopped.unwrap().why, Why::Malformed);
    assert_eq!(asked(&server).await, 2);
}

#[tokio::test]
async fn a_page_that_fails_keeps_the_pages_before_it() {
    let mut body = pools(&["a"]);
    body["nextLink"] = json!(format!("{POOLS}?page=2"));
    for (answer, why) in [(404, Why::Failed), (403, Why::Forbidden), (500, Why::Failed)] {
        let server = server(vec![page_of(&body), status(answer)]).await;
        let listed = list(&arm(&server)).await.unwrap().unwrap();
        assert_eq!((listed.items.len(), listed.stopped.unwrap().why), (1, why));
    }
}

/// A server that speaks raw bytes: one text a connection, the last one again and again.
async fn raw_server(answers: Vec<String>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let turn = count.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answers[turn.min(answers.len() - 1)].as_bytes()).await;
        }
    });
    (address, served)
}

fn whole(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn cut_connections_and_truncated_bodies_are_tried_again() {
    let truncated = "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"value\":[".to_owned();
    let (address, served) = raw_server(vec![String::new(), truncated, whole(&pools(&["a"]).to_string())]).await;
    let arm = Arm::new(shared(&address, Arc::default()));
    assert_eq!(names(&arm).await, ["a"]);
    assert_eq!(served.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let huge = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", BODY_LIMIT + 1);
    let (address, served) = raw_server(vec![huge]).await;
    let arm = Arm::new(shared(&address, Arc::default()));
    assert_eq!(list(&arm).await.unwrap_err().why, Why::TooLarge);
    assert_eq!(served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nobody_there_fails_for_good_after_four_tries() {
    let arm = Arm::new(shared("http://127.0.0.1:1", Arc::default()));
    let error = list(&arm).await.unwrap_err();
    assert_eq!(error.why, Why::Failed);
    assert!(error.detail.contains("no connection"), "{error}");
    assert_eq!(arm.counters.read().arm, u64::from(TRIES));
}

#[tokio::test]
async fn a_503_s_retry_after_is_obeyed_up_to_the_patience() {
    let server = server(vec![status(503).insert_header("Retry-After", "3600")]).await;
    assert_eq!(list(&arm(&server)).await.unwrap_err().why, Why::Throttled);
    assert_eq!(asked(&server).await, 1);
}
