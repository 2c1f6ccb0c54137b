//! Operators of sessions and session hosts, given more than one host pool at once.

use super::helpers::{is_in_avd, mend, named, role_of, violation_of};
use super::remedy::{Place, move_to};
use super::standing::Standing;
use crate::access::{Facet, builtin};
use crate::audit::{Audit, Family, Outcome, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    id: "R39",
    family: Family::Rbac,
    title: "Session operators above host pools",
    severity: Severity::Medium,
    rationale: "Who operates sessions can send messages to people, sign them out and drain hosts. Given at a resource group \
                or above, that holds for every pool below, those of other teams and of tomorrow too.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/rbac",
        "https://learn.microsoft.com/azure/role-based-access-control/scope-overview",
    ],
    needs: &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible],
    check,
};

/// The pool that has to be named.
const A_POOL: Place<'static> = Place::Named("HOST_POOL", "id of a host pool that they look after");

fn check(audit: &Audit<'_>) -> Outcome {
    let mut standing = Standing::new(audit);
    let operators = [builtin::SESSION_HOST_OPERATOR, builtin::USER_SESSION_OPERATOR];
    let above = audit
        .world
        .grants()
        .iter()
        .filter(|grant| operators.contains(&grant.role.as_str()) && !is_in_avd(grant.scope, "hostPools"));
    let violations = above.map(|grant| {
        let message = format!(
            "{} operates the sessions of every host pool below {} through {}",
            named(audit, grant.principal),
            grant.scope,
            role_of(grant)
        );
        let mut violation = violation_of(audit, grant, message);
        violation.fix = mend(audit, grant, |grant| standing.with_caution(grant, move_to(grant, A_POOL)));
        violation
    });
    violations.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::{HOST_POOL_CONTRIBUTOR, SESSION_HOST_OPERATOR, USER_SESSION_OPERATOR};
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, LANDING, POOL, RG, S1};

    #[test]
    fn both_roles_are_reported_at_resource_groups_and_above() {
        let estate = Estate::bare()
            .group("desk", &[])
            .assign("desk", SESSION_HOST_OPERATOR, RG)
            .assign("desk", USER_SESSION_OPERATOR, LANDING)
            .eligible("desk", USER_SESSION_OPERATOR, S1, None);
        let expected = [
            format!("{LANDING} desk {USER_SESSION_OPERATOR}"),
            format!("{S1} desk {USER_SESSION_OPERATOR}"),
            format!("{RG} desk {SESSION_HOST_OPERATOR}"),
        ];
        assert_eq!(estate.found(&RULE), expected);
    }

    #[test]
    fn at_a_pool_and_within_it_they_are_as_they_shall_be() {
        let estate = Estate::bare()
            .group("desk", &[])
            .assign("desk", SESSION_HOST_OPERATOR, &POOL.to_uppercase())
            .assign("desk", USER_SESSION_OPERATOR, &format!("{POOL}/sessionHosts/h1"))
            .assign("desk", HOST_POOL_CONTRIBUTOR, RG);
        assert!(estate.found(&RULE).is_empty());
    }

    #[test]
    fn what_is_not_listed_could_be_there() {
        let report = Estate::bare().forbidden(Facet::RoleAssignments, S1).report();
        assert_eq!(report.rules.iter().find(|rule| rule.id == RULE.id).unwrap().verdict, Verdict::Unknown);
    }
}
