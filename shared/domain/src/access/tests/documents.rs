//! What the documents say, in their own examples.
//! <https://learn.microsoft.com/azure/role-based-access-control/overview>
//! <https://learn.microsoft.com/azure/role-based-access-control/role-definitions>
//! <https://learn.microsoft.com/azure/role-based-access-control/deny-assignments>

use crate::ArmId;
use crate::access::{
    AccessFacts, Action, Answer, Assignment, AssignmentType, Coverage, Definition, DefinitionKind, DenyAssignment,
    DirectoryObject, Facet, GrantKind, ManagementGroup, PimInstance, PimKind, SubscriptionFacts, World, builtin,
};
use crate::estate::{Permission, Principal};
use crate::{Unreadable, Why};
use jiff::Timestamp;

const ROOT: &str = "/providers/Microsoft.Management/managementGroups/root";
const SUBSCRIPTION: &str = "/subscriptions/s";
const GROUP: &str = "/subscriptions/s/resourceGroups/avd";
const POOL: &str = "/subscriptions/s/resourceGroups/avd/providers/Microsoft.DesktopVirtualization/hostPools/p";
const APPS: &str = "/subscriptions/s/resourceGroups/avd/providers/Microsoft.DesktopVirtualization/applicationGroups/g";
const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";

/// A small tenant: Owner, Contributor, Reader, Desktop Virtualization User and User Access Administrator as published.
fn tenant() -> AccessFacts {
    let mut facts = AccessFacts::new(Timestamp::UNIX_EPOCH);
    let root = ManagementGroup { id: ArmId::new(ROOT), name: "root".to_owned(), parent: None };
    facts.management_groups.push(root);
    facts.subscriptions.push(SubscriptionFacts {
        id: ArmId::new(SUBSCRIPTION),
        name: "s".to_owned(),
        management_group: Some(ArmId::new(ROOT)),
    });
    let withheld = [
        "Microsoft.Authorization/*/Delete",
        "Microsoft.Authorization/*/Write",
        "Microsoft.Authorization/elevateAccess/Action",
    ];
    define(&mut facts, builtin::OWNER, &["*"], &[], &[]);
    define(&mut facts, builtin::CONTRIBUTOR, &["*"], &withheld, &[]);
    define(&mut facts, builtin::READER, &["*/read"], &[], &[]);
    define(&mut facts, builtin::USER_ACCESS_ADMINISTRATOR, &["*/read", "Microsoft.Authorization/*"], &[], &[]);
    define(&mut facts, builtin::DESKTOP_VIRTUALIZATION_USER, &[], &[], &[builtin::USE_APPLICATIONS]);
    facts
}

fn define(facts: &mut AccessFacts, guid: &str, actions: &[&str], not_actions: &[&str], data_actions: &[&str]) {
    let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    facts.definitions.push(Definition {
        id: ArmId::new(&format!("/providers/Microsoft.Authorization/roleDefinitions/{guid}")),
        name: format!("role {guid}"),
        kind: DefinitionKind::BuiltIn,
        permissions: vec![Permission {
            actions: texts(actions),
            not_actions: texts(not_actions),
            data_actions: texts(data_actions),
            not_data_actions: Vec::new(),
        }],
        assignable_scopes: vec![ArmId::new("/")],
    });
}

fn kind(who: &str) -> &'static str {
    match who {
        EVERYBODY => "SystemDefined",
        group if group.starts_with("group") => "Group",
        _ => "User",
    }
}

fn grant<'f>(facts: &'f mut AccessFacts, who: &str, role: &str, scope: &str) -> &'f mut Assignment {
    let kind = kind(who);
    let number = facts.assignments.len();
    facts.assignments.push(Assignment {
        id: ArmId::new(&format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{number}")),
        scope: ArmId::new(scope),
        role: ArmId::new(&format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}")),
        principal: Principal { id: who.to_owned(), kind: kind.to_owned() },
        condition: None,
        created_on: None,
        description: None,
    });
    facts.assignments.last_mut().unwrap()
}

