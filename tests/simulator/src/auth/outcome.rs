//! A refusal of Entra's as it is printed; what each code means is in `codes`.

use jiff::Timestamp;
use serde_json::json;

use super::codes::{INVALID_GRANT, ROWS};
use crate::{
    dice::{guid, hash},
    reply::Reply,
    request::Request,
};

/// A refusal by its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(super) code: u32,
    message: Option<String>,
}

impl Refused {
    /// In the table's words.
    pub(super) fn code(code: u32) -> Self {
        Self { code, message: None }
    }

    /// In other words.
    pub(super) fn worded(code: u32, message: String) -> Self {
        Self { code, message: Some(message) }
    }

    /// As Entra prints it; a code that is not in the table is an
    /// `invalid_grant`.
    pub(super) fn reply(&self, request: &Request, now: Timestamp) -> Reply {
        let unknown = (self.code, 400, INVALID_GRANT, "", "The request is refused.");
        let row = ROWS.iter().find(|(code, ..)| *code == self.code).unwrap_or(&unknown);
        let (code, status, error, suberror, message) = *row;
        let message = self.message.as_deref().unwrap_or(message);
        let timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let trace = text_guid(&format!("{message}{timestamp}"));
        let sent = request.header("client-request-id").map(str::to_owned);
        let correlation = sent.unwrap_or_else(|| text_guid(&timestamp));
        let mut body = json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {message}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}"
            ),
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        if !suberror.is_empty() {
            body["suberror"] = json!(suberror);
        }
        let reply = Reply::json(status, &body);
        match status {
            429 | 503 => reply.with("retry-after", "1"),
            _ => reply,
        }
    }
}

/// A GUID that depends on a text.
pub(super) fn text_guid(text: &str) -> String {
    guid(hash(3, text), hash(4, text))
}
