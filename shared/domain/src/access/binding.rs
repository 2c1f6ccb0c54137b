//! Which questions a condition has a say in.

use super::Action;
use super::condition::Delegation;
use super::rule::{Rule, kept};

/// Which questions a condition has a say in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// None: there is no condition.
    Nothing,
    /// Those about making or removing role assignments.
    Delegation {
        /// Making them.
        write: bool,
        /// Removing them.
        delete: bool,
    },
    /// Every question: it is not one that is understood.
    Everything,
}

impl Binding {
    /// Reads a condition.
    pub(super) fn of(condition: Option<&str>) -> Self {
        let Some(condition) = condition.filter(|text| !text.trim().is_empty() && kept(Rule::Condition)) else {
            return Self::Nothing;
        };
        match Delegation::of(condition).filter(|_| kept(Rule::DelegationBindsAssignments)) {
            Some(delegation) => {
                Self::Delegation { write: !delegation.write.is_empty(), delete: !delegation.delete.is_empty() }
            }
            None => Self::Everything,
        }
    }

    /// Whether it has a say in an action.
    pub(super) fn binds(self, action: &Action) -> bool {
        match self {
            Self::Nothing => false,
            Self::Delegation { write, delete } => {
                (write && action.is_on_role_assignments("write")) || (delete && action.is_on_role_assignments("delete"))
            }
            Self::Everything => true,
        }
    }
}
