//! Those who asked to be told are told: signed, once, later if need be, and not for ever.

use crate::harness::{Stand, UNTIMED, tiny, until};
use crate::serving::serve;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use poolwarden_domain::dead_letter::DeadLetter;
use poolwarden_store::{Documents, Options, Sqlite};
use serde_json::{Value, json};
use std::collections::HashSet;

const SECRET_VARIABLE: &str = "OPS_WEBHOOK_SECRET";
const SECRET: &[u8] = b"a secret of at least 24 bytes";

fn secret() -> String {
    format!("whsec_{}", BASE64_STANDARD.encode(SECRET))
}

/// A stand with one webhook for some events, whose receiver first answers with some statuses.
async fn stand(events: &[&str], statuses: &[u16]) -> Stand {
    let mut stand = Stand::new(tiny()).await;
    let url = format!("{}/_sim/webhook/ops", stand.azure.url());
    stand.configure(&format!(
        "{UNTIMED}[[connection.webhook]]\nname = \"ops\"\nurl = \"{url}\"\nsecret = {{ env = \"{SECRET_VARIABLE}\" }}\n\
         events = {}",
        json!(events)
    ));
    stand.set(SECRET_VARIABLE, &secret());
    let settings = json!({"secret": secret(), "fail": statuses});
    let answer = reqwest::Client::new().put(url).json(&settings).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    stand
}

/// What the receiver has got.
async fn received(stand: &Stand) -> Value {
    let url = format!("{}/_sim/webhook/ops", stand.azure.url());
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

fn deliveries(received: &Value) -> &Vec<Value> {
    received["deliveries"].as_array().unwrap()
}

fn of_type(received: &Value, kind: &str) -> usize {
    deliveries(received).iter().filter(|delivery| delivery["type"] == format!("dev.poolwarden.{kind}")).count()
}

async fn dead_letters(stand: &Stand) -> Vec<DeadLetter> {
    let store = Sqlite::open(stand.path("poolwarden.db"), Options::default()).unwrap();
    let letters = store.scan("dead-letters/", None, 100).await.unwrap();
    letters.iter().map(|(_, document)| serde_json::from_slice(&document.body).unwrap()).collect()
}

#[tokio::test]
async fn every_change_and_every_run_is_told_once_and_signed() {
    let stand = stand(&["*"], &[]).await;
    stand.sync_whole(&[]).await;
    let first = received(&stand).await;
    let packages = stand.expected().len();
    assert_eq!((of_type(&first, "package.created"), of_type(&first, "run.complete")), (packages, 1), "{first:#}");
    assert_eq!(first["raw"], packages + 1);
    for delivery in deliveries(&first) {
        assert_eq!((&delivery["count"], &delivery["valid_signature"]), (&json!(1), &json!(true)), "{delivery:#}");
        let id = delivery["id"].as_str().unwrap();
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')), "{id:?} is a header");
    }

    let id = stand.applications().remove(0);
    stand.change(&json!([{"op": "patch", "resource": {"id": id, "properties": {"friendlyName": "Renamed"}}}]));
    stand.sync_whole(&[]).await;
    stand.delete(&[id]);
    stand.sync_whole(&[]).await;
    stand.sync_whole(&[]).await;
    let all = received(&stand).await;
    for (kind, times) in
        [("package.created", packages), ("package.updated", 1), ("package.retired", 1), ("run.complete", 4)]
    {
        assert_eq!(of_type(&all, kind), times, "{kind}: {all:#}");
    }
    let ids: HashSet<&Value> = deliveries(&all).iter().map(|delivery| &delivery["id"]).collect();
    assert_eq!((ids.len(), &all["raw"]), (packages + 6, &json!(packages + 6)), "each has an id of its own");
    assert!(dead_letters(&stand).await.is_empty());
}

#[tokio::test]
async fn only_what_was_asked_for_is_told() {
    let stand = stand(&["run.*"], &[]).await;
    stand.sync_whole(&[]).await;
    let first = received(&stand).await;
    assert_eq!((of_type(&first, "run.complete"), &first["raw"]), (1, &json!(1)), "{first:#}");
    stand.sync_whole(&["--dry-run"]).await;
    assert_eq!(received(&stand).await["raw"], 1, "a dry run tells nobody");
}

#[tokio::test]
async fn what_is_not_taken_comes_again_under_the_same_id() {
    let stand = stand(&["*"], &[500, 503, 429]).await;
    stand.sync_whole(&[]).await;
    let packages = stand.expected().len();
    let first = received(&stand).await;
    let taken = deliveries(&first).iter().filter(|delivery| delivery["accepted"] == 1).count();
    assert_eq!((taken, &first["distinct"]), (packages + 1 - 3, &json!(packages + 1)), "{first:#}");
    // The sync has ended; whoever serves next delivers what is scheduled.
    let served = serve(&stand).await;
    until("everything is delivered", || async {
        deliveries(&received(&stand).await).iter().all(|delivery| delivery["accepted"] == 1)
    })
    .await;
    served.stop().await;
    let all = received(&stand).await;
    assert_eq!((&all["distinct"], &all["raw"]), (&json!(packages + 1), &json!(packages + 4)), "{all:#}");
    for delivery in deliveries(&all) {
        assert_eq!(delivery["valid_signature"], true, "{delivery:#}");
        assert_eq!(delivery["body_sha256"].as_array().unwrap().len(), 1, "each try says the same");
    }
    assert!(dead_letters(&stand).await.is_empty());
}

#[tokio::test]
async fn what_is_refused_for_good_is_kept_as_a_dead_letter_with_the_reason() {
    let stand = stand(&["run.*"], &[400]).await;
    stand.sync_whole(&[]).await;
    let letters = dead_letters(&stand).await;
    let [letter] = letters.as_slice() else { panic!("{letters:#?}") };
    assert!(letter.reason().contains("does not accept the event (400)"), "{}", letter.reason());
    assert!(!letter.reason().contains("/_sim/"), "a webhook's path may be its secret");
    let body: Value = serde_json::from_str(&letter.body).unwrap();
    assert_eq!(body["poolwarden"]["event"]["type"], "dev.poolwarden.run.complete");
    stand.sync_whole(&[]).await;
    assert_eq!(received(&stand).await["raw"], 2, "it is not sent again by itself, and the next run's is");
}

#[tokio::test]
async fn without_its_secret_a_webhook_is_told_nothing_and_nothing_starts() {
    let mut stand = stand(&["run.*"], &[]).await;
    stand.set(SECRET_VARIABLE, "");
    let configuration = stand.path("poolwarden.toml");
    let text = std::fs::read_to_string(&configuration).unwrap().replace(UNTIMED, "");
    std::fs::write(configuration, text).unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["sync"]] {
        let refused = stand.run(command).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(SECRET_VARIABLE), "{}", refused.stderr);
    }
    assert_eq!(received(&stand).await["raw"], 0);
}
