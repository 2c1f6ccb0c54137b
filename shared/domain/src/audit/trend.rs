//! How the numbers went from audit to audit.

use super::finding::Severity;
use super::report::{AuditReport, Summary, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The most audits of which the numbers are kept: a year of daily ones, and some.
pub const MAX_TRENDS: usize = 400;

/// The numbers of one audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Trend {
    /// When its facts were read.
    pub at: Timestamp,
    /// Its numbers.
    #[serde(flatten)]
    pub summary: Summary,
}

impl From<&AuditReport> for Trend {
    fn from(report: &AuditReport) -> Self {
        Self { at: report.read_at, summary: report.summary.clone() }
    }
}

impl Trend {
    /// How many findings of a severity there were, exempt ones not counted.
    pub fn findings(&self, severity: Severity) -> usize {
        self.summary.findings.get(&severity).copied().unwrap_or_default()
    }

    /// How many rules had a verdict.
    pub fn rules(&self, verdict: Verdict) -> usize {
        self.summary.rules.get(&verdict).copied().unwrap_or_default()
    }
}

/// The numbers of the latest audits, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Trends {
    runs: Vec<Trend>,
}

impl Trends {
    /// Adds an audit in its place. One of the same time takes the other's; beyond [`MAX_TRENDS`] the oldest go.
    pub fn record(&mut self, trend: Trend) {
        self.runs.retain(|run| run.at != trend.at);
        self.runs.push(trend);
        self.runs.sort_by_key(|run| run.at);
        let excess = self.runs.len().saturating_sub(MAX_TRENDS);
        self.runs.drain(..excess);
    }

    /// The audits, the oldest first.
    pub fn runs(&self) -> &[Trend] {
        &self.runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin;
    use crate::audit::testing::{Estate, S1};
    use crate::testing::at;

    fn trend(second: i64, exempt: usize) -> Trend {
        Trend { at: at(second), summary: Summary { exempt, ..Summary::default() } }
    }

    #[test]
    fn an_audits_numbers_are_kept() {
        let report = Estate::clean().user("ann").assign("ann", builtin::USER_ACCESS_ADMINISTRATOR, S1).report();
        let trend = Trend::from(&report);
        assert_eq!((trend.findings(Severity::High), trend.findings(Severity::Medium)), (2, 1));
        assert_eq!((trend.findings(Severity::Critical), trend.rules(Verdict::Fail)), (0, 3));
        let text = serde_json::to_string(&trend).unwrap();
        assert_eq!(serde_json::from_str::<Trend>(&text).unwrap(), trend, "{text}");
    }

    #[test]
    fn they_stand_in_the_order_of_time_and_the_same_time_counts_once() {
        let mut trends = Trends::default();
        for (second, exempt) in [(3, 0), (1, 0), (2, 0), (1, 7)] {
            trends.record(trend(second, exempt));
        }
        assert_eq!(trends.runs(), [trend(1, 7), trend(2, 0), trend(3, 0)]);
    }

    #[test]
    fn only_the_latest_are_kept() {
        let mut trends = Trends::default();
        for second in 0..MAX_TRENDS as i64 + 5 {
            trends.record(trend(second, 0));
        }
        assert_eq!(trends.runs().len(), MAX_TRENDS);
        assert_eq!(trends.runs()[0].at, at(5));
        trends.record(trend(0, 0));
        assert_eq!(trends.runs()[0].at, at(5));
    }
}
