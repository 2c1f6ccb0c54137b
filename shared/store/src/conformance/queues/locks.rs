//! Who received a message has it alone, for a time.

use super::stand::Stand;
use crate::Lock;
use std::collections::HashSet;
use std::time::Duration;
use tokio::task::JoinSet;

/// A message in work is nobody else's until its lock runs out; then it comes again, and the count says so.
pub async fn a_lock_excludes_until_it_runs_out(stand: &Stand, queue: &str) {
    stand.send(queue, &["a"]).await;
    let first = stand.receive_one(queue).await;
    stand.assert_empty(queue).await;
    stand.outlast_lock().await;
    let second = stand.receive_one(queue).await;
    assert_eq!((second.id.as_str(), second.delivery_count), ("a", 2));
    assert_eq!((second.sequence, second.enqueued_at), (first.sequence, first.enqueued_at), "it is the same message");
}

/// Who settles too late is refused, whoever has the message by then, and changes nothing.
pub async fn late_settlement_is_refused(stand: &Stand, queue: &str) {
    stand.send(queue, &["a"]).await;
    let first = stand.receive_one(queue).await;
    stand.outlast_lock().await;
    stand.assert_lost(&first.lock).await;
    let second = stand.receive_one(queue).await;
    stand.assert_lost(&first.lock).await;
    stand.queues.complete(&second.lock).await.expect("the lock of the day completes");
    stand.assert_lost(&second.lock).await;
    stand.assert_lost(&Lock { queue: queue.to_owned(), token: "no such token".into() }).await;
    stand.assert_empty(&crate::dead_letter_queue(queue)).await;
}

/// A renewed lock lasts from the renewal on.
pub async fn a_renewed_lock_lasts(stand: &Stand, queue: &str) {
    stand.send(queue, &["a"]).await;
    let delivery = stand.receive_one(queue).await;
    stand.pass(stand.lock * 2 / 3).await;
    let until = stand.queues.renew(&delivery.lock, stand.lock).await.expect("a renewal");
    assert!(until > delivery.locked_until);
    stand.pass(stand.lock * 2 / 3).await;
    stand.assert_empty(queue).await;
    stand.queues.complete(&delivery.lock).await.expect("a completion past the first end of the lock");
}

/// An abandoned message comes again, at once or after the delay.
pub async fn an_abandoned_message_comes_again(stand: &Stand, queue: &str) {
    stand.send(queue, &["a"]).await;
    let first = stand.receive_one(queue).await;
    stand.abandon(&first.lock, "try again").await;
    stand.assert_lost(&first.lock).await;
    let second = stand.receive_one(queue).await;
    assert_eq!((second.id.as_str(), second.delivery_count), ("a", 2));

    stand.queues.abandon(&second.lock, stand.lock, "later").await.expect("an abandonment");
    stand.assert_empty(queue).await;
    stand.outlast_lock().await;
    assert_eq!(stand.receive_one(queue).await.id, "a");
}

/// Of many receivers at once, each message goes to one.
pub async fn receivers_share(stand: &Stand, queue: &str) {
    const MESSAGES: usize = 60;
    let batch: Vec<String> = (0..MESSAGES).map(|n| format!("message {n}")).collect();
    stand.send(queue, &batch.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut receivers = JoinSet::new();
    for _ in 0..6 {
        let (stand, queue) = (stand.clone(), queue.to_owned());
        receivers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let some = stand.queues.receive(&queue, 7, stand.lock, Duration::ZERO).await.expect("a receive");
                if some.is_empty() {
                    return mine;
                }
                for delivery in some {
                    stand.queues.complete(&delivery.lock).await.expect("a completion");
                    mine.push(delivery.id);
                }
            }
        });
    }
    let received: Vec<String> = receivers.join_all().await.into_iter().flatten().collect();
    assert_eq!(received.len(), MESSAGES, "each once");
    assert_eq!(received.into_iter().collect::<HashSet<_>>(), batch.into_iter().collect());
}
