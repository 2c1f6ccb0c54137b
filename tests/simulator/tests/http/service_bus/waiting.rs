//! Receivers that wait: what wakes them, and that nobody is woken in vain.

use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use serde_json::json;
use simulator::Options;
use tokio::task::JoinHandle;

use super::{Bus, Received, bus, with};

/// Far longer than any of these tests takes, far shorter than a receiver waits.
const SOON: Duration = Duration::from_secs(20);
/// Gives a receiver that was just started time to arrive.
const ARRIVAL: Duration = Duration::from_millis(100);

/// A receiver that waits a minute at a queue, if it must.
fn receiver(bus: &Bus, queue: &str) -> JoinHandle<Response> {
    let request = bus.request(Method::POST, &format!("/{queue}/messages/head?timeout=60"));
    tokio::spawn(async move { request.send().await.unwrap() })
}

/// A receiver that has to wait.
async fn waiting(bus: &Bus, queue: &str) -> JoinHandle<Response> {
    let receiver = receiver(bus, queue);
    tokio::time::sleep(ARRIVAL).await;
    assert!(!receiver.is_finished(), "it waits");
    receiver
}

async fn received(receiver: JoinHandle<Response>) -> Received {
    let answer = tokio::time::timeout(SOON, receiver).await.expect("it is woken").unwrap();
    assert_eq!(answer.status(), 201);
    Received::of(answer).await
}

#[tokio::test]
async fn a_message_wakes_one_receiver_each() {
    let bus = bus().await;
    let receivers = [waiting(&bus, "finish_run").await, waiting(&bus, "finish_run").await];
    bus.send("finish_run", &json!({}), "a").await;
    bus.send("finish_run", &json!({}), "b").await;
    let mut bodies = Vec::new();
    for receiver in receivers {
        bodies.push(received(receiver).await.body);
    }
    bodies.sort();
    assert_eq!(bodies, ["a", "b"]);
}

#[tokio::test]
async fn a_receiver_that_has_gone_takes_no_message_with_it() {
    let bus = bus().await;
    waiting(&bus, "finish_run").await.abort();
    tokio::time::sleep(ARRIVAL).await;
    bus.send("finish_run", &json!({}), "a").await;
    assert_eq!(bus.lock("finish_run").await.unwrap().broker["DeliveryCount"], 1);
}

#[tokio::test]
async fn time_that_is_moved_wakes() {
    let bus = bus().await;
    bus.send("finish_run", &json!({"ScheduledEnqueueTimeUtc": bus.after(600)}), "a").await;
    let receiver = waiting(&bus, "finish_run").await;
    bus.advance(600);
    let message = received(receiver).await;
    let receiver = waiting(&bus, "finish_run").await;
    bus.advance(60);
    assert_eq!(received(receiver).await.broker["MessageId"], message.broker["MessageId"], "its lock has expired");
}

#[tokio::test]
async fn time_that_passes_wakes() {
    let bus = with(Options::default()).await;
    bus.azure.running.put_queue("quick:lock=300ms,max_delivery=2".parse().unwrap());
    let first = waiting(&bus, "quick").await;
    let at = bus.now() + jiff::SignedDuration::from_millis(300);
    bus.send("quick", &json!({"ScheduledEnqueueTimeUtc": at.to_string()}), "a").await;
    assert_eq!(received(first).await.broker["DeliveryCount"], 1, "it has fallen due");
    assert!(bus.now() >= at, "not before its time");
    assert_eq!(received(receiver(&bus, "quick")).await.broker["DeliveryCount"], 2, "its lock has expired");
    assert_eq!(received(receiver(&bus, "quick/$deadletterqueue")).await.body, "a", "it is dead-lettered");
}

#[tokio::test]
async fn what_is_given_back_or_freed_wakes() {
    let bus = bus().await;
    bus.send("finish_run", &json!({}), "a").await;
    let first = bus.lock("finish_run").await.unwrap();
    let receiver = waiting(&bus, "finish_run").await;
    bus.status(Method::PUT, &first.location).await;
    received(receiver).await;
    let receiver = waiting(&bus, "finish_run").await;
    assert_eq!(bus.azure.running.lapse_locks(), 1);
    received(receiver).await;
}

#[tokio::test]
async fn waiting_ends_with_its_time_its_queue_or_the_simulator() {
    let bus = bus().await;
    let started = Instant::now();
    assert_eq!(bus.status(Method::POST, "/finish_run/messages/head?timeout=1").await, 204);
    assert!(started.elapsed() >= Duration::from_secs(1));
    let receiver = waiting(&bus, "finish_run").await;
    assert!(bus.azure.running.delete_queue("finish_run"));
    assert_eq!(tokio::time::timeout(SOON, receiver).await.unwrap().unwrap().status(), 410);
    let receiver = waiting(&bus, "publish_package").await;
    tokio::time::timeout(SOON, bus.azure.running.shutdown()).await.expect("it stops at once").unwrap();
    assert_eq!(receiver.await.unwrap().status(), 204);
}
