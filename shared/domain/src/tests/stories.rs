//! What happens to a catalogue from run to run, told as whoever operates it would tell it.

use crate::package::{Change, PackageState};
use crate::report::PackageCounts;
use crate::run::{Run, Status};
use crate::testing::{Look, Pipeline, World, app_id, at, group_id, pool_id};
use crate::{ArmId, conclude::conclude};
use std::collections::BTreeSet;

const OFFICE: &str = "hp/office: excel word";

fn blind_to(scope: &ArmId) -> Look {
    Look { dark: BTreeSet::from([scope.clone()]), ..Look::default() }
}

fn silent(group: &str) -> Look {
    Look { silent: BTreeSet::from([group_id(group)]), ..Look::default() }
}

/// A catalogue after a first run.
fn after_a_run(lines: &[&str]) -> Pipeline {
    let mut pipeline = Pipeline::default();
    pipeline.run(&World::of(lines), &Look::default());
    pipeline
}

#[test]
fn a_second_run_over_an_unchanged_estate_does_nothing_and_asks_nothing() {
    let mut pipeline = after_a_run(&[OFFICE]);
    assert_eq!(pipeline.names(), ["excel (hp)", "word (hp)"]);
    let before = pipeline.packages.clone();
    let ended = pipeline.run(&World::of(&[OFFICE]), &Look::default());
    assert_eq!(ended.reports, [], "the pool is carried");
    assert_eq!(ended.ending.report.packages, PackageCounts { unchanged: 2, ..PackageCounts::default() });
    assert_eq!(pipeline.packages, before);
}

#[test]
fn a_package_retires_at_the_second_complete_look_without_it() {
    let mut pipeline = after_a_run(&[OFFICE]);
    let without = World::of(&["hp/office: word"]);
    let first = pipeline.run(&without, &Look::default());
    assert_eq!(first.ending.report.packages.unchanged, 2);
    assert_eq!(pipeline.names(), ["excel (hp)", "word (hp)"]);
    let second = pipeline.run(&without, &Look::default());
    assert_eq!(second.ending.report.packages.retired, 1);
    assert_eq!(pipeline.names(), ["word (hp)"]);
    let third = pipeline.run(&without, &Look::default());
    assert_eq!(third.ending.report.packages, PackageCounts { unchanged: 1, ..PackageCounts::default() });
}

#[test]
fn a_look_that_cannot_see_starts_the_count_anew() {
    for unseeing in [silent("office"), blind_to(&group_id("office")), blind_to(&pool_id("hp"))] {
        let mut pipeline = after_a_run(&[OFFICE]);
        let without = World::of(&["hp/office: word"]);
        pipeline.run(&without, &Look::default());
        let unknown = pipeline.run(&without, &unseeing).ending;
        assert_eq!(unknown.report.packages, PackageCounts { unknown: 2, ..PackageCounts::default() });
        assert_eq!(unknown.report.status, Status::Incomplete);
        pipeline.run(&without, &Look::default());
        assert_eq!(pipeline.active(), 2, "missed once since, under {unseeing:?}");
        pipeline.run(&without, &Look::default());
        assert_eq!(pipeline.active(), 1);
    }
}

#[test]
fn what_is_hidden_leaves_in_two_looks_and_comes_back_as_the_same_package() {
    let mut pipeline = after_a_run(&[OFFICE]);
    let shown = World::of(&[OFFICE]);
    let mut hidden = shown.clone();
    hidden.pools.get_mut("hp").unwrap().get_mut("office").unwrap().get_mut("excel").unwrap().shown = false;
    let first = pipeline.run(&hidden, &Look::default());
    assert!(first.ending.report.not_published[0].reason.contains("showInPortal"));
    pipeline.run(&hidden, &Look::default());
    assert_eq!(pipeline.names(), ["word (hp)"]);
    let back = pipeline.run(&shown, &Look::default());
    assert_eq!(back.ending.report.packages, PackageCounts { updated: 1, unchanged: 1, ..PackageCounts::default() });
    let excel = pipeline.packages.values().find(|package| package.content.display_name == "excel (hp)").unwrap();
    let history: Vec<Change> = excel.revisions.iter().map(|revision| revision.change).collect();
    assert_eq!(history, [Change::Created, Change::Retired, Change::Restored]);
}

#[test]
fn a_pool_or_group_that_is_gone_takes_its_packages_along_in_two_looks() {
    for (before, after) in
        [([OFFICE, "hp/tools: notepad"], "hp/tools: notepad"), ([OFFICE, "hq/x: notepad"], "hq/x: notepad")]
    {
        let mut pipeline = after_a_run(&before);
        pipeline.run(&World::of(&[after]), &Look::default());
        assert_eq!(pipeline.active(), 3);
        pipeline.run(&World::of(&[after]), &Look::default());
        assert_eq!(pipeline.active(), 1);
    }
}

#[test]
fn an_app_that_moved_to_another_group_is_a_new_package_and_the_old_one_retires() {
    let mut pipeline = after_a_run(&["hp/office: excel", "hp/tools: notepad"]);
    let moved = World::of(&["hp/office:", "hp/tools: notepad excel"]);
    let ended = pipeline.run(&moved, &Look::default());
    assert_eq!(ended.ending.report.packages.created, 1);
    pipeline.run(&moved, &Look::default());
    assert_eq!(pipeline.offered(), [app_id("tools", "excel"), app_id("tools", "notepad")]);
}

