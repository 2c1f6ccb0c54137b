//! Whether somebody may do something somewhere, and who may.

use super::binding::Binding;
use super::denies::Applies;
use super::grant::Effective;
use super::groups::Walk;
use super::rule::{Rule, kept};
use super::scopes::Chain;
use super::unread::{DENIES, GRANTS, GRANTS_AND_ELIGIBLE};
use super::world::{Key, World};
use super::{Action, Answer, Decision, DenyProof, Facet, Holder, Proof, WhoCan};
use crate::ArmId;
use std::collections::{BTreeMap, BTreeSet};

/// Why a question cannot be answered for sure.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// Open groups that hold something.
    groups: BTreeSet<u32>,
    /// Roles without a definition.
    roles: BTreeSet<String>,
}

impl World<'_> {
    /// Whether somebody may do something somewhere, now.
    pub fn decide(&self, principal: &str, action: &Action, scope: &ArmId) -> Decision {
        let chain = self.scopes.chain(scope);
        let above = self.groups.above(self.groups.find(principal));
        let (mut proofs, mut doubts) = (Vec::new(), Doubts::default());
        for (grant, key) in self.applying(&chain).filter(|(grant, _)| grant.is_active()) {
            let is_held = above.has(key.principal);
            if is_held || self.groups.is_open(key.principal) {
                match prove(grant, key.binding, action) {
                    Some(proof) if is_held => {
                        proofs.push(Proof { path: self.groups.way_up(&above, key.principal), ..proof });
                    }
                    proof => doubts.note(grant, key, is_held, proof.is_some()),
                }
            }
        }
        #[cfg(test)]
        super::tests::mutation::subtract_over_roles(&mut proofs, self.grants_on(scope), action);
        let denial = self.denial(principal, &above, action, &chain);
        self.conclude(scope, proofs, &doubts, denial)
    }

    fn conclude(&self, scope: &ArmId, proofs: Vec<Proof>, doubts: &Doubts, denial: Denial) -> Decision {
        let granted = granted(&proofs);
        let unread = |facets| self.unread.about(facets, scope, |scope| self.chain(scope));
        let of_grants = || doubts.lines(self, scope).into_iter().chain(unread(&GRANTS));
        let of_denies = || denial.doubts.iter().cloned().chain(unread(&DENIES));
        let (answer, unknown): (_, BTreeSet<String>) = match denial.meets(granted) {
            Answer::NotGranted => {
                let unknown: BTreeSet<String> = of_grants().collect();
                let answer = if unknown.is_empty() { Answer::NotGranted } else { Answer::Unknown };
                (answer, if unknown.is_empty() { unknown } else { unknown.into_iter().chain(of_denies()).collect() })
            }
            Answer::Denied => (Answer::Denied, BTreeSet::new()),
            Answer::Allowed => (Answer::Allowed, of_denies().collect()),
            answer if granted == Some(Answer::Allowed) => (answer, of_denies().collect()),
            answer => (answer, of_grants().chain(of_denies()).collect()),
        };
        Decision { answer, proofs, denied_by: denial.proof, unknown: unknown.into_iter().collect() }
    }

    /// Everybody who may do something somewhere; those who could activate it too, if `eligible`.
    pub fn who_can(&self, action: &Action, scope: &ArmId, eligible: bool) -> WhoCan {
        let chain = self.scopes.chain(scope);
        let (mut proofs, mut doubts) = (BTreeMap::<&str, Vec<Proof>>::new(), Doubts::default());
        for (grant, key) in self.applying(&chain).filter(|(grant, _)| eligible || grant.is_active()) {
            let Some(proof) = prove(grant, key.binding, action) else {
                doubts.note(grant, key, true, false);
                continue;
            };
            if self.groups.is_open(key.principal) {
                doubts.groups.insert(key.principal);
            }
            let below = self.groups.below(key.principal);
            for (holder, path) in self.groups.ways_back(&below) {
                proofs.entry(self.groups.id(holder)).or_default().push(Proof { path, ..proof.clone() });
            }
        }
        let facets: &[Facet] = if eligible { &GRANTS_AND_ELIGIBLE } else { &GRANTS };
        let unread = |facets| self.unread.about(facets, scope, |scope| self.chain(scope));
        let mut unknown: BTreeSet<String> = unread(facets).chain(unread(&DENIES)).collect();
        unknown.extend(doubts.lines(self, scope));
        let (mut holders, mut denied) = (Vec::new(), Vec::new());
        for (principal, proofs) in proofs {
            let above = self.groups.above(self.groups.find(principal));
            let denial = self.denial(principal, &above, action, &chain);
            match (denial.meets(granted(&proofs)), denial.proof) {
                (Answer::Denied, Some(proof)) => denied.push((principal.to_owned(), proof)),
                (answer, _) => {
                    unknown.extend(denial.doubts);
                    holders.push(Holder { principal: principal.to_owned(), answer, proofs });
                }
            }
        }
        WhoCan { holders, denied, unknown: unknown.into_iter().collect() }
    }

    pub(super) fn denial(&self, principal: &str, above: &Walk, action: &Action, chain: &Chain) -> Denial {
        let mut denial = Denial::default();
        let mut is_case_by_case = false;
        for deny in self.denying(chain).filter(|deny| deny.denies(action)) {
            let proof = || deny.proof(&self.groups, principal, above);
            match (deny.applies_to(above), deny.binding.binds(action)) {
                (Applies::No, _) => {}
                (Applies::Perhaps, _) => {
                    let line = format!("deny assignment {} of {}", deny.facts.name, deny.facts.scope);
                    denial.doubts.push(format!("{line}: it is for or leaves out a group whose members were not read"));
                }
                (Applies::Yes, true) if denial.proof.is_none() => {
                    (denial.proof, is_case_by_case) = (Some(proof()), true);
                }
                (Applies::Yes, true) => {}
                (Applies::Yes, false) => {
                    // What denies always leaves nothing to say about what denies sometimes.
                    let proof = DenyProof { condition: None, ..proof() };
                    return Denial { proof: Some(proof), is_case_by_case: false, doubts: Vec::new() };
                }
            }
        }
        Denial { is_case_by_case, ..denial }
    }
}

