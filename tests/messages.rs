//! Messages that come twice, backwards, late, broken, or from somebody who means no good.

use crate::desk::{CONNECTION, Desk, LOCKED_OUT, Post, envelope};
use crate::harness::{Stand, tiny};
use poolwarden::keys;
use poolwarden_domain::catalogue::{self, Applied};
use poolwarden_domain::message::queue;
use poolwarden_domain::plan::Entry;
use poolwarden_domain::report::PoolReport;
use poolwarden_domain::run::{Run, Status};
use poolwarden_domain::snapshot::PoolSnapshot;
use poolwarden_store::{Options, Outgoing, Queues, Sqlite};
use serde_json::{Value, json};
use simulator::EstateSpec;

/// More packages a pool than fit into one message.
fn several_parts() -> EstateSpec {
    EstateSpec { apps_per_group: 60, page_size: 50, odd_names_share: 0.2, ..EstateSpec::default() }
}

fn revisions(manifest: &Value) -> usize {
    manifest["revisions"].as_array().unwrap().len()
}

/// What a package says, whoever looked and whenever.
fn contents(manifests: &[Value]) -> Vec<Value> {
    let timeless = |manifest: &Value| {
        let mut manifest = manifest.clone();
        for key in ["observed_at", "stage_since", "revisions"] {
            manifest[key] = Value::Null;
        }
        manifest
    };
    manifests.iter().map(timeless).collect()
}

/// A first run, changes, and two more runs, with messages delivered in some way. The catalogue at the end.
async fn three_runs(post: Post) -> Vec<Value> {
    let desk = Desk::new(several_parts(), "enabled = false").await;
    desk.begin("run-1").await;
    desk.drain(post).await;
    assert_eq!(desk.ended("run-1").await, Some(Status::Complete));
    let first = desk.assert_true().await;
    assert!(first.len() > 100 && first.iter().all(|manifest| revisions(manifest) == 1), "each is created once");

    let applications: Vec<&str> = first.iter().map(|manifest| manifest["resource"].as_str().unwrap()).collect();
    let renamed = json!({"id": applications[0], "properties": {"friendlyName": "Renamed"}});
    let changes = json!([{"op": "patch", "resource": renamed}, {"op": "delete", "id": applications[1]}]);
    desk.azure.change(&changes).unwrap();
    for run in ["run-2", "run-3"] {
        desk.begin(run).await;
        desk.drain(post).await;
        assert_eq!(desk.ended(run).await, Some(Status::Complete));
    }
    let last = desk.assert_true().await;
    assert_eq!(last.iter().map(revisions).sum::<usize>(), last.len() + 1, "one was updated, once");
    last
}

#[tokio::test]
async fn messages_delivered_twice_and_backwards_lead_to_the_same_catalogue() {
    let (tidy, untidy) = tokio::join!(three_runs(Post::Tidy), three_runs(Post::BackwardsAndTwice));
    assert_eq!(contents(&tidy), contents(&untidy));
}

/// The process was killed after it wrote packages and before it told anybody; when the message comes again, another run
/// has looked at the pool meanwhile.
#[tokio::test]
async fn what_was_written_before_a_kill_is_told_even_if_a_newer_look_has_come() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    desk.begin("run-1").await;
    desk.carry_to(queue::PUBLISH_PACKAGE).await;
    let (state, mut written) = (desk.deps.state(), 0);
    for (pool, report) in state.all::<PoolReport>(&keys::pool_reports("run-1", CONNECTION)).await.unwrap() {
        let plan = keys::plan("run-1", CONNECTION, &pool, report.plan.digest.as_deref().unwrap(), 0);
        for entry in state.value::<Vec<Entry>>(&plan).await.unwrap().unwrap() {
            let applied = catalogue::publish(&entry, CONNECTION, None, 0, &report.observation, desk.deps.now());
            let Applied::Write(package) = applied else { panic!("{applied:?}") };
            assert!(state.create(&keys::package(CONNECTION, &entry.key), &*package).await.unwrap());
            written += 1;
        }
        let newer = |known: Option<PoolSnapshot>| {
            let known = known.unwrap();
            Some(PoolSnapshot { observed_at: desk.deps.now(), ..known })
        };
        state.change(&keys::snapshot(CONNECTION, &pool), newer).await.unwrap();
    }
    desk.drain(Post::Tidy).await;
    assert_eq!(desk.ended("run-1").await, Some(Status::Complete));
    let told = reqwest::get(format!("{}/_sim/webhook/ops", desk.azure.url())).await.unwrap();
    let told: Value = serde_json::from_slice(&told.bytes().await.unwrap()).unwrap();
    assert!(written > 0);
    assert_eq!(told["distinct"], written, "{told:#}");
    desk.assert_true().await;
}

