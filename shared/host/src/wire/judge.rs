//! What the host makes of a handler's answer.
//!
//! The embedded host uses this to behave as the real one does, so that an answer Azure would refuse, or hang on, is
//! refused on the first machine it runs on.

use super::answer::bounded;
use ::http::StatusCode;
use serde_json::{Map, Value};

/// A successful answer, taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// By output binding.
    pub outputs: Map<String, Value>,
    /// Lines for the host's log.
    pub logs: Vec<String>,
}

/// The host's verdict.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The invocation succeeded.
    Success(Answer),
    /// It failed, with the reason.
    Failed(String),
    /// The real host would neither complete nor fail it, and wait for functionTimeout.
    NeverCompletes(String),
}

/// Judges the answer to `POST /{function}`.
pub fn judge(status: StatusCode, content_type: Option<&str>, body: &[u8]) -> Verdict {
    if !status.is_success() {
        return Verdict::Failed(failure_text(status, body));
    }
    let trimmed = body.trim_ascii();
    if status == StatusCode::NO_CONTENT || trimmed.is_empty() || trimmed == b"null" {
        return Verdict::NeverCompletes(format!("status {status} without the answer object"));
    }
    let media = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media != "application/json" && media != "text/json" {
        return Verdict::Failed(format!("unsupported media type {media:?}"));
    }
    match serde_json::from_slice(trimmed) {
        Ok(Value::Object(entries)) => take_apart(entries),
        Ok(_) | Err(_) => Verdict::Failed(format!(
            "the answer with status {status} is not a JSON object: {}",
            bounded(&String::from_utf8_lossy(trimmed))
        )),
    }
}

fn take_apart(entries: Map<String, Value>) -> Verdict {
    let mut answer = Answer::default();
    for (name, value) in entries {
        if value.is_null() {
            continue;
        }
        if name.eq_ignore_ascii_case("outputs") {
            let Value::Object(outputs) = value else {
                return Verdict::Failed("the answer's Outputs are not an object".into());
            };
            answer.outputs = outputs;
        } else if name.eq_ignore_ascii_case("logs") {
            let Ok(logs) = serde_json::from_value(value) else {
                return Verdict::Failed("the answer's Logs are not a list of strings".into());
            };
            answer.logs = logs;
        }
    }
    Verdict::Success(answer)
}

/// Our own `{"error": "…"}` if it is that, else the status and what was answered.
fn failure_text(status: StatusCode, body: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    match parsed.as_ref().and_then(|value| value["error"].as_str()) {
        Some(text) => bounded(text),
        None => bounded(&format!("status {status}: {}", String::from_utf8_lossy(body))),
    }
}
