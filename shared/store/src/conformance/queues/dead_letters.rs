//! What is given up is kept, with the reason.

use super::stand::{Stand, body};
use crate::{DeadLetter, Depth};

/// A message given up is kept with the reason, and delivered no more.
pub async fn a_dead_letter_has_its_reason(stand: &Stand, queue: &str) {
    stand.send(queue, &["a", "b"]).await;
    let first = stand.receive_one(queue).await;
    stand.queues.dead_letter(&first.lock, "the pool is not ours: 403").await.expect("a dead letter");
    stand.assert_lost(&first.lock).await;
    let letters = stand.dead_letters(queue).await;
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].id.as_str(), letters[0].body.as_str()), ("a", body("a").as_str()));
    assert_eq!((letters[0].reason.as_str(), letters[0].delivery_count), ("the pool is not ours: 403", 1));
    assert_eq!(letters[0].enqueued_at, first.enqueued_at);
    assert!(letters[0].dead_at >= letters[0].enqueued_at);
    assert_eq!(stand.depth(queue).await, Depth { ready: 1, dead: 1, ..Depth::default() });
    let second = stand.receive_one(queue).await;
    assert_eq!(second.id, "b");
    stand.queues.dead_letter(&second.lock, "this one neither").await.expect("a dead letter");
    let letters = stand.queues.dead_letters(queue, 1).await.expect("a list");
    assert_eq!(letters.iter().map(|letter| letter.id.as_str()).collect::<Vec<_>>(), ["a"], "the oldest first");
}

/// A message that is abandoned again and again is given up with the last reason.
pub async fn abandoned_too_often_is_given_up(stand: &Stand, queue: &str) {
    stand.send(queue, &["a"]).await;
    for n in 1..=stand.max_delivery_count {
        let delivery = stand.receive_one(queue).await;
        assert_eq!(delivery.delivery_count, n);
        stand.abandon(&delivery.lock, &format!("attempt {n} failed")).await;
    }
    stand.assert_empty(queue).await;
    let letters = stand.dead_letters(queue).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].delivery_count, stand.max_delivery_count);
    assert_eq!(letters[0].reason, format!("attempt {} failed", stand.max_delivery_count));
}

/// A message whose receivers all die is given up; the reason tells how often it was delivered, and the last reason
/// somebody gave. It does not hold up what is behind it.
pub async fn never_settled_is_given_up(stand: &Stand, queue: &str) {
    stand.send(queue, &["a"]).await;
    let first = stand.receive_one(queue).await;
    stand.abandon(&first.lock, "out of memory").await;
    for n in 2..=stand.max_delivery_count {
        let delivery = stand.receive_one(queue).await;
        assert_eq!((delivery.id.as_str(), delivery.delivery_count), ("a", n));
        stand.outlast_lock().await;
    }
    stand.send(queue, &["b"]).await;
    assert_eq!(stand.receive_one(queue).await.id, "b");
    let letters = stand.dead_letters(queue).await;
    assert_eq!(letters.len(), 1);
    let times = format!("delivered {} times", stand.max_delivery_count);
    assert!(letters[0].reason.contains(&times), "{}", letters[0].reason);
    assert!(letters[0].reason.contains("out of memory"), "{}", letters[0].reason);
}

/// A letter recorded without a lock is kept once.
pub async fn burying_twice_keeps_one(stand: &Stand, queue: &str) {
    let letter = DeadLetter {
        id: "a".into(),
        body: body("a"),
        reason: "the body is not what it should be".into(),
        delivery_count: 3,
        enqueued_at: stand.time.now() - stand.lock,
        dead_at: stand.time.now(),
    };
    stand.queues.bury(queue, letter.clone()).await.expect("a burial");
    stand.queues.bury(queue, DeadLetter { delivery_count: 4, ..letter.clone() }).await.expect("a burial");
    let kept = stand.dead_letters(queue).await;
    assert_eq!(kept.len(), 1);
    assert_eq!((&kept[0].id, &kept[0].body, &kept[0].reason), (&letter.id, &letter.body, &letter.reason));
    assert_eq!(stand.depth(queue).await, Depth { dead: 1, ..Depth::default() });
}

/// A dead letter can live again, as if it had never been delivered, or be forgotten.
pub async fn dead_letters_revive_or_go(stand: &Stand, queue: &str) {
    stand.send(queue, &["a", "b"]).await;
    for id in ["a", "b"] {
        let delivery = stand.receive_one(queue).await;
        assert_eq!(delivery.id, id);
        stand.queues.dead_letter(&delivery.lock, "not now").await.expect("a dead letter");
    }
    assert!(stand.queues.revive(queue, "a").await.expect("a revival"));
    assert!(!stand.queues.revive(queue, "a").await.expect("nothing to revive"));
    assert!(stand.queues.discard(queue, "b").await.expect("a farewell"));
    assert!(!stand.queues.discard(queue, "b").await.expect("nothing to discard"));
    assert!(stand.dead_letters(queue).await.is_empty());
    let again = stand.receive_one(queue).await;
    assert_eq!((again.id.as_str(), again.body, again.delivery_count), ("a", body("a"), 1));
    stand.queues.dead_letter(&again.lock, "not ever").await.expect("a second death");
    assert_eq!(stand.dead_letters(queue).await[0].reason, "not ever");
}
