//! Two powers that are harmless apart: who has both in a subscription, be it by different grants and groups.

use super::helpers::{bears_on, evidence_of, name_of, note_opaque, through_groups};
use crate::ArmId;
use crate::access::{DirectoryObject, Effective, Facet, World};
use crate::audit::{Audit, Evidence, Outcome};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What it depends on who has two powers.
pub(super) const COMBINATION: &[Facet] =
    &[Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive, Facet::GroupMembers, Facet::ManagementGroups];

/// Somebody who has both powers in a subscription.
#[derive(Debug)]
pub(super) struct Combined<'a> {
    /// The subscription.
    pub subscription: ArmId,
    /// Who: a principal that holds some role, or a user who has both through groups only.
    pub principal: String,
    /// A grant of each power.
    pub grants: [&'a Effective<'a>; 2],
    /// The way from them to whom each grant is for, in ids.
    pub ways: [Vec<String>; 2],
    /// What proves it: each grant, with the groups through which it is held.
    pub evidence: Vec<Evidence>,
}

/// Who has a grant of each of two powers among the active grants at, above and below a subscription. What could not be
/// seen is noted in the outcome.
pub(super) fn combinations<'a>(
    audit: &Audit<'a>,
    outcome: &mut Outcome,
    powers: [&dyn Fn(&Effective<'_>) -> bool; 2],
) -> Vec<Combined<'a>> {
    let world: &'a World<'a> = audit.world;
    let assigned: HashSet<u32> = world.numbered_grants().map(|(_, holder)| holder).collect();
    let holding = powers.map(|is_power| Holding::new(audit, is_power));
    let mut found = Vec::new();
    for subscription in &audit.facts.subscriptions {
        let chain = world.chain(&subscription.id);
        let sides = [0, 1].map(|side| Side::new(world, holding[side].bearing_on(&subscription.id, &chain)));
        if sides.iter().any(|side| side.direct.is_empty()) {
            continue;
        }
        for side in &sides {
            note_opaque(outcome, audit, &side.opaque);
        }
        let (reported, faceless) = both(audit, &sides, &assigned);
        note_opaque(outcome, audit, &faceless);
        for principal in reported {
            let above = world.above(principal);
            let nearest = |side: &Side<'a>| {
                let holder = above.nearest(|group| side.direct.contains_key(&group))?;
                Some((*side.direct.get(&holder)?, above.way(holder)))
            };
            let (Some(one), Some(other)) = (nearest(&sides[0]), nearest(&sides[1])) else { continue };
            found.push(Combined {
                subscription: subscription.id.clone(),
                principal: world.id_of(principal).to_owned(),
                evidence: [&one, &other].into_iter().flat_map(|(grant, way)| proof(audit, grant, way)).collect(),
                grants: [one.0, other.0],
                ways: [one.1, other.1],
            });
        }
    }
    found
}

/// Who is to be reported, by id: each who holds some role and has both powers, and users who hold none and combine two
/// groups, unless one of their groups is reported. With them, by id, those of whom nobody can say that they are no users.
fn both(audit: &Audit<'_>, sides: &[Side<'_>; 2], assigned: &HashSet<u32>) -> (Vec<u32>, BTreeSet<String>) {
    let (world, missing) = (audit.world, &audit.facts.directory.missing);
    let has_both = |one: &u32| sides.iter().all(|side| side.reached.contains(one));
    let mut all: Vec<u32> = assigned.iter().copied().filter(has_both).collect();
    let reported: HashSet<u32> = all.iter().copied().collect();
    let is_covered = |one: u32| world.above(one).all().any(|group| group != one && reported.contains(&group));
    let unassigned = sides[0].reached.iter().copied().filter(|one| has_both(one) && !assigned.contains(one));
    let mut faceless = BTreeSet::new();
    for one in unassigned.filter(|one| !is_covered(*one)) {
        match world.object_of(one) {
            Some(DirectoryObject::User { .. }) => all.push(one),
            Some(_) => {}
            None if missing.contains(world.id_of(one)) => {}
            None => faceless.extend([world.id_of(one).to_owned()]),
        }
    }
    all.sort_unstable_by_key(|one| world.id_of(*one));
    (all, faceless)
}

