//! Grants, looked up the way that rules about an estate need it: by what their role holds, and by the resource that they
//! reach. Each role is looked at once, however many hold it.

use super::helpers::is_entitling;
use crate::ArmId;
use crate::access::{Action, Effective};
use crate::audit::Audit;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most names or ids that one piece of evidence lists.
pub(super) const MAX_LISTED: usize = 10;

/// The grants whose role passes.
pub(super) fn grants_whose_role<'a>(
    audit: &Audit<'a>,
    passes: impl Fn(&Effective<'_>) -> bool,
) -> Vec<&'a Effective<'a>> {
    let mut known: HashMap<&str, bool> = HashMap::new();
    let grants: &'a [Effective<'a>] = audit.world.grants();
    grants.iter().filter(|grant| *known.entry(&grant.role).or_insert_with(|| passes(grant))).collect()
}

/// The grants whose role holds an action.
pub(super) fn grants_that_allow<'a>(audit: &Audit<'a>, action: &Action) -> Vec<&'a Effective<'a>> {
    grants_whose_role(audit, |grant| grant.allows(action))
}

/// Some grants by the scope that they were made at.
#[derive(Debug, Default)]
pub(super) struct ByScope<'a> {
    grants: HashMap<&'a ArmId, Vec<&'a Effective<'a>>>,
}

impl<'a> ByScope<'a> {
    /// Sorts them.
    pub(super) fn new(grants: impl IntoIterator<Item = &'a Effective<'a>>) -> Self {
        let mut by_scope = Self::default();
        for grant in grants {
            by_scope.grants.entry(grant.scope).or_default().push(grant);
        }
        by_scope
    }

    /// The grants that open what application groups publish.
    pub(super) fn entitling(audit: &Audit<'a>) -> Self {
        Self::new(grants_whose_role(audit, is_entitling))
    }

    /// Those of them that hold now.
    pub(super) fn entitling_now(audit: &Audit<'a>) -> Self {
        Self::new(grants_whose_role(audit, is_entitling).into_iter().filter(|grant| grant.is_active()))
    }

    /// Whether one was made at this very scope.
    pub(super) fn is_at(&self, scope: &ArmId) -> bool {
        self.grants.contains_key(scope)
    }

    /// Those that apply to a scope: made at it or above it.
    pub(super) fn on(&self, audit: &Audit<'a>, scope: &ArmId) -> Vec<&'a Effective<'a>> {
        let chain = audit.world.chain(scope);
        chain.iter().filter_map(|scope| self.grants.get(scope)).flatten().copied().collect()
    }

    /// One of those that apply to a scope for each principal that holds one.
    pub(super) fn holders_on(&self, audit: &Audit<'a>, scope: &ArmId) -> BTreeMap<&'a str, &'a Effective<'a>> {
        let mut holders = BTreeMap::new();
        for grant in self.on(audit, scope) {
            holders.entry(grant.principal.id.as_str()).or_insert(grant);
        }
        holders
    }
}

/// Some resources with all that is above them, to tell which grants concern them.
#[derive(Debug, Default)]
pub(super) struct Reach {
    above: HashSet<ArmId>,
    resources: HashSet<ArmId>,
}

impl Reach {
    /// Of these resources.
    pub(super) fn new<'b>(audit: &Audit<'_>, resources: impl IntoIterator<Item = &'b ArmId>) -> Self {
        let mut reach = Self::default();
        for resource in resources {
            reach.above.extend(audit.world.chain(resource));
            reach.resources.insert(resource.clone());
        }
        reach
    }

    /// Whether what is granted at a scope concerns one of the resources: the scope is one, is above one, or is within
    /// one.
    pub(super) fn is_concerned_by(&self, scope: &ArmId) -> bool {
        self.above.contains(scope) || scope.ancestors().any(|above| self.resources.contains(&above))
    }
}

/// Up to [`MAX_LISTED`] of these in a line, and how many more there are.
pub(super) fn listed<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut items = items.into_iter();
    let first: Vec<String> = items.by_ref().take(MAX_LISTED).map(|item| item.to_string()).collect();
    let line = first.join(", ");
    match items.count() {
        0 => line,
        more => format!("{line} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{World, builtin};
    use crate::audit::testing::{Estate, GROUP, LANDING, POOL, RG, S1, now};

    #[test]
    fn a_scope_concerns_what_is_below_it_and_what_it_is_within() {
        let estate = Estate::bare();
        let world = World::new(&estate.facts);
        let audit = Audit { facts: &estate.facts, world: &world, policy: &estate.policy, now: now() };
        let reach = Reach::new(&audit, [&ArmId::new(POOL)]);
        for scope in [RG, S1, LANDING, "/", &POOL.to_uppercase(), &format!("{POOL}/sessionHosts/h")] {
            assert!(reach.is_concerned_by(&ArmId::new(scope)), "{scope}");
        }
        for scope in [GROUP, "/subscriptions/s2", &format!("{RG}2")] {
            assert!(!reach.is_concerned_by(&ArmId::new(scope)), "{scope}");
        }
    }

    #[test]
    fn grants_apply_to_what_is_at_and_below_their_scope() {
        let estate = Estate::bare()
            .user("ann")
            .assign("ann", builtin::DESKTOP_VIRTUALIZATION_USER, LANDING)
            .assign("ann", builtin::OWNER, GROUP)
            .eligible("eve", builtin::DESKTOP_VIRTUALIZATION_USER, GROUP, None);
        let world = World::new(&estate.facts);
        let audit = Audit { facts: &estate.facts, world: &world, policy: &estate.policy, now: now() };
        let group = ArmId::new(GROUP);
        let holders = |grants: ByScope<'_>| grants.holders_on(&audit, &group).into_keys().collect::<Vec<_>>().join(" ");
        assert_eq!(holders(ByScope::entitling(&audit)), "ann eve");
        assert_eq!(holders(ByScope::entitling_now(&audit)), "ann");
        assert!(ByScope::entitling(&audit).on(&audit, &ArmId::new("/")).is_empty());
    }

    #[test]
    fn a_long_list_ends_with_how_many_more_there_are() {
        assert_eq!(listed(["a", "b"]), "a, b");
        assert_eq!(listed(0..MAX_LISTED + 2), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
    }
}
