use super::*;
use crate::estate::Principal;
use crate::estate::RoleAssignment;
use crate::testing::{application_group, forbidden, group_id, host_pool, pool_id};
use proptest::prelude::*;

const RG: &str = "/subscriptions/s/resourceGroups/rg";
const AVD: &str = "/providers/Microsoft.DesktopVirtualization";
const CLASSIC_POOL: &str = "/classic/RdsManagement/tenantGroups/Default Tenant Group/tenants/contoso/hostPools/p";

#[test]
fn an_unreadable_scope_says_by_its_form_what_it_hides() {
    use Dark::{Assignments, SessionHosts, Structure};
    let pool = format!("{RG}{AVD}/hostPools/p");
    let group = format!("{RG}{AVD}/applicationGroups/g");
    for (scope, dark, below) in [
        ("/".to_owned(), Structure, "/"),
        ("/subscriptions".to_owned(), Structure, "/subscriptions"),
        ("/subscriptions/s".to_owned(), Structure, "/subscriptions/s"),
        (format!("/subscriptions/s{AVD}/hostPools"), Structure, "/subscriptions/s"),
        (format!("{RG}{AVD}/applicationGroups"), Structure, RG),
        (format!("/subscriptions/s{AVD}"), Structure, "/subscriptions/s"),
        (pool.clone(), Structure, &pool),
        (group.clone(), Structure, &group),
        (format!("{group}/applications"), Structure, &group),
        (format!("{group}/applications/a"), Structure, &group),
        (format!("{pool}/sessionHosts"), SessionHosts, &pool),
        (format!("{pool}/SESSIONHOSTS/h"), SessionHosts, &pool),
        (format!("/subscriptions/s{AVD}/sessionHosts"), SessionHosts, "/subscriptions/s"),
        ("/providers/Microsoft.Authorization/roleDefinitions/r".to_owned(), Assignments, "/"),
        (format!("{group}/providers/microsoft.authorization/roleAssignments/a"), Assignments, &group),
        (
            "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments".to_owned(),
            Assignments,
            "/subscriptions/s",
        ),
        // Names are not types.
        (
            format!("/subscriptions/s/resourceGroups/sessionHosts{AVD}/hostPools/p"),
            Structure,
            &format!("/subscriptions/s/resourceGroups/sessionHosts{AVD}/hostPools/p"),
        ),
        (
            format!("{RG}{AVD}/applicationGroups/sessionhosts"),
            Structure,
            &format!("{RG}{AVD}/applicationGroups/sessionhosts"),
        ),
        (
            format!("{RG}{AVD}/hostPools/sessionhosts-1/sessionHosts"),
            SessionHosts,
            &format!("{RG}{AVD}/hostPools/sessionhosts-1"),
        ),
        // The classic model: a pool's groups lie below it.
        (format!("{CLASSIC_POOL}/applicationGroups/g"), Structure, &format!("{CLASSIC_POOL}/applicationGroups/g")),
        (format!("{CLASSIC_POOL}/sessionHosts"), SessionHosts, CLASSIC_POOL),
        (
            format!("{CLASSIC_POOL}/applicationGroups/g/assignedUsers/u@contoso.com"),
            Assignments,
            &format!("{CLASSIC_POOL}/applicationGroups/g"),
        ),
    ] {
        assert_eq!(Dark::of(&ArmId::new(&scope)), (dark, ArmId::new(below)), "{scope}");
    }
}

fn estate(pools: Vec<HostPool>, groups: Vec<ApplicationGroup>, unknown: &[&ArmId]) -> Estate {
    let unknown = unknown.iter().map(|scope| forbidden(scope)).collect();
    Estate { host_pools: pools, application_groups: groups, unknown, ..Estate::default() }
}

/// Which pools something hides part of.
fn shaded(pools: Vec<HostPool>, scope: &ArmId) -> Vec<String> {
    let found = discover(estate(pools, Vec::new(), &[scope]), &[]).pools;
    found.into_iter().filter(|pool| !pool.unknown.is_empty()).map(|pool| pool.label).collect()
}

