//! An operation that a role may grant.

use super::rule::{Rule, kept};
use crate::estate::Permission;
use crate::wildcard;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The control plane (management, through Azure Resource Manager) or the data plane of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Plane {
    /// `actions` and `notActions`.
    Control,
    /// `dataActions` and `notDataActions`.
    Data,
}

/// An operation, such as `Microsoft.Compute/virtualMachines/start/action`. A concrete one: without `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Action {
    /// Of which plane.
    pub plane: Plane,
    /// Its name, as Azure spells it.
    pub name: String,
}

impl Action {
    /// An operation of the control plane.
    pub fn control(name: impl Into<String>) -> Self {
        Self { plane: Plane::Control, name: name.into() }
    }

    /// An operation of the data plane.
    pub fn data(name: impl Into<String>) -> Self {
        Self { plane: Plane::Data, name: name.into() }
    }

    /// Whether these permissions hold it: within a block what is granted and not taken away, and any block suffices.
    /// The same holds for what a deny assignment denies.
    pub fn is_in(&self, permissions: &[Permission]) -> bool {
        self.pattern_in(permissions).is_some()
    }

    /// The pattern of the permissions that holds it: the proof of [`Action::is_in`].
    pub fn pattern_in<'a>(&self, permissions: &'a [Permission]) -> Option<&'a str> {
        let of = |list: &'a [String]| list.iter().find(|pattern| fits(pattern, &self.name));
        permissions.iter().find_map(|block| {
            let (granted, withheld) = match self.plane {
                Plane::Data if kept(Rule::Planes) => (&block.data_actions, &block.not_data_actions),
                _ => (&block.actions, &block.not_actions),
            };
            let is_withheld = || of(withheld).is_some() && kept(Rule::NotActions);
            of(granted).filter(|_| !is_withheld()).map(String::as_str)
        })
    }

    /// Whether it is the creation (`write`) or the removal (`delete`) of role assignments.
    pub(super) fn is_on_role_assignments(&self, verb: &str) -> bool {
        const ROLE_ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments/";
        let name = self.name.as_str();
        let (kind, rest) = name.split_at_checked(ROLE_ASSIGNMENTS.len()).unwrap_or(("", name));
        self.plane == Plane::Control && kind.eq_ignore_ascii_case(ROLE_ASSIGNMENTS) && rest.eq_ignore_ascii_case(verb)
    }
}

/// Whether an action is one that a pattern names.
fn fits(pattern: &str, name: &str) -> bool {
    #[cfg(test)]
    if let Some(answer) = super::tests::mutation::fits(pattern, name) {
        return answer;
    }
    wildcard::matches(pattern, name)
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
