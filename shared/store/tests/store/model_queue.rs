//! A queue against a model: a list of messages, and a clock that only moves when told to.

use jiff::Timestamp;
use poolwarden_store::{
    Delivery, Depth, ManualClock, Options, Outgoing, QueueError, Queues, Sqlite, dead_letter_queue,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

const QUEUE: &str = "q";
const MAX_DELIVERY_COUNT: u32 = 3;
const WINDOW_S: i64 = 20;

#[derive(Debug, Clone)]
enum Step {
    Send(Vec<(u8, Option<i64>)>),
    Receive { max: usize, lock_s: u64 },
    // `which` counts back from the newest delivery ever made: most locks it finds are lost.
    Complete { which: usize },
    Abandon { which: usize, delay_s: u64 },
    Renew { which: usize, lock_s: u64 },
    Pass { seconds: u64 },
    ReleaseLocks,
}

fn step() -> impl Strategy<Value = Step> {
    let message = (0..12u8, proptest::option::weighted(0.2, -2..8i64));
    prop_oneof![
        4 => vec(message, 0..4).prop_map(Step::Send),
        6 => (1..4usize, 0..8u64).prop_map(|(max, lock_s)| Step::Receive { max, lock_s }),
        2 => (0..4usize).prop_map(|which| Step::Complete { which }),
        3 => (0..4usize, 0..4u64).prop_map(|(which, delay_s)| Step::Abandon { which, delay_s }),
        2 => (0..4usize, 0..8u64).prop_map(|(which, lock_s)| Step::Renew { which, lock_s }),
        4 => (1..6u64).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::ReleaseLocks),
    ]
}

/// Times are in seconds since the start.
#[derive(Debug, Clone)]
struct Message {
    id: String,
    number: usize,
    due: i64,
    count: u32,
    /// The delivery that holds it.
    held_by: Option<usize>,
    last_reason: Option<String>,
}

struct Model {
    store: Sqlite,
    clock: ManualClock,
    now: i64,
    messages: Vec<Message>,
    numbers: usize,
    seen: HashMap<String, i64>,
    dead: Vec<(String, String, u32)>,
    deliveries: Vec<Delivery>,
}

impl Model {
    fn new() -> Self {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let options = Options {
            max_delivery_count: MAX_DELIVERY_COUNT,
            duplicate_window: Duration::from_secs(WINDOW_S as u64),
            clock: clock.clock(),
            ..Options::default()
        };
        let store = Sqlite::in_memory(options).unwrap();
        let (messages, seen, dead, deliveries) = Default::default();
        Self { store, clock, now: 0, messages, numbers: 0, seen, dead, deliveries }
    }

    fn add(&mut self, id: String, due: i64) {
        self.numbers += 1;
        self.messages.push(Message { id, number: self.numbers, due, count: 0, held_by: None, last_reason: None });
    }

    fn give_up(&mut self, number: usize, reason: String) {
        let at = self.messages.iter().position(|message| message.number == number).unwrap();
        let message = self.messages.remove(at);
        self.dead.push((message.id, reason, message.count));
    }

    async fn send(&mut self, batch: Vec<(u8, Option<i64>)>) {
        let time = |seconds: i64| Timestamp::from_second(seconds).unwrap();
        let outgoing = batch.iter().map(|(id, delay)| Outgoing {
            id: id.to_string(),
            body: format!("body {id}"),
            not_before: delay.map(|delay| time(self.now + delay)),
            traceparent: None,
        });
        self.store.send(QUEUE, outgoing.collect()).await.unwrap();
        for (id, delay) in &batch {
            let id = id.to_string();
            if self.seen.get(&id).is_none_or(|seen| *seen <= self.now - WINDOW_S) {
                self.seen.insert(id.clone(), self.now);
                self.add(id, self.now + delay.unwrap_or(0).max(0));
            }
        }
    }

    async fn receive(&mut self, max: usize, lock_s: u64) {
        let received = self.store.receive(QUEUE, max, Duration::from_secs(lock_s), Duration::ZERO).await.unwrap();
        let mut expected = Vec::new();
        // Each look takes `max` messages; a look that found only exhausted ones is repeated.
        loop {
            self.messages.sort_by_key(|message| (message.due, message.number));
            let due = self.messages.iter().filter(|message| message.due <= self.now).take(max);
            let (exhausted, fresh): (Vec<Message>, Vec<Message>) =
                due.cloned().partition(|message| message.count >= MAX_DELIVERY_COUNT);
            for message in &exhausted {
                let reason = format!("delivered {} times and never completed", message.count);
                let reason = match &message.last_reason {
                    Some(last) => format!("{reason}; the last reason given was: {last}"),
                    None => reason,
                };
                self.give_up(message.number, reason);
            }
            for message in &fresh {
                let message = self.messages.iter_mut().find(|other| other.number == message.number).unwrap();
                message.count += 1;
                message.due = self.now + lock_s as i64;
                message.held_by = Some(self.deliveries.len() + expected.len());
                expected.push((message.id.clone(), message.count));
            }
            if !expected.is_empty() || exhausted.is_empty() {
                break;
            }
        }
        let found: Vec<_> = received.iter().map(|delivery| (delivery.id.clone(), delivery.delivery_count)).collect();
        assert_eq!(found, expected);
        self.deliveries.extend(received);
    }

