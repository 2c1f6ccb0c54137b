//! The commands that mend things. What comes from outside is quoted, so that a name can never become a command.

use super::finding::Fix;
use crate::access::Effective;

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
    let (id, scope, principal) = (grant.id.as_str(), grant.scope.as_str(), grant.principal.id.as_str());
    let is_assignment = id.to_ascii_lowercase().contains("/roleassignments/");
    if !is_assignment {
        return Fix {
            az: None,
            powershell: None,
            portal: format!(
                "Privileged Identity Management > Azure resources > {scope} > Assignments: remove {} of {principal}",
                grant.role_name()
            ),
        };
    }
    Fix {
        az: Some(format!("az role assignment delete --ids {}", sh(id))),
        powershell: Some(format!(
            "Remove-AzRoleAssignment -ObjectId {} -RoleDefinitionId {} -Scope {}",
            ps(principal),
            ps(&grant.role),
            ps(scope)
        )),
        portal: format!(
            "{scope} > Access control (IAM) > Role assignments: remove {} of {principal}",
            grant.role_name()
        ),
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
