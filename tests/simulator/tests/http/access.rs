//! Microsoft.Authorization above and below subscriptions: what is listed where,
//! and role assignments that are made and removed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Azure, ids, options, small, start};
use simulator::{EstateSpec, Options, ThrottleMode};

const VERSION: &str = "api-version=2022-04-01";
const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const USER: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b01";
const GROUP: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b02";
const OUTER: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b03";
const DESKTOPS: &str = "/providers/Microsoft.Management/managementGroups/desktops";

/// The small estate with a management group around its first subscription, a
/// user in a group in a group, and a grant at each level above.
async fn with_levels() -> Azure {
    let azure = small().await;
    let subscription = azure.subscription().rsplit('/').next().unwrap().to_owned();
    azure
        .change_directory(json!([
            {"op": "add_user", "id": USER, "displayName": "Ada", "userPrincipalName": "ada@contoso.example"},
            {"op": "add_group", "id": GROUP, "displayName": "Inner", "members": [USER]},
            {"op": "add_group", "id": OUTER, "displayName": "Outer", "members": [GROUP]},
        ]))
        .await;
    azure
        .plant(json!([
            {"op": "management_group", "name": "platform", "displayName": "Platform"},
            {"op": "management_group", "name": "desktops", "displayName": "Desktops", "parent": "platform"},
            {"op": "move_subscription", "subscription": subscription, "managementGroup": "desktops"},
            {"op": "grant", "kind": "assignment", "scope": "/", "role": OWNER, "principal": OUTER, "principalType": "Group"},
            {"op": "grant", "kind": "assignment", "scope": DESKTOPS, "role": READER, "principal": USER},
            {"op": "grant", "kind": "deny", "scope": DESKTOPS, "principal": GROUP},
            {"op": "grant", "kind": "eligible", "scope": DESKTOPS, "role": OWNER, "principal": GROUP, "principalType": "Group", "end": "2031-01-01T00:00:00Z"},
            {"op": "grant", "kind": "active", "scope": "/", "role": OWNER, "principal": USER},
        ]))
        .await;
    azure
}

fn assignments(scope: &str, filter: &str) -> String {
    let filter = if filter.is_empty() { String::new() } else { format!("&$filter={filter}") };
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments?{VERSION}{filter}")
}

