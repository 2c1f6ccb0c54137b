//! What failed is kept, explained, sent again by itself as far as that can help, and done again when a person says so.

use crate::desk::{CONNECTION, Desk, Post, envelope};
use crate::harness::tiny;
use jiff::SignedDuration;
use poolwarden::letters;
use poolwarden_domain::dead_letter::{DeadLetter, Kind, State};
use poolwarden_domain::message::queue;
use poolwarden_domain::run::{Run, Status};
use poolwarden_store::{Delivery, Queues, dead_letter_queue};
use serde_json::{Value, json};
use simulator::Fault;
use std::time::Duration;

const LOCK: Duration = Duration::from_secs(300);
const MAX_DELIVERIES: u32 = 10;

async fn only_letter(desk: &Desk) -> DeadLetter {
    let letters = desk.dead_letters().await;
    let [(_, letter)] = letters.as_slice() else { panic!("{letters:#?}") };
    letter.clone()
}

async fn take(desk: &Desk, queue: &str) -> Delivery {
    desk.store.receive(queue, 1, LOCK, Duration::ZERO).await.unwrap().remove(0)
}

/// Delivers the one message of a queue as if for the last time.
async fn deliver_for_the_last_time(desk: &Desk, queue: &str) {
    let delivery = Delivery { delivery_count: MAX_DELIVERIES, ..take(desk, queue).await };
    let (status, answer) = desk.invoke(queue, &envelope(queue, &delivery)).await;
    assert_eq!(status, 200, "what is kept is done with: {answer}");
    desk.store.complete(&delivery.lock).await.unwrap();
}

/// Nobody lives to answer: each delivery of the queue's first message ends with its process.
async fn kill_by_poison(desk: &Desk, queue: &str) {
    let mut others = desk.store.receive(queue, 1000, LOCK, Duration::ZERO).await.unwrap();
    let mut poison = others.remove(0);
    for _ in 1..MAX_DELIVERIES {
        desk.store.abandon(&poison.lock, Duration::ZERO, "the process died").await.unwrap();
        poison = take(desk, queue).await;
    }
    desk.store.abandon(&poison.lock, Duration::ZERO, "the process died").await.unwrap();
    for other in others {
        desk.store.abandon(&other.lock, Duration::ZERO, "not its turn").await.unwrap();
    }
    assert_eq!(desk.store.depth(queue).await.unwrap().dead, 1);
}

fn cut_off_sign_in(desk: &Desk) {
    let fault = format!("503:path=/{}/oauth2/v2.0/token", desk.azure.tenant());
    desk.azure.set_faults(vec![fault.parse::<Fault>().unwrap()]);
}

/// Lets the time come at which a letter is sent again by itself.
fn make_due(desk: &Desk) {
    desk.pass(SignedDuration::from_mins(6));
}

async fn http(desk: &Desk, method: &str, id: Option<&str>) -> (String, Value) {
    let params = id.map_or(json!({}), |id| json!({ "id": id }));
    let request = json!({"Url": "http://localhost/api/dead-letters", "Method": method, "Query": {}, "Headers": {},
        "Params": params, "Identities": []});
    let (status, answer) = desk.invoke("dead_letters", &json!({"Data": {"req": request}, "Metadata": {}})).await;
    assert_eq!(status, 200, "{answer}");
    let output = &answer["Outputs"]["res"];
    (output["statusCode"].as_str().unwrap().to_owned(), output["body"].clone())
}

#[tokio::test]
async fn what_may_pass_is_sent_again_by_itself_and_its_run_waits_for_it() {
    let desk = Desk::reprocessing(tiny()).await;
    desk.begin("run-1").await;
    cut_off_sign_in(&desk);
    deliver_for_the_last_time(&desk, queue::ACQUIRE_TOKEN).await;
    let letter = only_letter(&desk).await;
    assert_eq!((letter.kind, letter.replays, letter.deaths[0].delivery_count), (Kind::Transient, 0, MAX_DELIVERIES));
    assert!(letter.reason().contains("503"), "{}", letter.reason());
    assert_eq!(desk.ended("run-1").await, None, "the run is not given up");
    desk.fire("reprocess").await;
    assert!(desk.store.receive(queue::ACQUIRE_TOKEN, 1, LOCK, Duration::ZERO).await.unwrap().is_empty(), "not yet");

    desk.azure.set_faults(Vec::new());
    make_due(&desk);
    desk.fire("reprocess").await;
    desk.fire("reprocess").await;
    desk.drain(Post::BackwardsAndTwice).await;
    assert_eq!(desk.ended("run-1").await, Some(Status::Complete));
    assert!(desk.dead_letters().await.is_empty(), "a letter goes when its work is done");
    desk.assert_true().await;
}

