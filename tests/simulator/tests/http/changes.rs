//! Changes: through ARM, through `/_sim/change`, and what the activity log
//! says of them.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{EstateSpec, Options, planted};

use crate::support::{AVD, Azure, options, small, start};

async fn log(azure: &Azure, rest: &str) -> Vec<Value> {
    let path = format!(
        "{}/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01&$filter=eventTimestamp ge '2026-03-01T00:00:00Z' and resourceProvider eq 'Microsoft.DesktopVirtualization'{rest}",
        azure.subscription()
    );
    azure.all(&path).await
}

fn remote_app_group(azure: &Azure) -> Value {
    let groups = azure.planted("applicationGroups");
    let is_remote_app = |group: &&Value| group["properties"]["applicationGroupType"] == "RemoteApp";
    groups.iter().find(is_remote_app).unwrap().clone()
}

#[test]
fn a_seed_gives_one_estate() {
    let of = |seed| {
        let estate = EstateSpec::built_in("small").unwrap();
        planted(&Options { seed, estate, ..Options::default() }, true)
    };
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
}

#[test]
fn the_large_estate_has_the_promised_size() {
    let estate = EstateSpec::built_in("large").unwrap();
    let planted = planted(&Options { estate, ..Options::default() }, false);
    let count = |kind: &str| planted[kind].as_array().unwrap().len();
    assert_eq!((count("subscriptions"), count("hostPools"), count("sessionHosts")), (20, 400, 8000));
    let groups = planted["applicationGroups"].as_array().unwrap();
    assert_eq!(groups.len(), 800);
    let children = |kind: &str| groups.iter().map(|group| group[kind].as_array().unwrap().len()).sum::<usize>();
    assert_eq!((children("applications"), children("desktops")), (4000, 400));
}

#[tokio::test]
async fn random_changes_are_the_same_for_the_same_seed() {
    let (one, two) = (small().await, small().await);
    let entries = json!([{"op": "random", "seed": 9, "count": 40}]);
    let changes = one.running.change(&entries).unwrap();
    assert!(changes.as_array().unwrap().len() >= 30, "{changes}");
    assert_eq!(changes, two.running.change(&entries).unwrap());
    assert_eq!(one.running.estate(), two.running.estate());
    assert_ne!(one.running.estate(), small().await.running.estate());
}

#[tokio::test]
async fn an_application_is_created_renamed_and_deleted() {
    let azure = small().await;
    let group = remote_app_group(&azure)["id"].as_str().unwrap().to_owned();
    let path = format!("{group}/applications/ledger?{AVD}");
    let body =
        json!({"properties": {"commandLineSetting": "Allow", "friendlyName": "Ledger", "filePath": "C:\\l.exe"}});
    let missing = azure.send(Method::PATCH, &path, Some(&body)).await;
    assert_eq!(missing.status(), 404);
    let created = azure.send(Method::PUT, &path, Some(&body)).await;
    assert_eq!(created.status(), 201);
    let created: Value = created.json().await.unwrap();
    assert_eq!(created["properties"]["friendlyName"], "Ledger");
    assert_eq!(created["properties"]["applicationType"], "InBuilt", "the provider's defaults are there");

    let rename = json!({"properties": {"friendlyName": "Ledger 2", "objectId": "mine"}});
    let renamed = azure.send(Method::PATCH, &path, Some(&rename)).await;
    assert_eq!(renamed.status(), 200);
    let listed = azure.all(&format!("{group}/applications?{AVD}")).await;
    let listed = listed.iter().find(|app| app["name"].as_str().unwrap().ends_with("ledger")).unwrap();
    assert_eq!(listed["properties"]["friendlyName"], "Ledger 2");
    assert_eq!(listed["properties"]["filePath"], "C:\\l.exe", "a patch keeps the rest");
    assert_eq!(listed["properties"]["objectId"], created["properties"]["objectId"], "read-only");

    assert_eq!(azure.send(Method::DELETE, &path, None).await.status(), 200);
    assert_eq!(azure.send(Method::DELETE, &path, None).await.status(), 204);
    assert_eq!(azure.error(&path).await.0, 404);

    let events = log(&azure, "&$select=operationName,status,resourceId").await;
    let succeeded: Vec<&str> = events
        .iter()
        .filter(|event| event["status"]["value"] == "Succeeded")
        .map(|event| event["operationName"]["value"].as_str().unwrap())
        .collect();
    let operation = "Microsoft.DesktopVirtualization/applicationgroups/applications";
    assert_eq!(succeeded, [format!("{operation}/delete"), format!("{operation}/write"), format!("{operation}/write")]);
    assert!(events.iter().all(|event| event.get("claims").is_none()), "not selected");
}

#[tokio::test]
async fn a_new_desktop_group_has_its_desktop() {
    let azure = small().await;
    let pool = azure.planted("hostPools")[0]["id"].as_str().unwrap().to_owned();
    let group = format!("{}/applicationGroups/fresh", pool.rsplit_once("/hostPools/").unwrap().0);
    let body = json!({
        "location": "westeurope",
        "properties": {"applicationGroupType": "Desktop", "hostPoolArmPath": pool},
    });
    let created = azure.send(Method::PUT, &format!("{group}?{AVD}"), Some(&body)).await;
    assert_eq!(created.status(), 201);
    let desktops = azure.all(&format!("{group}/desktops?{AVD}")).await;
    assert_eq!(desktops[0]["name"], "fresh/SessionDesktop");
    let again = azure.send(Method::PUT, &format!("{group}?{AVD}"), Some(&body)).await;
    assert_eq!(again.status(), 200);
    for (wrong, status) in [(json!({"properties": {}}), 400), (json!({"location": "x", "properties": {}}), 400)] {
        let refused = azure.send(Method::PUT, &format!("{group}2?{AVD}"), Some(&wrong)).await;
        assert_eq!(refused.status(), status, "{wrong}");
    }
}

