//! The receiver for deliveries.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Azure, small};

const SECRET: &[u8] = b"a secret of at least 24 bytes";

async fn deliver(azure: &Azure, id: &str, body: &str, secret: &[u8]) -> u16 {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(format!("{id}.1772366400.{body}").as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let request = azure
        .http
        .post(azure.url("/_sim/webhook/target"))
        .header("webhook-id", id)
        .header("webhook-timestamp", "1772366400")
        .header("webhook-signature", format!("v1a,ignored v1,{signature}"))
        .body(body.to_owned());
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn deliveries_are_told_apart_and_their_signatures_checked() {
    let azure = small().await;
    let secret = format!("whsec_{}", BASE64_STANDARD.encode(SECRET));
    let settings = json!({"secret": secret, "fail": [500, 503]});
    assert_eq!(azure.sim(Method::PUT, "webhook/target", &settings).await.0, 204);
    let body = r#"{"type":"package.published","subject":"packages/1"}"#;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(deliver(&azure, "msg_1", body, SECRET).await);
    }
    assert_eq!(statuses, [500, 503, 204, 204]);
    assert_eq!(deliver(&azure, "msg_2", "{}", b"another secret altogether").await, 204);

    let (_, seen) = azure.sim(Method::GET, "webhook/target", &Value::Null).await;
    assert_eq!((&seen["raw"], &seen["distinct"]), (&json!(5), &json!(2)));
    let first = &seen["deliveries"][0];
    assert_eq!((&first["id"], &first["count"], &first["accepted"]), (&json!("msg_1"), &json!(4), &json!(2)));
    assert_eq!((&first["type"], &first["subject"]), (&json!("package.published"), &json!("packages/1")));
    assert_eq!(first["valid_signature"], true);
    assert_eq!(first["body_sha256"].as_array().unwrap().len(), 1, "each try sent the same body");
    assert_eq!(seen["deliveries"][1]["valid_signature"], false);
}

#[tokio::test]
async fn without_a_secret_nothing_is_said_of_signatures() {
    let azure = small().await;
    assert_eq!(deliver(&azure, "msg_1", "{}", SECRET).await, 204);
    let (_, seen) = azure.sim(Method::GET, "webhook/target", &Value::Null).await;
    assert_eq!(seen["deliveries"][0]["valid_signature"], Value::Null);
    assert_eq!(azure.sim(Method::DELETE, "webhook/target", &Value::Null).await.0, 204);
    let (_, seen) = azure.sim(Method::GET, "webhook/target", &Value::Null).await;
    assert_eq!(seen["raw"], 0);
}
