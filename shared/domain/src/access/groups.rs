//! Who is in which groups, in numbers.

use super::bits::Bits;
use super::rule::{Rule, kept};
use super::{AccessFacts, DirectoryObject, Facet, State, principal_id};
use crate::estate::Principal;
use std::borrow::Cow;
use std::collections::HashMap;

/// The all-zero id, which deny assignments use for everybody.
pub(super) const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";

/// Lists of numbers, one for each number.
#[derive(Debug, Default)]
struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// From pairs of a number and what is in its list.
    fn of(count: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0_u32; count + 1];
        for (at, _) in pairs.clone() {
            starts[at as usize + 1] += 1;
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let mut items = vec![0; starts[count] as usize];
        let mut next = starts.clone();
        for (at, item) in pairs {
            items[next[at as usize] as usize] = item;
            next[at as usize] += 1;
        }
        Self { starts, items }
    }

    fn at(&self, at: u32) -> &[u32] {
        &self.items[self.starts[at as usize] as usize..self.starts[at as usize + 1] as usize]
    }
}

/// Principals by number, and the groups among them.
#[derive(Debug, Default)]
pub(super) struct Groups<'a> {
    numbers: HashMap<Cow<'a, str>, u32>,
    ids: Vec<Cow<'a, str>>,
    up: Lists,
    down: Lists,
    opaque: Bits,
    /// Those that are opaque or have an opaque group in them, however deep: anybody may be in them.
    open: Bits,
}

/// What is above or below a principal, in the order of distance: each with the position of its neighbour on the way
/// back.
#[derive(Debug)]
pub(super) struct Walk {
    seen: Bits,
    steps: Vec<(u32, u32)>,
}

impl Walk {
    /// Whether it came by this one.
    pub(super) fn has(&self, number: u32) -> bool {
        self.seen.has(number)
    }

    /// All it came by.
    pub(super) fn all(&self) -> impl Iterator<Item = u32> {
        self.steps.iter().map(|step| step.0)
    }

    /// Each with its distance from the start.
    pub(super) fn distances(&self) -> impl Iterator<Item = (u32, usize)> {
        let mut distances: Vec<usize> = Vec::with_capacity(self.steps.len());
        self.steps.iter().enumerate().map(move |(at, step)| {
            distances.push(if at == 0 { 0 } else { distances[step.1 as usize] + 1 });
            (step.0, distances[at])
        })
    }

    /// From one of them back to the start; the shortest way.
    fn back(&self, mut at: usize) -> Vec<u32> {
        let mut way = vec![self.steps[at].0];
        while at != 0 {
            at = self.steps[at].1 as usize;
            way.push(self.steps[at].0);
        }
        way
    }

    fn position(&self, number: u32) -> Option<usize> {
        self.steps.iter().position(|step| step.0 == number)
    }
}

impl<'a> Groups<'a> {
    /// Numbers whoever holds something, is denied something, or is in a group or is one.
    pub(super) fn of(facts: &'a AccessFacts) -> Self {
        let mut groups = Self::default();
        let directory = &facts.directory;
        let mut memberships: Vec<(u32, u32)> = Vec::new();
        for (group, members) in &directory.members {
            let group = groups.number(group);
            memberships.extend(members.iter().map(|member| (group, groups.number(member))));
        }
        let mut opaque: Vec<u32> = directory.opaque_groups.iter().map(|group| groups.number(group)).collect();
        let read = among(&groups, directory.members.keys());
        let is_group = |object: &DirectoryObject| matches!(object, DirectoryObject::Group { .. });
        for (id, _) in directory.objects.iter().filter(|(_, object)| is_group(object)) {
            let number = groups.number(id);
            opaque.extend(Some(number).filter(|number| !read.has(*number)));
        }
        let denies = facts.denies.iter().flat_map(|deny| deny.principals.iter().chain(&deny.except));
        let held = facts.assignments.iter().map(|one| &one.principal).chain(facts.pim.iter().map(|one| &one.principal));
        let named = held.chain(denies);
        for principal in named.clone() {
            let number = groups.number(&principal.id);
            if may_be_a_group(principal)
                && !read.has(number)
                && !is_told(facts, principal, &groups.ids[number as usize])
            {
                opaque.push(number);
            }
        }
        if members_are_unread(facts) {
            let told = directory.objects.keys().chain(&directory.missing).chain(directory.members.keys());
            let others = named.filter(|principal| !may_be_a_group(principal)).map(|principal| &principal.id);
            let told = among(&groups, told.chain(others));
            // What nobody tells what it is may be one of the groups that were not read.
            opaque.extend(memberships.iter().map(|(_, member)| *member).filter(|member| !told.has(*member)));
            if opaque.is_empty() {
                // Which of them is incomplete nobody says, so each may be.
                opaque.extend(directory.members.keys().filter_map(|group| groups.find(group)));
            }
        }
        groups.seal(&memberships, &opaque);
        groups
    }

    fn seal(&mut self, memberships: &[(u32, u32)], opaque: &[u32]) {
        let count = self.ids.len();
        self.down = Lists::of(count, memberships.iter().copied());
        self.up = Lists::of(count, memberships.iter().map(|&(group, member)| (member, group)));
        self.opaque = Bits::with(count);
        self.open = Bits::with(count);
        let mut next: Vec<u32> = Vec::new();
        for &group in opaque.iter().filter(|_| kept(Rule::OpaqueGroups)) {
            self.opaque.insert(group);
            next.push(group);
        }
        while let Some(at) = next.pop() {
            if self.open.insert(at) {
                next.extend(self.up.at(at));
            }
        }
    }

