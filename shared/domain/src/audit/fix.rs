//! The commands that mend things. What comes from outside is quoted, so that a name can never become a command.

mod pim;
mod roles;
#[cfg(test)]
mod tests;

pub use pim::{end_eligibility, make_eligible};
pub use roles::{create_lock_role, delete_role, limit_role, withhold};

use super::finding::Fix;
use crate::ArmId;
use crate::access::{Effective, builtin};

/// A text as one word of a POSIX shell.
pub fn sh(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A text as one word of PowerShell. Quotation marks that only look alike end a string there too.
pub fn ps(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for letter in text.chars() {
        quoted.push(letter);
        if matches!(letter, '\'' | '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{201B}') {
            quoted.push(letter);
        }
    }
    quoted.push('\'');
    quoted
}

/// Takes a grant away.
pub fn remove(grant: &Effective<'_>) -> Fix {
    if !is_assignment(grant) {
        return pim::remove(grant);
    }
    let (scope, principal) = (grant.scope.as_str(), grant.principal.id.as_str());
    Fix {
        az: Some(az_delete(grant)),
        powershell: Some(ps_delete(grant)),
        portal: format!(
            "{scope} > Access control (IAM) > Role assignments: remove {} of {principal}",
            grant.role_name()
        ),
    }
}

/// Gives what a grant gives to a group instead, which whoever runs the command names, and takes the grant away.
pub fn move_to_group(grant: &Effective<'_>) -> Fix {
    if !is_assignment(grant) {
        return Fix {
            portal: format!("{}; make a group eligible instead, and put its users in it", pim::remove(grant).portal),
            ..Fix::default()
        };
    }
    let (role, scope) = (grant.role.as_str(), grant.scope.as_str());
    Fix {
        az: Some(format!(
            "az role assignment create --assignee-object-id \"${{GROUP:?object id of the group}}\" \
             --assignee-principal-type Group --role {} --scope {}{} && {}",
            sh(role),
            sh(scope),
            grant
                .condition
                .map(|text| format!(" --condition {} --condition-version 2.0", sh(text)))
                .unwrap_or_default(),
            az_delete(grant)
        )),
        powershell: Some(format!(
            "$group = Read-Host 'Object id of the group'\nNew-AzRoleAssignment -ObjectId $group -RoleDefinitionId {} -Scope {}{} \
             -ErrorAction Stop\n{}",
            ps(role),
            ps(scope),
            grant.condition.map(|text| format!(" -Condition {} -ConditionVersion '2.0'", ps(text))).unwrap_or_default(),
            ps_delete(grant)
        )),
        portal: format!(
            "{scope} > Access control (IAM): add {} for a group that {} is a member of, then remove the assignment to it",
            grant.role_name(),
            grant.principal.id
        ),
    }
}

/// Gives a principal another role, at the same scope or another, and takes the grant away.
pub fn replace(grant: &Effective<'_>, role: &str, role_name: &str, scope: &ArmId) -> Fix {
    let (id, kind) = (grant.principal.id.as_str(), grant.principal.kind.as_str());
    let delete = remove(grant);
    let after = |first: String, join: &str, last: Option<String>| last.map(|last| format!("{first}{join}{last}"));
    Fix {
        az: after(
            format!(
                "az role assignment create --assignee-object-id {} --assignee-principal-type {} --role {} --scope {}",
                sh(id),
                sh(kind),
                sh(role),
                sh(scope.as_str())
            ),
            " && ",
            delete.az,
        ),
        powershell: after(
            format!(
                "New-AzRoleAssignment -ObjectId {} -RoleDefinitionId {} -Scope {} -ErrorAction Stop",
                ps(id),
                ps(role),
                ps(scope.as_str())
            ),
            "\n",
            delete.powershell,
        ),
        portal: format!(
            "{scope} > Access control (IAM): add {role_name} for {id}, then remove {} at {}",
            grant.role_name(),
            grant.scope
        ),
    }
}

/// Limits which roles a grant lets its principal assign: Azure Virtual Desktop's own for users, and signing in to their
/// hosts. <https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples>
pub fn constrain(grant: &Effective<'_>) -> Fix {
    if !is_assignment(grant) {
        return pim::remove(grant);
    }
    let roles = [builtin::DESKTOP_VIRTUALIZATION_USER, builtin::VIRTUAL_MACHINE_USER_LOGIN].join(", ");
    let clause = |action: &str, attribute: &str| {
        format!(
            "((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/{action}'}})) OR \
             ({attribute}[Microsoft.Authorization/roleAssignments:RoleDefinitionId] \
             ForAnyOfAnyValues:GuidEquals {{{roles}}}))"
        )
    };
    let condition = format!("{} AND {}", clause("write", "@Request"), clause("delete", "@Resource"));
    let body = serde_json::json!({
        "id": grant.id,
        "scope": grant.scope,
        "principalId": grant.principal.id,
        "principalType": grant.principal.kind,
        "roleDefinitionId": role_id(grant),
        "condition": condition,
        "conditionVersion": "2.0",
    });
    Fix {
        az: Some(format!("az role assignment update --role-assignment {}", sh(&body.to_string()))),
        powershell: Some(format!(
            "$assignment = Get-AzRoleAssignment -ObjectId {} -RoleDefinitionId {} -Scope {} | \
             Where-Object RoleAssignmentId -eq {}\n$assignment.Condition = {}\n\
             $assignment.ConditionVersion = '2.0'\nSet-AzRoleAssignment -InputObject $assignment",
            ps(&grant.principal.id),
            ps(&grant.role),
            ps(grant.scope.as_str()),
            ps(grant.id.as_str()),
            ps(&condition)
        )),
        portal: format!(
            "{} > Access control (IAM) > Role assignments > {} of {} > Conditions: allow assigning selected roles only",
            grant.scope,
            grant.role_name(),
            grant.principal.id
        ),
    }
}

fn is_assignment(grant: &Effective<'_>) -> bool {
    grant.id.as_str().to_ascii_lowercase().contains("/roleassignments/")
}

fn az_delete(grant: &Effective<'_>) -> String {
    format!("az role assignment delete --ids {}", sh(grant.id.as_str()))
}

fn ps_delete(grant: &Effective<'_>) -> String {
    format!(
        "Remove-AzRoleAssignment -ObjectId {} -RoleDefinitionId {} -Scope {}",
        ps(&grant.principal.id),
        ps(&grant.role),
        ps(grant.scope.as_str())
    )
}

/// The role's resource id, as requests about it name it.
fn role_id(grant: &Effective<'_>) -> String {
    match grant.definition {
        Some(definition) => definition.id.as_str().to_owned(),
        None => {
            let scope = grant.scope.up_to("subscriptions").map(|id| id.as_str().to_owned()).unwrap_or_default();
            format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/{}", grant.role)
        }
    }
}

/// Gives a role to a group, which whoever runs the command names.
pub fn add_group(role: &str, scope: &ArmId) -> Fix {
    let (quoted, scope_of_ps) = (sh(scope.as_str()), ps(scope.as_str()));
    Fix {
        az: Some(format!(
            "az role assignment create --assignee-object-id \"${{GROUP:?object id of the group}}\" \
             --assignee-principal-type Group --role {} --scope {quoted}",
            sh(role)
        )),
        powershell: Some(format!(
            "New-AzRoleAssignment -ObjectId (Read-Host 'Object id of the group') -RoleDefinitionId {} -Scope {scope_of_ps}",
            ps(role)
        )),
        portal: format!("{scope} > Access control (IAM) > Add role assignment"),
    }
}

/// Takes somebody out of a group.
pub fn leave_group(group: &str, member: &str) -> Fix {
    Fix {
        az: Some(format!("az ad group member remove --group {} --member-id {}", sh(group), sh(member))),
        powershell: Some(format!("Remove-AzADGroupMember -GroupObjectId {} -MemberObjectId {}", ps(group), ps(member))),
        portal: format!("Microsoft Entra ID > Groups > {group} > Members: remove {member}"),
    }
}
