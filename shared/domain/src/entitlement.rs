//! Who may open what an application group publishes.
//!
//! An entitlement names whom a role was assigned to; who is in a group, the directory knows.

use crate::ArmId;
use crate::access::{AccessFacts, Action, Answer, Assignment, Definition, DefinitionKind, World, principal_id};
use crate::estate::{Estate, Permission, Principal, RoleDefinition};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// The data action that opens a desktop or RemoteApp.
pub const USE_APPLICATIONS: &str = "Microsoft.DesktopVirtualization/applicationGroups/useApplications/action";

/// The built-in role that exists for it: Desktop Virtualization User.
/// <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>
pub const DESKTOP_VIRTUALIZATION_USER: &str = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";

/// A principal's right to open what a group publishes, and the assignment that proves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Entitlement {
    /// Who.
    pub principal: Principal,
    /// Through which role: its display name.
    pub role: String,
    /// Where the role was assigned: the group itself or a scope above it.
    pub scope: ArmId,
    /// Whether the assignment has a condition that decides case by case.
    pub conditional: bool,
}

/// Who may open what application groups publish, answered by the evaluation of access.
///
/// Role assignments and definitions are this look's own. What it does not read (deny assignments, who is in the groups,
/// the management groups) is as an audit read it last; without one, nothing is denied.
#[derive(Debug)]
pub struct Entitling {
    facts: AccessFacts,
    /// Each principal as its source spells it, by the assignment.
    spelt: HashMap<ArmId, Principal>,
}

impl Entitling {
    /// What an estate tells, with what is known besides.
    pub fn new(estate: &Estate, known: Option<AccessFacts>) -> Self {
        let known = known.unwrap_or_else(|| AccessFacts::new(Timestamp::UNIX_EPOCH));
        let built_in = RoleDefinition {
            id: ArmId::new(&format!(
                "/providers/Microsoft.Authorization/roleDefinitions/{DESKTOP_VIRTUALIZATION_USER}"
            )),
            role_name: "Desktop Virtualization User".to_owned(),
            permissions: vec![Permission { data_actions: vec![USE_APPLICATIONS.to_owned()], ..Permission::default() }],
        };
        // The first of a GUID counts: what was read before what is built in.
        let mut seen = HashSet::new();
        let definitions = estate.role_definitions.iter().chain([&built_in]);
        let definitions =
            definitions.filter(|role| seen.insert(role.id.name().to_ascii_lowercase())).map(|role| Definition {
                id: role.id.clone(),
                name: role.role_name.clone(),
                kind: DefinitionKind::BuiltIn,
                permissions: role.permissions.clone(),
                assignable_scopes: Vec::new(),
            });
        let assignments = estate.role_assignments.iter().map(|one| Assignment {
            id: one.id.clone(),
            scope: one.scope.clone(),
            role: one.role_definition_id.clone(),
            principal: Principal { id: principal_id(&one.principal.id), kind: one.principal.kind.clone() },
            condition: one.condition.clone(),
            created_on: None,
            description: None,
        });
        let spelt = estate.role_assignments.iter().map(|one| (one.id.clone(), one.principal.clone())).collect();
        let facts = AccessFacts {
            assignments: assignments.collect(),
            definitions: definitions.collect(),
            pim: Vec::new(),
            resources: Vec::new(),
            coverage: Vec::new(),
            ..known
        };
        Self { facts, spelt }
    }