fn scopes(items: &[Value]) -> Vec<&str> {
    let mut scopes: Vec<&str> = items.iter().map(|item| item["properties"]["scope"].as_str().unwrap()).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

#[tokio::test]
async fn a_list_holds_what_is_above_and_below() {
    let azure = with_levels().await;
    let subscription = azure.subscription();
    let here = azure.all(&assignments(&subscription, "atScope()")).await;
    assert_eq!(scopes(&here), ["/", DESKTOPS, &subscription]);
    let all = azure.all(&assignments(&subscription, "")).await;
    assert!(ids(&all).len() > ids(&here).len(), "and what stands below");
    let second = format!("/subscriptions/{}", azure.planted("subscriptions")[1]["id"].as_str().unwrap());
    assert_eq!(
        scopes(&azure.all(&assignments(&second, "atScope()")).await),
        ["/", &second],
        "in another management group"
    );
    assert_eq!(scopes(&azure.all(&assignments(DESKTOPS, "atScope()")).await), ["/", DESKTOPS]);
    assert!(ids(&azure.all(&assignments(DESKTOPS, "")).await).len() == ids(&all).len(), "all that is in the group");
    assert_eq!(scopes(&azure.all(&assignments("", "atScope()")).await), ["/"]);
    assert_eq!(azure.error(&assignments("/providers/Microsoft.Management/managementGroups/none", "")).await.0, 404);
}

#[tokio::test]
async fn a_principal_is_found_directly_or_through_its_groups() {
    let azure = with_levels().await;
    let subscription = azure.subscription();
    let direct = azure.all(&assignments(&subscription, &format!("principalId eq '{USER}'"))).await;
    assert_eq!(scopes(&direct), [DESKTOPS]);
    let through = azure.all(&assignments(&subscription, &format!("assignedTo('{USER}')"))).await;
    assert_eq!(scopes(&through), ["/", DESKTOPS]);
    for (kind, expected) in [
        ("denyAssignments?api-version=2022-04-01", DESKTOPS),
        ("roleEligibilityScheduleInstances?api-version=2020-10-01", DESKTOPS),
        ("roleAssignmentScheduleInstances?api-version=2020-10-01", "/"),
    ] {
        let path = format!("{subscription}/providers/Microsoft.Authorization/{kind}");
        let listed = azure.all(&format!("{path}&$filter=atScope() and assignedTo('{USER}')")).await;
        assert_eq!(scopes(&listed), [expected], "{kind}");
        assert_eq!(azure.all(&format!("{path}&$filter=asTarget()")).await.len(), 0, "the caller holds nothing");
    }
}

#[tokio::test]
async fn a_role_assignment_is_made_once_and_removed_once() {
    let azure = with_levels().await;
    let group = azure.planted("applicationGroups")[0]["id"].as_str().unwrap().to_owned();
    let name = "11111111-2222-4333-8444-555555555555";
    let role = format!("/providers/Microsoft.Authorization/roleDefinitions/{READER}");
    let body = json!({"properties": {"roleDefinitionId": role, "principalId": USER, "description": "why"}});
    for scope in [group.as_str(), DESKTOPS, ""] {
        let path = |name: &str| format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?{VERSION}");
        // Ada reads the management group already.
        let body = if scope == DESKTOPS {
            json!({"properties": {"roleDefinitionId": role, "principalId": GROUP, "principalType": "Group"}})
        } else {
            body.clone()
        };
        let created = azure.send(Method::PUT, &path(name), Some(&body)).await;
        assert_eq!(created.status(), 201, "{scope}");
        let created: Value = created.json().await.unwrap();
        assert_eq!(created["properties"]["scope"], if scope.is_empty() { "/" } else { scope });
        assert_eq!(azure.json(&path(name)).await, created);
        let again = azure.send(Method::PUT, &path(name), Some(&body)).await;
        assert_eq!((again.status().as_u16(), again.json::<Value>().await.unwrap()), (200, created));
        let other = azure.send(Method::PUT, &path("11111111-2222-4333-8444-666666666666"), Some(&body)).await;
        assert_eq!(other.status(), 409);
        let text = other.text().await.unwrap();
        assert!(text.contains("RoleAssignmentExists") && text.contains(&name.replace('-', "")), "{text}");
        assert_eq!(azure.send(Method::DELETE, &path(name), None).await.status(), 200);
        assert_eq!(azure.send(Method::DELETE, &path(name), None).await.status(), 204);
        assert_eq!(azure.error(&path(name)).await.1, "RoleAssignmentNotFound");
    }
    let log = format!(
        "{}/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01&$filter=eventTimestamp ge '2026-03-01T00:00:00Z' and resourceProvider eq 'Microsoft.Authorization'&$select=operationName,status",
        azure.subscription()
    );
    let events = azure.all(&log).await;
    let operations: Vec<&str> = events
        .iter()
        .filter(|event| event["status"]["value"] == "Succeeded")
        .map(|event| event["operationName"]["value"].as_str().unwrap())
        .collect();
    assert_eq!(
        operations,
        ["Microsoft.Authorization/roleAssignments/delete", "Microsoft.Authorization/roleAssignments/write"]
    );
}

#[tokio::test]
async fn what_a_role_assignment_cannot_be_is_refused() {
    let azure = with_levels().await;
    let subscription = azure.subscription();
    let name = "11111111-2222-4333-8444-555555555555";
    let role = |guid: &str| format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}");
    let stranger = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1bff";
    let reader = role(READER);
    for (scope, name, properties, status, code) in [
        (
            subscription.as_str(),
            "mine",
            json!({"roleDefinitionId": reader, "principalId": USER}),
            400,
            "InvalidRoleAssignmentId",
        ),
        (&subscription, name, json!({"principalId": USER}), 400, "BadRequestFormat"),
        (&subscription, name, json!({"roleDefinitionId": reader}), 400, "BadRequestFormat"),
        (
            &subscription,
            name,
            json!({"roleDefinitionId": "Reader", "principalId": USER}),
            400,
            "InvalidRoleDefinitionId",
        ),
        (
            &subscription,
            name,
            json!({"roleDefinitionId": role(stranger), "principalId": USER}),
            404,
            "RoleDefinitionDoesNotExist",
        ),
        (&subscription, name, json!({"roleDefinitionId": reader, "principalId": stranger}), 400, "PrincipalNotFound"),
        (
            &subscription,
            name,
            json!({"roleDefinitionId": reader, "principalId": USER, "principalType": "Group"}),
            400,
            "UnmatchedPrincipalType",
        ),
        (
            &format!("{subscription}/resourceGroups/none"),
            name,
            json!({"roleDefinitionId": reader, "principalId": USER}),
            404,
            "ResourceGroupNotFound",
        ),
    ] {
        let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}?{VERSION}");
        let answer = azure.send(Method::PUT, &path, Some(&json!({"properties": properties}))).await;
        let (found, body) = (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
        assert_eq!((found, body["error"]["code"].as_str().unwrap()), (status, code));
    }
    let path = format!("{subscription}/providers/Microsoft.Authorization/roleAssignments/{name}?{VERSION}");
    let foreign =
        json!({"properties": {"roleDefinitionId": reader, "principalId": stranger, "principalType": "ForeignGroup"}});
    assert_eq!(azure.send(Method::PUT, &path, Some(&foreign)).await.status(), 201, "its type was given");
    let other = json!({"properties": {"roleDefinitionId": role(OWNER), "principalId": USER}});
    let answer = azure.send(Method::PUT, &path, Some(&other)).await;
    assert!(answer.status() == 400 && answer.text().await.unwrap().contains("RoleAssignmentUpdateNotPermitted"));
    let condition = json!({"properties": {
        "roleDefinitionId": reader, "principalId": stranger, "principalType": "ForeignGroup",
        "condition": "true", "conditionVersion": "2.0",
    }});
    let changed: Value = azure.send(Method::PUT, &path, Some(&condition)).await.json().await.unwrap();
    assert_eq!(changed["properties"]["condition"], "true", "that may change");
}

