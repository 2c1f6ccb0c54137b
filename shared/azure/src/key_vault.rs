//! Secrets in Key Vault: `GET {vault}/secrets/{name}[/{version}]`, and `PUT {vault}/secrets/{name}`.

use crate::answers::error_text;
use crate::cloud::Endpoints;
use crate::http::{BodyError, Http, read_body, transport_text};
use crate::sign_in::{Credentials, SignInError};
use crate::versions::KEY_VAULT;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Largest answer, in bytes: a secret holds 25 KiB at most.
const ANSWER_LIMIT: usize = 256 * 1024;
/// How often a vault that fails is asked.
const TRIES: u32 = 3;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest time for one answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Reads and writes secrets with one identity.
#[derive(Clone)]
pub struct KeyVault {
    http: Http,
    credentials: Arc<dyn Credentials>,
    endpoints: Endpoints,
}

/// Why a secret could not be read or written. Names the secret, never its value.
#[derive(Debug, thiserror::Error)]
pub enum KeyVaultError {
    /// The reference is no secret in one of the cloud's vaults, so no token is sent there.
    #[error("`{0}` is no secret in a vault of this cloud; expected https://<vault>{1}/secrets/<name>")]
    NotAVault(String, String),
    /// There is no token for the vault.
    #[error("signing in to the vault of {secret} failed")]
    SignIn {
        /// The secret.
        secret: String,
        /// Why.
        #[source]
        source: SignInError,
    },
    /// The vault does not let this identity read it.
    #[error("{0} may not be read ({1}); grant Key Vault Secrets User on the vault, and check its firewall")]
    Forbidden(String, String),
    /// The vault does not let this identity write it.
    #[error("{0} may not be written ({1}); grant Key Vault Secrets Officer on the vault, and check its firewall")]
    NotWritable(String, String),
    /// There is no such secret.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The vault failed or was out of reach.
    #[error("{0} is out of reach now: {1}")]
    Unavailable(String, String),
    /// The answer holds no secret.
    #[error("{0} was answered with something that is no secret")]
    Malformed(String),
}

impl KeyVaultError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(..) => true,
            Self::SignIn { source, .. } => matches!(source, SignInError::Unreachable(_)),
            _ => false,
        }
    }
}

impl KeyVault {
    /// Reads with `credentials`, in the vaults that `endpoints` allow.
    pub fn new(http: Http, credentials: Arc<dyn Credentials>, endpoints: Endpoints) -> Self {
        Self { http, credentials, endpoints }
    }

    /// The current value of a secret, or of one version of it.
    pub async fn secret(&self, reference: &Url) -> Result<SecretString, KeyVaultError> {
        self.ask(reference, None).await
    }

    /// Gives a secret a new version, or makes it. What was there stays as an older version.
    pub async fn set_secret(&self, reference: &Url, value: &SecretString) -> Result<(), KeyVaultError> {
        self.ask(reference, Some(value)).await.map(|_| ())
    }

    /// Reads a secret, or writes one: the vault answers both with the value.
    async fn ask(&self, reference: &Url, value: Option<&SecretString>) -> Result<SecretString, KeyVaultError> {
        let name = format!("{}{}", reference.host_str().unwrap_or_default(), reference.path());
        let is_secret = match reference.path().split('/').collect::<Vec<_>>()[..] {
            ["", "secrets", name] => !name.is_empty(),
            // A version is what it is for ever.
            ["", "secrets", name, _] => !name.is_empty() && value.is_none(),
            _ => false,
        };
        let mut url = self.endpoints.key_vault_override().unwrap_or(reference).clone();
        if !is_secret || !self.endpoints.is_key_vault(&url) {
            return Err(KeyVaultError::NotAVault(name, self.endpoints.key_vault_suffix().to_owned()));
        }
        url.set_path(reference.path());
        url.set_query(Some(&format!("api-version={KEY_VAULT}")));
        let mut pause = PAUSE;
        let mut renewed = false;
        let mut tries_left = TRIES;
        loop {
            tries_left -= 1;
            match self.attempt(&url, &name, value, &mut renewed).await {
                Err(KeyVaultError::Unavailable(..)) if tries_left > 0 => {
                    tokio::time::sleep(crate::throttle::jittered(pause)).await;
                    pause *= 2;
                }
                answer => return answer,
            }
        }
    }

