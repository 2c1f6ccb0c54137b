use super::*;
use crate::testing::FixedToken;
use fake::{Bench, id, reader};
use poolwarden_domain::Why;
use poolwarden_domain::access::{DirectoryObject, Facet, State};
use serde_json::json;
use std::sync::Arc;

mod applications;
mod fake;
mod groups;

fn state(read: &DirectoryRead, facet: Facet) -> &State {
    &read.coverage.iter().find(|one| one.facet == facet).unwrap().state
}

/// Why a facet is unknown, and the text of it.
fn gap(read: &DirectoryRead, facet: Facet) -> (Why, String) {
    match state(read, facet) {
        State::Unknown(reason) => (reason.why, reason.detail.clone()),
        State::Read { items } => panic!("{facet} was read: {items}"),
    }
}

/// The facets that are unknown.
fn gaps(read: &DirectoryRead) -> Vec<Facet> {
    let is_gap = |one: &&Coverage| matches!(one.state, State::Unknown(_));
    read.coverage.iter().filter(is_gap).map(|one| one.facet).collect()
}

#[tokio::test]
async fn principals_come_with_their_states_and_those_that_do_not_come_are_missing() {
    let bench = Bench::new(|graph| {
        graph.user(1);
        graph.add(2, "user", &json!({"userPrincipalName": "g", "userType": "Guest", "accountEnabled": false}));
        graph.add(3, "device", &json!({}));
    })
    .await;
    let read = bench.read(&[1, 2, 3, 4]).await;
    assert_eq!(gaps(&read), []);
    assert!(matches!(read.directory.objects[&id(1)], DirectoryObject::User { guest: false, enabled: Some(true), .. }));
    assert!(matches!(read.directory.objects[&id(2)], DirectoryObject::User { guest: true, enabled: Some(false), .. }));
    assert!(matches!(read.directory.objects[&id(3)], DirectoryObject::Other { .. }));
    assert_eq!(read.directory.missing, BTreeSet::from([id(4)]));
    assert_eq!(read.requests, bench.server.received_requests().await.unwrap().len() as u64);
}

#[tokio::test]
async fn more_principals_than_one_request_takes_are_asked_for_in_several() {
    let bench = Bench::new(|graph| (1..=2_500).for_each(|number| graph.user(number))).await;
    let read = bench.read(&(1..=2_501).collect::<Vec<_>>()).await;
    assert_eq!((read.directory.objects.len(), read.directory.missing.len()), (2_500, 1));
    assert_eq!(bench.asked().len(), 3);
}

#[tokio::test]
async fn what_is_no_id_is_missing_and_never_asked_for() {
    let bench = Bench::new(|graph| graph.user(1)).await;
    let principals = [id(1).to_uppercase(), "' or 1 eq 1".to_owned()].into();
    let read = bench.reader.read(&Wanted { principals, ..Wanted::default() }, None).await;
    assert_eq!((gaps(&read), read.directory.objects.len(), read.directory.missing.len()), (vec![], 1, 1));
}

#[tokio::test]
async fn users_that_come_without_their_state_are_asked_for_by_another_way() {
    let bench = Bench::new(|graph| {
        (1..=40).for_each(|number| graph.user(number));
        graph.ignores_select = true;
    })
    .await;
    let read = bench.read(&(1..=40).collect::<Vec<_>>()).await;
    assert_eq!(gaps(&read), []);
    let is_enabled = |object: &DirectoryObject| matches!(object, DirectoryObject::User { enabled: Some(true), .. });
    assert!(read.directory.objects.values().all(is_enabled));
}

#[tokio::test]
async fn a_state_that_is_kept_back_is_unknown_and_names_the_permission() {
    let bench = Bench::new(|graph| {
        (1..=400).for_each(|number| graph.user(number));
        graph.ignores_select = true;
        graph.fault("/users", 403, usize::MAX);
    })
    .await;
    let read = bench.read(&(1..=400).collect::<Vec<_>>()).await;
    let (why, text) = gap(&read, Facet::Principals);
    assert_eq!(why, Why::Forbidden);
    assert!(text.contains("grant the permission User.Read.All of Microsoft Graph"), "{text}");
    assert!(matches!(read.directory.objects[&id(1)], DirectoryObject::User { enabled: None, .. }));
    assert_eq!(bench.asked().iter().filter(|path| *path == "/users").count(), 1, "one refusal is enough");
}

