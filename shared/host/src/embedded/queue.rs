//! One poller a queue function: takes no more than it has hands for, keeps the locks, settles.

use super::call::Caller;
use super::definition::Function;
use super::envelope;
use super::options::Clock;
use super::stop::Stop;
use crate::fault_point;
use crate::wire::Verdict;
use poolwarden_store::{Delivery, QueueError, Queues};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a `receive` under way may still take once the host is to stop. A wait this short is never interrupted. A
/// longer one is given up; a message that the broker hands out at that very moment stays locked until its lock runs out,
/// and then comes again.
const RECEIVE_GRACE: Duration = Duration::from_secs(1);

/// The pause after a queue that could not be read, and what it grows to.
const RECEIVE_BACKOFF: Duration = Duration::from_millis(200);
const MAX_RECEIVE_BACKOFF: Duration = Duration::from_secs(30);

/// The delay before a failed message comes again, and what it grows to. Service Bus has no such delay.
const REDELIVERY_DELAY: Duration = Duration::from_millis(200);
const MAX_REDELIVERY_DELAY: Duration = Duration::from_secs(30);

/// `first`, doubled `times` times, at most `most`.
fn growing(first: Duration, times: u32, most: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times)).min(most)
}

/// Polls the queue of one function.
pub(super) struct Poller {
    pub(super) function: Function,
    pub(super) queue: String,
    pub(super) caller: Caller,
    pub(super) queues: Arc<dyn Queues>,
    pub(super) max_concurrent_calls: usize,
    pub(super) lock_duration: Duration,
    pub(super) receive_wait: Duration,
    pub(super) max_lock_renewal: Duration,
    pub(super) clock: Clock,
}

impl Poller {
    /// Polls until told to stop, then waits for what is in flight. Dropped earlier, it drops that too; the locks
    /// run out and the messages come again.
    pub(super) async fn run(self: Arc<Self>, mut stop: Stop) {
        let hands = Arc::new(Semaphore::new(self.max_concurrent_calls));
        let mut in_flight = JoinSet::new();
        let mut failures = 0;
        loop {
            let free = tokio::select! {
                biased;
                () = stop.wait() => break,
                free = Arc::clone(&hands).acquire_owned() => free,
            };
            let Ok(free) = free else { break };
            let mut free = vec![free];
            while let Ok(another) = Arc::clone(&hands).try_acquire_owned() {
                free.push(another);
            }
            while in_flight.try_join_next().is_some() {}
            let Some(received) = self.receive(free.len(), &mut stop).await else { break };
            match received {
                Ok(deliveries) => {
                    failures = 0;
                    for (delivery, hand) in deliveries.into_iter().zip(free) {
                        let poller = Arc::clone(&self);
                        in_flight.spawn(async move {
                            poller.deliver(&delivery).await;
                            drop(hand);
                        });
                    }
                }
                Err(error) => {
                    let pause = growing(RECEIVE_BACKOFF, failures, MAX_RECEIVE_BACKOFF);
                    failures = failures.saturating_add(1);
                    tracing::warn!(
                        queue = self.queue,
                        error = &error as &dyn std::error::Error,
                        "could not receive; again in {pause:?}"
                    );
                    drop(free);
                    stop.sleep(pause).await;
                }
            }
        }
        while in_flight.join_next().await.is_some() {}
    }

    /// What the queue has; nothing if the host is to stop and the queue stays silent.
    async fn receive(&self, max: usize, stop: &mut Stop) -> Option<Result<Vec<Delivery>, QueueError>> {
        let mut received = self.queues.receive(&self.queue, max, self.lock_duration, self.receive_wait);
        tokio::select! {
            biased;
            received = &mut received => Some(received),
            () = stop.wait() => tokio::time::timeout(RECEIVE_GRACE, received).await.ok(),
        }
    }

    async fn deliver(&self, delivery: &Delivery) {
        fault_point::hit("before_invoke");
        match self.invoke(delivery).await {
            Verdict::Success(_) => {
                fault_point::hit("before_ack");
                let settled = self.queues.complete(&delivery.lock).await;
                fault_point::hit("after_ack");
                self.report(delivery, "complete", settled);
            }
            Verdict::Failed(reason) | Verdict::NeverCompletes(reason) => {
                let times = delivery.delivery_count.saturating_sub(1);
                let delay = growing(REDELIVERY_DELAY, times, MAX_REDELIVERY_DELAY);
                let settled = self.queues.abandon(&delivery.lock, delay, &reason).await;
                self.report(delivery, "abandon", settled);
            }
        }
    }

    /// Calls the function, and renews the lock for as long as host.json allows.
    async fn invoke(&self, delivery: &Delivery) -> Verdict {
        let envelope = envelope::message(&self.function, delivery, (self.clock)());
        let traceparent = delivery.traceparent.as_deref();
        let mut call = std::pin::pin!(self.caller.call(self.function.name, &envelope, traceparent));
        let started = Instant::now();
        let mut renew_at = started + self.lock_duration / 2;
        let mut renewing = true;
        loop {
            tokio::select! {
                verdict = &mut call => return verdict,
                () = tokio::time::sleep_until(renew_at), if renewing => {
                    if started.elapsed() >= self.max_lock_renewal {
                        renewing = false;
                        tracing::warn!(queue = self.queue, message = delivery.id, "the lock is renewed no more");
                        continue;
                    }
                    match self.queues.renew(&delivery.lock, self.lock_duration).await {
                        Ok(_) => renew_at = Instant::now() + self.lock_duration / 2,
                        Err(error) => {
                            // A lost lock is lost; for anything else there is time for a few more attempts.
                            renewing = !matches!(error, QueueError::LockLost { .. });
                            renew_at = Instant::now() + self.lock_duration / 8;
                            self.report(delivery, "renew", Err(error));
                        }
                    }
                }
            }
        }
    }

    /// A message that could not be settled comes again, which handlers must bear anyway.
    fn report(&self, delivery: &Delivery, action: &'static str, result: Result<(), QueueError>) {
        let Err(error) = result else { return };
        tracing::warn!(
            function = self.function.name,
            queue = self.queue,
            message = delivery.id,
            delivery_count = delivery.delivery_count,
            action,
            error = &error as &dyn std::error::Error,
            "the message will come again"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_bound() {
        let delays: Vec<u128> =
            (0..10).map(|times| growing(REDELIVERY_DELAY, times, MAX_REDELIVERY_DELAY).as_millis()).collect();
        assert_eq!(delays, [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
        assert_eq!(growing(REDELIVERY_DELAY, u32::MAX, MAX_REDELIVERY_DELAY), MAX_REDELIVERY_DELAY);
    }
}