#[test]
fn a_group_created_anew_on_another_pool_keeps_its_packages() {
    let mut pipeline = after_a_run(&["blue/office: excel", "green/tools: notepad"]);
    let keys: Vec<String> = pipeline.packages.keys().cloned().collect();
    let moved = World::of(&["green/office: excel", "green/tools: notepad"]);
    for _ in 0..4 {
        pipeline.run(&moved, &Look::default());
        assert_eq!(pipeline.names(), ["excel (green)", "notepad (green)"]);
    }
    assert_eq!(pipeline.packages.keys().cloned().collect::<Vec<_>>(), keys);
    assert_eq!(pipeline.active(), 2, "the old pool's index has let go of it");
    pipeline.run(&World::of(&["green/tools: notepad"]), &Look::default());
    pipeline.run(&World::of(&["green/tools: notepad"]), &Look::default());
    assert_eq!(pipeline.names(), ["notepad (green)"]);
}

#[test]
fn the_brake_holds_and_a_person_lets_go() {
    let many = "hp/office: a b c d e f g h i j";
    let mut pipeline = after_a_run(&[many]);
    let few = World::of(&["hp/office: a b c d"]);
    pipeline.run(&few, &Look::default());
    let held = pipeline.run(&few, &Look::default());
    assert_eq!(held.ending.report.status, Status::Held);
    assert_eq!(held.ending.report.packages, PackageCounts { unchanged: 4, held: 6, ..PackageCounts::default() });
    assert_eq!(pipeline.active(), 10);
    let approved = Run { approved_at: Some(at(1_000)), ..held.run };
    let ending = conclude(&approved, &held.reports, pipeline.policy.brake, String::new(), None);
    assert_eq!(ending.report.packages.retired, 6);
    assert_eq!(ending.retire[0].1.len(), 6);
}

#[test]
fn what_came_back_while_a_run_was_held_is_no_longer_due() {
    let many = "hp/office: a b c d e f g h i j";
    let mut pipeline = after_a_run(&[many]);
    let few = World::of(&["hp/office: a b c d"]);
    pipeline.run(&few, &Look::default());
    let held = pipeline.run(&few, &Look::default());
    let observation = &held.reports[0].observation;
    let due = |pipeline: &Pipeline| {
        let index = &pipeline.indexes[&held.reports[0].pool];
        held.reports[0].plan.retire.iter().filter(|key| index.is_due(key, observation)).count()
    };
    assert_eq!(due(&pipeline), 6);
    pipeline.run(&World::of(&[many]), &Look::default());
    assert_eq!(due(&pipeline), 0);
    pipeline.run(&few, &Look::default());
    assert_eq!(due(&pipeline), 0, "missed anew, but only once since");
}

#[test]
fn names_do_not_change_because_a_group_cannot_be_seen() {
    let world = World::of(&["hp/office: excel", "hp/tools: excel"]);
    let mut pipeline = Pipeline::default();
    pipeline.run(&world, &Look::default());
    let names = ["excel – office (hp)", "excel – tools (hp)"];
    assert_eq!(pipeline.names(), names);
    let ended = pipeline.run(&world, &blind_to(&group_id("tools")));
    assert_eq!(pipeline.names(), names);
    assert_eq!(ended.ending.report.packages, PackageCounts { unchanged: 1, unknown: 1, ..PackageCounts::default() });
}

#[test]
fn a_retired_package_stays_in_the_catalogue_and_retiring_it_can_be_repeated() {
    let mut pipeline = after_a_run(&[OFFICE]);
    let without = World::of(&["hp/office: word"]);
    pipeline.run(&without, &Look::default());
    let ended = pipeline.run(&without, &Look::default());
    let (pool, keys, observation) = &ended.ending.retire[0];
    assert!(pipeline.indexes[pool].is_due(&keys[0], observation));
    let states: Vec<PackageState> = pipeline.packages.values().map(|package| package.state).collect();
    assert_eq!(states, [PackageState::Retired, PackageState::Active]);
}

#[test]
fn an_unmanaged_package_outlives_its_source_and_follows_no_move() {
    let mut pipeline = after_a_run(&["blue/office: excel", "green/tools: notepad"]);
    let excel = pipeline.packages.values_mut().find(|package| package.content.display_name == "excel (blue)").unwrap();
    excel.managed = false;
    let (key, before) = (excel.key.clone(), excel.clone());
    for index in pipeline.indexes.values_mut() {
        index.record(&before);
    }
    for world in [World::of(&["green/tools: notepad"]), World::of(&["green/office: excel", "green/tools: notepad"])] {
        for _ in 0..3 {
            pipeline.run(&world, &Look::default());
        }
        let last = pipeline.run(&world, &Look::default());
        let unchanged = PackageCounts { unchanged: 2, ..PackageCounts::default() };
        assert_eq!(last.ending.report.packages, unchanged);
        assert_eq!((&pipeline.packages[&key], pipeline.active()), (&before, 2));
    }
}

#[test]
fn an_index_of_an_earlier_version_is_brought_up_to_date_once() {
    let mut pipeline = after_a_run(&[OFFICE]);
    for row in pipeline.indexes.values_mut().flat_map(|index| index.rows.values_mut()) {
        row.content_sha256 = "the digest of an earlier version".to_owned();
    }
    pipeline.baseline = None;
    let before = pipeline.packages.clone();
    let first = pipeline.run(&World::of(&[OFFICE]), &Look::default());
    assert_eq!(first.reports.iter().map(|report| report.plan.entries).sum::<usize>(), 2);
    pipeline.baseline = None;
    let second = pipeline.run(&World::of(&[OFFICE]), &Look::default());
    assert_eq!(second.reports.iter().map(|report| report.plan.entries).sum::<usize>(), 0);
    assert_eq!(pipeline.packages, before);
}
