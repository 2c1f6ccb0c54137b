//! The right to open desktops and RemoteApps, given for more than one application group or package at once.

use super::grants::{grants_whose_role, listed};
use super::helpers::{is_entitling, is_in_avd, mend, named, role_of, violation_of};
use super::remedy::{AN_APPLICATION_GROUP, move_to};
use super::standing::Standing;
use crate::ArmId;
use crate::access::Facet;
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity};
use std::collections::HashMap;

pub(super) const RULE: Rule = Rule {
    id: "R24",
    family: Family::Rbac,
    title: "Desktops and RemoteApps are opened by a role above application groups",
    severity: Severity::High,
    rationale: "Desktop Virtualization User at a resource group or above opens every application group below, those that \
                are made tomorrow too: nobody decides any more who gets what.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/rbac",
        "https://learn.microsoft.com/azure/virtual-desktop/delegated-access-virtual-desktop",
    ],
    needs: &[Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive, Facet::PimEligible],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let above = grants_whose_role(audit, is_entitling).into_iter().filter(|grant| !is_for_one(grant.scope));
    let mut standing = Standing::new(audit);
    // Many grants are at few scopes.
    let mut below: HashMap<&ArmId, String> = HashMap::new();
    let violations = above.map(|grant| {
        let message = format!(
            "{} opens every application group below {} through {}",
            named(audit, grant.principal),
            grant.scope,
            role_of(grant)
        );
        let mut violation = violation_of(audit, grant, message);
        let opened = below.entry(grant.scope).or_insert_with(|| {
            listed(audit.application_groups().map(|group| &group.id).filter(|id| id.is_within(grant.scope)))
        });
        if !opened.is_empty() {
            violation.evidence.push(Evidence::new("application groups below", opened.as_str()));
        }
        violation.fix = mend(audit, grant, |grant| standing.with_caution(grant, move_to(grant, AN_APPLICATION_GROUP)));
        violation
    });
    violations.collect()
}

/// Whether a scope lies within one application group or one app attach package.
fn is_for_one(scope: &ArmId) -> bool {
    is_in_avd(scope, "applicationGroups") || is_in_avd(scope, "appAttachPackages")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::{DESKTOP_VIRTUALIZATION_USER as USER, USE_APPLICATIONS};
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, GROUP, LANDING, RG, S1};

    const PACKAGE: &str =
        "/subscriptions/s1/resourceGroups/avd/providers/Microsoft.DesktopVirtualization/appAttachPackages/p";

    #[test]
    fn any_grant_above_application_groups_is_reported_be_it_eligible_or_of_a_custom_role() {
        let estate = Estate::bare()
            .group("team", &[])
            .role("opener", &[], &[], &[USE_APPLICATIONS], &[S1])
            .assign("team", USER, LANDING)
            .assign("team", "opener", RG)
            .eligible("team", USER, S1, None);
        let expected = [format!("{LANDING} team {USER}"), format!("{S1} team {USER}"), format!("{RG} team opener")];
        assert_eq!(estate.found(&RULE), expected);
        let az = estate.check(&RULE).violations[0].fix.az.clone().unwrap();
        assert!(az.contains("create") && az.contains("${APPLICATION_GROUP:?") && az.contains("delete --ids"), "{az}");
    }

    #[test]
    fn within_application_groups_and_packages_it_is_as_it_shall_be_and_other_roles_open_nothing() {
        let estate = Estate::bare()
            .group("team", &[])
            .assign("team", USER, &GROUP.to_lowercase())
            .assign("team", USER, PACKAGE)
            .assign("team", crate::access::builtin::OWNER, S1);
        assert!(estate.found(&RULE).is_empty());
    }

    #[test]
    fn a_role_that_could_not_be_read_might_open_them() {
        let estate = Estate::bare().group("team", &[]).assign("team", "unseen", S1);
        let verdict =
            |estate: Estate| estate.report().rules.into_iter().find(|rule| rule.id == RULE.id).unwrap().verdict;
        assert_eq!(verdict(estate.clone()), Verdict::Pass);
        assert_eq!(verdict(estate.forbidden(Facet::RoleDefinitions, S1)), Verdict::Unknown);
    }
}
