//! An operation that a role may grant.

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
        let of = |list: &'a [String]| list.iter().find(|pattern| wildcard::matches(pattern, &self.name));
        permissions.iter().find_map(|block| {
            let (granted, withheld) = match self.plane {
                Plane::Control => (&block.actions, &block.not_actions),
                Plane::Data => (&block.data_actions, &block.not_data_actions),
            };
            of(granted).filter(|_| of(withheld).is_none()).map(String::as_str)
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
