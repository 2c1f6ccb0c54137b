use super::*;
use crate::arm::Shared;
use crate::cloud::{Cloud, Endpoints};
use crate::directory::{DirectoryRead, DirectoryReader, Wanted};
use crate::http::Http;
use crate::testing::{FixedToken, shared};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use fake::{Fake, S, T, sub};
use jiff::Timestamp;
use poolwarden_domain::access::{DefinitionKind, State, builtin};
use poolwarden_domain::{ArmId, Unreadable, Why};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::ResponseTemplate;

mod fake;
mod posture;

async fn read_all(fake: &Fake, subscriptions: &[&str], depth: Depth) -> AccessRead {
    read_as(Arc::default(), fake, subscriptions, depth).await
}

async fn read_as(token: Arc<FixedToken>, fake: &Fake, subscriptions: &[&str], depth: Depth) -> AccessRead {
    let subscriptions = subscriptions.iter().map(|&one| one.to_owned()).collect();
    let reader = AccessReader::new(shared(&fake.server.uri(), token), subscriptions, None);
    let wanted = AccessWanted { depth, names: Vec::new() };
    reader.read(&wanted, Timestamp::UNIX_EPOCH, None).await.unwrap()
}

/// The token of an identity.
fn token_of(object: &str) -> Arc<FixedToken> {
    let claims = BASE64_URL_SAFE_NO_PAD.encode(json!({ "oid": object }).to_string());
    let token = FixedToken::default();
    *token.always.lock().unwrap() = Some(format!("head.{claims}.signature"));
    Arc::new(token)
}

fn state(read: &AccessRead, scope: &str, facet: Facet) -> State {
    let scope = ArmId::new(scope);
    let mut lines = read.facts.coverage.iter().filter(|one| one.scope == scope && one.facet == facet);
    let line = lines.next().unwrap_or_else(|| panic!("no line for {facet} of {scope}"));
    assert!(lines.next().is_none(), "one line for {facet} of {scope}");
    line.state.clone()
}

fn reason(read: &AccessRead, scope: &str, facet: Facet) -> Unreadable {
    match state(read, scope, facet) {
        State::Unknown(reason) => reason,
        State::Read { .. } => panic!("{facet} of {scope} was read"),
    }
}

/// Every line of the subscriptions that is not as it should be when nothing fails.
fn unknown(read: &AccessRead) -> Vec<String> {
    let of_subscriptions = read.facts.coverage.iter().filter(|one| one.scope.as_str() != "/");
    of_subscriptions
        .filter_map(|one| match &one.state {
            State::Unknown(reason) => Some(format!("{} of {}: {reason}", one.facet, one.scope)),
            State::Read { .. } => None,
        })
        .collect()
}

#[tokio::test]
async fn everything_is_read_and_every_facet_says_so() {
    let fake = Fake::start().await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    assert_eq!(unknown(&read), Vec::<String>::new());
    for scope in [sub(S), sub(T)] {
        for facet in Depth::Rbac.facets() {
            assert!(matches!(state(&read, &scope, *facet), State::Read { .. }), "{facet} of {scope}");
        }
    }
    let facts = &read.facts;
    assert_eq!(facts.tenant.as_deref(), Some("tenant"));
    assert_eq!(facts.subscriptions[0].management_group, Some(fake::group("avd")));
    assert_eq!(facts.management_groups[0].parent, Some(fake::group("tenant")));
    // The one above is told by Resource Graph, and again by nobody.
    assert_eq!(facts.assignments.len(), 3, "{:?}", facts.assignments);
    assert_eq!(facts.definitions.len(), 2);
    assert_eq!(facts.definitions.iter().filter(|one| one.kind == DefinitionKind::Custom).count(), 1);
    assert_eq!((facts.denies.len(), facts.pim.len()), (1, 2));
    assert_eq!(state(&read, &sub(S), Facet::DenyAssignments), State::Read { items: 1 });
    assert_eq!(state(&read, &sub(S), Facet::ManagementGroups), State::Read { items: 2 });
    let pool = facts.resources_of(kinds::HOST_POOLS).next().unwrap();
    assert_eq!(pool.text("registrationInfo/expirationTime"), Some("2024-01-01T00:00:00Z"));
    assert!(!format!("{facts:?}").contains("never-shown"));
}

