//! The classic model's management: bare arrays in pages, and role assignments.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::EstateSpec;

use crate::{
    feed::CLASSIC_AUDIENCE,
    support::{Azure, options, small, start},
};

async fn call(azure: &Azure, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let token = azure.running.token_for(CLASSIC_AUDIENCE);
    let url = azure.url(&format!("/RdsManagement/V1/{path}"));
    let answer = azure.http.request(method, url).bearer_auth(token).json(body).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
}

async fn list(azure: &Azure, path: &str) -> Vec<Value> {
    let (status, body) = call(azure, Method::GET, path, &Value::Null).await;
    assert_eq!(status, 200, "{path}: {body}");
    body.as_array().unwrap().clone()
}

fn names(items: &[Value], field: &str) -> Vec<String> {
    items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

const GROUP: &str = "TenantGroups/Default%20Tenant%20Group";

#[tokio::test]
async fn the_estate_is_there_by_names() {
    let azure = small().await;
    let tenants = list(&azure, &format!("{GROUP}/Tenants")).await;
    assert_eq!(names(&tenants, "tenantName"), ["Tenant 01", "Tenant 02"]);
    let (mut pools, mut groups, mut apps, mut desktops, mut hosts) = (0, 0, 0, 0, 0);
    for tenant in names(&tenants, "tenantName") {
        let base = format!("{GROUP}/Tenants/{tenant}/HostPools");
        for pool in list(&azure, &base).await {
            pools += 1;
            let pool = format!("{base}/{}", pool["hostPoolName"].as_str().unwrap());
            hosts += list(&azure, &format!("{pool}/SessionHosts")).await.len();
            for group in list(&azure, &format!("{pool}/AppGroups")).await {
                groups += 1;
                let group_path = format!("{pool}/AppGroups/{}", group["appGroupName"].as_str().unwrap());
                apps += list(&azure, &format!("{group_path}/RemoteApps")).await.len();
                let (status, _) = call(&azure, Method::GET, &format!("{group_path}/Desktop"), &Value::Null).await;
                desktops += usize::from(status == 200);
                assert_eq!(status == 200, [json!(1), json!("Desktop")].contains(&group["resourceType"]));
            }
        }
    }
    let planted = azure.planted("applicationGroups");
    let count = |child: &str| planted.iter().map(|group| group[child].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(
        (pools, groups, apps, desktops, hosts),
        (
            azure.planted("hostPools").len(),
            planted.len(),
            count("applications"),
            count("desktops"),
            azure.planted("sessionHosts").len()
        )
    );
}

#[tokio::test]
async fn pages_continue_after_the_last_entry() {
    let azure = start(options(EstateSpec { pools_per_subscription: 5, ..EstateSpec::default() })).await;
    let base = format!("{GROUP}/Tenants/Tenant%2001/HostPools");
    let all = names(&list(&azure, &base).await, "hostPoolName");
    let mut paged = Vec::new();
    loop {
        let last = paged.last().cloned().unwrap_or_default();
        let page = names(&list(&azure, &format!("{base}?PageSize=2&LastEntry={last}")).await, "hostPoolName");
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        paged.extend(page);
    }
    assert_eq!((paged.len(), &paged), (5, &all));
    let mut backwards = names(&list(&azure, &format!("{base}?IsDescending=true")).await, "hostPoolName");
    backwards.reverse();
    assert_eq!(backwards, all);
    let skipped = list(&azure, &format!("{base}?InitialSkip=3")).await;
    assert_eq!(names(&skipped, "hostPoolName"), all[3..]);
}

#[tokio::test]
async fn role_assignments_are_listed_added_and_removed() {
    let azure = small().await;
    let path = "Rds.Authorization/roleAssignments";
    let before = list(&azure, path).await;
    assert!(before.iter().any(|record| record["displayName"].is_null() && record["signInName"].is_null()));
    let reader_by_name = |record: &&Value| record["roleDefinitionName"] == "RDS Reader";
    let ids: Vec<&Value> = before.iter().filter(reader_by_name).map(|record| &record["roleDefinitionId"]).collect();
    assert!(ids.iter().any(|id| *id != ids[0]), "one sample contradicts itself");
    let new =
        json!({"roleDefinitionName": "RDS Operator", "signInName": "eva@contoso.example", "tenantName": "Tenant 01"});
    let (status, added) = call(&azure, Method::POST, path, &new).await;
    assert_eq!((status, &added["scope"]), (201, &json!("/Default Tenant Group/Tenant 01")));
    let found = list(&azure, &format!("{path}?upn=EVA@contoso.example")).await;
    assert_eq!(found, std::slice::from_ref(&added));
    let own = format!("{path}/{}", added["roleAssignmentId"].as_str().unwrap());
    assert_eq!(call(&azure, Method::DELETE, &own, &Value::Null).await.0, 200);
    assert_eq!(call(&azure, Method::DELETE, &own, &Value::Null).await.0, 404);
    assert_eq!(list(&azure, path).await.len(), before.len());
}

#[tokio::test]
async fn it_can_be_missing_throttled_retired_and_closed_to_other_tokens() {
    let azure = small().await;
    let tenants = format!("{GROUP}/Tenants");
    assert_eq!(call(&azure, Method::GET, &format!("{tenants}/nobody"), &Value::Null).await.0, 404);
    assert_eq!(call(&azure, Method::GET, "TenantGroups/Other", &Value::Null).await.0, 404);
    let url = azure.url(&format!("/RdsManagement/V1/{tenants}"));
    let answer = azure.http.get(url).bearer_auth(azure.running.token()).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    azure.running.set_faults(vec!["429:path=/rdsmanagement,count=1".parse().unwrap()]);
    assert_eq!(call(&azure, Method::GET, &tenants, &Value::Null).await.0, 429);
    assert_eq!(call(&azure, Method::GET, &tenants, &Value::Null).await.0, 200);
    azure.sim(Method::PUT, "feed", &json!({"classic": "retired"})).await;
    assert_eq!(call(&azure, Method::GET, &tenants, &Value::Null).await.0, 410);
}
