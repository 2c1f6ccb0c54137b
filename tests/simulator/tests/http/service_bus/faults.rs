//! Faults on the paths of the namespace, and what clients see of them.

use reqwest::Method;
use serde_json::json;

use super::{Bus, bus};

fn set(bus: &Bus, faults: &[&str]) {
    bus.azure.running.set_faults(faults.iter().map(|fault| fault.parse().unwrap()).collect());
}

#[tokio::test]
async fn refusals_are_the_namespaces_own_and_have_no_effect() {
    let bus = bus().await;
    for (fault, status) in [("429:retry_after=7", 429), ("503", 503), ("403", 403), ("expired-token", 401)] {
        let kind = fault.split(':').next().unwrap();
        let keys = fault.strip_prefix(kind).unwrap().trim_start_matches(':');
        set(&bus, &[&format!("{kind}:path=/finish_run/messages,{keys}")]);
        let answer = bus.request(Method::POST, "/finish_run/messages").body("x").send().await.unwrap();
        assert_eq!(answer.status(), status, "{fault}");
        let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(retry_after.as_deref(), (status == 429).then_some("7"));
        let body = answer.text().await.unwrap();
        assert!(body.starts_with(&format!("<Error><Code>{status}</Code>")), "{body}");
        assert_eq!(bus.send("publish_package", &json!({}), "x").await, 201, "another path");
    }
    assert_eq!(bus.count("finish_run", "sent"), 0);
    set(&bus, &["malformed:path=/finish_run/messages"]);
    let answer = bus.request(Method::POST, "/finish_run/messages/head").send().await.unwrap();
    assert!(answer.headers().get("brokerproperties").is_none());
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_message_is_sent_although_the_answer_is_lost() {
    let bus = bus().await;
    set(&bus, &["cut:path=/finish_run/messages,count=1"]);
    let request = bus.request(Method::POST, "/finish_run/messages").header("BrokerProperties", r#"{"MessageId":"m"}"#);
    request.body("x").send().await.expect_err("nothing of the answer arrives");
    assert_eq!(bus.count("finish_run", "sent"), 1);
    assert_eq!(bus.send("finish_run", &json!({"MessageId": "m"}), "x").await, 201, "so it is sent again");
    assert_eq!((bus.count("finish_run", "active"), bus.count("finish_run", "duplicates")), (1, 1));

    set(&bus, &["cut:path=/messages/head,count=1"]);
    let answer = bus.request(Method::POST, "/finish_run/messages/head?timeout=0").send().await;
    let body = match answer {
        Ok(answer) => answer.bytes().await,
        Err(error) => Err(error),
    };
    body.expect_err("it breaks off");
    assert_eq!(bus.count("finish_run", "locked"), 1, "nobody knows the lock");
    bus.advance(60);
    let message = bus.lock("finish_run").await.unwrap();
    assert_eq!(message.broker["DeliveryCount"], 2);

    set(&bus, &["cut:path=/finish_run/messages/,count=1"]);
    bus.request(Method::DELETE, &message.location).send().await.expect_err("lost");
    assert_eq!(bus.status(Method::DELETE, &message.location).await, 404, "it had been completed");
    assert_eq!(bus.count("finish_run", "completed"), 1);

    set(&bus, &["cut:path=/messages/head,count=1"]);
    bus.request(Method::POST, "/finish_run/messages/head?timeout=0").send().await.expect_err("also of a 204");
}

#[tokio::test]
async fn faults_without_a_path_hit_the_namespace_too() {
    let bus = bus().await;
    set(&bus, &["503:count=1"]);
    assert_eq!(bus.send("finish_run", &json!({}), "x").await, 503);
    assert_eq!(bus.send("finish_run", &json!({}), "x").await, 201);
    assert_eq!(bus.azure.running.stats()["faults"], 1);
}