#[tokio::test]
async fn without_a_reader_of_the_directory_it_is_unknown() {
    let fake = Fake::start().await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Posture).await;
    for facet in Facet::ALL.into_iter().filter(|facet| facet.is_of_directory()) {
        assert_eq!(reason(&read, "/", facet).why, Why::Missing, "{facet}");
    }
}

#[tokio::test]
async fn one_refused_subscription_leaves_the_other_whole() {
    let fake = Fake::start().await;
    fake.refuse(&sub(S), 403).await;
    fake.graph_without(S).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    for facet in Depth::Rbac.facets() {
        assert!(matches!(state(&read, &sub(T), *facet), State::Read { .. }), "{facet}: {:?}", unknown(&read));
        // Built-in roles and management groups are told elsewhere.
        if ![Facet::RoleDefinitions, Facet::ManagementGroups].contains(facet) {
            assert_eq!(reason(&read, &sub(S), *facet).why, Why::Forbidden, "{facet}");
        }
    }
}

#[tokio::test]
async fn what_the_identity_may_not_read_is_unknown_though_resource_graph_says_nothing() {
    let fake = Fake::start().await;
    fake.permissions(S, &["Microsoft.DesktopVirtualization/*/read", "Microsoft.Authorization/*/read"]).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    for facet in [Facet::KeyVaults, Facet::Storage, Facet::Automation, Facet::Compute] {
        let reason = reason(&read, &sub(S), facet);
        assert!(reason.why == Why::Forbidden && reason.detail.contains("grant Reader"), "{reason}");
    }
    assert!(matches!(state(&read, &sub(S), Facet::DesktopVirtualization), State::Read { .. }));
    assert_eq!(unknown(&read).len(), 4);
}

#[tokio::test]
async fn no_assignment_in_resource_graph_proves_nothing() {
    let fake = Fake::start().await;
    fake.graph_table("microsoft.authorization/roleassignments", json!([])).await;
    fake.list(&sub(S), "roleAssignments", None, json!([fake::assignment(&sub(S), "below", "p")])).await;
    let above = fake::assignment(fake::group("tenant").as_str(), "above", "q");
    fake.list(&sub(S), "roleAssignments", Some("atScope()"), json!([above])).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    let names: Vec<_> = read.facts.assignments.iter().map(|one| one.id.name()).collect();
    assert_eq!(names, ["below", "above"]);
    assert_eq!(unknown(&read), Vec::<String>::new());
    let asked = fake.asked("roleAssignments").await;
    assert_eq!(asked.len(), 3, "what is above both is asked for once: {asked:?}");
}

#[tokio::test]
async fn without_resource_graph_arm_is_asked_and_the_rest_is_unknown() {
    let fake = Fake::start().await;
    fake.refuse("/providers/Microsoft.ResourceGraph", 403).await;
    let group = format!("{}/resourceGroups/g/providers/Microsoft.DesktopVirtualization/applicationGroups/a", sub(S));
    let body = json!({"id": group, "properties": {"hostPoolArmPath": fake::pool()}});
    fake.desktops(S, "applicationGroups", json!([body])).await;
    fake.list(&sub(S), "roleAssignments", None, json!([fake::assignment(&sub(S), "a", "p")])).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    assert_eq!(read.facts.assignments.len(), 1);
    assert!(read.facts.resources.iter().any(|one| one.id == ArmId::new(&group)));
    assert!(matches!(state(&read, &sub(S), Facet::RoleAssignments), State::Read { items: 1 }));
    assert!(matches!(state(&read, &sub(S), Facet::RoleDefinitions), State::Read { .. }));
    for facet in [Facet::ManagementGroups, Facet::KeyVaults, Facet::Compute, Facet::DesktopVirtualization] {
        assert_eq!(reason(&read, &sub(S), facet).why, Why::Forbidden, "{facet}: session hosts are not told");
    }
}

#[tokio::test]
async fn a_bad_item_hides_no_neighbour_and_is_named() {
    let fake = Fake::start().await;
    let odd = json!({"id": format!("{}/providers/Microsoft.Authorization/denyAssignments/odd", sub(S)),
        "properties": {"principals": [7]}});
    fake.list(&sub(S), "denyAssignments", None, json!([odd, fake::deny(&sub(S))])).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    assert_eq!(read.facts.denies.len(), 1);
    let reason = reason(&read, &sub(S), Facet::DenyAssignments);
    assert!(reason.why == Why::Malformed && reason.detail.contains("denyAssignments/odd"), "{reason}");
    let of_other = |line: &&String| line.contains(T) || line.contains("management groups");
    let unknown = unknown(&read);
    assert_eq!(unknown.iter().find(of_other), None);
    assert_eq!(
        unknown.len(),
        Depth::Rbac.facets().len() - 1,
        "what it denies to the reader is not known: {unknown:#?}"
    );
}

