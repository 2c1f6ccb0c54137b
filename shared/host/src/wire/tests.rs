//! Each trap of the wire contract, by name.

use super::*;
use crate::HttpAnswer;
use ::http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

fn invocation(body: &Value) -> Invocation {
    Invocation::decode(&HeaderMap::new(), body.to_string().as_bytes()).unwrap()
}

fn with_data(value: &Value) -> Invocation {
    invocation(&json!({ "Data": { "input": value }, "Metadata": {} }))
}

fn with_metadata(metadata: &Value) -> Metadata {
    invocation(&json!({ "Data": {}, "Metadata": metadata })).metadata
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Message {
    x: u32,
}

#[test]
fn a_binding_is_read_as_object_as_string_and_doubly_encoded() {
    for value in [json!({"x": 1}), json!(r#"{"x":1}"#), json!(r#""{\"x\":1}""#)] {
        assert_eq!(with_data(&value).binding::<Message>("input"), Ok(Message { x: 1 }), "{value}");
    }
}

#[test]
fn a_batch_is_a_string_that_holds_an_array() {
    let batch = with_data(&json!(r#"[{"x":1},{"x":2}]"#));
    assert_eq!(batch.binding::<Vec<Message>>("input").unwrap().len(), 2);
}

#[test]
fn an_event_may_be_indented_and_doubly_encoded() {
    let event = serde_json::to_string_pretty(&json!({"id": "e1", "data": {"x": 1}})).unwrap();
    for value in [Value::from(event.as_str()), Value::from(Value::from(event.as_str()).to_string())] {
        assert_eq!(with_data(&value).binding::<Value>("input").unwrap()["data"]["x"], 1);
    }
}

#[test]
fn base64_is_never_guessed() {
    // "done" and "1234" are valid base64; they stay what they are.
    for text in ["done", "1234", "aGVsbG8="] {
        let doubly = Value::from(Value::from(text).to_string());
        assert_eq!(with_data(&doubly).binding::<Value>("input").unwrap().to_string().trim_matches('"'), text);
    }
    assert_eq!(
        with_data(&json!("done")).binding::<String>("input"),
        Err(WireError::NotJson { binding: "input".into() })
    );
}

#[test]
fn what_is_missing_or_misshapen_is_named_and_not_quoted() {
    let call = with_data(&json!({"x": "hunter2"}));
    assert_eq!(call.text("other").unwrap_err().to_string(), "the invocation has no binding other");
    let error = call.binding::<Message>("input").unwrap_err().to_string();
    assert!(error.starts_with("binding input is not what the function expects: invalid type, expected u32"));
    assert!(!error.contains("hunter2"));
}

#[test]
fn an_envelope_of_another_shape_is_refused() {
    for body in
        ["", "null", "[]", "{}", r#"{"Data":null}"#, r#"{"Data":[]}"#, r#"{"Data":{},"Metadata":1}"#, "{\"Data\":"]
    {
        let refused = Invocation::decode(&HeaderMap::new(), body.as_bytes());
        assert!(matches!(refused, Err(WireError::Envelope { .. })), "{body}");
    }
    assert!(Invocation::decode(&HeaderMap::new(), br#"{"Data":{}}"#).is_ok());
    assert!(Invocation::decode(&HeaderMap::new(), br#"{"Data":{},"Metadata":null}"#).is_ok());
}

#[test]
fn nesting_beyond_the_parsers_limit_is_an_error_and_no_overflow() {
    let deep = format!(r#"{{"Data":{{"a":{}{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(Invocation::decode(&HeaderMap::new(), deep.as_bytes()).is_err());
}

#[test]
fn the_hosts_ids_are_taken_from_the_headers() {
    let mut headers = HeaderMap::new();
    headers.insert(INVOCATION_ID, HeaderValue::from_static("i-1"));
    headers.insert(TRACEPARENT, HeaderValue::from_static("00-aa-bb-01"));
    let call = Invocation::decode(&headers, br#"{"Data":{}}"#).unwrap();
    assert_eq!((call.id.as_str(), call.traceparent.as_deref()), ("i-1", Some("00-aa-bb-01")));
    let without = Invocation::decode(&HeaderMap::new(), br#"{"Data":{}}"#).unwrap();
    assert_eq!(without.id.len(), 36);
}

#[test]
fn metadata_are_strings_that_hold_json() {
    let metadata = with_metadata(&json!({
        "MessageId": "\"m1\"", "DeliveryCount": "3", "SequenceNumber": "42",
        "EnqueuedTimeUtc": "2026-03-01T10:00:00", "ApplicationProperties": {"DeadLetterReason": "because"},
    }));
    assert_eq!(metadata.message_id().as_deref(), Some("m1"));
    assert_eq!(metadata.delivery_count(), Some(3));
    assert_eq!(metadata.sequence_number(), Some(42));
    assert_eq!(metadata.enqueued_at().unwrap().to_string(), "2026-03-01T10:00:00Z");
    assert_eq!(metadata.dead_letter_reason().as_deref(), Some("because"));
    assert_eq!(metadata.retry_context(), None);
}

#[test]
fn metadata_that_came_unencoded_are_read_as_well() {
    let metadata = with_metadata(&json!({
        "MessageId": "m1", "DeliveryCount": 3,
        "RetryContext": "{\"RetryCount\":1,\"MaxRetryCount\":3,\"Exception\":{\"Message\":\"x\"}}",
    }));
    assert_eq!(metadata.message_id().as_deref(), Some("m1"));
    assert_eq!(metadata.delivery_count(), Some(3));
    assert_eq!(metadata.retry_context(), Some(RetryContext { retry_count: 1, max_retry_count: 3 }));
    let offset = with_metadata(&json!({"EnqueuedTime": "2026-03-01T12:00:00+02:00"}));
    assert_eq!(offset.enqueued_at().unwrap().to_string(), "2026-03-01T10:00:00Z");
    // An id that is a number in quotes is still an id.
    assert_eq!(with_metadata(&json!({"MessageId": "\"7\""})).message_id().as_deref(), Some("7"));
}

#[test]
fn absent_and_misshapen_metadata_are_nothing() {
    let metadata = with_metadata(&json!({"DeliveryCount": "\"many\"", "EnqueuedTimeUtc": "soon", "MessageId": "{}"}));
    assert_eq!(metadata.delivery_count(), None);
    assert_eq!(metadata.enqueued_at(), None);
    assert_eq!(metadata.message_id(), None);
    assert_eq!(metadata.sequence_number(), None);
}

#[test]
fn dates_come_in_several_spellings_and_none_has_to_have_a_zone() {
    for spelling in [
        "2026-03-01T10:00:00",
        "\"2026-03-01T10:00:00\"",
        "2026-03-01T10:00:00Z",
        "2026-03-01T12:00:00+02:00",
        "\"2026-03-01T10:00:00+00:00\"",
        "03/01/2026 10:00:00",
        "03/01/2026 12:00:00 +02:00",
    ] {
        let metadata = with_metadata(&json!({ "EnqueuedTimeUtc": spelling }));
        assert_eq!(metadata.enqueued_at().unwrap().to_string(), "2026-03-01T10:00:00Z", "{spelling}");
    }
}

#[test]
fn a_timer_may_have_no_status_and_a_first_run_no_last() {
    let plain = json!({"Schedule": {"AdjustForDST": true}, "ScheduleStatus": null, "IsPastDue": false});
    assert_eq!(with_data(&plain).timer("input"), Ok(TimerInfo { is_past_due: false, status: None }));
    let monitored = json!({"IsPastDue": true, "ScheduleStatus": {
        "Last": "0001-01-01T00:00:00", "Next": "2026-03-01T10:00:00+00:00", "LastUpdated": "2026-03-01T09:59:00",
    }});
    let timer = with_data(&monitored).timer("input").unwrap();
    let status = timer.status.unwrap();
    assert!(timer.is_past_due);
    assert_eq!(status.last, None);
    assert_eq!(status.next.unwrap().to_string(), "2026-03-01T10:00:00Z");
    assert_eq!(status.last_updated.unwrap().to_string(), "2026-03-01T09:59:00Z");
}

#[test]
fn an_http_request_is_taken_apart() {
    let request = with_data(&json!({
        "Url": "http://h/api/runs/7?a=1", "Method": "POST", "Query": {"a": "1"},
        "Headers": {"Content-Type": ["application/json"], "X-Many": ["a", "b"], "bad name": ["x"]},
        "Params": {"id": "7"}, "Identities": [{}], "Body": "{\"x\":1}",
    }));
    let request = request.http("input").unwrap();
    assert_eq!((request.method.as_str(), request.query["a"].as_str()), ("POST", "1"));
    assert_eq!(request.params["id"], "7");
    assert_eq!(request.headers.get_all("x-many").iter().count(), 2);
    assert_eq!(request.header("CONTENT-TYPE"), Some("application/json"));
    assert_eq!(request.json::<Message>(), Ok(Message { x: 1 }));
}

#[test]
fn a_binary_body_is_base64_by_its_type_and_a_text_one_never() {
    let body = |content_type: &str, body: Value| {
        let value = json!({"Url": "u", "Method": "POST", "Headers": {"Content-Type": [content_type]}, "Body": body});
        with_data(&value).http("input").map(|request| request.body)
    };
    assert_eq!(body("application/octet-stream", json!("ZG9uZQ==")).unwrap().unwrap(), "done");
    assert_eq!(body("multipart/form-data; boundary=x", json!("ZG9uZQ==")).unwrap().unwrap(), "done");
    assert_eq!(body("text/plain", json!("ZG9uZQ==")).unwrap().unwrap(), "ZG9uZQ==");
    assert_eq!(body("application/json", json!({"x": 1})).unwrap().unwrap(), r#"{"x":1}"#);
    assert_eq!(body("text/plain", Value::Null).unwrap(), None);
    assert!(body("application/octet-stream", json!("not base64!")).is_err());
}

#[test]
fn a_request_without_a_body_says_so_instead_of_failing() {
    let request = with_data(&json!({"Url": "u", "Method": "POST"})).http("input").unwrap();
    assert_eq!(request.body, None);
    assert!(request.json::<Message>().unwrap_err().to_string().contains("there is none"));
}

#[test]
fn the_answer_is_always_the_full_object() {
    assert_eq!(Outcome::done().encode(), json!({"Outputs": {}, "Logs": [], "ReturnValue": null}));
    let answer = HttpAnswer::json(StatusCode::CREATED, json!({"id": 7})).with_header("Location", "/runs/7");
    assert_eq!(
        Outcome::http("res", answer).with_log("made it").encode(),
        json!({
            "Outputs": {"res": {
                "statusCode": "201",
                "body": {"id": 7},
                "headers": {"Content-Type": "application/json; charset=utf-8", "Location": "/runs/7"},
            }},
            "Logs": ["made it"],
            "ReturnValue": null,
        })
    );
}

#[test]
fn no_output_is_a_string_the_host_could_take_for_base64() {
    for answer in [HttpAnswer::empty(StatusCode::OK), HttpAnswer::text(StatusCode::OK, "text/plain", "done")] {
        let encoded = Outcome::http("res", answer).encode();
        assert!(encoded["Outputs"].as_object().unwrap().values().all(Value::is_object), "{encoded}");
    }
}

#[test]
fn logs_and_failures_are_bounded() {
    let long = Outcome::Done { logs: vec!["x".into(); MAX_LOG_LINES + 5] }.encode();
    let lines = long["Logs"].as_array().unwrap();
    assert_eq!((lines.len(), lines.last().unwrap()), (MAX_LOG_LINES + 1, &json!("… and 5 more lines")));
    let text = Failure::new("ä".repeat(5000)).encode()["error"].as_str().unwrap().to_owned();
    assert_eq!(text.chars().count(), MAX_FAILURE_CHARS + 1);
}

#[test]
fn a_failure_tells_the_causes_once_each() {
    #[derive(Debug, thiserror::Error)]
    #[error("could not read the connection")]
    struct Outer(#[source] WireError);
    let failure = Failure::caused_by(&Outer(WireError::NotJson { binding: "b".into() }));
    assert_eq!(failure.message, "could not read the connection: binding b is not JSON");
}

fn verdict(status: u16, content_type: &str, body: &str) -> Verdict {
    judge(StatusCode::from_u16(status).unwrap(), Some(content_type), body.as_bytes())
}

fn failed(verdict: Verdict) -> String {
    match verdict {
        Verdict::Failed(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_hosts_own_cases_of_requests() {
    let call = invocation(&json!({
        "Data": {"myqueueItem": "\"HelloWorld\""},
        "Metadata": {"dequeueCount": "4", "VisibleTime": "2019-10-01T00:00:00", "helloString": "\"helloMetadata\""},
    }));
    assert_eq!(call.binding::<String>("myqueueItem").unwrap(), "HelloWorld");
    assert_eq!(call.metadata.get::<u32>("dequeueCount"), Some(4));
    assert_eq!(call.metadata.time("VisibleTime").unwrap().to_string(), "2019-10-01T00:00:00Z");
    assert_eq!(call.metadata.text("helloString").as_deref(), Some("helloMetadata"));
}

#[test]
fn the_hosts_own_cases_of_answers() {
    assert_eq!(verdict(200, "application/json", r#"{"key1":"value1"}"#), Verdict::Success(Answer::default()));
    let quoted = failed(verdict(200, "application/json", "Hello World"));
    assert!(quoted.contains("200") && quoted.contains("Hello World"), "{quoted}");
    assert!(failed(verdict(200, "text/plain", "Hello World")).contains("unsupported media type"));
    assert!(failed(verdict(400, "application/json", r#"{"Outputs":{"a":{}}}"#)).contains("400"));
    let output = HttpAnswer::from_output(&json!({"body": "hello", "statusCode": "300"})).unwrap();
    assert_eq!((output.status.as_u16(), output.body), (300, AnswerBody::Text("hello".into())));
    for bad in [
        json!("SomeBlah"),
        json!({"statusCode": "abc"}),
        json!({"statusCode": {}}),
        json!({"statusCode": 99}),
        json!({"statusCode": "101"}),
    ] {
        assert!(HttpAnswer::from_output(&bad).is_err(), "{bad}");
    }
    assert_eq!(HttpAnswer::from_output(&json!({"StatusCode": 204})).unwrap().status, 204);
    assert_eq!(HttpAnswer::from_output(&json!({"body": "hello"})).unwrap().status, 200);
}

#[test]
fn an_empty_answer_would_hang_and_is_told_from_a_failure() {
    for (status, body) in [(200, ""), (200, " \r\n"), (200, "null"), (204, ""), (202, "null\n")] {
        let verdict = verdict(status, "application/json", body);
        assert!(matches!(verdict, Verdict::NeverCompletes(_)), "{status} {body:?}: {verdict:?}");
    }
}

#[test]
fn an_answer_that_is_json_but_no_answer_fails() {
    for body in ["[]", "1", r#""done""#, r#"{"Outputs":[]}"#, r#"{"Logs":"x"}"#, r#"{"Logs":[1]}"#, r#"{"Outputs":{}"#]
    {
        failed(verdict(200, "application/json", body));
    }
    failed(judge(StatusCode::OK, None, b"{}"));
    let nulls = r#"{"Outputs":null,"Logs":null,"ReturnValue":null}"#;
    assert_eq!(verdict(200, "application/json; charset=utf-8", nulls), Verdict::Success(Answer::default()));
}

#[test]
fn a_failure_of_ours_keeps_its_text() {
    let failure = Failure::new("the pool is gone").encode().to_string();
    assert_eq!(failed(verdict(500, "application/json", &failure)), "the pool is gone");
    assert!(failed(verdict(502, "text/html", "<html>")).contains("502"));
}

proptest! {
    #[test]
    fn every_answer_we_encode_is_a_success(
        logs in prop::collection::vec(".*", 0..4),
        status in 200_u16..600,
        body in ".*",
    ) {
        let answer = HttpAnswer::text(StatusCode::from_u16(status).unwrap(), "text/plain", body);
        let outcome = Outcome::Http { binding: "res".into(), answer: answer.clone(), logs: logs.clone() };
        let judged = verdict(200, "application/json", &outcome.encode().to_string());
        let Verdict::Success(judged) = judged else { panic!("{judged:?}") };
        prop_assert_eq!(judged.logs, logs);
        prop_assert_eq!(HttpAnswer::from_output(&judged.outputs["res"]).unwrap(), answer);
    }

    #[test]
    fn nothing_on_the_wire_makes_the_decoder_panic(
        body in prop::collection::vec(any::<u8>(), 0..200),
        text in ".*",
    ) {
        let _ = Invocation::decode(&HeaderMap::new(), &body);
        let _ = judge(StatusCode::OK, Some("application/json"), &body);
        let call = with_data(&Value::from(text.as_str()));
        let _ = (call.http("input"), call.timer("input"), call.binding::<Message>("input"));
        let metadata = with_metadata(&json!({"EnqueuedTimeUtc": text, "DeliveryCount": text, "RetryContext": text}));
        let _ = (metadata.enqueued_at(), metadata.delivery_count(), metadata.retry_context());
    }
}
