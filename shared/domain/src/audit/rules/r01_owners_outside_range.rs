//! Few enough owners that each is known, and one more than can be lost.

use super::helpers::{count, named, note_opaque, role_of, users_of};
use crate::access::{Effective, Facet, builtin};
use crate::audit::{Audit, Evidence, Family, Fix, Outcome, Rule, Severity, Violation};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const RULE: Rule = Rule {
    id: "R01",
    family: Family::Rbac,
    title: "Subscription with too many owners, or too few",
    severity: Severity::High,
    rationale: "Each owner can take the subscription over, so they should be few; a single one can be lost, and the \
                subscription with them.",
    references: &["https://learn.microsoft.com/azure/role-based-access-control/best-practices"],
    needs: NEEDS,
    check,
};

const NEEDS: &[Facet] =
    &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::GroupMembers, Facet::ManagementGroups];
/// The most owners that a finding names one by one.
const MAX_NAMED: usize = 50;

fn check(audit: &Audit<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let (fewest, most) = (audit.policy.thresholds.owners_min, audit.policy.thresholds.owners_max);
    for subscription in &audit.facts.subscriptions {
        let mut owners: BTreeMap<String, &Effective<'_>> = BTreeMap::new();
        let mut opaque = BTreeSet::new();
        for grant in audit.world.grants_on(&subscription.id).filter(|grant| grant.role == builtin::OWNER) {
            let users = users_of(audit, grant);
            opaque.extend(users.opaque);
            for id in users.ids.into_iter().chain(users.services) {
                owners.entry(id).or_insert(grant);
            }
        }
        let is_whole = opaque.is_empty() && audit.is_read(NEEDS, &subscription.id);
        if owners.len() <= most {
            note_opaque(&mut outcome, audit, &opaque);
        }
        // Who was not seen can only add to those who were.
        if owners.len() > most || (owners.len() < fewest && is_whole) {
            let message = format!(
                "{} has {}; {fewest} to {most} are expected",
                subscription.name,
                count(owners.len(), "owner", "owners")
            );
            outcome.violations.push(Violation {
                scope: subscription.id.clone(),
                principal: None,
                subject: None,
                severity: None,
                message,
                evidence: owners.iter().take(MAX_NAMED).map(|(id, grant)| evidence(audit, id, grant)).collect(),
                fix: fix(&subscription.id, owners.len() > most),
            });
        }
    }
    outcome
}

fn evidence(audit: &Audit<'_>, id: &str, grant: &Effective<'_>) -> Evidence {
    let through = match id == grant.principal.id {
        true => String::new(),
        false => format!(" through {}", named(audit, grant.principal)),
    };
    let name = super::helpers::name_of(audit, id);
    Evidence::new("owner", format!("{name} ({id}){through}: {} by {}", role_of(grant), grant.id))
}

fn fix(subscription: &crate::ArmId, too_many: bool) -> Fix {
    let portal = match too_many {
        true => format!(
            "{subscription} > Access control (IAM) > Role assignments, and Privileged Identity Management: remove Owner \
             from those who can do with less"
        ),
        false => format!(
            "Privileged Identity Management > Azure resources > {subscription} > Assignments: make a group of owners \
             eligible"
        ),
    };
    Fix { portal, ..Fix::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, S1, TENANT};

    fn owners(number: usize) -> Estate {
        (0..number).fold(Estate::bare(), |estate, at| {
            let name = format!("u{at}");
            estate.user(&name).assign(&name, builtin::OWNER, S1)
        })
    }

    #[test]
    fn one_owner_and_four_are_reported_and_two_and_three_are_not() {
        for (number, found) in [(0, true), (1, true), (2, false), (3, false), (4, true)] {
            let expected: &[&str] = if found { &["/subscriptions/s1 - -"] } else { &[] };
            assert_eq!(owners(number).found(&RULE), expected, "{number} owners");
        }
    }

    #[test]
    fn nobody_becomes_an_owner_by_a_command() {
        let fix = owners(1).check(&RULE).violations.remove(0).fix;
        assert!(fix.az.is_none() && fix.powershell.is_none() && fix.portal.contains("eligible"), "{fix:?}");
    }

    #[test]
    fn owners_count_once_through_groups_from_above_and_when_eligible_and_service_principals_count() {
        let estate = Estate::bare()
            .user("a")
            .guest("b")
            .identity("robot", "robot")
            .group("inner", &["b", "robot"])
            .group("outer", &["inner", "a"])
            .eligible("outer", builtin::OWNER, TENANT, None)
            .assign("a", builtin::OWNER, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        let estate = estate.user("c").assign("c", builtin::OWNER, "/");
        assert_eq!(estate.check(&RULE).violations[0].message, "Subscription s1 has 4 owners; 2 to 3 are expected");
    }

    #[test]
    fn deleted_principals_and_owners_of_a_resource_group_do_not_count() {
        let estate = owners(2).deleted("gone").assign("gone", builtin::OWNER, S1).user("x");
        let estate =
            (0..3).fold(estate, |estate, _| estate.assign("x", builtin::OWNER, "/subscriptions/s1/resourceGroups/g"));
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn too_few_is_concluded_only_where_everybody_was_seen() {
        let estate = Estate::bare().opaque_group("g").assign("g", builtin::OWNER, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Unknown);
        assert_eq!(estate.check(&RULE).unknown, ["members of group Group g could not be read"]);
        assert_eq!(owners(1).forbidden(Facet::PimEligible, S1).verdict(&RULE), Verdict::Unknown);
        assert_eq!(owners(4).forbidden(Facet::PimEligible, S1).verdict(&RULE), Verdict::Fail);
    }
}
