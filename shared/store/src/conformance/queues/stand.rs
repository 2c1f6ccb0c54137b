//! What the behaviours are tried on: the queues, the time they go by, and how they are set up.

use crate::{Delivery, Lock, ManualClock, Outgoing, QueueError, Queues};
use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Time as the queue under test knows it.
#[async_trait]
pub trait Time: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Returns when `span` has passed.
    async fn pass(&self, span: Duration);
}

/// The system's time: to let some pass is to sleep.
#[derive(Debug, Clone, Copy)]
pub struct RealTime;

#[async_trait]
impl Time for RealTime {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn pass(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

#[async_trait]
impl Time for ManualClock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }

    async fn pass(&self, span: Duration) {
        self.advance(span);
    }
}

/// What is tested, and how it is set up.
#[derive(Clone)]
pub struct Stand {
    /// The queues.
    pub queues: Arc<dyn Queues>,
    /// The time they go by.
    pub time: Arc<dyn Time>,
    /// How long a lock lasts: what is asked for, and what a service is set up with that does not take it per call.
    pub lock: Duration,
    /// How long a message that is there may take to be received, in real time.
    pub patience: Duration,
    /// How often they deliver a message before they give it up; at least 2.
    pub max_delivery_count: u32,
    /// How long they remember an id.
    pub duplicate_window: Duration,
}

impl Stand {
    pub(super) async fn send(&self, queue: &str, ids: &[&str]) {
        let messages = ids.iter().map(|id| message(id)).collect();
        self.queues.send(queue, messages).await.expect("a send");
    }

    /// What is there, at most `max`; there has to be something.
    pub(super) async fn receive(&self, queue: &str, max: usize) -> Vec<Delivery> {
        let received = self.queues.receive(queue, max, self.lock, self.patience).await.expect("a receive");
        assert!(!received.is_empty(), "there is something to receive");
        received
    }

    pub(super) async fn receive_one(&self, queue: &str) -> Delivery {
        self.receive(queue, 1).await.remove(0)
    }

    pub(super) async fn assert_empty(&self, queue: &str) {
        let received = self.queues.receive(queue, 10, self.lock, Duration::ZERO).await.expect("a receive");
        assert!(received.is_empty(), "nothing is to be received: {received:?}");
    }

    pub(super) async fn pass(&self, span: Duration) {
        self.time.pass(span).await;
    }

    /// Lets a lock taken before run out.
    pub(super) async fn outlast_lock(&self) {
        self.pass(self.lock + Duration::from_millis(50)).await;
    }

    pub(super) async fn abandon(&self, lock: &Lock, reason: &str) {
        self.queues.abandon(lock, Duration::ZERO, reason).await.expect("an abandonment");
    }

    /// Every way to settle is refused.
    pub(super) async fn assert_lost(&self, lock: &Lock) {
        let refused = [
            self.queues.complete(lock).await,
            self.queues.abandon(lock, Duration::ZERO, "late").await,
            self.queues.renew(lock, self.lock).await.map(drop),
        ];
        for result in refused {
            assert!(matches!(&result, Err(QueueError::LockLost { queue }) if *queue == lock.queue), "{result:?}");
        }
    }
}

pub(super) fn message(id: &str) -> Outgoing {
    Outgoing::new(id, body(id))
}

pub(super) fn body(id: &str) -> String {
    format!(r#"{{"for":"{id}","text":"äöü 日本"}}"#)
}

pub(super) fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.id.as_str()).collect()
}
