//! What is sent arrives, once, when it should.

use super::stand::{Stand, body, ids, message};
use crate::{Lock, MAX_MESSAGE_BYTES, MAX_NAME_CHARS, Outgoing, QueueError};
use std::time::Duration;

/// A batch arrives whole, the oldest first, each message with its content; completed messages are gone.
pub async fn delivers_and_completes(stand: &Stand, queue: &str) {
    let before = stand.time.now();
    stand.send(queue, &["a", "b", "c"]).await;
    let mut received = Vec::new();
    while received.len() < 3 {
        received.extend(stand.receive(queue, 3 - received.len()).await);
    }
    assert_eq!(ids(&received), ["a", "b", "c"]);
    assert!(received.is_sorted_by(|one, next| one.sequence < next.sequence));
    for delivery in &received {
        assert_eq!(delivery.body, body(&delivery.id));
        assert_eq!(delivery.delivery_count, 1);
        assert_eq!(delivery.lock.queue, queue);
        assert!(delivery.locked_until > before, "the lock has time left");
        stand.queues.complete(&delivery.lock).await.expect("a completion");
    }
    stand.outlast_lock().await;
    stand.assert_empty(queue).await;
}

/// No more come than were asked for.
pub async fn delivers_at_most_what_is_asked_for(stand: &Stand, queue: &str) {
    stand.send(queue, &["a", "b", "c"]).await;
    assert!(stand.queues.receive(queue, 0, stand.lock, Duration::ZERO).await.expect("a receive").is_empty());
    assert_eq!(stand.receive(queue, 2).await.len(), 2);
}

/// Queues have nothing to do with each other.
pub async fn queues_are_separate(stand: &Stand, queue: &str) {
    let other = &format!("{queue}-2");
    stand.send(queue, &["a"]).await;
    stand.assert_empty(other).await;
    let delivery = stand.receive_one(queue).await;
    let stray = Lock { queue: other.to_owned(), ..delivery.lock.clone() };
    assert!(stand.queues.complete(&stray).await.is_err(), "a lock is for its own queue");
    stand.queues.complete(&delivery.lock).await.expect("a completion");
    stand.send(other, &["a"]).await;
    assert_eq!(stand.receive_one(other).await.id, "a", "the same id in another queue is another message");
}

/// A message with a time comes no earlier; one without does not wait for it.
pub async fn not_before_its_time(stand: &Stand, queue: &str) {
    let at = stand.time.now() + stand.lock;
    let late = Outgoing { not_before: Some(at), ..message("late") };
    let past = Outgoing { not_before: Some(stand.time.now() - stand.lock), ..message("past") };
    stand.queues.send(queue, vec![late, past]).await.expect("a send");
    let past = stand.receive_one(queue).await;
    assert_eq!(past.id, "past");
    stand.queues.complete(&past.lock).await.expect("a completion");
    stand.assert_empty(queue).await;
    stand.outlast_lock().await;
    let received = stand.receive_one(queue).await;
    assert_eq!((received.id.as_str(), received.delivery_count), ("late", 1));
    assert!(stand.time.now() >= at);
}

/// A message brings the trace context it was sent in, if any.
pub async fn a_trace_travels_along(stand: &Stand, queue: &str) {
    let traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let traced = Outgoing { traceparent: traceparent.clone(), ..message("traced") };
    stand.queues.send(queue, vec![traced.clone()]).await.expect("a send of one");
    stand
        .queues
        .send(queue, vec![Outgoing { id: "again".into(), ..traced }, message("untraced")])
        .await
        .expect("a send");
    for expected in [&traceparent, &traceparent, &None] {
        let delivery = stand.receive_one(queue).await;
        assert_eq!(&delivery.traceparent, expected, "of {}", delivery.id);
        stand.queues.complete(&delivery.lock).await.expect("a completion");
    }
}

/// An id is taken once within the window, whatever became of its message.
pub async fn duplicates_are_dropped(stand: &Stand, queue: &str) {
    stand.send(queue, &["a", "b", "a"]).await;
    stand.send(queue, &["b", "c"]).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        for delivery in stand.receive(queue, 3).await {
            stand.queues.complete(&delivery.lock).await.expect("a completion");
            seen.push(delivery.id);
        }
    }
    assert_eq!(seen, ["a", "b", "c"]);
    stand.send(queue, &["c"]).await;
    stand.assert_empty(queue).await;
}

/// After the window an id is new again.
pub async fn the_duplicate_window_ends(stand: &Stand, queue: &str) {
    stand.send(queue, &["a"]).await;
    let delivery = stand.receive_one(queue).await;
    stand.queues.complete(&delivery.lock).await.expect("a completion");
    stand.pass(stand.duplicate_window + Duration::from_millis(50)).await;
    stand.send(queue, &["a"]).await;
    let delivery = stand.receive_one(queue).await;
    assert_eq!(delivery.id, "a");
    stand.queues.complete(&delivery.lock).await.expect("a completion");
    stand.send(queue, &["a"]).await;
    stand.assert_empty(queue).await;
}

/// Who waits for a message gets it when it is sent, not when the wait is over.
pub async fn a_send_wakes_who_waits(stand: &Stand, queue: &str) {
    let (waiting, name) = (stand.clone(), queue.to_owned());
    let wait = stand.patience * 20;
    let receiver = tokio::spawn(async move { waiting.queues.receive(&name, 5, waiting.lock, wait).await });
    tokio::time::sleep(Duration::from_millis(30)).await;
    stand.send(queue, &["a"]).await;
    let received = tokio::time::timeout(stand.patience, receiver).await.expect("the receiver wakes");
    assert_eq!(ids(&received.expect("it ends well").expect("a receive")), ["a"]);
}

/// An empty wait ends with nothing, about when it should.
pub async fn a_wait_ends(stand: &Stand, queue: &str) {
    let (start, wait) = (std::time::Instant::now(), Duration::from_millis(250));
    let received = stand.queues.receive(queue, 1, stand.lock, wait).await.expect("a receive");
    assert!(received.is_empty());
    assert!(start.elapsed() >= wait && start.elapsed() < wait + stand.patience, "{:?}", start.elapsed());
}

/// A batch with a message that is too large, or that cannot be named, is refused whole.
pub async fn a_bad_batch_is_refused_whole(stand: &Stand, queue: &str) {
    let large = Outgoing { body: "x".repeat(MAX_MESSAGE_BYTES + 1), ..message("large") };
    let refused = stand.queues.send(queue, vec![message("a"), large]).await;
    assert!(matches!(&refused, Err(QueueError::TooLarge { id, .. }) if id == "large"), "{refused:?}");
    for id in ["", "a\nb", &"x".repeat(MAX_NAME_CHARS + 1)] {
        let refused = stand.queues.send(queue, vec![message("a"), message(id)]).await;
        assert!(matches!(&refused, Err(QueueError::InvalidName { .. })), "{refused:?}");
    }
    stand.assert_empty(queue).await;
    let longest = "x".repeat(MAX_NAME_CHARS);
    let largest = Outgoing { body: "x".repeat(MAX_MESSAGE_BYTES), ..message(&longest) };
    stand.queues.send(queue, vec![message("a"), largest.clone()]).await.expect("a send at the limits");
    assert_eq!(stand.receive_one(queue).await.id, "a", "a refused batch leaves no ids behind");
    let received = stand.receive_one(queue).await;
    assert!((received.id, received.body) == (longest, largest.body), "the largest message comes back whole");
}
