//! R22 and R33: two rights that are harmless apart and not together.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    grants::limits_delegation,
    view::{Found, View, is_within},
};
use crate::estate::audit::{draft::Held, ids, record::Violation};

pub(super) fn check(view: &View<'_>, found: &mut Found) {
    let identity = |held: &Held| view.holds(&held.role, ids::ASSIGN_IDENTITY);
    let machine = |held: &Held| view.holds(&held.role, ids::WRITE_MACHINES);
    let counts = |held: &Held| ![ids::OWNER, ids::CONTRIBUTOR].contains(&held.role.as_str());
    pairs(view, "R22", &counts, [&identity, &machine], found);
    let groups = |held: &Held| view.holds(&held.role, ids::WRITE_GROUPS);
    let assign = |held: &Held| view.holds(&held.role, ids::WRITE_ASSIGNMENTS) && !limits_delegation(held);
    let counts = |held: &Held| {
        held.role != ids::OWNER
            && !(view.holds(&held.role, ids::WRITE_GROUPS) && view.holds(&held.role, ids::WRITE_ASSIGNMENTS))
    };
    pairs(view, "R33", &counts, [&groups, &assign], found);
}

type Test<'t> = &'t dyn Fn(&Held) -> bool;

fn pairs(view: &View<'_>, rule: &str, counts: Test<'_>, halves: [Test<'_>; 2], found: &mut Found) {
    for subscription in view.draft.subscriptions() {
        let chain = view.chain(&subscription);
        // Which halves are held, by whom they were given to.
        let mut given: BTreeMap<&str, [bool; 2]> = BTreeMap::new();
        for held in view.draft.held.iter().filter(|held| held.how.is_active() && counts(held)) {
            if is_within(&held.scope, &subscription) || chain.contains(&held.scope.to_ascii_lowercase()) {
                let has = given.entry(&held.principal).or_default();
                has[0] |= halves[0](held);
                has[1] |= halves[1](held);
            }
        }
        let holds = |id: &str| {
            let groups = view.groups(id);
            let has = |half: usize| groups.iter().any(|group| given.get(group).is_some_and(|has| has[half]));
            has(0) && has(1)
        };
        let assigned: BTreeSet<&str> = view.draft.held.iter().map(|held| held.principal.as_str()).collect();
        let reported: BTreeSet<&str> = assigned.iter().copied().filter(|id| holds(id)).collect();
        let mut users: Vec<&str> = view.draft.principals.keys().map(String::as_str).collect();
        users.retain(|id| view.is_user(id) && !assigned.contains(id) && holds(id));
        users.retain(|id| view.groups(id).iter().all(|group| !reported.contains(group)));
        for id in reported.into_iter().chain(users) {
            found.push(Violation::new(rule, &subscription, Some(id), None));
        }
    }
}
