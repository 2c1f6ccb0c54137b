use super::*;
use crate::access::DenyAssignment;
use crate::access::builtin::{
    DESKTOP_VIRTUALIZATION_USER as USER, OWNER, VIRTUAL_MACHINE_ADMINISTRATOR_LOGIN,
    VIRTUAL_MACHINE_USER_LOGIN as LOGIN,
};
use crate::audit::context::{APPLICATION_GROUPS, HOST_POOLS, SESSION_HOSTS};
use crate::audit::testing::{Estate, GROUP, POOL, S1};
use crate::estate::{Permission, Principal};
use serde_json::json;

const HOSTS: &str = "/subscriptions/s1/resourceGroups/hosts";

fn machine(name: &str) -> String {
    format!("{HOSTS}/providers/Microsoft.Compute/virtualMachines/{name}")
}

fn host(estate: Estate, name: &str, extension: &str) -> Estate {
    let vm = machine(name);
    estate
        .resource(&format!("{POOL}/sessionHosts/{name}"), SESSION_HOSTS, json!({ "resourceId": vm.to_uppercase() }))
        .resource(
            &format!("{vm}/extensions/join"),
            "Microsoft.Compute/virtualMachines/extensions",
            json!({ "type": extension }),
        )
}

fn estate() -> Estate {
    let estate = Estate::bare()
        .resource(POOL, HOST_POOLS, json!({}))
        .resource(GROUP, APPLICATION_GROUPS, json!({ "hostPoolArmPath": POOL }))
        .user("ann")
        .user("bob")
        .group("staff", &["ann", "bob"]);
    host(host(estate, "h1", "AADLoginForWindows"), "h2", "aadloginforwindows")
}

#[test]
fn a_principal_that_may_not_sign_in_to_some_host_is_reported() {
    let line = |who: &str| vec![format!("{GROUP} {who} -")];
    assert_eq!(estate().assign("ann", USER, GROUP).found(&RULE), line("ann"));
    assert_eq!(estate().assign("staff", USER, S1).found(&RULE), line("staff"));
    let one_host = estate().assign("ann", USER, GROUP).assign("ann", LOGIN, &machine("h1"));
    assert_eq!(one_host.found(&RULE), line("ann"));
    let one_member = estate().assign("staff", USER, GROUP).assign("ann", LOGIN, HOSTS);
    assert_eq!(one_member.found(&RULE), line("staff"));
    let evidence = &one_member.check(&RULE).violations[0].evidence;
    assert_eq!(evidence.last().unwrap().value, "bob");
    let empty = estate().group("empty", &[]).assign("empty", USER, GROUP);
    assert_eq!(empty.found(&RULE), line("empty"));
    assert_eq!(estate().assign("ann", USER, GROUP).assign("ann", OWNER, S1).found(&RULE), line("ann"));
}

#[test]
fn the_fix_gives_the_role_where_the_hosts_are() {
    let az = estate().assign("staff", USER, GROUP).check(&RULE).violations.remove(0).fix.az.unwrap();
    let expected = format!(
        "az role assignment create --assignee-object-id 'staff' --assignee-principal-type 'Group' --role '{LOGIN}' --scope"
    );
    assert!(az.starts_with(&expected), "{az}");
}

#[test]
fn the_right_by_whatever_role_scope_and_group_is_enough() {
    let entitled = || estate().assign("staff", USER, GROUP);
    for estate in [
        entitled().assign("staff", LOGIN, HOSTS),
        entitled().assign("staff", VIRTUAL_MACHINE_ADMINISTRATOR_LOGIN, S1),
        entitled().group("all", &["staff"]).assign("all", LOGIN, S1),
        entitled().assign("ann", LOGIN, HOSTS).assign("bob", LOGIN, HOSTS),
        entitled().group("other", &["ann", "bob"]).assign("other", LOGIN, HOSTS),
        entitled().assign("staff", LOGIN, &machine("h1")).assign("staff", LOGIN, &machine("h2")),
        estate().eligible("staff", USER, GROUP, None),
    ] {
        assert_eq!(estate.check(&RULE), Outcome::default());
    }
}

#[test]
fn a_deny_assignment_takes_the_right_away() {
    let estate = estate().assign("ann", USER, GROUP).assign("ann", LOGIN, HOSTS).with(|facts| {
        facts.denies.push(DenyAssignment {
            id: ArmId::new("/deny"),
            name: "deny".to_owned(),
            scope: ArmId::new(&machine("h2")),
            not_for_child_scopes: true,
            permissions: vec![Permission {
                actions: Vec::new(),
                not_actions: Vec::new(),
                data_actions: vec!["*".to_owned()],
                not_data_actions: Vec::new(),
            }],
            principals: vec![Principal { id: "ann".to_owned(), kind: "User".to_owned() }],
            except: Vec::new(),
            condition: None,
        });
    });
    assert_eq!(estate.found(&RULE), [format!("{GROUP} ann -")]);
}

#[test]
fn without_hosts_that_are_joined_to_entra_there_is_nothing_to_judge() {
    let bare = Estate::bare().resource(POOL, HOST_POOLS, json!({}));
    let joined_elsewhere = host(bare, "h1", "JsonADDomainExtension");
    assert!(joined_elsewhere.check(&RULE).not_applicable.is_some());
}

#[test]
fn groups_scopes_and_conditions_that_cannot_be_seen_through_leave_it_open() {
    let dark = estate().opaque_group("dark").assign("dark", USER, GROUP);
    let unread = estate().assign("ann", USER, GROUP).forbidden(Facet::RoleAssignments, S1);
    let conditional = estate().assign("ann", USER, GROUP).assign_if("ann", LOGIN, HOSTS, Some("@Resource[a] == 1"));
    for estate in [dark, unread, conditional] {
        let outcome = estate.check(&RULE);
        assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{outcome:?}");
    }
}

#[test]
fn a_member_whose_right_is_not_clear_leaves_it_open_and_service_principals_are_members() {
    let perhaps = estate().assign("staff", USER, GROUP).assign("ann", LOGIN, HOSTS).assign_if(
        "bob",
        LOGIN,
        HOSTS,
        Some("@Resource[a] == 1"),
    );
    let outcome = perhaps.check(&RULE);
    assert!(outcome.violations.is_empty(), "{outcome:?}");
    assert!(outcome.unknown[0].contains("whether bob may sign in"), "{outcome:?}");
    let mixed = || estate().identity("robot", "robot").group("mixed", &["ann", "robot"]).assign("mixed", USER, GROUP);
    let without = mixed().assign("ann", LOGIN, HOSTS);
    assert_eq!(without.found(&RULE), [format!("{GROUP} mixed -")]);
    assert_eq!(without.assign("robot", LOGIN, HOSTS).check(&RULE), Outcome::default());
}

#[test]
fn who_is_gone_loses_the_entitlement_and_is_given_nothing() {
    let az = |estate: Estate| estate.check(&RULE).violations.remove(0).fix.az.unwrap();
    let gone = az(estate().deleted("gone").assign("gone", USER, GROUP));
    assert!(gone.starts_with("az role assignment delete --ids "), "{gone}");
    let untold = estate().assign("x", USER, GROUP).with(|facts| facts.assignments[0].principal.kind = String::new());
    assert!(az(untold).contains("--assignee-object-id 'x' --role"));
}
