//! One queue with its dead-letter queue: what sending, receiving and settling
//! do to it, and what time does to it. It reads no clock and waits for nothing.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    error::Refusal,
    message::{Incoming, Message, State, new_id},
    settings::QueueSpec,
    shelf::Shelf,
};

/// What became of messages since the queue was made.
#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    duplicates: u64,
    received: u64,
    redeliveries: u64,
    completed: u64,
    unlocked: u64,
    renewed: u64,
    lapsed: u64,
    dead_lettered: u64,
}

/// What is done with a locked message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settlement {
    Complete,
    Unlock,
    Renew,
}

/// How a message is received.
#[derive(Debug, Clone)]
pub(crate) enum Mode {
    /// It stays, locked with this token.
    PeekLock(String),
    Delete,
}

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) spec: QueueSpec,
    seed: u64,
    sequence: u64,
    main: Shelf,
    dead: Shelf,
    /// Message ids inside the window of duplicate detection, and their order.
    seen: HashMap<String, Timestamp>,
    seen_order: VecDeque<(Timestamp, String)>,
    size: u64,
    counts: Counts,
}

impl Queue {
    pub(crate) fn new(spec: QueueSpec, seed: u64) -> Self {
        Self {
            spec,
            seed,
            sequence: 0,
            main: Shelf::default(),
            dead: Shelf::default(),
            seen: HashMap::new(),
            seen_order: VecDeque::new(),
            size: 0,
            counts: Counts::default(),
        }
    }

    /// Takes in all messages or none; those whose ids were seen are dropped
    /// without a word.
    pub(crate) fn send(&mut self, messages: Vec<Incoming>, now: Timestamp) -> Result<(), Refusal> {
        self.pass_time(now);
        let size: u64 = messages.iter().map(|message| message.size).sum();
        if self.size.saturating_add(size) > self.spec.max_size {
            return Err(Refusal::QuotaExceeded { queue: self.spec.name.clone(), limit: self.spec.max_size });
        }
        for message in messages {
            if self.is_duplicate(message.message_id.as_deref(), now) {
                self.counts.duplicates += 1;
            } else {
                self.enqueue(message, now);
            }
        }
        Ok(())
    }

    fn is_duplicate(&mut self, id: Option<&str>, now: Timestamp) -> bool {
        let Some(id) = id.filter(|_| !self.spec.duplicates.is_zero()) else { return false };
        if self.seen.contains_key(id) {
            return true;
        }
        self.seen.insert(id.to_owned(), now);
        self.seen_order.push_back((now, id.to_owned()));
        false
    }

    fn enqueue(&mut self, sent: Incoming, now: Timestamp) {
        self.sequence += 1;
        self.counts.sent += 1;
        self.size += sent.size;
        let longest = signed(self.spec.ttl);
        self.main.put(Message {
            sequence: self.sequence,
            message_id: sent.message_id.clone().unwrap_or_else(|| new_id(self.seed, self.sequence)),
            state: sent.scheduled.map_or(State::Active, State::Scheduled),
            enqueued: now,
            ttl: sent.ttl.map_or(longest, |ttl| ttl.min(longest)),
            deliveries: 0,
            sent,
            dead: None,
        });
    }

    /// The next message, if there is one.
    pub(crate) fn receive(&mut self, dead: bool, mode: Mode, now: Timestamp) -> Option<Message> {
        self.pass_time(now);
        let shelf = if dead { &mut self.dead } else { &mut self.main };
        let mut message = shelf.take_first()?;
        message.deliveries += 1;
        self.counts.received += 1;
        self.counts.redeliveries += u64::from(message.deliveries > 1 && !dead);
        match mode {
            Mode::PeekLock(token) => {
                message.state = State::Locked { token, until: later(now, signed(self.spec.lock)) };
                shelf.put(message.clone());
            }
            Mode::Delete => {
                self.counts.completed += 1;
                self.size -= message.sent.size;
            }
        }
        Some(message)
    }

