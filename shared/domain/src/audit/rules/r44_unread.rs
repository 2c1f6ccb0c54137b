//! What the audit could not read, as a finding of its own.

use super::remedy::{Grantee, Place, assign, grant_app_role, then};
use crate::access::builtin::READER;
use crate::access::{Coverage, Facet, State};
use crate::audit::{Audit, Evidence, Family, Fix, Outcome, Rule, Severity, Violation};
use crate::{Unreadable, Why};
use serde_json::Value;

pub(super) const RULE: Rule = Rule {
    id: "R44",
    family: Family::Rbac,
    title: "A part of the estate could not be read",
    severity: Severity::High,
    rationale: "What nobody could read may hide anything: no rule that depends on it passes, and those who rely on this \
                audit must know.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles",
        "https://learn.microsoft.com/graph/permissions-reference",
        "https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling",
    ],
    needs: &[],
    check,
};

/// Management Group Reader.
const MANAGEMENT_GROUP_READER: &str = "ac63b705-f282-497d-ac71-919bf39d939d";
/// Key Vault Reader: what secrets and certificates are called, not what they hold.
const KEY_VAULT_READER: &str = "21090545-7ca7-4776-b22c-e363652d74d2";
/// `Directory.Read.All` of Microsoft Graph.
const READ_DIRECTORY: &str = "7ab1d382-f21e-4acd-a863-ba3e13f7da61";
/// `RoleManagement.Read.Directory` of Microsoft Graph.
const READ_DIRECTORY_ROLES: &str = "483bed4a-2ad3-4361-a73b-c83ccdbdc53c";
/// `Member.Read.Hidden` of Microsoft Graph, without which nobody sees who is in a group of hidden membership. The reason
/// names it where it is needed.
const READ_HIDDEN_MEMBERS: &str = "658aa5d8-239f-45c4-aa12-864f4fc7e490";
const HIDDEN_MEMBERS: &str = "Member.Read.Hidden";

fn check(audit: &Audit<'_>) -> Outcome {
    let unread = audit.facts.coverage.iter().filter_map(|coverage| match &coverage.state {
        State::Unknown(reason) => Some(violation(coverage, reason)),
        State::Read { .. } => None,
    });
    unread.collect()
}

