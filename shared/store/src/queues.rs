//! The port for messages: at-least-once delivery with a lock, duplicate detection by id, and a dead-letter queue.

use async_trait::async_trait;
use jiff::Timestamp;
use std::time::Duration;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Derived from state, so that a second attempt to send is recognised as the same message.
    pub id: String,
    /// JSON text.
    pub body: String,
    /// Not delivered before this time.
    pub not_before: Option<Timestamp>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Messages now in the queue.
    pub accepted: usize,
    /// Messages dropped because their id was seen within the duplicate-detection window.
    pub duplicates: usize,
}

/// The right to settle one delivery, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The queue the message came from.
    pub queue: String,
    /// Opaque.
    pub token: String,
}

/// A message as it was received.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The sender's id.
    pub id: String,
    /// JSON text.
    pub body: String,
    /// 1 on the first delivery.
    pub delivery_count: u32,
    /// The broker's number of this message within its queue.
    pub sequence: i64,
    /// When it was sent.
    pub enqueued_at: Timestamp,
    /// When the lock runs out unless it is renewed.
    pub locked_until: Timestamp,
    /// What settles this delivery.
    pub lock: Lock,
}

/// A message that was given up, kept with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The sender's id.
    pub id: String,
    /// The body as it was received.
    pub body: String,
    /// Why it was given up, for a person: the error and its causes.
    pub reason: String,
    /// How often it was delivered.
    pub delivery_count: u32,
    /// When it was first sent.
    pub enqueued_at: Timestamp,
    /// When it was given up.
    pub dead_at: Timestamp,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Receivable now.
    pub ready: u64,
    /// Waiting for their time.
    pub scheduled: u64,
    /// With a receiver.
    pub locked: u64,
    /// Given up.
    pub dead: u64,
}

/// Why a queue refused.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The lock expired or the message was settled already: whoever holds it now decides.
    #[error("the lock on a message of queue {queue} was lost before it was settled")]
    LockLost {
        /// The queue.
        queue: String,
    },
    /// The message is larger than the limit.
    #[error("message {id} for queue {queue} has {size_bytes} bytes, more than the limit of {limit_bytes}")]
    TooLarge {
        /// The queue.
        queue: String,
        /// The message.
        id: String,
        /// Its size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The name of the queue or the id of a message is one that no broker takes. The same call fails again.
    #[error("{name:?} cannot name a queue or a message: {problem}")]
    InvalidName {
        /// The refused name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The broker itself failed; the same call may succeed later.
    #[error("the queue {queue} could not {action}")]
    Unavailable {
        /// The queue.
        queue: String,
        /// What was attempted.
        action: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Queues by name. A queue exists as soon as something is sent to it.
#[async_trait]
pub trait Queues: Send + Sync + 'static {
    /// Sends a batch, all or nothing. Ids seen within the window are dropped and counted.
    async fn send(&self, queue: &str, messages: Vec<Outgoing>) -> Result<Receipt, QueueError>;

    /// Takes at most `max` messages, each locked for `lock_for`; waits up to `wait` for the first one.
    async fn receive(
        &self,
        queue: &str,
        max: usize,
        lock_for: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError>;

    /// Removes the message: its work is done.
    async fn complete(&self, lock: &Lock) -> Result<(), QueueError>;

    /// Gives the message back, to be delivered again after `delay`; `reason` is kept for its dead letter.
    async fn abandon(&self, lock: &Lock, delay: Duration, reason: &str) -> Result<(), QueueError>;

    /// Extends the lock by `lock_for` from now.
    async fn renew(&self, lock: &Lock, lock_for: Duration) -> Result<Timestamp, QueueError>;

    /// Moves the message to the dead letters with the reason.
    async fn dead_letter(&self, lock: &Lock, reason: &str) -> Result<(), QueueError>;

    /// Records a dead letter for a message whose lock is not at hand: a handler under the Functions host can only
    /// acknowledge or fail. Burying the same id twice keeps one.
    async fn bury(&self, queue: &str, letter: DeadLetter) -> Result<(), QueueError>;

    /// The oldest `limit` dead letters of a queue.
    async fn dead_letters(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, QueueError>;

    /// Gives a dead letter another life: it goes back to its queue, ready at once, with no deliveries counted and
    /// past duplicate detection. False if there is no such dead letter.
    async fn revive(&self, queue: &str, id: &str) -> Result<bool, QueueError>;

    /// Forgets a dead letter for good. False if there is no such dead letter.
    async fn discard(&self, queue: &str, id: &str) -> Result<bool, QueueError>;

    /// How full the queue is.
    async fn depth(&self, queue: &str) -> Result<Depth, QueueError>;
}

/// The largest message any queue takes: 256 KiB less room for its properties, as Service Bus' standard tier has it.
pub const MAX_MESSAGE_BYTES: usize = 192 << 10;

/// The longest id of a message, and the longest name of a queue: 128 characters, as Service Bus has it for ids.
pub const MAX_NAME_CHARS: usize = 128;

/// The longest reason kept with a message, as Service Bus has it: 4,096 bytes. A longer one is cut.
pub const MAX_REASON_BYTES: usize = 4096;

/// Refuses what no broker takes as the name of a queue or the id of a message. Every implementation calls this, so
/// that what works on one machine works in Azure.
pub fn check_name(name: &str) -> Result<(), QueueError> {
    let problem = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > MAX_NAME_CHARS {
        "it is longer than 128 characters"
    } else if name.chars().any(char::is_control) {
        "it has control characters"
    } else {
        return Ok(());
    };
    Err(QueueError::InvalidName { name: name.to_owned(), problem })
}

/// Refuses a batch with a message that no broker takes. Every implementation calls this before it sends.
pub fn check_batch(queue: &str, messages: &[Outgoing]) -> Result<(), QueueError> {
    check_name(queue)?;
    for message in messages {
        check_name(&message.id)?;
        check_size(queue, &message.id, &message.body)?;
    }
    Ok(())
}

/// Refuses a body over [`MAX_MESSAGE_BYTES`].
pub fn check_size(queue: &str, id: &str, body: &str) -> Result<(), QueueError> {
    if body.len() <= MAX_MESSAGE_BYTES {
        return Ok(());
    }
    Err(QueueError::TooLarge {
        queue: queue.to_owned(),
        id: id.to_owned(),
        size_bytes: body.len(),
        limit_bytes: MAX_MESSAGE_BYTES,
    })
}

/// The reason as it is kept: at most [`MAX_REASON_BYTES`], cut between two characters.
pub fn cut_reason(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_REASON_BYTES)]
}
