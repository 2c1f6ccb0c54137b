//! Power to give roles away that nothing limits.

use super::grants::grants_that_allow;
use super::helpers::{mend, named, role_of, violation_of};
use super::standing::Standing;
use crate::access::{Action, Facet, builtin, condition};
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity, fix};

pub(super) const RULE: Rule = Rule {
    id: "R13",
    family: Family::Rbac,
    title: "May write role assignments without a condition",
    severity: Severity::High,
    rationale: "Without a condition that says which roles, and to whom, the holder can give anybody everything, \
                themselves included.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-overview",
        "https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples",
    ],
    needs: &[Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let write = Action::control(builtin::WRITE_ROLE_ASSIGNMENTS);
    let mut standing = Standing::new(audit);
    grants_that_allow(audit, &write)
        .into_iter()
        .filter(|grant| Standing::is_meant(grant))
        .filter(|grant| !grant.condition.is_some_and(condition::constrains_delegation))
        .map(|grant| {
            let (who, role) = (named(audit, grant.principal), role_of(grant));
            let (scope, caveat) = (grant.scope, standing.caveat(grant));
            let message = format!("{who} may assign any role at {scope}, by {role} without a condition{caveat}");
            let mut violation = violation_of(audit, grant, message);
            violation.evidence.push(Evidence::new("condition", grant.condition.unwrap_or("none")));
            violation.fix = mend(audit, grant, fix::constrain);
            violation
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::testing::{DELEGATION, Estate, RG, S1};

    #[test]
    fn no_condition_and_conditions_about_other_things_are_reported() {
        let other = "@Resource[Microsoft.Storage/storageAccounts:name] StringEquals 'x'";
        let estate = Estate::bare()
            .group("admins", &[])
            .assign("admins", builtin::USER_ACCESS_ADMINISTRATOR, S1)
            .assign_if("admins", builtin::OWNER, RG, Some(other));
        let expected =
            [format!("{S1} admins {}", builtin::USER_ACCESS_ADMINISTRATOR), format!("{RG} admins {}", builtin::OWNER)];
        assert_eq!(estate.found(&RULE), expected);
    }

    #[test]
    fn delegation_that_is_limited_and_roles_that_are_activated_are_none_of_it() {
        let estate = Estate::clean()
            .assign_if("owners", builtin::RBAC_ADMINISTRATOR, S1, Some(DELEGATION))
            .activated("owners", builtin::OWNER, S1)
            .assign("owners", builtin::CONTRIBUTOR, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.forbidden(Facet::PimActive, S1).verdict(&RULE), Verdict::Unknown);
    }

    #[test]
    fn who_may_be_there_for_now_only_is_not_said_to_stand() {
        let estate = Estate::bare().group("g", &[]).assign("g", builtin::OWNER, S1);
        let message = |estate: &Estate| estate.check(&RULE).violations.remove(0).message;
        assert!(message(&estate).ends_with("without a condition"));
        let unread = estate.forbidden(Facet::PimActive, S1);
        assert!(message(&unread).ends_with("without a condition; whether only for now was not read"));
    }
}
