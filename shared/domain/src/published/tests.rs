use super::*;
use crate::discovery::discover;
use crate::estate::{ApplicationGroup, Estate, HostPool};
use crate::policy::{NameFilter, Scope};
use crate::testing::{App, Look, World, app_id, application_group, at, group_id, host_pool, resource};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn app(name: &str, called: &str) -> Resource {
    resource("g", name, &App { called: called.to_owned(), shown: true })
}

/// A pool with these groups, each read.
fn snapshot(pool: HostPool, groups: Vec<(ApplicationGroup, Vec<Resource>)>) -> PoolSnapshot {
    let estate = Estate {
        host_pools: vec![pool],
        application_groups: groups.iter().map(|(group, _)| group.clone()).collect(),
        workspaces: World::default().estate(&Look::default()).workspaces,
        ..Estate::default()
    };
    let facts = discover(estate, &[]).pools.remove(0);
    let answers = groups.into_iter().map(|(group, resources)| (group.id, Ok(Some(resources)))).collect();
    PoolSnapshot::observe(facts, answers, None, at(0)).0
}

fn group(name: &str) -> ApplicationGroup {
    application_group(name, "hp")
}

fn names(groups: Vec<(ApplicationGroup, Vec<Resource>)>, policy: &Policy) -> Vec<String> {
    let published = published(&snapshot(host_pool("hp", Vec::new()), groups), policy);
    let mut names: Vec<String> = published.packages.into_values().map(|content| content.display_name).collect();
    names.sort();
    names
}

#[test]
fn names_are_those_that_people_gave() {
    let desktops = ApplicationGroup {
        kind: ResourceKind::Desktop,
        friendly_name: Some("Finance desktop".to_owned()),
        ..group("desktops")
    };
    let apps = vec![app("excel", "Excel \u{202E}2021"), app("word", "\n"), app("calc", "")];
    let policy = Policy { name_prefix: "AVD ".to_owned(), ..Policy::default() };
    assert_eq!(
        names(vec![(group("g"), apps), (desktops, vec![app("SessionDesktop", "sessiondesktop")])], &policy),
        ["AVD Excel 2021 (hp)", "AVD Finance desktop (hp)", "AVD calc (hp)", "AVD word (hp)"]
    );
}

#[test]
fn what_a_feed_calls_the_same_is_told_apart_by_the_pools_it_runs_on() {
    let on = |name: &str, pool: &str| Resource {
        feed: Some(Box::new(FeedItem {
            workspace_id: "ws-1".to_owned(),
            alias: None,
            arm_path: None,
            host_pool: Some(format!("/subscriptions/s/hostPools/{pool}")),
            folders: Vec::new(),
            file_associations: Vec::new(),
            version: String::new(),
            rdp: None,
        })),
        ..app(name, "Excel")
    };
    assert_eq!(
        names(vec![(group("g"), vec![on("a", "hp-east"), on("b", "hp-west")])], &Policy::default()),
        ["Excel – hp-east (hp)", "Excel – hp-west (hp)"]
    );
}

#[test]
fn names_that_clash_are_told_apart_by_group_then_by_their_own() {
    let office = ApplicationGroup { friendly_name: Some("Office".to_owned()), ..group("g") };
    let other = vec![resource("h", "excel", &App { called: "EXCEL".to_owned(), shown: true })];
    let apps = vec![app("excel", "Excel"), app("word", "Word")];
    assert_eq!(
        names(vec![(office.clone(), apps), (group("h"), other)], &Policy::default()),
        ["EXCEL – h (hp)", "Excel – Office (hp)", "Word (hp)"]
    );
    let twins = vec![app("excel", "Excel"), app("excel2", "Excel")];
    assert_eq!(names(vec![(office, twins)], &Policy::default()), ["Excel – g/excel (hp)", "Excel – g/excel2 (hp)"]);
}

#[test]
fn a_resource_listed_twice_is_one_and_belongs_to_the_group_in_its_id() {
    let (excel, again) = (
        app("excel", "Excel"),
        Resource { id: ArmId::new(&app_id("g", "excel").canonical()), ..app("excel", "Excel") },
    );
    for groups in [
        vec![(group("a"), vec![excel.clone()]), (group("g"), vec![again.clone(), excel.clone()])],
        vec![(group("g"), vec![excel.clone(), again.clone()]), (group("z"), vec![excel.clone()])],
    ] {
        let published = published(&snapshot(host_pool("hp", Vec::new()), groups), &Policy::default());
        let packages: Vec<_> = published.packages.values().collect();
        assert_eq!(packages.len(), 1);
        assert_eq!(packages[0].display_name, "Excel (hp)");
        assert_eq!(packages[0].application_group.id, group_id("g"));
    }
}

