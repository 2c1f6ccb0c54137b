//! Limits, on a clock that moves only when it is told to.

use std::time::Duration;

use serde_json::json;
use simulator::{EstateSpec, Options, ThrottleMode};

use crate::support::{AVD, Azure, options, start};

async fn throttled() -> Azure {
    let estate = EstateSpec { subscriptions: 2, ..EstateSpec::default() };
    start(Options { throttle: ThrottleMode::Azure, avd_rate_limit: Some(9), ..options(estate) }).await
}

fn pools(subscription: &str) -> String {
    format!("{subscription}/providers/Microsoft.DesktopVirtualization/hostPools?{AVD}")
}

#[tokio::test]
async fn reads_of_a_subscription_come_from_a_bucket_of_250_that_refills_25_a_second() {
    let azure = throttled().await;
    let path = pools(&azure.subscription());
    for left in (0..250).rev() {
        let answer = azure.get(&path).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-ms-ratelimit-remaining-subscription-reads"], left.to_string().as_str());
    }
    let refused = azure.get(&path).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "SubscriptionRequestsThrottled");

    azure.running.clock().advance(Duration::from_secs(1));
    let mut served = 0;
    while azure.get(&path).await.status() == 200 {
        served += 1;
    }
    assert_eq!(served, 25, "one second's worth");
    let stats = azure.running.stats();
    assert_eq!(stats["throttled"], 2);
    assert_eq!(stats["throttled_by_api"]["arm"], 2);

    let other = azure.planted("subscriptions")[1]["id"].as_str().unwrap().to_owned();
    let other = azure.get(&pools(&format!("/subscriptions/{other}"))).await;
    assert_eq!(other.status(), 200, "another subscription has its own bucket");
    assert_eq!(other.headers()["x-ms-ratelimit-remaining-subscription-global-reads"], "3749");
    let tenant = azure.get("/subscriptions?api-version=2022-12-01").await;
    assert_eq!(tenant.headers()["x-ms-ratelimit-remaining-tenant-reads"], "249");
}

#[tokio::test]
async fn resource_graph_answers_fifteen_queries_in_five_seconds() {
    let azure = throttled().await;
    let query = json!({"query": "resources | count"});
    for _ in 0..15 {
        assert_eq!(azure.query(&query).await.0, 200);
    }
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
    let refused = azure.send(reqwest::Method::POST, path, Some(&query)).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["x-ms-user-quota-remaining"], "0");
    assert_eq!(refused.headers()["x-ms-user-quota-resets-after"], "00:00:05");
    assert_eq!(refused.headers()["retry-after"], "5");
    azure.running.clock().advance(Duration::from_secs(5));
    assert_eq!(azure.query(&query).await.0, 200);
}

#[tokio::test]
async fn the_session_host_list_has_a_window_of_its_own() {
    let azure = throttled().await;
    let pool = azure.planted("hostPools")[0]["id"].as_str().unwrap().to_owned();
    let path = format!("{pool}/sessionHosts?{AVD}");
    for left in (0..9).rev() {
        let answer = azure.get(&path).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-rate-limit-limit"], "5m");
        assert_eq!(answer.headers()["x-rate-limit-remaining"], left.to_string().as_str());
        assert_eq!(answer.headers()["x-rate-limit-reset"], "2026-03-01T12:05:00.0000000Z");
    }
    let refused = azure.get(&path).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"300".parse().unwrap()));
    let pools = azure.get(&pools(&azure.subscription())).await;
    assert_eq!(pools.status(), 200, "other lists are not limited by it");
    assert_eq!(pools.headers()["x-rate-limit-limit"], "0");
    assert_eq!(pools.headers()["x-rate-limit-remaining"], "9223372036854775807");
}

#[tokio::test]
async fn switched_off_nothing_is_refused() {
    let azure = start(options(EstateSpec::default())).await;
    let path = pools(&azure.subscription());
    for _ in 0..300 {
        let answer = azure.get(&path).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-ms-ratelimit-remaining-subscription-reads"], "249");
    }
}
