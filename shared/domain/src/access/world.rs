//! The facts, ready to be asked.

use super::binding::Binding;
use super::denies::{Applies, Deny};
use super::grant::{Effective, grants, guid};
use super::groups::{Groups, Walk};
use super::rule::{Rule, kept};
use super::scopes::{Chain, Scopes};
use super::unread::{DENIES, GRANTS, GRANTS_AND_ELIGIBLE, Unread};
use super::{
    AccessFacts, Action, Answer, Decision, Definition, DenyProof, DirectoryObject, Facet, Holder, Members, Proof,
    WhoCan, principal_id,
};
use crate::ArmId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The facts, ready to be asked. Built once for many questions.
#[derive(Debug)]
pub struct World<'a> {
    facts: &'a AccessFacts,
    definitions: HashMap<String, &'a Definition>,
    grants: Vec<Effective<'a>>,
    /// What is in numbers of each grant, in the order of the grants.
    pub(super) keys: Vec<Key>,
    pub(super) scopes: Scopes<'a>,
    pub(super) groups: Groups<'a>,
    pub(super) denies: Vec<Deny<'a>>,
    /// The grants made at each scope, by the scope's number.
    pub(super) grants_at: Vec<Vec<u32>>,
    /// The deny assignments made at each scope, by the scope's number.
    pub(super) denies_at: Vec<Vec<u32>>,
    pub(super) unread: Unread<'a>,
}

/// A grant in numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// Who holds it.
    pub(super) principal: u32,
    /// Which role: the position of the first grant of it.
    pub(super) role: u32,
    /// Which questions its condition has a say in.
    pub(super) binding: Binding,
}

/// Why a question cannot be answered for sure.
#[derive(Debug, Default)]
struct Doubts {
    /// Open groups that hold something.
    groups: BTreeSet<u32>,
    /// Roles without a definition.
    roles: BTreeSet<String>,
}

impl<'a> World<'a> {
    /// Sorts the facts.
    pub fn new(facts: &'a AccessFacts) -> Self {
        let definitions: HashMap<String, &Definition> =
            facts.definitions.iter().map(|definition| (guid(&definition.id), definition)).collect();
        let grants = grants(facts, &definitions);
        let groups = Groups::of(facts);
        let mut scopes = Scopes::of(facts);
        let grant_scopes: Vec<u32> = grants.iter().map(|grant| scopes.number(grant.scope)).collect();
        let denies: Vec<Deny<'_>> =
            facts.denies.iter().map(|deny| Deny::of(&groups, scopes.number(&deny.scope), deny)).collect();
        let at_scopes = |of: &mut dyn Iterator<Item = u32>| {
            let mut lists = vec![Vec::new(); scopes.len()];
            of.zip(0..).for_each(|(scope, at)| lists[scope as usize].push(at));
            lists
        };
        Self {
            facts,
            keys: keys(&grants, &groups),
            grants_at: at_scopes(&mut grant_scopes.into_iter()),
            denies_at: at_scopes(&mut denies.iter().map(|deny| deny.scope)),
            definitions,
            grants,
            scopes,
            groups,
            denies,
            unread: Unread::of(facts),
        }
    }

