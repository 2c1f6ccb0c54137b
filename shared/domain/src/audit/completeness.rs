//! What was read and what was not, as rules ask it: where something is missing, nobody has looked, or nothing is there?

use super::context::Audit;
use crate::ArmId;
use crate::access::{AccessFacts, Facet, State};
use std::collections::HashSet;

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

    /// Whether these facets were read in full, everywhere.
    pub fn is_read_everywhere(&self, needs: &[Facet]) -> bool {
        unread(self.facts, needs).is_empty()
    }
}

/// What of these facets was not read, or of which nobody says that it was.
pub(super) fn unread(facts: &AccessFacts, needs: &[Facet]) -> Vec<String> {
    let mut unread = Vec::new();
    for facet in needs {
        let of_facet = || facts.coverage.iter().filter(|coverage| coverage.facet == *facet);
        unread.extend(of_facet().filter_map(|coverage| match &coverage.state {
            State::Unknown(reason) => Some(format!("{facet} of {}: {reason}", coverage.scope)),
            State::Read { .. } => None,
        }));
        if facet.is_of_directory() {
            if of_facet().next().is_none() {
                unread.push(format!("{facet}: not read"));
            }
            continue;
        }
        let told: HashSet<&ArmId> = of_facet().map(|coverage| &coverage.scope).collect();
        let silent = facts.subscriptions.iter().filter(|subscription| !told.contains(&subscription.id));
        unread.extend(silent.map(|subscription| format!("{facet} of {}: not read", subscription.id)));
        if facts.subscriptions.is_empty() && of_facet().next().is_none() {
            unread.push(format!("{facet}: not read"));
        }
    }
    unread
}
