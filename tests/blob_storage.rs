//! Blob Storage as Azurite has it: the suite that every store of documents passes.
//!
//! `cargo xtask test` installs and starts Azurite and says where it is; without that there is nothing to test against,
//! which is said aloud.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use poolwarden_azure::{AccessToken, BlobDocuments, Credentials, Http, SignInError};
use poolwarden_store::{Documents, Expect};
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

/// The address of a container of this test's, new; nothing without Azurite.
pub(crate) async fn new_container(name: &str) -> Option<String> {
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

/// The documents of a container of this test's.
async fn container(name: &str) -> Option<Arc<dyn Documents>> {
    let container = new_container(name).await?;
    Some(Arc::new(BlobDocuments::new(Http::new().unwrap(), Arc::new(Tokens), &container).unwrap()))
}

macro_rules! behaviours {
    ($($behaviour:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $behaviour() {
            if let Some(store) = container(stringify!($behaviour)).await {
                poolwarden_store::conformance::documents::$behaviour(store, "t/").await;
            }
        })+
    };
}

poolwarden_store::document_behaviours!(behaviours);

#[tokio::test]
async fn blobs_have_the_content_types_of_what_they_hold() {
    let Some(store) = container("content_types").await else { return };
    let png: &[u8] = b"\x89PNG\r\n\x1a\nrest";
    store.put("icons/1", png.into(), Expect::Absent).await.unwrap();
    store.put("runs/1", "{}".into(), Expect::Absent).await.unwrap();
    for (key, body) in [("icons/1", png), ("runs/1", b"{}".as_slice())] {
        assert_eq!(store.get(key).await.unwrap().unwrap().body, body);
    }
}
