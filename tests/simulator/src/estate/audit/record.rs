//! What is wrong with an estate, as it is written down.

use serde::{Deserialize, Serialize};

/// One violation of a rule, in lower case throughout: ids have no case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// The rule's id.
    pub rule: String,
    /// Where.
    pub scope: String,
    /// About whom: an object id.
    pub principal: Option<String>,
    /// What else tells it from others: a role's GUID, a permission.
    pub subject: Option<String>,
}

impl Violation {
    pub(crate) fn new(rule: &str, scope: &str, principal: Option<&str>, subject: Option<&str>) -> Self {
        Self {
            rule: rule.to_owned(),
            scope: scope.to_ascii_lowercase(),
            principal: principal.map(str::to_lowercase),
            subject: subject.map(str::to_lowercase),
        }
    }
}