    /// Completes, unlocks or renews a locked message.
    pub(crate) fn settle(
        &mut self,
        dead: bool,
        (id, token): (&str, &str),
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.pass_time(now);
        let shelf = if dead { &mut self.dead } else { &mut self.main };
        let message = shelf.locked(id, token).and_then(|sequence| shelf.take(sequence));
        let mut message = message.ok_or(Refusal::LockLost(self.spec.lost_lock))?;
        match settlement {
            Settlement::Complete => {
                self.counts.completed += 1;
                self.size -= message.sent.size;
            }
            Settlement::Unlock => {
                self.counts.unlocked += 1;
                self.let_go(message);
            }
            Settlement::Renew => {
                self.counts.renewed += 1;
                if let State::Locked { until, .. } = &mut message.state {
                    *until = later(now, signed(self.spec.lock));
                }
                shelf.put(message);
            }
        }
        Ok(())
    }

    /// Ends all locks; answers how many.
    pub(crate) fn lapse(&mut self, now: Timestamp) -> usize {
        self.pass_time(now);
        let mut lapsed = 0;
        for dead in [false, true] {
            let shelf = if dead { &mut self.dead } else { &mut self.main };
            let locked: Vec<Message> =
                shelf.all_locked().into_iter().filter_map(|sequence| shelf.take(sequence)).collect();
            lapsed += locked.len();
            for message in locked {
                self.counts.lapsed += 1;
                self.let_go(message);
            }
        }
        lapsed
    }

    /// When something happens next without anybody asking.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        [self.main.next_due(), self.dead.next_due()].into_iter().flatten().min()
    }

    /// How many messages can be received at once.
    pub(crate) fn ready(&self, dead: bool) -> usize {
        if dead { self.dead.active_count() } else { self.main.active_count() }
    }

    /// Everything that has fallen due: schedules, locks, lives, remembered ids.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        while let Some(message) = self.main.take_due(now) {
            match message.state {
                State::Scheduled(at) => self.activate(message, at),
                State::Locked { .. } => {
                    self.counts.lapsed += 1;
                    self.let_go(message);
                }
                State::Active => self.expire(message),
            }
        }
        while let Some(message) = self.dead.take_due(now) {
            self.counts.lapsed += 1;
            self.let_go(message);
        }
        let window = signed(self.spec.duplicates);
        while self.seen_order.front().is_some_and(|(at, _)| later(*at, window) <= now) {
            if let Some((_, id)) = self.seen_order.pop_front() {
                self.seen.remove(&id);
            }
        }
    }

    /// A scheduled message is appended as if it had been sent when it fell due,
    /// with a new sequence number
    /// (learn.microsoft.com/azure/service-bus-messaging/message-sequencing).
    fn activate(&mut self, mut message: Message, at: Timestamp) {
        self.sequence += 1;
        message.sequence = self.sequence;
        message.enqueued = at;
        message.state = State::Active;
        self.main.put(message);
    }

    /// A lock has ended without completion. What has expired meanwhile falls due
    /// at once.
    fn let_go(&mut self, mut message: Message) {
        message.state = State::Active;
        if message.dead.is_some() {
            self.dead.put(message);
        } else if message.deliveries >= self.spec.max_delivery {
            let description = format!("Message could not be consumed after {} delivery attempts.", message.deliveries);
            self.bury(message, "MaxDeliveryCountExceeded", description);
        } else {
            self.main.put(message);
        }
    }

    fn expire(&mut self, message: Message) {
        self.bury(message, "TTLExpiredException", "The message expired and was dead lettered.".to_owned());
    }

    fn bury(&mut self, mut message: Message, reason: &'static str, description: String) {
        message.state = State::Active;
        message.dead = Some((reason, description));
        self.counts.dead_lettered += 1;
        self.dead.put(message);
    }

    /// Counts and settings as JSON. What is active can be received now.
    pub(crate) fn document(&self) -> Value {
        json!({
            "active": self.main.active_count(),
            "scheduled": self.main.scheduled_count(),
            "locked": self.main.locked_count(),
            "dead": self.dead.count(),
            "dead_locked": self.dead.locked_count(),
            "size_bytes": self.size,
            "sent": self.counts.sent,
            "duplicates": self.counts.duplicates,
            "received": self.counts.received,
            "redeliveries": self.counts.redeliveries,
            "completed": self.counts.completed,
            "unlocked": self.counts.unlocked,
            "renewed": self.counts.renewed,
            "lapsed": self.counts.lapsed,
            "dead_lettered": self.counts.dead_lettered,
            "settings": self.spec.document(),
        })
    }
}

fn signed(time: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