/// A facet's name as coverage spells it: `role_assignments`.
fn spelled(facet: Facet) -> String {
    serde_json::to_value(facet).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn violation(coverage: &Coverage, reason: &Unreadable) -> Violation {
    let facet = coverage.facet;
    Violation {
        scope: coverage.scope.clone(),
        principal: None,
        subject: Some(spelled(facet)),
        severity: None,
        message: format!("The {facet} of {} could not be read, or not all: {reason}", coverage.scope),
        evidence: vec![Evidence::new("facet", spelled(facet)), Evidence::new("reason", reason.to_string())],
        fix: remedy(coverage, reason),
    }
}

fn remedy(coverage: &Coverage, reason: &Unreadable) -> Fix {
    let only = |portal: &str| Fix { portal: portal.to_owned(), ..Fix::default() };
    match reason.why {
        Why::Forbidden => permission(coverage, reason),
        // No role helps: what is denied is denied to whoever holds one, too.
        Why::Denied => only(&format!(
            "{} > Access control (IAM) > Deny assignments: have the identity that the audit reads as left out of the one \
             that the reason names. A deployment stack or a managed application made it, and is where that is said",
            coverage.scope
        )),
        // Lists leave out management groups that whoever reads may not read, without a word.
        Why::Missing if coverage.facet == Facet::ManagementGroups => {
            let mut fix = permission(coverage, reason);
            fix.portal.push_str(". Where exported files are read, export the management groups too");
            fix
        }
        Why::Throttled => only("Run the audit again later, or at a time when less else asks the same service"),
        Why::Failed => only("Run the audit again; if it fails again, look up the reason in the service's health"),
        Why::Malformed => only("Report the answer: it is not what the service documents"),
        Why::TooLarge => only("Audit fewer subscriptions at once, or raise the limit that the reason names"),
        Why::Missing => only(
            "Give the audit what the reason names: access to the service that tells it or, where exported files are \
             read, the file. Then run it again",
        ),
        Why::Retired => only("The service is gone: use an export that was made before"),
    }
}

/// What whoever reads needs for a facet.
fn permission(coverage: &Coverage, reason: &Unreadable) -> Fix {
    let role = |role: &str, name: &str, place: Place<'_>| assign(Grantee::TheReader, role, name, place);
    match coverage.facet {
        Facet::ManagementGroups => role(
            MANAGEMENT_GROUP_READER,
            "Management Group Reader",
            Place::Named("MANAGEMENT_GROUP", "id of the tenant root management group"),
        ),
        Facet::VaultContents => role(KEY_VAULT_READER, "Key Vault Reader", Place::At(&coverage.scope)),
        Facet::DirectoryRoles => grant_app_role(READ_DIRECTORY_ROLES, "RoleManagement.Read.Directory"),
        // What is granted already is refused and ends the commands: what is certainly missing comes first.
        Facet::GroupMembers if reason.detail.contains(HIDDEN_MEMBERS) => then(
            grant_app_role(READ_HIDDEN_MEMBERS, HIDDEN_MEMBERS),
            grant_app_role(READ_DIRECTORY, "Directory.Read.All"),
        ),
        facet if facet.is_of_directory() => grant_app_role(READ_DIRECTORY, "Directory.Read.All"),
        Facet::ClassicAssignments => Fix {
            az: None,
            powershell: Some(
                "New-RdsRoleAssignment -RoleDefinitionName 'RDS Reader' -ApplicationId (Read-Host 'Application id of \
                 the reader') -TenantName (Read-Host 'Name of the tenant')"
                    .to_owned(),
            ),
            portal: "Azure Virtual Desktop (classic) has no portal for roles".to_owned(),
        },
        _ => role(READER, "Reader", Place::At(&coverage.scope)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArmId;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, POOL, S1};

    #[test]
    fn each_scope_and_facet_that_could_not_be_read_is_reported() {
        let estate = Estate::bare()
            .forbidden(Facet::RoleAssignments, S1)
            .forbidden(Facet::DesktopVirtualization, POOL)
            .forbidden(Facet::GroupMembers, "/");
        let expected = [
            "/ - group_members".to_owned(),
            format!("{S1} - role_assignments"),
            format!("{POOL} - desktop_virtualization"),
        ];
        assert_eq!(estate.found(&RULE), expected);
        assert_eq!(estate.verdict(&RULE), Verdict::Fail);
    }

    #[test]
    fn what_was_read_is_no_finding_and_the_rule_itself_is_never_unknown() {
        assert_eq!(Estate::bare().verdict(&RULE), Verdict::Pass);
        let nothing = Estate::bare().with(|facts| facts.coverage.clear());
        assert_eq!(nothing.verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn whoever_may_not_read_gets_the_role_or_permission_that_is_missing() {
        for (facet, scope, expected) in [
            (Facet::KeyVaults, S1, format!("--role '{READER}' --scope '{S1}'")),
            (Facet::VaultContents, S1, KEY_VAULT_READER.to_owned()),
            (Facet::ManagementGroups, S1, MANAGEMENT_GROUP_READER.to_owned()),
            (Facet::Principals, "/", READ_DIRECTORY.to_owned()),
            (Facet::DirectoryRoles, "/", READ_DIRECTORY_ROLES.to_owned()),
        ] {
            let fix = Estate::bare().forbidden(facet, scope).check(&RULE).violations.remove(0).fix;
            assert!(fix.az.as_ref().unwrap().contains(&expected), "{facet}: {fix:?}");
            assert!(fix.powershell.is_some());
        }
    }

    #[test]
    fn no_permission_mends_what_is_not_forbidden() {
        for why in [Why::Denied, Why::Throttled, Why::Failed, Why::Malformed, Why::TooLarge, Why::Missing, Why::Retired]
        {
            let reason = Unreadable::new(why, "x");
            let coverage = Coverage::unknown(ArmId::new(S1), Facet::Compute, reason.clone());
            let fix = remedy(&coverage, &reason);
            assert!(fix.az.is_none() && fix.powershell.is_none() && !fix.portal.is_empty(), "{why:?}");
        }
    }

    #[test]
    fn each_reason_is_met_with_what_removes_it() {
        let fix = |facet: Facet, why: Why, detail: &str| {
            let reason = Unreadable::new(why, detail);
            remedy(&Coverage::unknown(ArmId::new(S1), facet, reason.clone()), &reason)
        };
        assert!(fix(Facet::Compute, Why::Denied, "x").portal.contains("Deny assignments"));
        let above = fix(Facet::ManagementGroups, Why::Missing, "Resource Graph does not tell");
        assert!(above.az.unwrap().contains(MANAGEMENT_GROUP_READER));
        assert!(
            !fix(Facet::Principals, Why::Missing, "no access to Microsoft Graph is set up").portal.contains("folder")
        );
        let members = |detail: &str| fix(Facet::GroupMembers, Why::Forbidden, detail).az.unwrap();
        let hidden = members("403; grant the permission Member.Read.Hidden of Microsoft Graph");
        assert!(hidden.contains(READ_DIRECTORY) && hidden.contains(READ_HIDDEN_MEMBERS), "{hidden}");
        assert!(!members("403").contains(READ_HIDDEN_MEMBERS));
    }
}