    /// The facts themselves.
    pub fn facts(&self) -> &'a AccessFacts {
        self.facts
    }

    /// What the directory knows of a principal.
    pub fn object(&self, principal: &str) -> Option<&'a DirectoryObject> {
        let objects = &self.facts.directory.objects;
        objects.get(principal).or_else(|| objects.get(&principal_id(principal)))
    }

    /// A principal's name for people; its id where nobody knows a name.
    pub fn name_of<'b>(&'b self, principal: &'b str) -> &'b str {
        self.object(principal).map_or(principal, DirectoryObject::name)
    }

    /// A role by its GUID, whatever the case.
    pub fn definition(&self, role: &str) -> Option<&'a Definition> {
        self.definitions.get(role.to_ascii_lowercase().as_str()).copied()
    }

    /// Every grant: role assignments, and direct instances of Privileged Identity Management.
    pub fn grants(&self) -> &[Effective<'a>] {
        &self.grants
    }

    /// A scope and every scope above it, through the management groups up to `/`.
    pub fn chain(&self, scope: &ArmId) -> Vec<ArmId> {
        self.scopes.spelled(scope)
    }

    /// The grants that apply to a scope: made at it or above it.
    pub fn grants_on(&self, scope: &ArmId) -> impl Iterator<Item = &Effective<'a>> {
        let chain = self.scopes.chain(scope).scopes;
        chain.into_iter().flat_map(|scope| &self.grants_at[scope as usize]).map(|&at| &self.grants[at as usize])
    }

    /// Every group that a principal is in, however deep, with the shortest way to it: from the principal to the group,
    /// both included. The principal itself comes first, with a way of one.
    pub fn ways_up(&self, principal: &str) -> BTreeMap<String, Vec<String>> {
        let start = principal_id(principal);
        let above = self.groups.above(self.groups.find(&start));
        let ways = above.all().map(|group| (self.groups.id(group).to_owned(), self.groups.way_up(&above, group)));
        [(start.clone(), vec![start])].into_iter().chain(ways).collect()
    }

    /// Who is in a group, however deep; nobody in what is no group.
    pub fn members_of(&self, group: &str) -> Members {
        let Some(start) = self.groups.find(group) else { return Members::default() };
        let below = self.groups.below(start);
        let id = |number| self.groups.id(number).to_owned();
        Members {
            ids: below.all().filter(|&member| member != start).map(id).collect(),
            opaque: below.all().filter(|&member| self.groups.is_opaque(member)).map(id).collect(),
        }
    }

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

    /// The grants made at the scopes of a chain.
    pub(super) fn applying<'s>(&'s self, chain: &'s Chain) -> impl Iterator<Item = (&'s Effective<'a>, Key)> {
        let positions = chain.scopes.iter().flat_map(|&scope| &self.grants_at[scope as usize]);
        positions.map(|&at| (&self.grants[at as usize], self.keys[at as usize]))
    }

    /// The deny assignments that hold at a scope.
    pub(super) fn denying<'s>(&'s self, chain: &'s Chain) -> impl Iterator<Item = &'s Deny<'a>> {
        let positions = chain.scopes.iter().flat_map(|&scope| &self.denies_at[scope as usize]);
        positions.map(|&at| &self.denies[at as usize]).filter(|deny| deny.holds_at(chain))
    }

    fn denial(&self, principal: &str, above: &Walk, action: &Action, chain: &Chain) -> Denial {
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
struct Denial {
    proof: Option<DenyProof>,
    is_case_by_case: bool,
    /// Those that may or may not apply.
    doubts: Vec<String>,
}

impl Denial {
    /// What is left of what is granted.
    fn meets(&self, granted: Option<Answer>) -> Answer {
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
    fn note(&mut self, grant: &Effective<'_>, key: Key, is_held: bool, is_proven: bool) {
        let is_missing = grant.definition.is_none() && kept(Rule::MissingDefinition);
        if is_missing {
            self.roles.insert(grant.role.clone());
        }
        if !is_held && (is_missing || is_proven || !kept(Rule::OpaqueGroupsThatHold)) {
            self.groups.insert(key.principal);
        }
    }

    /// Told for people.
    fn lines(&self, world: &World<'_>, scope: &ArmId) -> Vec<String> {
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

fn keys(grants: &[Effective<'_>], groups: &Groups<'_>) -> Vec<Key> {
    let mut roles: HashMap<&str, u32> = HashMap::new();
    let mut bindings: HashMap<&str, Binding> = HashMap::new();
    let mut keys = Vec::with_capacity(grants.len());
    for (grant, at) in grants.iter().zip(0..) {
        let binding = match grant.condition {
            None => Binding::Nothing,
            Some(condition) => *bindings.entry(condition).or_insert_with(|| Binding::of(Some(condition))),
        };
        let principal = groups.find(&grant.principal.id).expect("whoever holds something has a number");
        keys.push(Key { principal, role: *roles.entry(&grant.role).or_insert(at), binding });
    }
    keys
}
