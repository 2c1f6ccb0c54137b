//! What the evaluation answers, with its proof.

use super::{Action, GrantKind};
use crate::ArmId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Why somebody may do something: which grant, through which role and action, and by which groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Proof {
    /// How it is held.
    pub kind: GrantKind,
    /// The role assignment, or the instance of Privileged Identity Management.
    pub assignment: ArmId,
    /// Where it was made.
    pub scope: ArmId,
    /// The role's GUID.
    pub role: String,
    /// The role's name.
    pub role_name: String,
    /// What of the role holds the action: a pattern of its actions or data actions.
    pub pattern: String,
    /// From the principal through its groups to whom the role is assigned: ids, at least one.
    pub path: Vec<String>,
    /// The condition that decides case by case, where one stands in the way. A condition that limits delegation stands
    /// in nobody's way who does not assign roles.
    pub condition: Option<String>,
}

/// The deny assignment that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DenyProof {
    /// The deny assignment.
    pub deny: ArmId,
    /// What it is called.
    pub name: String,
    /// Where it was made.
    pub scope: ArmId,
    /// From the principal through its groups to whom it denies; the principal alone if it denies everybody.
    pub path: Vec<String>,
    /// The condition under which it denies, case by case.
    #[serde(default)]
    pub condition: Option<String>,
}

/// Whether somebody may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes.
    Allowed,
    /// As a condition decides, case by case.
    Conditional,
    /// No: a deny assignment says so.
    Denied,
    /// No: nothing grants it.
    NotGranted,
    /// Nobody can say: what could not be read might grant it, or deny it.
    Unknown,
}

/// The answer to one question, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Decision {
    /// The answer.
    pub answer: Answer,
    /// Each grant that holds the action.
    pub proofs: Vec<Proof>,
    /// What denies it. If that has a condition, and nothing without one denies it, the answer is conditional at best.
    pub denied_by: Option<DenyProof>,
    /// What could not be read and might change the answer.
    pub unknown: Vec<String>,
}

/// Somebody who may do something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Holder {
    /// Who, by id.
    pub principal: String,
    /// Allowed, as a condition decides, or unknown: a deny assignment may or may not stand in the way.
    pub answer: Answer,
    /// Why.
    pub proofs: Vec<Proof>,
}

/// Everybody who may do something, as far as that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WhoCan {
    /// Users, groups and service principals. A group is listed as such, and so are those in it.
    pub holders: Vec<Holder>,
    /// Those whom a deny assignment keeps from it.
    pub denied: Vec<(String, DenyProof)>,
    /// What could not be read and might hide more.
    pub unknown: Vec<String>,
}

/// Who is in a group, however deep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// Everybody and every group below it, by id, without the group itself.
    pub ids: BTreeSet<String>,
    /// The groups of these, the group itself included, whose members could not be read.
    pub opaque: BTreeSet<String>,
}

/// A grant that reaches somebody, directly or through groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reach {
    /// How it is held.
    pub kind: GrantKind,
    /// The role assignment, or the instance of Privileged Identity Management.
    pub assignment: ArmId,
    /// Where it was made.
    pub scope: ArmId,
    /// The role's GUID.
    pub role: String,
    /// The role's name; its GUID if there is no definition of it.
    pub role_name: String,
    /// From the principal through its groups to whom the role is assigned: ids, at least one.
    pub path: Vec<String>,
    /// Its condition.
    pub condition: Option<String>,
    /// Until when; endless if there is none.
    pub end: Option<Timestamp>,
}

/// Everything that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AccessOf {
    /// Each grant, by scope and then by the role's name.
    pub grants: Vec<Reach>,
    /// What could not be read and might hide more.
    pub unknown: Vec<String>,
}

/// A deny assignment that bears on somebody somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DenyReach {
    /// Which. The path is empty if only a group whose members could not be read leads to it.
    #[serde(flatten)]
    pub proof: DenyProof,
    /// Whether it certainly applies: no group whose members could not be read decides it.
    pub certain: bool,
    /// What it denies: patterns of actions and data actions.
    pub patterns: Vec<String>,
}

/// What somebody holds at one scope, and what is in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Explanation {
    /// The scope and every scope above it, from which it inherits.
    pub chain: Vec<ArmId>,
    /// Each grant, from the scope itself upwards.
    pub grants: Vec<Reach>,
    /// The deny assignments.
    pub denies: Vec<DenyReach>,
    /// What could not be read and might hide more.
    pub unknown: Vec<String>,
}

/// Answers to several questions about one principal at one scope: a bit for each action, in the order in which they
/// were asked. At most one of the four is set for an action; none means that nothing grants it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Masks {
    /// Allowed.
    pub allowed: u32,
    /// As a condition decides.
    pub conditional: u32,
    /// Denied.
    pub denied: u32,
    /// Nobody can say.
    pub unknown: u32,
}

impl Masks {
    /// The answer about one action, by its position.
    pub fn answer(&self, action: usize) -> Answer {
        let has = |mask: u32| mask >> action & 1 == 1;
        match () {
            () if has(self.denied) => Answer::Denied,
            () if has(self.allowed) => Answer::Allowed,
            () if has(self.conditional) => Answer::Conditional,
            () if has(self.unknown) => Answer::Unknown,
            () => Answer::NotGranted,
        }
    }

    /// Whether anything but "not granted" is said of any action.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A bit for each action that meets something.
pub(super) fn mask(actions: &[Action], meets: impl Fn(&Action) -> bool) -> u32 {
    actions.iter().enumerate().filter(|(_, action)| meets(action)).fold(0, |mask, (at, _)| mask | 1 << at)
}
