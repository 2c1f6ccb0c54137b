//! Refusals of the namespace: `<Error><Code>…</Code><Detail>…</Detail></Error>`.
//!
//! The statuses are those of the pages "Send Message", "Send Message Batch",
//! "Peek-Lock Message (Non-Destructive Read)", "Receive and Delete Message
//! (Destructive Read)", "Delete Message", "Unlock Message" and "Renew-Lock for
//! a Message" below learn.microsoft.com/rest/api/servicebus. They name 410 for
//! a queue that does not exist, 404 for a message that is not found by its id
//! or lock token (an expired lock is one: it has no status of its own there),
//! and 403 for what is too large as for a full queue. The words
//! are ours, but for the names of errors that clients look for.

use jiff::Timestamp;

use crate::{auth::token::TokenFault, reply::Reply};

/// Why a request is refused.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    BadRequest(String),
    Token(TokenFault),
    /// A shared access signature, which the namespace does not take.
    Signature,
    Forbidden,
    TooLarge {
        size: u64,
        limit: u64,
    },
    QuotaExceeded {
        queue: String,
        limit: u64,
    },
    /// With the status that the queue is set to answer.
    LockLost(u16),
    MethodNotAllowed,
    NoQueue(String),
    Throttled,
    Busy,
}

impl Refusal {
    fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::Token(_) | Self::Signature => 401,
            Self::Forbidden | Self::TooLarge { .. } | Self::QuotaExceeded { .. } => 403,
            Self::LockLost(status) => *status,
            Self::MethodNotAllowed => 405,
            Self::NoQueue(_) => 410,
            Self::Throttled => 429,
            Self::Busy => 503,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::BadRequest(what) => format!("The request is invalid: {what}."),
            Self::Token(TokenFault::Missing) => "MissingToken: The authorization header was not found".to_owned(),
            Self::Token(TokenFault::Invalid) => "MalformedToken: The credentials are not a valid token".to_owned(),
            Self::Token(TokenFault::Expired) => "ExpiredToken: The token is expired".to_owned(),
            Self::Token(TokenFault::WrongAudience) => {
                "InvalidAudience: The token has an invalid audience: https://servicebus.azure.net is required"
                    .to_owned()
            }
            Self::Signature => {
                "LocalAuthDisabled: Authorization by shared access signature is disabled on this namespace".to_owned()
            }
            Self::Forbidden => "Unauthorized access. A claim is required to perform this operation".to_owned(),
            Self::TooLarge { size, limit } => {
                format!("MessageSizeExceeded: The request of {size} bytes exceeds the limit of {limit} bytes")
            }
            Self::QuotaExceeded { queue, limit } => {
                format!("QuotaExceeded: The queue '{queue}' has reached its maximum size of {limit} bytes")
            }
            Self::LockLost(_) => {
                "MessageLockLost: No message was found with the specified MessageId or LockToken: the lock has expired, or the message is settled".to_owned()
            }
            Self::MethodNotAllowed => "The specified HTTP verb is not valid here".to_owned(),
            Self::NoQueue(name) => format!("The messaging entity '{name}' could not be found"),
            Self::Throttled => "ServerBusy: The request was terminated because the entity is being throttled".to_owned(),
            Self::Busy => "ServerBusy: The server cannot handle the request at this time".to_owned(),
        }
    }

    /// The answer, with what Azure's support asks for in it.
    pub(crate) fn reply(&self, tracking: &str, now: Timestamp) -> Reply {
        let status = self.status();
        let detail = escape(&self.detail());
        let time = now.strftime("%Y-%m-%dT%H:%M:%S");
        let body = format!(
            "<Error><Code>{status}</Code><Detail>{detail}. TrackingId:{tracking}_G0, SystemTracker:simulated, Timestamp:{time}</Detail></Error>"
        );
        let reply = Reply::bytes(status, "application/xml; charset=utf-8", body.into());
        match self {
            Self::Token(_) | Self::Signature => reply.with("www-authenticate", "Bearer"),
            Self::MethodNotAllowed => reply.with("allow", "POST, DELETE, PUT"),
            _ => reply,
        }
    }
}

fn escape(text: &str) -> String {
    text.trim_end_matches('.').replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
