//! An administrator of the time before roles.

use crate::access::Facet;
use crate::audit::{Audit, Evidence, Family, Fix, Outcome, Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    id: "R19",
    family: Family::Rbac,
    title: "Classic administrator remains",
    severity: Severity::High,
    rationale: "Classic administrators have been retired since 31 August 2024. One that remains shows in no list of role \
                assignments, and no condition or activation limits it.",
    references: &["https://learn.microsoft.com/azure/role-based-access-control/classic-administrators"],
    needs: &[Facet::ClassicAdministrators],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let classic = audit.facts.classic_administrators.iter();
    classic
        .map(|one| Violation {
            scope: one.subscription.clone(),
            principal: None,
            subject: Some(one.email.clone()),
            severity: None,
            message: format!("{} is still {} of {}", one.email, one.role, one.subscription),
            evidence: vec![Evidence::new("classic administrator", format!("{} ({})", one.email, one.role))],
            fix: Fix {
                portal: format!(
                    "{} > Access control (IAM) > Classic administrators: remove {}",
                    one.subscription, one.email
                ),
                ..Fix::default()
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ArmId;
    use crate::access::ClassicAdministrator;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, S1};

    #[test]
    fn each_is_reported() {
        let estate = Estate::clean().with(|facts| {
            let (subscription, role) = (ArmId::new(S1), "CoAdministrator".to_owned());
            facts.classic_administrators.push(ClassicAdministrator { subscription, email: "a@b.c".to_owned(), role });
        });
        assert_eq!(estate.found(&RULE), ["/subscriptions/s1 - a@b.c"]);
    }

    #[test]
    fn none_is_fine_only_where_they_were_read() {
        assert_eq!(Estate::clean().verdict(&RULE), Verdict::Pass);
        assert_eq!(Estate::clean().forbidden(Facet::ClassicAdministrators, S1).verdict(&RULE), Verdict::Unknown);
    }
}