/// The active grants of one of the powers, in their order, by the subscription that they are in.
struct Holding<'a> {
    below: HashMap<String, Vec<Numbered<'a>>>,
    above: Vec<Numbered<'a>>,
}

/// A grant with its place among all grants and the number of who holds it.
type Numbered<'a> = (usize, &'a Effective<'a>, u32);

impl<'a> Holding<'a> {
    fn new(audit: &Audit<'a>, is_power: &dyn Fn(&Effective<'_>) -> bool) -> Self {
        let mut holding = Self { below: HashMap::new(), above: Vec::new() };
        let world: &'a World<'a> = audit.world;
        for (at, (grant, holder)) in world.numbered_grants().enumerate() {
            if grant.is_active() && is_power(grant) {
                let place = match grant.scope.subscription() {
                    Some(subscription) => holding.below.entry(subscription.to_ascii_lowercase()).or_default(),
                    None => &mut holding.above,
                };
                place.push((at, grant, holder));
            }
        }
        holding
    }

    fn bearing_on(&self, subscription: &ArmId, chain: &[ArmId]) -> Vec<Numbered<'a>> {
        let here = subscription.subscription().and_then(|id| self.below.get(&id.to_ascii_lowercase()));
        let all = here.into_iter().flatten().chain(&self.above);
        let mut bearing: Vec<Numbered<'a>> =
            all.filter(|(_, grant, _)| bears_on(grant.scope, subscription, chain)).copied().collect();
        bearing.sort_unstable_by_key(|(at, ..)| *at);
        bearing
    }
}

/// Those who have one of the powers.
struct Side<'a> {
    direct: HashMap<u32, &'a Effective<'a>>,
    /// They themselves and everybody in them.
    reached: HashSet<u32>,
    opaque: BTreeSet<String>,
}

impl<'a> Side<'a> {
    fn new(world: &World<'_>, grants: Vec<Numbered<'a>>) -> Self {
        let direct: HashMap<u32, &Effective<'_>> =
            grants.into_iter().map(|(_, grant, holder)| (holder, grant)).collect();
        let reached: HashSet<u32> = world.all_in(direct.keys().copied()).into_iter().collect();
        let opaque = reached.iter().filter(|one| world.is_opaque(**one)).map(|one| world.id_of(*one).to_owned());
        Self { direct, opaque: opaque.collect(), reached }
    }
}

fn proof(audit: &Audit<'_>, grant: &Effective<'_>, way: &[String]) -> Vec<Evidence> {
    let mut evidence = evidence_of(grant);
    match way {
        [_, _, ..] => evidence.push(through_groups(audit, way)),
        _ => evidence.push(Evidence::new("held by", name_of(audit, &grant.principal.id))),
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::{CONTRIBUTOR, READER};
    use crate::audit::testing::{Estate, S1, now};

    /// Who combines Reader and Contributor, and what could not be seen.
    fn found(estate: &Estate) -> (Vec<String>, Vec<String>) {
        let world = World::new(&estate.facts);
        let audit = Audit { facts: &estate.facts, world: &world, policy: &estate.policy, now: now() };
        let mut outcome = Outcome::default();
        let powers: [&dyn Fn(&Effective<'_>) -> bool; 2] =
            [&|grant| grant.role == READER, &|grant| grant.role == CONTRIBUTOR];
        let found = combinations(&audit, &mut outcome, powers).into_iter().map(|one| one.principal).collect();
        (found, outcome.unknown)
    }

    #[test]
    fn a_member_of_both_groups_of_whom_nothing_is_known_may_be_a_user() {
        let estate = Estate::bare().group("a", &["x"]).group("b", &["x"]);
        let estate = estate.assign("a", READER, S1).assign("b", CONTRIBUTOR, S1);
        let unseen = vec!["who or what x is, could not be read".to_owned()];
        assert_eq!(found(&estate), (Vec::new(), unseen));
        assert_eq!(found(&estate.clone().user("x")), (vec!["x".to_owned()], Vec::new()));
        assert_eq!(found(&estate.clone().identity("x", "robot")), Default::default());
        assert_eq!(found(&estate.deleted("x")), Default::default());
    }
}
