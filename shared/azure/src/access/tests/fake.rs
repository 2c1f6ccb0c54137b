//! An ARM with two subscriptions of one tenant. What a test sets up first goes before the estate that is always there.

use super::super::kinds;
use crate::testing::page_of;
use poolwarden_domain::ArmId;
use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, method, path, path_regex, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(super) const S: &str = "00000000-0000-0000-0000-0000000000a1";
pub(super) const T: &str = "00000000-0000-0000-0000-0000000000a2";
const ROLE: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const GRAPH: &str = "/providers/Microsoft.ResourceGraph/resources";

pub(super) struct Fake {
    pub(super) server: MockServer,
}

pub(super) fn sub(guid: &str) -> String {
    format!("/subscriptions/{guid}")
}

pub(super) fn group(name: &str) -> ArmId {
    ArmId::new(&format!("/providers/Microsoft.Management/managementGroups/{name}"))
}

pub(super) fn pool() -> String {
    format!("{}/resourceGroups/g/providers/Microsoft.DesktopVirtualization/hostPools/p", sub(S))
}

/// A row of Resource Graph; ARM's has the same under `properties`, and both are read alike.
pub(super) fn assignment(scope: &str, name: &str, principal: &str) -> Value {
    json!({"id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"), "scope": scope,
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/RoleDefinitions/{ROLE}"),
        "principalId": principal, "principalType": "User", "condition": null})
}

pub(super) fn definition(name: &str, kind: &str) -> Value {
    json!({"id": format!("/providers/Microsoft.Authorization/roleDefinitions/{name}"),
        "properties": {"roleName": name, "type": kind, "assignableScopes": ["/"], "permissions": [{"actions": ["*"]}]}})
}

pub(super) fn deny(scope: &str) -> Value {
    json!({"id": format!("{scope}/providers/Microsoft.Authorization/denyAssignments/d"), "properties": {
        "denyAssignmentName": "d", "permissions": [], "principals": [{"id": "p", "type": "User"}]}})
}

fn instance(scope: &str, kind: &str) -> Value {
    json!({"id": format!("{scope}/providers/Microsoft.Authorization/{kind}/i"), "properties": {"scope": scope,
        "roleDefinitionId": format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"),
        "principalId": "p", "principalType": "User", "memberType": "Direct", "endDateTime": null}})
}

impl Fake {
    pub(super) async fn start() -> Self {
        Self { server: MockServer::start().await }
    }

    pub(super) async fn respond(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(path(at)).respond_with(answer).mount(&self.server).await;
    }

    pub(super) async fn answer(&self, at: &str, status: u16, body: &Value) {
        self.respond(at, ResponseTemplate::new(status).set_body_json(body)).await;
    }

    pub(super) async fn get(&self, at: &str, body: Value) {
        self.answer(at, 200, &body).await;
    }

    /// Refuses a path and everything below it.
    pub(super) async fn refuse(&self, at: &str, status: u16) {
        let error = json!({"error": {"code": "AuthorizationFailed", "message": "no"}});
        let answer = ResponseTemplate::new(status).set_body_json(error);
        Mock::given(path_regex(format!("^{at}(/|$)"))).respond_with(answer).mount(&self.server).await;
    }

    /// Answers 429 so many times before it answers.
    pub(super) async fn storm(&self, at: &str, times: u64) {
        let answer = ResponseTemplate::new(429).insert_header("Retry-After", "0");
        Mock::given(path(at)).respond_with(answer).up_to_n_times(times).mount(&self.server).await;
    }

    pub(super) async fn list(&self, scope: &str, kind: &str, filter: Option<&str>, items: Value) {
        let at = format!("{scope}/providers/Microsoft.Authorization/{kind}");
        let mock = Mock::given(method("GET")).and(path(at));
        let mock = match filter {
            Some(filter) => mock.and(query_param("$filter", filter)),
            None => mock.and(query_param_is_missing("$filter")),
        };
        mock.respond_with(page_of(&json!({ "value": items }))).mount(&self.server).await;
    }

    pub(super) async fn permissions(&self, guid: &str, actions: &[&str]) {
        let block = json!({"actions": actions, "notActions": [], "dataActions": []});
        self.list(&sub(guid), "permissions", None, json!([block])).await;
    }

