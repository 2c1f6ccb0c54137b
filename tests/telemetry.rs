//! What an operator sees of a run: one trace from its beginning to its notifications, and one line an invocation.

use crate::harness::{CONNECTION, Stand, UNTIMED, tiny, until};
use crate::serving::serve;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue as Any, KeyValue};
use prost::Message;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// The functions of a run, and those whose messages fire each.
const FIRED_BY: [(&str, &[&str]); 6] = [
    ("acquire_token", &["sync"]),
    ("discover_host_pools", &["acquire_token"]),
    ("enumerate_host_pool", &["discover_host_pools"]),
    ("publish_package", &["enumerate_host_pool"]),
    ("finish_run", &["publish_package", "enumerate_host_pool"]),
    ("deliver_notification", &["publish_package", "finish_run"]),
];

/// A span as a collector sees it.
#[derive(Debug, Clone)]
struct Seen {
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    attributes: BTreeMap<String, String>,
    service: BTreeMap<String, String>,
}

/// A collector of traces.
struct Collector {
    address: String,
    spans: Arc<Mutex<Vec<Seen>>>,
}

type Shared = Arc<Mutex<Vec<Seen>>>;

fn pairs(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<Any>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(AnyValue::StringValue(text)) => text.clone(),
        Some(AnyValue::IntValue(number)) => number.to_string(),
        other => panic!("neither text nor number: {other:?}"),
    };
    attributes.iter().map(|pair| (pair.key.clone(), text(&pair.value))).collect()
}

async fn collect(State(spans): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if headers.get("x-api-key").is_none_or(|key| key != "s3cret,key") {
        return StatusCode::UNAUTHORIZED;
    }
    assert_eq!(headers["content-type"], "application/x-protobuf");
    for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
        let service = pairs(&resource.resource.unwrap().attributes);
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.lock().unwrap().push(Seen {
                name: span.name,
                trace: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                attributes: pairs(&span.attributes),
                service: service.clone(),
            });
        }
    }
    StatusCode::OK
}

impl Collector {
    async fn start(stand: &mut Stand) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let spans = Shared::default();
        let router = Router::new().route("/v1/traces", post(collect)).with_state(Arc::clone(&spans));
        tokio::spawn(async move { axum::serve(listener, router).await });
        stand.set("OTEL_EXPORTER_OTLP_ENDPOINT", &address);
        stand.set("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=s3cret%2Ckey");
        stand.set("OTEL_SERVICE_NAME", "avd");
        Self { address, spans }
    }

    fn spans(&self) -> Vec<Seen> {
        self.spans.lock().unwrap().clone()
    }
}

/// A stand whose connection tells a webhook how its runs end.
async fn told() -> Stand {
    let stand = Stand::new(tiny()).await;
    std::fs::write(stand.path("signing"), "whsec_c2ltdWxhdGVkLXNpZ25pbmctc2VjcmV0").unwrap();
    let url = stand.azure.url();
    stand.configure(&format!(
        "{UNTIMED}[[connection.webhook]]\nname = \"ops\"\nurl = \"{url}/_sim/webhook/ops\"\n\
         secret = {{ file = \"signing\" }}\nevents = [\"run.complete\"]"
    ));
    stand
}

