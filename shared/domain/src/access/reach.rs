//! Everything that somebody holds, whatever it allows.

use super::denies::Applies;
use super::groups::Walk;
use super::unread::{DENIES, GRANTS, GRANTS_AND_ELIGIBLE};
use super::{AccessOf, DenyReach, Effective, Explanation, Facet, Reach, World};
use crate::ArmId;
use std::collections::BTreeSet;

impl World<'_> {
    /// Every grant that reaches somebody, directly and through groups, whether it holds now or could be activated.
    pub fn access_of(&self, principal: &str) -> AccessOf {
        let above = self.groups.above(self.groups.find(principal));
        let of_principal = self.grants().iter().zip(&self.keys).filter(|(_, key)| above.has(key.principal));
        let mut grants: Vec<Reach> =
            of_principal.map(|(grant, key)| self.reach(grant, &above, key.principal)).collect();
        grants.sort_by(|a, b| a.scope.cmp(&b.scope).then_with(|| a.role_name.cmp(&b.role_name)));
        let mut unknown: BTreeSet<String> =
            GRANTS_AND_ELIGIBLE.iter().flat_map(|&facet| self.unread.anywhere(facet)).collect();
        let open = self.keys.iter().map(|key| key.principal).filter(|&one| self.groups.is_open(one) && !above.has(one));
        unknown.extend(self.opaque_below(open));
        AccessOf { grants, unknown: unknown.into_iter().collect() }
    }

    /// Every grant that applies to somebody at a scope, and every deny assignment.
    pub fn explain(&self, principal: &str, scope: &ArmId) -> Explanation {
        let chain = self.scopes.chain(scope);
        let above = self.groups.above(self.groups.find(principal));
        let held = self.applying(&chain).filter(|(_, key)| above.has(key.principal));
        let grants = held.map(|(grant, key)| self.reach(grant, &above, key.principal)).collect();
        let denies = self.denying(&chain).filter_map(|deny| {
            let certain = match deny.applies_to(&above) {
                Applies::No => return None,
                applies => applies == Applies::Yes,
            };
            let permissions = deny.facts.permissions.iter();
            let patterns = permissions.flat_map(|block| block.actions.iter().chain(&block.data_actions)).cloned();
            let proof = deny.proof(&self.groups, principal, &above);
            Some(DenyReach { proof, certain, patterns: patterns.collect() })
        });
        let facets: Vec<Facet> = GRANTS_AND_ELIGIBLE.into_iter().chain(DENIES).collect();
        let mut unknown: BTreeSet<String> = self.unread.about(&facets, scope, |scope| self.chain(scope)).collect();
        let open = self.applying(&chain).map(|(_, key)| key.principal);
        unknown.extend(self.opaque_below(open.filter(|&one| self.groups.is_open(one) && !above.has(one))));
        Explanation {
            chain: self.chain(scope),
            grants,
            denies: denies.collect(),
            unknown: unknown.into_iter().collect(),
        }
    }

    /// Told for people: what could not be read and may hide a grant that applies to a scope; one that could be activated
    /// too, if `eligible`.
    pub fn unread_at(&self, scope: &ArmId, eligible: bool) -> Vec<String> {
        let facets: &[Facet] = if eligible { &GRANTS_AND_ELIGIBLE } else { &GRANTS };
        let unread: BTreeSet<String> = self.unread.about(facets, scope, |scope| self.chain(scope)).collect();
        unread.into_iter().collect()
    }

    /// Told for people: the groups in a principal, itself included, whose members could not be read.
    pub fn unread_members(&self, principal: &str) -> Vec<String> {
        self.opaque_below(self.groups.find(principal).into_iter())
    }

    fn reach(&self, grant: &Effective<'_>, above: &Walk, holder: u32) -> Reach {
        Reach {
            kind: grant.kind,
            assignment: grant.id.clone(),
            scope: grant.scope.clone(),
            role: grant.role.clone(),
            role_name: grant.role_name().to_owned(),
            path: self.groups.way_up(above, holder),
            condition: grant.condition.map(str::to_owned),
            end: grant.end,
        }
    }

    /// Told for people: the groups among these and below them whose members could not be read.
    pub(super) fn opaque_below(&self, groups: impl Iterator<Item = u32>) -> Vec<String> {
        let groups: BTreeSet<u32> = groups.collect();
        let mut opaque = BTreeSet::new();
        for group in groups {
            opaque.extend(self.groups.below(group).all().filter(|&member| self.groups.is_opaque(member)));
        }
        let group = |&number: &u32| {
            let id = self.groups.id(number);
            match self.name_of(id) {
                name if name == id => format!("members of group {id}: not read"),
                name => format!("members of group {name} ({id}): not read"),
            }
        };
        let unread = self.unread.anywhere(Facet::GroupMembers).filter(|_| !opaque.is_empty());
        opaque.iter().map(group).chain(unread).collect()
    }
}
