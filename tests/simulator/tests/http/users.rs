//! Sign-in of users: passwords, refresh tokens, device codes, and assertions
//! of clients.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, EstateSpec};

use crate::support::{Azure, options, small, start};

const FEED: &str = "https://www.wvd.microsoft.com/.default offline_access";
const PUBLIC_CLIENT: &str = "a85cf173-4192-42f8-81fa-777a763e6e2c";

/// Posts a form to an endpoint of a tenant.
async fn post(azure: &Azure, tenant: &str, endpoint: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let encoded: Vec<String> = form
        .iter()
        .map(|(name, value)| {
            let value: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
            format!("{name}={value}")
        })
        .collect();
    let url = azure.url(&format!("/{tenant}/oauth2/v2.0/{endpoint}"));
    let answer = azure.http.post(url).body(encoded.join("&")).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn password(azure: &Azure, account: &str, password: &str, scope: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "password"),
        ("client_id", DEFAULT_CLIENT_ID),
        ("client_secret", DEFAULT_CLIENT_SECRET),
        ("username", account),
        ("password", password),
        ("scope", scope),
    ];
    post(azure, "organizations", "token", &form).await
}

async fn refresh(azure: &Azure, token: &Value) -> (u16, Value) {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", DEFAULT_CLIENT_ID),
        ("refresh_token", token.as_str().unwrap()),
        ("scope", FEED),
    ];
    post(azure, "organizations", "token", &form).await
}

#[tokio::test]
async fn every_code_comes_with_entras_pairing_by_the_accounts_name() {
    let azure = small().await;
    for (code, status, error, suberror) in [
        (50_076, 400, "invalid_grant", Some("basic_action")),
        (50_079, 400, "interaction_required", Some("basic_action")),
        (50_158, 400, "interaction_required", Some("additional_action")),
        (53_003, 400, "invalid_grant", Some("message_only")),
        (50_126, 400, "invalid_grant", None),
        (50_055, 400, "invalid_grant", Some("user_password_expired")),
        (700_016, 400, "unauthorized_client", None),
        (7_000_112, 400, "unauthorized_client", None),
        (7_000_218, 401, "invalid_client", None),
        (65_001, 400, "invalid_grant", Some("consent_required")),
        (500_011, 400, "invalid_resource", None),
        (90_033, 503, "temporarily_unavailable", None),
        (90_055, 429, "temporarily_unavailable", None),
    ] {
        let (answered, body) = password(&azure, &format!("AADSTS{code}@contoso.com"), "any", FEED).await;
        assert_eq!((answered, body["error"].as_str()), (status, Some(error)), "{code}");
        assert_eq!(body["suberror"].as_str(), suberror, "{code}");
        assert_eq!(body["error_codes"], json!([code]));
        let description = body["error_description"].as_str().unwrap();
        assert!(description.starts_with(&format!("AADSTS{code}: ")) && description.contains("\r\nTrace ID: "));
    }
    let attempts = &azure.running.stats()["sign_in_attempts"];
    assert_eq!(attempts["aadsts50126@contoso.com"], json!({"password": {"50126": 1}}));
}

#[tokio::test]
async fn a_password_signs_in_with_a_token_for_one_resource() {
    let azure = small().await;
    let (status, body) = password(&azure, "all@contoso.com", "correct horse", FEED).await;
    assert_eq!(status, 200, "{body}");
    assert!(body["refresh_token"].is_string());
    let feed = azure.url("/api/arm/feeddiscovery");
    let agent = "MSRDC/10.0.0";
    let ask = async |token: &str, url: &str| {
        let request = azure.http.get(url).bearer_auth(token).header("x-ms-user-agent", agent);
        request.send().await.unwrap().status().as_u16()
    };
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(ask(token, &feed).await, 200);
    assert_eq!(ask(token, &azure.url("/subscriptions?api-version=2022-12-01")).await, 401);
    assert_eq!(ask(token, &azure.url("/api/feeddiscovery/webfeeddiscovery.aspx")).await, 401);
    let classic = "https://mrs-prod.ame.gbl/mrs-RDInfra-prod/user_impersonation";
    let (_, body) = password(&azure, "all@contoso.com", "x", classic).await;
    assert!(body["refresh_token"].is_null(), "only with offline_access");
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(ask(token, &azure.url("/api/feeddiscovery/webfeeddiscovery.aspx")).await, 200);
    assert_eq!(ask(token, &feed).await, 401);
    assert_eq!(azure.running.stats()["sign_in_attempts"]["all@contoso.com"]["password"]["success"], 2);
}