/// What deny assignments say of a question.
#[derive(Debug, Default)]
pub(super) struct Denial {
    proof: Option<DenyProof>,
    is_case_by_case: bool,
    /// Those that may or may not apply.
    pub(super) doubts: Vec<String>,
}

impl Denial {
    /// What is left of what is granted.
    pub(super) fn meets(&self, granted: Option<Answer>) -> Answer {
        match granted {
            _ if self.proof.is_some() && !self.is_case_by_case => Answer::Denied,
            None => Answer::NotGranted,
            Some(_) if !self.doubts.is_empty() => Answer::Unknown,
            Some(_) if self.is_case_by_case => Answer::Conditional,
            Some(granted) => granted,
        }
    }
}

impl Doubts {
    /// A grant that proves nothing but may grant, since the role or the members of the group are not known.
    pub(super) fn note(&mut self, grant: &Effective<'_>, key: Key, is_held: bool, is_proven: bool) {
        let is_missing = grant.definition.is_none() && kept(Rule::MissingDefinition);
        if is_missing {
            self.roles.insert(grant.role.clone());
        }
        if !is_held && (is_missing || is_proven || !kept(Rule::OpaqueGroupsThatHold)) {
            self.groups.insert(key.principal);
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.roles.is_empty()
    }

    /// Both together.
    pub(super) fn add(&mut self, other: Self) {
        self.groups.extend(other.groups);
        self.roles.extend(other.roles);
    }

    /// Told for people.
    pub(super) fn lines(&self, world: &World<'_>, scope: &ArmId) -> Vec<String> {
        let role = |role: &String| format!("definition of role {role}: not read, or the role is deleted");
        let mut lines = world.opaque_below(self.groups.iter().copied());
        lines.extend(self.roles.iter().map(role));
        if !self.roles.is_empty() {
            lines.extend(world.unread.about(&[Facet::RoleDefinitions], scope, |scope| world.chain(scope)));
        }
        lines
    }
}

/// The best that grants prove; nothing without any.
fn granted(proofs: &[Proof]) -> Option<Answer> {
    match proofs.iter().any(|proof| proof.condition.is_none()) {
        true => Some(Answer::Allowed),
        false => (!proofs.is_empty()).then_some(Answer::Conditional),
    }
}

/// The best that is proven with one grant more, which holds the action always or as its condition decides.
pub(super) fn granted_by(best: Option<Answer>, is_case_by_case: bool) -> Option<Answer> {
    match best {
        Some(Answer::Allowed) => best,
        _ if is_case_by_case => Some(Answer::Conditional),
        _ => Some(Answer::Allowed),
    }
}

/// What a grant proves of an action, without the path.
fn prove(grant: &Effective<'_>, binding: Binding, action: &Action) -> Option<Proof> {
    let definition = grant.definition?;
    let pattern = action.pattern_in(&definition.permissions)?;
    Some(Proof {
        kind: grant.kind,
        assignment: grant.id.clone(),
        scope: grant.scope.clone(),
        role: grant.role.clone(),
        role_name: definition.name.clone(),
        pattern: pattern.to_owned(),
        path: Vec::new(),
        condition: grant.condition.filter(|_| binding.binds(action)).map(str::to_owned),
    })
}
