//! Who holds which role where.

use super::rule::{Rule, kept};
use super::{AccessFacts, Action, AssignmentType, Definition, PimInstance, PimKind};
use crate::ArmId;
use crate::estate::Principal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// How a grant is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// All the time.
    Standing,
    /// Now, activated through Privileged Identity Management.
    Activated,
    /// Not now: it can be activated.
    Eligible,
}

/// A role that somebody holds somewhere: a role assignment, or a direct instance of Privileged Identity Management
/// that is not seen as one.
#[derive(Debug, Clone)]
pub struct Effective<'a> {
    /// How it is held.
    pub kind: GrantKind,
    /// The id of the assignment or instance.
    pub id: &'a ArmId,
    /// Where.
    pub scope: &'a ArmId,
    /// The role's GUID, in lower case.
    pub role: String,
    /// The role, if there is a definition of it.
    pub definition: Option<&'a Definition>,
    /// Who.
    pub principal: &'a Principal,
    /// Under which condition.
    pub condition: Option<&'a str>,
    /// Until when; endless if there is none.
    pub end: Option<Timestamp>,
}

impl Effective<'_> {
    /// The role's name for people.
    pub fn role_name(&self) -> &str {
        self.definition.map_or(self.role.as_str(), |definition| definition.name.as_str())
    }

    /// Whether its role holds an action, whatever its condition.
    pub fn allows(&self, action: &Action) -> bool {
        self.definition.is_some_and(|definition| action.is_in(&definition.permissions))
    }

    /// Whether it holds now.
    pub fn is_active(&self) -> bool {
        self.kind != GrantKind::Eligible || !kept(Rule::EligibleIsNotActive)
    }
}

/// The GUID that a role is told by.
pub(super) fn guid(role: &ArmId) -> String {
    role.name().to_ascii_lowercase()
}

/// Role assignments with what Privileged Identity Management says of them, and its other direct instances.
pub(super) fn grants<'a>(facts: &'a AccessFacts, definitions: &HashMap<String, &'a Definition>) -> Vec<Effective<'a>> {
    let active = || facts.pim.iter().filter(|one| one.kind == PimKind::Active);
    let origins: HashSet<&ArmId> = active().filter_map(|one| one.origin.as_ref()).collect();
    let activated: HashSet<&ArmId> = active()
        .filter(|one| one.assignment_type == Some(AssignmentType::Activated))
        .filter_map(|one| one.origin.as_ref())
        .collect();
    let is_listed = |assignment: &&'a ArmId| !origins.is_empty() && origins.contains(assignment);
    let listed: HashSet<&ArmId> = facts.assignments.iter().map(|assignment| &assignment.id).filter(is_listed).collect();
    let condition = |text: &'a Option<String>| text.as_deref().filter(|text| !text.trim().is_empty());
    let assignments = facts.assignments.iter().map(|assignment| {
        let is_activated = !activated.is_empty() && activated.contains(&assignment.id);
        let role = guid(&assignment.role);
        Effective {
            kind: if is_activated { GrantKind::Activated } else { GrantKind::Standing },
            id: &assignment.id,
            scope: &assignment.scope,
            definition: definitions.get(&role).copied(),
            role,
            principal: &assignment.principal,
            condition: condition(&assignment.condition),
            end: None,
        }
    });
    let instances = facts.pim.iter().filter(|one| is_direct(one)).filter_map(|one| {
        let kind = match (one.kind, one.assignment_type) {
            (PimKind::Eligible, _) => GrantKind::Eligible,
            (PimKind::Active, _) if one.origin.as_ref().is_some_and(|origin| listed.contains(origin)) => return None,
            (PimKind::Active, Some(AssignmentType::Assigned)) => GrantKind::Standing,
            (PimKind::Active, _) => GrantKind::Activated,
        };
        let role = guid(&one.role);
        Some(Effective {
            kind,
            id: &one.id,
            scope: &one.scope,
            definition: definitions.get(&role).copied(),
            role,
            principal: &one.principal,
            condition: condition(&one.condition),
            end: one.end,
        })
    });
    assignments.chain(instances).collect()
}

fn is_direct(instance: &PimInstance) -> bool {
    let is_direct = instance.member_type.as_deref().is_none_or(|one| one.eq_ignore_ascii_case("Direct"));
    is_direct || !kept(Rule::DirectInstancesOnly)
}
