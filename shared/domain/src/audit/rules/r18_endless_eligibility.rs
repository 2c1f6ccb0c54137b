//! An eligibility that nobody will ever look at again.

use super::helpers::{mend, named, role_of, violation_of};
use crate::access::{Facet, GrantKind};
use crate::audit::{Audit, Family, Outcome, Rule, Severity, fix};

pub(super) const RULE: Rule = Rule {
    id: "R18",
    family: Family::Rbac,
    title: "Eligible for a role without an end",
    severity: Severity::Medium,
    rationale: "An eligibility with an end has to be renewed, and somebody asks whether it is still needed. Without one \
                it goes stale.",
    references: &[
        "https://learn.microsoft.com/azure/role-based-access-control/pim-integration",
        "https://learn.microsoft.com/entra/id-governance/privileged-identity-management/pim-resource-roles-renew-extend",
    ],
    needs: &[Facet::PimEligible],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let eligible = audit.world.grants().iter().filter(|grant| grant.kind == GrantKind::Eligible);
    eligible
        .filter(|grant| grant.end.is_none())
        .map(|grant| {
            let (who, role) = (named(audit, grant.principal), role_of(grant));
            let message = format!("{who} is eligible for {role} at {} without an end", grant.scope);
            let mut violation = violation_of(audit, grant, message);
            violation.fix = mend(audit, grant, fix::end_eligibility);
            violation
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, S1};

    #[test]
    fn an_eligibility_without_an_end_is_reported() {
        let estate = Estate::clean().eligible("owners", builtin::READER, S1, None);
        assert_eq!(estate.found(&RULE), [format!("{S1} owners {}", builtin::READER)]);
        assert!(estate.check(&RULE).violations[0].fix.az.as_deref().unwrap().contains("P365D"));
    }

    #[test]
    fn one_with_an_end_assignments_and_inherited_instances_are_none_of_it() {
        let estate = Estate::clean().assign("owners", builtin::READER, S1);
        let estate = estate.eligible("owners", builtin::READER, S1, None);
        let estate = estate.with(|facts| facts.pim.last_mut().unwrap().member_type = Some("Inherited".to_owned()));
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.forbidden(Facet::PimEligible, S1).verdict(&RULE), Verdict::Unknown);
    }
}
