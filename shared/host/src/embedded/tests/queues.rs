//! Queue functions: what a sender and a handler notice.

use super::*;
use crate::wire::Failure;
use ::http::StatusCode;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

fn host(app: FunctionApp, queues: &Arc<FakeQueues>, options: HostOptions) -> EmbeddedHost {
    let documents = Arc::new(FakeDocuments::default());
    EmbeddedHost::new(HOST_JSON, &[QUEUE], app, documents, Arc::clone(queues) as _, options).unwrap()
}

fn start(app: FunctionApp, queues: &Arc<FakeQueues>) -> Running {
    Running::new(host(app, queues, options()))
}

#[tokio::test(start_paused = true)]
async fn a_message_is_handled_once_and_gone() {
    let queues = Arc::new(FakeQueues::new(3));
    let seen = Seen::default();
    let handler = seen.clone();
    let app = FunctionApp::new().function("work", move |call| {
        handler.push((
            call.text("message").unwrap().into_owned(),
            call.metadata.message_id(),
            call.metadata.delivery_count(),
            call.metadata.enqueued_at().map(|time| time.to_string()),
            call.traceparent.is_some(),
        ));
        async { Ok(Outcome::done()) }
    });
    queues.put("m1", r#"{"poolwarden":{"x":1}}"#);
    let running = start(app, &queues);
    seconds(30).await;
    running.stop().await;
    let body = r#"{"poolwarden":{"x":1}}"#.to_owned();
    let enqueued = Some("2026-03-01T10:00:00Z".to_owned());
    assert_eq!(seen.all(), [(body, Some("m1".to_owned()), Some(1), enqueued, true)]);
    assert_eq!((queues.left(), queues.log()), (0, vec!["complete m1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_failed_message_comes_again_and_later_each_time_until_it_is_dead() {
    let queues = Arc::new(FakeQueues::new(4));
    let seen = Seen::default();
    let (handler, origin) = (seen.clone(), Instant::now());
    let app = FunctionApp::new().function("work", move |call| {
        handler.push((call.metadata.delivery_count().unwrap(), origin.elapsed().as_millis()));
        async { Err(Failure::new("the pool is gone")) }
    });
    queues.put("m1", "{}");
    let running = start(app, &queues);
    seconds(60).await;
    running.stop().await;
    let (counts, times): (Vec<u32>, Vec<u128>) = seen.all().into_iter().unzip();
    assert_eq!(counts, [1, 2, 3, 4]);
    let gaps: Vec<u128> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().zip([200, 400, 800]).all(|(&gap, least)| (least..least + 100).contains(&gap)), "{gaps:?}");
    let dead = queues.dead();
    assert_eq!((dead.len(), dead[0].reason.as_str(), dead[0].delivery_count), (1, "the pool is gone", 4));
}

#[tokio::test(start_paused = true)]
async fn a_panic_gives_the_message_back() {
    let queues = Arc::new(FakeQueues::new(3));
    let app = FunctionApp::new().function("work", |call| async move {
        assert!(call.metadata.delivery_count() != Some(1), "the first time");
        Ok(Outcome::done())
    });
    queues.put("m1", "{}");
    let running = start(app, &queues);
    seconds(5).await;
    running.stop().await;
    assert_eq!(queues.log(), ["abandon m1", "complete m1"]);
}

/// What the host must not take for "done": each message's answer here would lose it.
#[tokio::test(start_paused = true)]
async fn only_the_full_answer_completes_a_message() {
    fn json(status: u16, body: &'static str) -> Response {
        (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json")], body).into_response()
    }
    type Wrong = fn() -> Response;
    let answers: [(Wrong, &str); 8] = [
        (|| json(200, ""), "without the answer object"),
        (|| json(200, "null"), "without the answer object"),
        (|| json(204, ""), "without the answer object"),
        (|| json(200, "Hello World"), "Hello World"),
        (|| json(200, "[]"), "not a JSON object"),
        (|| "Hello World".into_response(), "unsupported media type"),
        (|| json(400, "{}"), "400"),
        (|| json(302, r#"{"Outputs":{},"Logs":[],"ReturnValue":null}"#), "302"),
    ];
    for (answer, reason) in answers {
        let queues = Arc::new(FakeQueues::new(1));
        queues.put("m1", "{}");
        let app = Router::new().route("/work", post(move || async move { answer() }));
        let names = BTreeSet::from(["work"]);
        let documents = Arc::new(FakeDocuments::default());
        let host =
            EmbeddedHost::with_router(HOST_JSON, &[QUEUE], &names, app, documents, Arc::clone(&queues) as _, options());
        let running = Running::new(host.unwrap());
        seconds(5).await;
        running.stop().await;
        let dead = queues.dead();
        assert_eq!((dead.len(), queues.log()), (1, vec!["abandon m1".to_owned()]), "{reason}");
        assert!(dead[0].reason.contains(reason), "{}", dead[0].reason);
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_are_worked_on_than_host_json_allows_and_no_fewer() {
    let queues = Arc::new(FakeQueues::new(3));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (in_flight, highest) = (Arc::clone(&now), Arc::clone(&most));
    let app = FunctionApp::new().function("work", move |_| {
        let (in_flight, highest) = (Arc::clone(&in_flight), Arc::clone(&highest));
        async move {
            highest.fetch_max(in_flight.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            seconds(1).await;
            in_flight.fetch_sub(1, Ordering::SeqCst);
            Ok(Outcome::done())
        }
    });
    for number in 0..20 {
        queues.put(&format!("m{number}"), "{}");
    }
    let running = start(app, &queues);
    seconds(30).await;
    running.stop().await;
    assert_eq!((most.load(Ordering::SeqCst), queues.left()), (3, 0));
}

fn slow(seen: &Seen<u32>, duration: u64) -> FunctionApp {
    let seen = seen.clone();
    FunctionApp::new().function("work", move |call| {
        seen.push(call.metadata.delivery_count().unwrap());
        async move {
            seconds(duration).await;
            Ok(Outcome::done())
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_keeps_its_lock() {
    let queues = Arc::new(FakeQueues::new(3));
    let seen = Seen::default();
    queues.put("m1", "{}");
    let running = start(slow(&seen, 15), &queues);
    seconds(40).await;
    running.stop().await;
    assert_eq!(seen.all(), [1], "delivered once");
    assert_eq!(queues.log().iter().filter(|entry| *entry == "renew m1").count(), 7, "every two seconds");
    assert_eq!(queues.log().last().unwrap(), "complete m1");
}

/// In real time, on two threads: the handler never yields, and the renewal must not depend on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_keeps_its_lock() {
    let queues = Arc::new(FakeQueues::new(3));
    let seen = Seen::default();
    queues.put("m1", "{}");
    let handler = seen.clone();
    let app = FunctionApp::new().function("work", move |call| {
        handler.push(call.metadata.delivery_count().unwrap());
        async {
            std::thread::sleep(Duration::from_millis(2500));
            Ok(Outcome::done())
        }
    });
    let options = HostOptions { lock_duration: Duration::from_secs(1), ..options() };
    let running = Running::new(host(app, &queues, options));
    seconds(3).await;
    running.stop().await;
    assert_eq!((seen.all(), queues.left()), (vec![1], 0));
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_renewed_no_longer_than_host_json_allows_and_a_late_settlement_is_survived() {
    let queues = Arc::new(FakeQueues::new(3));
    let seen = Seen::default();
    queues.put("m1", "{}");
    let short = HOST_JSON.replace("00:01:00", "00:00:05");
    let documents = Arc::new(FakeDocuments::default());
    let app = {
        let seen = seen.clone();
        FunctionApp::new().function("work", move |call| {
            let count = call.metadata.delivery_count().unwrap();
            seen.push(count);
            async move {
                seconds(if count == 1 { 20 } else { 1 }).await;
                Ok(Outcome::done())
            }
        })
    };
    let host = EmbeddedHost::new(&short, &[QUEUE], app, documents, Arc::clone(&queues) as _, options());
    let running = Running::new(host.unwrap());
    seconds(40).await;
    queues.put("m2", "{}");
    seconds(40).await;
    running.stop().await;
    let log = queues.log();
    assert_eq!(log.iter().filter(|entry| *entry == "renew m1").count(), 2);
    assert!(log.contains(&"lost complete".to_owned()), "the first settled late: {log:?}");
    assert_eq!(seen.all()[..2], [1, 2], "and the message came again");
    assert_eq!(queues.left(), 0, "and the host went on");
}

/// A handler that nobody waits for any more must not go on in secret.
fn endless(ended: &Seen<&'static str>) -> FunctionApp {
    let ended = ended.clone();
    FunctionApp::new().function("work", move |_| {
        let ended = ended.clone();
        async move {
            seconds(40).await;
            ended.push("ended");
            Ok(Outcome::done())
        }
    })
}

#[tokio::test(start_paused = true)]
async fn function_timeout_gives_the_message_back_and_drops_the_handler() {
    let queues = Arc::new(FakeQueues::new(1));
    let ended = Seen::default();
    queues.put("m1", "{}");
    let running = start(endless(&ended), &queues);
    seconds(60).await;
    running.stop().await;
    assert!(queues.dead()[0].reason.starts_with("functionTimeout"), "{}", queues.dead()[0].reason);
    assert_eq!(ended.all(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_outlives_the_grace_is_dropped_with_the_host() {
    let queues = Arc::new(FakeQueues::new(3));
    let ended = Seen::default();
    queues.put("m1", "{}");
    let options = HostOptions { shutdown_grace: Duration::from_secs(2), ..options() };
    let running = Running::new(host(endless(&ended), &queues, options));
    seconds(1).await;
    running.stop().await;
    seconds(60).await;
    assert_eq!((ended.all(), queues.left()), (vec![], 1));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_cannot_be_read_is_read_later() {
    let queues = Arc::new(FakeQueues::new(1));
    *queues.outage.lock().unwrap() = 6;
    queues.put("m1", "{}");
    let seen = Seen::default();
    let running = start(slow(&seen, 0), &queues);
    seconds(5).await;
    assert_eq!(seen.all(), [0_u32; 0], "it backs off");
    seconds(20).await;
    running.stop().await;
    assert_eq!(seen.all(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_while_a_long_wait_is_under_way() {
    let queues = Arc::new(FakeQueues::new(3));
    let options = HostOptions { receive_wait: Duration::from_secs(600), ..options() };
    let running = Running::new(host(slow(&Seen::default(), 0), &queues, options));
    seconds(5).await;
    let stopping = Instant::now();
    running.stop().await;
    assert_eq!(stopping.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_what_is_in_flight_end_and_takes_nothing_new() {
    let queues = Arc::new(FakeQueues::new(3));
    let seen = Seen::default();
    for id in ["m1", "m2", "m3", "m4", "m5"] {
        queues.put(id, "{}");
    }
    let running = start(slow(&seen, 10), &queues);
    seconds(1).await;
    let stopping = Instant::now();
    running.stop().await;
    assert_eq!(stopping.elapsed().as_secs(), 9);
    assert_eq!((seen.all().len(), queues.left()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_ever_and_loses_nothing() {
    let queues = Arc::new(FakeQueues::new(3));
    let seen = Seen::default();
    queues.put("m1", "{}");
    let options = HostOptions { shutdown_grace: Duration::from_secs(2), ..options() };
    let running = Running::new(host(slow(&seen, 25), &queues, options));
    seconds(1).await;
    let stopping = Instant::now();
    running.stop().await;
    assert_eq!(stopping.elapsed().as_secs(), 2);
    assert_eq!(queues.left(), 1);
    seconds(10).await;
    let again = start(slow(&seen, 0), &queues);
    seconds(10).await;
    again.stop().await;
    assert_eq!((seen.all(), queues.left()), (vec![1, 2], 0));
}
