use super::*;
use crate::discovery::discover;
use crate::testing::{Look, World, at, forbidden, group_id, pool_id};

/// One pool with two groups.
fn pools() -> Vec<PoolFacts> {
    discover(World::of(&["hp/office: excel", "hp/tools: notepad"]).estate(&Look::default()), &[]).pools
}

fn baseline() -> Baseline {
    let settled = |facts: &PoolFacts| BaselinePool {
        fingerprint: facts.fingerprint(),
        resources: 2,
        session_hosts: Some(0),
        packages: 2,
        not_published: Vec::new(),
    };
    Baseline {
        run: "r1".to_owned(),
        started_at: at(0),
        full_at: at(0),
        policy: String::new(),
        pools: pools().iter().map(|facts| (facts.key.clone(), settled(facts))).collect(),
    }
}

fn changes(ids: &[&ArmId]) -> Changes {
    Changes::from([("s".to_owned(), ids.iter().map(|&id| id.clone()).collect())])
}

/// The names of the groups that are asked; `None` when the pool is carried.
fn asked(pools: Vec<PoolFacts>, changes: &Changes) -> Option<Vec<String>> {
    let layout = lay_out(pools, Vec::new(), Some(&baseline()), changes);
    assert_eq!(layout.work.len() + layout.carried.len(), 1);
    layout.work.into_values().next().map(|work| match work {
        PoolWork::Seen { changed: Some(groups), .. } => groups.iter().map(|group| group.name().to_owned()).collect(),
        PoolWork::Seen { changed: None, .. } => vec!["all".to_owned()],
        PoolWork::Vanished { .. } => panic!("it was seen"),
    })
}

#[test]
fn a_pool_is_carried_only_if_nothing_in_it_changed() {
    let below = |id: &ArmId, rest: &str| ArmId::new(&format!("{id}/{rest}"));
    let office = group_id("OFFICE");
    let one = Some(vec!["office".to_owned()]);
    let both = Some(vec!["office".to_owned(), "tools".to_owned()]);
    for (changed, expected) in [
        (group_id("another"), None),
        (pool_id("another"), None),
        (below(&pool_id("hp"), "sessionHosts/h1"), None),
        (below(&pool_id("hp"), "sessionHosts/h1/userSessions/3"), None),
        (office.clone(), one.clone()),
        (below(&office, "applications/excel"), one),
        (pool_id("HP"), both.clone()),
        (below(&pool_id("hp"), "msixPackages/x"), both),
    ] {
        assert_eq!(asked(pools(), &changes(&[&changed])), expected, "{changed}");
    }
}

#[test]
fn a_pool_whose_facts_differ_is_looked_at_without_asking_its_groups_again() {
    let mut changed = pools();
    changed[0].groups[0].group.show_in_feed = Some(false);
    assert_eq!(asked(changed, &changes(&[])), Some(Vec::new()));
    let mut shaded = pools();
    shaded[0].unknown.push(forbidden(&group_id("office")));
    let mut baseline = baseline();
    baseline.pools.values_mut().for_each(|pool| pool.fingerprint = shaded[0].fingerprint());
    let layout = lay_out(shaded, Vec::new(), Some(&baseline), &changes(&[]));
    assert_eq!(layout.carried.len(), 0, "as unreadable as before, and not to be taken for granted");
}

#[test]
fn a_change_of_a_pool_without_groups_is_a_change() {
    let bare = |mut pools: Vec<PoolFacts>| {
        pools[0].groups.clear();
        pools
    };
    let mut baseline = baseline();
    baseline.pools.values_mut().for_each(|pool| pool.fingerprint = bare(pools())[0].fingerprint());
    for (changed, carried) in [(pool_id("another"), 1), (pool_id("hp"), 0)] {
        let layout = lay_out(bare(pools()), Vec::new(), Some(&baseline), &changes(&[&changed]));
        assert_eq!(layout.carried.len(), carried);
    }
}

#[test]
fn without_every_activity_log_or_a_baseline_all_groups_are_asked() {
    let all = Some(vec!["all".to_owned()]);
    assert_eq!(asked(pools(), &Changes::new()), all);
    let mut far = pools();
    far[0].groups[1].group.id = ArmId::new("/subscriptions/T/applicationGroups/far");
    assert_eq!(asked(far.clone(), &changes(&[])), all, "a group lies where no log could be read");
    let mut both = changes(&[]);
    both.insert("t".to_owned(), vec![far[0].groups[1].group.id.clone()]);
    assert_eq!(asked(far, &both), Some(vec!["far".to_owned()]));
    let layout = lay_out(pools(), Vec::new(), None, &changes(&[]));
    assert!(matches!(layout.work.values().next(), Some(PoolWork::Seen { changed: None, .. })));
}

#[test]
fn a_pool_in_a_resource_group_called_session_hosts_changes_like_any_other() {
    let id = pool_id("hp").as_str().replace("/rg/", "/sessionHosts/");
    let mut pools = pools();
    pools[0].pool.id = ArmId::new(&id);
    assert_eq!(asked(pools, &changes(&[&ArmId::new(&id)])).map(|groups| groups.len()), Some(2));
}

#[test]
fn a_pool_that_the_catalogue_knows_and_nobody_saw_is_looked_for() {
    let known = |key: &str| (key.to_owned(), pool_id("x"));
    let (seen, gone) = (pools()[0].key.clone(), "gone");
    for baseline in [None, Some(baseline())] {
        let layout = lay_out(pools(), vec![known(&seen), known(gone)], baseline.as_ref(), &changes(&[]));
        assert_eq!(layout.work.get(gone), Some(&PoolWork::Vanished { id: pool_id("x") }));
        assert!(!matches!(layout.work.get(&seen), Some(PoolWork::Vanished { .. })));
        assert_eq!(layout.carried.contains_key(&seen), baseline.is_some());
    }
}