#[tokio::test]
async fn messages_that_come_again_long_after_change_nothing() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    desk.begin("run-1").await;
    let mut delivered = desk.drain(Post::Tidy).await;
    let before = desk.assert_true().await;
    let gone = json!([{"op": "delete", "id": before[0]["resource"]}]);
    desk.azure.change(&gone).unwrap();
    for run in ["run-2", "run-3"] {
        desk.begin(run).await;
        delivered.extend(desk.drain(Post::Tidy).await);
    }
    let after = desk.assert_true().await;
    delivered.reverse();
    for delivery in &delivered {
        let queue = delivery.lock.queue.as_str();
        let (status, body) = desk.invoke(queue, &envelope(queue, delivery)).await;
        assert_eq!(status, 200, "{queue} {}: {body}", delivery.id);
    }
    desk.drain(Post::Tidy).await;
    assert_eq!(desk.assert_true().await, after);
}

#[tokio::test]
async fn a_message_that_makes_no_sense_ends_as_a_dead_letter_with_the_reason() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    let bodies = [
        "",
        "no JSON",
        "[]",
        "{}",
        r#"{"poolwarden":{}}"#,
        r#"{"poolwarden":{"run":7,"connection":[]}}"#,
        r#"{"poolwarden":{"run":"r","connection":"c","pool":"p","part":0,"more":1}}"#,
        r#"{"poolwarden":{"run":"r","connection":"c"},"DeliveryCount":99}"#,
    ];
    for queue in queue::ALL {
        for (number, body) in bodies.iter().enumerate() {
            desk.send(queue, &format!("{queue}-{number}"), body).await;
        }
    }
    let delivered = desk.drain(Post::BackwardsAndTwice).await;
    assert_eq!(delivered.len(), queue::ALL.len() * bodies.len(), "none is tried again");
    let letters = desk.dead_letters().await;
    for queue in queue::ALL {
        let of_queue: Vec<_> = letters.iter().filter(|(of, _)| *of == queue).map(|(_, letter)| letter).collect();
        assert_eq!(of_queue.len(), bodies.len(), "{queue}: {of_queue:#?}");
        for letter in of_queue {
            assert!(letter.reason().len() > 10, "{letter:?}");
            assert!(bodies.contains(&letter.body.as_str()), "as it was received: {letter:?}");
        }
    }
}

#[tokio::test]
async fn malformed_messages_that_claim_the_same_id_are_all_kept() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    for number in 1..=2 {
        // The Functions host copies a body's own scalars over the broker's metadata.
        let body = json!({"MessageId": "forged", "number": number}).to_string();
        desk.send(queue::FINISH_RUN, &format!("m-{number}"), &body).await;
    }
    desk.drain(Post::BackwardsAndTwice).await;
    assert_eq!(desk.dead_letters().await.len(), 2);
}

#[tokio::test]
async fn a_message_about_a_run_that_is_not_there_is_buried() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    for queue in &queue::ALL[..5] {
        let mut content = json!({"run": "never-begun", "connection": CONNECTION});
        if ["enumerate_host_pool", "publish_package"].contains(queue) {
            content["pool"] = json!("hp-1");
        }
        if *queue == queue::PUBLISH_PACKAGE {
            content["part"] = json!(0);
        }
        desk.send(queue, "m", &json!({"poolwarden": content}).to_string()).await;
    }
    assert_eq!(desk.drain(Post::Tidy).await.len(), 5);
    let letters = desk.dead_letters().await;
    assert_eq!(letters.len(), 5, "{letters:#?}");
    for (queue, letter) in letters {
        assert!(letter.reason().contains("there is no run never-begun"), "{queue}: {}", letter.reason());
    }
}

