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
    /// The W3C trace context it was sent in.
    pub traceparent: Option<String>,
}

impl Outgoing {
    /// A message to deliver at once.
    pub fn new(id: impl Into<String>, body: impl Into<String>) -> Self {
        Self { id: id.into(), body: body.into(), not_before: None, traceparent: None }
    }
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
    /// The W3C trace context it was sent in.
    pub traceparent: Option<String>,
    /// Why it is a dead letter, or the last reason somebody gave for abandoning it, as far as the broker keeps one.
    pub reason: Option<String>,
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

/// Queues by name, and beside each its [dead-letter queue](dead_letter_queue), to which a message goes that was delivered
/// too often. What is received from there is settled in the same way, and never given up again.
#[async_trait]
pub trait Queues: Send + Sync + 'static {
    /// Sends messages in their order. Ids seen within the duplicate-detection window are dropped. After an error some
    /// of them may be in the queue: send all of them again.
    async fn send(&self, queue: &str, messages: Vec<Outgoing>) -> Result<(), QueueError>;

    /// Takes at most `max` messages, each locked for `lock_for` (a broker may have its own duration, set with the
    /// queue); waits up to `wait` for the first one.
    async fn receive(
        &self,
        queue: &str,
        max: usize,
        lock_for: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, QueueError>;

    /// Removes the message: its work is done.
    async fn complete(&self, lock: &Lock) -> Result<(), QueueError>;

    /// Gives the message back, to be delivered again after `delay`; `reason` is kept with it if the broker can.
    async fn abandon(&self, lock: &Lock, delay: Duration, reason: &str) -> Result<(), QueueError>;

    /// Extends the lock by `lock_for` from now.
    async fn renew(&self, lock: &Lock, lock_for: Duration) -> Result<Timestamp, QueueError>;
}

/// What a dead-letter queue's name ends with, as Service Bus has it.
pub const DEAD_LETTER_SUFFIX: &str = "/$deadletterqueue";

/// The queue that keeps what `queue` gave up.
#[must_use]
pub fn dead_letter_queue(queue: &str) -> String {
    format!("{queue}{DEAD_LETTER_SUFFIX}")
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
