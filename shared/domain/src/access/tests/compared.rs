//! The evaluation and the slow reference side by side.

use super::chance::{self, Chance, PRINCIPALS, SCOPES};
use super::mutation::with_broken;
use super::reference::Reference;
use crate::ArmId;
use crate::access::rule::Rule;
use crate::access::{Action, Answer, Matrix, World};
use std::collections::BTreeMap;

/// How many questions are asked in all.
const QUESTIONS: usize = 1_000_000;
/// How many worlds are made to find out that a rule is broken: fewer than those in which, unbroken, none differs.
const WORLDS_TO_NOTICE: u64 = 1_000;

/// How often each answer was given.
type Tally = BTreeMap<Answer, usize>;

/// Asks everything that can be asked of the world of a seed, in every way in which it can be asked. The first difference
/// is an error.
fn compare(seed: u64, tally: &mut Tally) -> Result<(), String> {
    let facts = chance::facts(seed);
    let actions = chance::actions();
    let reference = Reference::new(&facts, &actions, &SCOPES);
    let mut chance = Chance::of(seed ^ 0x5eed);
    let world = World::new(&facts);
    let scopes = SCOPES.map(|scope| ArmId::new(&chance.odd_case(scope)));
    let matrix = world.matrix(&actions, &scopes);
    let principals: Vec<String> = (0..PRINCIPALS).map(|number| chance.odd_id(number)).collect();
    let ids: Vec<String> = (0..PRINCIPALS).map(chance::id).collect();
    let numbers: Vec<_> = ids.iter().map(|id| reference.principal(id)).collect();
    let rows: Vec<_> = matrix.rows().collect();
    for (at, scope) in scopes.iter().enumerate() {
        for (position, action) in actions.iter().enumerate() {
            let mut answers = Vec::new();
            for (number, principal) in principals.iter().enumerate() {
                let expected = reference.answer(numbers[number], position, at, SCOPES[at]);
                *tally.entry(expected).or_default() += 1;
                answers.push((ids[number].as_str(), expected));
                let question = || format!("seed {seed}: {principal} {:?} {} at {scope}", action.plane, action.name);
                let told = matrix.answer(principal, position, scope);
                if told != Some(expected) {
                    return Err(format!("{}: the matrix says {told:?}, not {expected:?}", question()));
                }
                let decision = world.decide(principal, action, scope);
                let is_explained = match expected {
                    Answer::Unknown => !decision.unknown.is_empty(),
                    Answer::NotGranted | Answer::Denied => decision.unknown.is_empty(),
                    Answer::Allowed => decision.unknown.is_empty() != reference.denies_unread[at],
                    Answer::Conditional => true,
                };
                let is_denied = decision.denied_by.as_ref().is_some_and(|deny| deny.condition.is_none());
                let paths = decision.proofs.iter().map(|proof| &proof.path);
                let is_proven = paths
                    .clone()
                    .all(|path| path.first() == Some(&ids[number]) && !path.is_empty() && reference.is_path(path));
                if decision.answer != expected
                    || !is_explained
                    || !is_proven
                    || is_denied != (expected == Answer::Denied)
                    || (matches!(expected, Answer::Allowed | Answer::Conditional) && decision.proofs.is_empty())
                {
                    return Err(format!("{}: {decision:#?}, not {expected:?}", question()));
                }
            }
            compare_holders(&world, action, scope, &answers).map_err(|error| format!("seed {seed}: {error}"))?;
            compare_row(&matrix, &rows[at], position, &answers)
                .map_err(|error| format!("seed {seed}: {error} {} at {scope}", action.name))?;
        }
    }
    Ok(())
}

fn compare_holders(
    world: &World<'_>,
    action: &Action,
    scope: &ArmId,
    answers: &[(&str, Answer)],
) -> Result<(), String> {
    let who = world.who_can(action, scope, false);
    let mut listed: BTreeMap<&str, Answer> = who.denied.iter().map(|(id, _)| (id.as_str(), Answer::Denied)).collect();
    listed.extend(who.holders.iter().map(|holder| (holder.principal.as_str(), holder.answer)));
    for &(id, expected) in answers {
        let fits = match listed.get(id) {
            Some(&answer) => answer == expected,
            None => match expected {
                Answer::NotGranted | Answer::Denied => true,
                Answer::Unknown => !who.unknown.is_empty(),
                Answer::Allowed | Answer::Conditional => false,
            },
        };
        if !fits {
            return Err(format!("who can {action} at {scope}: {id} is {expected:?}, not in {who:#?}"));
        }
    }
    let paths = who.holders.iter().flat_map(|holder| holder.proofs.iter().map(move |proof| (holder, proof)));
    match paths.clone().find(|(holder, proof)| proof.path.first() != Some(&holder.principal)) {
        Some((holder, _)) => Err(format!("the path of {holder:#?}")),
        None => Ok(()),
    }
}

fn compare_row(
    matrix: &Matrix<'_>,
    row: &crate::access::Row<'_>,
    action: usize,
    answers: &[(&str, Answer)],
) -> Result<(), String> {
    let held: BTreeMap<&str, Answer> =
        row.holders.iter().map(|held| (matrix.principal(held.principal), held.masks.answer(action))).collect();
    for &(id, expected) in answers {
        let told = held.get(id).copied().unwrap_or_else(|| row.others.answer(action));
        // Those who hold nothing are not listed, so whom a deny assignment names or leaves out of them shows in `answer`
        // only.
        let is_denial = expected == Answer::Denied || told == Answer::Denied;
        let is_moot = is_denial && !held.contains_key(id) && expected != Answer::Allowed;
        if told != expected && !is_moot {
            return Err(format!("the row says {told:?} of {id}, not {expected:?}"));
        }
    }
    Ok(())
}

#[test]
fn a_million_questions_are_answered_as_the_slow_reference_answers_them() {
    let halves = [0_u64, 1].map(|half| {
        std::thread::spawn(move || {
            let mut tally = Tally::new();
            let mut seeds = (half..).step_by(2);
            while let Some(seed) = seeds.next().filter(|_| tally.values().sum::<usize>() < QUESTIONS / 2) {
                compare(seed, &mut tally).unwrap_or_else(|difference| panic!("{difference}"));
            }
            tally
        })
    });
    let mut tally = Tally::new();
    for half in halves {
        half.join().unwrap().into_iter().for_each(|(answer, count)| *tally.entry(answer).or_default() += count);
    }
    let total: usize = tally.values().sum();
    println!("{total} questions: {tally:?}");
    assert!(total >= QUESTIONS);
    for answer in [Answer::Allowed, Answer::Conditional, Answer::Denied, Answer::NotGranted, Answer::Unknown] {
        assert!(tally[&answer] > total / 200, "{answer:?} is too rare to be tested: {tally:?}");
    }
}

#[test]
fn each_rule_that_is_broken_on_purpose_is_noticed() {
    for rule in Rule::ALL {
        let noticed =
            (0..WORLDS_TO_NOTICE).find(|&seed| with_broken(rule, || compare(seed, &mut Tally::new())).is_err());
        println!("{rule:?}: noticed in world {noticed:?}");
        assert!(noticed.is_some(), "{rule:?} can be broken without a test noticing");
    }
}
