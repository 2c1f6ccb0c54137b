//! A custom role that nobody holds.

use super::helpers::custom_role_violation;
use crate::ArmId;
use crate::access::{Definition, Facet};
use crate::audit::{Audit, Family, Fix, Outcome, Rule, Severity, Violation, fix};
use std::collections::HashSet;

pub(super) const RULE: Rule = Rule {
    id: "R10",
    family: Family::Rbac,
    title: "Custom role that nobody holds",
    severity: Severity::Low,
    rationale: "A role that is not used is not looked after either: it is there to be assigned by mistake, and counts \
                towards the tenant's limit.",
    references: &["https://learn.microsoft.com/azure/role-based-access-control/custom-roles"],
    needs: NEEDS,
    check,
};

const GRANTS: &[Facet] = &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible];
const NEEDS: &[Facet] = &[Facet::RoleDefinitions, Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible];

fn check(audit: &Audit<'_>) -> Outcome {
    let held: HashSet<&str> = audit.world.grants().iter().map(|grant| grant.role.as_str()).collect();
    let mut outcome = Outcome::default();
    // A grant that was not read may be of any of them.
    if !audit.is_read_everywhere(GRANTS) {
        return outcome;
    }
    for role in super::helpers::custom_roles(audit) {
        if held.contains(role.id.name().to_ascii_lowercase().as_str()) {
            continue;
        }
        match elsewhere(audit, role) {
            Some(scope) => outcome
                .unknown
                .push(format!("whether anybody holds {} at {scope}, which is not audited, is not known", role.name)),
            None => outcome.violations.push(violation(role)),
        }
    }
    outcome
}

/// A subscription in which the role can be assigned and which is not audited.
fn elsewhere<'a>(audit: &Audit<'_>, role: &'a Definition) -> Option<&'a ArmId> {
    role.assignable_scopes.iter().find(|scope| scope.subscription().is_some() && !audit.is_audited(scope))
}

fn violation(role: &Definition) -> Violation {
    let fix = fix::delete_role(role);
    if role.assignable_scopes.iter().all(|scope| scope.subscription().is_some()) {
        return custom_role_violation(role, format!("nobody holds the custom role {}", role.name), fix);
    }
    // A management group may hold subscriptions that nobody audits, and none of them says so.
    let message = format!("nobody holds the custom role {} in the audited subscriptions", role.name);
    let portal = format!("{}, if no other subscription uses it: it can be assigned above the audited ones", fix.portal);
    custom_role_violation(role, message, Fix { portal, ..Fix::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, LANDING, S1};

    fn with_role(scopes: &[&str]) -> Estate {
        Estate::clean().role("Idle", &["A/read"], &[], &[], scopes)
    }

    #[test]
    fn a_role_without_any_grant_is_reported_at_its_first_scope() {
        let estate = Estate::clean().subscription("s0").role("idle", &["A/read"], &[], &[], &[S1, "/subscriptions/s0"]);
        assert_eq!(estate.found(&RULE), ["/subscriptions/s0 - idle"]);
        assert_eq!(with_role(&[LANDING]).found(&RULE), [format!("{LANDING} - idle")]);
    }

    #[test]
    fn a_role_that_somebody_holds_or_could_activate_is_used() {
        let estate = with_role(&[S1]).user("ann");
        assert_eq!(estate.clone().assign("ann", "idle", S1).verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.eligible("ann", "IDLE", S1, None).verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn where_grants_were_not_read_no_role_is_called_unused() {
        assert_eq!(with_role(&[S1]).forbidden(Facet::PimEligible, S1).verdict(&RULE), Verdict::Unknown);
        assert_eq!(with_role(&[S1, "/subscriptions/other"]).verdict(&RULE), Verdict::Unknown);
    }

    #[test]
    fn a_role_that_others_may_use_is_not_deleted_by_a_command() {
        let violation = |scope: &str| with_role(&[scope]).check(&RULE).violations.remove(0);
        assert!(violation(S1).fix.az.is_some());
        for scope in [LANDING, "/"] {
            let found = violation(scope);
            assert_eq!(found.message, "nobody holds the custom role Role Idle in the audited subscriptions");
            assert!(found.fix.az.is_none() && found.fix.powershell.is_none(), "{:?}", found.fix);
        }
    }
}
