//! What travels between the Functions host and a custom handler, in both directions.
//!
//! The host encodes inconsistently: one value arrives as an object, another as a string that holds JSON, a queue
//! message as a string that holds a JSON string that holds JSON. Everything here undoes that once, so that a handler
//! never sees it. This module does no I/O.

mod answer;
mod decode;
mod http;
mod json;
mod judge;
mod metadata;
mod timer;

#[cfg(test)]
mod tests;

pub(crate) use self::http::is_binary;
pub use self::http::{AnswerBody, HttpAnswer, HttpRequest};
pub use answer::{Failure, MAX_FAILURE_CHARS, MAX_LOG_LINES, Outcome};
pub use decode::{Invocation, WireError};
pub use judge::{Answer, Verdict, judge};
pub use metadata::{Metadata, RetryContext};
pub use timer::{ScheduleStatus, TimerInfo};

/// The header that carries the id of the invocation.
pub const INVOCATION_ID: &str = "x-azure-functions-invocationid";

/// The header that carries the version of the host.
pub const HOST_VERSION: &str = "x-azure-functions-hostversion";

/// The W3C trace context the host may send along.
pub const TRACEPARENT: &str = "traceparent";

/// The application property that carries a message's trace context, as the Azure SDKs name it.
pub const TRACE_PROPERTY: &str = "Diagnostic-Id";
