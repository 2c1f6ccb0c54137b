//! The wire, where no state is needed: being ready, refusing what is no invocation, and many at a time.

use super::{Site, url};
use crate::harness::finished;
use bytes::Bytes;
use functions_host::{Encoding, HttpCall, Message, chunks, http, queue_message, timer};
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Invocations at a time.
const AT_ONCE: usize = 64;
/// What an envelope may have at most, and a little more than that.
const TOO_LARGE: usize = (16 << 20) + 1;
/// A function that asks nobody and keeps nothing when it is asked for its consent.
const QUIET: &str = "resource_events";
/// How long an answer may take that needs nobody else. It is generous: machines that test are busy.
const SOON: Duration = Duration::from_secs(5);

/// An invocation of [`QUIET`].
fn quiet() -> Value {
    let origin = ("WebHook-Request-Origin".to_owned(), "eventgrid.azure.net".to_owned());
    let call = HttpCall { method: "OPTIONS".to_owned(), url: url("resource-events"), ..HttpCall::default() };
    http(QUIET, "req", &HttpCall { headers: vec![origin], ..call })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_is_answered_at_once_and_to_everybody_whatever_goes_on() {
    let site = Site::bare().await;
    let handler = site.handler().await;
    let envelope = quiet();
    let busy = join_all((0..AT_ONCE).map(|_| handler.invoke(QUIET, &envelope)));
    let asking = async {
        for _ in 0..20 {
            let began = Instant::now();
            let reply = handler.root().await.unwrap();
            assert_eq!(reply.status, 200);
            assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        }
    };
    let (verdicts, ()) = tokio::join!(busy, asking);
    assert!(verdicts.iter().all(functions_host::Verdict::is_done), "{verdicts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_invocations_at_a_time_are_all_answered_in_full() {
    let site = Site::bare().await;
    let handler = site.handler().await;
    // What nobody has signed is refused without asking anybody, and that is an answer, not a failure.
    let call = HttpCall { method: "POST".to_owned(), url: url("import/signed"), ..HttpCall::default() };
    let (consent, requests) = (quiet(), http("import_webhook_signed", "req", &call));
    let consents = join_all((0..AT_ONCE / 2).map(|_| handler.invoke(QUIET, &consent)));
    let requests = join_all((0..AT_ONCE / 2).map(|_| handler.invoke("import_webhook_signed", &requests)));
    let (consents, requests) = tokio::join!(consents, requests);
    for verdict in consents {
        let answer = verdict.done();
        assert!(answer.is_full());
        assert_eq!(answer.http("res").unwrap().headers["WebHook-Allowed-Origin"], "eventgrid.azure.net");
    }
    for verdict in requests {
        let answer = verdict.done();
        assert!(answer.is_full());
        assert_eq!(answer.http("res").unwrap().status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_invocation_is_refused_with_the_reason_and_fails() {
    let site = Site::bare().await;
    let handler = site.handler().await;
    let valid = Bytes::from(timer("sync_timer", "timer", false).to_string());
    for path in ["/no_such_function", "/api/sync_timer", "/sync_timer/x", "/SYNC_TIMER"] {
        let reply = handler.post(path, vec![valid.clone()]).await.unwrap();
        assert_eq!(reply.status, 404, "{path}: {reply:?}");
        assert!(reply.verdict().failed().contains("404"));
    }
    let envelopes =
        ["", "null", "[]", "{}", "no JSON", "{\"Data\":", r#"{"Data":[]}"#, r#"{"Data":{},"Metadata":"x"}"#];
    for envelope in envelopes {
        let reply = handler.post("/finish_run", vec![Bytes::from(envelope)]).await.unwrap();
        assert_eq!(reply.status, 400, "{envelope}: {reply:?}");
        let refusal: Value = serde_json::from_slice(&reply.body).unwrap();
        assert!(refusal["error"].as_str().unwrap().len() > 10, "{envelope}: {refusal}");
    }
    assert_eq!(handler.root().await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_byte_by_byte_is_read_whole() {
    let site = Site::bare().await;
    let handler = site.handler().await;
    let envelope = Bytes::from(quiet().to_string());
    let bytes = (0..envelope.len()).map(|at| envelope.slice(at..=at)).collect();
    assert!(handler.post(&format!("/{QUIET}"), bytes).await.unwrap().verdict().is_done());
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_for_an_http_function_are_refused_by_it_and_more_than_that_by_the_wire() {
    let site = Site::bare().await;
    let handler = site.handler().await;
    let body = vec![b'x'; 10_000_000];
    for (content_type, function, route) in [
        ("application/json", "import_webhook", "import"),
        ("application/octet-stream", "import_webhook", "import"),
        ("application/json", "import_webhook_signed", "import/signed"),
        ("application/json", "resource_events", "resource-events"),
    ] {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        let call = HttpCall { method: "POST".to_owned(), url: url(route), headers, ..HttpCall::default() };
        let call = HttpCall { body: Some(body.clone()), ..call };
        let answer = handler.invoke(function, &http(function, "req", &call)).await.done();
        assert_eq!(answer.http("res").unwrap().status, 413, "{function}, {content_type}");
    }
    let message = Message::new("m1", &"x".repeat(TOO_LARGE));
    let envelope = queue_message("finish_run", "message", &message, Encoding::Single).to_string();
    // It comes in chunks, and is heard to the end: whoever still sends does not hear a refusal.
    let reply = handler.post("/finish_run", chunks(&Bytes::from(envelope))).await.unwrap();
    assert_eq!(reply.status, 413, "{reply:?}");
    assert_eq!(handler.root().await.unwrap().status, 200);
    assert_memory_below(handler.id(), 400);
}

/// Asserts that a process never took more than so many MiB, where the system says.
pub(super) fn assert_memory_below(process: u32, limit_mib: u64) {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else { return };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches("kB").trim().parse().unwrap();
    assert!(peak_kib / 1024 < limit_mib, "{peak_kib} KiB at its peak");
}

#[tokio::test]
async fn what_cannot_work_does_not_start_and_never_ends_with_0() {
    let site = Site::bare().await;
    let attempt = async |variables: &[(&str, &str)]| {
        let mut command = crate::harness::program(site.stand.path("").as_path(), &["handler"]);
        command.envs(variables.iter().copied());
        let output = finished(command).await;
        // The host takes 0 for a wish to stay down.
        assert!(output.code.is_some_and(|code| code != 0), "{output:?}");
        output.stderr
    };
    let azure = [
        ("ServiceBus__fullyQualifiedNamespace", super::NOWHERE),
        ("POOLWARDEN_BLOB", "http://127.0.0.1:1/account/container"),
    ];
    assert!(attempt(&azure).await.contains("FUNCTIONS_CUSTOMHANDLER_PORT is not set"));
    let port = ("FUNCTIONS_CUSTOMHANDLER_PORT", "none");
    assert!(attempt(&[&azure[..], &[port]].concat()).await.contains("is not a port"));
    let port = ("FUNCTIONS_CUSTOMHANDLER_PORT", "1");
    let lacking = attempt(&[port]).await;
    for variable in ["ServiceBus__fullyQualifiedNamespace", "POOLWARDEN_BLOB"] {
        assert!(lacking.contains(variable), "{lacking}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_body_and_one_in_base64_are_understood() {
    let site = Site::bare().await;
    let handler = site.handler().await;
    let events = json!([{
        "id": "1", "subject": "s", "data": {"validationCode": "the-code"}, "eventTime": "2026-11-23T12:00:00Z",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "dataVersion": "1", "metadataVersion": "1",
        "topic": "/subscriptions/x",
    }]);
    let answer = async |content_type: &str, body: Option<&Value>| {
        let kind = ("aeg-event-type".to_owned(), "SubscriptionValidation".to_owned());
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned()), kind];
        let body = body.map(|body| body.to_string().into_bytes());
        let call =
            HttpCall { method: "POST".to_owned(), url: url("resource-events"), headers, body, ..HttpCall::default() };
        let verdict = handler.invoke("resource_events", &http("resource_events", "req", &call)).await;
        verdict.done().http("res").unwrap()
    };
    for content_type in ["application/json", "application/octet-stream"] {
        let validated = answer(content_type, Some(&events)).await;
        assert_eq!(validated.status, 200, "{content_type}: {validated:?}");
        assert_eq!(validated.body["validationResponse"], "the-code", "{content_type}: {validated:?}");
    }
    assert_eq!(answer("application/json", None).await.status, 400);
}
