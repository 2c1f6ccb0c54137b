use super::*;
use crate::testing::{page_of, shared};
use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(super) fn id(subscription: &str, kind: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.DesktopVirtualization/{kind}/{name}")
}

pub(super) fn pool(subscription: &str, name: &str, groups: &[&str]) -> Value {
    let groups: Vec<_> = groups.iter().map(|group| id(subscription, "applicationGroups", group)).collect();
    json!({"id": id(subscription, "hostPools", name), "type": "microsoft.desktopvirtualization/hostpools", "location": "weu",
        "objectId": format!("o-{name}"), "applicationGroupReferences": groups})
}

pub(super) fn group(subscription: &str, name: &str, pool: &str) -> Value {
    json!({"id": id(subscription, "applicationgroups", name), "type": "microsoft.desktopvirtualization/applicationgroups",
        "applicationGroupType": "RemoteApp", "hostPoolArmPath": id(subscription, "hostpools", pool), "showInFeed": "true",
        "workspaceArmPath": id(subscription, "workspaces", "w")})
}

pub(super) fn workspace(subscription: &str) -> Value {
    json!({"id": id(subscription, "workspaces", "w"), "type": "microsoft.desktopvirtualization/workspaces", "objectId": "o-w"})
}

pub(super) struct Azure(MockServer);

impl Azure {
    pub(super) async fn with_subscriptions(subscriptions: &[&str]) -> Self {
        let azure = Self(MockServer::start().await);
        let subscriptions: Vec<_> = subscriptions.iter().map(|id| json!({"id": format!("/subscriptions/{id}"), "subscriptionId": id, "displayName": format!("Sub {id}")})).collect();
        azure.list("/subscriptions", &json!(subscriptions)).await;
        azure
    }

    async fn graph(&self, marker: &str, rows: Value) {
        self.graph_answer(marker, page_of(&json!({"data": rows, "resultTruncated": "false"}))).await;
    }

    async fn graph_answer(&self, marker: &str, answer: ResponseTemplate) {
        let graph = Mock::given(method("POST")).and(path("/providers/Microsoft.ResourceGraph/resources"));
        graph.and(body_string_contains(marker)).respond_with(answer).mount(&self.0).await;
    }

    /// Resource Graph with this estate, one session host in each pool, and the usual grants.
    async fn graph_of(&self, rows: Value) {
        self.graph("'microsoft.desktopvirtualization/workspaces'", rows).await;
        self.graph("sessionhosts", json!([{"id": id("s1", "hostpools", "p").to_lowercase(), "hosts": 2}])).await;
        self.graph(
            "roledefinitions",
            json!([
                role("s1", "11111111-0000", &["Microsoft.DesktopVirtualization/*/useApplications/action"]),
                role("s1", "22222222-0000", &["Microsoft.Storage/*"]),
            ]),
        )
        .await;
        self.graph("roleassignments", json!([assignment("a1", "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63")])).await;
    }

    pub(super) async fn list(&self, of: &str, items: &Value) {
        self.answer(of, page_of(&json!({ "value": items }))).await;
    }

    pub(super) async fn answer(&self, of: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(of)).respond_with(answer).mount(&self.0).await;
    }

    pub(super) fn inventory(&self, subscriptions: &[&str]) -> AzureInventory {
        AzureInventory::new(
            shared(&self.0.uri(), Arc::default()),
            subscriptions.iter().map(|id| (*id).to_owned()).collect(),
        )
    }
}

pub(super) fn role(subscription: &str, name: &str, data_actions: &[&str]) -> Value {
    json!({"id": format!("/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{name}"), "roleName": name,
        "permissions": [{"actions": [], "dataActions": data_actions}]})
}

pub(super) fn assignment(name: &str, role: &str) -> Value {
    json!({"id": format!("/subscriptions/s1/providers/Microsoft.Authorization/roleAssignments/{name}"), "scope": "/subscriptions/s1",
        "roleDefinitionId": format!("/subscriptions/s1/providers/Microsoft.Authorization/roleDefinitions/{role}"),
        "principalId": "u", "principalType": "User"})
}

pub(super) fn scopes(estate: &Estate) -> Vec<(String, Why)> {
    estate.unknown.iter().map(|unknown| (unknown.scope.as_str().to_owned(), unknown.reason.why)).collect()
}

