//! Two powers that are harmless apart: who has both in a subscription, be it by different grants and groups.

use super::helpers::{bears_on, evidence_of, name_of, note_opaque, through_groups};
use crate::ArmId;
use crate::access::{DirectoryObject, Effective};
use crate::audit::{Audit, Evidence, Outcome};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody who has both powers in a subscription.
#[derive(Debug)]
pub(super) struct Combined<'a> {
    /// The subscription.
    pub subscription: ArmId,
    /// Who: a principal that holds some role, or a user who has both through groups only.
    pub principal: String,
    /// A grant of each power.
    pub grants: [&'a Effective<'a>; 2],
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
    let grants: &'a [Effective<'a>] = audit.world.grants();
    let assigned: BTreeSet<&str> = grants.iter().map(|grant| grant.principal.id.as_str()).collect();
    let holding =
        powers.map(|is_power| grants.iter().filter(|one| one.is_active() && is_power(one)).collect::<Vec<_>>());
    let mut found = Vec::new();
    for subscription in &audit.facts.subscriptions {
        let chain = audit.world.chain(&subscription.id);
        let sides = [0, 1].map(|side| {
            let here = holding[side].iter().filter(|grant| bears_on(grant.scope, &subscription.id, &chain));
            Side::new(audit, here.copied())
        });
        if sides.iter().any(|side| side.direct.is_empty()) {
            continue;
        }
        note_opaque(outcome, audit, sides.iter().flat_map(|side| &side.opaque));
        let both = |id: &&str| sides.iter().all(|side| side.has(id));
        let reported: BTreeSet<&str> = assigned.iter().copied().filter(both).collect();
        let is_user = |id: &str| matches!(audit.world.object(id), Some(DirectoryObject::User { .. }));
        let in_groups = sides[0].members.iter().map(String::as_str).filter(both);
        let covered =
            |id: &str| audit.world.ways_up(id).keys().any(|group| group != id && reported.contains(group.as_str()));
        let unassigned = in_groups.filter(|id| is_user(id) && !assigned.contains(id) && !covered(id));
        let all: BTreeSet<&str> = reported.iter().copied().chain(unassigned).collect();
        for principal in all {
            let ways = audit.world.ways_up(principal);
            let Some(grants) = Side::grants(&sides, &ways) else { continue };
            found.push(Combined {
                subscription: subscription.id.clone(),
                principal: principal.to_owned(),
                grants,
                evidence: grants.iter().flat_map(|grant| proof(audit, grant, &ways)).collect(),
            });
        }
    }
    found
}

/// Those who have one of the powers.
struct Side<'a> {
    direct: BTreeMap<&'a str, &'a Effective<'a>>,
    members: BTreeSet<String>,
    opaque: BTreeSet<String>,
}

impl<'a> Side<'a> {
    fn new(audit: &Audit<'a>, grants: impl Iterator<Item = &'a Effective<'a>>) -> Self {
        let mut side = Self { direct: BTreeMap::new(), members: BTreeSet::new(), opaque: BTreeSet::new() };
        for grant in grants {
            let id = grant.principal.id.as_str();
            if side.direct.insert(id, grant).is_none() {
                let below = audit.world.members_of(id);
                side.members.extend(below.ids);
                side.opaque.extend(below.opaque);
            }
        }
        side
    }

    fn has(&self, id: &str) -> bool {
        self.direct.contains_key(id) || self.members.contains(id)
    }

    /// The grant of each side that is nearest to somebody.
    fn grants(sides: &[Self; 2], ways: &BTreeMap<String, Vec<String>>) -> Option<[&'a Effective<'a>; 2]> {
        let nearest = |side: &Self| {
            let held = side.direct.iter().filter_map(|(id, grant)| Some((ways.get(*id)?.len(), *grant)));
            held.min_by_key(|(steps, _)| *steps).map(|(_, grant)| grant)
        };
        Some([nearest(&sides[0])?, nearest(&sides[1])?])
    }
}

fn proof(audit: &Audit<'_>, grant: &Effective<'_>, ways: &BTreeMap<String, Vec<String>>) -> Vec<Evidence> {
    let mut evidence = evidence_of(grant);
    match ways.get(&grant.principal.id) {
        Some(way) if way.len() > 1 => evidence.push(through_groups(audit, way)),
        _ => evidence.push(Evidence::new("held by", name_of(audit, &grant.principal.id))),
    }
    evidence
}
