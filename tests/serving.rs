//! `poolwarden serve`: one process does everybody's runs until it is told to stop.

use crate::harness::{CONNECTION, Stand, Synced, UNTIMED, ended, tiny, until};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

/// A serving process and the address that it says it listens on.
pub(crate) struct Served {
    process: Child,
    pub(crate) address: String,
}

/// Serves a stand on a free port.
pub(crate) async fn serve(stand: &Stand) -> Served {
    let mut process = stand.start(&["serve", "--listen", "127.0.0.1:0"]);
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut address = None;
    while address.is_none() {
        let line = log.next_line().await.unwrap().expect("it serves before its log ends");
        let record: Value = serde_json::from_str(&line).unwrap();
        address = record["address"].as_str().map(str::to_owned);
    }
    // Read on, or it would block once the pipe is full.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    Served { process, address: address.unwrap() }
}

impl Served {
    /// Asks the process to stop, and returns its exit code.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        let id = self.process.id().unwrap().to_string();
        let killed = tokio::process::Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(killed.success());
        self.process.wait().await.unwrap().code()
    }
}

async fn untimed() -> Stand {
    let stand = Stand::new(tiny()).await;
    stand.configure(UNTIMED);
    stand
}

#[tokio::test]
async fn a_run_that_is_asked_for_while_another_process_serves_is_done_there() {
    let stand = untimed().await;
    let served = serve(&stand).await;
    let answer = reqwest::get(format!("http://{}/", served.address)).await.unwrap();
    assert_eq!(answer.status(), 200);

    // It is queued, unless the serving process was done with it before anybody could say so.
    let asked = stand.run(&["sync", "--json", "--connection", CONNECTION]).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    let asked = asked.json();
    let run = asked["run"].as_str().unwrap();
    assert!(["queued", "complete"].contains(&asked["status"].as_str().unwrap()), "{asked}");
    until("the serving process has done the run", || async {
        let runs = stand.run(&["runs", "show", run, "--json"]).await.json();
        runs[0]["finished"]["report"]["status"] == "complete"
    })
    .await;
    stand.assert_true().await;

    stand.delete(&stand.applications()[..1]);
    let waited = stand.sync_whole(&["--wait"]).await;
    assert_eq!(waited.packages("unchanged"), 10, "and it says how the run ended");

    let second = stand.run(&["serve", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("another process serves"), "{}", second.stderr);
    assert_eq!(served.stop().await, Some(0), "it stops when it is asked to");
}

#[tokio::test]
async fn a_run_that_is_queued_is_told_as_json_where_json_is_asked_for() {
    let stand = untimed().await;
    let served = serve(&stand).await;
    let output = stand.run(&["sync", "--json", "--connection", CONNECTION]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.json()["run"].is_string(), "{output:?}");
    served.stop().await;
}

#[tokio::test]
async fn whoever_waits_for_a_process_that_dies_does_the_run_itself() {
    let stand = untimed().await;
    let mut served = serve(&stand).await;
    // Azure answers nothing before the end of the test, so the one that serves takes the run up and gets no further.
    stand.break_with(&["slow:ms=600000"]);
    let waiting = stand.start(&["sync", "--json", "--wait", "--connection", CONNECTION]);
    until("it is at work", || async { stand.azure.stats()["in_flight"] != 0 }).await;
    stand.break_with(&[]);
    served.process.kill().await.unwrap();
    let synced = Synced::of(&ended(waiting).await);
    assert_eq!((synced.code, synced.status()), (Some(0), "complete"), "{:#}", synced.summary);
    stand.assert_true().await;
}

#[tokio::test]
async fn what_a_killed_process_left_behind_is_done_by_the_next() {
    let stand = untimed().await;
    // Every answer takes long enough to be killed in the middle of the run.
    stand.break_with(&["slow:ms=200"]);
    let mut killed = stand.start(&["sync", "--json", "--connection", CONNECTION]);
    until("it has begun to read", || async { stand.azure.stats()["requests"]["resource_graph"] != 0 }).await;
    killed.kill().await.unwrap();
    stand.break_with(&[]);
    let next: Synced = stand.sync_whole(&[]).await;
    stand.assert_true().await;
    until("both runs have ended", || async {
        let runs = stand.run(&["runs", "list", "--json"]).await.json();
        runs.as_array().unwrap().iter().filter(|run| run["finished"].is_object()).count() == 2
    })
    .await;
    assert_eq!(next.packages("retired"), 0);
}

#[tokio::test]
async fn http_functions_are_open_to_those_who_hold_a_key_and_to_nobody_while_there_is_none() {
    const KEY: &str = "a key of sixteen";
    let mut stand = untimed().await;
    let body = serde_json::json!({ "connection": CONNECTION }).to_string();
    let client = reqwest::Client::new();
    let ask = async |served: &Served, method: reqwest::Method, path: &str, key: &str| {
        let request = client.request(method, format!("http://{}/api/{path}", served.address));
        let request = request.header("x-functions-key", key).header("webhook-request-origin", "eventgrid.azure.net");
        request.body(body.clone()).send().await.unwrap()
    };
    let (post, options) = (reqwest::Method::POST, reqwest::Method::OPTIONS);
    let served = serve(&stand).await;
    for path in ["import", "resource-events", "import/signed"] {
        assert_eq!(ask(&served, post.clone(), path, KEY).await.status(), 401, "{path}: no key is configured");
    }
    assert_eq!(served.stop().await, Some(0), "and that keeps nothing from starting");

    stand.set("HOST_KEY", KEY);
    stand.configure(&format!("{UNTIMED}[serve]\nhost_key = {{ env = \"HOST_KEY\" }}\n"));
    let served = serve(&stand).await;
    assert_eq!(ask(&served, post.clone(), "import", "another key of sixteen").await.status(), 401);
    let handshake = ask(&served, options, "resource-events", KEY).await;
    assert_eq!(
        (handshake.status().as_u16(), &handshake.headers()["webhook-allowed-origin"] == "eventgrid.azure.net"),
        (200, true)
    );
    assert_eq!(ask(&served, post.clone(), "resource-events", KEY).await.status(), 400, "no events");
    assert_eq!(ask(&served, reqwest::Method::GET, "import", KEY).await.status(), 405);
    let asked = ask(&served, post, "import", KEY).await;
    assert_eq!((asked.status().as_u16(), &asked.headers()["location"] == "/api/status"), (202, true));
    let run: Value = asked.json().await.unwrap();
    until("the run is done", || async {
        let runs = stand.run(&["runs", "show", run["run"].as_str().unwrap(), "--json"]).await.json();
        runs[0]["finished"]["report"]["status"] == "complete"
    })
    .await;
    stand.assert_true().await;
    assert_eq!(served.stop().await, Some(0));
}
