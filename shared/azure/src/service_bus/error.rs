//! What the namespace answers besides success, and what to do about it.

use super::Received;
use crate::answers::error_text;
use crate::rate_headers::retry_after;
use crate::sign_in::SignInError;
use jiff::Timestamp;
use poolwarden_store::QueueError;
use std::time::Duration;

/// What a 403 says of a message that is too large.
const MESSAGE_SIZE_EXCEEDED: &str = "MessageSizeExceeded";

/// Shorthand for an answer of the namespace.
pub(super) type Answer<T> = Result<T, ServiceBusError>;

/// Why the namespace did not do what it was asked. Says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ServiceBusError {
    /// There is no token for it.
    #[error("signing in to Service Bus failed")]
    SignIn(#[source] SignInError),
    /// 401: the token is refused, or allows less.
    #[error(
        "401: the identity may not do this ({0}); assign it Azure Service Bus Data Sender and Data Receiver on the \
         namespace or its queues, and wait some minutes for that to take effect"
    )]
    Unauthorized(String),
    /// 403: a quota is used up, or the network rules keep this machine out.
    #[error(
        "403: refused ({0}); see whether the queue has reached its maximum size, whether its dead-letter queue is \
         full, and whether the namespace's network rules let this machine in"
    )]
    Forbidden(String),
    /// 404, 409 or 410: no such queue, or no such lock any more.
    #[error(
        "{status}: there is no such queue ({text}); deploy infra/, which creates every queue that a function names"
    )]
    Gone {
        /// The status.
        status: u16,
        /// What the answer says.
        text: String,
    },
    /// 413, or 403 with that reason: too large for the namespace's tier.
    #[error("the message is too large for the namespace ({0})")]
    TooLarge(String),
    /// 429: too much for the namespace's tier at the moment.
    #[error("429: the namespace is asked too much ({text}); it is tried again, and more throughput needs another tier")]
    Throttled {
        /// What the answer says.
        text: String,
        /// How long to wait.
        wait: Option<Duration>,
    },
    /// 5xx: the service failed.
    #[error("{status}: Service Bus failed ({text}); it is tried again")]
    Failed {
        /// The status.
        status: u16,
        /// What the answer says.
        text: String,
        /// How long to wait.
        wait: Option<Duration>,
    },
    /// Any other refusal: a mistake of this program.
    #[error("{status}: the request was refused ({text}); please report this")]
    Refused {
        /// The status.
        status: u16,
        /// What the answer says.
        text: String,
    },
    /// No answer.
    #[error("Service Bus is out of reach: {0}; check the namespace's name, DNS and the firewall")]
    Unreachable(String),
    /// An answer that is none of the documented ones.
    #[error("Service Bus gave an answer that cannot be understood: {0}")]
    Malformed(String),
}

impl ServiceBusError {
    pub(super) fn of(received: &Received) -> Self {
        let text = error_text(&received.body);
        let wait = retry_after(&received.headers, Timestamp::now());
        match received.status {
            401 => Self::Unauthorized(text),
            403 if contains(&received.body, MESSAGE_SIZE_EXCEEDED) => Self::TooLarge(text),
            403 => Self::Forbidden(text),
            status @ (404 | 409 | 410) => Self::Gone { status, text },
            413 => Self::TooLarge(text),
            429 => Self::Throttled { text, wait },
            status @ (408 | 500..=599) => Self::Failed { status, text, wait },
            status => Self::Refused { status, text },
        }
    }

    /// Whether the same request may succeed in a moment.
    pub(super) fn is_worth_repeating(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Throttled { .. } | Self::Failed { .. } => true,
            Self::SignIn(error) => matches!(error, SignInError::Unreachable(_)),
            _ => false,
        }
    }

    /// How long the namespace asks to wait.
    pub(super) fn wait_asked(&self) -> Option<Duration> {
        match self {
            Self::Throttled { wait, .. } | Self::Failed { wait, .. } => *wait,
            _ => None,
        }
    }

    pub(crate) fn of_queue(self, queue: &str, action: &'static str) -> QueueError {
        QueueError::Unavailable { queue: queue.to_owned(), action, source: Box::new(self) }
    }
}

fn contains(body: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(body).contains(text)
}
