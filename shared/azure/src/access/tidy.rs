//! The last touches to facts: each thing once, how much there is of what, and which subscriptions nobody could look at.

use super::Depth;
use super::kinds::facet_of;
use super::ledger::Ledger;
use poolwarden_domain::access::{AccessFacts, Facet, SubscriptionFacts};
use poolwarden_domain::{ArmId, UnknownScope};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Keeps each thing once: overlapping lists bring the same one, and single answers have held one twice.
pub(super) fn tidy(facts: &mut AccessFacts) {
    let mut seen = HashSet::new();
    facts.assignments.retain(|one| seen.insert(one.id.clone()));
    let mut seen = HashSet::new();
    facts.denies.retain(|one| seen.insert(one.id.clone()));
    let mut seen = BTreeSet::new();
    facts.pim.retain(|one| seen.insert((one.kind, one.id.clone())));
    // The same custom role is listed by every subscription that it may be assigned in.
    let mut seen = HashSet::new();
    facts.definitions.retain(|one| seen.insert(one.id.name().to_ascii_lowercase()));
    let mut seen = HashSet::new();
    facts.resources.retain(|one| seen.insert(one.id.clone()));
}

/// Says of each facet of each subscription how much was read.
pub(super) fn count(facts: &AccessFacts, scopes: &[ArmId], ledger: &mut Ledger) {
    let mut counts: HashMap<(ArmId, Facet), usize> = HashMap::new();
    let mut add = |id: &ArmId, facet: Facet| {
        if let Some(scope) = id.up_to("subscriptions") {
            *counts.entry((scope, facet)).or_default() += 1;
        }
    };
    facts.assignments.iter().for_each(|one| add(&one.scope, Facet::RoleAssignments));
    facts.denies.iter().for_each(|one| add(&one.scope, Facet::DenyAssignments));
    for one in &facts.pim {
        let facet = match one.kind {
            poolwarden_domain::access::PimKind::Active => Facet::PimActive,
            poolwarden_domain::access::PimKind::Eligible => Facet::PimEligible,
        };
        add(&one.scope, facet);
    }
    facts.classic_administrators.iter().for_each(|one| add(&one.subscription, Facet::ClassicAdministrators));
    for one in &facts.resources {
        if let Some(facet) = facet_of(&one.kind) {
            add(&one.id, facet);
        }
    }
    let parents: BTreeMap<&ArmId, Option<&ArmId>> =
        facts.management_groups.iter().map(|group| (&group.id, group.parent.as_ref())).collect();
    for scope in scopes {
        ledger.count(scope, Facet::RoleDefinitions, facts.definitions.len());
        let one = facts.subscriptions.iter().find(|one| one.id == *scope);
        let first = one.and_then(|one| one.management_group.as_ref());
        let up = |group: &&ArmId| parents.get(*group).copied().flatten();
        ledger.count(scope, Facet::ManagementGroups, std::iter::successors(first, up).take(parents.len()).count());
    }
    for ((scope, facet), items) in counts {
        if scopes.contains(&scope) {
            ledger.count(&scope, facet, items);
        }
    }
}

/// Subscriptions that are to be read and cannot be seen are unknown in every respect.
pub(super) fn add_unseen(unseen: Vec<UnknownScope>, depth: Depth, facts: &mut AccessFacts, ledger: &mut Ledger) {
    for UnknownScope { scope, reason } in unseen {
        for facet in depth.facets() {
            ledger.fail(&scope, *facet, reason.clone());
        }
        if scope.subscription().is_some() && facts.subscriptions.iter().all(|one| one.id != scope) {
            let name = scope.name().to_owned();
            facts.subscriptions.push(SubscriptionFacts { id: scope, name, management_group: None });
        }
    }
}