    pub(super) async fn desktops(&self, guid: &str, kind: &str, items: Value) {
        let at = format!("{}/providers/Microsoft.DesktopVirtualization/{kind}", sub(guid));
        self.get(&at, json!({ "value": items })).await;
    }

    /// The rows of the query that names this.
    pub(super) async fn graph_table(&self, named: &str, rows: Value) {
        let page = json!({"data": rows, "resultTruncated": "false"});
        let mock = Mock::given(method("POST")).and(path(GRAPH)).and(body_string_contains(named));
        mock.respond_with(page_of(&page)).mount(&self.server).await;
    }

    /// Resource Graph leaves a subscription out, all but its place in the tenant.
    pub(super) async fn graph_without(&self, guid: &str) {
        let other = if guid == S { T } else { S };
        let rows = json!([assignment(&sub(other), "t", "p"), assignment(group("tenant").as_str(), "r", "p")]);
        self.graph_table("microsoft.authorization/roleassignments", rows).await;
    }

    /// What is there unless a test said otherwise.
    pub(super) async fn estate(&self) {
        let subscription = |guid: &str| json!({"id": sub(guid), "subscriptionId": guid, "displayName": guid});
        self.get("/subscriptions", json!({"value": [subscription(S), subscription(T)]})).await;
        let chain = json!([{"displayName": "Desktops", "name": "avd"}, {"displayName": "Root", "name": "tenant"}]);
        let place = |guid: &str| json!({"id": sub(guid), "tenantId": "tenant", "chain": chain});
        self.graph_table("resourcecontainers", json!([place(S), place(T)])).await;
        let grants = json!([
            assignment(&sub(S), "s", "p"),
            assignment(&sub(T), "t", "q"),
            assignment(&sub(T), "t", "q"),
            assignment(group("tenant").as_str(), "r", "p")
        ]);
        self.graph_table("microsoft.authorization/roleassignments", grants).await;
        self.graph_table("microsoft.authorization/roledefinitions", json!([definition("mine", "CustomRole")])).await;
        self.list("", "roleDefinitions", Some("type eq 'BuiltInRole'"), json!([definition(ROLE, "BuiltInRole")])).await;
        for guid in [S, T] {
            self.permissions(guid, &["*/read"]).await;
            self.list(&sub(guid), "roleDefinitions", Some("type eq 'CustomRole'"), json!([])).await;
            for kind in ["roleAssignments", "denyAssignments", "classicAdministrators"] {
                let items = if kind == "denyAssignments" && guid == S { json!([deny(&sub(S))]) } else { json!([]) };
                self.list(&sub(guid), kind, None, items).await;
                self.list(&sub(guid), kind, Some("atScope()"), json!([])).await;
            }
            for kind in ["roleAssignmentScheduleInstances", "roleEligibilityScheduleInstances"] {
                let items = if guid == S { json!([instance(&sub(S), kind)]) } else { json!([]) };
                self.list(&sub(guid), kind, None, items).await;
                self.list(&sub(guid), kind, Some("atScope()"), json!([])).await;
            }
            let info = json!({"expirationTime": "2024-01-01T00:00:00Z", "token": "never-shown"});
            let body = json!({"id": pool(), "type": "/Microsoft.DesktopVirtualization/hostpools",
                "properties": {"registrationInfo": info}});
            self.desktops(guid, "hostPools", if guid == S { json!([body]) } else { json!([]) }).await;
            for kind in ["applicationGroups", "workspaces", "scalingPlans"] {
                self.desktops(guid, kind, json!([])).await;
            }
        }
        // Resource Graph shows no registration tokens.
        let stale =
            json!({"id": pool().to_lowercase(), "type": kinds::HOST_POOLS, "properties": {"registrationInfo": null}});
        self.graph_table("microsoft.desktopvirtualization/hostpools',", json!([stale])).await;
        self.graph_table("", json!([])).await;
    }

    /// The paths, with their filters, that were asked for and end like this.
    pub(super) async fn asked(&self, end: &str) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let is_asked = |request: &&wiremock::Request| request.url.path().ends_with(end);
        requests.iter().filter(is_asked).map(|request| request.url.to_string()).collect()
    }
}
