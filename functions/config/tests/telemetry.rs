//! Where traces go: the file, the variables, and what must not be shown.

use super::{parse, parse_in};
use secrecy::ExposeSecret;
use std::collections::HashMap;

const WRITTEN: &str = "[telemetry]\notlp_endpoint = \"https://collector.example/otlp\"\nservice_name = \"avd\"\n";

#[test]
fn traces_go_nowhere_unless_somebody_says_where() {
    assert!(parse("").unwrap().telemetry.is_none());
    assert!(parse("[telemetry]\nservice_name = \"avd\"").unwrap().telemetry.is_none());
    let written = parse(WRITTEN).unwrap().telemetry.unwrap();
    assert_eq!(written.traces.as_str(), "https://collector.example/otlp/v1/traces");
    assert_eq!((written.service_name.as_str(), written.headers.len()), ("avd", 0));
}

#[test]
fn the_variables_win_and_headers_are_not_shown() {
    let env = HashMap::from([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "X-Key=hunter2%3D, authorization=Basic hunter2"),
        ("OTEL_SERVICE_NAME", "other"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ]);
    let telemetry = parse_in(WRITTEN, &env).unwrap().telemetry.unwrap();
    assert_eq!(telemetry.traces.as_str(), "http://127.0.0.1:4318/v1/traces");
    assert_eq!(telemetry.service_name, "other");
    let headers: Vec<(&str, &str)> =
        telemetry.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    assert_eq!(headers, [("x-key", "hunter2="), ("authorization", "Basic hunter2")]);
    assert!(!format!("{telemetry:?}").contains("hunter2"), "{telemetry:?}");
}

#[test]
fn what_cannot_be_meant_is_told_without_showing_it() {
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://hunter2.example:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "hunter2:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "key=hunter%2"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "key=hunter2%0d%0amore: 1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "ke y=hunter2"),
    ] {
        let told = parse_in(WRITTEN, &HashMap::from([(variable, value)])).unwrap_err().to_string();
        assert!(told.contains(variable), "{told}");
        assert!(!told.contains("hunter%") && (!told.contains("hunter2") || variable.ends_with("ENDPOINT")), "{told}");
        // Where nothing is exported, nobody reads them.
        if !variable.ends_with("ENDPOINT") {
            assert!(parse_in("", &HashMap::from([(variable, value)])).unwrap().telemetry.is_none());
        }
    }
    let told = parse("[telemetry]\notlp_endpoint = \"http://collector.example\"").unwrap_err().to_string();
    assert!(told.contains("poolwarden.toml:2:17"), "{told}");
}
