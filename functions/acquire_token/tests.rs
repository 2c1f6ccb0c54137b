//! How often an account is tried: once, whoever comes with a message and however often the process starts anew, until a
//! person asks.

use super::*;
use crate::config::Config;
use poolwarden_domain::run::{Run, Status, Trigger};
use poolwarden_store::{Options, Sqlite};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use wiremock::matchers::{body_string_contains, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The store that outlives processes, and a token endpoint.
struct Stand {
    server: MockServer,
    folder: tempfile::TempDir,
    store: Sqlite,
}

impl Stand {
    async fn new() -> Self {
        let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("password"), "hunter2").unwrap();
        Self { server, folder, store: Sqlite::in_memory(Options::default()).unwrap() }
    }

    /// A process over the store: what it remembers ends with it.
    fn process(&self) -> Deps {
        self.process_with("")
    }

    /// The same with more settings of the connection.
    fn process_with(&self, lines: &str) -> Deps {
        let text = format!(
            "[[connection]]\nname = \"c\"\n{lines}endpoints = {{ authority = \"{0}\", graph = \"{0}\" }}\n\
             credential = {{ kind = \"username_password\", username = \"u@a.example\", password = {{ file = \"password\" }} }}\n",
            self.server.uri()
        );
        let path = self.folder.path().join("poolwarden.toml");
        let config = Config::parse(&text, Path::new(&path), &HashMap::<&str, &str>::new(), |_| Ok(())).unwrap();
        Deps::new(config, Arc::new(self.store.clone()), Arc::new(self.store.clone())).unwrap()
    }

    async fn answers(&self, status: u16, body: Value) {
        self.server.reset().await;
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method("POST")).respond_with(answer).mount(&self.server).await;
    }

    async fn refuses(&self) {
        self.answers(400, json!({"error": "invalid_grant", "error_codes": [50_126]})).await;
    }

    async fn accepts(&self) {
        self.answers(200, json!({"access_token": "a", "expires_in": 3_600})).await;
    }

    async fn attempts(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }
}

/// What became of a run's first stage: the run's end, or nothing if it goes on.
async fn run(deps: &Deps, id: &str) -> Option<String> {
    let run = Run::new(id.into(), "c", Trigger::Timer, Source::Azure, deps.now());
    deps.state().create(&keys::run(id, "c"), &run).await.unwrap();
    AcquireToken::handle(deps, &ConnectionRun { run: id.into(), connection: "c".into() }).await.unwrap();
    let ended: Run = deps.state().value(&keys::run(id, "c")).await.unwrap().unwrap();
    let report = ended.finished?.report;
    assert_eq!(report.status, Status::Failed);
    Some(report.error.unwrap())
}

#[tokio::test]
async fn a_refused_sign_in_is_tried_once_by_any_number_of_runs_and_processes() {
    let stand = Stand::new().await;
    stand.refuses().await;
    for process in 0..3 {
        let deps = stand.process();
        for message in 0..2 {
            let why = run(&deps, &format!("r{process}{message}")).await.unwrap();
            assert!(why.contains("password is wrong") && why.contains("connections check c"), "{why}");
        }
    }
    assert_eq!(stand.attempts().await, 1);
    let health = health::of(&stand.process(), "c").await.unwrap().unwrap();
    assert_eq!(health.problem, Some(poolwarden_azure::SignInProblem::User));
}

#[tokio::test]
async fn a_person_who_asks_has_one_more_try() {
    let stand = Stand::new().await;
    stand.refuses().await;
    let (asks, serves) = (stand.process(), stand.process());
    run(&serves, "r1").await.unwrap();
    for asked in 1..3 {
        health::allow_one_try(&asks, "c").await.unwrap();
        for message in 0..2 {
            run(&serves, &format!("r{asked}{message}")).await.unwrap();
        }
        assert_eq!(stand.attempts().await, 1 + asked);
    }
    stand.accepts().await;
    health::allow_one_try(&asks, "c").await.unwrap();
    assert_eq!(run(&serves, "r9").await, None, "it is mended");
    assert!(health::of(&asks, "c").await.unwrap().unwrap().state.signs_in());
}

#[tokio::test]
async fn a_try_that_came_to_no_answer_is_given_back() {
    let stand = Stand::new().await;
    stand.refuses().await;
    let deps = stand.process();
    run(&deps, "r1").await.unwrap();
    health::allow_one_try(&deps, "c").await.unwrap();
    stand.answers(503, json!({})).await;
    let message = ConnectionRun { run: "r2".into(), connection: "c".into() };
    let begun = Run::new("r2".into(), "c", Trigger::Timer, Source::Azure, deps.now());
    deps.state().create(&keys::run("r2", "c"), &begun).await.unwrap();
    assert!(matches!(AcquireToken::handle(&deps, &message).await, Err(Fault::Transient(_))));
    stand.accepts().await;
    AcquireToken::handle(&deps, &message).await.unwrap();
    assert_eq!(stand.attempts().await, 1);
}

