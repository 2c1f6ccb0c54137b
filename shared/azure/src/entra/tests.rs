use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};
use std::sync::LazyLock;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const CLIENT: &str = "22222222-2222-2222-2222-222222222222";
const AUDIENCE: &str = "api://poolwarden";

/// Made once: that takes longest of all here.
static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());
static STRANGER: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn encoded(value: &Value) -> String {
    BASE64URL.encode(value.to_string())
}

fn signed(header: &Value, claims: &Value, key: &KeyPair) -> String {
    let text = format!("{}.{}", encoded(header), encoded(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", BASE64URL.encode(signature))
}

fn header(kid: &str) -> Value {
    json!({"typ": "JWT", "alg": "RS256", "kid": kid})
}

fn published(kid: &str) -> Value {
    let key = KEY.public_key();
    let (n, e) = (key.modulus(), key.exponent());
    json!({"kty": "RSA", "use": "sig", "kid": kid, "n": BASE64URL.encode(n.big_endian_without_leading_zero()),
        "e": BASE64URL.encode(e.big_endian_without_leading_zero()), "x5c": ["…"], "issuer": "…"})
}

struct Authority {
    server: MockServer,
    verifier: TokenVerifier,
}

impl Authority {
    async fn new(clients: &[&str], roles: &[&str]) -> Self {
        let server = MockServer::start().await;
        let endpoints = Endpoints::of(Cloud::Public).with_authority(&server.uri()).unwrap();
        let own = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let trusted = TrustedCallers {
            tenant: TENANT.to_owned(),
            audiences: own(&[AUDIENCE]),
            clients: own(clients),
            roles: own(roles),
        };
        let verifier = TokenVerifier::new(Http::new().unwrap(), &endpoints, trusted);
        Self { server, verifier }
    }

    async fn publishes(&self, answer: ResponseTemplate) {
        self.server.reset().await;
        Mock::given(path(format!("/{TENANT}/discovery/v2.0/keys"))).respond_with(answer).mount(&self.server).await;
    }

    async fn publishes_keys(&self, kids: &[&str]) {
        let mut keys = vec![json!({"kty": "EC", "kid": "ec", "crv": "P-256"}), json!(7)];
        keys.extend(kids.iter().map(|kid| published(kid)));
        self.publishes(ResponseTemplate::new(200).set_body_json(json!({ "keys": keys }))).await;
    }

    async fn fetches(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }

    fn claims(&self) -> Value {
        json!({"iss": format!("{}/{TENANT}/v2.0", self.server.uri()), "aud": AUDIENCE, "tid": TENANT, "azp": CLIENT,
            "iat": at(0).as_second(), "nbf": at(0).as_second(), "exp": at(3600).as_second(), "roles": ["Import.Run"]})
    }

    async fn verify(&self, claims: &Value, second: i64) -> Result<Caller, TokenError> {
        self.verifier.verify(&signed(&header("k1"), claims, &KEY), at(second)).await
    }
}

#[tokio::test]
async fn tokens_of_both_versions_open_the_door() {
    let authority = Authority::new(&[CLIENT], &["Import.Run"]).await;
    authority.publishes_keys(&["k1"]).await;
    let mut claims = authority.claims();
    assert_eq!(authority.verify(&claims, 0).await, Ok(Caller { client: CLIENT.to_owned() }));
    claims["iss"] = json!(format!("https://sts.windows.net/{TENANT}/"));
    claims["appid"] = claims["azp"].take();
    assert_eq!(authority.verify(&claims, 0).await, Ok(Caller { client: CLIENT.to_owned() }));
    assert_eq!(authority.fetches().await, 1);
}

#[tokio::test]
async fn whatever_is_not_right_is_refused() {
    let authority = Authority::new(&[CLIENT], &["Import.Run", "Import.All"]).await;
    authority.publishes_keys(&["k1"]).await;
    let other = "99999999-9999-9999-9999-999999999999";
    for (claim, value) in [
        ("aud", json!("https://management.azure.com")),
        ("aud", json!([AUDIENCE])),
        ("aud", Value::Null),
        ("iss", json!(format!("https://sts.windows.net/{other}/"))),
        ("iss", json!(format!("https://login.microsoftonline.com/{TENANT}/v2.0"))),
        ("tid", json!(other)),
        ("azp", json!(other)),
        ("azp", Value::Null),
        ("roles", json!(["Import"])),
        ("roles", json!([])),
        ("exp", json!(at(-60).as_second())),
        ("exp", json!("never")),
        ("nbf", json!(at(61).as_second())),
    ] {
        let mut claims = authority.claims();
        claims[claim] = value.clone();
        let refused = authority.verify(&claims, 0).await;
        assert!(matches!(refused, Err(TokenError::Refused(_))), "{claim} = {value}: {refused:?}");
    }
    for (claim, value) in [("exp", json!(at(-59).as_second())), ("nbf", json!(at(60).as_second()))] {
        let mut claims = authority.claims();
        claims[claim] = value;
        assert!(authority.verify(&claims, 0).await.is_ok(), "{claim} within the leeway");
    }
}

#[tokio::test]
async fn only_the_tenants_own_signature_counts() {
    let authority = Authority::new(&[CLIENT], &[]).await;
    authority.publishes_keys(&["k1"]).await;
    let claims = authority.claims();
    let good = signed(&header("k1"), &claims, &KEY);
    let (text, signature) = good.rsplit_once('.').unwrap();
    let public = KEY.public_key();
    let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(public).unwrap();
    let confused = {
        // The public key, known to all, as a secret.
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, der.as_ref());
        let text = format!("{}.{}", encoded(&json!({"alg": "HS256", "kid": "k1"})), encoded(&claims));
        let mac = aws_lc_rs::hmac::sign(&key, text.as_bytes());
        format!("{text}.{}", BASE64URL.encode(mac.as_ref()))
    };
    for token in [
        signed(&header("k1"), &claims, &STRANGER),
        format!("{}.{}.{signature}", encoded(&header("k1")), encoded(&json!({"azp": CLIENT}))),
        format!("{text}."),
        format!("{}.{}.", encoded(&json!({"alg": "none", "kid": "k1"})), encoded(&claims)),
        signed(&json!({"alg": "RS384", "kid": "k1"}), &claims, &KEY),
        signed(&json!({"alg": "RS256"}), &claims, &KEY),
        confused,
        text.to_owned(),
        String::new(),
        "a.b.c".to_owned(),
        format!("{good}{}", "A".repeat(MAX_TOKEN_BYTES)),
    ] {
        let refused = authority.verifier.verify(&token, at(0)).await;
        assert!(matches!(refused, Err(TokenError::Refused(_))), "{token}: {refused:?}");
    }
    assert!(authority.verifier.verify(&good, at(0)).await.is_ok());
}

#[tokio::test]
async fn nobody_in_particular_is_nobody() {
    let authority = Authority::new(&[], &[]).await;
    authority.publishes_keys(&["k1"]).await;
    assert_eq!(authority.verify(&authority.claims(), 0).await, Err(TokenError::Refused("no application is let in")));
}

#[tokio::test]
async fn unknown_keys_are_asked_for_once_a_minute_whoever_asks() {
    let authority = Authority::new(&[CLIENT], &[]).await;
    authority.publishes_keys(&["old"]).await;
    let claims = authority.claims();
    let unknown = Err(TokenError::Refused("it names a key that the tenant does not have"));
    for second in [0, 1, 59] {
        assert_eq!(authority.verify(&claims, second).await, unknown, "{second}");
        let stray = signed(&header(&format!("stray-{second}")), &claims, &STRANGER);
        assert_eq!(authority.verifier.verify(&stray, at(second)).await, unknown);
    }
    assert_eq!(authority.fetches().await, 1);
    authority.publishes_keys(&["old", "k1"]).await;
    assert!(authority.verify(&claims, 60).await.is_ok(), "the tenant has a new key");
    assert!(authority.verify(&claims, 200).await.is_ok());
    assert_eq!(authority.fetches().await, 1, "of the keys as they are now");
}

#[tokio::test]
async fn keys_are_fetched_anew_after_a_day_and_used_while_they_cannot_be() {
    let authority = Authority::new(&[CLIENT], &[]).await;
    authority.publishes_keys(&["k1"]).await;
    let day = 24 * 60 * 60;
    let claims =
        json!({"exp": at(3 * day).as_second(), "iss": authority.claims()["iss"], "aud": AUDIENCE, "azp": CLIENT});
    assert!(authority.verify(&claims, 0).await.is_ok());
    authority.publishes(ResponseTemplate::new(503)).await;
    for second in [day - 1, day, day + 1] {
        assert!(authority.verify(&claims, second).await.is_ok(), "{second}");
    }
    assert_eq!(authority.fetches().await, 1, "it was tried, and not at every call");
    authority.publishes_keys(&["k2"]).await;
    assert!(authority.verify(&claims, day + 61).await.is_err(), "the tenant has withdrawn it");
}

#[tokio::test]
async fn without_any_key_nobody_can_tell() {
    let authority = Authority::new(&[CLIENT], &[]).await;
    for answer in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_json(json!({"keys": []})),
        ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/"),
    ] {
        authority.publishes(answer).await;
        let second = i64::try_from(authority.fetches().await).unwrap();
        let told = authority.verify(&authority.claims(), second).await;
        assert!(matches!(told, Err(TokenError::NoKeys { .. })), "{told:?}");
    }
}
