//! The result of looking at one scope: what is there, or why nobody can say.
//!
//! "Unknown" is a result of its own, and it is never read as "empty": it retires no package and passes no rule.

use crate::ArmId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What was read from a scope, or why it is unknown.
pub type Reading<T> = Result<T, Unreadable>;

/// Why a scope could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The caller may not read it (403), or its sign-in was not accepted (401).
    Forbidden,
    /// A deny assignment keeps the caller from reading it, whatever roles it has.
    Denied,
    /// The service asked to wait for longer than a run can (429).
    Throttled,
    /// No usable answer: the service failed, was out of reach, or the connection broke.
    Failed,
    /// An answer that cannot be understood.
    Malformed,
    /// An answer that is too large for the limits set here.
    TooLarge,
    /// The input holds nothing about it (offline input only).
    Missing,
    /// The service is no more: Azure Virtual Desktop (classic). What it published is kept.
    Retired,
}

/// A scope that could not be read: the kind, and the story for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Unreadable {
    /// The kind.
    pub why: Why,
    /// What was asked and what came back, safe to show.
    pub detail: String,
}

impl Unreadable {
    /// A reason with its story.
    pub fn new(why: Why, detail: impl Into<String>) -> Self {
        Self { why, detail: detail.into() }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Why::Forbidden => "forbidden",
            Why::Denied => "denied",
            Why::Throttled => "throttled",
            Why::Failed => "failed",
            Why::Malformed => "malformed",
            Why::TooLarge => "too large",
            Why::Missing => "missing",
            Why::Retired => return write!(f, "retired since {}: {}", crate::classic::RETIRED_SINCE, self.detail),
        };
        write!(f, "{why}: {}", self.detail)
    }
}

impl std::error::Error for Unreadable {}

/// A scope and why it is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UnknownScope {
    /// What could not be read: a subscription, host pool, application group, or a list below one.
    pub scope: ArmId,
    /// Why.
    #[serde(flatten)]
    pub reason: Unreadable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_service_says_since_when() {
        let reason = Unreadable::new(Why::Retired, "410 Gone");
        assert_eq!(reason.to_string(), "retired since 2026-09-30: 410 Gone");
        assert_eq!(serde_json::to_value(reason.why).unwrap(), "retired");
    }
}
