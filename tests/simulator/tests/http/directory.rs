//! Microsoft Graph: who is there, who is in which group, and what applications
//! may do.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{EstateSpec, Options, ThrottleMode};

use crate::support::{Azure, options, small, start};

const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
const OLD_GRAPH: &str = "00000002-0000-0000-c000-000000000000";
const ADA: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b01";
const BOB: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b02";
const INNER: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b03";
const OUTER: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b04";
const TOOL: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b05";
const TOOL_APP: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b06";
const NOBODY: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1bff";

async fn with_people() -> Azure {
    let azure = small().await;
    azure
        .change_directory(json!([
            {"op": "add_user", "id": ADA, "displayName": "Ada", "userPrincipalName": "ada@contoso.example"},
            {"op": "add_user", "id": BOB, "displayName": "Bob", "userPrincipalName": "bob@contoso.example"},
            {"op": "update", "id": BOB, "fields": {"userType": "Guest", "accountEnabled": false}},
            {"op": "add_service_principal", "id": TOOL, "displayName": "Tool", "appId": TOOL_APP},
            {"op": "add_group", "id": INNER, "displayName": "Inner", "members": [ADA, TOOL, OUTER]},
            {"op": "add_group", "id": OUTER, "displayName": "Outer", "members": [BOB, INNER]},
        ]))
        .await;
    azure
}

