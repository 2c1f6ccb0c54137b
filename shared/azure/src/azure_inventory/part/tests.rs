use super::super::tests::{Azure, assignment, group, id, pool, role, scopes, workspace};
use crate::inventory::{Inventory, Requests, WantedPool};
use poolwarden_domain::{ArmId, Why};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

const DESKTOP_VIRTUALIZATION_USER: &str = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";

fn wanted(name: &str, groups: &[&str]) -> WantedPool {
    let groups = groups.iter().map(|group| ArmId::new(&id("s1", "applicationGroups", group)));
    WantedPool { id: ArmId::new(&id("s1", "hostPools", name)), groups: groups.collect() }
}

fn one(item: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(item)
}

/// The pool `p` with groups `g` and `h`, both in the workspace `w`.
async fn azure(role_of_g: &str) -> Azure {
    let azure = Azure::with_subscriptions(&["s1"]).await;
    azure.answer(&id("s1", "hostPools", "p"), one(&pool("s1", "p", &["g", "h"]))).await;
    for (name, role) in [("g", role_of_g), ("h", "acdd72a7-3385-48ef-bd42-f606fba81ae7")] {
        let of = id("s1", "applicationGroups", name);
        azure.answer(&of, one(&group("s1", name, "p"))).await;
        // As the answer about the group spells it.
        let list = format!("{}/providers/Microsoft.Authorization/roleAssignments", id("s1", "applicationgroups", name));
        azure.list(&list, &json!([assignment(name, role)])).await;
    }
    azure.answer(&id("s1", "workspaces", "w"), one(&workspace("s1"))).await;
    azure
}

fn names<'a>(ids: impl Iterator<Item = &'a ArmId>) -> Vec<&'a str> {
    ids.map(ArmId::name).collect()
}

#[tokio::test]
async fn a_pool_with_two_groups_costs_six_requests_and_none_to_resource_graph() {
    let azure = azure(DESKTOP_VIRTUALIZATION_USER).await;
    let inventory = azure.inventory(&["s1"]);
    let estate = inventory.part(&[wanted("p", &["g"])]).await.unwrap();
    assert_eq!(inventory.requests(), Requests { arm: 6, resource_graph: 0, feed: 0, graph: 0, throttled: 0 });
    assert_eq!(estate.unknown, []);
    assert_eq!(names(estate.host_pools.iter().map(|pool| &pool.id)), ["p"]);
    assert_eq!(names(estate.application_groups.iter().map(|group| &group.id)), ["g", "h"]);
    assert_eq!(names(estate.workspaces.iter().map(|workspace| &workspace.id)), ["w"]);
    assert_eq!(names(estate.role_assignments.iter().map(|assignment| &assignment.id)), ["g"]);
}

#[tokio::test]
async fn the_custom_roles_are_asked_for_where_one_is_assigned() {
    let azure = azure("33333333-0000").await;
    let opens = role("s1", "33333333-0000", &["Microsoft.DesktopVirtualization/*/useApplications/action"]);
    azure.list("/subscriptions/s1/providers/Microsoft.Authorization/roleDefinitions", &json!([opens])).await;
    let inventory = azure.inventory(&[]);
    let estate = inventory.part(&[wanted("p", &[])]).await.unwrap();
    assert_eq!(inventory.requests().arm, 7);
    assert_eq!(names(estate.role_assignments.iter().map(|assignment| &assignment.id)), ["g"]);
    assert_eq!(estate.unknown, []);
}

#[tokio::test]
async fn gone_is_what_says_so_and_all_else_is_unknown() {
    let azure = azure(DESKTOP_VIRTUALIZATION_USER).await;
    let forbidden = || ResponseTemplate::new(403).set_body_json(json!({"error": {"code": "AuthorizationFailed"}}));
    azure.answer(&id("s1", "hostPools", "hidden"), forbidden()).await;
    azure.answer(&id("s1", "applicationGroups", "hidden"), forbidden()).await;
    azure.answer(&id("s1", "applicationGroups", "moved"), one(&group("s1", "moved", "another"))).await;
    let wanted = [wanted("p", &["gone", "hidden", "moved"]), wanted("gone", &["gone"]), wanted("hidden", &["g"])];
    let estate = azure.inventory(&[]).part(&wanted).await.unwrap();
    assert_eq!(names(estate.host_pools.iter().map(|pool| &pool.id)), ["p"]);
    assert_eq!(names(estate.application_groups.iter().map(|group| &group.id)), ["g", "h"]);
    let dark = [id("s1", "hostPools", "hidden"), id("s1", "applicationGroups", "hidden")];
    assert_eq!(scopes(&estate), dark.map(|scope| (scope, Why::Forbidden)));
}

#[tokio::test]
async fn a_part_of_which_nothing_can_be_read_now_is_no_answer() {
    let azure = Azure::with_subscriptions(&[]).await;
    azure.answer(&id("s1", "hostPools", "p"), ResponseTemplate::new(503)).await;
    let inventory = azure.inventory(&[]);
    assert_eq!(inventory.part(&[wanted("p", &[])]).await.unwrap_err().why, Why::Failed);
    assert_eq!(inventory.part(&[]).await.unwrap().host_pools, []);
}

#[tokio::test]
async fn a_workspace_names_its_groups_and_a_group_its_pool() {
    let azure = azure(DESKTOP_VIRTUALIZATION_USER).await;
    let mut with_groups = workspace("s1");
    with_groups["applicationGroupReferences"] = json!([id("s1", "applicationgroups", "g")]);
    azure.answer(&id("s1", "workspaces", "v"), one(&with_groups)).await;
    let inventory = azure.inventory(&[]);
    let workspace = |name: &str| ArmId::new(&id("s1", "workspaces", name));
    let groups = inventory.workspace_groups(&workspace("v")).await.unwrap();
    assert_eq!(groups, Some(vec![ArmId::new(&id("s1", "applicationGroups", "g"))]));
    assert_eq!(inventory.workspace_groups(&workspace("none")).await.unwrap(), None);
    let found = inventory.application_group(&ArmId::new(&id("s1", "applicationGroups", "g"))).await.unwrap();
    assert_eq!(found.unwrap().host_pool, ArmId::new(&id("s1", "hostPools", "p")));
}