#[test]
fn what_is_not_offered_says_why() {
    let filter = |pattern: &str| NameFilter { exclude: vec![pattern.to_owned()], include: Vec::new() };
    let plain = Policy::default;
    let hidden = resource("g", "a", &App { called: "A".to_owned(), shown: false });
    let a = || app("a", "A");
    let no_id = Resource { object_id: String::new(), ..a() };
    for (reason, group, resource, policy) in [
        ("in no workspace", ApplicationGroup { workspace: None, ..group("g") }, a(), plain()),
        ("showInFeed", ApplicationGroup { show_in_feed: Some(false), ..group("g") }, a(), plain()),
        ("showInPortal", group("g"), hidden, plain()),
        ("Cloud PC", ApplicationGroup { cloud_pc: true, ..group("g") }, a(), plain()),
        ("every RemoteApp", group("g"), a(), Policy { scope: Scope::Desktops, ..plain() }),
        ("its host pool is excluded", group("g"), a(), Policy { host_pools: filter("H*"), ..plain() }),
        ("its workspace is excluded", group("g"), a(), Policy { workspaces: filter("ws"), ..plain() }),
        ("it is excluded", group("g"), a(), Policy { resources: filter("A"), ..plain() }),
        ("no object id", group("g"), no_id, plain()),
    ] {
        let published = published(&snapshot(host_pool("hp", Vec::new()), vec![(group, vec![resource])]), &policy);
        assert_eq!(published.packages.len(), 0, "{reason}");
        assert!(published.not_published[0].reason.contains(reason), "{reason}: {:?}", published.not_published);
    }
}

#[test]
fn a_group_that_was_never_read_publishes_nothing_and_says_nothing() {
    let mut snapshot = snapshot(host_pool("hp", Vec::new()), vec![(group("g"), vec![app("a", "A")])]);
    snapshot.resources.clear();
    assert_eq!(published(&snapshot, &Policy::default()), Published::default());
}

/// Names made of what could make one look like another.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(" ("),
        Just(")"),
        Just(" – "),
        Just(", "),
        Just("A"),
        Just("a"),
        Just("\u{200B}"),
        Just("ß"),
        Just("SS"),
        Just("g0"),
        Just("g0/a0"),
        Just("p0"),
        Just("[A]"),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_two_packages_of_a_connection_share_a_name(
        pools in prop::collection::vec((hostile(), prop::collection::vec(prop::collection::vec(hostile(), 1..4), 1..3)), 1..4),
        backwards: bool,
    ) {
        let mut estate = Estate { workspaces: World::default().estate(&Look::default()).workspaces, ..Estate::default() };
        let mut answers = BTreeMap::new();
        for (p, (friendly, groups)) in pools.into_iter().enumerate() {
            estate.host_pools.push(HostPool { friendly_name: Some(friendly), ..host_pool(&format!("p{p}"), Vec::new()) });
            for (g, apps) in groups.into_iter().enumerate() {
                let name = format!("p{p}g{g}");
                let apps = apps.into_iter().enumerate()
                    .map(|(a, called)| resource(&name, &format!("a{a}"), &App { called, shown: true }));
                answers.insert(group_id(&name).canonical(), apps.collect::<Vec<_>>());
                let friendly_name = Some("g0".to_owned());
                estate.application_groups.push(ApplicationGroup { friendly_name, ..application_group(&name, &format!("p{p}")) });
            }
        }
        let names = |estate: Estate| -> BTreeMap<String, String> {
            let mut all = BTreeMap::new();
            for facts in discover(estate, &[]).pools {
                let answers = facts.groups.iter().map(|group| {
                    let mut apps = answers[&group.group.id.canonical()].clone();
                    if backwards { apps.reverse(); }
                    (group.group.id.clone(), Ok(Some(apps)))
                });
                let snapshot = PoolSnapshot::observe(facts.clone(), answers.collect(), None, at(0)).0;
                all.extend(published(&snapshot, &Policy::default()).packages.into_iter().map(|(key, content)| (key, content.display_name)));
            }
            all
        };
        let before = names(estate.clone());
        let unique: BTreeSet<String> = before.values().map(|name| name.to_lowercase()).collect();
        prop_assert_eq!(unique.len(), before.len(), "{:?}", before);
        prop_assert_eq!(before.len(), answers.values().map(Vec::len).sum::<usize>());
        if backwards {
            estate.host_pools.reverse();
            estate.application_groups.reverse();
        }
        prop_assert_eq!(names(estate), before);
    }
}

#[test]
fn a_pool_cannot_take_the_name_of_another_ones_package() {
    // "x (A" in pool "B" and "x" in pool "A) (B" would both read "x (A) (B)".
    let pool = |name: &str, friendly: &str| HostPool {
        friendly_name: Some(friendly.to_owned()),
        ..host_pool(name, Vec::new())
    };
    let one = |pool: HostPool, called: &str| {
        let group = ApplicationGroup { host_pool: pool.id.clone(), ..group("g") };
        let published = published(&snapshot(pool, vec![(group, vec![app("x", called)])]), &Policy::default());
        published.packages.into_values().next().unwrap().display_name
    };
    assert_eq!(one(pool("b", "B"), "x (A)"), "x (A) (B)");
    assert_eq!(one(pool("a", "A) (B"), "x"), "x (A] [B)");
}

#[test]
fn what_the_classic_service_published_is_offered_without_links_that_cannot_work() {
    let pool = ArmId::new("/classic/RdsManagement/tenantGroups/Default Tenant Group/tenants/contoso/hostPools/hp");
    let group = ApplicationGroup {
        id: ArmId::new(&format!("{pool}/applicationGroups/g")),
        host_pool: pool.clone(),
        ..group("g")
    };
    let excel = Resource {
        id: ArmId::new(&format!("{}/applications/excel", group.id)),
        object_id: String::new(),
        ..app("excel", "Excel")
    };
    let seen = snapshot(HostPool { id: pool, ..host_pool("hp", Vec::new()) }, vec![(group, vec![excel])]);
    let published = published(&seen, &Policy::default());
    assert_eq!(published.not_published, []);
    let package = published.packages.into_values().next().unwrap();
    assert_eq!((package.display_name.as_str(), package.launch.len()), ("Excel (hp)", 0));
}
