//! Resource Graph over HTTP: paging, quotas aside; the language has its own
//! tests beside the interpreter.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::EstateSpec;

use crate::support::{ids, options, small, start};

#[tokio::test]
async fn pages_follow_the_skip_token_and_cover_everything() {
    let azure = small().await;
    let query = "resources | where type == 'microsoft.desktopvirtualization/applicationgroups' | project id, name | order by id asc";
    let mut rows = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut options = json!({"$top": 4, "resultFormat": "objectArray"});
        if !token.is_null() {
            options["$skipToken"] = token;
        }
        let (status, page) = azure.query(&json!({"query": query, "options": options})).await;
        assert_eq!((status, &page["totalRecords"]), (200, &json!(18)));
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        token = page.get("$skipToken").cloned().unwrap_or_default();
        assert_eq!(page["resultTruncated"], if token.is_null() { "false" } else { "true" }, "a string");
        if token.is_null() {
            break;
        }
    }
    assert_eq!(ids(&rows), ids(&azure.planted("applicationGroups")));
    assert!(rows.is_sorted_by_key(|row| row["id"].as_str().unwrap().to_owned()));
}

#[tokio::test]
async fn without_an_id_there_is_no_skip_token() {
    let azure = small().await;
    let (_, page) = azure.query(&json!({"query": "resources | project name", "options": {"$top": 2}})).await;
    assert_eq!((&page["resultTruncated"], page.get("$skipToken")), (&json!("true"), None));
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let azure = small().await;
    for (body, status, code) in [
        (json!({"query": ""}), 400, "InvalidQuery"),
        (json!({"query": "resources | mv-apply tags"}), 400, "InvalidQuery"),
        (json!({"query": "resources | where nothing == 1"}), 400, "InvalidQuery"),
        (json!({"query": "somewhere"}), 400, "InvalidQuery"),
        (json!({"query": "resources", "options": {"$top": 1001}}), 400, "InvalidOptions"),
        (json!({"query": "resources", "options": {"$skipToken": "MTo"}}), 400, "InvalidSkipToken"),
    ] {
        let (answered, error) = azure.query(&body).await;
        assert_eq!((answered, &error["error"]["code"]), (status, &json!("BadRequest")), "{body}");
        assert_eq!(error["error"]["details"][0]["code"], code, "{body}");
    }
    let unknown = json!({"subscriptions": ["00000000-0000-0000-0000-000000000000"], "query": "resources"});
    assert_eq!(azure.query(&unknown).await.0, 403);
}

#[tokio::test]
async fn no_registration_token_is_in_it() {
    let azure = small().await;
    let (_, page) = azure.query(&json!({"query": "resources"})).await;
    assert!(page["data"].as_array().unwrap().len() > 20);
    assert!(!page.to_string().contains(simulator::REGISTRATION_SECRET_PREFIX));
}

#[tokio::test]
async fn it_lags_behind_arm() {
    let azure = start(options(EstateSpec { graph_lag_ms: 60_000, ..EstateSpec::default() })).await;
    let pool = azure.planted("hostPools")[0]["id"].as_str().unwrap().to_owned();
    let count = json!({"query": "resources | where type endswith '/hostpools' | count"});
    azure.running.change(&json!([{"op": "delete", "id": pool}])).unwrap();
    let path = format!("{pool}?{}", crate::support::AVD);
    assert_eq!(azure.error(&path).await.0, 404);
    assert_eq!(azure.query(&count).await.1["data"][0]["Count"], 2);
    azure.running.clock().advance(Duration::from_secs(59));
    assert_eq!(azure.query(&count).await.1["data"][0]["Count"], 2);
    azure.running.clock().advance(Duration::from_secs(1));
    assert_eq!(azure.query(&count).await.1["data"][0]["Count"], 1);
}
