#![expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be shall fail")]

use crate::schedule::Schedule;
use crate::*;
use jiff::Timestamp;
use serde_json::{Value, json};

fn metadata(body: &str) -> Value {
    queue_message("f", "message", &Message::new("m1", body), Encoding::Double)["Metadata"].clone()
}

#[test]
fn a_body_is_encoded_twice_and_metadata_are_strings_that_hold_json() {
    let envelope = queue_message("f", "message", &Message::new("m1", r#"{"x":1}"#), Encoding::Double);
    assert_eq!(envelope["Data"]["message"], json!(r#""{\"x\":1}""#));
    let metadata = &envelope["Metadata"];
    assert_eq!((&metadata["MessageId"], &metadata["DeliveryCount"]), (&json!("\"m1\""), &json!("1")));
    assert!(metadata["ApplicationProperties"].is_object() && metadata["sys"]["MethodName"] == "f");
    assert!(metadata.get("DeadLetterSource").is_none(), "null is absent");
    for (encoding, expected) in [(Encoding::Single, json!(r#"{"x":1}"#)), (Encoding::Object, json!({"x": 1}))] {
        let message = Message::new("m1", r#"{"x":1}"#);
        assert_eq!(queue_message("f", "message", &message, encoding)["Data"]["message"], expected);
    }
}

#[test]
fn a_bodys_scalars_overwrite_metadata_and_what_is_named_like_a_trigger_is_absent() {
    let spoofed = metadata(r#"{"DeliveryCount":99,"MessageId":"forged","myTrigger":1,"nothing":null,"deep":{"a":1}}"#);
    assert_eq!((&spoofed["DeliveryCount"], &spoofed["MessageId"]), (&json!("99"), &json!("\"forged\"")));
    for absent in ["myTrigger", "nothing", "deep"] {
        assert!(spoofed.get(absent).is_none(), "{absent}");
    }
    assert_eq!(metadata_value(&json!([1, 2])), Some(json!("[1,2]")));
    assert_eq!(metadata("[1]")["MessageId"], "\"m1\"");
}

#[test]
fn a_request_has_a_body_only_with_a_length_and_binary_ones_in_base64() {
    let body = |content_type: &str, body: Option<&[u8]>| {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        let call = HttpCall { headers, body: body.map(<[u8]>::to_vec), ..HttpCall::default() };
        http("f", "req", &call)["Data"]["req"].get("Body").cloned()
    };
    assert_eq!(body("text/plain", None), None);
    assert_eq!(body("application/json", Some(b"{}")), Some(json!("{}")));
    assert_eq!(body("application/octet-stream", Some(b"done")), Some(json!("ZG9uZQ==")));
    assert_eq!(body("multipart/form-data; boundary=x", Some(b"done")), Some(json!("ZG9uZQ==")));
}

#[test]
fn answers_are_judged_as_the_host_judges_them() {
    let json_type = Some("application/json");
    let success = judge(200, json_type, br#"{"key1":"value1"}"#).done();
    assert!(success.outputs.is_empty() && !success.is_full());
    assert!(judge(200, json_type, b"Hello World").failed().contains("200 Hello World"));
    assert!(judge(200, Some("text/plain"), b"{}").failed().contains("unsupported media type"));
    assert!(judge(400, json_type, b"{}").failed().contains("400"));
    for (status, body) in [(200, ""), (202, "null"), (204, "")] {
        assert!(matches!(judge(status, json_type, body.as_bytes()), Verdict::Hangs(_)), "{status} {body}");
    }
    let full =
        judge(200, Some("application/json; charset=utf-8"), br#"{"Outputs":{},"Logs":["a"],"ReturnValue":null}"#);
    let full = full.done();
    assert!(full.is_full() && full.logs == ["a"]);
    for body in ["[]", r#"{"Outputs":[]}"#, r#"{"Logs":[1]}"#] {
        judge(200, json_type, body.as_bytes()).failed();
    }
}

#[test]
fn outputs_meet_the_base64_trap_and_the_array_trap() {
    let outputs = json!({"Outputs": {
        "trap": "done", "text": "not base64!", "many": "[1,2]", "object": "{\"a\": 1}", "list": ["a"],
        "res": {"statusCode": "300", "body": "hello"}, "bad": {"statusCode": "many"},
    }});
    let answer = judge(200, Some("application/json"), outputs.to_string().as_bytes()).done();
    assert_eq!(answer.output("trap"), Some(Output::Bytes(vec![0x76, 0x89, 0xde])));
    assert_eq!(answer.output("text"), Some(Output::Text("not base64!".to_owned())));
    assert_eq!(answer.output("many"), Some(Output::Many(vec![json!(1), json!(2)])));
    assert_eq!(answer.output("object"), Some(Output::Text(r#"{"a":1}"#.to_owned())));
    assert_eq!(answer.output("list"), Some(Output::Many(vec![json!("a")])));
    let http = answer.http("res").unwrap();
    assert_eq!((http.status, http.body), (300, json!("hello")));
    assert!(answer.http("bad").is_err() && answer.http("trap").is_err() && answer.http("none").is_err());
}

#[test]
fn schedules_tick_in_the_seconds_they_name() {
    let due = |schedule: &str, at: &str| Schedule::parse(schedule).unwrap().is_due(at.parse::<Timestamp>().unwrap());
    // 2026-11-23 is a Monday.
    assert!(due("0 * * * * *", "2026-11-23T12:34:00Z") && !due("0 * * * * *", "2026-11-23T12:34:01Z"));
    assert!(due("30 */5 * * * *", "2026-11-23T12:35:30Z") && !due("30 */5 * * * *", "2026-11-23T12:36:30Z"));
    assert!(due("0 0 9-17/4 * 11 1,7", "2026-11-23T13:00:00Z") && due("0 0 9 * * 7", "2026-11-22T09:00:00Z"));
    for bad in ["* * * * *", "60 * * * * *", "a * * * * *", "*/0 * * * * *", "5-1 * * * * *"] {
        assert!(Schedule::parse(bad).is_err(), "{bad}");
    }
}

fn app(host: &Value, functions: &[(&str, Value)]) -> anyhow::Result<App> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("host.json"), host.to_string()).unwrap();
    for (name, definition) in functions {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("function.json"), definition.to_string()).unwrap();
    }
    App::load(folder.path())
}

#[test]
fn an_app_is_read_as_the_host_reads_it() {
    let host = json!({"version": "2.0", "functionTimeout": "00:10:00",
                      "customHandler": {"description": {"defaultExecutablePath": "p", "arguments": ["handler"]}}});
    let timer = json!({"bindings": [{"name": "t", "type": "timerTrigger", "schedule": "0 * * * * *"}]});
    let http = json!({"bindings": [{"name": "req", "type": "httpTrigger", "methods": ["post"]},
                                   {"name": "res", "type": "http", "direction": "out"}]});
    let queue = json!({"bindings": [{"name": "m", "type": "serviceBusTrigger", "queueName": "q"}]});
    let read = app(&host, &[("a", timer.clone()), ("b", http), ("c", queue)]).unwrap();
    assert_eq!((read.functions.len(), read.timeout.as_secs()), (3, 600));
    assert_eq!(read.arguments, ["handler"]);
    let Trigger::Http { route, methods, output, .. } = &read.functions["b"].trigger else { panic!("{read:?}") };
    assert_eq!((route.as_str(), methods.as_slice(), output.as_str()), ("b", ["POST".to_owned()].as_slice(), "res"));
    assert!(app(&host, &[]).is_err());
    assert!(app(&host, &[("host", timer.clone())]).is_err());
    assert!(app(&host, &[("a", json!({"bindings": []}))]).is_err());
    let mut forwarding = host.clone();
    forwarding["customHandler"]["enableForwardingHttpRequest"] = json!(true);
    assert!(app(&forwarding, &[("a", timer)]).is_err());
}