#[tokio::test]
async fn writes_are_throttled_apart_from_reads() {
    let estate = EstateSpec::built_in("small").unwrap();
    let azure = start(Options { throttle: ThrottleMode::Azure, ..options(estate) }).await;
    let path = format!(
        "{}/providers/Microsoft.Authorization/roleAssignments/11111111-2222-4333-8444-555555555555?{VERSION}",
        azure.subscription()
    );
    for _ in 0..200 {
        assert_eq!(azure.send(Method::PUT, &path, Some(&json!({}))).await.status(), 400);
    }
    let refused = azure.send(Method::PUT, &path, Some(&json!({}))).await;
    assert!(refused.status() == 429 && refused.headers().contains_key("retry-after"));
    assert_eq!(azure.get(&assignments(&azure.subscription(), "")).await.status(), 200);
}

#[tokio::test]
async fn custom_roles_are_seen_where_they_can_be_assigned() {
    let azure = with_levels().await;
    let subscription = azure.subscription();
    let group = format!("{subscription}/resourceGroups/rg-avd-01");
    let (above, below) = ("aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002");
    azure
        .plant(json!([
            {"op": "role", "guid": above, "name": "Lock administrator", "scopes": [DESKTOPS], "actions": ["Microsoft.Authorization/locks/*"]},
            {"op": "role", "guid": below, "name": "Of one group", "scopes": [group], "actions": ["*/read"]},
        ]))
        .await;
    let names = async |scope: &str| -> Vec<String> {
        let path =
            format!("{scope}/providers/Microsoft.Authorization/roleDefinitions?{VERSION}&$filter=type eq 'CustomRole'");
        let listed = azure.all(&path).await;
        listed
            .iter()
            .map(|role| role["name"].as_str().unwrap().to_owned())
            .filter(|name| name.starts_with("aaaa"))
            .collect()
    };
    assert_eq!(names(&subscription).await, [above, below]);
    assert_eq!(names(&group).await, [above, below]);
    assert_eq!(names(DESKTOPS).await, [above]);
    let second = format!("/subscriptions/{}", azure.planted("subscriptions")[1]["id"].as_str().unwrap());
    assert!(names(&second).await.is_empty());
}