fn deny<'f>(facts: &'f mut AccessFacts, who: &str, pattern: &str, scope: &str) -> &'f mut DenyAssignment {
    let kind = kind(who);
    facts.denies.push(DenyAssignment {
        id: ArmId::new(&format!("{scope}/providers/Microsoft.Authorization/denyAssignments/d")),
        name: "d".to_owned(),
        scope: ArmId::new(scope),
        not_for_child_scopes: false,
        permissions: vec![Permission { actions: vec![pattern.to_owned()], ..Permission::default() }],
        principals: vec![Principal { id: who.to_owned(), kind: kind.to_owned() }],
        except: Vec::new(),
        condition: None,
    });
    facts.denies.last_mut().unwrap()
}

fn members(facts: &mut AccessFacts, group: &str, members: &[&str]) {
    let object = DirectoryObject::Group { name: group.to_uppercase(), role_assignable: false };
    facts.directory.objects.insert(group.to_owned(), object);
    facts.directory.members.insert(group.to_owned(), members.iter().map(|&one| one.to_owned()).collect());
}

fn ask(facts: &AccessFacts, who: &str, action: &Action, scope: &str) -> Answer {
    World::new(facts).decide(who, action, &ArmId::new(scope)).answer
}

fn control(name: &str) -> Action {
    Action::control(name)
}

#[test]
fn an_owner_of_the_subscription_cannot_open_a_desktop() {
    let mut facts = tenant();
    grant(&mut facts, "ann", builtin::OWNER, SUBSCRIPTION);
    assert_eq!(
        ask(&facts, "ann", &control("Microsoft.DesktopVirtualization/applicationGroups/write"), APPS),
        Answer::Allowed
    );
    assert_eq!(ask(&facts, "ann", &Action::data(builtin::USE_APPLICATIONS), APPS), Answer::NotGranted);
    grant(&mut facts, "ann", builtin::DESKTOP_VIRTUALIZATION_USER, APPS);
    assert_eq!(ask(&facts, "ann", &Action::data(builtin::USE_APPLICATIONS), APPS), Answer::Allowed);
    assert_eq!(ask(&facts, "ann", &control(builtin::USE_APPLICATIONS), "/subscriptions/t"), Answer::NotGranted);
}

#[test]
fn not_actions_are_no_deny_for_another_role_grants_it_back() {
    let mut facts = tenant();
    grant(&mut facts, "bob", builtin::CONTRIBUTOR, GROUP);
    let write = control(builtin::WRITE_ROLE_ASSIGNMENTS);
    assert_eq!(ask(&facts, "bob", &write, POOL), Answer::NotGranted);
    assert_eq!(ask(&facts, "bob", &control("Microsoft.Authorization/roleAssignments/read"), POOL), Answer::Allowed);
    grant(&mut facts, "bob", builtin::USER_ACCESS_ADMINISTRATOR, ROOT);
    assert_eq!(ask(&facts, "bob", &write, POOL), Answer::Allowed);
    // Above the grant there is nothing.
    facts.assignments.pop();
    assert_eq!(ask(&facts, "bob", &control("a/read"), SUBSCRIPTION), Answer::NotGranted);
}

#[test]
fn a_star_in_the_middle_stands_for_every_type_and_nothing_regards_case() {
    let mut facts = tenant();
    define(&mut facts, "11111111-0000-4000-8000-000000000000", &["Microsoft.Authorization/*/read"], &[], &[]);
    grant(&mut facts, "cy", "11111111-0000-4000-8000-000000000000", GROUP);
    for (action, expected) in [
        ("Microsoft.Authorization/roleAssignments/read", Answer::Allowed),
        ("MICROSOFT.AUTHORIZATION/locks/a/b/READ", Answer::Allowed),
        ("Microsoft.Authorization/roleAssignments/write", Answer::NotGranted),
        ("Microsoft.Authorization/read", Answer::NotGranted),
    ] {
        assert_eq!(ask(&facts, "CY", &control(action), &POOL.to_uppercase()), expected, "{action}");
    }
}

