//! Principals that can publish a desktop and give it to themselves.

use super::combination::{COMBINATION, combinations};
use super::helpers::name_of;
use super::remedy::release;
use crate::access::{Action, Effective, builtin, condition};
use crate::audit::{Audit, Family, Outcome, Rule, Severity, Violation};
use std::collections::HashMap;

pub(super) const RULE: Rule = Rule {
    id: "R33",
    family: Family::Rbac,
    title: "One principal publishes desktops and decides who opens them",
    severity: Severity::High,
    rationale: "Whoever changes application groups and also assigns roles without limits can give any desktop to anybody, \
                themselves included, and nobody else has to agree.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/rbac",
        "https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-overview",
    ],
    needs: COMBINATION,
    check,
};

/// Creates or changes an application group.
const WRITE_APPLICATION_GROUPS: &str = "Microsoft.DesktopVirtualization/applicationGroups/write";

/// What a role holds of the two, if it holds one of them only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Publishes,
    Assigns,
}

fn half(grant: &Effective<'_>) -> Option<Half> {
    let publishes = grant.allows(&Action::control(WRITE_APPLICATION_GROUPS));
    let assigns = grant.allows(&Action::control(builtin::WRITE_ROLE_ASSIGNMENTS));
    match (publishes, assigns) {
        _ if grant.role == builtin::OWNER => None,
        (true, false) => Some(Half::Publishes),
        (false, true) => Some(Half::Assigns),
        _ => None,
    }
}

fn check(audit: &Audit<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut halves: HashMap<&str, Option<Half>> = HashMap::new();
    for grant in audit.world.grants() {
        halves.entry(&grant.role).or_insert_with(|| half(grant));
    }
    let is = |grant: &Effective<'_>, wanted: Half| halves.get(grant.role.as_str()) == Some(&Some(wanted));
    let publishes = |grant: &Effective<'_>| is(grant, Half::Publishes);
    let assigns = |grant: &Effective<'_>| {
        is(grant, Half::Assigns) && !grant.condition.is_some_and(condition::constrains_delegation)
    };
    let found = combinations(audit, &mut outcome, [&publishes, &assigns]);
    outcome.violations.extend(found.into_iter().map(|one| {
        let [publishing, assigning] = one.grants;
        let message = format!(
            "{} changes application groups through {} and assigns roles through {}",
            name_of(audit, &one.principal),
            publishing.role_name(),
            assigning.role_name()
        );
        Violation {
            scope: one.subscription,
            principal: Some(one.principal.clone()),
            subject: None,
            severity: None,
            message,
            evidence: one.evidence,
            fix: release(assigning, &one.ways[1]),
        }
    }));
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::{
        CONTRIBUTOR, DESKTOP_VIRTUALIZATION_CONTRIBUTOR, OWNER, RBAC_ADMINISTRATOR, USER_ACCESS_ADMINISTRATOR,
    };
    use crate::audit::testing::{DELEGATION, Estate, LANDING, RG, S1};

    fn estate() -> Estate {
        Estate::bare().user("ann").group("publishers", &["ann"]).group("deciders", &["ann"])
    }

    #[test]
    fn both_powers_are_found_in_one_hand_and_through_groups_at_above_and_below() {
        let line = [format!("{S1} ann -")];
        let direct = estate().assign("ann", CONTRIBUTOR, RG).assign("ann", RBAC_ADMINISTRATOR, LANDING);
        assert_eq!(direct.found(&RULE), line);
        let grouped = estate().assign("publishers", DESKTOP_VIRTUALIZATION_CONTRIBUTOR, RG).activated(
            "deciders",
            USER_ACCESS_ADMINISTRATOR,
            S1,
        );
        assert_eq!(grouped.found(&RULE), line);
        let violation = direct.check(&RULE).violations.remove(0);
        assert!(violation.evidence.iter().any(|one| one.value.contains("Role Based Access Control Administrator")));
        assert!(violation.fix.az.unwrap().contains("landing/providers/Microsoft.Authorization/roleAssignments/a1"));
    }

    #[test]
    fn owners_single_roles_with_both_limited_delegation_and_what_could_be_activated_are_not_looked_at() {
        let both = ["Microsoft.Authorization/roleAssignments/write", WRITE_APPLICATION_GROUPS];
        let cases = [
            estate().assign("ann", OWNER, S1).assign("ann", CONTRIBUTOR, S1),
            estate().role("both", &both, &[], &[], &[S1]).assign("ann", "both", S1).assign("ann", CONTRIBUTOR, S1),
            estate().assign("ann", CONTRIBUTOR, S1).assign_if("ann", RBAC_ADMINISTRATOR, S1, Some(DELEGATION)),
            estate().assign("ann", CONTRIBUTOR, S1).eligible("ann", RBAC_ADMINISTRATOR, S1, None),
            estate().assign("publishers", CONTRIBUTOR, S1).assign("ann", builtin::READER, S1),
        ];
        for (number, estate) in cases.into_iter().enumerate() {
            assert_eq!(estate.check(&RULE), Outcome::default(), "case {number}");
        }
        let other =
            estate().assign_if("ann", RBAC_ADMINISTRATOR, S1, Some("@Resource[a] == 1")).assign("ann", CONTRIBUTOR, S1);
        assert_eq!(other.found(&RULE).len(), 1, "a condition about something else limits nothing");
    }

    #[test]
    fn groups_that_could_not_be_read_leave_it_open() {
        let outcome = estate()
            .opaque_group("dark")
            .assign("dark", CONTRIBUTOR, S1)
            .assign("deciders", RBAC_ADMINISTRATOR, S1)
            .check(&RULE);
        assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{outcome:?}");
    }
}
