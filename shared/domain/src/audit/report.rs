//! The result of an audit.

use super::finding::{Finding, Severity};
use super::overview::Reach;
use super::policy::Exemption;
use super::rule::Family;
use crate::access::Coverage;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Something violates it.
    Fail,
    /// Nothing that could be read violates it, and not everything could be read.
    Unknown,
    /// Everything was read, and nothing violates it.
    Pass,
    /// There is nothing it could apply to.
    NotApplicable,
    /// The policy says that it is not run.
    Disabled,
}

/// What became of an exemption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExemptionState {
    /// It lets findings stand.
    Applied,
    /// Its last day is over: what it let stand speaks again.
    Ended,
    /// There is no finding that it is about.
    Unused,
}

/// An exemption of the policy and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExemptionResult {
    /// The exemption.
    pub exemption: Exemption,
    /// What became of it.
    pub state: ExemptionState,
    /// How many findings it is about.
    pub findings: usize,
}

/// A rule and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RuleResult {
    /// The rule's id.
    pub id: String,
    /// Which kind of rule.
    pub family: Family,
    /// What it is about.
    pub title: String,
    /// How bad a violation is.
    pub severity: Severity,
    /// Why it matters.
    pub rationale: String,
    /// Public documents about it.
    pub references: Vec<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// How many findings it has, exempt ones not counted.
    pub findings: usize,
    /// What it could not see, or why it does not apply. At most [`super::MAX_REASONS`], and how many more there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

impl RuleResult {
    /// Whether it was run and saw all that it depends on, so that what it does not find is not there.
    pub fn saw_everything(&self) -> bool {
        match self.verdict {
            Verdict::Pass | Verdict::NotApplicable => true,
            Verdict::Fail => self.reasons.is_empty(),
            Verdict::Unknown | Verdict::Disabled => false,
        }
    }
}

/// A principal that findings are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Named {
    /// What people call it.
    pub name: String,
    /// `User`, `Group`, `ServicePrincipal`, …
    #[serde(rename = "type")]
    pub kind: String,
}

/// The numbers of an audit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Summary {
    /// Findings by severity, exempt ones not counted.
    pub findings: BTreeMap<Severity, usize>,
    /// Findings that an exemption lets stand.
    pub exempt: usize,
    /// Rules by verdict.
    pub rules: BTreeMap<Verdict, usize>,
    /// Scopes and facets that could not be read.
    pub unknown_scopes: usize,
}

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AuditReport {
    /// What was audited: a connection's name, or a folder.
    pub source: String,
    /// The tenant, if it is known.
    pub tenant: Option<String>,
    /// When the facts were read.
    pub read_at: Timestamp,
    /// The numbers.
    pub summary: Summary,
    /// Every rule, by id.
    pub rules: Vec<RuleResult>,
    /// Every finding, the worst first; exempt ones too, with their reason.
    pub findings: Vec<Finding>,
    /// The policy's exemptions, in its order, and what became of them.
    #[serde(default)]
    pub exemptions: Vec<ExemptionResult>,
    /// The principals that findings are about, by id.
    pub principals: BTreeMap<String, Named>,
    /// Who reaches what.
    pub access: Vec<Reach>,
    /// What was read and what was not.
    pub coverage: Vec<Coverage>,
}
