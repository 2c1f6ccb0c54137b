//! What is delivered too often is kept, apart.

use super::stand::{Stand, body};
use crate::dead_letter_queue;
use std::time::Duration;

/// A message that is abandoned again and again ends in the dead-letter queue, with its content and a reason.
pub async fn abandoned_too_often_is_given_up(stand: &Stand, queue: &str) {
    stand.send(queue, &["a"]).await;
    for n in 1..=stand.max_delivery_count {
        let delivery = stand.receive_one(queue).await;
        assert_eq!(delivery.delivery_count, n);
        stand.abandon(&delivery.lock, &format!("attempt {n} failed")).await;
    }
    stand.assert_empty(queue).await;
    let letter = stand.receive_one(&dead_letter_queue(queue)).await;
    assert_eq!((letter.id.as_str(), letter.body), ("a", body("a")));
    assert!(letter.reason.is_some_and(|reason| !reason.is_empty()), "a dead letter has a reason");
}

/// A message whose receivers all die is given up. It does not hold up what is behind it.
pub async fn never_settled_is_given_up(stand: &Stand, queue: &str) {
    stand.send(queue, &["a"]).await;
    for n in 1..=stand.max_delivery_count {
        let delivery = stand.receive_one(queue).await;
        assert_eq!((delivery.id.as_str(), delivery.delivery_count), ("a", n));
        stand.outlast_lock().await;
    }
    stand.send(queue, &["b"]).await;
    assert_eq!(stand.receive_one(queue).await.id, "b");
    let letter = stand.receive_one(&dead_letter_queue(queue)).await;
    assert_eq!(letter.id, "a");
    assert!(letter.reason.is_some_and(|reason| !reason.is_empty()), "a dead letter has a reason");
}

/// A dead letter is locked and settled as any message, and however often that fails, it stays where it is.
pub async fn a_dead_letter_stays_until_it_is_completed(stand: &Stand, queue: &str) {
    stand.send(queue, &["a"]).await;
    for _ in 1..=stand.max_delivery_count {
        let delivery = stand.receive_one(queue).await;
        stand.abandon(&delivery.lock, "no").await;
    }
    let dead = dead_letter_queue(queue);
    for _ in 0..=stand.max_delivery_count {
        let letter = stand.receive_one(&dead).await;
        stand.assert_empty(&dead).await;
        stand.abandon(&letter.lock, "not yet").await;
        stand.assert_lost(&letter.lock).await;
    }
    let letter = stand.receive_one(&dead).await;
    stand.queues.renew(&letter.lock, stand.lock).await.expect("a renewal");
    stand.queues.complete(&letter.lock).await.expect("a completion");
    let left = stand.queues.receive(&dead, 1, stand.lock, Duration::ZERO).await.expect("a receive");
    assert!(left.is_empty(), "a completed dead letter is gone");
}
