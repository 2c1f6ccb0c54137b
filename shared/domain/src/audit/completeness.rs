//! What was read and what was not, as rules ask it: where something is missing, nobody has looked, or nothing is there?

use super::context::Audit;
use crate::access::{AccessFacts, Coverage, Facet, State};
use crate::{ArmId, Unreadable, Why};
use std::collections::{BTreeSet, HashSet};

impl Audit<'_> {
    /// Whether these facets were read in full as far as a subscription goes: of it, of what is below and above it, and of
    /// the directory. A rule that concludes from something's absence asks this first.
    pub fn is_read(&self, needs: &[Facet], subscription: &ArmId) -> bool {
        needs.iter().all(|facet| {
            let of_facet = || self.facts.coverage.iter().filter(|coverage| coverage.facet == *facet);
            let bears = |scope: &ArmId| {
                facet.is_of_directory()
                    || scope.is_within(subscription)
                    || scope.subscription().is_none() && self.world.chain(subscription).contains(scope)
            };
            let is_flawed = of_facet().any(|one| matches!(one.state, State::Unknown(_)) && bears(&one.scope));
            let is_told = of_facet().any(|one| facet.is_of_directory() || one.scope == *subscription);
            is_told && !is_flawed
        })
    }

    /// Whether a scope is in a subscription that is audited.
    pub fn is_audited(&self, scope: &ArmId) -> bool {
        self.facts.subscriptions.iter().any(|one| scope.is_within(&one.id))
    }

    /// Whether these facets were read in full, everywhere.
    pub fn is_read_everywhere(&self, needs: &[Facet]) -> bool {
        unread(self.facts, needs).is_empty()
    }
}

/// What of these facets was not read, or of which nobody says that it was.
pub(super) fn unread(facts: &AccessFacts, needs: &[Facet]) -> Vec<String> {
    let mut unread = Vec::new();
    for facet in needs {
        unread.extend(facts.coverage.iter().filter(|coverage| coverage.facet == *facet).filter_map(|coverage| {
            match &coverage.state {
                State::Unknown(reason) => Some(format!("{facet} of {}: {reason}", coverage.scope)),
                State::Read { .. } => None,
            }
        }));
        unread.extend(silent(facts, *facet).into_iter().map(|scope| match scope {
            Some(scope) => format!("{facet} of {scope}: not read"),
            None => format!("{facet}: not read"),
        }));
    }
    unread
}

/// Where nobody says that a facet was read, nor that it was not: nowhere at all, for `None`.
fn silent(facts: &AccessFacts, facet: Facet) -> Vec<Option<&ArmId>> {
    let of_facet = || facts.coverage.iter().filter(|coverage| coverage.facet == facet);
    if facet.is_of_directory() || facts.subscriptions.is_empty() {
        return if of_facet().next().is_none() { vec![None] } else { Vec::new() };
    }
    let told: HashSet<&ArmId> = of_facet().map(|coverage| &coverage.scope).collect();
    let subscriptions = facts.subscriptions.iter().map(|subscription| &subscription.id);
    subscriptions.filter(|id| !told.contains(id)).map(Some).collect()
}

/// The coverage with a line for each of these facets where nobody says that it was read: whoever looks at the lines
/// alone must not take it for read.
pub(super) fn spelled_out(facts: &AccessFacts, needs: &BTreeSet<Facet>) -> Vec<Coverage> {
    let reason = || Unreadable::new(Why::Missing, "nobody has read it, or says so");
    let line = |facet: Facet, scope: Option<&ArmId>| {
        Coverage::unknown(scope.cloned().unwrap_or_else(|| ArmId::new("/")), facet, reason())
    };
    let silent = needs.iter().flat_map(|facet| silent(facts, *facet).into_iter().map(|scope| line(*facet, scope)));
    facts.coverage.iter().cloned().chain(silent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::World;
    use crate::audit::AuditPolicy;
    use crate::audit::testing::{Estate, LANDING, RG, S1, now};

    #[test]
    fn what_is_unread_above_a_subscription_or_below_it_is_unread_of_it() {
        let is_read = |scope: Option<&str>| {
            let estate = Estate::clean();
            let estate = scope.map_or(estate.clone(), |scope| estate.forbidden(Facet::RoleDefinitions, scope));
            let (world, policy) = (World::new(&estate.facts), AuditPolicy::default());
            let audit = Audit { facts: &estate.facts, world: &world, policy: &policy, now: now() };
            audit.is_read(&[Facet::RoleDefinitions], &ArmId::new(S1))
        };
        assert!(is_read(None));
        for scope in ["/", LANDING, S1, RG] {
            assert!(!is_read(Some(scope)), "{scope}");
        }
        for scope in ["/providers/Microsoft.Management/managementGroups/other", "/subscriptions/s2"] {
            assert!(is_read(Some(scope)), "{scope}");
        }
    }
}