#[tokio::test]
async fn what_does_not_pass_is_left_to_a_person_and_done_again_by_a_new_run() {
    let desk = Desk::reprocessing(tiny()).await;
    desk.begin("run-1").await;
    cut_off_sign_in(&desk);
    deliver_for_the_last_time(&desk, queue::ACQUIRE_TOKEN).await;
    for replay in 1..=3 {
        assert_eq!(desk.ended("run-1").await, None);
        make_due(&desk);
        desk.fire("reprocess").await;
        deliver_for_the_last_time(&desk, queue::ACQUIRE_TOKEN).await;
        assert_eq!(only_letter(&desk).await.replays, replay);
    }
    let letter = only_letter(&desk).await;
    assert_eq!((letter.state, letter.deaths.len()), (State::Waiting { replay_at: None }, 4));
    assert_eq!(desk.ended("run-1").await, Some(Status::Failed), "nobody waits for it any longer");
    make_due(&desk);
    desk.fire("reprocess").await;
    assert_eq!(only_letter(&desk).await, letter, "it waits for a person");

    desk.azure.set_faults(Vec::new());
    let replayed = letters::replay(&desk.deps, &letter.id, desk.deps.now()).await.unwrap().unwrap();
    assert_eq!(letters::replay(&desk.deps, &letter.id, desk.deps.now()).await.unwrap(), None, "it is done with");
    desk.drain(Post::Tidy).await;
    assert_eq!(desk.ended(&replayed.run.unwrap()).await, Some(Status::Complete));
    desk.assert_true().await;
}

#[tokio::test]
async fn what_nobody_lived_to_answer_is_taken_over_from_the_queue_and_done() {
    let desk = Desk::reprocessing(tiny()).await;
    desk.begin("run-1").await;
    desk.carry_to(queue::ENUMERATE_HOST_POOL).await;
    let waiting = desk.store.depth(queue::ENUMERATE_HOST_POOL).await.unwrap().ready;
    kill_by_poison(&desk, queue::ENUMERATE_HOST_POOL).await;
    desk.drain(Post::Tidy).await;
    assert_eq!(desk.ended("run-1").await, None, "one of {waiting} pools has not reported");
    desk.fire("reprocess").await;
    let letter = only_letter(&desk).await;
    assert!(letter.reason().contains("never finished") && letter.reason().contains("died"), "{}", letter.reason());
    let dead = dead_letter_queue(queue::ENUMERATE_HOST_POOL);
    assert!(desk.store.receive(&dead, 1, LOCK, Duration::ZERO).await.unwrap().is_empty());
    make_due(&desk);
    desk.fire("reprocess").await;
    desk.drain(Post::Tidy).await;
    assert_eq!(desk.ended("run-1").await, Some(Status::Complete));
    desk.assert_true().await;
}

#[tokio::test]
async fn a_message_that_kills_whoever_has_it_is_given_up_in_the_end() {
    let desk = Desk::reprocessing(tiny()).await;
    desk.begin("run-1").await;
    desk.carry_to(queue::ENUMERATE_HOST_POOL).await;
    for _ in 0..=3 {
        kill_by_poison(&desk, queue::ENUMERATE_HOST_POOL).await;
        desk.drain(Post::Tidy).await;
        desk.fire("reprocess").await;
        make_due(&desk);
        desk.fire("reprocess").await;
    }
    desk.drain(Post::Tidy).await;
    assert_eq!(desk.ended("run-1").await, Some(Status::Incomplete), "one pool is unknown, the others are published");
    assert_eq!(only_letter(&desk).await.state, State::Waiting { replay_at: None });

    // A person has it done: a run of that pool alone.
    let (status, body) = http(&desk, "POST", Some(&only_letter(&desk).await.id)).await;
    assert_eq!(status, "202", "{body}");
    let run = body["replayed"][0]["run"].as_str().unwrap().to_owned();
    desk.drain(Post::Tidy).await;
    assert_eq!(desk.ended(&run).await, Some(Status::Complete));
    let run: Run = desk.deps.state().value(&format!("runs/{run}/{CONNECTION}")).await.unwrap().unwrap();
    assert_eq!(run.finished.unwrap().report.pools.found, 1, "one pool and no other");
    desk.assert_true().await;
}