    /// The facts, to be asked.
    pub fn world(&self) -> World<'_> {
        World::new(&self.facts)
    }

    /// The entitlements on one application group, sorted and without repeats. Whom a deny assignment keeps from it has
    /// none.
    pub fn on(&self, world: &World<'_>, group: &ArmId) -> Vec<Entitlement> {
        let action = Action::data(USE_APPLICATIONS);
        let mut answers: HashMap<&str, Answer> = HashMap::new();
        let mut entitlements = Vec::new();
        for grant in world.grants_on(group).filter(|grant| grant.allows(&action)) {
            let decide = || match self.facts.denies.is_empty() {
                true => Answer::Allowed,
                false => world.decide(&grant.principal.id, &action, group).answer,
            };
            let answer = *answers.entry(&grant.principal.id).or_insert_with(decide);
            if answer == Answer::Denied {
                continue;
            }
            entitlements.push(Entitlement {
                principal: self.spelt.get(grant.id).unwrap_or(grant.principal).clone(),
                role: grant.role_name().to_owned(),
                scope: grant.scope.clone(),
                conditional: grant.condition.is_some() || answer == Answer::Conditional,
            });
        }
        entitlements.sort();
        entitlements.dedup();
        entitlements
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estate::RoleAssignment;

    const GROUP: &str =
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DesktopVirtualization/applicationGroups/g";

    fn assignment(scope: &str, role: &str, principal: &str) -> RoleAssignment {
        RoleAssignment {
            id: ArmId::new(&format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{principal}")),
            scope: ArmId::new(scope),
            role_definition_id: ArmId::new(&format!("/providers/Microsoft.Authorization/roleDefinitions/{role}")),
            principal: Principal { id: principal.to_owned(), kind: "Group".to_owned() },
            condition: None,
        }
    }

    fn role(guid: &str, data_actions: &[&str], not_data_actions: &[&str]) -> RoleDefinition {
        let own = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect();
        RoleDefinition {
            id: ArmId::new(&format!("/providers/Microsoft.Authorization/roleDefinitions/{guid}")),
            role_name: guid.to_owned(),
            permissions: vec![Permission {
                actions: vec!["*".to_owned()],
                data_actions: own(data_actions),
                not_data_actions: own(not_data_actions),
                ..Permission::default()
            }],
        }
    }

    #[test]
    fn only_data_actions_open_a_desktop_and_exclusions_count() {
        let estate = Estate {
            role_definitions: vec![
                role("owner-like", &[], &[]),
                role("wild", &["Microsoft.DesktopVirtualization/*"], &[]),
                role("excluded", &["*"], &["*/useApplications/action"]),
            ],
            role_assignments: ["owner-like", "wild", "excluded", DESKTOP_VIRTUALIZATION_USER]
                .map(|guid| assignment(GROUP, guid, guid))
                .to_vec(),
            ..Estate::default()
        };
        assert_eq!(who(&estate, None), [DESKTOP_VIRTUALIZATION_USER, "wild"]);
    }

    #[test]
    fn assignments_hold_at_their_scope_and_below_whatever_the_case() {
        let assignments = [
            assignment(&GROUP.to_uppercase(), &DESKTOP_VIRTUALIZATION_USER.to_uppercase(), "direct"),
            assignment("/subscriptions/s", DESKTOP_VIRTUALIZATION_USER, "inherited"),
            assignment("/", DESKTOP_VIRTUALIZATION_USER, "root"),
            assignment(&format!("{GROUP}2"), DESKTOP_VIRTUALIZATION_USER, "name-sake"),
            assignment(GROUP, "acdd72a7-3385-48ef-bd42-f606fba81ae7", "reader"),
            assignment(GROUP, DESKTOP_VIRTUALIZATION_USER, "direct"),
        ];
        let estate = Estate { role_assignments: assignments.to_vec(), ..Estate::default() };
        assert_eq!(who(&estate, None), ["direct", "inherited", "root"]);
    }

    #[test]
    fn whom_a_deny_assignment_keeps_from_it_is_not_entitled() {
        let assignments = ["a", "b"].map(|id| assignment(GROUP, DESKTOP_VIRTUALIZATION_USER, id));
        let estate = Estate { role_assignments: assignments.to_vec(), ..Estate::default() };
        let mut known = AccessFacts::new(Timestamp::UNIX_EPOCH);
        known.directory.members.insert("g".to_owned(), vec!["b".to_owned()]);
        known.denies.push(crate::access::DenyAssignment {
            id: ArmId::new("/subscriptions/s/providers/Microsoft.Authorization/denyAssignments/d"),
            name: "d".to_owned(),
            scope: ArmId::new("/subscriptions/s"),
            not_for_child_scopes: false,
            permissions: vec![Permission { data_actions: vec!["*".to_owned()], ..Permission::default() }],
            principals: vec![Principal { id: "g".to_owned(), kind: "Group".to_owned() }],
            except: Vec::new(),
            condition: None,
        });
        assert_eq!(who(&estate, None), ["a", "b"], "nobody has looked for deny assignments yet");
        assert_eq!(who(&estate, Some(known)), ["a"]);
    }

    #[test]
    fn what_is_granted_to_a_management_group_holds_in_its_subscriptions() {
        let management = "/providers/Microsoft.Management/managementGroups/avd";
        let assignments = vec![assignment(management, DESKTOP_VIRTUALIZATION_USER, "a")];
        let estate = Estate { role_assignments: assignments, ..Estate::default() };
        let mut known = AccessFacts::new(Timestamp::UNIX_EPOCH);
        known.subscriptions.push(crate::access::SubscriptionFacts {
            id: ArmId::new("/subscriptions/s"),
            name: "s".to_owned(),
            management_group: Some(ArmId::new(management)),
        });
        assert_eq!(who(&estate, Some(known)), ["a"]);
    }

    fn who(estate: &Estate, known: Option<AccessFacts>) -> Vec<String> {
        let entitling = Entitling::new(estate, known);
        entitling.on(&entitling.world(), &ArmId::new(GROUP)).into_iter().map(|one| one.principal.id).collect()
    }
}