#[tokio::test]
async fn wrong_passwords_lock_the_account_in_the_end() {
    let azure = small().await;
    for attempt in 1..=12 {
        let (_, body) = password(&azure, "maria@contoso.com", "wrong", FEED).await;
        let expected = if attempt <= 10 { 50_126 } else { 50_053 };
        assert_eq!(body["error_codes"][0], expected, "attempt {attempt}");
    }
    let (status, _) = password(&azure, "maria@contoso.com", "right", FEED).await;
    assert_eq!(status, 400, "a locked account stays so");
    let (_, body) = password(&azure, "hugo@contoso.com", " padded", FEED).await;
    assert_eq!(body["error_codes"][0], 50_126);
}

#[tokio::test]
async fn what_entra_refuses_before_it_looks_at_the_password() {
    let azure = small().await;
    let form = |client: &'static str, secret: Option<&'static str>| {
        let mut form = vec![
            ("grant_type", "password"),
            ("client_id", client),
            ("username", "all@contoso.com"),
            ("password", "x"),
            ("scope", FEED),
        ];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        form
    };
    for (tenant, form, code) in [
        ("common", form(DEFAULT_CLIENT_ID, None), 9_001_023),
        ("consumers", form(DEFAULT_CLIENT_ID, None), 9_001_023),
        ("organizations", form(PUBLIC_CLIENT, Some("x")), 700_025),
        ("organizations", form(DEFAULT_CLIENT_ID, Some("expired")), 7_000_222),
        ("organizations", form(DEFAULT_CLIENT_ID, Some("wrong")), 7_000_215),
        ("organizations", form("somebody", None), 700_016),
    ] {
        let (_, body) = post(&azure, tenant, "token", &form).await;
        assert_eq!(body["error_codes"][0], code, "{tenant} {form:?}");
    }
    assert_eq!(post(&azure, "contoso.com", "token", &form(PUBLIC_CLIENT, None)).await.0, 200);
    let (_, body) = password(&azure, "all@contoso.com", "x", "https://example.com/.default").await;
    assert_eq!((&body["error"], &body["error_codes"][0]), (&json!("invalid_resource"), &json!(500_011)));
}

#[tokio::test]
async fn refresh_tokens_rotate_and_end_with_the_session() {
    let azure = small().await;
    let (_, body) = password(&azure, "all@contoso.com", "x", FEED).await;
    let first = body["refresh_token"].clone();
    let (status, body) = refresh(&azure, &first).await;
    assert_eq!(status, 200);
    assert_ne!(body["refresh_token"], first);
    assert_eq!(refresh(&azure, &first).await.0, 200, "an old one stays good, as at Entra");
    azure.sim(Method::PUT, "feed", &json!({"single_use_refresh_tokens": true})).await;
    assert_eq!(refresh(&azure, &first).await.1["error_codes"][0], 70_000);
    let second = body["refresh_token"].clone();
    let access = body["access_token"].as_str().unwrap();
    let discovery = async || {
        let request = azure.http.get(azure.url("/api/arm/feeddiscovery")).header("x-ms-user-agent", "MSRDC/10.0.0");
        request.bearer_auth(access).send().await.unwrap().status().as_u16()
    };
    assert_eq!(discovery().await, 200);
    azure.sim(Method::PUT, "feed/revoke", &json!({"account": "ALL@contoso.com"})).await;
    let (status, body) = refresh(&azure, &second).await;
    assert_eq!((status, &body["error_codes"][0], &body["suberror"]), (400, &json!(50_173), &json!("bad_token")));
    assert_eq!(discovery().await, 401);
    let (_, body) = password(&azure, "all@contoso.com", "x", FEED).await;
    let third = body["refresh_token"].clone();
    azure.sim(Method::PUT, "feed/outcome", &json!({"account": "all@contoso.com", "code": 50076})).await;
    assert_eq!(refresh(&azure, &third).await.1["error_codes"][0], 50_076);
    azure.sim(Method::PUT, "feed", &json!({"single_use_refresh_tokens": false})).await;
    azure.sim(Method::PUT, "feed/outcome", &json!({"account": "all@contoso.com", "code": null})).await;
    azure.running.clock().advance(Duration::from_secs(91 * 24 * 3600));
    assert_eq!(refresh(&azure, &third).await.1["error_codes"][0], 700_082);
}

