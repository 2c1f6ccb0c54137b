//! Faults: each kind as a client meets it, and which requests it hits.

use reqwest::Method;
use serde_json::json;
use simulator::{EstateSpec, Options};

use crate::support::{AVD, Azure, options, start};

async fn with(faults: &[&str]) -> Azure {
    let faults = faults.iter().map(|text| text.parse().unwrap()).collect();
    let estate = EstateSpec { subscriptions: 2, ..EstateSpec::default() };
    start(Options { faults, ..options(estate) }).await
}

fn pools(azure: &Azure) -> String {
    format!("{}/providers/Microsoft.DesktopVirtualization/hostPools?{AVD}", azure.subscription())
}

#[tokio::test]
async fn refusals_look_like_azures() {
    for (fault, status, code) in [
        ("429", 429, "TooManyRequests"),
        ("503", 503, "ServerTimeout"),
        ("403", 403, "AuthorizationFailed"),
        ("expired-token", 401, "ExpiredAuthenticationToken"),
    ] {
        let azure = with(&[fault]).await;
        assert_eq!(azure.error(&pools(&azure)).await, (status, code.to_owned()), "{fault}");
        assert_eq!(azure.running.stats()["faults"], 1);
    }
}

#[tokio::test]
async fn retry_after_takes_every_form() {
    for (form, expected) in [
        ("7", Some("7")),
        ("date", Some("Sun, 01 Mar 2026 12:00:02 GMT")),
        ("none", None),
        ("garbage", Some("soon, perhaps")),
    ] {
        let azure = with(&[&format!("429:retry_after={form}")]).await;
        let answer = azure.get(&pools(&azure)).await;
        let found = answer.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(found, expected, "{form}");
    }
}

#[tokio::test]
async fn broken_bodies_break_as_announced() {
    let azure = with(&[]).await;
    let path = pools(&azure);
    let whole = azure.get(&path).await.text().await.unwrap();

    azure.running.set_faults(vec!["cut".parse().unwrap()]);
    let answer = azure.get(&path).await;
    assert_eq!(answer.content_length(), Some(whole.len() as u64));
    assert!(answer.bytes().await.is_err(), "the connection ends too early");

    azure.running.set_faults(vec!["truncate".parse().unwrap()]);
    let half = azure.get(&path).await.text().await.unwrap();
    assert!(half.len() < whole.len() && whole.starts_with(&half));

    azure.running.set_faults(vec!["malformed".parse().unwrap()]);
    let answer = azure.get(&path).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
}

#[tokio::test]
async fn keys_choose_the_requests() {
    let azure = with(&["503:path=hostpools,after=1,count=2"]).await;
    let path = pools(&azure);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(azure.get(&path).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 503, 503, 200, 200]);
    assert_eq!(azure.get("/subscriptions?api-version=2022-12-01").await.status(), 200);
}

#[tokio::test]
async fn a_rate_hits_the_same_requests_for_the_same_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let azure = with(&["429:rate=0.3"]).await;
        let path = pools(&azure);
        let mut hits = Vec::new();
        for number in 0..60 {
            if azure.get(&path).await.status() == 429 {
                hits.push(number);
            }
        }
        assert!((5..30).contains(&hits.len()), "{hits:?}");
        runs.push(hits);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn an_unreadable_subscription_is_refused_by_arm_and_left_out_elsewhere() {
    let azure = with(&[]).await;
    let subscription = azure.subscription();
    azure.running.set_faults(vec![format!("403:scope={subscription}").parse().unwrap()]);
    assert_eq!(azure.error(&pools(&azure)).await, (403, "AuthorizationFailed".to_owned()));
    let listed = azure.json("/subscriptions?api-version=2022-12-01").await;
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
    let query = json!({"query": "resources | where type =~ 'microsoft.desktopvirtualization/hostpools'"});
    let (status, body) = azure.query(&query).await;
    assert_eq!((status, &body["totalRecords"]), (200, &json!(2)), "of four");
    let only = json!({"subscriptions": [subscription.rsplit('/').next()], "query": "resources"});
    assert_eq!(azure.query(&only).await.0, 403);
    azure.running.set_faults(Vec::new());
    assert_eq!(azure.query(&query).await.1["totalRecords"], 4);
}

#[tokio::test]
async fn an_unreadable_pool_disappears_from_lists() {
    let azure = with(&[]).await;
    let path = pools(&azure);
    assert_eq!(azure.all(&path).await.len(), 2);
    let pool = azure.planted("hostPools")[0]["id"].as_str().unwrap().to_owned();
    azure.running.set_faults(vec![format!("403:scope={pool}").parse().unwrap()]);
    assert_eq!(azure.all(&path).await.len(), 1);
    assert_eq!(azure.error(&format!("{pool}/sessionHosts?{AVD}")).await.0, 403);
    let (_, hosts) = azure.query(&json!({"query": "desktopvirtualizationresources | count"})).await;
    assert_eq!(hosts["data"][0]["Count"], 9, "of twelve");
}

#[tokio::test]
async fn resource_graph_alone_can_be_refused() {
    let azure = with(&["403:scope=resourcegraph"]).await;
    assert_eq!(azure.query(&json!({"query": "resources"})).await.0, 403);
    assert_eq!(azure.get(&pools(&azure)).await.status(), 200);
}

#[tokio::test]
async fn faults_are_set_at_run_time() {
    let azure = with(&[]).await;
    let (status, set) = azure.sim(Method::PUT, "faults", &json!(["503", "slow:ms=1"])).await;
    assert_eq!((status, set), (200, json!(["503", "slow:ms=1"])));
    assert_eq!(azure.get(&pools(&azure)).await.status(), 503);
    for wrong in ["nonsense", "429:rate=2", "503:scope=x", "slow:ms=soon", "cut:when"] {
        let (status, body) = azure.sim(Method::PUT, "faults", &json!([wrong])).await;
        assert_eq!(status, 400, "{wrong}: {body}");
    }
    assert_eq!(azure.sim(Method::DELETE, "faults", &json!(null)).await.0, 204);
    assert_eq!(azure.get(&pools(&azure)).await.status(), 200);
}
