//! Blob Storage as Azurite has it: the suite that every store of documents passes.
//!
//! `cargo xtask test` installs and starts Azurite and says where it is; without that there is nothing to test against,
//! which is said aloud.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use poolwarden_azure::{AccessToken, BlobDocuments, Credentials, Http, SignInError};
use poolwarden_store::{Documents, Expect, StoreError, Version};
use secrecy::ExposeSecret;
use serde_json::json;
use std::sync::Arc;

/// The address of Azurite's blob service with its account: `https://127.0.0.1:PORT/devstoreaccount1`. It asks for
/// tokens, and its certificate is one that this process trusts.
const AZURITE: &str = "POOLWARDEN_TEST_AZURITE";

/// Tokens as Microsoft Entra makes them for storage; Azurite looks at issuer, audience and times.
struct Tokens;

#[async_trait]
impl Credentials for Tokens {
    async fn token(&self, scope: &str) -> Result<AccessToken, SignInError> {
        let now = Timestamp::now();
        let expires_at = now + SignedDuration::from_hours(1);
        let claims = json!({
            "aud": scope.trim_end_matches("/.default"),
            "iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
            "nbf": now.as_second() - 60, "iat": now.as_second() - 60, "exp": expires_at.as_second(),
        });
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let token =
            format!("{}.{}.{}", part(json!({"alg": "none"}).to_string()), part(claims.to_string()), part("x".into()));
        Ok(AccessToken { secret: token.into(), expires_at })
    }

    fn reject(&self, _: &str, _: &AccessToken) {}

    fn forget(&self) {}
}

/// The address of a new container; nothing without Azurite.
pub(crate) async fn container(name: &str) -> Option<String> {
    let Ok(account) = std::env::var(AZURITE) else {
        eprintln!("SKIPPED: {AZURITE} does not say where Azurite is; run `cargo xtask test`");
        return None;
    };
    let name = format!("{}-{}", name.replace('_', "-"), Timestamp::now().as_microsecond());
    let container = format!("{account}/{name}");
    let token = Tokens.token("https://storage.azure.com/.default").await.unwrap();
    let created = reqwest::Client::new()
        .put(format!("{container}?restype=container"))
        .bearer_auth(token.secret.expose_secret())
        .header("x-ms-version", "2023-11-03")
        .header("content-length", "0")
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 201, "{}", created.text().await.unwrap());
    Some(container)
}

/// The documents in a new container; nothing without Azurite.
async fn documents(name: &str) -> Option<Arc<dyn Documents>> {
    let container = container(name).await?;
    Some(Arc::new(BlobDocuments::new(Http::new().unwrap(), Arc::new(Tokens), &container).unwrap()))
}

macro_rules! behaviours {
    ($($behaviour:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $behaviour() {
            if let Some(store) = documents(stringify!($behaviour)).await {
                poolwarden_store::conformance::documents::$behaviour(store, "t/").await;
            }
        })+
    };
}

poolwarden_store::document_behaviours!(behaviours);

#[tokio::test]
async fn blobs_have_the_content_types_of_what_they_hold() {
    let Some(store) = documents("content_types").await else { return };
    let png: &[u8] = b"\x89PNG\r\n\x1a\nrest";
    store.put("icons/1", png.into(), Expect::Absent).await.unwrap();
    store.put("runs/1", "{}".into(), Expect::Absent).await.unwrap();
    for (key, body) in [("icons/1", png), ("runs/1", b"{}".as_slice())] {
        assert_eq!(store.get(key).await.unwrap().unwrap().body, body);
    }
}

/// What an error and its causes say.
fn told(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", told(source)),
        None => error.to_string(),
    }
}

/// A container that is not there is no container without documents, and no document that was written already.
#[tokio::test]
async fn a_missing_container_is_said_to_be_missing() {
    let Some(container) = container("there").await else { return };
    let missing = format!("{container}-not");
    let store = BlobDocuments::new(Http::new().unwrap(), Arc::new(Tokens), &missing).unwrap();
    let version = Version("\"0x1\"".to_owned());
    for error in [
        store.get("runs/1").await.err(),
        store.put("runs/1", "{}".into(), Expect::Absent).await.err(),
        store.put("runs/1", "{}".into(), Expect::Version(version.clone())).await.err(),
        store.delete("runs/1", &version).await.err(),
        store.list("runs/", None, 1).await.err(),
        store.scan("runs/", None, 1).await.err(),
    ] {
        let error = error.unwrap();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        let text = told(&error);
        assert!(text.contains("container does not exist") && text.contains("POOLWARDEN_BLOB"), "{text}");
    }
}

/// Names with escapes come before their keys' places.
#[tokio::test]
async fn a_short_listing_has_the_first_keys_of_all() {
    let Some(store) = documents("short_listings").await else { return };
    let mut keys = ["a/\u{e4}", "a/b c", "a/b.", "a/b", "a/b0", "a/b//c", "a/b/c", "a/ ", "a/~", "a/z", "ab"].to_vec();
    for key in &keys {
        store.put(key, "{}".into(), Expect::Absent).await.unwrap();
    }
    keys.sort_unstable();
    for prefix in ["", "a", "a/", "a/b", "a/z", "c"] {
        let expected: Vec<&str> = keys.iter().copied().filter(|key| key.starts_with(prefix)).collect();
        for limit in 1..=keys.len() + 1 {
            let listed = store.list(prefix, None, limit).await.unwrap();
            let listed: Vec<&str> = listed.iter().map(|row| row.key.as_str()).collect();
            assert_eq!(listed, expected[..limit.min(expected.len())], "{limit} of {prefix:?}");
        }
    }
}

/// Blob Storage counts the characters of the name, in which an escape has three.
#[tokio::test]
async fn a_key_whose_name_is_too_long_is_refused() {
    let container = "https://contoso.blob.core.windows.net/poolwarden";
    let store = BlobDocuments::new(Http::new().unwrap(), Arc::new(Tokens), container).unwrap();
    let key = "~".repeat(342);
    let refused = store.put(&key, "{}".into(), Expect::Absent).await;
    assert!(
        matches!(&refused, Err(StoreError::InvalidKey { problem, .. }) if problem.contains("escapes")),
        "{refused:?}"
    );
}
