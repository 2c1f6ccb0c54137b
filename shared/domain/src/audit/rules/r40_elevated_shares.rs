//! Users who change the permissions of other people's profiles.

use super::entitled::held_by_the_entitled;
use crate::access::{Facet, builtin};
use crate::audit::{Audit, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R40",
    family: Family::Rbac,
    title: "Users may change the permissions of profile shares",
    severity: Severity::High,
    rationale: "Storage File Data SMB Share Elevated Contributor changes access control lists, and so opens the profile of \
                everybody on the share. Users need Storage File Data SMB Share Contributor.",
    references: &[
        "https://learn.microsoft.com/azure/storage/files/storage-files-identity-assign-share-level-permissions",
        "https://learn.microsoft.com/fslogix/how-to-configure-storage-permissions",
    ],
    needs: &[
        Facet::RoleAssignments,
        Facet::Principals,
        Facet::GroupMembers,
        Facet::RoleDefinitions,
        Facet::PimActive,
        Facet::PimEligible,
        Facet::DesktopVirtualization,
        Facet::ManagementGroups,
    ],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let power = "may change who opens which profile on the shares below its scope";
    held_by_the_entitled(audit, builtin::SMB_SHARE_ELEVATED_CONTRIBUTOR, power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::entitled::tests::holds_of;

    #[test]
    fn users_and_groups_with_an_entitled_member_are_reported_and_nobody_else() {
        holds_of(&RULE, builtin::SMB_SHARE_ELEVATED_CONTRIBUTOR);
    }
}
