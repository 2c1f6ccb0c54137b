//! The commands that mend things. What comes from outside is quoted, so that a name can never become a command.

mod pim;
mod roles;
#[cfg(test)]
mod tests;

pub use pim::{end_eligibility, make_eligible};
pub use roles::{create_lock_role, delete_role, limit_role, withhold};

use super::finding::Fix;
use crate::ArmId;
use crate::access::{Effective, GrantKind, builtin};

/// The kinds of principals that `--assignee-principal-type` knows.
const KINDS: [&str; 4] = ["User", "Group", "ServicePrincipal", "ForeignGroup"];

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

/// Gives what a grant gives to a group instead, which whoever runs the command names, and takes the grant away. What is
/// not there all the time is made anew in the portal: an assignment in its place would be.
pub fn move_to_group(grant: &Effective<'_>) -> Fix {
    if !is_standing_assignment(grant) {
        return Fix {
            portal: format!("{}; make a group eligible instead, and put its users in it", pim::remove(grant).portal),
            ..Fix::default()
        };
    }
    let (role, scope) = (grant.role.as_str(), grant.scope.as_str());
    let (az_condition, ps_condition) = conditions(grant.condition);
    Fix {
        az: Some(format!(
            "az role assignment create --assignee-object-id \"${{GROUP:?object id of the group}}\" \
             --assignee-principal-type Group --role {} --scope {}{az_condition} && {}",
            sh(role),
            sh(scope),
            az_delete(grant)
        )),
        powershell: Some(format!(
            "$group = Read-Host 'Object id of the group'\nNew-AzRoleAssignment -ObjectId $group -RoleDefinitionId {} -Scope \
             {}{ps_condition} -ErrorAction Stop\n{}",
            ps(role),
            ps(scope),
            ps_delete(grant)
        )),
        portal: format!(
            "{scope} > Access control (IAM): add {} for a group that {} is a member of, then remove the assignment to it",
            grant.role_name(),
            grant.principal.id
        ),
    }
}

/// Gives a principal a role, by its id and its kind as far as that is known.
pub fn assign(id: &str, kind: &str, role: &str, role_name: &str, scope: &ArmId) -> Fix {
    assign_if(id, kind, role, role_name, scope, None)
}

/// The same, under a condition.
fn assign_if(id: &str, kind: &str, role: &str, role_name: &str, scope: &ArmId, condition: Option<&str>) -> Fix {
    let (az_condition, ps_condition) = conditions(condition);
    Fix {
        az: Some(format!(
            "az role assignment create --assignee-object-id {}{} --role {} --scope {}{az_condition}",
            sh(id),
            kind_flag(kind),
            sh(role),
            sh(scope.as_str())
        )),
        powershell: Some(format!(
            "New-AzRoleAssignment -ObjectId {} -RoleDefinitionId {} -Scope {}{ps_condition}",
            ps(id),
            ps(role),
            ps(scope.as_str())
        )),
        portal: format!("{scope} > Access control (IAM): add {role_name} for {id}"),
    }
}

/// Gives a principal another role, at the same scope or another, and takes the grant away. By hand, what is not there all
/// the time, for the assignment would be, and a condition of another role, which may mean nothing there.
pub fn replace(grant: &Effective<'_>, kind: &str, role: &str, role_name: &str, scope: &ArmId) -> Fix {
    let first = assign_if(&grant.principal.id, kind, role, role_name, scope, grant.condition);
    let portal = format!("{}, then remove {} at {}", first.portal, grant.role_name(), grant.scope);
    if !is_standing_assignment(grant) {
        let portal = format!("{portal}, both in Privileged Identity Management and for no longer than now");
        return Fix { portal, ..Fix::default() };
    }
    if grant.condition.is_some() && role != grant.role {
        let portal = format!("{portal}. The assignment has a condition: see what of it the other role needs");
        return Fix { portal, ..Fix::default() };
    }
    let last = remove(grant);
    let both = |first: Option<String>, join: &str, last: Option<String>| Some(format!("{}{join}{}", first?, last?));
    Fix {
        az: both(first.az, " && ", last.az),
        powershell: both(first.powershell, " -ErrorAction Stop\n", last.powershell),
        portal,
    }
}

/// The flags for a condition, of either command.
pub(super) fn conditions(condition: Option<&str>) -> (String, String) {
    match condition {
        Some(text) => (
            format!(" --condition {} --condition-version 2.0", sh(text)),
            format!(" -Condition {} -ConditionVersion '2.0'", ps(text)),
        ),
        None => Default::default(),
    }
}

/// The flag for a principal's kind; none where nobody knows a kind that the command takes.
pub(super) fn kind_flag(kind: &str) -> String {
    match KINDS.contains(&kind) {
        true => format!(" --assignee-principal-type {}", sh(kind)),
        false => String::new(),
    }
}

/// Limits which roles a grant lets its principal assign: Azure Virtual Desktop's own for users, and signing in to their
/// hosts. <https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples>
pub fn constrain(grant: &Effective<'_>) -> Fix {
    if !is_assignment(grant) {
        return pim::remove(grant);
    }
    let portal = format!(
        "{} > Access control (IAM) > Role assignments > {} of {} > Conditions: allow assigning selected roles only",
        grant.scope,
        grant.role_name(),
        grant.principal.id
    );
    // Whatever it limits has to stay limited, and the command would put its condition in the place of that.
    if grant.condition.is_some() {
        return Fix { portal: format!("{portal}, and keep the condition that is there"), ..Fix::default() };
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
    // The command looks the assignment up by the scope and the name.
    let mut body = serde_json::json!({
        "id": grant.id,
        "name": grant.id.name(),
        "scope": grant.scope,
        "principalId": grant.principal.id,
        "roleDefinitionId": role_id(grant),
        "condition": condition,
        "conditionVersion": "2.0",
    });
    if KINDS.contains(&grant.principal.kind.as_str()) {
        body["principalType"] = grant.principal.kind.as_str().into();
    }
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
        portal,
    }
}

/// Whether it is a role assignment that is there all the time, as one that a command makes in its place is.
pub(super) fn is_standing_assignment(grant: &Effective<'_>) -> bool {
    grant.kind == GrantKind::Standing && is_assignment(grant)
}

/// Whether it is a role assignment, and not an instance of Privileged Identity Management.
pub(super) fn is_assignment(grant: &Effective<'_>) -> bool {
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

/// Takes somebody out of a group.
pub fn leave_group(group: &str, member: &str) -> Fix {
    Fix {
        az: Some(format!("az ad group member remove --group {} --member-id {}", sh(group), sh(member))),
        powershell: Some(format!("Remove-AzADGroupMember -GroupObjectId {} -MemberObjectId {}", ps(group), ps(member))),
        portal: format!("Microsoft Entra ID > Groups > {group} > Members: remove {member}"),
    }
}
