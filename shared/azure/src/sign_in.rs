//! Signing in to Microsoft Entra: how a connection does it, the port through which the rest asks for tokens, and
//! what can go wrong, told apart by who has to act.

use crate::aadsts::SignInProblem;
use crate::cloud::Endpoints;
use crate::http::Http;
use crate::identity;
use crate::refresh_token::TokenPlace;
use crate::secret::SecretRef;
use crate::token_cache::TokenCache;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use url::form_urlencoded;

/// The client ID of the Azure Virtual Desktop client, which every directory knows and which may ask for the feed.
pub const AVD_CLIENT: &str = "a85cf173-4192-42f8-81fa-777a763e6e2c";
/// The directory of whoever signs in, where nobody names one.
pub const ANY_ORGANIZATION: &str = "organizations";
/// The shortest secret that is looked for in texts, in bytes; Entra's own passwords have eight at least.
const SHORTEST_HIDDEN: usize = 4;
/// How long the token service is left alone after it complained of being asked in a loop.
const LEFT_ALONE: SignedDuration = SignedDuration::from_mins(5);

/// How a connection signs in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Credential {
    /// The managed identity of the App Service, Function App or virtual machine it runs on.
    ManagedIdentity {
        /// The client id of a user-assigned identity; without, the one that `AZURE_CLIENT_ID` names, or the
        /// system-assigned one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
    },
    /// A federated token in a file, as Kubernetes mounts it. What is absent comes from `AZURE_TENANT_ID`,
    /// `AZURE_CLIENT_ID` and `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity {
        /// The directory's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant_id: Option<String>,
        /// The application's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// Where the federated token is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_file: Option<PathBuf>,
    },
    /// An application with a client secret.
    ClientSecret {
        /// The directory's id.
        tenant_id: String,
        /// The application's id.
        client_id: String,
        /// Where the secret is. A Key Vault secret is read with the managed identity.
        secret: SecretRef,
    },
    /// An application with a certificate.
    ClientCertificate {
        /// The directory's id.
        tenant_id: String,
        /// The application's id.
        client_id: String,
        /// Where the certificate and its private key are, as PEM. Key Vault is read with the managed identity.
        certificate: SecretRef,
    },
    /// A service account with a password, and no second factor: what it sees in the feed is what is published.
    UsernamePassword {
        /// The account's UPN.
        username: String,
        /// Where its password is. A Key Vault secret is read with the managed identity.
        password: SecretRef,
        /// The application's id; the Azure Virtual Desktop client's without.
        #[serde(default = "avd_client")]
        client_id: String,
        /// Where the application's secret is, if it is a confidential one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<SecretRef>,
        /// The directory's id, or `organizations`.
        #[serde(default = "any_organization")]
        tenant_id: String,
    },
    /// A person who has signed in once with a code on another device; what came of it is kept by reference.
    DeviceCode {
        /// The application's id; the Azure Virtual Desktop client's without.
        #[serde(default = "avd_client")]
        client_id: String,
        /// The directory's id, or `organizations`.
        #[serde(default = "any_organization")]
        tenant_id: String,
        /// Where the refresh token is kept: it is read and written there.
        refresh_token: TokenPlace,
        /// Who is to sign in, for people to see.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<String>,
    },
    /// Whoever is signed in to the Azure CLI on this machine.
    AzureCli {
        /// The directory's id; the CLI's default without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant_id: Option<String>,
    },
}

impl Credential {
    /// Whether a person's account signs in, and not an application by itself.
    pub fn is_of_a_person(&self) -> bool {
        matches!(self, Self::UsernamePassword { .. } | Self::DeviceCode { .. } | Self::AzureCli { .. })
    }

    /// The account's user principal name, where a person signs in and the configuration names them.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::UsernamePassword { username, .. } => Some(username),
            Self::DeviceCode { username, .. } => username.as_deref(),
            _ => None,
        }
    }
}

/// A token and how long it lasts. Its debug form hides the token.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token.
    pub secret: SecretString,
    /// When it stops being accepted.
    pub expires_at: Timestamp,
}

/// Why there is no token. The text says what to do next and never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The credential is wrong, expired, blocked or not consented to: a person has to act. It is never tried again
    /// by itself, because that locks accounts.
    #[error("{text}")]
    Refused {
        /// Who has to act.
        problem: SignInProblem,
        /// The service's code (AADSTS), if it gave one.
        code: Option<u32>,
        /// What to change and where, and what the service said.
        text: String,
    },
    /// The sign-in service is out of reach or failing: trying later can help.
    #[error("{0}")]
    Unreachable(String),
    /// A variable, file or value that signing in needs is missing here.
    #[error("{0}")]
    Misconfigured(String),
}

impl SignInError {
    /// Who has to act; nobody, if it passes by itself.
    pub fn problem(&self) -> Option<SignInProblem> {
        match self {
            Self::Refused { problem, .. } => Some(*problem),
            Self::Misconfigured(_) => Some(SignInProblem::Configuration),
            Self::Unreachable(_) => None,
        }
    }

