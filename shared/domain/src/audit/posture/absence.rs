//! Whether what is not among the facts is not there at all, or only was not read. A rule that takes an absence for a
//! fault asks this first: what nobody has looked at is unknown, and no reason to delete anything.

use crate::ArmId;
use crate::access::{Coverage, Facet, State};
use crate::audit::{Audit, Outcome};
use std::collections::HashSet;

/// What of one facet was read and what was not, by scope.
#[derive(Debug, Default)]
struct Told<'a> {
    /// Of which subscriptions, and of what within them, the coverage says anything.
    scopes: HashSet<&'a ArmId>,
    /// What could not be read …
    unknown: HashSet<&'a ArmId>,
    /// … and everything that it lies in.
    above: HashSet<ArmId>,
}

impl<'a> Told<'a> {
    fn of(audit: &Audit<'a>, facet: Facet) -> Self {
        let mut told = Self::default();
        for Coverage { scope, state, .. } in audit.facts.coverage.iter().filter(|one| one.facet == facet) {
            told.scopes.insert(scope);
            if matches!(state, State::Unknown(_)) {
                told.unknown.insert(scope);
                told.above.extend(scope.ancestors());
            }
        }
        told
    }

    /// Whether all of it was read of a resource: of what it lies in, of itself, and of what lies in it.
    fn is_whole_at(&self, id: &ArmId) -> bool {
        let is_told = id.up_to("subscriptions").is_some_and(|subscription| self.scopes.contains(&subscription));
        let is_flawed = !self.unknown.is_empty()
            && (self.above.contains(id) || id.ancestors().any(|scope| self.unknown.contains(&scope)));
        is_told && !is_flawed
    }
}

/// What an absence proves, by where it is. Built once for a check.
#[derive(Debug)]
pub(super) struct Absence<'a>(Vec<Told<'a>>);

impl<'a> Absence<'a> {
    /// For what these facets of a subscription would tell.
    pub(super) fn of(audit: &Audit<'a>, facets: &[Facet]) -> Self {
        Self(facets.iter().map(|facet| Told::of(audit, *facet)).collect())
    }

    /// Whether what is not there, at a resource or in it, is truly not there. If nobody can tell, the outcome says what
    /// it is that is not known.
    pub(super) fn proves(&self, outcome: &mut Outcome, id: &ArmId, what: &str) -> bool {
        let is_whole = self.0.iter().all(|facet| facet.is_whole_at(id));
        if !is_whole {
            outcome.unknown.push(format!("whether {what} {id}: it, or what belongs to it, was not read"));
        }
        is_whole
    }
}

/// The same for what could be anywhere.
pub(super) fn is_nowhere(audit: &Audit<'_>, facets: &[Facet], outcome: &mut Outcome, what: &str) -> bool {
    let is_whole = audit.is_read_everywhere(facets);
    if !is_whole {
        outcome.unknown.push(format!("whether {what}: not everything that would tell was read"));
    }
    is_whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::World;
    use crate::audit::testing::{Estate, RG, S1, now};

    #[test]
    fn an_absence_proves_something_where_all_around_it_was_read() {
        let vm = format!("{RG}/providers/Microsoft.Compute/virtualMachines/vm");
        let proves = |estate: &Estate, id: &str| {
            let world = World::new(&estate.facts);
            let audit = Audit { facts: &estate.facts, world: &world, policy: &estate.policy, now: now() };
            let mut outcome = Outcome::default();
            let proves = Absence::of(&audit, &[Facet::Compute]).proves(&mut outcome, &ArmId::new(id), "there is");
            assert_eq!(outcome.unknown.is_empty(), proves);
            proves
        };
        assert!(proves(&Estate::bare(), &vm));
        assert!(!proves(&Estate::bare(), &vm.replace("/s1/", "/s2/")), "nobody says that it was read");
        let (upper, extension) = (vm.to_uppercase(), format!("{vm}/extensions/agent"));
        for place in [S1, RG, &vm, &upper, &extension] {
            assert!(!proves(&Estate::bare().forbidden(Facet::Compute, place), &vm), "{place}");
        }
        for place in [format!("{vm}2"), format!("{RG}2")] {
            assert!(proves(&Estate::bare().forbidden(Facet::Compute, &place), &vm), "{place}");
        }
        assert!(proves(&Estate::bare().forbidden(Facet::Network, &vm), &vm));
    }
}