#[test]
fn what_is_unreadable_shades_the_pools_it_may_hide_something_of() {
    let elsewhere = ArmId::new(&format!("/subscriptions/t/resourceGroups/rg{AVD}/applicationGroups/far"));
    let pools = || vec![host_pool("a", vec![group_id("g")]), host_pool("b", vec![group_id("h"), elsewhere.clone()])];
    assert_eq!(shaded(pools(), &ArmId::new("/subscriptions/S")), ["a", "b"]);
    assert_eq!(shaded(pools(), &ArmId::new(&format!("/subscriptions/s{AVD}/applicationGroups"))), ["a", "b"]);
    assert_eq!(shaded(pools(), &pool_id("A")), ["a"]);
    assert_eq!(shaded(pools(), &group_id("g")), ["a"]);
    assert_eq!(shaded(pools(), &ArmId::new(&format!("{}/applications/x", group_id("g")))), ["a"]);
    assert_eq!(shaded(pools(), &ArmId::new("/subscriptions/t")), ["b"], "a group of it lies there");
    assert_eq!(shaded(pools(), &ArmId::new(&format!("{}/sessionHosts", pool_id("a")))), [""; 0]);
    assert_eq!(shaded(pools(), &ArmId::new(&format!("{RG}{AVD}/workspaces/w"))), [""; 0]);
}

#[test]
fn a_group_that_no_pool_names_may_belong_to_a_pool_that_names_none() {
    let pools = vec![host_pool("mute", Vec::new()), host_pool("telling", vec![group_id("g")])];
    assert_eq!(shaded(pools, &group_id("stray")), ["mute"]);
}

#[test]
fn what_cannot_be_counted_or_told_is_left_open() {
    let scopes = [
        ArmId::new(&format!("{}/sessionHosts", pool_id("a"))),
        ArmId::new(&format!("{}/providers/Microsoft.Authorization/roleAssignments/1", group_id("g"))),
    ];
    let groups = vec![application_group("g", "a"), application_group("h", "a")];
    let pools = vec![host_pool("a", vec![group_id("g"), group_id("h")]), host_pool("b", vec![group_id("i")])];
    let found = discover(estate(pools, groups, &[&scopes[0], &scopes[1]]), &[]).pools;
    let hosts: Vec<_> = found.iter().map(|pool| pool.session_hosts).collect();
    assert_eq!(hosts, [None, Some(0)]);
    let known: Vec<_> = found[0].groups.iter().map(|group| group.entitlements.is_some()).collect();
    assert_eq!(known, [false, true]);
    assert!(found.iter().all(|pool| pool.unknown.is_empty()), "packages do not depend on either");
}

#[test]
fn assignments_on_the_group_and_above_it_entitle() {
    let assignment = |scope: &ArmId, who: &str| RoleAssignment {
        id: ArmId::new(&format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{who}")),
        scope: scope.clone(),
        role_definition_id: ArmId::new(&format!("/x/{}", crate::entitlement::DESKTOP_VIRTUALIZATION_USER)),
        principal: Principal { id: who.to_owned(), kind: "Group".to_owned() },
        condition: None,
    };
    let mut estate = estate(vec![host_pool("a", Vec::new())], vec![application_group("g", "a")], &[]);
    for (scope, who) in
        [(group_id("G"), "group"), (ArmId::new("/"), "root"), (ArmId::new(RG), "rg"), (group_id("g2"), "no")]
    {
        estate.role_assignments.push(assignment(&scope, who));
    }
    let found = discover(estate, &[]).pools;
    let who: Vec<_> = found[0].groups[0].entitlements.iter().flatten().map(|e| e.principal.id.as_str()).collect();
    assert_eq!(who, ["group", "rg", "root"]);
}

#[test]
fn groups_whose_pool_is_not_there_are_reported_once() {
    let groups = vec![application_group("g", "lost"), application_group("h", "LOST")];
    let unknown = discover(estate(Vec::new(), groups.clone(), &[]), &[]).unknown;
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0].scope, pool_id("lost"));
    assert!(unknown[0].reason.detail.starts_with("2 application group(s)"));
    let subscription = ArmId::new("/subscriptions/s");
    assert_eq!(discover(estate(Vec::new(), groups, &[&subscription]), &[]).unknown, [forbidden(&subscription)]);
}