/// Asserts that these spans are one trace, from one command on, with every function where it belongs.
fn assert_one_run(spans: &[Seen]) {
    let traces: BTreeSet<&[u8]> = spans.iter().map(|span| span.trace.as_slice()).collect();
    assert_eq!(traces.len(), 1, "{spans:#?}");
    let by_id: BTreeMap<&[u8], &Seen> = spans.iter().map(|span| (span.id.as_slice(), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "every span has an id of its own");
    let roots: Vec<&str> = spans.iter().filter(|span| span.parent.is_empty()).map(|span| span.name.as_str()).collect();
    assert_eq!(roots, ["sync"]);
    for (function, fired_by) in FIRED_BY {
        let of_function: Vec<&Seen> = spans.iter().filter(|span| span.name == function).collect();
        assert!(!of_function.is_empty(), "{function} has no span");
        for span in of_function {
            let parent = by_id[span.parent.as_slice()];
            assert!(fired_by.contains(&parent.name.as_str()), "{function} was fired by {}", parent.name);
        }
    }
}

#[tokio::test]
async fn a_run_is_one_trace_from_the_command_to_the_notification() {
    let mut stand = told().await;
    let collector = Collector::start(&mut stand).await;
    let output = stand.run(&["sync", "--json", "--connection", CONNECTION]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(!format!("{output:?}").contains("s3cret"));
    let run = output.json()["run"].as_str().unwrap().to_owned();

    let spans = collector.spans();
    assert_one_run(&spans);
    for span in &spans {
        assert_eq!(span.service["service.name"], "avd");
        if span.name != "deliver_notification" {
            assert_eq!((&span.attributes["poolwarden.run"], span.name.as_str()), (&run, span.name.as_str()));
        }
        assert_eq!(span.attributes["poolwarden.connection"], CONNECTION, "{}", span.name);
        if FIRED_BY.iter().any(|(function, _)| *function == span.name) {
            assert_eq!(span.attributes["poolwarden.delivery_count"], "1", "{}", span.name);
        }
    }
    let requests = spans.iter().filter_map(|span| span.attributes.get("poolwarden.requests")?.parse::<u64>().ok());
    let report = &output.json()["connections"][0]["requests"];
    let counted = report["arm"].as_u64().unwrap() + report["resource_graph"].as_u64().unwrap();
    assert_eq!(requests.sum::<u64>(), counted, "the spans say where the requests of the run went");
}

#[tokio::test]
async fn the_trace_of_a_run_crosses_processes() {
    let mut stand = told().await;
    let collector = Collector::start(&mut stand).await;
    let served = serve(&stand).await;
    stand.sync_whole(&["--wait"]).await;
    until("the webhook has been told", || async {
        collector.spans().iter().any(|span| span.name == "deliver_notification")
    })
    .await;
    assert_eq!(served.stop().await, Some(0));
    // The serving process has timers of its own.
    let mut spans = collector.spans();
    let command = spans.iter().find(|span| span.name == "sync").unwrap().clone();
    spans.retain(|span| span.trace == command.trace);
    assert_one_run(&spans);
    for span in spans.iter().filter(|span| span.name != "sync") {
        assert_ne!(span.service["process.pid"], command.service["process.pid"], "{} ran elsewhere", span.name);
    }
}

#[tokio::test]
async fn nothing_is_exported_unless_a_collector_is_named() {
    let mut stand = told().await;
    let collector = Collector::start(&mut stand).await;
    stand.set("OTEL_EXPORTER_OTLP_ENDPOINT", "");
    stand.sync_whole(&[]).await;
    assert!(collector.spans().is_empty());

    let written = std::fs::read_to_string(stand.path("poolwarden.toml")).unwrap();
    let telemetry = format!("[telemetry]\notlp_endpoint = \"{}\"\n\n{written}", collector.address);
    std::fs::write(stand.path("poolwarden.toml"), telemetry).unwrap();
    stand.sync_whole(&[]).await;
    assert!(!collector.spans().is_empty());
}

#[tokio::test]
async fn a_collector_that_never_answers_or_is_not_there_costs_no_work() {
    let mut stand = told().await;
    stand.set("RUST_LOG", "warn");
    // It takes connections and says nothing.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = mute.local_addr().unwrap();
    stand.set("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{address}"));
    let began = Instant::now();
    stand.sync_whole(&[]).await;
    // The process waits three seconds for its last spans. A run that waited for each would take minutes.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());

    drop(mute);
    stand.set("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret");
    let output = stand.run(&["sync", "--json", "--connection", CONNECTION]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let lines: Vec<&str> = output.stderr.lines().filter(|line| line.contains("traces are lost")).collect();
    assert_eq!(lines.len(), 1, "it is said once: {}", output.stderr);
    assert!(!output.stderr.contains("s3cret"), "{}", output.stderr);
}

#[tokio::test]
async fn every_invocation_leaves_one_line_that_says_all_by_itself() {
    let mut stand = told().await;
    stand.set("RUST_LOG", "info");
    let output = stand.run(&["sync", "--json", "--connection", CONNECTION]).await;
    let run = output.json()["run"].clone();
    let records: Vec<Value> = output.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<&Value> = records.iter().filter(|record| record["message"] == "invoked").collect();
    let traces: BTreeSet<&str> = lines.iter().map(|line| line["trace_id"].as_str().unwrap()).collect();
    assert_eq!(traces.len(), 1, "{}", output.stderr);
    for (function, _) in FIRED_BY {
        let line = lines.iter().find(|line| line["function"] == function);
        let line = line.unwrap_or_else(|| panic!("no line of {function}: {}", output.stderr));
        assert_eq!((&line["outcome"], &line["delivery_count"]), (&"success".into(), &1.into()), "{line}");
        assert_eq!(line["connection"], CONNECTION, "{line}");
        assert!(line["duration_ms"].is_u64() && line["invocation_id"].is_string(), "{line}");
        if function != "deliver_notification" {
            assert_eq!(line["run"], run, "{line}");
        }
        let asks = ["discover_host_pools", "enumerate_host_pool"].contains(&function);
        assert_eq!(line["requests"].as_u64().is_some_and(|requests| requests > 0), asks, "{line}");
    }
}
