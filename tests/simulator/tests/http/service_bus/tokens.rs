//! Which tokens open the namespace, and which tokens the sign-in endpoints
//! hand out for it and for its neighbours.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::Value;
use simulator::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, EstateSpec, Options};

use super::{AUDIENCE, Bus, bus, with};
use crate::support::options;

/// The status and the detail of asking for a message with a header.
async fn ask(bus: &Bus, authorization: Option<&str>) -> (u16, String) {
    let request = bus.azure.http.post(bus.azure.url("/finish_run/messages/head?timeout=0"));
    let request = match authorization {
        Some(authorization) => request.header("Authorization", authorization),
        None => request,
    };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// What a token says.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

/// A token of each endpoint that hands them out.
async fn sign_in_everywhere(bus: &Bus, audience: &str) -> [String; 3] {
    let form = format!(
        "grant_type=client_credentials&client_id={DEFAULT_CLIENT_ID}&client_secret={DEFAULT_CLIENT_SECRET}&scope={audience}/.default"
    );
    let tenant = bus.azure.running.tenant();
    let entra = bus.azure.http.post(bus.azure.url(&format!("/{tenant}/oauth2/v2.0/token"))).body(form);
    let msi = format!("/msi/token?resource={audience}&api-version=2019-08-01&client_id={DEFAULT_CLIENT_ID}");
    let msi = bus.azure.http.get(bus.azure.url(&msi)).header("X-IDENTITY-HEADER", "simulated");
    let imds = format!("/metadata/identity/oauth2/token?resource={audience}&api-version=2018-02-01");
    let imds = bus.azure.http.get(bus.azure.url(&imds)).header("Metadata", "true");
    let mut tokens = Vec::new();
    for request in [entra, msi, imds] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let body: Value = answer.json().await.unwrap();
        tokens.push(body["access_token"].as_str().unwrap().to_owned());
    }
    tokens.try_into().unwrap()
}

#[tokio::test]
async fn only_a_token_for_service_bus_opens_the_namespace() {
    let bus = bus().await;
    for audience in [AUDIENCE, "https://servicebus.azure.net/"] {
        let token = bus.azure.running.token_for(audience);
        assert_eq!(ask(&bus, Some(&format!("Bearer {token}"))).await.0, 204, "{audience}");
    }
    for audience in ["https://management.azure.com", "https://storage.azure.com", &bus.azure.running.url()] {
        let token = bus.azure.running.token_for(audience);
        let (status, detail) = ask(&bus, Some(&format!("Bearer {token}"))).await;
        assert!(status == 401 && detail.contains("InvalidAudience"), "{audience}: {status} {detail}");
    }
    let sas = "SharedAccessSignature sr=x&sig=y&se=1404256819&skn=RootManageSharedAccessKey";
    for (authorization, expected) in
        [(None, "MissingToken"), (Some("Bearer a.b.c"), "MalformedToken"), (Some(sas), "LocalAuthDisabled")]
    {
        let (status, detail) = ask(&bus, authorization).await;
        assert!(status == 401 && detail.contains(expected), "{status} {detail}");
    }
    let stats = bus.azure.running.stats();
    assert_eq!(stats["service_bus"]["status"], serde_json::json!({"204": 2, "401": 6}));
}

#[tokio::test]
async fn a_token_for_service_bus_expires() {
    let bus = with(Options { token_lifetime: Duration::from_secs(60), ..options(EstateSpec::default()) }).await;
    let authorization = format!("Bearer {}", bus.token);
    assert_eq!(ask(&bus, Some(&authorization)).await.0, 204);
    bus.advance(60);
    let (status, detail) = ask(&bus, Some(&authorization)).await;
    assert!(status == 401 && detail.contains("ExpiredToken"), "{status} {detail}");
}

#[tokio::test]
async fn every_endpoint_issues_tokens_for_every_audience_and_arm_refuses_them() {
    let bus = bus().await;
    for audience in [AUDIENCE, "https://storage.azure.com", "https://vault.azure.net", "https://graph.microsoft.com"] {
        for token in sign_in_everywhere(&bus, audience).await {
            assert_eq!(claims(&token)["aud"], audience);
            let expected = if audience == AUDIENCE { 204 } else { 401 };
            assert_eq!(ask(&bus, Some(&format!("Bearer {token}"))).await.0, expected, "{audience}");
            let url = bus.azure.url("/subscriptions?api-version=2022-12-01");
            let refused: Value = bus.azure.http.get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap();
            assert_eq!(refused["error"]["code"], "InvalidAuthenticationTokenAudience", "{audience}");
        }
    }
}

#[tokio::test]
async fn tokens_for_storage_are_such_as_azurite_takes() {
    let bus = bus().await;
    let now = bus.now().as_second();
    for token in sign_in_everywhere(&bus, "https://storage.azure.com").await {
        let claims = claims(&token);
        let issuer = format!("https://sts.windows.net/{}/", bus.azure.running.tenant());
        assert_eq!(claims["iss"], issuer);
        let times = ["nbf", "iat", "exp"].map(|name| claims[name].as_i64().unwrap());
        assert_eq!(times, [now, now, now + 3600]);
    }
}

#[tokio::test]
async fn instance_metadata_demands_its_header() {
    let bus = bus().await;
    let path = "/metadata/identity/oauth2/token";
    let good = format!("{path}?api-version=2018-02-01&resource={AUDIENCE}");
    for (url, metadata, status) in [
        (good.clone(), "true", 200),
        (format!("{good}&client_id={DEFAULT_CLIENT_ID}"), "True", 200),
        (good.clone(), "", 400),
        (format!("{good}&client_id=unknown"), "true", 400),
        (format!("{path}?resource={AUDIENCE}"), "true", 400),
        (format!("{path}?api-version=2018-02-01"), "true", 400),
    ] {
        let request = bus.azure.http.request(Method::GET, bus.azure.url(&url)).header("Metadata", metadata);
        assert_eq!(request.send().await.unwrap().status(), status, "{url} {metadata}");
    }
}
