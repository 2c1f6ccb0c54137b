//! What a rule is.

use super::context::Audit;
use super::finding::{Severity, Violation};
use crate::access::Facet;
use serde::{Deserialize, Serialize};

/// Which kind of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Who may do what.
    Rbac,
    /// How what was deployed is made.
    Posture,
    /// What the policy demands besides.
    Custom,
}

/// What a rule found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// What is wrong.
    pub violations: Vec<Violation>,
    /// What the rule could not see beyond the facets it needs: a group that is not to be read, a principal nobody knows.
    pub unknown: Vec<String>,
    /// Why there is nothing to judge: no scaling plan, no sign of what the rule is about.
    pub not_applicable: Option<String>,
}

impl Outcome {
    /// There is nothing to judge.
    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self { not_applicable: Some(reason.into()), ..Self::default() }
    }
}

impl FromIterator<Violation> for Outcome {
    fn from_iter<I: IntoIterator<Item = Violation>>(violations: I) -> Self {
        Self { violations: violations.into_iter().collect(), ..Self::default() }
    }
}

/// A rule: what it is about, what it depends on, and the check itself.
#[derive(Debug)]
pub struct Rule {
    /// `R01` to `R44` and `V01` to `V68`.
    pub id: &'static str,
    /// Which kind it is.
    pub family: Family,
    /// What is wrong where it is violated, in a few words.
    pub title: &'static str,
    /// How bad that is; a single violation may be less so.
    pub severity: Severity,
    /// Why it is wrong.
    pub rationale: &'static str,
    /// Public documents about it.
    pub references: &'static [&'static str],
    /// What it depends on: where any of these is unknown, the rule does not pass.
    pub needs: &'static [Facet],
    /// The check.
    pub check: fn(&Audit<'_>) -> Outcome,
}

/// What is told of a rule, whether it is built in or the policy's.
#[derive(Debug, Clone)]
pub(super) struct Heading {
    pub(super) id: String,
    pub(super) family: Family,
    pub(super) title: String,
    pub(super) severity: Severity,
    pub(super) rationale: String,
    pub(super) references: Vec<String>,
    pub(super) needs: Vec<Facet>,
}

impl From<&Rule> for Heading {
    fn from(rule: &Rule) -> Self {
        Self {
            id: rule.id.to_owned(),
            family: rule.family,
            title: rule.title.to_owned(),
            severity: rule.severity,
            rationale: rule.rationale.to_owned(),
            references: rule.references.iter().map(|&reference| reference.to_owned()).collect(),
            needs: rule.needs.to_vec(),
        }
    }
}