#[test]
fn a_deny_assignment_beats_owner_but_not_whom_it_leaves_out() {
    let mut facts = tenant();
    let write = control("Microsoft.DesktopVirtualization/hostPools/write");
    members(&mut facts, "group-admins", &["dee"]);
    for who in ["ann", "dee"] {
        grant(&mut facts, who, builtin::OWNER, ROOT);
    }
    let except = Principal { id: "group-admins".to_owned(), kind: "Group".to_owned() };
    deny(&mut facts, EVERYBODY, "*/write", GROUP).except.push(except);
    assert_eq!(ask(&facts, "ann", &write, POOL), Answer::Denied);
    assert_eq!(ask(&facts, "ann", &control("Microsoft.DesktopVirtualization/hostPools/read"), POOL), Answer::Allowed);
    assert_eq!(ask(&facts, "ann", &write, SUBSCRIPTION), Answer::Allowed);
    assert_eq!(ask(&facts, "dee", &write, POOL), Answer::Allowed);

    let world = World::new(&facts);
    let who = world.who_can(&write, &ArmId::new(POOL), false);
    assert_eq!(who.holders.iter().map(|holder| holder.principal.as_str()).collect::<Vec<_>>(), ["dee"]);
    assert_eq!(who.denied[0].0, "ann");
    assert_eq!(who.denied[0].1.path, ["ann"]);
}

#[test]
fn a_deny_assignment_may_hold_at_its_own_scope_only() {
    let mut facts = tenant();
    grant(&mut facts, "ann", builtin::OWNER, SUBSCRIPTION);
    deny(&mut facts, "ann", "*", GROUP).not_for_child_scopes = true;
    assert_eq!(ask(&facts, "ann", &control("a/write"), GROUP), Answer::Denied);
    assert_eq!(ask(&facts, "ann", &control("a/write"), POOL), Answer::Allowed);
}

#[test]
fn a_deny_assignment_with_a_condition_leaves_it_to_azure() {
    let mut facts = tenant();
    grant(&mut facts, "ann", builtin::OWNER, SUBSCRIPTION);
    deny(&mut facts, "ann", "*", GROUP).condition = Some("@Resource[a:b] StringEquals 'c'".to_owned());
    let decision = World::new(&facts).decide("ann", &control("a/write"), &ArmId::new(POOL));
    assert_eq!(decision.answer, Answer::Conditional);
    assert!(decision.denied_by.is_some_and(|deny| deny.condition.is_some()));
    assert_eq!(ask(&facts, "bob", &control("a/write"), POOL), Answer::NotGranted);
}

#[test]
fn groups_in_groups_reach_and_the_proof_names_the_way() {
    let mut facts = tenant();
    members(&mut facts, "group-a", &["group-b"]);
    members(&mut facts, "group-b", &["group-c", "group-a"]);
    members(&mut facts, "group-c", &["eve", "group-a"]);
    grant(&mut facts, "group-a", builtin::READER, ROOT);
    let world = World::new(&facts);
    let decision = world.decide("eve", &control("Microsoft.Compute/virtualMachines/read"), &ArmId::new(POOL));
    assert_eq!(decision.answer, Answer::Allowed);
    assert_eq!(decision.proofs[0].path, ["eve", "group-c", "group-b", "group-a"]);
    assert_eq!(decision.proofs[0].pattern, "*/read");
    assert_eq!(world.ways_up("EVE")["group-a"].len(), 4);
    let members = world.members_of("group-a");
    assert_eq!(members.ids.into_iter().collect::<Vec<_>>(), ["eve", "group-b", "group-c"]);
    assert!(members.opaque.is_empty());
}

#[test]
fn what_is_eligible_is_not_held_now_and_is_told_apart() {
    let mut facts = tenant();
    facts.pim.push(PimInstance {
        id: ArmId::new("/providers/Microsoft.Authorization/roleEligibilityScheduleInstances/1"),
        kind: PimKind::Eligible,
        scope: ArmId::new(GROUP),
        role: ArmId::new(&format!("/providers/Microsoft.Authorization/roleDefinitions/{}", builtin::OWNER)),
        principal: Principal { id: "ann".to_owned(), kind: "User".to_owned() },
        member_type: Some("Direct".to_owned()),
        assignment_type: None,
        start: None,
        end: None,
        origin: None,
        condition: None,
    });
    let write = control("a/write");
    assert_eq!(ask(&facts, "ann", &write, POOL), Answer::NotGranted);
    let world = World::new(&facts);
    let who = |eligible| world.who_can(&write, &ArmId::new(POOL), eligible).holders;
    assert!(who(false).is_empty());
    assert_eq!(who(true)[0].proofs[0].kind, GrantKind::Eligible);

    // Activated, it is a role assignment too: one grant, not two.
    let id = grant(&mut facts, "ann", builtin::OWNER, GROUP).id.clone();
    let active = PimInstance {
        kind: PimKind::Active,
        assignment_type: Some(AssignmentType::Activated),
        origin: Some(ArmId::new(&id.as_str().to_uppercase())),
        ..facts.pim[0].clone()
    };
    facts.pim.push(active);
    let world = World::new(&facts);
    let kinds: Vec<GrantKind> = world.grants().iter().map(|grant| grant.kind).collect();
    assert_eq!(kinds, [GrantKind::Activated, GrantKind::Eligible]);
}

