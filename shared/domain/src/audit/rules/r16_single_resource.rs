//! An assignment so narrow that nobody finds it again.

use super::helpers::{is_deleted, is_in_avd, kind_of, named, role_of, violation_of};
use super::standing::Standing;
use crate::ArmId;
use crate::access::{Effective, Facet, builtin};
use crate::audit::{Audit, Family, Outcome, Rule, Severity, fix};
use std::collections::HashSet;

pub(super) const RULE: Rule = Rule {
    id: "R16",
    family: Family::Rbac,
    title: "Role assignment on a single resource",
    severity: Severity::Low,
    rationale: "Assignments to single resources are many and are seen only by who looks at that resource. Where Azure \
                Virtual Desktop wants them (application groups, operators of a pool, profile shares) they are no fault.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/best-practices",
        "https://learn.microsoft.com/azure/virtual-desktop/rbac",
    ],
    needs: &[Facet::RoleAssignments],
    check,
};

/// Storage File Data SMB Share Reader.
const SMB_SHARE_READER: &str = "aba4ae5f-2193-4029-9191-0cb91df5e314";
const SMB_SHARE_ROLES: [&str; 3] =
    [SMB_SHARE_READER, builtin::SMB_SHARE_CONTRIBUTOR, builtin::SMB_SHARE_ELEVATED_CONTRIBUTOR];
const OPERATORS: [&str; 2] = [builtin::SESSION_HOST_OPERATOR, builtin::USER_SESSION_OPERATOR];

fn check(audit: &Audit<'_>) -> Outcome {
    let assignments: HashSet<&ArmId> = audit.facts.assignments.iter().map(|one| &one.id).collect();
    let mut standing = Standing::new(audit);
    let listed = audit.world.grants().iter().filter(|grant| assignments.contains(grant.id));
    listed
        .filter_map(|grant| {
            let group = grant.scope.up_to("resourceGroups")?;
            if *grant.scope == group || is_meant(grant) {
                return None;
            }
            let (who, role) = (named(audit, grant.principal), role_of(grant));
            let message = format!("{who} holds {role} on the single resource {}", grant.scope);
            let mut violation = violation_of(audit, grant, message);
            // Nobody needs what somebody holds who is gone.
            if !is_deleted(audit, grant.principal) {
                let kind = kind_of(audit, grant.principal);
                let fix = fix::replace(grant, kind, &grant.role, grant.role_name(), &group);
                violation.fix = standing.with_caution(grant, fix);
                let portal = &mut violation.fix.portal;
                portal.push_str(". This widens it to the whole resource group; remove it if nobody needs that");
            }
            Some(violation)
        })
        .collect()
}

/// Whether the role is meant to be assigned to such a resource.
fn is_meant(grant: &Effective<'_>) -> bool {
    let role = grant.role.as_str();
    let is_share = || grant.scope.segment("providers").is_some_and(|one| one.eq_ignore_ascii_case("Microsoft.Storage"));
    is_in_avd(grant.scope, "applicationGroups")
        || is_in_avd(grant.scope, "appAttachPackages")
        || (OPERATORS.contains(&role) && is_in_avd(grant.scope, "hostPools"))
        || (SMB_SHARE_ROLES.contains(&role) && is_share() && grant.scope.segment("storageAccounts").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, GROUP, POOL, RG, S1};

    const VM: &str = "/subscriptions/s1/resourceGroups/avd/providers/Microsoft.Compute/virtualMachines/vm";
    const SHARES: &str = "/subscriptions/s1/resourceGroups/avd/providers/Microsoft.Storage/storageAccounts/profiles";

    #[test]
    fn what_lies_below_a_resource_group_is_reported() {
        let estate = Estate::clean()
            .assign("operators", builtin::READER, VM)
            .assign("operators", builtin::READER, POOL)
            .assign("operators", builtin::SESSION_HOST_OPERATOR, VM)
            .assign("operators", builtin::SMB_SHARE_CONTRIBUTOR, POOL);
        assert_eq!(estate.check(&RULE).violations.len(), 4);
        let fix = estate.check(&RULE).violations.remove(0).fix;
        assert!(fix.az.unwrap().contains(&format!("--scope '{RG}' && az role assignment delete")));
    }

    #[test]
    fn wider_scopes_and_what_is_meant_for_a_resource_are_none_of_it() {
        let share = format!("{SHARES}/fileServices/default/fileshares/fslogix");
        let package = GROUP.replace("applicationGroups", "appAttachPackages");
        let estate = Estate::clean()
            .assign("operators", builtin::READER, RG)
            .assign("operators", builtin::READER, GROUP)
            .assign("operators", builtin::DESKTOP_VIRTUALIZATION_USER, &package)
            .assign("operators", builtin::USER_SESSION_OPERATOR, POOL)
            .assign("operators", builtin::SMB_SHARE_CONTRIBUTOR, SHARES)
            .assign("operators", SMB_SHARE_READER, &share)
            .eligible("operators", builtin::READER, VM, None);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.forbidden(Facet::RoleAssignments, S1).verdict(&RULE), Verdict::Unknown);
    }

    #[test]
    fn what_somebody_holds_who_is_gone_is_widened_for_nobody() {
        let fix =
            Estate::bare().deleted("gone").assign("gone", builtin::READER, VM).check(&RULE).violations.remove(0).fix;
        assert!(fix.az.unwrap().starts_with("az role assignment delete --ids ") && !fix.portal.contains("widens"));
    }
}
