//! What could not be read, and which questions that leaves open.

use super::rule::{Rule, kept};
use super::{AccessFacts, Coverage, Facet, State};
use crate::ArmId;

/// What could not be read of the facts that answers rest on.
#[derive(Debug)]
pub(super) struct Unread<'a> {
    facts: &'a AccessFacts,
    unknown: Vec<&'a Coverage>,
}

/// The facets that may hide grants which apply to a scope.
pub(super) const GRANTS: [Facet; 3] = [Facet::RoleAssignments, Facet::PimActive, Facet::ManagementGroups];
/// The same, with those that could be activated.
pub(super) const GRANTS_AND_ELIGIBLE: [Facet; 4] =
    [Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::ManagementGroups];
/// The facets that may hide deny assignments which apply to a scope.
pub(super) const DENIES: [Facet; 2] = [Facet::DenyAssignments, Facet::ManagementGroups];

impl<'a> Unread<'a> {
    pub(super) fn of(facts: &'a AccessFacts) -> Self {
        let is_unknown = |coverage: &&Coverage| matches!(coverage.state, State::Unknown(_)) && kept(Rule::Unread);
        Self { facts, unknown: facts.coverage.iter().filter(is_unknown).collect() }
    }

    /// What could not be read of these facets and bears on a scope, which has this scope and those above it as its
    /// chain.
    pub(super) fn about<'s>(
        &'s self,
        facets: &'s [Facet],
        scope: &'s ArmId,
        chain: impl Fn(&ArmId) -> Vec<ArmId> + 's,
    ) -> impl Iterator<Item = String> + 's {
        let of_facets = self.unknown.iter().filter(|coverage| facets.contains(&coverage.facet));
        let about = of_facets.filter(move |coverage| {
            let is_above = || scope.is_within(&coverage.scope) || chain(scope).contains(&coverage.scope);
            is_above() || self.was_the_only_way(coverage, scope, &chain)
        });
        about.map(|coverage| line(coverage))
    }

    /// What could not be read of a facet, wherever.
    pub(super) fn anywhere(&self, facet: Facet) -> impl Iterator<Item = String> {
        self.unknown.iter().filter(move |coverage| coverage.facet == facet).map(|coverage| line(coverage))
    }

    /// A subscription's list tells of the scopes above it too. What is above subscriptions is unknown if none of them
    /// was read.
    fn was_the_only_way(&self, unread: &Coverage, scope: &ArmId, chain: impl Fn(&ArmId) -> Vec<ArmId>) -> bool {
        let is_below = |one: &Coverage| one.scope.subscription().is_some() && chain(&one.scope).contains(scope);
        let is_read = |one: &Coverage| one.facet == unread.facet && matches!(one.state, State::Read { .. });
        let is_whole = |one: &Coverage| one.scope.as_str().split('/').count() == 3;
        scope.subscription().is_none()
            && is_below(unread)
            && is_whole(unread)
            && !self.facts.coverage.iter().any(|one| is_read(one) && is_whole(one) && is_below(one))
    }
}

fn line(coverage: &Coverage) -> String {
    match &coverage.state {
        State::Unknown(reason) => format!("{} of {}: {reason}", coverage.facet, coverage.scope),
        State::Read { .. } => format!("{} of {}", coverage.facet, coverage.scope),
    }
}
