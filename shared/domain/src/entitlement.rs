//! Who may open what an application group publishes.
//!
//! This answers only "who holds the data action on the group": deny assignments and group membership are the
//! audit's business.

use crate::ArmId;
use crate::estate::{Permission, Principal, RoleAssignment, RoleDefinition};
use crate::wildcard;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

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

/// Whether these permissions grant a data action: within each block granted and not excluded, any block sufficing.
pub fn grants_data_action(permissions: &[Permission], action: &str) -> bool {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| wildcard::matches(pattern, action));
    permissions.iter().any(|block| any(&block.data_actions) && !any(&block.not_data_actions))
}

/// The roles that open applications: their GUIDs in lower case, with their names.
pub fn roles_that_open(definitions: &[RoleDefinition]) -> HashMap<String, String> {
    let built_in = (DESKTOP_VIRTUALIZATION_USER.to_owned(), "Desktop Virtualization User".to_owned());
    definitions
        .iter()
        .filter(|role| grants_data_action(&role.permissions, USE_APPLICATIONS))
        .map(|role| (role.id.name().to_ascii_lowercase(), role.role_name.clone()))
        .chain([built_in])
        .collect()
}

/// The entitlements on one application group, sorted and without repeats.
pub fn entitlements<'a>(
    group: &ArmId,
    assignments: impl IntoIterator<Item = &'a RoleAssignment>,
    roles_that_open: &HashMap<String, String>,
) -> Vec<Entitlement> {
    let mut entitlements: Vec<Entitlement> = assignments
        .into_iter()
        .filter(|assignment| group.is_within(&assignment.scope))
        .filter_map(|assignment| {
            let role = roles_that_open.get(&assignment.role_definition_id.name().to_ascii_lowercase())?;
            Some(Entitlement {
                principal: assignment.principal.clone(),
                role: role.clone(),
                scope: assignment.scope.clone(),
                conditional: assignment.condition.as_deref().is_some_and(|condition| !condition.trim().is_empty()),
            })
        })
        .collect();
    entitlements.sort();
    entitlements.dedup();
    entitlements
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let opens = roles_that_open(&[
            role("owner-like", &[], &[]),
            role("wild", &["Microsoft.DesktopVirtualization/*"], &[]),
            role("excluded", &["*"], &["*/useApplications/action"]),
        ]);
        let mut guids: Vec<_> = opens.keys().map(String::as_str).collect();
        guids.sort_unstable();
        assert_eq!(guids, [DESKTOP_VIRTUALIZATION_USER, "wild"]);
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
        let who: Vec<_> = entitlements(&ArmId::new(GROUP), &assignments, &roles_that_open(&[]))
            .into_iter()
            .map(|e| e.principal.id)
            .collect();
        assert_eq!(who, ["direct", "inherited", "root"]);
    }
}
