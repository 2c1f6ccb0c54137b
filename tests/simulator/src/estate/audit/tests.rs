//! Plants and the witness hold each other to what they say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use super::*;
use crate::{EstateSpec, estate::generate::generate};

const SEEDS: std::ops::Range<u64> = 0..12;
/// Seeds for what is done once a rule.
const FEW_SEEDS: std::ops::Range<u64> = 0..3;

fn spec(plant: Planted) -> EstateSpec {
    let mut spec = EstateSpec::built_in("audit").unwrap();
    spec.audit.plant = plant;
    spec
}

/// The draft of an estate, and what its plants recorded of themselves.
fn grown(plant: &[&str], seed: u64) -> (Draft, BTreeSet<Violation>) {
    let spec = spec(Planted::Nothing);
    let bare = crate::estate::generate::bare(&spec, seed);
    let mut draft = Draft::new(bare, seed);
    let clean = clean::grow(&mut draft);
    plants::plant(&mut draft, &clean, &|rule| plant.contains(&rule), 1);
    change::relink(&mut draft.estate);
    let planted = std::mem::take(&mut draft.violations);
    witness::record(&mut draft);
    (draft, planted)
}

fn document(spec: &EstateSpec, seed: u64) -> Value {
    Value::clone(&generate(spec, seed).violations)
}

#[test]
fn an_estate_grows_alike_from_the_same_seed() {
    let spec = spec(Planted::All);
    let one = crate::estate::truth::document(&generate(&spec, 7), 7, false);
    assert_eq!(one, crate::estate::truth::document(&generate(&spec, 7), 7, false));
    assert_eq!(document(&spec, 7), document(&spec, 7));
    assert_ne!(document(&spec, 7), document(&spec, 8));
}

#[test]
fn nothing_is_wrong_with_a_clean_estate() {
    for seed in SEEDS {
        let (draft, _) = grown(&[], seed);
        assert_eq!(draft.violations, BTreeSet::new(), "seed {seed}");
    }
}

#[test]
fn the_witness_finds_all_that_each_plant_says_of_itself() {
    for rule in plants::rules() {
        for seed in FEW_SEEDS {
            let (draft, planted) = grown(&[rule], seed);
            assert!(planted.iter().any(|one| one.rule == rule), "{rule} records nothing of itself");
            let missing: Vec<_> = planted.difference(&draft.violations).collect();
            assert!(missing.is_empty(), "{rule}, seed {seed}: {missing:#?}");
        }
    }
}

#[test]
fn all_plants_together_hide_none() {
    let all: Vec<&str> = plants::rules().collect();
    for seed in SEEDS {
        let (draft, planted) = grown(&all, seed);
        let missing: Vec<_> = planted.difference(&draft.violations).collect();
        assert!(missing.is_empty(), "seed {seed}: {missing:#?}");
        let found: BTreeSet<&str> = draft.violations.iter().map(|one| one.rule.as_str()).collect();
        for rule in &all {
            assert!(found.contains(rule), "{rule} is planted and not found, seed {seed}");
        }
    }
}

#[test]
fn every_rule_but_the_one_that_takes_a_fault_can_be_planted_once() {
    let rules: Vec<&str> = plants::rules().collect();
    let distinct: BTreeSet<&str> = rules.iter().copied().collect();
    assert_eq!(distinct.len(), rules.len());
    let numbers = |letter: char, range: std::ops::RangeInclusive<u32>| {
        range.map(move |number| format!("{letter}{number:02}")).collect::<Vec<_>>()
    };
    let wanted = [numbers('R', 1..=43), numbers('V', 1..=47), numbers('V', 61..=68)].concat();
    assert_eq!(distinct, wanted.iter().map(String::as_str).collect());
}

#[test]
fn what_is_recorded_is_there() {
    let estate = generate(&spec(Planted::All), 3);
    let violations = estate.violations["violations"].as_array().unwrap().clone();
    assert!(violations.len() > 100);
    for violation in violations {
        let scope = violation["scope"].as_str().unwrap();
        assert!(is_scope(&estate, scope), "{violation}");
        // Those who are not there any more are what these are about.
        let is_of_the_gone = ["R08", "R25", "R26", "R38"].contains(&violation["rule"].as_str().unwrap());
        if let Some(principal) = violation["principal"].as_str().filter(|_| !is_of_the_gone) {
            assert!(estate.directory.get(principal).is_some(), "{violation}");
        }
    }
}

/// Whether an id in lower case is one of something in an estate.
fn is_scope(estate: &Estate, scope: &str) -> bool {
    let is_management_group = estate.management_groups.iter().any(|group| group.id().eq_ignore_ascii_case(scope));
    let is_subscription =
        scope.split('/').count() == 3 && estate.subscription(scope.rsplit('/').next().unwrap()).is_some();
    let parent = scope.rsplit_once('/').and_then(|(list, _)| list.rsplit_once('/')).map_or("", |(parent, _)| parent);
    let is_part = ["/subnets/", "/secrets/", "/certificates/"].iter().any(|part| scope.contains(part));
    scope == "/"
        || is_management_group
        || is_subscription
        || estate.resource_groups.contains(scope)
        || estate.get(scope).is_some()
        || estate.other.get(scope).is_some()
        || (is_part && estate.other.get(parent).is_some())
}