#[tokio::test]
async fn resource_graph_shows_grants_by_where_they_stand() {
    let azure = with_levels().await;
    let subscription = azure.planted("subscriptions")[0]["id"].as_str().unwrap().to_owned();
    let query = "authorizationresources | where type =~ 'microsoft.authorization/roleassignments' | project id, scope = tostring(properties.scope) | order by id asc";
    let scopes = async |filter: Value| -> Vec<String> {
        let body = json!({"query": query, "subscriptions": [subscription], "options": {"authorizationScopeFilter": filter, "$top": 1000}});
        let (status, body) = azure.query(&body).await;
        assert_eq!(status, 200, "{body}");
        let rows = body["data"].as_array().unwrap();
        let above =
            rows.iter().map(|row| row["scope"].as_str().unwrap()).filter(|scope| !scope.starts_with("/subscriptions/"));
        above.map(str::to_owned).collect()
    };
    assert!(scopes(Value::Null).await.is_empty(), "at the scope and below");
    let mut above = scopes(json!("AtScopeAboveAndBelow")).await;
    above.sort();
    assert_eq!(above, ["/", DESKTOPS]);
    let body = json!({"query": query, "options": {"authorizationScopeFilter": "Around"}});
    assert_eq!(azure.query(&body).await.0, 400);
}

#[tokio::test]
async fn containers_and_classic_administrators_are_told() {
    let azure = with_levels().await;
    let subscription = azure.planted("subscriptions")[0]["id"].as_str().unwrap().to_owned();
    let email = "classic@contoso.example";
    azure.plant(json!([{"op": "classic_administrator", "subscription": subscription, "email": email, "role": "CoAdministrator"}])).await;
    let path = format!(
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/classicAdministrators?api-version=2015-07-01"
    );
    assert_eq!(azure.all(&path).await[0]["properties"]["emailAddress"], email);
    let ask = async |query: &str| -> Vec<Value> {
        let (status, body) = azure.query(&json!({"query": query, "subscriptions": [subscription]})).await;
        assert_eq!(status, 200, "{body}");
        body["data"].as_array().unwrap().clone()
    };
    let classic = ask("authorizationresources | where type =~ 'microsoft.authorization/classicadministrators' | project id, email = properties.emailAddress").await;
    assert_eq!((classic.len(), &classic[0]["email"]), (1, &json!(email)));
    let chains = ask("resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, chain = properties.managementGroupAncestorsChain").await;
    let names: Vec<&str> =
        chains[0]["chain"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!((chains.len(), names), (1, vec!["desktops", "platform", azure.running.tenant()]), "nearest first");
    let groups = ask("resourcecontainers | where type =~ 'microsoft.management/managementgroups' | project id, parent = properties.details.parent.name | order by id asc").await;
    assert_eq!(groups.len(), 3);
    let whole = azure.json(&format!("{DESKTOPS}?api-version=2020-05-01")).await;
    assert_eq!(whole["properties"]["details"]["parent"]["name"], "platform");
    assert_eq!(whole["properties"]["children"][0]["name"], subscription.as_str());
}
