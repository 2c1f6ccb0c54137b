//! What is wrong with who may do what, how bad it is, and what mends it.
//!
//! [`audit`] runs every [`Rule`] of the chosen families over the facts and returns an [`AuditReport`]. A rule passes
//! only if everything it depends on was read; what could not be read makes it unknown, never fine. What persons expect,
//! allow for a while or demand besides stands in the [`AuditPolicy`].

mod baseline;
mod completeness;
mod context;
mod custom;
mod exemptions;
mod faults;
mod finding;
pub mod fix;
mod judge;
pub mod permissions;
mod policy;
pub mod posture;
mod report;
mod rule;
pub mod rules;
#[cfg(test)]
pub(crate) mod testing;
mod tidy;
mod trend;

pub use baseline::{Comparison, compare, fails};
pub use context::Audit;
pub use faults::{MAX_CUSTOM_RULES, MAX_ENTRIES, MAX_NAME_BYTES};
pub use finding::{Evidence, Finding, Fix, Severity, Violation, fingerprint};
pub use judge::{MAX_REASONS, audit, rules_of};
pub use policy::{AuditPolicy, CustomRule, Exemption, Expected, Must, Thresholds};
pub use report::{AuditReport, ExemptionResult, ExemptionState, Named, RuleResult, Summary, Verdict};
pub use rule::{Family, Outcome, Rule};
pub use tidy::{MAX_EVIDENCE, MAX_TEXT_CHARS};
pub use trend::{MAX_TRENDS, Trend, Trends};
