use super::*;
use crate::discovery::discover;
use crate::entitlement::Entitlement;
use crate::estate::{ApplicationGroup, Estate, HostPool, Principal, Workspace};
use crate::feed::{self, FeedItem};
use crate::testing::{App, Look, World, app_id, application_group, at, group_id, host_pool, pool_id, resource};

/// The ARM side: one pool whose groups have these apps; `change` may alter what is known of it.
fn arm(lines: &[&str], change: impl Fn(&mut PoolSnapshot)) -> Vec<PoolSnapshot> {
    let world = World::of(lines);
    let pools = discover(world.estate(&Look::default()), &[]).pools;
    let snapshots = pools.into_iter().map(|facts| {
        let groups: Vec<ArmId> = facts.groups.iter().map(|group| group.group.id.clone()).collect();
        let answers = groups.iter().map(|group| world.answer(group, &Look::default())).collect();
        let mut snapshot = PoolSnapshot::observe(facts, answers, None, at(0)).0;
        for group in &mut snapshot.facts.groups {
            let principal = Principal { id: "finance".to_owned(), kind: "Group".to_owned() };
            let (role, scope) = ("Desktop Virtualization User".to_owned(), group.group.id.clone());
            group.entitlements = Some(vec![Entitlement { principal, role, scope, conditional: false }]);
        }
        change(&mut snapshot);
        snapshot
    });
    snapshots.collect()
}

/// The feed of one workspace with these resources: object id, and the host pool that the file names.
fn feed(model: FeedModel, workspace: &str, offered: &[(&str, Option<&str>)]) -> PoolSnapshot {
    let id = model.workspace(workspace);
    let group = feed::group(&id, ResourceKind::RemoteApp);
    let facts = discover(
        Estate {
            host_pools: vec![HostPool { id: id.clone(), ..host_pool("x", vec![group.clone()]) }],
            application_groups: vec![ApplicationGroup {
                id: group.clone(),
                host_pool: id.clone(),
                workspace: Some(id.clone()),
                ..application_group("x", "x")
            }],
            workspaces: vec![Workspace { id: id.clone(), object_id: workspace.to_owned(), friendly_name: None }],
            ..Estate::default()
        },
        &[],
    )
    .pools
    .remove(0);
    let item = |(name, pool): &(&str, Option<&str>)| Resource {
        id: feed::resource(&id, ResourceKind::RemoteApp, name),
        object_id: (*name).to_owned(),
        feed: Some(Box::new(FeedItem {
            workspace_id: workspace.to_owned(),
            alias: None,
            arm_path: None,
            host_pool: pool.map(str::to_owned),
            folders: Vec::new(),
            file_associations: Vec::new(),
            version: String::new(),
            rdp: None,
        })),
        ..resource("g", name, &App { called: (*name).to_owned(), shown: true })
    };
    PoolSnapshot::observe(facts, vec![(group, Ok(Some(offered.iter().map(item).collect())))], None, at(0)).0
}

fn side<'a>(snapshots: &'a [PoolSnapshot], unknown: &'a [ReportedScope]) -> Side<'a> {
    Side { connection: "contoso", snapshots, unknown }
}

/// The one difference there is.
fn reason(feed: &[PoolSnapshot], arm: &[PoolSnapshot]) -> (Seen, String) {
    let mut comparison = compare(side(feed, &[]), side(arm, &[]));
    assert_eq!(comparison.differences.len(), 1, "{comparison:#?}");
    let only = comparison.differences.remove(0);
    (only.seen, only.reason)
}

#[test]
fn what_both_have_is_found_by_object_ids_whatever_their_case() {
    let arm = arm(&["hp/office: excel word"], |_| ());
    let feed = feed(FeedModel::Arm, "WS-1", &[("O-office-EXCEL", None), ("o-office-word", None)]);
    assert_eq!(compare(side(&[feed], &[]), side(&arm, &[])), Comparison { in_both: 2, differences: Vec::new() });
}