#[tokio::test]
async fn hostile_names_in_messages_reach_no_reason_and_no_header_unescaped() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    for (number, name) in ["../../../etc/passwd", "a\nb", "\u{1b}[2J", "x\r\nX-Injected: 1"].iter().enumerate() {
        let run = json!({"poolwarden": {"run": name, "connection": CONNECTION}});
        desk.send(queue::ACQUIRE_TOKEN, &format!("run-{number}"), &run.to_string()).await;
        let event = json!({"specversion": "1.0", "id": name, "source": "/x", "type": name, "subject": name,
            "time": "2026-03-01T10:00:00Z", "datacontenttype": "application/json", "data": {}});
        let told = json!({"poolwarden": {"connection": CONNECTION, "webhook": "ops", "event": event}});
        desk.send(queue::DELIVER_NOTIFICATION, &format!("event-{number}"), &told.to_string()).await;
    }
    let delivered = desk.drain(Post::Tidy).await;
    assert_eq!(delivered.iter().filter(|delivery| delivery.id.starts_with("run-")).count(), 4, "none is tried again");
    let letters = desk.dead_letters().await;
    assert_eq!(letters.iter().filter(|(queue, _)| *queue == queue::ACQUIRE_TOKEN).count(), 4, "{letters:#?}");
    for (queue, letter) in &letters {
        assert!(!letter.reason().contains(char::is_control), "{queue}: {:?}", letter.reason());
    }
    let url = format!("{}/_sim/webhook/ops", desk.azure.url());
    let received: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    for delivery in received["deliveries"].as_array().unwrap() {
        assert!(!delivery["id"].as_str().unwrap().contains(char::is_control), "{delivery}");
    }
}

#[tokio::test]
async fn hostile_messages_leave_one_record_a_line_in_the_log() {
    let mut stand = Stand::new(tiny()).await;
    stand.set("RUST_LOG", "info");
    let store = Sqlite::open(stand.path("poolwarden.db"), Options::default()).unwrap();
    for (number, name) in ["a\nforged: line", "\u{1b}[2J", "\"quoted\"", "no JSON"].iter().enumerate() {
        let body = json!({"poolwarden": {"run": name, "connection": name}}).to_string();
        let body = if number == 3 { "\n\u{1b}[2J".to_owned() } else { body };
        let message = Outgoing::new(format!("m-{number}"), body);
        store.send(queue::ACQUIRE_TOKEN, vec![message]).await.unwrap();
    }
    let output = stand.run(&["sync", "--json"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stderr.contains("malformed message"), "{}", output.stderr);
    for line in output.stderr.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok() && !line.contains('\u{1b}'), "{line:?}");
    }
}

#[tokio::test]
async fn the_timer_does_not_try_a_refused_sign_in_again() {
    let desk = Desk::new(EstateSpec { pools_per_subscription: 1, ..tiny() }, "").await;
    let begun = async |connection: &str| {
        let runs: Vec<(String, Run)> = desk.deps.state().all("runs/").await.unwrap();
        runs.into_iter().filter(|(_, run)| run.connection == connection).count()
    };
    // Both are due every second: while the one that can sign in goes on, the other has been tried once.
    crate::harness::until("the neighbour has run three times", || async {
        desk.tick().await;
        desk.drain(Post::Tidy).await;
        begun(CONNECTION).await >= 3
    })
    .await;
    assert_eq!(begun(LOCKED_OUT).await, 1);
    let stats = desk.azure.stats();
    assert_eq!((&stats["requests"]["token"], &stats["sign_ins"]), (&json!(2), &json!(1)), "{stats:#}");
}