#[test]
fn a_condition_on_delegation_binds_role_assignments_only() {
    let mut facts = tenant();
    let condition = "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.\
                     Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {\
                     1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63}))";
    grant(&mut facts, "ann", builtin::OWNER, GROUP).condition = Some(condition.to_owned());
    grant(&mut facts, "bob", builtin::OWNER, GROUP).condition = Some("@Resource[a:b] StringEquals 'c'".to_owned());
    let write = control(builtin::WRITE_ROLE_ASSIGNMENTS);
    assert_eq!(ask(&facts, "ann", &write, POOL), Answer::Conditional);
    assert_eq!(ask(&facts, "ann", &control("Microsoft.Authorization/roleAssignments/delete"), POOL), Answer::Allowed);
    assert_eq!(ask(&facts, "ann", &control("a/write"), POOL), Answer::Allowed);
    assert_eq!(ask(&facts, "bob", &control("a/write"), POOL), Answer::Conditional);
}

#[test]
fn what_could_not_be_read_is_unknown_exactly_where_it_matters() {
    let mut facts = tenant();
    members(&mut facts, "group-a", &["group-b"]);
    grant(&mut facts, "group-a", builtin::READER, GROUP);
    facts.directory.opaque_groups.insert("group-b".to_owned());
    let decision = World::new(&facts).decide("fay", &control("a/read"), &ArmId::new(POOL));
    assert_eq!(decision.answer, Answer::Unknown);
    assert_eq!(decision.unknown, ["members of group group-b: not read"]);
    assert_eq!(ask(&facts, "fay", &control("a/write"), POOL), Answer::NotGranted);
    assert_eq!(ask(&facts, "fay", &control("a/read"), SUBSCRIPTION), Answer::NotGranted);

    // A deny assignment that may be about somebody.
    grant(&mut facts, "fay", builtin::OWNER, SUBSCRIPTION);
    deny(&mut facts, "group-b", "*/delete", GROUP);
    assert_eq!(ask(&facts, "fay", &control("a/delete"), POOL), Answer::Unknown);
    assert_eq!(ask(&facts, "fay", &control("a/write"), POOL), Answer::Allowed);

    // A role that nobody can read.
    let mut facts = tenant();
    grant(&mut facts, "gil", "22222222-0000-4000-8000-000000000000", GROUP);
    let decision = World::new(&facts).decide("gil", &control("a/read"), &ArmId::new(POOL));
    assert_eq!(decision.answer, Answer::Unknown);
    assert!(decision.unknown[0].contains("22222222-0000-4000-8000-000000000000"), "{decision:?}");
    assert_eq!(ask(&facts, "hal", &control("a/read"), POOL), Answer::NotGranted);
}

#[test]
fn a_scope_that_could_not_be_read_leaves_open_what_is_below_it() {
    for (scope, facet, at, expected) in [
        (SUBSCRIPTION, Facet::RoleAssignments, POOL, Answer::Unknown),
        (POOL, Facet::RoleAssignments, POOL, Answer::Unknown),
        (POOL, Facet::RoleAssignments, &format!("{POOL}/sessionHosts/h"), Answer::Unknown),
        (POOL, Facet::RoleAssignments, GROUP, Answer::NotGranted),
        (SUBSCRIPTION, Facet::RoleAssignments, "/subscriptions/t", Answer::NotGranted),
        // Nobody else could have told what is assigned above the subscription.
        (SUBSCRIPTION, Facet::RoleAssignments, ROOT, Answer::Unknown),
        (SUBSCRIPTION, Facet::ManagementGroups, POOL, Answer::Unknown),
        (SUBSCRIPTION, Facet::PimActive, POOL, Answer::Unknown),
        ("/", Facet::RoleAssignments, POOL, Answer::Unknown),
        // These hide no grant.
        (SUBSCRIPTION, Facet::DenyAssignments, POOL, Answer::NotGranted),
        (SUBSCRIPTION, Facet::RoleDefinitions, POOL, Answer::NotGranted),
        (SUBSCRIPTION, Facet::PimEligible, POOL, Answer::NotGranted),
    ] {
        let mut facts = tenant();
        let reason = Unreadable::new(Why::Forbidden, "403");
        facts.coverage.push(Coverage::unknown(ArmId::new(&scope.to_uppercase()), facet, reason));
        assert_eq!(ask(&facts, "ann", &control("a/read"), at), expected, "{facet} of {scope}, asked at {at}");
        // What is known to be granted is granted, with a word about deny assignments that nobody saw.
        grant(&mut facts, "ann", builtin::READER, ROOT);
        let decision = World::new(&facts).decide("ann", &control("a/read"), &ArmId::new(POOL));
        assert_eq!(decision.answer, Answer::Allowed);
        let may_hide_denies = matches!(facet, Facet::DenyAssignments | Facet::ManagementGroups);
        assert_eq!(!decision.unknown.is_empty(), may_hide_denies, "{facet}: {:?}", decision.unknown);
    }
}

