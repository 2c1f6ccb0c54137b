//! What is a trace context and what is not, and what an invocation notes.

use super::*;
use std::convert::Infallible;

#[test]
fn a_traceparent_is_read_as_it_is_written() {
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let context = TraceContext::parse(text).unwrap();
    assert_eq!((context.to_string().as_str(), context.flags), (text, 1));
    assert_eq!(context.trace(), "0af7651916cd43dd8448eb211c80319c");
    // Of a later version, what this one knows counts.
    let later = format!("cc{}-what-else", &text[2..]);
    assert_eq!(TraceContext::parse(&later), Some(context));
}

#[test]
fn what_is_no_traceparent_is_none() {
    for text in [
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert_eq!(TraceContext::parse(text), None, "{text:?}");
    }
}

#[test]
fn a_child_is_another_span_of_the_same_trace() {
    let root = TraceContext { flags: 0, ..TraceContext::root() };
    let child = root.child();
    assert_eq!((child.trace_id, child.flags), (root.trace_id, 0), "who is not sampled is not made so");
    assert_ne!(child.span_id, root.span_id);
    assert_ne!(TraceContext::root().trace_id, root.trace_id);
}

#[tokio::test]
async fn what_is_noted_belongs_to_the_work_it_is_noted_in() {
    assert_eq!(current(), None);
    note_requests(1);
    let scope = Scope::new(None);
    let place = scope.run(async {
        note_run(Some("r1"), Some("contoso"));
        note_run(Some("r2"), Some("contoso"));
        note_requests(2);
        note_requests(3);
        current()
    });
    assert_eq!(place.await, Some(scope.context));
    let (run, connection) = (Some("r1,r2".to_owned()), Some("contoso".to_owned()));
    assert_eq!(scope.notes(), Notes { run, connection, requests: Some(3) });
    assert_eq!(current(), None);
}

#[tokio::test]
async fn a_root_is_where_its_work_is() {
    let inner = root("sync", async { Ok::<_, Infallible>(current()) }).await.unwrap();
    assert!(inner.is_some());
}
