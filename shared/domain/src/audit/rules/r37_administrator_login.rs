//! Users who sign in to session hosts as administrators.

use super::entitled::held_by_the_entitled;
use crate::access::{Facet, builtin};
use crate::audit::{Audit, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R37",
    family: Family::Rbac,
    title: "Users sign in to hosts as administrators",
    severity: Severity::High,
    rationale: "Virtual Machine Administrator Login makes whoever signs in a local administrator of the host, and so of \
                everybody else's session and profile on it. Users need Virtual Machine User Login.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/azure-ad-joined-session-hosts",
        "https://learn.microsoft.com/entra/identity/devices/howto-vm-sign-in-azure-ad-windows",
    ],
    needs: &[
        Facet::RoleAssignments,
        Facet::RoleDefinitions,
        Facet::PimActive,
        Facet::PimEligible,
        Facet::Principals,
        Facet::GroupMembers,
        Facet::DesktopVirtualization,
        Facet::ManagementGroups,
    ],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let power = "signs in to hosts as their administrator";
    held_by_the_entitled(audit, builtin::VIRTUAL_MACHINE_ADMINISTRATOR_LOGIN, power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::entitled::tests::holds_of;

    #[test]
    fn users_and_groups_with_an_entitled_member_are_reported_and_nobody_else() {
        holds_of(&RULE, builtin::VIRTUAL_MACHINE_ADMINISTRATOR_LOGIN);
    }
}