#[tokio::test]
async fn an_odd_deny_assignment_of_a_resource_group_leaves_the_rest_of_the_subscription_as_it_is() {
    let fake = Fake::start().await;
    let group = format!("{}/resourceGroups/odd", sub(S));
    let odd = json!({"id": format!("{group}/providers/Microsoft.Authorization/denyAssignments/odd"),
        "properties": {"principals": [7]}});
    fake.list(&sub(S), "denyAssignments", None, json!([odd])).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    assert_eq!(reason(&read, &group, Facet::KeyVaults).why, Why::Malformed);
    assert!(unknown(&read).iter().all(|line| line.contains(&group)), "{:#?}", unknown(&read));
}

/// A deny assignment of whatever is read, for these.
fn hiding(scope: &str, principals: &serde_json::Value, except: &serde_json::Value) -> serde_json::Value {
    let mut deny = fake::deny(scope);
    deny["properties"]["permissions"] = json!([{"actions": ["*/read"], "notActions": []}]);
    deny["properties"]["principals"] = principals.clone();
    deny["properties"]["excludePrincipals"] = except.clone();
    deny
}

#[tokio::test]
async fn what_a_deny_assignment_hides_from_the_reader_is_unknown() {
    let everybody = json!([{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}]);
    let me = json!([{"id": "me", "type": "ServicePrincipal"}]);
    let other = json!([{"id": "somebody-else", "type": "User"}]);
    let (group, nobody) = (format!("{}/resourceGroups/dark", sub(S)), json!([]));
    let known = || token_of("me");
    for (token, scope, principals, except, hidden) in [
        (known(), group.as_str(), &everybody, &nobody, Some(group.as_str())),
        (known(), &group, &me, &nobody, Some(&group)),
        (known(), &group, &everybody, &me, None),
        (known(), &group, &other, &nobody, None),
        (Arc::default(), &group, &other, &nobody, Some(&group)),
        (known(), "/subscriptions/elsewhere", &me, &nobody, None),
        (known(), fake::group("tenant").as_str(), &me, &nobody, Some(&sub(S))),
    ] {
        let fake = Fake::start().await;
        fake.list(&sub(S), "denyAssignments", None, json!([hiding(scope, principals, except)])).await;
        fake.estate().await;
        let read = read_as(token, &fake, &[], Depth::Rbac).await;
        let unknown = unknown(&read);
        let Some(hidden) = hidden else {
            assert_eq!(unknown, Vec::<String>::new(), "{scope}");
            continue;
        };
        for facet in Depth::Rbac.facets().iter().filter(|facet| **facet != Facet::ManagementGroups) {
            let reason = reason(&read, hidden, *facet);
            assert!(reason.why == Why::Denied && reason.detail.contains("deny assignment"), "{facet}: {reason}");
        }
        let places = if hidden == group { 1 } else { 2 };
        assert_eq!(unknown.len(), places * (Depth::Rbac.facets().len() - 1), "{unknown:#?}");
    }
}

#[tokio::test]
async fn a_role_that_nobody_lists_is_asked_for_by_name() {
    let fake = Fake::start().await;
    let of = |role: &str, name: &str| {
        let mut one = fake::assignment(&sub(S), name, "p");
        one["roleDefinitionId"] = json!(format!("/providers/Microsoft.Authorization/RoleDefinitions/{role}"));
        one
    };
    let rows = json!([
        of("gone", "a"),
        of("hidden", "b"),
        of("there", "c"),
        fake::assignment(&sub(T), "d", "p"),
        fake::assignment(fake::group("tenant").as_str(), "e", "p")
    ]);
    fake.graph_table("microsoft.authorization/roleassignments", rows).await;
    let definitions = format!("{}/providers/Microsoft.Authorization/roleDefinitions", sub(S));
    fake.refuse(&format!("{definitions}/hidden"), 403).await;
    fake.get(&format!("{definitions}/there"), fake::definition("there", "CustomRole")).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    assert!(read.facts.definitions.iter().any(|one| one.id.name() == "there"));
    assert!(read.facts.definitions.iter().all(|one| one.id.name() != "gone"), "not found is gone");
    assert_eq!(reason(&read, &sub(S), Facet::RoleDefinitions).why, Why::Forbidden);
    assert_eq!(unknown(&read).len(), 1);
}

