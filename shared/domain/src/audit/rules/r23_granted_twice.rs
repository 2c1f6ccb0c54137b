//! The same grant twice: revoking one of them changes nothing.

use super::helpers::{evidence_of, name_of, named, note_opaque, role_of, through_groups, violation_of};
use crate::access::{Effective, Facet};
use crate::audit::{Audit, Family, Outcome, Rule, Severity};
use std::collections::{BTreeMap, HashMap};

pub(super) const RULE: Rule = Rule {
    id: "R23",
    family: Family::Rbac,
    title: "The same role both directly and through a group",
    severity: Severity::Low,
    rationale: "Whoever takes one of the two away believes that the access is gone, and it is not.",
    references: &["https://learn.microsoft.com/azure/role-based-access-control/best-practices"],
    needs: &[Facet::RoleAssignments, Facet::GroupMembers],
    check,
};

type Held<'a> = HashMap<(&'a str, &'a str), Vec<&'a Effective<'a>>>;

fn check(audit: &Audit<'_>) -> Outcome {
    let active: Vec<&Effective<'_>> = audit.world.grants().iter().filter(|grant| grant.is_active()).collect();
    let mut held: Held<'_> = HashMap::new();
    for grant in &active {
        held.entry((grant.principal.id.as_str(), grant.role.as_str())).or_default().push(grant);
    }
    let mut ways: HashMap<&str, BTreeMap<String, Vec<String>>> = HashMap::new();
    let mut outcome = Outcome::default();
    for direct in &active {
        let id = direct.principal.id.as_str();
        let ways = ways.entry(id).or_insert_with(|| audit.world.ways_up(id));
        let groups = ways.iter().filter(|(_, way)| way.len() > 1);
        let mut doubles =
            groups.filter_map(|(group, way)| Some((held.get(&(group.as_str(), direct.role.as_str()))?, way)));
        let chain = audit.world.chain(direct.scope);
        let found =
            doubles.find_map(|(grants, way)| Some((*grants.iter().find(|one| chain.contains(one.scope))?, way)));
        if let Some((through, way)) = found {
            let who = named(audit, direct.principal);
            let (role, group) = (role_of(direct), name_of(audit, &through.principal.id));
            let message = format!("{who} holds {role} at {} directly and through group {group}", direct.scope);
            let mut violation = violation_of(audit, direct, message);
            violation.evidence.extend(evidence_of(through));
            violation.evidence.push(through_groups(audit, way));
            outcome.violations.push(violation);
        }
    }
    note_hidden(audit, &mut outcome, &active);
    outcome
}

/// Groups whose members could not be seen, where somebody holds the same role at or below the group's scope.
fn note_hidden(audit: &Audit<'_>, outcome: &mut Outcome, active: &[&Effective<'_>]) {
    let mut of_role: HashMap<&str, Vec<&Effective<'_>>> = HashMap::new();
    for grant in active {
        of_role.entry(grant.role.as_str()).or_default().push(grant);
    }
    for grant in active {
        let opaque = audit.world.members_of(&grant.principal.id).opaque;
        let mut others = of_role.get(grant.role.as_str()).into_iter().flatten();
        let is_double = |other: &&&Effective<'_>| {
            other.principal.id != grant.principal.id && audit.world.chain(other.scope).contains(grant.scope)
        };
        if !opaque.is_empty() && others.any(|other| is_double(&other)) {
            note_opaque(outcome, audit, &opaque);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::{CONTRIBUTOR, READER};
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, LANDING, RG, S1};

    fn estate() -> Estate {
        Estate::clean().user("ann").group("inner", &["ann"]).group("outer", &["inner"])
    }

    #[test]
    fn a_role_that_a_group_gives_already_is_reported_at_the_same_scope_and_below() {
        let estate =
            estate().assign("outer", READER, LANDING).assign("ann", READER, RG).assign("inner", READER, LANDING);
        let expected = [format!("{LANDING} inner {READER}"), format!("{RG} ann {READER}")];
        assert_eq!(estate.found(&RULE), expected);
        let az = estate.check(&RULE).violations.remove(0).fix.az.unwrap();
        assert!(az.contains("/roleAssignments/a2'"), "{az}");
    }

    #[test]
    fn other_roles_wider_scopes_eligibilities_and_other_people_are_none_of_it() {
        let estate = estate()
            .user("bob")
            .assign("outer", READER, RG)
            .assign("ann", READER, S1)
            .assign("ann", CONTRIBUTOR, RG)
            .assign("bob", READER, RG)
            .assign("ann", READER, S1)
            .eligible("ann", READER, RG, Some("2027-01-01T00:00:00Z"));
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
    }

    #[test]
    fn a_group_that_could_not_be_seen_matters_where_the_same_role_is_held_below() {
        let estate = estate().opaque_group("g").assign("g", READER, S1);
        assert_eq!(estate.verdict(&RULE), Verdict::Pass);
        assert_eq!(estate.assign("ann", READER, RG).verdict(&RULE), Verdict::Unknown);
        assert_eq!(Estate::clean().forbidden(Facet::GroupMembers, "/").verdict(&RULE), Verdict::Unknown);
    }
}
