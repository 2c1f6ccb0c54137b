//! One question about many principals at many scopes: what they have in common is looked up once.

use super::decide::{Doubts, granted_by};
use super::grant::Effective;
use super::unread::{DENIES, GRANTS};
use super::world::{Key, World};
use super::{Action, Answer};
use crate::ArmId;
use std::collections::{BTreeSet, HashMap};

/// A question, with the roles that hold its action.
#[derive(Debug)]
pub(crate) struct Asked<'w> {
    world: &'w World<'w>,
    action: Action,
    /// Whether each role holds the action, by the number of the role.
    roles: HashMap<u32, bool>,
}

impl<'w> Asked<'w> {
    /// A question.
    pub(crate) fn new(world: &'w World<'w>, action: Action) -> Self {
        Self { world, action, roles: HashMap::new() }
    }

    /// The active grants that apply to a scope and hold the action, each with the number of who holds it.
    pub(crate) fn granted(&mut self, scope: &ArmId) -> Vec<(&'w Effective<'w>, u32)> {
        let with_a_say = self.with_a_say(scope).into_iter();
        with_a_say.filter(|(_, _, holds)| *holds).map(|(grant, key, _)| (grant, key.principal)).collect()
    }

    /// The active grants that apply to a scope and may hold the action: whether each does.
    fn with_a_say(&mut self, scope: &ArmId) -> Vec<(&'w Effective<'w>, Key, bool)> {
        let (world, action) = (self.world, &self.action);
        let chain = world.scopes.chain(scope);
        let applying = world.applying(&chain).filter(|(grant, _)| grant.is_active());
        let with_a_say = applying.filter_map(|(grant, key)| {
            let holds = *self.roles.entry(key.role).or_insert_with(|| grant.allows(action));
            (holds || grant.definition.is_none()).then_some((grant, key, holds))
        });
        with_a_say.collect()
    }

    /// What [`World::decide`] answers about each of these principals, by number. What could not be read and might change
    /// an answer is added to what is unknown.
    pub(crate) fn answers(&mut self, scope: &ArmId, principals: &[u32], unknown: &mut BTreeSet<String>) -> Vec<Answer> {
        let (with_a_say, world) = (self.with_a_say(scope), self.world);
        let chain = world.scopes.chain(scope);
        let unread = |facets| world.unread.about(facets, scope, |scope| world.chain(scope));
        let are_grants_unread = unread(&GRANTS).next().is_some();
        let (mut of_grants, mut of_denies) = (None::<Doubts>, None::<BTreeSet<String>>);
        let mut answers = Vec::with_capacity(principals.len());
        for &principal in principals {
            let above = world.groups.above(Some(principal));
            let (mut best, mut doubts) = (None, Doubts::default());
            for &(grant, key, holds) in &with_a_say {
                let is_held = above.has(key.principal);
                if is_held && holds {
                    best = granted_by(best, grant.condition.is_some() && key.binding.binds(&self.action));
                } else if is_held || world.groups.is_open(key.principal) {
                    doubts.note(grant, key, is_held, holds);
                }
            }
            let denial = world.denial(world.groups.id(principal), &above, &self.action, &chain);
            let met = denial.meets(best);
            let (asks_grants, asks_denies, answer) = match met {
                Answer::NotGranted if doubts.is_empty() && !are_grants_unread => (false, false, met),
                Answer::NotGranted => (true, true, Answer::Unknown),
                Answer::Denied => (false, false, met),
                Answer::Allowed => (false, true, met),
                _ => (best != Some(Answer::Allowed), true, met),
            };
            if asks_grants {
                of_grants.get_or_insert_default().add(doubts);
            }
            if asks_denies {
                of_denies.get_or_insert_default().extend(denial.doubts);
            }
            answers.push(answer);
        }
        if let Some(doubts) = of_grants {
            unknown.extend(doubts.lines(world, scope).into_iter().chain(unread(&GRANTS)));
        }
        if let Some(doubts) = of_denies {
            unknown.extend(doubts.into_iter().chain(unread(&DENIES)));
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{AccessFacts, Coverage, Facet, State, generator};
    use crate::{Unreadable, Why};

    /// The same tenant, with groups, roles and scopes that could not be read.
    fn in_part(mut facts: AccessFacts) -> AccessFacts {
        let groups: Vec<String> = facts.directory.members.keys().step_by(9).cloned().collect();
        for group in groups {
            facts.directory.members.remove(&group);
            facts.directory.opaque_groups.insert(group);
        }
        facts.definitions.remove(4);
        let scope = facts.subscriptions[0].id.clone();
        for facet in [Facet::RoleAssignments, Facet::DenyAssignments] {
            let state = State::Unknown(Unreadable { why: Why::Forbidden, detail: "no".to_owned() });
            facts.coverage.push(Coverage { scope: scope.clone(), facet, state });
        }
        facts
    }

    #[test]
    fn the_answers_are_those_that_are_given_one_by_one() {
        let whole = generator::large(13, 0.006);
        for facts in [whole.clone(), in_part(whole)] {
            let world = World::new(&facts);
            let mut compared = 0;
            for action in generator::actions() {
                let mut asked = Asked::new(&world, action.clone());
                for scope in generator::resource_scopes(&facts).iter().step_by(4) {
                    let mut principals: Vec<u32> = asked.granted(scope).iter().map(|(_, holder)| *holder).collect();
                    principals.extend([0, 5, 9]);
                    let decide = |one: &u32| world.decide(world.id_of(*one), &action, scope);
                    let decisions: Vec<_> = principals.iter().map(decide).collect();
                    let mut unknown = BTreeSet::new();
                    let answers = asked.answers(scope, &principals, &mut unknown);
                    assert!(answers.into_iter().eq(decisions.iter().map(|decision| decision.answer)));
                    let lines: BTreeSet<String> = decisions.into_iter().flat_map(|one| one.unknown).collect();
                    assert_eq!(unknown, lines);
                    compared += principals.len();
                }
            }
            assert!(compared > 100, "{compared}");
        }
    }
}