#[tokio::test]
async fn over_http_letters_are_listed_shown_replayed_and_discarded() {
    let desk = Desk::reprocessing(tiny()).await;
    desk.send(queue::FINISH_RUN, "m", &json!({"poolwarden": {"run": "r", "connection": CONNECTION}}).to_string()).await;
    desk.drain(Post::Tidy).await;
    let (status, list) = http(&desk, "GET", None).await;
    let [letter] = list["dead_letters"].as_array().unwrap().as_slice() else { panic!("{list:#}") };
    let id = letter["id"].as_str().unwrap();
    assert_eq!(
        (status.as_str(), &letter["kind"], &letter["queue"]),
        ("200", &json!("permanent"), &json!("finish_run"))
    );
    assert!(letter["reason"].as_str().unwrap().contains("there is no run r"), "{letter:#}");
    assert_eq!(http(&desk, "GET", Some(id)).await.1["message"], "m");

    // Twice is once: the second finds the first under way.
    for _ in 0..2 {
        assert_eq!(http(&desk, "POST", Some(id)).await.0, "202");
    }
    assert_eq!(desk.drain(Post::Tidy).await.len(), 1);
    let again = only_letter(&desk).await;
    assert_eq!((again.replays, again.deaths.len()), (1, 2), "it failed again, which is told with the first time");

    assert_eq!(http(&desk, "DELETE", None).await.0, "400");
    assert_eq!(http(&desk, "DELETE", Some(id)).await.0, "204");
    for method in ["GET", "POST", "DELETE"] {
        assert_eq!(http(&desk, method, Some(id)).await.0, "404");
    }
    assert!(desk.dead_letters().await.is_empty());
}

#[tokio::test]
async fn what_makes_no_sense_dies_again_when_it_is_sent_again_and_waits() {
    let desk = Desk::reprocessing(tiny()).await;
    desk.send(queue::ACQUIRE_TOKEN, "m", "no JSON").await;
    desk.drain(Post::Tidy).await;
    let id = only_letter(&desk).await.id;
    assert_eq!(http(&desk, "POST", Some(&id)).await.0, "202");
    for _ in 0..3 {
        desk.drain(Post::Tidy).await;
        make_due(&desk);
        desk.fire("reprocess").await;
    }
    let letter = only_letter(&desk).await;
    assert_eq!(
        (letter.kind, letter.state, letter.deaths.len()),
        (Kind::Malformed, State::Waiting { replay_at: None }, 2)
    );
}

#[tokio::test]
async fn what_was_given_up_where_no_timer_runs_waits_for_a_person_where_one_does() {
    let desk = Desk::new(tiny(), "enabled = false").await;
    desk.begin("run-1").await;
    cut_off_sign_in(&desk);
    deliver_for_the_last_time(&desk, queue::ACQUIRE_TOKEN).await;
    assert_eq!(desk.ended("run-1").await, Some(Status::Failed));
    make_due(&desk);
    desk.fire("reprocess").await;
    let sent = desk.drain(Post::Tidy).await;
    assert!(sent.iter().all(|delivery| delivery.lock.queue == queue::DELIVER_NOTIFICATION), "nobody waits: {sent:?}");
    assert_eq!(only_letter(&desk).await.state, State::Waiting { replay_at: None });
}

#[tokio::test]
async fn what_is_dead_for_another_reason_than_its_deliveries_is_told_as_it_is_and_waits() {
    let desk = Desk::reprocessing(tiny()).await;
    let dead = dead_letter_queue(queue::FINISH_RUN);
    desk.send(&dead, "old", &json!({"poolwarden": {"run": "r", "connection": CONNECTION}}).to_string()).await;
    desk.send(&dead, "odd", "no JSON").await;
    desk.fire("reprocess").await;
    let letters = desk.dead_letters().await;
    let mut kinds: Vec<_> =
        letters.iter().map(|(_, letter)| (letter.message.as_str(), letter.kind, letter.state)).collect();
    kinds.sort_by_key(|(message, ..)| *message);
    let waits = State::Waiting { replay_at: None };
    assert_eq!(kinds, [("odd", Kind::Malformed, waits), ("old", Kind::Permanent, waits)]);
}

#[tokio::test]
async fn letters_of_one_pool_that_are_replayed_together_lead_to_one_run() {
    let desk = Desk::reprocessing(tiny()).await;
    desk.begin("run-1").await;
    desk.drain(Post::Tidy).await;
    let pool = desk.deps.state().names(&format!("index/{CONNECTION}/")).await.unwrap().remove(0);
    let content = json!({"poolwarden": {"run": "run-1", "connection": CONNECTION, "pool": pool}}).to_string();
    for id in ["one", "two", "three"] {
        desk.send(&dead_letter_queue(queue::ENUMERATE_HOST_POOL), id, &content).await;
    }
    desk.fire("reprocess").await;
    assert_eq!(desk.dead_letters().await.len(), 3);
    let (_, body) = http(&desk, "POST", None).await;
    let runs: std::collections::HashSet<_> =
        body["replayed"].as_array().unwrap().iter().map(|one| one["run"].as_str().unwrap()).collect();
    assert_eq!(runs.len(), 1, "{body:#}");
    assert!(desk.dead_letters().await.is_empty());
    desk.drain(Post::Tidy).await;
    let run = runs.into_iter().next().unwrap();
    assert!(run.ends_with("-part"), "{run}");
    assert_eq!(desk.ended(run).await, Some(Status::Complete));
}