#[tokio::test]
async fn a_host_pool_that_is_named_but_hidden_is_unknown_by_itself() {
    let fake = Fake::start().await;
    let pool = fake::pool().replace("hostPools/p", "hostPools/hidden");
    let group = format!("{}/resourceGroups/g/providers/Microsoft.DesktopVirtualization/applicationgroups/a", sub(S));
    let row = json!({"id": group, "type": kinds::APPLICATION_GROUPS,
        "properties": {"hostPoolArmPath": pool, "workspaceArmPath": pool.replace("hostPools/hidden", "workspaces/gone")}});
    fake.graph_table("microsoft.desktopvirtualization/applicationgroups", json!([row])).await;
    fake.refuse(&pool, 403).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    assert_eq!(reason(&read, &pool, Facet::DesktopVirtualization).why, Why::Forbidden);
    assert_eq!(reason(&read, &pool, Facet::RoleAssignments).why, Why::Forbidden, "nor who holds something there");
    assert_eq!(unknown(&read).len(), 2, "a workspace that is not found is gone: {:?}", unknown(&read));
    assert!(matches!(state(&read, &sub(S), Facet::DesktopVirtualization), State::Read { items: 2 }));
}

#[tokio::test]
async fn a_resource_group_of_which_nothing_is_seen_is_unknown_once_something_in_it_is_refused() {
    let fake = Fake::start().await;
    let dark = format!("{}/resourceGroups/dark", sub(S));
    let host = json!({"id": format!("{}/sessionhosts/h", fake::pool()),
        "resourceId": format!("{dark}/providers/Microsoft.Compute/virtualMachines/vm")});
    fake.graph_table("desktopvirtualizationresources", json!([host])).await;
    fake.refuse(&dark, 403).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    for facet in [Facet::Compute, Facet::KeyVaults, Facet::RoleAssignments] {
        assert_eq!(reason(&read, &dark, facet).why, Why::Forbidden, "{facet}");
    }
    assert!(matches!(state(&read, &sub(S), Facet::KeyVaults), State::Read { .. }));
}

#[tokio::test]
async fn many_machines_that_are_missing_take_one_list() {
    let fake = Fake::start().await;
    let group = format!("{}/resourceGroups/hosts", sub(S));
    let machine = |number: usize| format!("{group}/providers/Microsoft.Compute/virtualMachines/vm{number}");
    let host = |number: usize| json!({"id": format!("{}/sessionhosts/h{number}", fake::pool()), "resourceId": machine(number)});
    fake.graph_table("desktopvirtualizationresources", (0..30).map(host).collect::<Vec<_>>().into()).await;
    let lagging = json!({"value": [{"id": machine(7), "type": "Microsoft.Compute/virtualMachines"}]});
    fake.get(&format!("{group}/providers/Microsoft.Compute/virtualMachines"), lagging).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    assert_eq!(read.facts.resources_of(kinds::VIRTUAL_MACHINES).count(), 1, "the others are gone");
    assert_eq!(reason(&read, &machine(7), Facet::Compute).why, Why::Missing, "its extensions are not told");
    assert_eq!(unknown(&read).len(), 1);
    assert_eq!(fake.asked("/vm3").await.len(), 0);
}

#[tokio::test]
async fn the_directory_is_asked_about_everybody_who_holds_something() {
    #[derive(Default)]
    struct Asked(Mutex<Option<Wanted>>);
    #[async_trait::async_trait]
    impl DirectoryReader for Asked {
        async fn read(&self, wanted: &Wanted, _: Option<&DirectoryMemory>) -> DirectoryRead {
            *self.0.lock().unwrap() = Some(wanted.clone());
            DirectoryRead { requests: 7, ..DirectoryRead::default() }
        }
    }
    let fake = Fake::start().await;
    fake.estate().await;
    let directory = Arc::new(Asked::default());
    let reader = AccessReader::new(shared(&fake.server.uri(), Arc::default()), Vec::new(), Some(directory.clone()));
    let wanted = AccessWanted { depth: Depth::Posture, names: vec!["Cloud Workspace".to_owned()] };
    let read = reader.read(&wanted, Timestamp::UNIX_EPOCH, None).await.unwrap();
    let asked = directory.0.lock().unwrap().take().unwrap();
    assert_eq!(asked.principals.into_iter().collect::<Vec<_>>(), ["p", "q"]);
    assert!(asked.app_ids.contains(&builtin::AVD_APPLICATION.to_owned()) && asked.app_ids.len() == 5);
    assert_eq!(asked.names, ["Cloud Workspace", "CWMGR1"]);
    assert_eq!((asked.posture, read.directory_requests), (true, 7));
}

