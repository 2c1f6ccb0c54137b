//! Signing in to Microsoft Entra: how a connection does it, the port through which the rest asks for tokens, and
//! what can go wrong, told apart by who has to act.

use crate::cloud::Endpoints;
use crate::http::Http;
use crate::identity::EntraSource;
use crate::secret::SecretRef;
use crate::token_cache::TokenCache;
use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

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
    /// Whoever is signed in to the Azure CLI on this machine.
    AzureCli {
        /// The directory's id; the CLI's default without.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant_id: Option<String>,
    },
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
    #[error("{0}")]
    Refused(String),
    /// The sign-in service is out of reach or failing: trying later can help.
    #[error("{0}")]
    Unreachable(String),
    /// A variable, file or value that signing in needs is missing here.
    #[error("{0}")]
    Misconfigured(String),
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
}

/// Where a token comes from when the cache has none.
#[async_trait]
pub(crate) trait TokenSource: Send + Sync {
    async fn acquire(&self, scope: &str) -> Result<AccessToken, SignInError>;
}

/// A credential with its token cache, ready to use. One per connection, kept for as long as the process runs: it also
/// remembers a refusal.
pub fn sign_in(credential: Credential, endpoints: &Endpoints, http: &Http) -> Arc<dyn Credentials> {
    Arc::new(TokenCache::new(EntraSource::new(credential, endpoints.clone(), http.clone())))
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
        serde_json::from_value::<Credential>(
            json!({"method": "client_secret", "tenant_id": "t", "client_id": "c", "secret": "s"}),
        )
        .unwrap_err();
    }
}
