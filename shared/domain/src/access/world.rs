//! The facts, ready to be asked.

use super::binding::Binding;
use super::denies::Deny;
use super::grant::{Effective, grants, guid};
use super::groups::Groups;
use super::scopes::{Chain, Scopes};
use super::unread::Unread;
use super::{AccessFacts, Definition, DirectoryObject, Members, principal_id};
use crate::ArmId;
use std::collections::{BTreeMap, HashMap};

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
    /// What the directory knows of each principal, by number.
    pub(super) objects: Vec<Option<&'a DirectoryObject>>,
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

impl<'a> World<'a> {
    /// Sorts the facts.
    pub fn new(facts: &'a AccessFacts) -> Self {
        let definitions: HashMap<String, &Definition> =
            facts.definitions.iter().map(|definition| (guid(&definition.id), definition)).collect();
        let grants = grants(facts, &definitions);
        let groups = Groups::of(facts);
        let objects = groups.ids().iter().map(|id| facts.directory.objects.get(id.as_ref())).collect();
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
            objects,
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
        let ways = self.groups.ways_up(&above).map(|(group, way)| (self.groups.id(group).to_owned(), way));
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

    /// The grants made at the scopes of a chain.
    pub(super) fn applying<'s>(&'s self, chain: &Chain) -> impl Iterator<Item = (&'s Effective<'a>, Key)> {
        let positions = chain.scopes.iter().flat_map(|&scope| &self.grants_at[scope as usize]);
        positions.map(|&at| (&self.grants[at as usize], self.keys[at as usize]))
    }

    /// The deny assignments that hold at a scope.
    pub(super) fn denying<'s>(&'s self, chain: &'s Chain) -> impl Iterator<Item = &'s Deny<'a>> {
        let positions = chain.scopes.iter().flat_map(|&scope| &self.denies_at[scope as usize]);
        positions.map(|&at| &self.denies[at as usize]).filter(|deny| deny.holds_at(chain))
    }
}

/// The grants in numbers.
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