#[tokio::test]
async fn an_estate_costs_five_requests_however_many_subscriptions() {
    let azure = Azure::with_subscriptions(&["S1", "s2", "s3"]).await;
    azure.graph_of(json!([pool("s1", "p", &["g"]), group("s1", "g", "P"), workspace("s1")])).await;
    let inventory = azure.inventory(&[]);
    let estate = inventory.estate().await.unwrap();
    assert_eq!(inventory.requests(), Requests { arm: 1, resource_graph: 4, feed: 0, graph: 0, throttled: 0 });
    assert_eq!(inventory.clone().requests(), inventory.requests());
    assert_eq!(azure.inventory(&[]).requests(), Requests::default(), "every handle counts for itself");
    assert_eq!(estate.unknown, []);
    insta::assert_json_snapshot!(json!({
        "subscriptions": estate.subscriptions, "host_pools": estate.host_pools, "groups": estate.application_groups,
        "workspaces": estate.workspaces, "session_hosts": estate.session_hosts,
        "role_assignments": estate.role_assignments, "role_definitions": estate.role_definitions,
    }));
}

#[tokio::test]
async fn a_configured_subscription_that_is_not_visible_is_unknown() {
    let azure = Azure::with_subscriptions(&["s1"]).await;
    azure.graph_of(json!([])).await;
    let estate = azure.inventory(&["s1", "S9"]).estate().await.unwrap();
    assert_eq!(scopes(&estate), [("/subscriptions/S9".to_owned(), Why::Forbidden)]);
    assert!(estate.unknown[0].reason.detail.contains("grant Desktop Virtualization Reader"));
}

#[tokio::test]
async fn seeing_nothing_at_all_is_not_an_empty_estate() {
    let azure = Azure::with_subscriptions(&[]).await;
    assert_eq!(azure.inventory(&[]).estate().await.unwrap_err().why, Why::Forbidden);
}

#[tokio::test]
async fn rows_of_other_subscriptions_are_dropped() {
    let azure = Azure::with_subscriptions(&["s1", "s2"]).await;
    azure.graph_of(json!([pool("s1", "p", &[]), pool("s2", "q", &[]), pool("s9", "r", &[])])).await;
    let estate = azure.inventory(&["s1"]).estate().await.unwrap();
    assert_eq!(estate.host_pools.iter().map(|pool| pool.id.name()).collect::<Vec<_>>(), ["p"]);
}

