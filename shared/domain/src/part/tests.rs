use super::*;
use crate::discovery::discover;
use crate::testing::{Look, World, at};

const AVD: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DesktopVirtualization";

fn id(path: &str) -> ArmId {
    ArmId::new(&format!("{AVD}/{path}"))
}

/// A pool with groups `<group>@<workspace>`, looked at at second 100.
fn pool(name: &str, groups: &[&str]) -> KnownPool {
    let group = |group: &&str| {
        let (group, workspace) = group.split_once('@').unwrap();
        KnownGroup {
            id: id(&format!("applicationGroups/{group}")),
            workspace: Some(id(&format!("workspaces/{workspace}"))),
        }
    };
    KnownPool { id: id(&format!("hostPools/{name}")), groups: groups.iter().map(group).collect(), since: at(100) }
}

fn estate() -> [KnownPool; 3] {
    [pool("a", &["a1@ws", "a2@ws"]), pool("b", &["b1@ws"]), pool("c", &["c1@other"])]
}

#[test]
fn what_a_resource_touches() {
    let assigned = |scope: &str| format!("{scope}/providers/Microsoft.Authorization/roleAssignments/1");
    for (resource, target) in [
        (format!("{AVD}/hostPools/a"), Some(id("hostPools/a"))),
        (format!("{AVD}/HOSTPOOLS/A").to_lowercase(), Some(id("hostPools/a"))),
        (format!("{AVD}/hostPools/a/msixPackages/m"), Some(id("hostPools/a"))),
        (format!("{AVD}/hostPools/a/sessionHosts/h"), None),
        (format!("{AVD}/hostPools/a/sessionHosts/h/userSessions/1"), None),
        (format!("{AVD}/applicationGroups/g"), Some(id("applicationGroups/g"))),
        (format!("{AVD}/applicationGroups/g/applications/x"), Some(id("applicationGroups/g"))),
        (format!("{AVD}/applicationGroups/g/desktops/SessionDesktop"), Some(id("applicationGroups/g"))),
        (format!("{AVD}/workspaces/w"), Some(id("workspaces/w"))),
        (format!("{AVD}/scalingPlans/p"), None),
        (AVD.replace("DesktopVirtualization", "Compute") + "/hostPools/a", None),
        ("/subscriptions/s/resourceGroups/rg".to_owned(), None),
        (assigned(&format!("{AVD}/applicationGroups/g")), Some(id("applicationGroups/g"))),
        (assigned(&format!("{AVD}/applicationGroups/g/applications/x")), Some(id("applicationGroups/g"))),
        (assigned(&format!("{AVD}/hostPools/a")), Some(id("hostPools/a"))),
        (assigned(&format!("{AVD}/hostPools/a/sessionHosts/h")), None),
        (assigned(&format!("{AVD}/workspaces/w")), Some(id("workspaces/w"))),
        (assigned("/subscriptions/s"), Some(ArmId::new("/subscriptions/s"))),
        (assigned("/subscriptions/s/resourceGroups/rg"), Some(ArmId::new("/subscriptions/s/resourceGroups/rg"))),
        (assigned("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a"), None),
        (assigned("/providers/Microsoft.Management/managementGroups/m"), None),
        (assigned(""), None),
    ] {
        assert_eq!(touched(&ArmId::new(&resource)), target, "{resource}");
    }
}

#[test]
fn what_is_due_after_a_change() {
    let (pool_a, ws) = (id("hostPools/a"), id("workspaces/ws"));
    let look = |ids: &[&ArmId]| Due::Look(ids.iter().map(|&id| id.clone()).collect());
    for (target, second, expected) in [
        (pool_a.clone(), Some(99), Due::Stale),
        (pool_a.clone(), Some(100), look(&[&pool_a])),
        (pool_a.clone(), None, look(&[&pool_a])),
        (id("hostPools/new"), Some(0), look(&[&id("hostPools/new")])),
        (id("applicationGroups/A2"), Some(101), look(&[&pool_a])),
        (id("applicationGroups/a2"), Some(99), Due::Stale),
        (id("applicationGroups/new"), Some(0), look(&[&id("applicationGroups/new")])),
        (ws.clone(), Some(101), look(&[&ws])),
        (ws, Some(99), Due::Stale),
        (id("workspaces/new"), Some(0), look(&[&id("workspaces/new")])),
        (ArmId::new("/subscriptions/S"), Some(101), look(&[&pool_a, &id("hostPools/b"), &id("hostPools/c")])),
        (ArmId::new("/subscriptions/s/resourceGroups/rg"), Some(99), Due::Stale),
        (ArmId::new("/subscriptions/elsewhere"), Some(101), Due::Nothing),
    ] {
        assert_eq!(due(&target, second.map(at), &estate()), expected, "{target} at {second:?}");
    }
    let many: Vec<KnownPool> = (0..=MAX_ONLY).map(|n| pool(&format!("p{n}"), &[&format!("g{n}@ws")])).collect();
    assert_eq!(due(&ArmId::new("/subscriptions/s"), Some(at(101)), &many), Due::Whole);
}

#[test]
fn what_nobody_knows_is_asked_for() {
    let mut narrowed = Narrowed::default();
    for path in ["hostPools/c", "hostPools/C", "applicationGroups/a1", "applicationGroups/new", "workspaces/ws"] {
        narrowed.add(&id(path), &estate());
    }
    assert_eq!(narrowed.pools, BTreeSet::from(["a", "b", "c"].map(|name| id(&format!("hostPools/{name}")))));
    assert_eq!(narrowed.groups, BTreeSet::from([id("applicationGroups/new")]));
    assert_eq!(narrowed.workspaces, BTreeSet::from([id("workspaces/ws")]));
}

#[test]
fn a_snapshots_document_tells_its_pool() {
    let world = World::of(&["hp/office: excel"]);
    let facts = discover(world.estate(&Look::default()), &[]).pools.remove(0);
    let (mut snapshot, _) = PoolSnapshot::observe(facts, Vec::new(), None, at(7));
    let known = |snapshot: &PoolSnapshot| -> KnownPool {
        serde_json::from_slice(&serde_json::to_vec(snapshot).unwrap()).unwrap()
    };
    assert_eq!(known(&snapshot).since, at(7), "written before there was more to tell");
    snapshot.facts_since = Some(at(5));
    let found = known(&snapshot);
    assert_eq!((&found.id, found.since), (&snapshot.facts.pool.id, at(5)));
    assert_eq!(found.groups[0].id, snapshot.facts.groups[0].group.id);
    assert_eq!(found.groups[0].workspace, snapshot.facts.groups[0].group.workspace);
}

#[test]
fn a_look_at_one_pool_keeps_its_name_among_all() {
    let world = World::of(&["hp/office: excel"]);
    let fresh = || {
        let mut facts = discover(world.estate(&Look::default()), &[]).pools.remove(0);
        facts.session_hosts = Some(0);
        facts
    };
    let mut before = fresh();
    (before.label, before.session_hosts) = ("hp, rg-2".to_owned(), Some(4));
    let (previous, _) = PoolSnapshot::observe(before, Vec::new(), None, at(0));
    let mut same = fresh();
    keep_known(&mut same, &previous, false);
    assert_eq!((same.label.as_str(), same.session_hosts), ("hp, rg-2", Some(4)));
    let mut renamed = fresh();
    renamed.pool.friendly_name = Some("Another".to_owned());
    keep_known(&mut renamed, &previous, true);
    assert_eq!((renamed.label != "hp, rg-2", renamed.session_hosts), (true, Some(0)));
}
