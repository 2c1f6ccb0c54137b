//! Every function that is deployed, with an invocation that is valid for it.

use super::{SECRET, Site, url};
use crate::harness::{CONNECTION, until};
use functions_host::{FunctionsHost, HttpCall, HttpOutput, Trigger, http};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What stands for a route's parameters here.
const PARAMETER: &str = "none-of-this-name";

/// Calls an HTTP function; the answer is one that the host takes, and no output of it could be mistaken for base64.
async fn call(host: &FunctionsHost, function: &str, method: &str, body: Option<&Value>) -> HttpOutput {
    let Trigger::Http { binding, output, route, .. } = &host.app().functions[function].trigger else {
        panic!("{function} is fired by something else")
    };
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    if method == "OPTIONS" {
        headers.push(("WebHook-Request-Origin".to_owned(), "eventgrid.azure.net".to_owned()));
    }
    let params = route.contains('{').then(|| ("id".to_owned(), PARAMETER.to_owned()));
    let params = params.filter(|_| method != "GET").into_iter().collect();
    let body = body.map(|body| body.to_string().into_bytes());
    let call = HttpCall { method: method.to_owned(), url: url(route), params, headers, body, ..HttpCall::default() };
    let answer = host.invoke(function, &http(function, binding, &call)).await.done();
    assert!(answer.is_full(), "{function}: {answer:?}");
    assert!(answer.outputs.values().all(Value::is_object), "{function}: {answer:?}");
    answer.http(output).unwrap_or_else(|why| panic!("{function}: {why}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_does_its_work_behind_the_hosts_own_encoding() {
    let Some(mut site) = Site::new("every-function").await else { return };
    site.configuration = site.configuration.replace("audit = { enabled = false }", "audit = { directory = false }");
    let host = site.host().await;
    host.fire("sync_timer").await.unwrap().done();
    let runs = site.runs().await;
    let run = runs[0]["id"].as_str().unwrap();
    until("the run has ended", || async { site.ended(run).await.is_some() }).await;
    assert_eq!(site.ended(run).await.as_deref(), Some("complete"));
    site.stand.assert_true().await;
    until("its end was told", || async { host.counts().contains_key("deliver_notification") }).await;
    until("it was audited", || async { host.counts().get("audit_host_pool").is_some_and(|count| count.done > 1) })
        .await;
    host.fire("reprocess").await.unwrap().done();

    let status = call(&host, "status", "GET", None).await;
    assert_eq!((status.status, &status.body["connections"][0]["name"]), (200, &json!(CONNECTION)), "{status:?}");
    let import = call(&host, "import_webhook", "POST", Some(&json!({"connection": CONNECTION}))).await;
    assert!((200..300).contains(&import.status), "{import:?}");
    assert_eq!(call(&host, "import_webhook_signed", "POST", Some(&json!({}))).await.status, 401);
    assert_eq!(call(&host, "dead_letters", "GET", None).await.body, json!({"dead_letters": []}));
    for (method, expected) in [("POST", 404), ("DELETE", 404)] {
        assert_eq!(call(&host, "dead_letters", method, None).await.status, expected);
    }
    assert_eq!(call(&host, "resource_events", "OPTIONS", None).await.status, 200);

    // Whatever else there is over HTTP answers something, by each of its methods, that the host can pass on.
    let functions: Vec<_> = host.app().functions.values().cloned().collect();
    for function in &functions {
        if let Trigger::Http { methods, .. } = &function.trigger {
            for method in methods {
                let answer = call(&host, &function.name, method, None).await;
                assert!(answer.status < 500, "{} {method}: {answer:?}", function.name);
            }
        }
    }
    let counts = host.counts();
    let invoked: BTreeSet<&str> = counts.iter().filter(|(_, count)| count.done > 0).map(|(name, _)| &**name).collect();
    assert_eq!(invoked, functions.iter().map(|function| &*function.name).collect(), "{counts:#?}");
    let clean = counts.values().all(|count| (count.failed, count.hung, count.lost_locks) == (0, 0, 0));
    assert!(clean, "{counts:#?}");
    host.stop().await;
    let log = std::fs::read_to_string(site.log()).unwrap();
    assert!(!log.contains(SECRET), "no secret is in the log");
}