#[tokio::test]
async fn a_group_that_resource_graph_hides_is_asked_for_by_name() {
    let azure = Azure::with_subscriptions(&["s1"]).await;
    azure.graph_of(json!([pool("s1", "p", &["new", "gone", "hidden"]), workspace("s1")])).await;
    let of = |name| id("s1", "applicationGroups", name);
    azure.answer(&of("new"), page_of(&group("s1", "new", "p"))).await;
    azure.answer(&of("hidden"), ResponseTemplate::new(403)).await;
    azure.answer(&of("gone"), ResponseTemplate::new(404)).await;
    let estate = azure.inventory(&[]).estate().await.unwrap();
    assert_eq!(estate.application_groups.iter().map(|group| group.id.name()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(scopes(&estate), [(of("hidden"), Why::Forbidden)]);
}

/// Mounts what ARM lists of one subscription.
async fn arm_lists(azure: &Azure, subscription: &str) {
    let avd = format!("/subscriptions/{subscription}/providers/Microsoft.DesktopVirtualization");
    azure.list(&format!("{avd}/hostPools"), &json!([pool(subscription, "p", &["g"])])).await;
    azure.list(&format!("{avd}/applicationGroups"), &json!([group(subscription, "g", "p")])).await;
    azure.list(&format!("{avd}/workspaces"), &json!([workspace(subscription)])).await;
    azure
        .list(
            &format!("{}/sessionHosts", id(subscription, "hostPools", "p")),
            &json!([{"id": "/h1"}, {"id": "/h2"}, {"id": "/H2"}]),
        )
        .await;
    let authorization = format!("/subscriptions/{subscription}/providers/Microsoft.Authorization");
    let assignments = json!([
        assignment("a1", "11111111-0000"),
        assignment("a2", "33333333-0000"),
        assignment("A1", "11111111-0000")
    ]);
    azure.list(&format!("{authorization}/roleAssignments"), &assignments).await;
    azure.list(&format!("{authorization}/roleDefinitions"), &json!([role("s1", "11111111-0000", &["*"])])).await;
}

#[tokio::test]
async fn when_resource_graph_is_refused_arm_tells_the_same() {
    let azure = Azure::with_subscriptions(&["s1"]).await;
    azure.graph_answer("", ResponseTemplate::new(403)).await;
    arm_lists(&azure, "s1").await;
    let estate = azure.inventory(&[]).estate().await.unwrap();
    assert_eq!(scopes(&estate), []);
    assert_eq!((estate.host_pools.len(), estate.application_groups.len(), estate.workspaces.len()), (1, 1, 1));
    assert_eq!(estate.session_hosts.into_values().collect::<Vec<_>>(), [2]);
    assert_eq!(estate.role_assignments.len(), 1, "one of a role that opens nothing, one twice");
}

#[tokio::test]
async fn one_forbidden_subscription_of_three_hides_nothing_of_the_others() {
    let azure = Azure::with_subscriptions(&["s1", "s2", "s3"]).await;
    azure.graph_answer("", ResponseTemplate::new(400)).await;
    arm_lists(&azure, "s1").await;
    arm_lists(&azure, "s3").await;
    Mock::given(path_regex("^/subscriptions/s2/.*")).respond_with(ResponseTemplate::new(403)).mount(&azure.0).await;
    let estate = azure.inventory(&[]).estate().await.unwrap();
    assert_eq!(estate.host_pools.len(), 2);
    let scopes = scopes(&estate);
    assert!(scopes.contains(&("/subscriptions/s2".to_owned(), Why::Forbidden)), "{scopes:?}");
    assert!(
        scopes.iter().all(|(scope, why)| scope.starts_with("/subscriptions/s2") && *why == Why::Forbidden),
        "{scopes:?}"
    );
}

#[tokio::test]
async fn session_hosts_that_are_cut_off_are_unknown_and_not_few() {
    let azure = Azure::with_subscriptions(&["s1"]).await;
    let cut_off = json!({"data": [{"id": id("s1", "hostpools", "p"), "hosts": 7}], "resultTruncated": "true"});
    azure.graph_answer("sessionhosts", page_of(&cut_off)).await;
    azure.graph_of(json!([pool("s1", "p", &[]), pool("s1", "q", &[])])).await;
    let estate = azure.inventory(&[]).estate().await.unwrap();
    assert_eq!(scopes(&estate), [(format!("{}/sessionHosts", id("s1", "hostPools", "q")), Why::TooLarge)]);
}

#[tokio::test]
async fn only_what_resource_graph_does_not_tell_is_asked_of_arm() {
    let azure = Azure::with_subscriptions(&["s1"]).await;
    azure.graph_answer("roledefinitions", ResponseTemplate::new(403)).await;
    azure.graph_of(json!([pool("s1", "p", &[])])).await;
    arm_lists(&azure, "s1").await;
    let inventory = azure.inventory(&[]);
    let estate = inventory.estate().await.unwrap();
    assert_eq!(scopes(&estate), []);
    assert_eq!(estate.role_assignments.len(), 1);
    assert_eq!(inventory.requests().arm, 3, "the subscriptions, the assignments, the roles");
}

#[tokio::test]
async fn applications_and_desktops_come_from_arm() {
    let azure = Azure::with_subscriptions(&[]).await;
    let group = id("s1", "applicationGroups", "g");
    let app = json!({"id": format!("{group}/applications/app"), "properties": {"objectId": "o", "showInPortal": false, "filePath": "x.exe",
        "commandLineSetting": "Require", "commandLineArguments": "/a", "iconContent": "aGk="}});
    let odd = json!({"id": format!("{group}/applications/odd"), "properties": {"objectId": {}}});
    azure.list(&format!("{group}/applications"), &json!([app, odd])).await;
    azure.list(&format!("{group}/desktops"), &json!([])).await;
    let inventory = azure.inventory(&[]);
    let listing = inventory.listing(&ArmId::new(&group), ResourceKind::RemoteApp, &[]).await.unwrap().unwrap();
    assert_eq!(listing.resources[0].icon.as_deref(), Some(&b"hi"[..]));
    assert_eq!(listing.unknown[0].scope.name(), "odd");
    let strict = inventory.resources(&ArmId::new(&group), ResourceKind::RemoteApp).await.unwrap_err();
    assert!(strict.why == Why::Malformed && strict.detail.contains("odd"), "{strict}");
    assert_eq!(inventory.resources(&ArmId::new(&group), ResourceKind::Desktop).await, Ok(Some(vec![])));
    let gone = ArmId::new(&id("s1", "applicationGroups", "gone"));
    assert_eq!(inventory.resources(&gone, ResourceKind::Desktop).await, Ok(None));
}

#[tokio::test]
async fn one_host_pool_is_there_gone_or_unreadable() {
    let azure = Azure::with_subscriptions(&[]).await;
    let of = |name| ArmId::new(&id("s1", "hostPools", name));
    azure.answer(of("p").as_str(), page_of(&pool("s1", "p", &[]))).await;
    azure.answer(of("q").as_str(), page_of(&json!({"id": 7}))).await;
    azure.answer(of("r").as_str(), ResponseTemplate::new(403)).await;
    let inventory = azure.inventory(&[]);
    assert_eq!(inventory.host_pool(&of("p")).await.unwrap().unwrap().id, of("P"));
    assert_eq!(inventory.host_pool(&of("none")).await, Ok(None));
    assert_eq!(inventory.host_pool(&of("q")).await.unwrap_err().why, Why::Malformed);
    assert_eq!(inventory.host_pool(&of("r")).await.unwrap_err().why, Why::Forbidden);
}
