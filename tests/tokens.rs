//! Signed imports by applications of a Microsoft Entra tenant.

use crate::desk::Desk;
use crate::harness::tiny;
use crate::imports::{connection, runs};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const CLIENT: &str = "22222222-2222-2222-2222-222222222222";

/// A tenant's keys, and an application's tokens.
struct Tenant {
    server: MockServer,
    key: KeyPair,
}

impl Tenant {
    async fn new() -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let server = MockServer::start().await;
        let number = |bytes: &[u8]| BASE64URL.encode(bytes);
        let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
        let keys = json!({"keys": [{"kty": "RSA", "use": "sig", "kid": "k1",
            "n": number(n.big_endian_without_leading_zero()), "e": number(e.big_endian_without_leading_zero())}]});
        let answer = ResponseTemplate::new(200).set_body_json(keys);
        Mock::given(path(format!("/{TENANT}/discovery/v2.0/keys"))).respond_with(answer).mount(&server).await;
        Self { server, key }
    }

    fn settings(&self) -> String {
        format!(
            "enabled = false\n[import]\nendpoints = {{ authority = \"{}\" }}\n[import.entra]\ntenant = \"{TENANT}\"\n\
             audience = \"api://poolwarden\"\nclients = [\"{CLIENT}\"]\n",
            self.server.uri()
        )
    }

    fn token(&self, desk: &Desk, claim: &str, value: &Value) -> String {
        let now = desk.deps.now().as_second();
        let mut claims = json!({"iss": format!("https://sts.windows.net/{TENANT}/"), "aud": "api://poolwarden",
            "tid": TENANT, "appid": CLIENT, "nbf": now, "exp": now + 3600});
        claims[claim] = value.clone();
        let part = |value: Value| BASE64URL.encode(value.to_string());
        let text = format!("{}.{}", part(json!({"alg": "RS256", "kid": "k1"})), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        format!("Bearer {text}.{}", BASE64URL.encode(signature))
    }
}

#[tokio::test]
async fn an_application_of_the_tenant_asks_with_its_token() {
    let tenant = Tenant::new().await;
    let desk = Desk::new(tiny(), &tenant.settings()).await;
    let ask = async |token: &str| {
        let headers = [("Authorization", token), ("Idempotency-Key", "1")];
        let (status, answer, _) = desk.call("import_webhook_signed", "POST", &headers, Some(&connection())).await;
        (status, answer)
    };
    let before = desk.everything().await;
    for (claim, value) in [
        ("aud", json!("api://another")),
        ("iss", json!("https://sts.windows.net/22222222-2222-2222-2222-222222222222/")),
        ("exp", json!(desk.deps.now().as_second() - 61)),
        ("appid", json!("33333333-3333-3333-3333-333333333333")),
    ] {
        assert_eq!(ask(&tenant.token(&desk, claim, &value)).await, (401, json!({"error": "unauthorized"})), "{claim}");
    }
    let good = tenant.token(&desk, "ver", &json!("1.0"));
    let forged = good[..good.len() - 8].to_owned() + "AAAAAAAA";
    assert_eq!(ask(&forged).await.0, 401);
    assert_eq!(desk.everything().await, before);
    let first = ask(&good).await;
    assert_eq!((first.0, &first), (202, &ask(&good).await), "and may ask again under its key");
    assert_eq!(runs(&desk).await.len(), 1);
    tenant.server.reset().await;
    let stranger = Tenant::new().await;
    let lost = Desk::new(tiny(), &stranger.settings()).await;
    stranger.server.reset().await;
    let token = stranger.token(&lost, "ver", &json!("1.0"));
    let headers = [("authorization", token.as_str())];
    let (status, _, _) = lost.call("import_webhook_signed", "POST", &headers, Some(&connection())).await;
    assert_eq!(status, 503, "nobody can tell; it may ask again");
}
