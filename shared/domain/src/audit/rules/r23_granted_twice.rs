//! The same grant twice: revoking one of them changes nothing.

use super::helpers::{evidence_of, name_of, named, note_opaque, role_of, through_groups, violation_of};
use crate::ArmId;
use crate::access::{Effective, Facet, World};
use crate::audit::{Audit, Family, Outcome, Rule, Severity};
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) const RULE: Rule = Rule {
    id: "R23",
    family: Family::Rbac,
    title: "The same role both directly and through a group",
    severity: Severity::Low,
    rationale: "Whoever takes one of the two away believes that the access is gone, and it is not.",
    references: &["https://learn.microsoft.com/azure/role-based-access-control/best-practices"],
    needs: &[Facet::RoleAssignments, Facet::GroupMembers, Facet::ManagementGroups],
    check,
};

/// Active grants by who holds them and role.
type Held<'h> = HashMap<(u32, &'h str), Vec<&'h Effective<'h>>>;

fn check(audit: &Audit<'_>) -> Outcome {
    let world = audit.world;
    let active: Vec<(&Effective<'_>, u32)> = world.numbered_grants().filter(|(grant, _)| grant.is_active()).collect();
    let mut held: Held<'_> = HashMap::new();
    for (grant, holder) in &active {
        held.entry((*holder, grant.role.as_str())).or_default().push(grant);
    }
    let holders: HashSet<u32> = active.iter().map(|(_, holder)| *holder).collect();
    let mut groups: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut outcome = Outcome::default();
    for (direct, holder) in &active {
        let groups = groups.entry(*holder).or_insert_with(|| groups_above(world, *holder, &holders));
        if let Some(through) = again(world, &held, direct, groups) {
            let who = named(audit, direct.principal);
            let (role, group) = (role_of(direct), name_of(audit, &through.principal.id));
            let message = format!("{who} holds {role} at {} directly and through group {group}", direct.scope);
            let mut violation = violation_of(audit, direct, message);
            violation.evidence.extend(evidence_of(through));
            let way = world.way_up(&direct.principal.id, &through.principal.id).unwrap_or_default();
            violation.evidence.push(through_groups(audit, &way));
            outcome.violations.push(violation);
        }
    }
    note_hidden(audit, &mut outcome, &active);
    outcome
}

/// The groups that somebody is in and that hold something, by id.
fn groups_above(world: &World<'_>, principal: u32, holders: &HashSet<u32>) -> Vec<u32> {
    let above = world.above(principal);
    let mut groups: Vec<u32> = above.all().filter(|group| *group != principal && holders.contains(group)).collect();
    groups.sort_unstable_by_key(|group| world.id_of(*group));
    groups
}

/// A grant that gives somebody through one of these groups what they hold directly.
fn again<'h>(world: &World<'_>, held: &Held<'h>, direct: &Effective<'_>, groups: &[u32]) -> Option<&'h Effective<'h>> {
    let mut grants =
        groups.iter().filter_map(|group| held.get(&(*group, direct.role.as_str()))).flatten().copied().peekable();
    grants.peek()?;
    let chain = world.chain(direct.scope);
    grants.find(|grant| chain.contains(grant.scope))
}

/// Groups whose members could not be seen, where somebody holds the same role at or below the group's scope.
fn note_hidden(audit: &Audit<'_>, outcome: &mut Outcome, active: &[(&Effective<'_>, u32)]) {
    let world = audit.world;
    let mut by_role: HashMap<&str, Vec<(&Effective<'_>, u32)>> = HashMap::new();
    for (grant, holder) in active {
        by_role.entry(&grant.role).or_default().push((grant, *holder));
    }
    let mut noted: HashSet<u32> = HashSet::new();
    for (grant, holder) in active.iter().filter(|(_, holder)| world.is_open(*holder)) {
        let is_above = |scope: &ArmId| {
            let may_hold_subscriptions = grant.scope.subscription().is_none();
            scope.is_within(grant.scope) || (may_hold_subscriptions && world.chain(scope).contains(grant.scope))
        };
        let is_double = |(other, by): &(&Effective<'_>, u32)| by != holder && is_above(other.scope);
        if !noted.contains(holder) && by_role[grant.role.as_str()].iter().any(is_double) {
            noted.insert(*holder);
            let hidden = world.all_in([*holder]).into_iter().filter(|one| world.is_opaque(*one));
            let hidden: BTreeSet<String> = hidden.map(|one| world.id_of(one).to_owned()).collect();
            note_opaque(outcome, audit, &hidden);
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
