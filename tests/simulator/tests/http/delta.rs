//! `groups/delta`: all members first, then only what changed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Azure, small};

const GROUP: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b03";
const OTHER: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b04";

fn user(number: usize) -> String {
    format!("0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a2{number:03}")
}

/// A group of seven, which does not fit a page of three, and a smaller one.
async fn with_groups() -> Azure {
    let azure = small().await;
    let mut entries: Vec<Value> = (0..9)
        .map(|number| json!({"op": "add_user", "id": user(number), "displayName": "x", "userPrincipalName": format!("{number}@x")}))
        .collect();
    entries.push(
        json!({"op": "add_group", "id": GROUP, "displayName": "G", "members": (0..7).map(user).collect::<Vec<_>>()}),
    );
    entries.push(json!({"op": "add_group", "id": OTHER, "displayName": "O", "members": [user(8)]}));
    azure.change_directory(entries.into()).await;
    azure
}

fn query() -> String {
    format!("groups/delta?$select=displayName,members&$filter=id eq '{GROUP}' or id eq '{OTHER}'")
}

/// Follows the pages of a round: everything it told, and the link to the next.
async fn round(azure: &Azure, first: &str) -> (Vec<Value>, String, usize) {
    let (mut told, mut url, mut pages) = (Vec::new(), first.to_owned(), 0);
    loop {
        let (status, page) = azure.directory_at(&url).await;
        assert_eq!(status, 200, "{page}");
        pages += 1;
        told.extend(page["value"].as_array().unwrap().iter().cloned());
        match page["@odata.nextLink"].as_str() {
            Some(next) => url = next.to_owned(),
            None => return (told, page["@odata.deltaLink"].as_str().unwrap().to_owned(), pages),
        }
    }
}

/// Ids that came and ids that went, of one group.
fn members(told: &[Value], group: &str) -> (Vec<String>, Vec<String>) {
    let of_group = told.iter().filter(|item| item["id"] == group);
    let all: Vec<&Value> = of_group.flat_map(|item| item["members@delta"].as_array().into_iter().flatten()).collect();
    let ids = |removed: bool| {
        let chosen = all.iter().filter(|member| member.get("@removed").is_some() == removed);
        chosen.map(|member| member["id"].as_str().unwrap().to_owned()).collect()
    };
    (ids(false), ids(true))
}

#[tokio::test]
async fn the_first_round_tells_all_members_in_pages() {
    let azure = with_groups().await;
    let (told, _, pages) = round(&azure, &azure.url(&format!("/v1.0/{}", query()))).await;
    assert_eq!(members(&told, GROUP), ((0..7).map(user).collect(), Vec::new()));
    assert_eq!(members(&told, OTHER).0, [user(8)]);
    assert!(pages >= 3, "three members a page, {pages}");
    assert_eq!(told[0]["displayName"], "G");
    assert!(told[0].get("visibility").is_none(), "only what is selected");
}

#[tokio::test]
async fn later_rounds_tell_what_changed() {
    let azure = with_groups().await;
    let (_, link, _) = round(&azure, &azure.url(&format!("/v1.0/{}", query()))).await;
    let (told, quiet, _) = round(&azure, &link).await;
    assert_eq!(told, Vec::<Value>::new());
    azure
        .change_directory(json!([
            {"op": "remove_member", "group": GROUP, "member": user(0)},
            {"op": "add_member", "group": GROUP, "member": user(8)},
            {"op": "delete", "id": user(1)},
            {"op": "update", "id": OTHER, "fields": {"displayName": "Renamed", "visibility": "Private"}},
        ]))
        .await;
    for link in [&link, &quiet] {
        let (told, _, _) = round(&azure, link).await;
        assert_eq!(members(&told, GROUP), (vec![user(8)], vec![user(0), user(1)]));
        let other = told.iter().find(|item| item["id"] == OTHER).unwrap();
        assert_eq!(*other, json!({"id": OTHER, "displayName": "Renamed"}));
    }
    let (_, link, _) = round(&azure, &quiet).await;
    azure.change_directory(json!([{"op": "delete", "id": OTHER}])).await;
    let (told, _, _) = round(&azure, &link).await;
    assert_eq!(told, [json!({"id": OTHER, "@removed": {"reason": "deleted"}})]);
}

#[tokio::test]
async fn pages_do_not_shift_when_something_changes_between_them() {
    let azure = with_groups().await;
    let (_, page) = azure.directory(&query()).await;
    azure.change_directory(json!([{"op": "remove_member", "group": GROUP, "member": user(6)}])).await;
    let (told, link, _) = round(&azure, page["@odata.nextLink"].as_str().unwrap()).await;
    assert!(members(&told, GROUP).0.contains(&user(6)), "as it was when the round began");
    let (told, _, _) = round(&azure, &link).await;
    assert_eq!(members(&told, GROUP), (Vec::new(), vec![user(6)]));
}

#[tokio::test]
async fn a_link_that_is_not_known_any_more_is_gone() {
    let azure = with_groups().await;
    let (_, link, _) = round(&azure, &azure.url(&format!("/v1.0/{}", query()))).await;
    for wrong in [azure.url("/v1.0/groups/delta?$deltatoken=1.0.mine"), link.replace("deltatoken", "skiptoken")] {
        let (status, body) = azure.directory_at(&wrong).await;
        assert_eq!((status, &body["error"]["code"]), (410, &json!("syncStateNotFound")), "{wrong}");
    }
    assert_eq!(azure.directory_at(&link).await.0, 200);
    azure.sim(Method::POST, "graph/forget-deltas", &json!({})).await;
    assert_eq!(azure.directory_at(&link).await.0, 410);
    let ids: Vec<String> = (0..51).map(|number| format!("id eq '{}'", user(number))).collect();
    assert_eq!(azure.directory(&format!("groups/delta?$filter={}", ids.join(" or "))).await.0, 400, "fifty at most");
    assert_eq!(azure.directory("groups/delta?$filter=displayName eq 'G'").await.0, 400);
}