    /// The delivery, and the number of the message it still holds.
    fn pick(&self, which: usize) -> Option<(Delivery, Option<usize>)> {
        let index = self.deliveries.len().checked_sub(which + 1)?;
        let held = self.messages.iter().find(|message| message.held_by == Some(index) && message.due > self.now);
        Some((self.deliveries[index].clone(), held.map(|message| message.number)))
    }

    fn message(&mut self, number: usize) -> &mut Message {
        self.messages.iter_mut().find(|message| message.number == number).unwrap()
    }

    async fn settle(&mut self, step: Step) {
        let (Step::Complete { which } | Step::Abandon { which, .. } | Step::Renew { which, .. }) = step else {
            unreachable!("only what settles comes here");
        };
        let Some((delivery, held)) = self.pick(which) else { return };
        let lock = &delivery.lock;
        let reason = format!("reason {}", self.now);
        let result = match step {
            Step::Complete { .. } => self.store.complete(lock).await,
            Step::Abandon { delay_s, .. } => self.store.abandon(lock, Duration::from_secs(delay_s), &reason).await,
            Step::Renew { lock_s, .. } => self.store.renew(lock, Duration::from_secs(lock_s)).await.map(drop),
            _ => unreachable!("only what settles comes here"),
        };
        let Some(number) = held else {
            assert!(matches!(result, Err(QueueError::LockLost { .. })), "{result:?}");
            return;
        };
        result.unwrap();
        let now = self.now;
        match step {
            Step::Complete { .. } => self.messages.retain(|message| message.number != number),
            Step::Renew { lock_s, .. } => self.message(number).due = now + lock_s as i64,
            Step::Abandon { delay_s, .. } if self.message(number).count < MAX_DELIVERY_COUNT => {
                let message = self.message(number);
                (message.due, message.held_by, message.last_reason) = (now + delay_s as i64, None, Some(reason));
            }
            _ => self.give_up(number, reason),
        }
    }

    async fn apply(&mut self, step: Step) {
        match step {
            Step::Send(batch) => self.send(batch).await,
            Step::Receive { max, lock_s } => self.receive(max, lock_s).await,
            Step::Pass { seconds } => {
                self.clock.advance(Duration::from_secs(seconds));
                self.now += seconds as i64;
            }
            Step::ReleaseLocks => {
                let now = self.now;
                let held = self.messages.iter_mut().filter(|message| message.held_by.is_some() && message.due > now);
                let released = held.map(|message| (message.due, message.held_by) = (now, None)).count();
                assert_eq!(self.store.release_locks().await.unwrap(), released);
            }
            settlement => self.settle(settlement).await,
        }
    }

    async fn compare(&self) {
        let count = |found: &dyn Fn(&Message) -> bool| self.messages.iter().filter(|m| found(m)).count() as u64;
        let expected = Depth {
            ready: count(&|m| m.due <= self.now),
            scheduled: count(&|m| m.due > self.now && m.held_by.is_none()),
            locked: count(&|m| m.due > self.now && m.held_by.is_some()),
            dead: self.dead.len() as u64,
        };
        assert_eq!(self.store.depth(QUEUE).await.unwrap(), expected);
    }

    /// What was given up is in the dead-letter queue, whole and with its reason.
    async fn compare_dead(&self) {
        let forever = Duration::from_secs(3600);
        let letters = self.store.receive(&dead_letter_queue(QUEUE), 1000, forever, Duration::ZERO).await.unwrap();
        let mut letters: Vec<_> = letters
            .into_iter()
            .map(|letter| {
                assert_eq!(letter.body, format!("body {}", letter.id));
                (letter.id, letter.reason.unwrap(), letter.delivery_count - 1)
            })
            .collect();
        let mut dead = self.dead.clone();
        // Those of one second have no order that matters.
        letters.sort();
        dead.sort();
        assert_eq!(letters, dead);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_queue_is_its_model(steps in vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new();
            for step in steps {
                model.apply(step).await;
                model.compare().await;
            }
            model.compare_dead().await;
        });
    }
}
