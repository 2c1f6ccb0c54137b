//! What a deny assignment hides from the identity that reads. It may read everything in a subscription as its roles go,
//! and still a resource group is left out of every list, without a word.

use super::Depth;
use super::authorization::READER;
use super::ledger::Ledger;
use super::permissions::reads;
use poolwarden_domain::access::{AccessFacts, ArmResource, DenyAssignment, Facet, World};
use poolwarden_domain::{ArmId, Unreadable, Why};
use std::collections::BTreeSet;

/// Marks every scope that a deny assignment hides, or may: who reads may be unknown, or who is in a group.
pub(super) fn by_denies(facts: &AccessFacts, depth: Depth, ledger: &mut Ledger) {
    let hidden_by = |deny: &DenyAssignment| -> Vec<Facet> {
        let is_hidden = |facet: &Facet| reads(*facet, depth).any(|read| read.is_in(&deny.permissions));
        depth.facets().iter().copied().filter(is_hidden).collect()
    };
    if facts.denies.iter().all(|deny| hidden_by(deny).is_empty()) {
        return;
    }
    let world = World::new(facts);
    let whom = facts.own_principal.as_ref().map_or("whom it names".to_owned(), |id| format!("the identity ({id})"));
    for deny in world.denies_about(facts.own_principal.as_deref()) {
        let text = format!(
            "the deny assignment {:?} of {} keeps {whom} from reading there, and lists leave out silently what may not \
             be read; leave the identity out of it",
            deny.name, deny.scope,
        );
        let reason = Unreadable::new(Why::Denied, text);
        for facet in hidden_by(deny) {
            places(&world, &deny.scope).iter().for_each(|place| ledger.fail(place, facet, reason.clone()));
        }
    }
}

/// Where the deny assignments are unknown, so is what they hide.
pub(super) fn by_unread_denies(depth: Depth, ledger: &mut Ledger) {
    for (place, why) in ledger.missing(Facet::DenyAssignments) {
        let advice = if why == Why::Forbidden { format!("; grant {READER} there") } else { String::new() };
        let text =
            format!("the deny assignments of {place} are not known, nor what they hide from the identity{advice}");
        listed(depth).for_each(|facet| ledger.fail(&place, facet, Unreadable::new(why, text.clone())));
    }
}

/// Something was refused by its name. If nothing else in its resource group is seen, the whole group may be hidden; in
/// any case it is hidden who holds something there.
pub(super) fn by_refusal(id: &ArmId, found: &[ArmResource], reason: &Unreadable, depth: Depth, ledger: &mut Ledger) {
    ledger.fail(id, Facet::RoleAssignments, reason.clone());
    let Some(group) = id.up_to("resourceGroups") else { return };
    if !found.iter().any(|one| one.id.is_within(&group)) {
        listed(depth).for_each(|facet| ledger.fail(&group, facet, reason.clone()));
    }
}

/// The facets that lists tell of.
fn listed(depth: Depth) -> impl Iterator<Item = Facet> {
    depth.facets().iter().copied().filter(move |facet| reads(*facet, depth).next().is_some())
}

/// The subscriptions in a scope, or the scope itself if it is within one of them.
fn places(world: &World<'_>, scope: &ArmId) -> BTreeSet<ArmId> {
    let subscriptions = world.facts().subscriptions.iter().map(|one| &one.id);
    subscriptions
        .filter_map(|one| {
            if scope.is_within(one) {
                return Some(scope.clone());
            }
            world.chain(one).contains(scope).then(|| one.clone())
        })
        .collect()
}