#[tokio::test]
async fn what_another_process_found_mended_is_tried_by_one_that_remembers_a_refusal() {
    let stand = Stand::new().await;
    stand.refuses().await;
    let (serves, checks) = (stand.process(), stand.process());
    run(&serves, "r1").await.unwrap();
    stand.accepts().await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    checks.sources.sign_in("c").await.unwrap().unwrap();
    health::record_success(&checks, "c", true).await.unwrap();
    assert_eq!(run(&serves, "r2").await, None);
    assert_eq!(stand.attempts().await, 2);
}

#[tokio::test]
async fn a_refusal_that_comes_in_the_middle_of_a_run_is_not_tried_again_by_the_next() {
    let stand = Stand::new().await;
    stand.accepts().await;
    let deps = stand.process();
    assert_eq!(run(&deps, "r1").await, None);
    stand.refuses().await;
    let serves = stand.process();
    // Another stage of the run needs a token, and is refused one: nothing of it is written down.
    serves.sources.sign_in("c").await.unwrap().unwrap_err();
    run(&serves, "r2").await.unwrap();
    run(&serves, "r3").await.unwrap();
    assert_eq!(stand.attempts().await, 1);
}

#[tokio::test]
async fn a_model_that_is_not_consented_to_does_not_stop_the_other() {
    let stand = Stand::new().await;
    let lines = "kind = \"feed\"\nmodels = [\"arm\", \"classic\"]\n";
    stand.accepts().await;
    let refused = ResponseTemplate::new(400).set_body_json(json!({"error": "x", "error_codes": [65_001]}));
    let classic = Mock::given(method("POST")).and(body_string_contains("mrs-RDInfra-prod")).respond_with(refused);
    classic.with_priority(1).mount(&stand.server).await;
    let deps = stand.process_with(lines);
    for id in ["r1", "r2", "r4", "r5"] {
        assert_eq!(run(&deps, id).await, None, "the ARM feed can be read");
    }
    assert!(health::of(&deps, "c").await.unwrap().unwrap().state.signs_in());
    let requests = stand.server.received_requests().await.unwrap();
    let is_classic = |body: &[u8]| String::from_utf8_lossy(body).contains("mrs-RDInfra-prod");
    let asked = requests.iter().filter(|request| is_classic(&request.body)).count();
    // The first run is what finds the connection well, which looks to the second as if somebody had mended it.
    assert!(asked <= 2, "not at every run, but {asked} times");

    stand.answers(400, json!({"error": "x", "error_codes": [65_001]})).await;
    assert!(run(&stand.process_with(lines), "r3").await.unwrap().contains("consented"), "neither can be read");
    let health = health::of(&stand.process(), "c").await.unwrap().unwrap();
    assert_eq!(health.problem, Some(poolwarden_azure::SignInProblem::Consent));
}

#[tokio::test]
async fn whatever_else_is_wrong_with_a_second_model_stops_both() {
    let stand = Stand::new().await;
    stand.accepts().await;
    let refused = ResponseTemplate::new(400).set_body_json(json!({"error": "x", "error_codes": [50_126]}));
    let classic = Mock::given(method("POST")).and(body_string_contains("mrs-RDInfra-prod")).respond_with(refused);
    classic.with_priority(1).mount(&stand.server).await;
    let deps = stand.process_with("kind = \"feed\"\nmodels = [\"arm\", \"classic\"]\n");
    assert!(run(&deps, "r1").await.unwrap().contains("password is wrong"));
}

/// A message to the second stage of a run, as the host hands it on.
fn second_stage(run: &str) -> Invocation {
    let body = poolwarden_domain::message::body(ConnectionRun { run: run.into(), connection: "c".into() });
    let envelope = json!({"Data": {"message": body}, "Metadata": {}}).to_string();
    Invocation::decode(&http::HeaderMap::new(), envelope.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_refusal_that_the_second_stage_meets_is_written_down_and_no_other_process_tries() {
    let stand = Stand::new().await;
    stand.accepts().await;
    assert_eq!(run(&stand.process(), "r1").await, None);
    stand.refuses().await;
    let deps = Arc::new(stand.process());
    crate::discover_host_pools::invoke(&deps, &second_stage("r1")).await.unwrap();
    let ended: Run = deps.state().value(&keys::run("r1", "c")).await.unwrap().unwrap();
    assert_eq!(ended.finished.unwrap().report.status, Status::Failed);
    let health = health::of(&deps, "c").await.unwrap().unwrap();
    assert!(!health.state.signs_in() && health.detail.unwrap().contains("password is wrong"));
    run(&stand.process(), "r2").await.unwrap();
    assert_eq!(stand.attempts().await, 1);
}

#[tokio::test]
async fn the_second_stage_forgets_a_refusal_that_another_process_found_mended() {
    let stand = Stand::new().await;
    stand.refuses().await;
    let (serves, checks) = (Arc::new(stand.process()), stand.process());
    run(&serves, "r1").await.unwrap();
    stand.accepts().await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    checks.sources.sign_in("c").await.unwrap().unwrap();
    health::record_success(&checks, "c", true).await.unwrap();
    serves.sources.sign_in("c").await.unwrap().unwrap_err();
    crate::discover_host_pools::invoke(&serves, &second_stage("r1")).await.unwrap();
    serves.sources.sign_in("c").await.unwrap().unwrap();
}
