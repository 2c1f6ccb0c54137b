//! The right to open desktops and RemoteApps, given to single users.

use super::grants::grants_whose_role;
use super::helpers::{is_entitling, kind_of, mend, named, role_of, violation_of};
use super::standing::Standing;
use crate::access::Facet;
use crate::audit::{Audit, Family, Outcome, Rule, Severity, fix};

pub(super) const RULE: Rule = Rule {
    id: "R25",
    family: Family::Rbac,
    title: "A single user is entitled to desktops or RemoteApps",
    severity: Severity::Medium,
    rationale: "Entitlements of single users are overlooked when somebody leaves or changes, and each takes one of the \
                subscription's role assignments. A group is reviewed in one place.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/delegated-access-virtual-desktop",
        "https://learn.microsoft.com/azure/role-based-access-control/best-practices",
    ],
    needs: &[Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive, Facet::PimEligible, Facet::Principals],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let mut standing = Standing::new(audit);
    let entitling = grants_whose_role(audit, is_entitling).into_iter();
    let of_users = entitling.filter(|grant| kind_of(audit, grant.principal) == "User");
    let violations = of_users.map(|grant| {
        let message = format!(
            "{} holds {} at {} and not through a group",
            named(audit, grant.principal),
            role_of(grant),
            grant.scope
        );
        let mut violation = violation_of(audit, grant, message);
        violation.fix = mend(audit, grant, |grant| standing.with_caution(grant, fix::move_to_group(grant)));
        violation
    });
    violations.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::{DESKTOP_VIRTUALIZATION_USER as USER, OWNER};
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, GROUP, S1};

    #[test]
    fn users_are_reported_whether_members_guests_or_gone() {
        let estate = Estate::bare()
            .user("ann")
            .guest("gus")
            .deleted("gone")
            .assign("ann", USER, GROUP)
            .assign("gone", USER, GROUP)
            .eligible("gus", USER, S1, None);
        let expected = [format!("{S1} gus {USER}"), format!("{GROUP} ann {USER}"), format!("{GROUP} gone {USER}")];
        let mut found = estate.found(&RULE);
        found.sort_by_key(String::len);
        assert_eq!(found, expected);
        let az = estate.check(&RULE).violations[0].fix.az.clone().unwrap();
        assert!(az.contains("--assignee-principal-type Group") && az.contains("az role assignment delete"), "{az}");
    }

    #[test]
    fn groups_services_and_other_roles_are_fine() {
        let estate = Estate::bare()
            .user("ann")
            .group("team", &["ann"])
            .identity("robot", "Robot")
            .assign("team", USER, GROUP)
            .assign("robot", USER, GROUP)
            .assign("ann", OWNER, GROUP);
        assert!(estate.found(&RULE).is_empty());
    }

    #[test]
    fn what_is_not_listed_could_be_there() {
        let report = Estate::bare().forbidden(Facet::PimEligible, S1).report();
        assert_eq!(report.rules.iter().find(|rule| rule.id == RULE.id).unwrap().verdict, Verdict::Unknown);
    }

    #[test]
    fn what_a_deleted_user_holds_is_taken_away_and_given_to_nobody() {
        let estate = Estate::bare().deleted("gone").assign("gone", USER, GROUP);
        let az = estate.check(&RULE).violations.remove(0).fix.az.unwrap();
        assert!(az.starts_with("az role assignment delete --ids "), "{az}");
    }
}