    async fn attempt(
        &self,
        url: &Url,
        name: &str,
        value: Option<&SecretString>,
        renewed: &mut bool,
    ) -> Result<SecretString, KeyVaultError> {
        #[derive(Deserialize)]
        struct Bundle {
            value: String,
        }
        let scope = self.endpoints.key_vault_scope();
        let broken = |text: String| KeyVaultError::Unavailable(name.to_owned(), text);
        let (status, body) = loop {
            let token = self.credentials.token(scope).await;
            let token = token.map_err(|source| KeyVaultError::SignIn { secret: name.to_owned(), source })?;
            let request = match value {
                None => self.http.0.get(url.clone()),
                Some(value) => self.http.0.put(url.clone()).json(&json!({ "value": value.expose_secret() })),
            };
            let request = request.bearer_auth(token.secret.expose_secret()).timeout(TIMEOUT);
            let response = request.send().await.map_err(|error| broken(transport_text(error)))?;
            let status = response.status().as_u16();
            if status == 401 && !*renewed {
                *renewed = true;
                self.credentials.reject(scope, &token);
                continue;
            }
            let body = read_body(response, ANSWER_LIMIT).await.map_err(|error| match error {
                BodyError::TooLarge => KeyVaultError::Malformed(name.to_owned()),
                BodyError::Broken(text) => broken(text),
            })?;
            break (status, body);
        };
        match status {
            200 => serde_json::from_slice::<Bundle>(&body)
                .map(|bundle| bundle.value.into())
                .map_err(|_| KeyVaultError::Malformed(name.to_owned())),
            404 if value.is_none() => Err(KeyVaultError::NotFound(name.to_owned())),
            408 | 429 | 500..=599 => Err(broken(format!("{status} {}", error_text(&body)))),
            _ if value.is_some() => {
                Err(KeyVaultError::NotWritable(name.to_owned(), format!("{status} {}", error_text(&body))))
            }
            _ => Err(KeyVaultError::Forbidden(name.to_owned(), format!("{status} {}", error_text(&body)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;
    use crate::testing::FixedToken;
    use wiremock::matchers::{body_json, header, method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    async fn vault(server: &MockServer) -> KeyVault {
        let endpoints = Endpoints::of(Cloud::Public).with_key_vault(&server.uri()).unwrap();
        KeyVault::new(Http::new().unwrap(), Arc::new(FixedToken::default()), endpoints)
    }

    fn reference() -> Url {
        Url::parse("https://keys.vault.azure.net/secrets/hook").unwrap()
    }

    #[tokio::test]
    async fn a_secret_is_read_with_a_token_for_the_vault() {
        let server = MockServer::start().await;
        Mock::given(path("/secrets/hook"))
            .and(query_param("api-version", "7.4"))
            .and(header("authorization", "Bearer token 1"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"value": "s", "id": "x"})))
            .mount(&server)
            .await;
        assert_eq!(vault(&server).await.secret(&reference()).await.unwrap().expose_secret(), "s");
    }

    #[tokio::test]
    async fn a_secret_is_written_and_its_versions_are_not() {
        let server = MockServer::start().await;
        Mock::given(method("PUT"))
            .and(path("/secrets/hook"))
            .and(query_param("api-version", "7.4"))
            .and(body_json(json!({"value": "new"})))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"value": "new", "id": "x"})))
            .mount(&server)
            .await;
        let vault = vault(&server).await;
        vault.set_secret(&reference(), &"new".into()).await.unwrap();
        let version = Url::parse("https://keys.vault.azure.net/secrets/hook/1").unwrap();
        assert!(matches!(vault.set_secret(&version, &"x".into()).await, Err(KeyVaultError::NotAVault(..))));
        let error = vault.set_secret(&reference(), &"hunter2".into()).await.unwrap_err();
        assert!(matches!(&error, KeyVaultError::NotWritable(..)), "{error}");
        assert!(!error.to_string().contains("hunter2") && error.to_string().contains("Secrets Officer"), "{error}");
    }

    #[tokio::test]
    async fn failures_are_told_apart() {
        for (status, body, transient) in [
            (403, "{}", false),
            (404, "{}", false),
            (200, "{}", false),
            (200, r#"{"value":7}"#, false),
            (503, "", true),
        ] {
            let server = MockServer::start().await;
            Mock::given(path("/secrets/hook"))
                .respond_with(ResponseTemplate::new(status).set_body_string(body))
                .mount(&server)
                .await;
            let error = vault(&server).await.secret(&reference()).await.unwrap_err();
            assert_eq!(error.is_transient(), transient, "{error}");
            assert!(error.to_string().contains("keys.vault.azure.net/secrets/hook"), "{error}");
        }
    }

    #[tokio::test]
    async fn no_token_goes_elsewhere() {
        let vault = KeyVault::new(Http::new().unwrap(), Arc::new(FixedToken::default()), Endpoints::of(Cloud::Public));
        for wrong in [
            "https://example.net/secrets/n",
            "http://k.vault.azure.net/secrets/n",
            "https://k.vault.azure.net/keys/n",
            "https://k.vault.azure.net/secrets/",
        ] {
            let error = vault.secret(&Url::parse(wrong).unwrap()).await.unwrap_err();
            assert!(matches!(error, KeyVaultError::NotAVault(..)), "{wrong}");
        }
    }
}