    /// The same with the connection's name in the commands that it says to run.
    #[must_use]
    pub fn of_connection(self, name: &str) -> Self {
        self.map_text(|text| {
            ["sign-in", "check"].iter().fold(text, |text, command| {
                text.replace(&format!("connections {command} NAME"), &format!("connections {command} {name}"))
            })
        })
    }

    /// The same without something that must not be shown, should an answer have repeated it: as it is, or as it was
    /// sent in a form.
    #[must_use]
    pub(crate) fn without(self, secret: &str) -> Self {
        // So short a text stands in every sentence by chance; to cut it out would hide the sentence and no secret.
        if secret.len() < SHORTEST_HIDDEN {
            return self;
        }
        let in_form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        self.map_text(|text| text.replace(secret, "(secret)").replace(&in_form, "(secret)"))
    }

    fn map_text(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Refused { problem, code, text } => Self::Refused { problem, code, text: change(text) },
            Self::Unreachable(text) => Self::Unreachable(change(text)),
            Self::Misconfigured(text) => Self::Misconfigured(change(text)),
        }
    }
}

/// The port through which tokens are had.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// A token for a scope such as `https://management.azure.com/.default`, from the cache when it still holds.
    async fn token(&self, scope: &str) -> Result<AccessToken, SignInError>;

    /// Drops a token that a service did not accept although it had time left. A newer one stays.
    fn reject(&self, scope: &str, token: &AccessToken);

    /// Forgets a refusal, if there was one, so that the next call signs in anew: for a person who has mended the
    /// credential.
    fn forget(&self);

    /// Forgets a refusal that is older than this: for whoever learns that the credential was mended since, by another
    /// process for example. One that is newer stays.
    fn forget_refusal_before(&self, _mended_at: Timestamp) {}
}

/// Where a token comes from when the cache has none.
#[async_trait]
pub(crate) trait TokenSource: Send + Sync {
    async fn acquire(&self, scope: &str) -> Result<AccessToken, NoToken>;
}

#[async_trait]
impl TokenSource for Box<dyn TokenSource> {
    async fn acquire(&self, scope: &str) -> Result<AccessToken, NoToken> {
        self.as_ref().acquire(scope).await
    }
}

/// Why a source has no token, and how long it is not asked again whoever calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoToken {
    pub(crate) error: SignInError,
    pub(crate) pause: Option<SignedDuration>,
}

impl NoToken {
    /// The service wants to be left alone.
    pub(crate) fn for_a_while(error: SignInError) -> Self {
        Self { error, pause: Some(LEFT_ALONE) }
    }

    pub(crate) fn without(self, secret: &str) -> Self {
        Self { error: self.error.without(secret), ..self }
    }
}

impl From<SignInError> for NoToken {
    fn from(error: SignInError) -> Self {
        Self { error, pause: None }
    }
}

fn avd_client() -> String {
    AVD_CLIENT.to_owned()
}

fn any_organization() -> String {
    ANY_ORGANIZATION.to_owned()
}

/// A credential with its token cache, ready to use. One per connection, kept for as long as the process runs: it also
/// remembers a refusal.
pub fn sign_in(credential: Credential, endpoints: &Endpoints, http: &Http) -> Arc<dyn Credentials> {
    Arc::new(TokenCache::new(identity::source(credential, endpoints, http)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn credentials_are_written_by_method() {
        let secret = json!({"method": "client_secret", "tenant_id": "t", "client_id": "c", "secret": {"env": "S"}});
        let parsed: Credential = serde_json::from_value(secret.clone()).unwrap();
        assert_eq!(serde_json::to_value(&parsed).unwrap(), secret);
        for minimal in ["managed_identity", "workload_identity", "azure_cli"] {
            serde_json::from_value::<Credential>(json!({ "method": minimal })).unwrap();
        }
        serde_json::from_value::<Credential>(json!({"method": "azure_cli", "password": "x"})).unwrap_err();
        let account = json!({"method": "username_password", "username": "u@x.example", "password": {"env": "P"}});
        let Credential::UsernamePassword { client_id, tenant_id, .. } = serde_json::from_value(account).unwrap() else {
            panic!("another method")
        };
        assert_eq!((client_id.as_str(), tenant_id.as_str()), (AVD_CLIENT, "organizations"));
        let kept = |place| json!({"method": "device_code", "refresh_token": place});
        serde_json::from_value::<Credential>(kept(json!({"file": "t"}))).unwrap();
        serde_json::from_value::<Credential>(kept(json!({"env": "T"}))).unwrap_err();
        serde_json::from_value::<Credential>(
            json!({"method": "client_secret", "tenant_id": "t", "client_id": "c", "secret": "s"}),
        )
        .unwrap_err();
    }

    #[test]
    fn commands_are_told_with_the_connection_s_name() {
        let text =
            "run `poolwarden connections sign-in NAME` or `poolwarden connections check NAME`; NAME stays".into();
        let refused = SignInError::Refused { problem: SignInProblem::User, code: None, text };
        assert_eq!(
            refused.of_connection("contoso").to_string(),
            "run `poolwarden connections sign-in contoso` or `poolwarden connections check contoso`; NAME stays"
        );
    }
}
