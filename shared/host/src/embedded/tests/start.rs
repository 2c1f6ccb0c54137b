//! What keeps the host from starting, told all at once.

use super::*;

fn app(names: &[&'static str]) -> FunctionApp {
    names.iter().fold(FunctionApp::new(), |app, name| app.function(name, |_| async { Ok(Outcome::done()) }))
}

fn faults(host_json: &str, functions: &[(&'static str, &'static str)], options: HostOptions) -> Vec<String> {
    let names: Vec<&str> = functions.iter().map(|(name, _)| *name).collect();
    let definitions: Vec<FunctionDefinition> =
        functions.iter().map(|&(name, function_json)| FunctionDefinition { name, function_json }).collect();
    let (documents, queues) = (Arc::new(FakeDocuments::default()), Arc::new(FakeQueues::new(1)));
    match EmbeddedHost::new(host_json, &definitions, app(&names), documents, queues, options) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults,
    }
}

const DEPLOYED: [(&str, &str); 5] = [
    (
        "sync_timer",
        r#"{"bindings":[{"name":"timer","type":"timerTrigger","direction":"in","schedule":"0 */5 * * * *","useMonitor":true,"runOnStartup":false}],"retry":{"strategy":"fixedDelay","maxRetryCount":3,"delayInterval":"00:00:10"}}"#,
    ),
    ("work", QUEUE.function_json),
    (
        "runs",
        r#"{"bindings":[{"name":"req","type":"httpTrigger","direction":"in","authLevel":"function","methods":["post"],"route":"runs/{id?}"},{"name":"res","type":"http","direction":"out"}]}"#,
    ),
    (
        "read_runs",
        r#"{"bindings":[{"name":"req","type":"httpTrigger","direction":"in","authLevel":"anonymous","methods":["get"],"route":"runs/{run?}"},{"name":"res","type":"http","direction":"out"}]}"#,
    ),
    ("events", r#"{"bindings":[{"name":"event","type":"eventGridTrigger","direction":"in"}]}"#),
];

#[test]
fn what_is_deployed_starts() {
    assert_eq!(faults(HOST_JSON, &DEPLOYED, options_without_runtime()), [""; 0]);
}

/// The options of the other tests need tokio's clock; these tests do not run anything.
fn options_without_runtime() -> HostOptions {
    HostOptions { listen: None, settings: Arc::new(|_| None), ..HostOptions::default() }
}

#[test]
fn the_default_is_loopback() {
    assert!(HostOptions::default().listen.unwrap().ip().is_loopback());
}

#[test]
fn all_faults_are_told_together() {
    let host_json = r#"{ "version": "1.0", "functionTimeout": "5 minutes",
        "extensions": { "serviceBus": { "autoCompleteMessages": false, "maxConcurrentCalls": 0 } },
        "customHandler": { "enableForwardingHttpRequest": true, "http": { "routes": [{}] } } }"#;
    let functions = [
        ("cosmos", r#"{"bindings":[{"name":"x","type":"cosmosDBTrigger"}]}"#),
        ("host", r#"{"bindings":[]}"#),
        ("none", r#"{"bindings":[{"name":"x","type":"http"}]}"#),
        ("broken", "{"),
        ("cron", r#"{"bindings":[{"name":"x","type":"timerTrigger","schedule":"*/5 * * * *"}]}"#),
        ("unset", r#"{"bindings":[{"name":"x","type":"serviceBusTrigger","queueName":"%QUEUE%"}]}"#),
        ("dead", r#"{"bindings":[{"name":"x","type":"serviceBusTrigger","queueName":"jobs/$DeadLetterQueue"}]}"#),
        ("batch", r#"{"bindings":[{"name":"x","type":"serviceBusTrigger","queueName":"j","cardinality":"many"}]}"#),
        (
            "output",
            r#"{"bindings":[{"name":"x","type":"serviceBusTrigger","queueName":"j"},{"name":"y","type":"blob"}]}"#,
        ),
        (
            "retries",
            r#"{"bindings":[{"name":"x","type":"timerTrigger","schedule":"0 0 0 * * *"}],"retry":{"strategy":"fixedDelay","maxRetryCount":-1,"delayInterval":"00:00:01"}}"#,
        ),
        (
            "level",
            r#"{"bindings":[{"name":"x","type":"httpTrigger","authLevel":"user"},{"name":"res","type":"http"}]}"#,
        ),
    ];
    let faults = faults(host_json, &functions, options_without_runtime());
    for expected in [
        "host.json: version",
        "host.json: functionTimeout",
        "host.json: autoCompleteMessages",
        "host.json: maxConcurrentCalls",
        "host.json: forwarding",
        "host.json: customHandler.http.routes",
        "function cosmos: the embedded host has no trigger of type \"cosmosDBTrigger\"",
        "function host: the host does not take this name",
        "function none: it does not have exactly one trigger",
        "function broken: EOF",
        "function cron: the schedule \"*/5 * * * *\" has 5 fields, not six",
        "function unset: the setting QUEUE is missing",
        "function dead: jobs/$DeadLetterQueue: the embedded host does not trigger on dead-letter queues",
        "function batch: the embedded host knows neither batches nor sessions",
        "function output: the embedded host has no binding of type \"blob\"",
        "function retries: maxRetryCount",
        "function level: authLevel \"user\"",
    ] {
        assert!(faults.iter().any(|fault| fault.starts_with(expected)), "{expected} is not in {faults:#?}");
    }
    assert_eq!(faults.len(), 17, "{faults:#?}");
}

#[test]
fn handlers_and_definitions_must_agree() {
    let (documents, queues) = (Arc::new(FakeDocuments::default()), Arc::new(FakeQueues::new(1)));
    let app = app(&["stray"]);
    let host = EmbeddedHost::new(HOST_JSON, &[QUEUE, QUEUE], app, documents, queues, options_without_runtime());
    let error = host.err().unwrap();
    assert_eq!(
        error.faults,
        [
            "function work: the app has no handler of this name",
            "function work: it is defined twice",
            "function stray: it has no function.json",
        ]
    );
    assert!(error.to_string().starts_with("the host cannot start:\n- function work"), "{error}");
}

#[test]
fn a_function_nobody_can_call_keeps_nothing_from_starting_and_is_told() {
    let admin =
        r#"{"bindings":[{"name":"req","type":"httpTrigger","authLevel":"admin"},{"name":"res","type":"http"}]}"#;
    let locked = |options: HostOptions| {
        let functions = [DEPLOYED[0], DEPLOYED[2], DEPLOYED[3], ("reset-all", admin)];
        let definitions = functions.map(|(name, function_json)| FunctionDefinition { name, function_json });
        let names: Vec<&str> = functions.iter().map(|(name, _)| *name).collect();
        let (documents, queues) = (Arc::new(FakeDocuments::default()), Arc::new(FakeQueues::new(1)));
        let host = EmbeddedHost::new(HOST_JSON, &definitions, app(&names), documents, queues, options);
        host.unwrap().locked()
    };
    let listening = || HostOptions { settings: Arc::new(|_| None), ..HostOptions::default() };
    let with = |settings: &[(&str, &str)]| {
        let lookup = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, key)| (*key).to_owned());
        HostOptions { keys: AccessKeys::from_settings(["runs", "reset-all"], lookup).unwrap(), ..listening() }
    };
    let (runs, reset) = (("runs", "host key"), ("reset-all", "master key"));
    assert_eq!(locked(listening()), [runs, reset]);
    assert_eq!(locked(with(&[("POOLWARDEN_KEY_RUNS", "a key of its own")])), [reset]);
    assert_eq!(locked(with(&[("POOLWARDEN_HOST_KEY", "the key of the host")])), [reset]);
    assert_eq!(locked(with(&[("POOLWARDEN_MASTER_KEY", "the key of all keys")])), [], "it opens every function");
    assert_eq!(locked(HostOptions { listen: None, ..listening() }), [], "no HTTP is served");
}

#[test]
fn keys_are_long_and_never_printed() {
    let weak = AccessKeys::from_settings(["runs"], |_| Some("short".into())).unwrap_err();
    let settings: Vec<&str> = weak.iter().map(|weak| weak.setting.as_str()).collect();
    assert_eq!(settings, ["POOLWARDEN_MASTER_KEY", "POOLWARDEN_HOST_KEY", "POOLWARDEN_KEY_RUNS"]);
    let keys = AccessKeys::from_settings([], |_| Some("0123456789abcdef".into())).unwrap();
    assert!(!format!("{keys:?}").contains("0123456789abcdef"));
}

#[test]
fn two_functions_do_not_share_a_route_and_a_method() {
    let twin = ("twin", DEPLOYED[3].1);
    let functions = [DEPLOYED[3], twin];
    let faults = faults(HOST_JSON, &functions, options_without_runtime());
    assert_eq!(faults, ["function twin: read_runs has the same route and method"]);
}
