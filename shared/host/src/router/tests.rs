//! The app as the host calls it.

use super::*;
use crate::wire::INVOCATION_ID;
use axum::body::to_bytes;
use http::Method;
use tower::ServiceExt;

fn app() -> Router {
    FunctionApp::new()
        .function("echo", |call| async move {
            let x: u32 = call.binding("input")?;
            Ok(Outcome::done().with_log(format!("{} {x}", call.id)))
        })
        .function("fails", |_| async { Err(Failure::new("the pool is gone")) })
        .function("panics", |_| async { panic!("secret") })
        .function("panics_early", |_| -> std::future::Ready<Result<Outcome, Failure>> { panic!("secret") })
        .into_router()
}

async fn send(app: &Router, method: Method, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header(INVOCATION_ID, "i-1").body(body.into()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let content_type = response.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(content_type.as_deref(), Some("application/json"), "{path}");
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn post(path: &str, body: &'static str) -> (StatusCode, Value) {
    send(&app(), Method::POST, path, body).await
}

#[tokio::test]
async fn an_invocation_is_answered_with_the_full_object() {
    let (status, answer) = post("/echo", r#"{"Data":{"input":"7"},"Metadata":{}}"#).await;
    assert_eq!(status, 200);
    assert_eq!(answer, json!({"Outputs": {}, "Logs": ["i-1 7"], "ReturnValue": null}));
}

#[tokio::test]
async fn root_is_ready_at_once_and_asks_nobody_who_he_is() {
    assert_eq!(send(&app(), Method::GET, "/", Body::empty()).await.0, 200);
    // The health monitor keeps asking while functions run, even before any function exists.
    assert_eq!(send(&FunctionApp::new().into_router(), Method::GET, "/", Body::empty()).await.0, 200);
}

#[tokio::test]
async fn chunked_bodies_are_read_whole() {
    let chunks = [r#"{"Data":{"in"#, r#"put":"#, r#""7"}}"#].map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
    let body = Body::from_stream(futures::stream::iter(chunks));
    assert_eq!(send(&app(), Method::POST, "/echo", body).await.0, 200);
}

#[tokio::test]
async fn an_unread_body_is_a_failed_invocation_with_the_reason() {
    let (status, answer) = post("/echo", "not json").await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().starts_with("the request is not an invocation"), "{answer}");
    let broken = [Ok(Bytes::from("{")), Err(std::io::Error::other("gone"))];
    let (status, _) = send(&app(), Method::POST, "/echo", Body::from_stream(futures::stream::iter(broken))).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_failure_is_a_500_with_its_text() {
    let (status, answer) = post("/fails", r#"{"Data":{}}"#).await;
    assert_eq!((status.as_u16(), answer), (500, json!({"error": "the pool is gone"})));
    let (status, answer) = post("/echo", r#"{"Data":{}}"#).await;
    assert_eq!((status.as_u16(), answer), (500, json!({"error": "the invocation has no binding input"})));
}

#[tokio::test]
async fn a_panic_fails_the_invocation_and_the_process_lives() {
    let app = app();
    for path in ["/panics", "/panics_early"] {
        let (status, answer) = send(&app, Method::POST, path, r#"{"Data":{}}"#).await;
        assert_eq!(status, 500);
        assert_eq!(answer["error"], format!("the function {} panicked", &path[1..]));
    }
    assert_eq!(send(&app, Method::POST, "/echo", r#"{"Data":{"input":1}}"#).await.0, 200);
}

#[tokio::test]
async fn too_much_is_refused_with_and_without_a_length() {
    let announced = Request::post("/echo").header(header::CONTENT_LENGTH, MAX_ENVELOPE_BYTES + 1).body(Body::empty());
    assert_eq!(app().oneshot(announced.unwrap()).await.unwrap().status(), 413);
    let chunk = Bytes::from(vec![b' '; 1 << 20]);
    let chunks = futures::stream::iter((0..17).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    assert_eq!(send(&app(), Method::POST, "/echo", Body::from_stream(chunks)).await.0, 413);
}

#[tokio::test]
async fn what_is_no_function_is_not_found() {
    for path in ["/nobody", "/echo/more", "/%FF"] {
        assert_eq!(post(path, r#"{"Data":{}}"#).await.0, 404, "{path}");
    }
    assert_eq!(send(&app(), Method::GET, "/echo", Body::empty()).await.0, 405);
}

#[test]
#[should_panic(expected = "two handlers for the function twice")]
fn a_name_is_taken_once() {
    let _ = FunctionApp::new()
        .function("twice", |_| async { Ok(Outcome::done()) })
        .function("twice", |_| async { Ok(Outcome::done()) });
}

#[tokio::test]
async fn an_invocation_is_a_child_of_the_request_else_of_the_message_else_a_trace_of_its_own() {
    let app = FunctionApp::new().function("where", |_| async {
        Ok(Outcome::done().with_log(trace::current().map(|context| context.to_string()).unwrap_or_default()))
    });
    let app = app.into_router();
    let (request, message) = ("0af7651916cd43dd8448eb211c80319c", "1bf7651916cd43dd8448eb211c80319c");
    for (header, property, expected) in [
        (Some(format!("00-{request}-b7ad6b7169203331-00")), Some(message), Some((request, "00"))),
        (Some("not a traceparent".to_owned()), Some(message), Some((message, "01"))),
        (None, Some(message), Some((message, "01"))),
        (None, None, None),
    ] {
        let properties = property.map(|id| json!({"Diagnostic-Id": format!("00-{id}-b7ad6b7169203331-01")}));
        let envelope = json!({"Data": {}, "Metadata": {"ApplicationProperties": properties}});
        let mut call = Request::builder().method(Method::POST).uri("/where");
        if let Some(header) = &header {
            call = call.header("traceparent", header);
        }
        let response = app.clone().oneshot(call.body(Body::from(envelope.to_string())).unwrap()).await.unwrap();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        let place = TraceContext::parse(answer["Logs"][0].as_str().unwrap()).unwrap();
        assert_ne!(place.span_id, 0xb7ad_6b71_6920_3331, "it is a span of its own");
        if let Some((trace, flags)) = expected {
            assert_eq!((place.trace().as_str(), format!("{:02x}", place.flags).as_str()), (trace, flags));
        } else {
            assert!(![request, message].contains(&place.trace().as_str()));
        }
    }
}