#[test]
fn a_resource_id_in_the_feed_counts_as_well() {
    let arm = arm(&["hp/office: excel"], |_| ());
    let mut feed = feed(FeedModel::Arm, "other", &[("unlike", None)]);
    for read in feed.resources.values_mut() {
        let item = read.resources[0].feed.as_mut().unwrap();
        item.arm_path = Some(app_id("office", "excel").as_str().to_uppercase());
    }
    assert_eq!(compare(side(&[feed], &[]), side(&arm, &[])).in_both, 1);
}

#[test]
fn why_the_account_is_not_shown_something_is_said_for_each_cause() {
    type Alter = fn(&mut PoolSnapshot);
    let causes: [(Alter, &str); 6] = [
        (|pool| pool.facts.groups[0].group.workspace = None, "in no workspace"),
        (|pool| pool.facts.groups[0].group.show_in_feed = Some(false), "showInFeed is false"),
        (
            |pool| {
                for read in pool.resources.values_mut() {
                    read.resources[0].show_in_portal = Some(false);
                }
            },
            "showInPortal is false",
        ),
        (|pool| pool.facts.groups[0].entitlements = Some(Vec::new()), "nobody may open it"),
        (|pool| pool.facts.groups[0].entitlements = None, "could not be read"),
        (|_| (), "1 may open it, 1 of them groups"),
    ];
    for (alter, said) in causes {
        let (seen, reason) = reason(&[], &arm(&["hp/office: excel"], alter));
        assert!(seen == Seen::InArmOnly && reason.contains(said), "{said}: {reason}");
    }
}

#[test]
fn a_pool_that_prefers_one_kind_hides_the_other() {
    let arm = arm(&["hp/apps: excel", "hp/desk: SessionDesktop"], |pool| {
        pool.facts.pool.preferred_app_group_type = Some("RailApplications".to_owned());
        let desk = pool.facts.groups.iter_mut().find(|group| group.group.id == group_id("desk"));
        desk.unwrap().group.kind = ResourceKind::Desktop;
    });
    let shown = feed(FeedModel::Arm, "ws-1", &[("o-apps-excel", None)]);
    let (seen, reason) = reason(&[shown], &arm);
    assert!(seen == Seen::InArmOnly && reason.contains("prefers the other kind"), "{reason}");
}

#[test]
fn what_could_not_be_read_is_unknown_and_not_explained_away() {
    let dark = |scope: ArmId| [ReportedScope { scope, reason: "throttled: 429".to_owned() }];
    let arm = arm(&["hp/office: excel"], |_| ());
    for scope in [FeedModel::Arm.id(), FeedModel::Arm.workspace("WS-1")] {
        let only = compare(side(&[], &dark(scope)), side(&arm, &[])).differences.remove(0);
        assert!(only.reason.starts_with("unknown: "), "{}", only.reason);
    }
    let pool = pool_id("elsewhere");
    let shown = [feed(FeedModel::Arm, "ws-1", &[("x", Some(pool.as_str()))])];
    let only = compare(side(&shown, &[]), side(&[], &dark(pool))).differences.remove(0);
    assert!(only.reason.starts_with("unknown: "), "{}", only.reason);
}

#[test]
fn why_arm_does_not_list_something_is_said_for_each_cause() {
    let arm = arm(&["hp/office: "], |_| ());
    let elsewhere = "/subscriptions/other/resourceGroups/rg/providers/Microsoft.DesktopVirtualization/hostPools/far";
    let (seen, unseen) = (pool_id("hp"), pool_id("hidden"));
    for (model, pool, said) in [
        (FeedModel::Classic, None, "classic service"),
        (FeedModel::Arm, None, "does not name its host pool"),
        (FeedModel::Arm, Some(seen.as_str()), "did not find it there"),
        (FeedModel::Arm, Some(unseen.as_str()), "is its identity entitled"),
        (FeedModel::Arm, Some(elsewhere), "lies in subscription other"),
    ] {
        let (seen, reason) = reason(&[feed(model, "w", &[("x", pool)])], &arm);
        assert!(seen == Seen::InFeedOnly && reason.contains(said), "{said}: {reason}");
    }
}
