//! What is wrong with who may do what, how bad it is, and what mends it.
//!
//! [`audit`] runs every [`Rule`] of the chosen families over the facts and returns an [`AuditReport`]. A rule passes
//! only if everything it depends on was read; what could not be read makes it unknown, never fine. What persons expect,
//! allow for a while or demand besides stands in the [`AuditPolicy`].

mod completeness;
mod context;
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

pub use context::Audit;
pub use finding::{Evidence, Finding, Fix, Severity, Violation, fingerprint};
pub use judge::{audit, rules_of};
pub use policy::{AuditPolicy, CustomRule, Exemption, Expected, Must, Thresholds};
pub use report::{AuditReport, Named, RuleResult, Summary, Verdict};
pub use rule::{Family, Outcome, Rule};
