//! What is deployed fits together: folders, functions, queues and host.json.

use crate::desk::Desk;
use crate::harness::{files, read, tiny};
use poolwarden::config::{BLOB_VARIABLE, SERVICE_BUS_VARIABLE};
use poolwarden::{DEFINITIONS, HOST_JSON, app};
use poolwarden_domain::message::queue;
use poolwarden_host::{EmbeddedHost, HostOptions};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn functions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("functions")
}

/// The folders that hold a function.json.
fn folders() -> BTreeSet<String> {
    let folders = std::fs::read_dir(functions()).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|folder| folder.join("function.json").is_file());
    folders.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_folder_with_a_function_json_is_a_function_of_the_same_name() {
    let defined: BTreeSet<String> = DEFINITIONS.iter().map(|definition| definition.name.to_owned()).collect();
    assert_eq!(defined.len(), DEFINITIONS.len());
    assert_eq!(defined, folders());
    let desk = Desk::new(tiny(), "").await;
    let invoked: BTreeSet<String> = app(&desk.deps).names().map(str::to_owned).collect();
    assert_eq!(invoked, folders());
    for name in folders() {
        assert!(functions().join(&name).join("mod.rs").is_file(), "{name} is a module");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain) && name != "host");
    }
}

#[test]
fn every_queue_is_read_by_the_function_of_its_name_and_by_no_other() {
    let mut read_queues = Vec::new();
    for definition in DEFINITIONS {
        let json: Value = serde_json::from_str(definition.function_json).unwrap();
        assert_eq!(json, read(&functions().join(definition.name).join("function.json")), "compiled in as it is there");
        let [binding, outputs @ ..] = json["bindings"].as_array().unwrap().as_slice() else { panic!("{json:#}") };
        assert_eq!(binding["direction"], "in");
        // What handlers ask their invocation for.
        let name = match binding["type"].as_str().unwrap() {
            "httpTrigger" => "req",
            "serviceBusTrigger" => "message",
            "timerTrigger" => "timer",
            other => panic!("{other} is decoded by no handler"),
        };
        assert_eq!(binding["name"], name, "{}", definition.name);
        if binding["type"] == "httpTrigger" {
            assert_eq!(outputs, [json!({"name": "res", "type": "http", "direction": "out"})]);
            assert!(["function", "anonymous"].contains(&binding["authLevel"].as_str().unwrap()), "{json:#}");
            continue;
        }
        assert_eq!(outputs, [] as [Value; 0]);
        if binding["type"] == "serviceBusTrigger" {
            assert_eq!(binding["queueName"], definition.name);
            assert_eq!(format!("{}__fullyQualifiedNamespace", text(binding, "connection")), SERVICE_BUS_VARIABLE);
            assert_eq!(binding["dataType"], "string");
            read_queues.push(definition.name);
        }
    }
    read_queues.sort_unstable();
    let mut all = queue::ALL;
    all.sort_unstable();
    assert_eq!(read_queues, all);
}

/// `infra/tests` looks at the syntax tree; this is what can be known without it.
#[test]
fn the_infrastructure_names_every_queue_and_connection() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("infra").join("modules");
    let module = |name: &str| std::fs::read_to_string(modules.join(name)).unwrap();
    let (service_bus, app) = (module("service-bus.bicep"), module("function-app.bicep"));
    for queue in queue::ALL {
        assert!(service_bus.contains(&format!("'{queue}'")), "{queue} is deployed");
    }
    for variable in [SERVICE_BUS_VARIABLE, BLOB_VARIABLE, "POOLWARDEN_CONFIG_TOML"] {
        assert!(app.contains(&format!("'{variable}'")), "{variable} is set");
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

#[tokio::test]
async fn the_embedded_host_takes_what_is_deployed() {
    let host: Value = serde_json::from_str(HOST_JSON).unwrap();
    assert_eq!(
        host["customHandler"]["description"],
        json!({
            "defaultExecutablePath": "poolwarden",
            "arguments": ["handler"],
        })
    );
    assert_eq!(host["extensions"]["serviceBus"]["autoCompleteMessages"], true);
    let desk = Desk::new(tiny(), "").await;
    let new = |host_json: &str| {
        let (documents, queues) = (Arc::clone(&desk.deps.documents), Arc::clone(&desk.deps.queues));
        EmbeddedHost::new(host_json, DEFINITIONS, app(&desk.deps), documents, queues, HostOptions::default())
    };
    new(HOST_JSON).unwrap();
    assert!(new("{}").is_err(), "and it would say if it did not");
}

/// Every `.rs` file of the project that may hold tests.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["functions", "shared", "tests", "infra/tests"].map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|folder| files(folder));
    let is_code = |file: &PathBuf| file.extension().is_some_and(|kind| kind == "rs" || kind == "py");
    files.filter(is_code).map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn the_readme_s_table_of_settings_names_tests_that_are_there() {
    let readme = include_str!("../README.md");
    let table = readme.split("connector, setting by setting\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let (sources, mut rows_checked) = (sources(), 0);
    for row in rows {
        let tests = row.trim_matches('|').rsplit(" | ").next().unwrap();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test shows it: {row}");
        for name in names {
            let start = format!("fn {}", name.trim_end_matches('…'));
            assert!(sources.contains(&start), "there is no test {name}: {row}");
        }
        rows_checked += 1;
    }
    assert!(rows_checked > 20, "{rows_checked} rows");
}