#[tokio::test]
async fn principals_that_may_not_be_read_are_unknown_and_their_groups_are_followed_all_the_same() {
    let bench = Bench::new(|graph| {
        graph.user(1);
        graph.user(5);
        graph.group(3, &[5]);
        graph.group(2, &[1, 3]);
        graph.fault("/directoryObjects", 403, usize::MAX);
    })
    .await;
    let first = bench.read(&[1, 2]).await;
    let asked = bench.asked();
    assert_eq!(asked.iter().filter(|path| path.contains("getByIds")).count(), 1, "one refusal is enough");
    let read = bench.read_on(&[1, 2], Some(&first.memory)).await;
    assert_eq!(first.directory, read.directory);
    let (why, text) = gap(&read, Facet::Principals);
    assert!(why == Why::Forbidden && text.contains("Directory.Read.All"), "{text}");
    assert_eq!(gaps(&read), [Facet::Principals]);
    assert!(read.directory.missing.is_empty());
    assert_eq!(read.directory.members[&id(2)], [id(1), id(3)]);
    assert_eq!(read.directory.members[&id(3)], [id(5)]);
    assert_eq!(read.directory.objects[&id(3)].name(), format!("name of {}", id(3)));
    let deltas = bench.asked().into_iter().filter(|path| path == "/groups/delta").count();
    assert_eq!(deltas, 1, "users who are members are never taken for groups");
}

#[tokio::test]
async fn a_storm_of_refusals_slows_and_loses_nothing() {
    let bench = Bench::new(|graph| {
        (100..140).for_each(|number| graph.service_principal(number, number + 1_000));
        graph.fault("/servicePrincipals/00000105", 429, 2);
        graph.fault("/servicePrincipals/00000106", 503, 2);
    })
    .await;
    let read = bench.read(&(100..140).collect::<Vec<_>>()).await;
    assert_eq!(gaps(&read), []);
    let log = bench.asked();
    let owners =
        |number: u32| log.iter().filter(|path| **path == format!("/servicePrincipals/{}/owners", id(number))).count();
    assert_eq!((owners(105), owners(106), owners(107)), (3, 3, 1), "only what failed is asked for again");
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_renewed_once_and_goes_nowhere_else() {
    let bench = Bench::new(|graph| {
        [1, 3, 4].into_iter().for_each(|number| graph.user(number));
        graph.fault("/directoryObjects", 401, 1);
    })
    .await;
    assert_eq!(gaps(&bench.read(&[1]).await), []);
    let elsewhere = wiremock::MockServer::start().await;
    bench.change(|graph| {
        graph.group(2, &[1, 3, 4]);
        graph.uri = elsewhere.uri();
    });
    let read = bench.read(&[2]).await;
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
    assert_eq!(read.directory.members[&id(2)], [id(1), id(3), id(4)], "the members are listed instead");
}

#[tokio::test]
async fn a_stand_in_s_tokens_are_not_sent_to_the_cloud_s_own_graph() {
    let endpoints = crate::Endpoints::of(crate::Cloud::Public).with_authority("http://127.0.0.1:9").unwrap();
    let directory = GraphDirectory::new(crate::Http::new().unwrap(), Arc::<FixedToken>::default(), endpoints);
    let read = directory.read(&Wanted { posture: true, ..Wanted::default() }, None).await;
    assert_eq!((gaps(&read).len(), read.requests), (8, 0));
}

#[tokio::test]
async fn without_a_sign_in_everything_is_unknown_and_nothing_is_missing() {
    let bench = Bench::new(|_| {}).await;
    let credentials = Arc::new(FixedToken::default());
    let problem = crate::SignInProblem::Application;
    *credentials.error.lock().unwrap() =
        Some(crate::SignInError::Refused { problem, code: None, text: "wrong".into() });
    let wanted = Wanted { principals: [id(1)].into(), names: vec!["N".into()], posture: true, ..Wanted::default() };
    let read = reader(&bench.server.uri(), credentials).read(&wanted, None).await;
    assert!(read.directory.missing.is_empty());
    for facet in
        [Facet::Principals, Facet::GroupMembers, Facet::Applications, Facet::DirectoryRoles, Facet::Organization]
    {
        assert_eq!(gap(&read, facet).0, Why::Forbidden, "{facet}");
    }
}
