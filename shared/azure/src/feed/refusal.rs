//! What an answer of the feed that is no success means, in words.

use crate::answers::{error_text, safe};
use crate::versions::FEED_CLIENT_TOO_OLD;
use poolwarden_domain::{Unreadable, Why};

/// An answer other than success, a redirect or a wait.
pub(super) enum Refusal {
    /// The token was not accepted.
    NotAccepted,
    /// There is no such thing.
    Absent(String),
    /// Trying again can help.
    Passing(String),
    /// Trying again cannot.
    Lasting(Unreadable),
}

/// Reads a refusal. `user_agent` is what the request said it is.
pub(super) fn in_words(status: u16, body: &[u8], user_agent: &str) -> Refusal {
    match status {
        401 => Refusal::NotAccepted,
        403 => {
            let advice =
                "check that the account is assigned to an application group there, and that its license covers it";
            Refusal::Lasting(Unreadable::new(Why::Forbidden, format!("403 {}; {advice}", error_text(body))))
        }
        404 | 410 => Refusal::Absent(format!("{status} {}", error_text(body))),
        400 | 406 | 412 | 426 if says_too_old(body) => {
            let text = format!(
                "{status} {FEED_CLIENT_TOO_OLD}: the service does not take the client that is named now, `{}`; \
                 set `user_agent` of the connection to what a current client sends",
                safe(user_agent, 100)
            );
            Refusal::Lasting(Unreadable::new(Why::Failed, text))
        }
        408 | 500 | 502 | 503 | 504 => Refusal::Passing(format!("{status} {}", error_text(body))),
        _ => Refusal::Lasting(Unreadable::new(Why::Failed, format!("{status} {}", error_text(body)))),
    }
}

fn says_too_old(body: &[u8]) -> bool {
    body.windows(FEED_CLIENT_TOO_OLD.len()).any(|part| part == FEED_CLIENT_TOO_OLD.as_bytes())
}
