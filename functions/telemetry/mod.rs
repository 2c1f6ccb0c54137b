//! Exports the spans of invocations and commands by OTLP over HTTP, if a collector is configured.
//!
//! Spans leave in batches, from a thread of their own. A collector that is slow or gone costs spans, and nothing
//! else: what does not fit into the queue is dropped, and the end of the process waits for it no longer than
//! [`FLUSH_TIMEOUT`]. Whoever configures a collector wants every span, so those of traces that somebody else chose
//! not to sample are exported too; their flag is passed on as it came.

mod client;
mod data;

use crate::config::Telemetry;
use anyhow::Context;
use client::Client;
use data::span_data;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SpanProcessor};
use poolwarden_host::trace;
use std::sync::OnceLock;
use std::time::Duration;

/// How many spans wait for the collector; those beyond are dropped.
const QUEUED_SPANS: usize = 8192;
/// How many spans a request carries.
const BATCH_SPANS: usize = 512;
/// How long a span waits for others. The Functions host ends this process without notice, so not long.
const BATCH_DELAY: Duration = Duration::from_secs(1);
/// Longest time for a request.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time that the end of the process waits for the last spans.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// The export of this process.
static PROCESSOR: OnceLock<BatchSpanProcessor> = OnceLock::new();

/// Exports every span of this process from here on; later calls change nothing. Nothing is connected yet. Must be
/// called within the runtime that will carry the requests.
pub fn begin(telemetry: &Telemetry) -> anyhow::Result<()> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new(&telemetry.headers, EXPORT_TIMEOUT)?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(telemetry.traces.as_str())
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .context("the export of traces could not be prepared")?;
    let limits = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUED_SPANS)
        .with_max_export_batch_size(BATCH_SPANS)
        .with_scheduled_delay(BATCH_DELAY);
    let mut processor = BatchSpanProcessor::builder(exporter).with_batch_config(limits.build()).build();
    processor.set_resource(&resource(&telemetry.service_name));
    let processor = PROCESSOR.get_or_init(|| processor);
    trace::export_to(|span| processor.on_end(span_data(span)));
    Ok(())
}

/// Sends what waits, for at most [`FLUSH_TIMEOUT`]. The runtime must still run, but this blocks: call it from outside.
pub fn finish() {
    let Some(processor) = PROCESSOR.get() else { return };
    if let Err(error) = processor.shutdown_with_timeout(FLUSH_TIMEOUT) {
        tracing::warn!(%error, "the last spans were not exported");
    }
}

fn resource(service_name: &str) -> Resource {
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", service_name.to_owned()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ])
        .build()
}