#[tokio::test]
async fn deleting_a_pool_needs_its_groups_gone_and_leaves_no_reference() {
    let azure = small().await;
    let pool = azure.planted("hostPools")[0].clone();
    let path = format!("{}?{AVD}", pool["id"].as_str().unwrap());
    assert_eq!(azure.send(Method::DELETE, &path, None).await.status(), 400);
    for group in pool["properties"]["applicationGroupReferences"].as_array().unwrap() {
        let answer = azure.send(Method::DELETE, &format!("{}?{AVD}", group.as_str().unwrap()), None).await;
        assert_eq!(answer.status(), 200);
    }
    let answer = azure.send(Method::DELETE, &path, None).await;
    assert!(answer.text().await.unwrap().contains(simulator::REGISTRATION_SECRET_PREFIX), "as in Azure");
    let rest = azure.running.estate().to_string();
    let id = pool["id"].as_str().unwrap();
    assert!(!rest.contains(&format!("{id}\"")) && !rest.contains(&format!("{id}/")));
}

#[tokio::test]
async fn references_stay_consistent_through_random_changes() {
    let azure = small().await;
    azure.running.change(&json!([{"op": "random", "seed": 21, "count": 200}])).unwrap();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    let groups = azure.planted("applicationGroups");
    let listing = |kind: &str, group: &str| -> Vec<String> {
        let lists =
            |owner: &&Value| texts(&owner["properties"]["applicationGroupReferences"]).contains(&group.to_owned());
        azure.planted(kind).iter().filter(lists).map(|owner| owner["id"].as_str().unwrap().to_owned()).collect()
    };
    for group in &groups {
        let id = group["id"].as_str().unwrap();
        let pool = group["properties"]["hostPoolArmPath"].as_str().unwrap();
        assert_eq!(listing("hostPools", id), [pool]);
        let workspace: Vec<String> =
            group["properties"]["workspaceArmPath"].as_str().into_iter().map(str::to_owned).collect();
        assert_eq!(listing("workspaces", id), workspace);
    }
    let desktops = groups.iter().filter(|group| group["properties"]["applicationGroupType"] == "Desktop");
    for group in desktops {
        assert_eq!(group["desktops"].as_array().unwrap().len(), 1);
        assert_eq!(group["desktops"][0]["name"], "SessionDesktop");
    }
}

#[tokio::test]
async fn the_log_demands_a_start_and_shows_up_late() {
    let delayed = EstateSpec { activity_log_delay_ms: 30_000, ..EstateSpec::default() };
    let azure = start(options(delayed)).await;
    let base = format!(
        "{}/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01",
        azure.subscription()
    );
    for filter in [
        "",
        "resourceProvider eq 'Microsoft.DesktopVirtualization'",
        "eventTimestamp ge 'yesterday'",
        "eventTimestamp ge '2026-03-01T00:00:00Z' and caller eq 'x'",
        "eventTimestamp ge '2025-03-01T00:00:00Z'",
    ] {
        assert_eq!(azure.error(&format!("{base}&$filter={filter}")).await.0, 400, "{filter}");
    }
    let app = remote_app_group(&azure)["applications"][0]["id"].as_str().unwrap().to_owned();
    azure
        .running
        .change(&json!([{"op": "patch", "resource": {"id": app, "properties": {"showInPortal": false}}}]))
        .unwrap();
    assert!(log(&azure, "").await.is_empty());
    azure.running.clock().advance(Duration::from_secs(30));
    let events = log(&azure, "").await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["resourceId"], app);
    assert_eq!(events[0]["eventTimestamp"], "2026-03-01T12:00:00.0000000Z");
}

#[tokio::test]
async fn entitlements_change_and_refused_changes_change_nothing() {
    let azure = small().await;
    let group = remote_app_group(&azure)["id"].as_str().unwrap().to_owned();
    let assign = json!({"op": "assign", "scope": group, "principalId": "p-1", "roleDefinition": "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63"});
    let before = azure.running.estate();
    let refused = azure.running.change(&json!([assign, {"op": "delete", "id": "/nowhere"}]));
    assert!(refused.is_err());
    assert_eq!(azure.running.estate(), before);

    let made = azure.running.change(&json!([assign])).unwrap();
    let list = format!(
        "{group}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter=principalId eq 'P-1'"
    );
    assert_eq!(azure.all(&list).await.len(), 1);
    azure.running.change(&json!([{"op": "unassign", "id": made[0]["id"]}])).unwrap();
    assert!(azure.all(&list).await.is_empty());
}

#[tokio::test]
async fn statistics_count_what_was_asked() {
    let azure = small().await;
    azure.get("/subscriptions?api-version=2022-12-01").await;
    azure.query(&json!({"query": "resources"})).await;
    azure.error("/subscriptions").await;
    let stats = azure.running.stats();
    assert_eq!(stats["requests"]["total"], 3);
    assert_eq!((&stats["requests"]["arm"], &stats["requests"]["resource_graph"]), (&json!(2), &json!(1)));
    assert_eq!(stats["requests"]["by_operation"]["GET subscriptions"], 2);
    assert_eq!(stats["status"], json!({"200": 2, "400": 1}));
    assert_eq!(stats["peak_concurrency"], 1);
    assert_eq!(azure.sim(Method::DELETE, "stats", &Value::Null).await.0, 204);
    let (_, stats) = azure.sim(Method::GET, "stats", &Value::Null).await;
    assert_eq!(stats["requests"]["total"], 0);
}
