//! Microsoft Graph: when the credentials of an application end.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::DEFAULT_CLIENT_ID;

use crate::support::{Azure, small};

async fn ask(azure: &Azure, query: &str) -> (u16, Value) {
    let token = azure.running.token_for("https://graph.microsoft.com");
    let answer =
        azure.http.get(azure.url(&format!("/v1.0/applications{query}"))).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn applications_can_be_read_once_it_is_allowed() {
    let azure = small().await;
    let query = format!("?$filter=appId%20eq%20'{DEFAULT_CLIENT_ID}'&$select=appId,passwordCredentials");
    let (status, body) = ask(&azure, &query).await;
    assert_eq!((status, &body["error"]["code"]), (403, &json!("Authorization_RequestDenied")));
    azure.sim(Method::PUT, "graph/applications", &json!({"allow": true})).await;
    let (status, body) = ask(&azure, &query).await;
    assert_eq!((status, body["value"].as_array().unwrap().len()), (200, 1));
    assert_eq!(body["value"][0]["passwordCredentials"][0]["endDateTime"], "2027-01-01T00:00:00Z");
    assert!(body["value"][0]["displayName"].is_null(), "only what is selected");
    let other =
        json!([{"appId": "a", "passwordCredentials": [], "keyCredentials": [{"endDateTime": "2026-03-09T00:00:00Z"}]}]);
    assert_eq!(azure.sim(Method::PUT, "graph/applications", &other).await.0, 200);
    assert_eq!(ask(&azure, &query).await.1["value"], json!([]));
    let (_, body) = ask(&azure, "(appId='a')").await;
    assert_eq!(body["keyCredentials"][0]["endDateTime"], "2026-03-09T00:00:00Z");
    let answer =
        azure.http.get(azure.url("/v1.0/applications")).bearer_auth(azure.running.token()).send().await.unwrap();
    assert_eq!(answer.status(), 401, "a token for ARM");
}