fn named(name: &str, friendly: &str) -> HostPool {
    HostPool { friendly_name: Some(friendly.to_owned()), ..host_pool(name, Vec::new()) }
}

#[test]
fn a_pool_that_can_no_longer_be_seen_keeps_its_name_taken() {
    let seen = || HostPool { friendly_name: Some("Finance".to_owned()), ..host_pool("a", Vec::new()) };
    let unseen = HostPool { friendly_name: Some("Finance".to_owned()), ..host_pool("b", Vec::new()) };
    let label = |unseen: &[HostPool]| discover(estate(vec![seen()], Vec::new(), &[]), unseen).pools[0].label.clone();
    assert_eq!(label(&[]), "Finance");
    assert_eq!(label(&[unseen]), "Finance, a");
}

#[test]
fn pools_that_share_a_name_are_told_apart_whatever_they_are_called() {
    assert_eq!(labels(&[&named("a", "X"), &named("b", "Y"), &named("c", "\u{200B}")]), ["X", "Y", "c"]);
    assert_eq!(labels(&[&named("a", "X"), &named("b", "x")]), ["X, a", "x, b"]);
    // The third is called what the first one becomes.
    let tricky = labels(&[&named("a", "X"), &named("b", "X"), &named("c", "X, a")]);
    assert_eq!(tricky[1], "X, b");
    assert_ne!(tricky[0], tricky[2]);
}

proptest! {
    #[test]
    fn labels_are_unique_and_do_not_depend_on_order(names in prop::collection::vec("(X|x|, |a|b|rg|s|\\(|\\[){0,4}", 1..6)) {
        let pools: Vec<HostPool> = names.iter().zip(["a", "b", "c", "d", "e"]).map(|(friendly, name)| named(name, friendly)).collect();
        let labelled = |pools: Vec<HostPool>| -> BTreeMap<String, String> {
            discover(estate(pools, Vec::new(), &[]), &[]).pools.into_iter().map(|pool| (pool.key, pool.label)).collect()
        };
        let labels = labelled(pools.clone());
        let unique: BTreeSet<String> = labels.values().map(|label| label.to_lowercase().replace('(', "[")).collect();
        prop_assert_eq!(unique.len(), pools.len());
        prop_assert_eq!(labelled(pools.into_iter().rev().collect()), labels);
    }

    #[test]
    fn the_same_estate_has_the_same_fingerprints_in_any_order(rotation in 0_usize..4) {
        let mut groups: Vec<ApplicationGroup> = ["g", "h", "i", "j"].map(|name| application_group(name, "a")).into();
        let prints = |groups| discover(estate(vec![host_pool("a", Vec::new())], groups, &[]), &[]).pools[0].fingerprint();
        let before = prints(groups.clone());
        groups.rotate_left(rotation);
        prop_assert_eq!(prints(groups), before);
    }
}

#[test]
fn a_classic_pool_without_groups_is_not_in_the_dark_of_another_ones_group() {
    let other = ArmId::new(&CLASSIC_POOL.replace("hostPools/p", "hostPools/q"));
    let hidden = ArmId::new(&format!("{other}/applicationGroups/g"));
    let pool = |id: &ArmId| HostPool { id: id.clone(), application_group_references: vec![], ..host_pool("p", vec![]) };
    let found = discover(estate(vec![pool(&ArmId::new(CLASSIC_POOL)), pool(&other)], vec![], &[&hidden]), &[]);
    let unknown: Vec<_> = found.pools.iter().map(|facts| (facts.pool.id.name(), facts.unknown.len())).collect();
    assert_eq!(unknown, [("p", 0), ("q", 1)]);
}
