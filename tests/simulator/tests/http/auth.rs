//! Sign-in: who gets a token, and which tokens are taken.

use std::time::Duration;

use serde_json::Value;
use simulator::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, EstateSpec, Options};

use crate::support::{Azure, options, small, start};

const SCOPE: &str = "https%3A%2F%2Fmanagement.azure.com%2F.default";

async fn sign_in(azure: &Azure, tenant: &str, form: &str) -> (u16, Value) {
    let answer = azure
        .http
        .post(azure.url(&format!("/{tenant}/oauth2/v2.0/token")))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned())
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Status, error code and challenge of listing subscriptions with a token.
async fn use_token(azure: &Azure, token: &str) -> (u16, String, bool) {
    let url = azure.url("/subscriptions?api-version=2022-12-01");
    let answer = azure.http.get(url).bearer_auth(token).send().await.unwrap();
    let status = answer.status().as_u16();
    let challenged = answer
        .headers()
        .get("www-authenticate")
        .is_some_and(|value| value.to_str().unwrap().starts_with("Bearer authorization_uri="));
    let body: Value = answer.json().await.unwrap();
    (status, body["error"]["code"].as_str().unwrap_or("").to_owned(), challenged)
}

#[tokio::test]
async fn a_client_signs_in_and_its_token_expires() {
    let estate = EstateSpec::default();
    let azure = start(Options { token_lifetime: Duration::from_secs(600), ..options(estate) }).await;
    let form = format!(
        "grant_type=client_credentials&client_id={DEFAULT_CLIENT_ID}&client_secret={DEFAULT_CLIENT_SECRET}&scope={SCOPE}"
    );
    let (status, body) = sign_in(&azure, azure.running.tenant(), &form).await;
    assert_eq!((status, &body["expires_in"]), (200, &Value::from(600)));
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(use_token(&azure, token).await.0, 200);
    azure.running.clock().advance(Duration::from_secs(599));
    assert_eq!(use_token(&azure, token).await.0, 200);
    azure.running.clock().advance(Duration::from_secs(1));
    assert_eq!(use_token(&azure, token).await, (401, "ExpiredAuthenticationToken".to_owned(), true));
    assert_eq!(azure.running.stats()["sign_ins"], 1);
}

#[tokio::test]
async fn wrong_credentials_are_refused_as_entra_does() {
    let azure = small().await;
    let tenant = azure.running.tenant().to_owned();
    let form = |id: &str, rest: &str| format!("grant_type=client_credentials&client_id={id}&{rest}&scope={SCOPE}");
    let known = DEFAULT_CLIENT_ID;
    let assertion = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    for (tenant, form, status, code) in [
        (tenant.as_str(), form("nobody", "client_secret=x"), 400, 700_016),
        (&tenant, form(known, "client_secret=wrong"), 401, 7_000_215),
        (&tenant, form(known, "nothing=1"), 401, 7_000_218),
        (&tenant, form(known, &format!("{assertion}&client_assertion=nojwt")), 401, 50_027),
        (&tenant, form(known, "client_secret=expired"), 401, 7_000_222),
        ("another-tenant", form(known, "client_secret=x"), 400, 90_002),
        (&tenant, "grant_type=guess".to_owned(), 400, 70_003),
    ] {
        let (answered, body) = sign_in(&azure, tenant, &form).await;
        assert_eq!((answered, &body["error_codes"][0]), (status, &Value::from(code)), "{form}");
        assert!(body["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{code}: ")));
        for field in ["error", "timestamp", "trace_id", "correlation_id"] {
            assert!(body[field].is_string(), "{field}");
        }
    }
}

#[tokio::test]
async fn the_managed_identity_demands_its_header() {
    let azure = small().await;
    let ask = async |query: &str, header: &str| {
        let url = azure.url(&format!("/msi/token?{query}"));
        let answer = azure.http.get(url).header("X-IDENTITY-HEADER", header).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let query = "resource=https://management.azure.com&api-version=2019-08-01";
    let (status, body) = ask(query, "simulated").await;
    assert_eq!((status, &body["token_type"]), (200, &Value::from("Bearer")));
    let expected = azure.running.clock().now().as_second() + 3600;
    assert_eq!(body["expires_on"], expected.to_string(), "seconds since 1970, as text");
    assert_eq!(use_token(&azure, body["access_token"].as_str().unwrap()).await.0, 200);
    assert_eq!(ask(query, "guess").await.0, 401);
    assert_eq!(ask("api-version=2019-08-01", "simulated").await.0, 400);
    assert_eq!(ask(&format!("{query}&client_id=unknown"), "simulated").await.0, 400);
    assert_eq!(ask(&format!("{query}&client_id={DEFAULT_CLIENT_ID}"), "simulated").await.0, 200);

    let (_, other) = ask("resource=https://vault.azure.net&api-version=2019-08-01", "simulated").await;
    let refused = use_token(&azure, other["access_token"].as_str().unwrap()).await;
    assert_eq!(refused, (401, "InvalidAuthenticationTokenAudience".to_owned(), true));
}

#[tokio::test]
async fn foreign_and_forged_tokens_are_refused() {
    let azure = small().await;
    let elsewhere = small().await;
    let invalid = (401, "InvalidAuthenticationToken".to_owned(), true);
    assert_eq!(use_token(&azure, &elsewhere.running.token()).await, invalid, "its key is of another run");
    let mut forged = azure.running.token();
    forged.truncate(forged.len() - 4);
    assert_eq!(use_token(&azure, &forged).await, invalid);
    let answer = azure.http.get(azure.url("/subscriptions?api-version=2022-12-01")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["code"], "AuthenticationFailed");
}
