//! What a timer trigger says.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

/// The value of a `timerTrigger` binding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TimerInfo {
    /// Whether this tick should have come earlier, and something kept the host from it.
    #[serde(rename = "IsPastDue", default)]
    pub is_past_due: bool,
    /// The schedule's recent and coming ticks. The host sends `null` for a timer it does not monitor.
    #[serde(rename = "ScheduleStatus", default)]
    pub status: Option<ScheduleStatus>,
}

/// When a monitored timer ran and will run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScheduleStatus {
    /// The start of the previous run; nothing before the first.
    #[serde(default, deserialize_with = "time")]
    pub last: Option<Timestamp>,
    /// The next tick.
    #[serde(default, deserialize_with = "time")]
    pub next: Option<Timestamp>,
    /// When this was written.
    #[serde(default, deserialize_with = "time")]
    pub last_updated: Option<Timestamp>,
}

/// A time with or without a zone (then UTC). .NET's year 1 stands for "never".
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    if text.starts_with("0001-01-01") {
        return Ok(None);
    }
    let zoned = text.parse::<Timestamp>();
    zoned.or_else(|_| format!("{text}Z").parse()).map(Some).map_err(serde::de::Error::custom)
}