#[tokio::test]
async fn a_tenant_without_a_licence_for_pim_has_nothing_in_it() {
    let fake = Fake::start().await;
    let error = json!({"error": {"code": "AadPremiumLicenseRequired", "message": "The tenant needs a licence."}});
    for kind in ["roleAssignmentScheduleInstances", "roleEligibilityScheduleInstances"] {
        fake.answer(&format!("{}/providers/Microsoft.Authorization/{kind}", sub(S)), 400, &error).await;
        fake.answer(&format!("{}/providers/Microsoft.Authorization/{kind}", sub(T)), 400, &error).await;
    }
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    assert_eq!(state(&read, &sub(S), Facet::PimEligible), State::Read { items: 0 });
    assert!(unknown(&read).is_empty());
}

#[tokio::test]
async fn a_subscription_that_is_wanted_and_not_seen_is_unknown_in_every_respect() {
    let fake = Fake::start().await;
    fake.estate().await;
    let read = read_all(&fake, &[S, "elsewhere"], Depth::Rbac).await;
    assert_eq!(read.facts.subscriptions.len(), 2);
    for facet in Depth::Rbac.facets() {
        assert_eq!(reason(&read, &sub("elsewhere"), *facet).why, Why::Forbidden, "{facet}");
    }
}

#[tokio::test]
async fn a_storm_of_429_slows_and_loses_nothing() {
    let fake = Fake::start().await;
    for kind in ["denyAssignments", "permissions", "roleEligibilityScheduleInstances"] {
        fake.storm(&format!("{}/providers/Microsoft.Authorization/{kind}", sub(S)), 3).await;
    }
    fake.storm("/providers/Microsoft.ResourceGraph/resources", 5).await;
    fake.estate().await;
    let read = read_all(&fake, &[], Depth::Rbac).await;
    assert_eq!(unknown(&read), Vec::<String>::new());
    assert!(read.requests.throttled >= 14, "{:?}", read.requests);
    assert_eq!((read.facts.assignments.len(), read.facts.denies.len()), (3, 1));
}

#[tokio::test]
async fn a_storm_that_does_not_end_takes_its_own_list_only() {
    let fake = Fake::start().await;
    let throttled = ResponseTemplate::new(429).insert_header("Retry-After", "3600");
    fake.respond(&format!("{}/providers/Microsoft.Authorization/denyAssignments", sub(S)), throttled).await;
    fake.estate().await;
    let endpoints = Endpoints::of(Cloud::Public).with_arm(&fake.server.uri()).unwrap();
    let credentials = Arc::new(FixedToken::default());
    let shared = Shared::new(Http::new().unwrap(), credentials, endpoints).with_patience(Duration::from_secs(1));
    let reader = AccessReader::new(Arc::new(shared), Vec::new(), None);
    let read = reader.read(&AccessWanted::default(), Timestamp::UNIX_EPOCH, None).await.unwrap();
    assert_eq!(reason(&read, &sub(S), Facet::DenyAssignments).why, Why::Throttled);
    for facet in Depth::Rbac.facets() {
        assert!(matches!(state(&read, &sub(T), *facet), State::Read { .. }), "{facet} of the other subscription");
    }
    assert_eq!(read.facts.assignments.len(), 3, "Resource Graph is another limit");
}

#[tokio::test]
async fn who_asks_is_told_by_the_token() {
    let fake = Fake::start().await;
    fake.estate().await;
    let read = read_as(token_of("00000000-0000-0000-0000-00000000000A"), &fake, &[], Depth::Rbac).await;
    assert_eq!(read.facts.own_principal.as_deref(), Some("00000000-0000-0000-0000-00000000000a"));
}
