//! The messages of a queue, or of its dead-letter queue, in order, with what
//! happens to each by itself and when. Every operation is O(log n).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::message::{Message, State};

/// Messages in the order of their sequence numbers.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    messages: BTreeMap<u64, Message>,
    active: BTreeSet<u64>,
    /// When a message falls due, loses its lock, or expires.
    due: BTreeSet<(Timestamp, u64)>,
    locks: HashMap<String, u64>,
    scheduled: usize,
}

impl Shelf {
    pub(crate) fn put(&mut self, message: Message) {
        let sequence = message.sequence;
        match &message.state {
            State::Active => drop(self.active.insert(sequence)),
            State::Scheduled(_) => self.scheduled += 1,
            State::Locked { token, .. } => drop(self.locks.insert(token.clone(), sequence)),
        }
        self.due.extend(next(&message).map(|at| (at, sequence)));
        self.messages.insert(sequence, message);
    }

    pub(crate) fn take(&mut self, sequence: u64) -> Option<Message> {
        let message = self.messages.remove(&sequence)?;
        match &message.state {
            State::Active => drop(self.active.remove(&sequence)),
            State::Scheduled(_) => self.scheduled -= 1,
            State::Locked { token, .. } => drop(self.locks.remove(token)),
        }
        if let Some(at) = next(&message) {
            self.due.remove(&(at, sequence));
        }
        Some(message)
    }

    /// Takes the first message that may be received.
    pub(crate) fn take_first(&mut self) -> Option<Message> {
        let first = *self.active.first()?;
        self.take(first)
    }

    /// Takes a message for which something is due.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<Message> {
        let (at, sequence) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.take(sequence)
    }

    /// The sequence number of a locked message, if its id or number agrees.
    pub(crate) fn locked(&self, message: &str, token: &str) -> Option<u64> {
        let sequence = *self.locks.get(token)?;
        let named = message.parse() == Ok(sequence) || self.messages.get(&sequence)?.message_id == message;
        named.then_some(sequence)
    }

    /// The sequence numbers of all locked messages.
    pub(crate) fn all_locked(&self) -> Vec<u64> {
        self.locks.values().copied().collect()
    }

    /// When something happens next without anybody asking.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(crate) fn active_count(&self) -> usize {
        self.active.len()
    }

    pub(crate) fn scheduled_count(&self) -> usize {
        self.scheduled
    }

    pub(crate) fn locked_count(&self) -> usize {
        self.locks.len()
    }

    pub(crate) fn count(&self) -> usize {
        self.messages.len()
    }
}

/// When something happens to a message by itself. One that is held does not
/// expire before it is let go.
fn next(message: &Message) -> Option<Timestamp> {
    match message.state {
        State::Active => message.expires(),
        State::Scheduled(at) => Some(at),
        State::Locked { until, .. } => Some(until),
    }
}