    fn number(&mut self, id: &'a str) -> u32 {
        let id = normal(id);
        if let Some(&number) = self.numbers.get(&id) {
            return number;
        }
        let next = u32::try_from(self.ids.len()).expect("there are fewer than four thousand million principals");
        self.ids.push(id.clone());
        self.numbers.insert(id, next);
        next
    }

    /// How many principals have a number.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// A principal's number, if it has one.
    pub(super) fn find(&self, id: &str) -> Option<u32> {
        self.numbers.get(normal(id).as_ref()).copied()
    }

    /// A principal by its number.
    pub(super) fn id(&self, number: u32) -> &str {
        &self.ids[number as usize]
    }

    /// Everybody's id, in the order of their numbers.
    pub(super) fn ids(&self) -> &[Cow<'a, str>] {
        &self.ids
    }

    /// Whether anybody may be in it: it is a group whose members could not be read, or has one in it.
    pub(super) fn is_open(&self, number: u32) -> bool {
        self.open.has(number)
    }

    /// Whether it is a group whose members could not be read.
    pub(super) fn is_opaque(&self, number: u32) -> bool {
        self.opaque.has(number)
    }

    /// Whether any members of it are known.
    pub(super) fn has_members(&self, number: u32) -> bool {
        !self.down.at(number).is_empty()
    }

    /// A principal and every group it is in.
    pub(super) fn above(&self, start: Option<u32>) -> Walk {
        let once = !kept(Rule::NestedGroups);
        self.walk(start, |at| if once && Some(at) != start { &[] } else { self.up.at(at) })
    }

    /// A group and all that is in it.
    pub(super) fn below(&self, start: u32) -> Walk {
        self.walk(Some(start), |at| self.down.at(at))
    }

    /// These and all that is in them, each once.
    pub(super) fn all_below(&self, starts: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut seen = Bits::with(self.ids.len());
        let mut all: Vec<u32> = starts.into_iter().filter(|&start| seen.insert(start)).collect();
        let mut at = 0;
        while at < all.len() {
            all.extend(self.down.at(all[at]).iter().filter(|&&member| seen.insert(member)));
            at += 1;
        }
        all
    }

    fn walk<'s>(&'s self, start: Option<u32>, next: impl Fn(u32) -> &'s [u32]) -> Walk {
        let mut walk = Walk { seen: Bits::with(self.ids.len()), steps: Vec::new() };
        if let Some(start) = start {
            walk.seen.insert(start);
            walk.steps.push((start, 0));
        }
        let mut at = 0;
        while at < walk.steps.len() {
            for &neighbour in next(walk.steps[at].0) {
                if walk.seen.insert(neighbour) {
                    walk.steps.push((neighbour, u32::try_from(at).expect("steps are fewer than principals")));
                }
            }
            at += 1;
        }
        walk
    }

    /// From the start of a walk upwards to one of the groups it came by.
    pub(super) fn way_up(&self, walk: &Walk, to: u32) -> Vec<String> {
        let way = walk.position(to).map(|at| walk.back(at)).unwrap_or_default();
        way.into_iter().rev().map(|number| self.id(number).to_owned()).collect()
    }

    /// From the start of a walk upwards to each of the groups it came by.
    pub(super) fn ways_up<'s>(&'s self, walk: &'s Walk) -> impl Iterator<Item = (u32, Vec<String>)> + 's {
        let spell = |way: Vec<u32>| way.into_iter().rev().map(|number| self.id(number).to_owned()).collect();
        (0..walk.steps.len()).map(move |at| (walk.steps[at].0, spell(walk.back(at))))
    }

    /// From each that a walk downwards came by back up to its start.
    pub(super) fn ways_back<'s>(&'s self, walk: &'s Walk) -> impl Iterator<Item = (u32, Vec<String>)> + 's {
        let spell = |way: Vec<u32>| way.into_iter().map(|number| self.id(number).to_owned()).collect();
        (0..walk.steps.len()).map(move |at| (walk.steps[at].0, spell(walk.back(at))))
    }
}

/// Those of these ids that have a number.
fn among<'a>(groups: &Groups<'a>, ids: impl Iterator<Item = &'a String>) -> Bits {
    let mut among = Bits::with(groups.len());
    for number in ids.filter_map(|id| groups.find(id)) {
        among.insert(number);
    }
    among
}

fn members_are_unread(facts: &AccessFacts) -> bool {
    facts.coverage.iter().any(|one| one.facet == Facet::GroupMembers && matches!(one.state, State::Unknown(_)))
}

/// Whether a principal's type leaves open that it has members.
fn may_be_a_group(principal: &Principal) -> bool {
    const OTHERS: [&str; 4] = ["", "Unknown", "DirectoryRoleTemplate", "DirectoryObjectOrGroup"];
    let is = |kind: &str| principal.kind.eq_ignore_ascii_case(kind);
    (is("Group") || is("ForeignGroup") || OTHERS.into_iter().any(is)) && normal(&principal.id) != EVERYBODY
}

/// Whether the directory tells that there are no members: it is something else, or it is gone.
fn is_told(facts: &AccessFacts, principal: &Principal, id: &str) -> bool {
    let is_foreign = principal.kind.eq_ignore_ascii_case("ForeignGroup");
    let is_gone = facts.directory.missing.contains(id) && !is_foreign;
    is_gone || facts.directory.objects.get(id).is_some_and(|object| !matches!(object, DirectoryObject::Group { .. }))
}

/// An id as it is compared, copied only if it has to be changed.
fn normal(id: &str) -> Cow<'_, str> {
    let is_normal = id.len() != 32 && !id.bytes().any(|byte| byte.is_ascii_uppercase()) && id.trim().len() == id.len();
    if is_normal || !kept(Rule::PrincipalSpelling) { Cow::Borrowed(id) } else { Cow::Owned(principal_id(id)) }
}
