//! A span in OpenTelemetry's terms.

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use poolwarden_host::trace::Span;

pub(super) fn span_data(span: Span) -> SpanData {
    let attributes = attributes(&span);
    // The processor exports what is sampled, and everything here shall be exported.
    let (trace_id, span_id) = (TraceId::from(span.context.trace_id), SpanId::from(span.context.span_id));
    SpanData {
        span_context: SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::default()),
        parent_span_id: span.parent.map_or(SpanId::INVALID, |parent| SpanId::from(parent.span_id)),
        parent_span_is_remote: span.parent.is_some(),
        span_kind: if span.by_message { SpanKind::Consumer } else { SpanKind::Server },
        name: span.name.into(),
        start_time: span.started,
        end_time: span.ended,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder("poolwarden").build(),
    }
}

fn attributes(span: &Span) -> Vec<KeyValue> {
    let text = |key, value: &Option<String>| value.as_ref().map(|value| KeyValue::new(key, value.clone()));
    let count = |key, value: Option<i64>| value.map(|value| KeyValue::new(key, value));
    let requests = span.notes.requests.and_then(|requests| i64::try_from(requests).ok());
    [
        text("faas.invocation_id", &span.invocation_id),
        text("poolwarden.run", &span.notes.run),
        text("poolwarden.connection", &span.notes.connection),
        count("poolwarden.requests", requests),
        count("poolwarden.delivery_count", span.delivery_count.map(i64::from)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
