//! Lists: whole, in pages, in order, and wrong ones refused.

use serde_json::Value;
use simulator::EstateSpec;

use crate::support::{AVD, ids, options, small, start};

const PROVIDER: &str = "providers/Microsoft.DesktopVirtualization";

#[tokio::test]
async fn every_list_is_what_was_planted() {
    let azure = small().await;
    let mut counted = 0;
    for (kind, segment) in
        [("hostPools", "hostPools"), ("applicationGroups", "applicationGroups"), ("workspaces", "workspaces")]
    {
        let mut listed = Vec::new();
        for subscription in azure.planted("subscriptions") {
            let id = subscription["id"].as_str().unwrap();
            listed.extend(azure.all(&format!("/subscriptions/{id}/{PROVIDER}/{segment}?{AVD}")).await);
        }
        assert_eq!(ids(&listed), ids(&azure.planted(kind)), "{kind}");
        counted += listed.len();
    }
    assert!(counted > 26, "odd answers repeat some resources, there were {counted}");
}

#[tokio::test]
async fn children_come_in_pages_and_in_either_order() {
    let estate = EstateSpec { apps_per_group: 7, page_size: 3, ..EstateSpec::default() };
    let azure = start(options(estate)).await;
    let groups = azure.planted("applicationGroups");
    let group = groups.iter().find(|group| group["properties"]["applicationGroupType"] == "RemoteApp").unwrap();
    let list = format!("{}/applications?{AVD}", group["id"].as_str().unwrap());

    let first = azure.json(&list).await;
    assert_eq!(first["value"].as_array().unwrap().len(), 3, "the estate's page size");
    assert!(first["nextLink"].as_str().unwrap().starts_with(&azure.running.url()));
    let forward = azure.all(&list).await;
    assert_eq!(ids(&forward), ids(group["applications"].as_array().unwrap()));
    assert_eq!(forward.len(), 7);

    let mut backward = azure.all(&format!("{list}&isDescending=true&pageSize=2")).await;
    backward.reverse();
    assert_eq!(forward, backward);
    assert_eq!(azure.all(&format!("{list}&initialSkip=5")).await, forward[5..]);
    assert_eq!(azure.error(&format!("{list}&pageSize=many")).await, (400, "BadRequest".to_owned()));
}

#[tokio::test]
async fn the_end_of_a_list_is_printed_as_azure_does() {
    let azure = start(options(EstateSpec::default())).await;
    let subscription = azure.subscription();
    let pools = azure.json(&format!("{subscription}/{PROVIDER}/hostPools?{AVD}")).await;
    assert!(pools.get("nextLink").is_none(), "lists merged by ARM have no such key");
    let pool = pools["value"][0]["id"].as_str().unwrap();
    let hosts = azure.json(&format!("{pool}/sessionHosts?{AVD}")).await;
    assert_eq!(hosts.get("nextLink"), Some(&Value::Null));
    let sessions = azure.json(&format!("{pool}/userSessions?{AVD}")).await;
    assert_eq!(sessions["value"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn host_pools_carry_a_token_that_can_be_recognised() {
    let azure = start(options(EstateSpec::default())).await;
    let pools = azure.json(&format!("{}/{PROVIDER}/hostPools?{AVD}", azure.subscription())).await;
    let token = pools["value"][0]["properties"]["registrationInfo"]["token"].as_str().unwrap();
    assert!(token.starts_with(simulator::REGISTRATION_SECRET_PREFIX));
}

#[tokio::test]
async fn paths_are_compared_without_regard_to_case() {
    let azure = small().await;
    let group = azure.planted("applicationGroups")[0]["id"].as_str().unwrap().to_owned();
    let shouted = group.to_ascii_uppercase();
    let found = azure.json(&format!("{shouted}?{AVD}")).await;
    assert!(found["id"].as_str().unwrap().eq_ignore_ascii_case(&group));
}

#[tokio::test]
async fn wrong_requests_get_arms_errors() {
    let azure = small().await;
    let subscription = azure.subscription();
    let pool = azure.planted("hostPools")[0]["id"].as_str().unwrap().to_owned();
    let group = pool.split_once("/providers/").unwrap().0.to_owned();
    for (path, status, code) in [
        (format!("{subscription}/{PROVIDER}/hostPools"), 400, "MissingApiVersionParameter"),
        (format!("{subscription}/{PROVIDER}/hostPools?api-version=2019-01-01"), 400, "NoRegisteredProviderFound"),
        (format!("{subscription}/{PROVIDER}/hostPuddles?{AVD}"), 404, "InvalidResourceType"),
        (format!("{subscription}/providers/Microsoft.Nothing/x?{AVD}"), 404, "InvalidResourceNamespace"),
        (format!("/subscriptions/none/{PROVIDER}/hostPools?{AVD}"), 404, "SubscriptionNotFound"),
        (format!("{subscription}/resourceGroups/none/{PROVIDER}/hostPools?{AVD}"), 404, "ResourceGroupNotFound"),
        (format!("{group}/{PROVIDER}/hostPools/none?{AVD}"), 404, "ResourceNotFound"),
        (format!("{group}/{PROVIDER}/hostPools/none/sessionHosts?{AVD}"), 404, "ResourceNotFound"),
        ("/subscriptions".to_owned(), 400, "MissingApiVersionParameter"),
        (format!("{subscription}/{PROVIDER}/applicationGroups?{AVD}&$filter=name eq 'x'"), 400, "BadRequest"),
    ] {
        assert_eq!(azure.error(&path).await, (status, code.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn role_assignments_are_found_by_scope_and_principal() {
    let azure = small().await;
    let planted = azure.planted("roleAssignments");
    let scope_of = |item: &Value| item["properties"]["scope"].as_str().unwrap().to_ascii_lowercase();
    let at_group = planted.iter().find(|item| scope_of(item).contains("/applicationgroups/")).unwrap();
    let scope = scope_of(at_group);
    let list = format!("{scope}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01");
    let expected: Vec<Value> = planted
        .iter()
        .filter(|item| format!("{scope}/").starts_with(&format!("{}/", scope_of(item))))
        .cloned()
        .collect();
    assert!(expected.len() > 3, "some stand above the group");
    assert_eq!(ids(&azure.all(&list).await), ids(&expected));

    let principal = at_group["properties"]["principalId"].as_str().unwrap();
    let of_principal = azure.all(&format!("{list}&$filter=principalId eq '{principal}'")).await;
    assert!(ids(&of_principal).contains(&at_group["id"].as_str().unwrap().to_ascii_lowercase()));
    assert!(of_principal.iter().all(|item| item["properties"]["principalId"] == principal));

    let everywhere =
        format!("{}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01", azure.subscription());
    let below = azure.all(&everywhere).await.len();
    let here = azure.all(&format!("{everywhere}&$filter=atScope()")).await.len();
    assert!(here < below, "{here} of {below} stand at the subscription itself");
    assert_eq!(azure.error(&format!("{everywhere}&$filter=nonsense")).await.0, 400);
}
