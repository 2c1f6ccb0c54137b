//! What a handler gives back, and how it is put on the wire.

use super::{HttpAnswer, WireError};
use serde_json::{Value, json};

/// The longest failure text that is answered; the rest is cut off. It ends up in the reason of a dead letter, which
/// brokers limit to 4096 bytes.
pub const MAX_FAILURE_CHARS: usize = 1000;

/// The most log lines of one answer; a last line says how many more there were.
pub const MAX_LOG_LINES: usize = 200;

/// What a successful invocation gives back.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Nothing but log lines for the host.
    Done {
        /// Lines for the host's log.
        logs: Vec<String>,
    },
    /// The answer to an HTTP request.
    Http {
        /// The name of the `http` output binding in function.json.
        binding: String,
        /// The answer.
        answer: HttpAnswer,
        /// Lines for the host's log.
        logs: Vec<String>,
    },
}

impl Outcome {
    /// Done, with nothing to say.
    pub fn done() -> Self {
        Self::Done { logs: Vec::new() }
    }

    /// The answer to an HTTP request, through the `http` output binding of that name.
    pub fn http(binding: impl Into<String>, answer: HttpAnswer) -> Self {
        Self::Http { binding: binding.into(), answer, logs: Vec::new() }
    }

    /// The same with one more line for the host's log.
    #[must_use]
    pub fn with_log(mut self, line: impl Into<String>) -> Self {
        match &mut self {
            Self::Done { logs } | Self::Http { logs, .. } => logs.push(line.into()),
        }
        self
    }

    /// The full object the host wants. Less than it, such as an empty body, would leave the invocation open until
    /// its timeout; and an output is always an object, since the host takes any other string for base64 if it can.
    pub fn encode(&self) -> Value {
        let (outputs, logs) = match self {
            Self::Done { logs } => (json!({}), logs),
            Self::Http { binding, answer, logs } => (json!({ binding: answer.encode() }), logs),
        };
        let mut lines: Vec<&str> = logs.iter().take(MAX_LOG_LINES).map(String::as_str).collect();
        let more = logs.len().checked_sub(MAX_LOG_LINES).filter(|&more| more > 0);
        let more = more.map(|more| format!("… and {more} more lines"));
        lines.extend(more.as_deref());
        json!({ "Outputs": outputs, "Logs": lines, "ReturnValue": null })
    }
}

/// A failed invocation: the host gives the message back, retries the timer or answers 500.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why, for a person. It is answered, logged and kept with dead letters: the caller keeps secrets out of it.
    pub message: String,
}

impl Failure {
    /// A failure with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// A failure with the text of an error and of all its causes.
    pub fn caused_by(error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self { message }
    }

    /// The answer's body: `{"error": "…"}`, within [`MAX_FAILURE_CHARS`].
    pub fn encode(&self) -> Value {
        json!({ "error": bounded(&self.message) })
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::caused_by(&error)
    }
}

/// `text` cut to [`MAX_FAILURE_CHARS`], with a mark where it was cut.
pub(crate) fn bounded(text: &str) -> String {
    match text.char_indices().nth(MAX_FAILURE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
