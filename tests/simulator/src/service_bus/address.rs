//! What a path of the namespace addresses.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

const DEAD_LETTERS: &str = "$deadletterqueue";

/// What is addressed below a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// `/messages`: where messages are sent.
    Messages,
    /// `/messages/head`: the next message.
    Head,
    /// `/messages/{messageId|sequenceNumber}/{lockToken}`: a locked message.
    Lock { message: String, token: String },
}

/// A decoded path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The queue's name in lower case: names of entities ignore case.
    pub(crate) queue: String,
    /// Whether its dead-letter queue is meant.
    pub(crate) dead: bool,
    pub(crate) target: Target,
}

impl Address {
    /// Reads the path as it was sent: a message id may hold an encoded slash.
    pub(crate) fn parse(raw: &str) -> Option<Self> {
        let path = raw.split('?').next().unwrap_or(raw).trim_matches('/');
        let segments: Vec<Cow<'_, str>> =
            path.split('/').map(|segment| percent_decode_str(segment).decode_utf8_lossy()).collect();
        let (queue, rest) = segments.split_first()?;
        let (dead, rest) = match rest.split_first() {
            Some((first, rest)) if first.eq_ignore_ascii_case(DEAD_LETTERS) => (true, rest),
            _ => (false, rest),
        };
        let (messages, rest) = rest.split_first()?;
        if queue.is_empty() || !messages.eq_ignore_ascii_case("messages") {
            return None;
        }
        let target = match rest {
            [] => Target::Messages,
            [head] if head.eq_ignore_ascii_case("head") => Target::Head,
            [message, token] => Target::Lock { message: message.to_string(), token: token.to_ascii_lowercase() },
            _ => return None,
        };
        Some(Self { queue: queue.to_ascii_lowercase(), dead, target })
    }

    /// Whether a path belongs to the namespace: no path of the other
    /// interfaces has `messages` in its second place.
    pub(crate) fn is_one(raw: &str) -> bool {
        !raw.starts_with("/_sim/") && Self::parse(raw).is_some()
    }

    /// The path of the queue, or of its dead-letter queue.
    pub(crate) fn entity(&self) -> String {
        if self.dead { format!("{}/{DEAD_LETTERS}", self.queue) } else { self.queue.clone() }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_azure_reads_them() {
        let head = |queue: &str, dead| Some(Address { queue: queue.to_owned(), dead, target: Target::Head });
        assert_eq!(Address::parse("/Acquire_Token/messages/head?timeout=5"), head("acquire_token", false));
        assert_eq!(Address::parse("/q/$DeadLetterQueue/messages/head"), head("q", true));
        assert_eq!(Address::parse("/q/%24deadletterqueue/messages/head"), head("q", true));
        let lock = Address::parse("/q/messages/a%2Fb/ABC").unwrap();
        assert_eq!(lock.target, Target::Lock { message: "a/b".to_owned(), token: "abc".to_owned() });
        for other in ["/", "/q", "/subscriptions/x", "/_sim/messages", "/q/messages/a/b/c", "/msi/token"] {
            assert!(!Address::is_one(other), "{other}");
        }
    }
}