#[test]
fn what_somebody_holds_is_listed_with_the_way_to_it_and_what_denies_it() {
    let mut facts = tenant();
    members(&mut facts, "group-a", &["ann"]);
    facts.directory.opaque_groups.insert("group-z".to_owned());
    grant(&mut facts, "group-a", builtin::OWNER, SUBSCRIPTION);
    grant(&mut facts, "ann", builtin::READER, APPS);
    grant(&mut facts, "group-z", builtin::READER, GROUP);
    grant(&mut facts, "bob", builtin::READER, GROUP);
    deny(&mut facts, "group-a", "*/delete", GROUP);
    deny(&mut facts, "group-z", "*/write", GROUP);
    let world = World::new(&facts);

    let held = world.access_of("ann");
    let paths: Vec<_> = held.grants.iter().map(|grant| (grant.scope.as_str(), grant.path.join(">"))).collect();
    assert_eq!(paths, [(SUBSCRIPTION, "ann>group-a".to_owned()), (APPS, "ann".to_owned())]);
    assert_eq!(held.unknown, ["members of group group-z: not read"]);

    let explained = world.explain("ann", &ArmId::new(POOL));
    assert_eq!(explained.grants.len(), 1);
    assert_eq!(explained.chain.len(), 5);
    let denies: Vec<_> = explained.denies.iter().map(|deny| (deny.certain, deny.proof.path.join(">"))).collect();
    assert_eq!(denies, [(true, "ann>group-a".to_owned()), (false, String::new())]);
    assert!(world.explain("ann", &ArmId::new(SUBSCRIPTION)).denies.is_empty());
}

#[test]
fn a_whole_directory_that_could_not_be_read_leaves_every_group_open() {
    let mut facts = tenant();
    grant(&mut facts, "group-a", builtin::READER, GROUP);
    assert_eq!(ask(&facts, "ann", &control("a/read"), POOL), Answer::Unknown);
    members(&mut facts, "group-a", &[]);
    assert_eq!(ask(&facts, "ann", &control("a/read"), POOL), Answer::NotGranted);
    let reason = Unreadable::new(Why::Throttled, "429");
    facts.coverage.push(Coverage::unknown(ArmId::new("/"), Facet::GroupMembers, reason));
    assert_eq!(ask(&facts, "ann", &control("a/read"), POOL), Answer::Unknown);
    // Another group that was not read is not the reason for what a member is that nobody tells of.
    members(&mut facts, "group-a", &["bob", "somebody"]);
    grant(&mut facts, "bob", builtin::OWNER, APPS);
    facts.directory.opaque_groups.insert("group-z".to_owned());
    assert_eq!(ask(&facts, "ann", &control("a/read"), POOL), Answer::Unknown, "somebody may be a group she is in");
    facts.directory.missing.insert("somebody".to_owned());
    assert_eq!(ask(&facts, "ann", &control("a/read"), POOL), Answer::NotGranted);
    // A group that is gone has no members.
    let mut facts = tenant();
    grant(&mut facts, "group-gone", builtin::READER, GROUP);
    facts.directory.missing.insert("group-gone".to_owned());
    assert_eq!(ask(&facts, "ann", &control("a/read"), POOL), Answer::NotGranted);
    facts.assignments[0].principal.kind = "ForeignGroup".to_owned();
    assert_eq!(ask(&facts, "ann", &control("a/read"), POOL), Answer::Unknown);
}
