//! Two stores on one file, as two processes have it: a command line beside a running host.

use poolwarden_store::{Documents, Expect, Options, Outgoing, Queues, Sqlite, StoreError};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const LOCK: Duration = Duration::from_secs(600);

fn pair(directory: &tempfile::TempDir) -> (Sqlite, Sqlite) {
    let path = directory.path().join("store.db");
    (Sqlite::open(&path, Options::default()).unwrap(), Sqlite::open(&path, Options::default()).unwrap())
}

async fn increment(store: &Sqlite, key: &str) {
    loop {
        let found = store.get(key).await.unwrap().unwrap();
        let count: u64 = String::from_utf8_lossy(&found.body).parse().unwrap();
        match store.put(key, (count + 1).to_string().into(), Expect::Version(found.version)).await {
            Ok(_) => return,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_increment_is_lost_between_two() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = pair(&directory);
    one.put("counter", "0".into(), Expect::Absent).await.unwrap();
    let mut tasks = JoinSet::new();
    for store in [&one, &other] {
        for _ in 0..4 {
            let store = store.clone();
            tasks.spawn(async move {
                for _ in 0..25 {
                    increment(&store, "counter").await;
                }
            });
        }
    }
    tasks.join_all().await;
    assert_eq!(one.get("counter").await.unwrap().unwrap().body, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_sends_the_other_receives() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = pair(&directory);
    let receiver = tokio::spawn(async move { other.receive("q", 1, LOCK, Duration::from_secs(30)).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let message = Outgoing::new("a", "{}");
    one.send("q", vec![message]).await.unwrap();
    let sent = Instant::now();
    let received = receiver.await.unwrap().unwrap();
    assert_eq!(received[0].id, "a");
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    assert!(one.receive("q", 1, LOCK, Duration::ZERO).await.unwrap().is_empty(), "the lock holds for both");
    one.complete(&received[0].lock).await.unwrap();
}

/// Within one process nobody waits for the next look: the fastest of a few is far below the time between two looks.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_is_received_at_once() {
    let store = Sqlite::in_memory(Options::default()).unwrap();
    let mut fastest = Duration::MAX;
    for n in 0..10 {
        let waiting = store.clone();
        let receiver = tokio::spawn(async move { waiting.receive("q", 1, LOCK, Duration::from_secs(30)).await });
        tokio::time::sleep(Duration::from_millis(30)).await;
        let sent = Instant::now();
        store.send("q", vec![Outgoing::new(n.to_string(), "{}")]).await.unwrap();
        assert_eq!(receiver.await.unwrap().unwrap().len(), 1);
        fastest = fastest.min(sent.elapsed());
    }
    assert!(fastest < Duration::from_millis(40), "{fastest:?}");
}

/// A waiting receiver gets a message when its time comes, not when the wait is over.
#[tokio::test]
async fn a_due_time_ends_a_wait() {
    let store = Sqlite::in_memory(Options::default()).unwrap();
    let at = jiff::Timestamp::now() + Duration::from_millis(150);
    let message = Outgoing { not_before: Some(at), ..Outgoing::new("a", "{}") };
    store.send("q", vec![message]).await.unwrap();
    for _ in 0..2 {
        let received = store.receive("q", 1, Duration::from_millis(150), Duration::from_secs(30)).await.unwrap();
        assert_eq!(received[0].id, "a");
        assert!(jiff::Timestamp::now() >= at);
    }
    assert!(jiff::Timestamp::now() < at + Duration::from_secs(5));
}

/// While one writes all the time the other gets its turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_neighbour_starves_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let (busy, modest) = pair(&directory);
    let mut writers = JoinSet::new();
    for worker in 0..8 {
        let busy = busy.clone();
        writers.spawn(async move {
            for n in 0_u64.. {
                busy.put(&format!("{worker}/{n}"), "x".into(), Expect::Absent).await.unwrap();
            }
        });
    }
    for n in 0..10 {
        let start = Instant::now();
        modest.put(&format!("modest/{n}"), "x".into(), Expect::Absent).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
    writers.shutdown().await;
}

/// Two stores send the same ids at the same time: each is taken once.
#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_found_between_two() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = pair(&directory);
    let batch = |_| (0..50).map(|n| Outgoing::new(n.to_string(), "{}")).collect();
    let sends = [one.clone(), other.clone(), one.clone(), other.clone()].map(Arc::new);
    let sending = sends.iter().map(|store| {
        let (store, batch) = (Arc::clone(store), batch(()));
        async move { store.send("q", batch).await.unwrap() }
    });
    sending.collect::<JoinSet<_>>().join_all().await;
    let received = one.receive("q", 1000, LOCK, Duration::ZERO).await.unwrap();
    assert_eq!(received.len(), 50);
    assert_eq!(received.iter().map(|delivery| &delivery.id).collect::<HashSet<_>>().len(), 50);
}