#[tokio::test]
async fn a_device_code_waits_for_the_person() {
    let azure = start(options(EstateSpec::default())).await;
    let ask = [("client_id", DEFAULT_CLIENT_ID), ("scope", FEED)];
    let poll = async |code: &str| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", DEFAULT_CLIENT_ID),
            ("device_code", code),
        ];
        let (_, body) = post(&azure, "organizations", "token", &form).await;
        body["error"].as_str().unwrap_or("success").to_owned()
    };
    let begin = async || post(&azure, "organizations", "devicecode", &ask).await.1;
    let text = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();

    let body = begin().await;
    assert!(text(&body, "message").contains(&text(&body, "user_code")));
    let code = text(&body, "device_code");
    for expected in ["authorization_pending", "authorization_pending", "success", "invalid_grant"] {
        assert_eq!(poll(&code).await, expected);
    }
    for (outcome, expected) in [
        ("declined", "authorization_declined"),
        ("expired", "expired_token"),
        ("slow_down", "slow_down"),
        ("aadsts53003", "invalid_grant"),
    ] {
        azure.sim(Method::PUT, "feed/device", &json!({"outcome": outcome, "polls": 0})).await;
        assert_eq!(poll(&text(&begin().await, "device_code")).await, expected);
    }
    azure.sim(Method::PUT, "feed/device", &json!({"outcome": "success", "polls": 1000})).await;
    let body = begin().await;
    let code = text(&body, "device_code");
    assert_eq!(poll(&code).await, "authorization_pending");
    let person = format!("feed/device/{}", text(&body, "user_code"));
    let (status, _) = azure.sim(Method::POST, &person, &json!({"account": "guest@contoso.com"})).await;
    assert_eq!(status, 200);
    assert_eq!(poll(&code).await, "success");
    let late = text(&begin().await, "device_code");
    azure.running.clock().advance(Duration::from_secs(900));
    assert_eq!(poll(&late).await, "expired_token");
    assert_eq!(azure.running.stats()["sign_in_attempts"]["guest@contoso.com"]["device_code"]["success"], 1);
}

#[tokio::test]
async fn an_assertion_is_looked_at() {
    let azure = small().await;
    let tenant = azure.running.tenant().to_owned();
    let now = azure.running.clock().now().as_second();
    let audience = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
    let good = json!({"aud": audience, "iss": DEFAULT_CLIENT_ID, "sub": DEFAULT_CLIENT_ID, "exp": now + 600});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "RS256", "typ": "JWT", "x5t": "thumbprint"});
    for (header, claims, expected) in [
        (&header, good.clone(), None),
        (&header, with("aud", json!("https://login.microsoftonline.com/other/oauth2/v2.0/token")), Some(700_023)),
        (&header, with("exp", json!(now - 600)), Some(700_024)),
        (&header, with("iss", json!("somebody")), Some(700_021)),
        (&json!({"alg": "none"}), good.clone(), Some(700_027)),
    ] {
        let assertion = format!("{}.{}.{}", encode(header), encode(&claims), encode(&json!("signature")));
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", DEFAULT_CLIENT_ID),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
            ("scope", "https://management.azure.com/.default"),
        ];
        let (status, body) = post(&azure, &tenant, "token", &form).await;
        assert_eq!(body["error_codes"][0].as_u64(), expected, "{claims}");
        assert_eq!(status == 200, expected.is_none());
    }
}
