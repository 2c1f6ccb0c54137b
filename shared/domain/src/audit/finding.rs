//! What was found, where, about whom, how bad it is, and what mends it.

use crate::ArmId;
use crate::text::sha256_hex;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Untidy.
    Low,
    /// To be mended when there is time.
    Medium,
    /// To be mended soon.
    High,
    /// To be mended now.
    Critical,
}

impl Severity {
    /// Every severity, the worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// One fact that proves a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Evidence {
    /// What it is: "role assignment", "through groups", "properties.startVMOnConnect".
    pub what: String,
    /// The id, path or value.
    pub value: String,
}

impl Evidence {
    /// One fact.
    pub fn new(what: impl Into<String>, value: impl Into<String>) -> Self {
        Self { what: what.into(), value: value.into() }
    }
}

/// What mends a violation, in three ways. Commands quote what comes from outside; see [`super::fix`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Fix {
    /// With the Azure CLI.
    pub az: Option<String>,
    /// With PowerShell.
    pub powershell: Option<String>,
    /// In the portal: where to go and what to do there.
    pub portal: String,
}

/// A violation of a rule.
///
/// Scope, principal and subject say together what it is about: two violations of a rule differ in one of them, and
/// what an audit found yesterday has the same three today.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// Where.
    pub scope: ArmId,
    /// About whom, if about somebody: an object id.
    pub principal: Option<String>,
    /// What else tells it from others at that scope: a role's GUID, a permission's name, a property.
    pub subject: Option<String>,
    /// How bad, where that is not the rule's own severity.
    pub severity: Option<Severity>,
    /// What is wrong, in a sentence that names names.
    pub message: String,
    /// What proves it.
    pub evidence: Vec<Evidence>,
    /// What mends it.
    pub fix: Fix,
}

/// A violation with its rule and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// Stays the same from audit to audit: a digest of rule, scope, principal and subject.
    pub fingerprint: String,
    /// The rule's id.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub scope: ArmId,
    /// About whom: an object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// What else tells it from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What proves it.
    pub evidence: Vec<Evidence>,
    /// What mends it.
    pub fix: Fix,
    /// The host pools that it concerns; none if it is about the subscription or tenant as a whole.
    pub host_pools: Vec<ArmId>,
    /// Why it is allowed to stand, if it is: the exemption's reason and end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt: Option<String>,
}

/// The name of a finding that stays: the same rule, scope, principal and subject give the same.
pub fn fingerprint(rule: &str, scope: &ArmId, principal: Option<&str>, subject: Option<&str>) -> String {
    let part = |text: Option<&str>| text.map(str::to_lowercase).unwrap_or_default();
    let parts = [rule.to_owned(), scope.canonical(), part(principal), part(subject)];
    sha256_hex(parts.join("\n").as_bytes())[..32].to_owned()
}
