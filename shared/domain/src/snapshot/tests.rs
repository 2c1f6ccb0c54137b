use super::*;
use crate::discovery::discover;
use crate::estate::Estate;
use crate::testing::{App, Look, World, app_id, at, forbidden, group_id, resource};
use std::collections::BTreeSet;

fn facts(world: &World, look: &Look) -> PoolFacts {
    discover(world.estate(look), &[]).pools.remove(0)
}

fn answers(world: &World, groups: &[&str], look: &Look) -> Vec<GroupAnswer> {
    groups.iter().map(|group| world.answer(&group_id(group), look)).collect()
}

fn world() -> World {
    World::of(&["hp/office: excel", "hp/tools: notepad"])
}

/// Everything read, at the tests' beginning.
fn first() -> PoolSnapshot {
    let everything = Look::default();
    let (snapshot, unknown) = PoolSnapshot::observe(
        facts(&world(), &everything),
        answers(&world(), &["office", "tools"], &everything),
        None,
        at(0),
    );
    assert_eq!(unknown, []);
    snapshot
}

fn read_at(snapshot: &PoolSnapshot, group: &str) -> Option<Timestamp> {
    snapshot.resources.get(&group_id(group).canonical()).map(|read| read.read_at)
}

#[test]
fn a_group_that_was_not_asked_keeps_what_was_read_before() {
    let look = Look::default();
    let (later, unknown) =
        PoolSnapshot::observe(facts(&world(), &look), answers(&world(), &["tools"], &look), Some(&first()), at(10));
    assert_eq!(unknown, []);
    assert_eq!((read_at(&later, "office"), read_at(&later, "tools")), (Some(at(0)), Some(at(10))));
    assert_eq!(later.observed_at, at(10));
}

#[test]
fn a_group_that_does_not_answer_is_unknown_and_keeps_what_it_had() {
    let look = Look { silent: BTreeSet::from([group_id("office")]), ..Look::default() };
    let asked = || answers(&world(), &["office", "tools"], &look);
    let (known, unknown) = PoolSnapshot::observe(facts(&world(), &look), asked(), Some(&first()), at(10));
    assert_eq!(unknown.iter().map(|dark| &dark.scope).collect::<Vec<_>>(), [&group_id("office")]);
    assert_eq!(known.resources_of(&group_id("OFFICE")), first().resources_of(&group_id("office")));
    let (never, _) = PoolSnapshot::observe(facts(&world(), &look), asked(), None, at(10));
    assert_eq!(never.resources_of(&group_id("office")), None);
}

#[test]
fn a_resource_that_is_listed_and_cannot_be_read_keeps_what_it_was() {
    let before = World::of(&["hp/office: excel word"]);
    let asked = answers(&before, &["office"], &Look::default());
    let (previous, _) = PoolSnapshot::observe(facts(&before, &Look::default()), asked, None, at(0));
    let names = |garbled: &ArmId| {
        let now = World::of(&["hp/office: outlook"]);
        let mut facts = facts(&now, &Look::default());
        facts.unknown.push(forbidden(garbled));
        let asked = answers(&now, &["office"], &Look::default());
        let (later, _) = PoolSnapshot::observe(facts, asked, Some(&previous), at(10));
        let read = later.resources_of(&group_id("office")).unwrap();
        read.iter().map(|resource| resource.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&app_id("office", "Word")), ["outlook", "word"]);
    assert_eq!(names(&app_id("office", "outlook")), ["outlook"]);
    assert_eq!(names(&group_id("office")), ["outlook", "excel", "word"], "the list broke off");
}

#[test]
fn a_group_that_is_gone_is_forgotten_but_one_that_is_hidden_is_not() {
    let without = World::of(&["hp/tools: notepad"]);
    let (gone, _) = PoolSnapshot::observe(facts(&without, &Look::default()), Vec::new(), Some(&first()), at(10));
    assert_eq!(gone.facts.groups.len(), 1);
    assert_eq!(read_at(&gone, "office"), None);
    let nowhere = (group_id("office"), Ok(None));
    let (gone, _) = PoolSnapshot::observe(facts(&world(), &Look::default()), vec![nowhere], Some(&first()), at(10));
    assert_eq!(gone.facts.groups.len(), 1, "it was deleted after the estate was listed");
    assert_eq!(read_at(&gone, "office"), None);

    let look = Look { dark: BTreeSet::from([group_id("office")]), ..Look::default() };
    let (hidden, unknown) = PoolSnapshot::observe(facts(&world(), &look), Vec::new(), Some(&first()), at(10));
    assert_eq!(unknown, [forbidden(&group_id("office"))]);
    assert_eq!(hidden.facts.groups, first().facts.groups);
    assert_eq!(read_at(&hidden, "office"), Some(at(0)));
}

/// The facts without their workspaces, or with other ones.
fn with_workspaces(estate: Estate, workspaces: Vec<crate::estate::Workspace>) -> PoolFacts {
    discover(Estate { workspaces, ..estate }, &[]).pools.remove(0)
}

#[test]
fn a_workspace_that_cannot_be_read_is_the_last_one_known_or_unknown() {
    let estate = || world().estate(&Look::default());
    let asked = || answers(&world(), &["office", "tools"], &Look::default());
    let (known, unknown) =
        PoolSnapshot::observe(with_workspaces(estate(), Vec::new()), asked(), Some(&first()), at(10));
    assert_eq!(unknown, []);
    assert_eq!(known.facts.groups, first().facts.groups);
    let (_, unknown) = PoolSnapshot::observe(with_workspaces(estate(), Vec::new()), asked(), None, at(10));
    assert_eq!(unknown.iter().map(|dark| &dark.scope).collect::<Vec<_>>(), [&group_id("office"), &group_id("tools")]);

    let mut elsewhere = estate();
    for group in &mut elsewhere.application_groups {
        group.workspace = Some(ArmId::new("/another/workspace"));
    }
    let (_, unknown) = PoolSnapshot::observe(with_workspaces(elsewhere, Vec::new()), asked(), Some(&first()), at(10));
    assert_eq!(unknown.len(), 2, "the one known is not the one it is in now");
}

#[test]
fn assignments_that_cannot_be_read_are_those_last_known() {
    let mut estate = world().estate(&Look::default());
    estate.unknown.push(forbidden(&ArmId::new("/subscriptions/s/providers/Microsoft.Authorization/roleAssignments")));
    let facts = discover(estate, &[]).pools.remove(0);
    assert_eq!(facts.groups[0].entitlements, None);
    let (known, unknown) = PoolSnapshot::observe(facts, Vec::new(), Some(&first()), at(10));
    assert_eq!(unknown, [], "no package depends on them");
    assert_eq!(known.facts.groups[0].entitlements, Some(Vec::new()));
}

#[test]
fn icons_bytes_are_never_stored() {
    let excel =
        Resource { icon: Some(vec![1, 2, 3]), ..resource("g", "a", &App { called: "A".to_owned(), shown: true }) };
    let read = GroupRead { read_at: at(0), resources: vec![excel], kept: Vec::new() };
    let back: GroupRead = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
    assert_eq!(back.resources[0].icon, None);
}
