//! Changes of custom roles. <https://learn.microsoft.com/azure/role-based-access-control/custom-roles-cli>

use super::{Fix, ps, sh};
use crate::ArmId;
use crate::access::Definition;
use crate::estate::Permission;
use serde_json::json;

/// Deletes a custom role.
pub fn delete_role(role: &Definition) -> Fix {
    let guid = role.id.name();
    let scope = role.assignable_scopes.iter().min().map_or("/", ArmId::as_str);
    Fix {
        az: Some(format!("az role definition delete --name {} --scope {}", sh(guid), sh(scope))),
        powershell: Some(format!("Remove-AzRoleDefinition -Id {} -Scope {}", ps(guid), ps(scope))),
        portal: format!("{scope} > Access control (IAM) > Roles > {}: delete", role.name),
    }
}

/// Withholds an action from a custom role.
pub fn withhold(role: &Definition, action: &str) -> Fix {
    let portal = format!("Access control (IAM) > Roles > {} > Edit > JSON: add {action} to notActions", role.name);
    change(
        role,
        portal,
        |block| block.not_actions.push(action.to_owned()),
        &format!("$role.NotActions.Add({})", ps(action)),
    )
}

/// Lets a custom role that could do everything read everything only. What else it needs is for its owner to add.
pub fn limit_role(role: &Definition) -> Fix {
    let portal = format!(
        "Access control (IAM) > Roles > {} > Edit > JSON: replace * in actions by the actions that it needs",
        role.name
    );
    change(
        role,
        portal,
        |block| {
            block.actions.retain(|action| action != "*" && action != "*/read");
            block.actions.push("*/read".to_owned());
        },
        "[void]$role.Actions.Remove('*')\n$role.Actions.Add('*/read')",
    )
}

/// A change of a custom role's only block of permissions; a role of several is changed in the portal.
fn change(role: &Definition, portal: String, edit: impl FnOnce(&mut Permission), powershell: &str) -> Fix {
    let [block] = role.permissions.as_slice() else {
        return Fix { portal, ..Fix::default() };
    };
    let mut block = block.clone();
    edit(&mut block);
    let guid = role.id.name();
    let body = json!({
        "roleName": role.name,
        "Name": guid,
        "Actions": block.actions,
        "NotActions": block.not_actions,
        "DataActions": block.data_actions,
        "NotDataActions": block.not_data_actions,
        "AssignableScopes": role.assignable_scopes,
    });
    Fix {
        az: Some(format!("az role definition update --role-definition {}", sh(&body.to_string()))),
        powershell: Some(format!(
            "$role = Get-AzRoleDefinition -Id {}\n{powershell}\nSet-AzRoleDefinition -Role $role",
            ps(guid)
        )),
        portal,
    }
}

/// Makes a role that may set and remove locks and nothing else.
pub fn create_lock_role(scopes: &[ArmId]) -> Fix {
    const NAME: &str = "Lock administrator";
    const DESCRIPTION: &str = "Sets and removes locks, and nothing else.";
    const ACTION: &str = "Microsoft.Authorization/locks/*";
    let body = json!({
        "Name": NAME,
        "Description": DESCRIPTION,
        "Actions": [ACTION],
        "AssignableScopes": scopes,
    });
    let assignable: Vec<String> =
        scopes.iter().map(|scope| format!("$role.AssignableScopes.Add({})", ps(scope.as_str()))).collect();
    Fix {
        az: Some(format!("az role definition create --role-definition {}", sh(&body.to_string()))),
        powershell: Some(format!(
            "$role = Get-AzRoleDefinition -Name 'Reader'\n$role.Id = $null\n$role.Name = {}\n$role.Description = {}\n\
             $role.Actions.Clear()\n$role.Actions.Add({})\n$role.AssignableScopes.Clear()\n{}\n\
             New-AzRoleDefinition -Role $role",
            ps(NAME),
            ps(DESCRIPTION),
            ps(ACTION),
            assignable.join("\n")
        )),
        portal: format!("Access control (IAM) > Add > Add custom role: {NAME}, with {ACTION}"),
    }
}
