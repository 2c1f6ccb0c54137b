//! [`Queues`] in SQLite: the checks, the waiting and the waking. What happens to a message is in
//! [`super::messages`].

use super::failure::Failure;
use super::messages::{self, Token};
use super::{Depth, Sqlite};
use crate::{Delivery, Lock, Outgoing, QueueError, Queues, check_batch, check_name, cut_reason};
use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

/// How often a waiting receiver looks for what another process sent. What this process sends wakes it at once.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A day: nobody waits longer in one call, and the sum with any instant is one.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

#[async_trait]
impl Queues for Sqlite {
    async fn send(&self, queue: &str, messages: Vec<Outgoing>) -> Result<(), QueueError> {
        check_batch(queue, &messages)?;
        if messages.is_empty() {
            return Ok(());
        }
        let window = self.inner.options.duplicate_window;
        self.change("take messages in", queue, move |c, queue, now| messages::send(c, queue, &messages, window, now))
            .await
    }

    /// Dropping the future may leave messages locked that nobody got; they come back when their locks run out.
    async fn receive(
        &self,
        queue: &str,
        max: usize,
        lock_for: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError> {
        check_name(queue)?;
        if max == 0 {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + wait.min(MAX_WAIT);
        let bell = self.inner.waiters.bell(queue);
        loop {
            // Listening before looking: what is sent in between is heard.
            let rung = std::pin::pin!(bell.notified());
            let taken = self.take(queue, max, lock_for).await?;
            if !taken.is_empty() || !self.wait_until_due(queue, rung, deadline).await? {
                return Ok(taken);
            }
        }
    }

    async fn complete(&self, lock: &Lock) -> Result<(), QueueError> {
        self.settle("complete a message", lock, messages::complete).await
    }

    async fn abandon(&self, lock: &Lock, delay: Duration, reason: &str) -> Result<(), QueueError> {
        let reason = cut_reason(reason).to_owned();
        let max_delivery_count = self.max_delivery_count();
        self.settle("abandon a message", lock, move |c, queue, token, now| {
            messages::abandon(c, queue, token, delay, &reason, max_delivery_count, now)
        })
        .await?;
        self.inner.waiters.ring(&lock.queue);
        Ok(())
    }

    async fn renew(&self, lock: &Lock, lock_for: Duration) -> Result<Timestamp, QueueError> {
        self.settle("renew a lock", lock, move |c, queue, token, now| messages::renew(c, queue, token, lock_for, now))
            .await
    }
}

impl Sqlite {
    /// How full the queue is.
    pub async fn depth(&self, queue: &str) -> Result<Depth, QueueError> {
        self.look("tell its depth", queue, messages::depth).await
    }

    async fn take(&self, queue: &str, max: usize, lock_for: Duration) -> Result<Vec<Delivery>, QueueError> {
        let (name, clock) = (queue.to_owned(), self.inner.options.clock.clone());
        let max_delivery_count = self.max_delivery_count();
        self.inner
            .write(move |c| messages::take(c, &name, max, lock_for, max_delivery_count, clock.now()))
            .await
            .map_err(|failure| failure.of_queue("deliver messages", queue))
    }

    /// True as soon as there may be something to take; false at the deadline.
    async fn wait_until_due(
        &self,
        queue: &str,
        mut rung: Pin<&mut Notified<'_>>,
        deadline: Instant,
    ) -> Result<bool, QueueError> {
        loop {
            let due = self.look("deliver messages", queue, |c, queue, _| messages::next_due(c, queue)).await?;
            let due_in = due.map(|due| {
                let left = due.duration_since(self.inner.options.clock.now());
                // Nothing is left of what is due already.
                Duration::try_from(left).unwrap_or(Duration::ZERO)
            });
            if due_in == Some(Duration::ZERO) {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(false);
            }
            let pause = due_in.unwrap_or(LOOK_EVERY).min(LOOK_EVERY);
            tokio::select! {
                () = rung.as_mut() => return Ok(true),
                () = tokio::time::sleep_until(deadline.min(now + pause)) => {}
            }
        }
    }

    fn max_delivery_count(&self) -> u32 {
        self.inner.options.max_delivery_count.max(1)
    }

    /// Settles the delivery that `lock` is for.
    async fn settle<T, W>(&self, action: &'static str, lock: &Lock, work: W) -> Result<T, QueueError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection, &str, &Token, Timestamp) -> Result<T, Failure> + Send + 'static,
    {
        let token = Token::of(lock).map_err(|failure| failure.of_queue(action, &lock.queue))?;
        let (queue, clock) = (lock.queue.clone(), self.inner.options.clock.clone());
        self.inner
            .write(move |c| work(c, &queue, &token, clock.now()))
            .await
            .map_err(|failure| failure.of_queue(action, &lock.queue))
    }

    /// A write after which whoever waits for this queue looks again.
    async fn change<T, W>(&self, action: &'static str, queue: &str, work: W) -> Result<T, QueueError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection, &str, Timestamp) -> Result<T, Failure> + Send + 'static,
    {
        let (name, clock) = (queue.to_owned(), self.inner.options.clock.clone());
        let (rung, waiters) = (queue.to_owned(), Arc::clone(&self.inner.waiters));
        self.inner
            .write_then(move |c| work(c, &name, clock.now()), move |_| waiters.ring(&rung))
            .await
            .map_err(|failure| failure.of_queue(action, queue))
    }

    async fn look<T, W>(&self, action: &'static str, queue: &str, work: W) -> Result<T, QueueError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection, &str, Timestamp) -> Result<T, Failure> + Send + 'static,
    {
        let (name, clock) = (queue.to_owned(), self.inner.options.clock.clone());
        self.inner.read(move |c| work(c, &name, clock.now())).await.map_err(|failure| failure.of_queue(action, queue))
    }
}