fn names(items: &[Value]) -> Vec<&str> {
    let mut names: Vec<&str> = items.iter().map(|item| item["displayName"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn principals_are_resolved_by_their_ids() {
    let azure = with_people().await;
    let ids = json!({"ids": [ADA, BOB.to_uppercase(), TOOL, OUTER, NOBODY, ADA]});
    let (status, body) = azure.directory_post("directoryObjects/getByIds", &ids).await;
    assert_eq!((status, names(body["value"].as_array().unwrap())), (200, vec!["Ada", "Bob", "Outer", "Tool"]));
    assert!(body["value"][1].get("accountEnabled").is_none(), "not unless it is asked for");
    let path = "directoryObjects/getByIds?$select=id,userType,accountEnabled,appId";
    let (_, body) = azure.directory_post(path, &json!({"ids": [BOB, TOOL], "types": ["user"]})).await;
    let bob = json!({"@odata.type": "#microsoft.graph.user", "id": BOB, "userType": "Guest", "accountEnabled": false});
    assert_eq!(body["value"], json!([bob]), "of that type only");
    for wrong in [json!({}), json!({"ids": ["x"]}), json!({"ids": vec![ADA; 1001]})] {
        assert_eq!(azure.directory_post("directoryObjects/getByIds", &wrong).await.0, 400);
    }
    let (_, ada) = azure.directory(&format!("users/{ADA}?$select=displayName,accountEnabled")).await;
    assert_eq!(ada, json!({"displayName": "Ada", "accountEnabled": true}));
    let (status, body) = azure.directory(&format!("users/{NOBODY}")).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("Request_ResourceNotFound")));
    assert_eq!(azure.directory(&format!("users/{TOOL}")).await.0, 404, "that is no user");
}

#[tokio::test]
async fn the_principals_of_every_estate_are_there() {
    let azure = small().await;
    let mut ids: BTreeSet<String> = BTreeSet::new();
    for assignment in azure.planted("roleAssignments") {
        ids.insert(assignment["properties"]["principalId"].as_str().unwrap().to_owned());
    }
    let body = json!({"ids": ids});
    let (_, body) = azure.directory_post("directoryObjects/getByIds?$select=id", &body).await;
    assert_eq!(body["value"].as_array().unwrap().len(), ids.len());
    let groups = azure.directory_all("groups?$select=id").await;
    assert_eq!(groups.len(), 120);
    let own = azure.directory_all("servicePrincipals?$filter=displayName eq 'poolwarden'").await;
    assert_eq!(own[0]["servicePrincipalType"], "ManagedIdentity");
}

#[tokio::test]
async fn members_are_listed_as_the_service_lists_them() {
    let azure = with_people().await;
    let direct = azure.directory_all(&format!("groups/{INNER}/members")).await;
    assert_eq!(names(&direct), ["Ada", "Outer"], "service principals are left out");
    let transitive = azure.directory_all(&format!("groups/{OUTER}/transitiveMembers?$top=1")).await;
    assert_eq!(names(&transitive), ["Ada", "Bob", "Inner", "Outer"], "a circle ends");
    let cast = format!("groups/{INNER}/members/microsoft.graph.servicePrincipal?$count=true");
    assert_eq!(azure.directory(&cast).await.0, 400, "an index must be asked for");
    let request = json!({"requests": [{"id": "1", "method": "GET", "url": format!("/{cast}"), "headers": {"ConsistencyLevel": "eventual"}}]});
    let (_, body) = azure.directory_post("$batch", &request).await;
    assert_eq!(names(body["responses"][0]["body"]["value"].as_array().unwrap()), ["Tool"]);
    azure.change_directory(json!([{"op": "hide_members", "group": INNER, "hidden": true}])).await;
    assert!(azure.directory_all(&format!("groups/{INNER}/members")).await.is_empty());
    let (_, group) = azure.directory(&format!("groups/{INNER}")).await;
    assert_eq!(group["visibility"], "HiddenMembership");
}

#[tokio::test]
async fn service_principals_tell_what_they_may_do() {
    let azure = with_people().await;
    let entries = json!([
        {"op": "grant_app_role", "principal": TOOL, "resource": GRAPH, "value": "Directory.ReadWrite.All"},
        {"op": "grant_scopes", "client": TOOL, "resource": OLD_GRAPH, "user": null, "scopes": "User.Read Directory.Read.All"},
        {"op": "assign_role", "role": "62e90394-69f5-4237-9190-012177145e10", "principal": ADA},
    ]);
    let (_, done) = azure.sim(Method::POST, "graph/change", &entries).await;
    let by_filter =
        format!("servicePrincipals?$filter=appId in ('{TOOL_APP}','{OLD_GRAPH}')&$select=id,appId,appRoles");
    assert_eq!(azure.directory_all(&by_filter).await.len(), 2);
    assert_eq!(azure.directory_all("servicePrincipals?$filter=displayName eq 'tool'").await.len(), 1);
    let roles = azure.directory_all(&format!("servicePrincipals/{TOOL}/appRoleAssignments")).await;
    assert_eq!(roles[0]["appRoleId"], "19dbc75e-c2e2-444c-a770-ec69d8559fc7");
    let grants = azure.directory_all(&format!("servicePrincipals/{TOOL}/oauth2PermissionGrants")).await;
    assert_eq!(grants, azure.directory_all(&format!("oauth2PermissionGrants?$filter=clientId eq '{TOOL}'")).await);
    assert_eq!(
        (&grants[0]["scope"], &grants[0]["consentType"]),
        (&json!("User.Read Directory.Read.All"), &json!("AllPrincipals"))
    );
    let resource = grants[0]["resourceId"].as_str().unwrap();
    assert_eq!(azure.directory(&format!("servicePrincipals/{resource}")).await.1["appId"], OLD_GRAPH);
    assert!(azure.directory_all(&format!("servicePrincipals/{TOOL}/owners")).await.is_empty());
    let admins =
        "roleManagement/directory/roleAssignments?$filter=roleDefinitionId eq '62e90394-69f5-4237-9190-012177145e10'";
    assert_eq!(azure.directory_all(admins).await[0]["principalId"], ADA);
    assert_eq!(azure.directory_all("organization").await[0]["id"], azure.running.tenant());
    let revoked: Vec<Value> = (0..3).map(|at| json!({"op": "revoke", "id": done["changes"][at]})).collect();
    azure.change_directory(revoked.into()).await;
    assert!(azure.directory_all(&format!("servicePrincipals/{TOOL}/appRoleAssignments")).await.is_empty());
    assert!(azure.directory_all(admins).await.is_empty());
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let azure = with_people().await;
    for (path, status) in [
        ("users?$filter=secret eq 'x'", 400),
        ("users?$filter=id eq x", 400),
        ("users?$top=0", 400),
        ("users?$top=1000", 400),
        ("users?$skiptoken=mine", 400),
        ("devices", 404),
        ("groups/x/members", 404),
    ] {
        assert_eq!(azure.directory(path).await.0, status, "{path}");
    }
    let values: Vec<String> = (0..16).map(|number| format!("'{number}'")).collect();
    let (status, _) = azure.directory(&format!("users?$filter=id in ({})", values.join(","))).await;
    assert_eq!(status, 400, "fifteen at most");
    let beta = azure.url("/beta/users");
    assert_eq!(azure.directory_at(&beta).await.0, 404);
    for wrong in [json!([{"op": "add_member", "group": NOBODY, "member": ADA}]), json!([{"op": "none"}]), json!({})] {
        assert_eq!(azure.sim(Method::POST, "graph/change", &wrong).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_batch_answers_each_request_by_itself() {
    let azure = with_people().await;
    azure.sim(Method::PUT, "faults", &json!(["403:path=/v1.0/organization", "429:path=/owners,retry_after=7"])).await;
    let part = |id: &str, url: &str| json!({"id": id, "method": "GET", "url": url});
    let requests = json!([
        part("a", &format!("/users/{ADA}")),
        part("b", "/organization"),
        part("c", &format!("/servicePrincipals/{TOOL}/owners")),
        part("d", &format!("/groups/{NOBODY}/members")),
    ]);
    let (status, body) = azure.directory_post("$batch", &json!({"requests": requests})).await;
    assert_eq!(status, 200);
    let of = |id: &str| -> Value {
        let responses = body["responses"].as_array().unwrap();
        responses.iter().find(|response| response["id"] == id).unwrap().clone()
    };
    assert_eq!((&of("a")["status"], &of("a")["body"]["displayName"]), (&json!(200), &json!("Ada")));
    assert_eq!(
        (&of("b")["status"], &of("b")["body"]["error"]["code"]),
        (&json!(403), &json!("Authorization_RequestDenied"))
    );
    assert_eq!((&of("c")["status"], &of("c")["headers"]["Retry-After"]), (&json!(429), &json!("7")));
    assert_eq!(of("d")["status"], 404);
    let stats = azure.running.stats();
    let counts = &stats["requests"]["by_operation"];
    assert_eq!(counts["POST microsoft_graph $batch"], 1);
    assert_eq!(counts["GET microsoft_graph users in a batch"], 1);
    let many: Vec<Value> = (0..21).map(|number| part(&number.to_string(), "/organization")).collect();
    for wrong in [
        json!({"requests": many}),
        json!({"requests": []}),
        json!({"requests": [part("a", "/users"), part("a", "/users")]}),
    ] {
        assert_eq!(azure.directory_post("$batch", &wrong).await.0, 400);
    }
}

#[tokio::test]
async fn units_are_limited() {
    let estate = EstateSpec::built_in("small").unwrap();
    let azure = start(Options { throttle: ThrottleMode::Azure, ..options(estate) }).await;
    let token = azure.running.token_for("https://graph.microsoft.com");
    let group = azure.directory_all("groups?$select=id&$top=1").await[0]["id"].as_str().unwrap().to_owned();
    azure.running.clock().advance(std::time::Duration::from_secs(20));
    let part =
        |id: usize| json!({"id": id.to_string(), "method": "GET", "url": format!("/groups/{group}/transitiveMembers")});
    let batch = json!({"requests": (0..20).map(part).collect::<Vec<_>>()});
    // Sixty users make a tenant of middle size: 5,000 units, and each request costs 5.
    for _ in 0..49 {
        azure.directory_post("$batch", &batch).await;
    }
    let ask = || azure.http.get(azure.url(&format!("/v1.0/groups/{group}"))).bearer_auth(&token).send();
    let answer = ask().await.unwrap();
    assert_eq!(answer.headers()["x-ms-throttle-limit-percentage"], "0.98");
    assert_eq!(answer.headers()["x-ms-resource-unit"], "1");
    let (status, body) = azure.directory_post("$batch", &batch).await;
    let throttled = body["responses"].as_array().unwrap().iter().filter(|response| response["status"] == 429).count();
    assert_eq!((status, throttled), (200, 1), "a refusal within an answer that is none");
    for _ in 0..5 {
        ask().await.unwrap();
    }
    let refused = ask().await.unwrap();
    assert!(refused.status() == 429 && refused.headers()["retry-after"] == "1");
    assert!(refused.headers().contains_key("x-ms-throttle-information"));
    azure.running.clock().advance(std::time::Duration::from_secs(1));
    assert_eq!(ask().await.unwrap().status(), 200);
}
