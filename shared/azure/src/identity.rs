//! Tokens from Microsoft Entra through `azure_identity`, and which source serves which credential: those that the
//! library does not have are in files of their own.
//!
//! The cache is [`crate::token_cache`]'s, so every call here makes a credential of its own and throws it away. The
//! transport is ours: it keeps the one connection pool, remembers what the service answered (so that a refusal is
//! told apart from a failure by status), and maps the authority to a plain-http one where that is configured.

mod explain;
mod transport;

use crate::answers::safe;
use crate::certificate::CertificateSource;
use crate::cloud::Endpoints;
use crate::http::Http;
use crate::key_vault::KeyVault;
use crate::refresh_token::RefreshTokenSource;
use crate::ropc::PasswordSource;
use crate::secret::{SecretError, SecretRef};
use crate::sign_in::{AccessToken, Credential, NoToken, SignInError, TokenSource, sign_in};
use crate::token_endpoint::TokenEndpoint;
use async_trait::async_trait;
use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::Error;
use azure_core::http::{ClientOptions, HttpClient, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
pub(crate) use explain::Answer;
use explain::explain_cli;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use transport::{Wire, secure_twin};

/// Longest time one sign-in may take, with what the library retries by itself.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(100);

/// Where the tokens of a credential come from.
pub(crate) fn source(credential: Credential, endpoints: &Endpoints, http: &Http) -> Box<dyn TokenSource> {
    let ours = TokenEndpoint::new(http.clone(), endpoints.clone());
    match credential {
        Credential::UsernamePassword { username, password, client_id, secret, tenant_id } => {
            Box::new(PasswordSource { ours, username, password, client_id, secret, tenant_id })
        }
        Credential::DeviceCode { client_id, tenant_id, refresh_token, .. } => {
            Box::new(RefreshTokenSource::new(ours, client_id, tenant_id, refresh_token))
        }
        Credential::ClientCertificate { tenant_id, client_id, certificate } => {
            Box::new(OfApplication(CertificateSource { ours, tenant_id, client_id, certificate }))
        }
        library => Box::new(OfApplication(EntraSource::new(library, endpoints.clone(), http.clone()))),
    }
}

/// A credential of an application's: it asks for all that it was granted on a resource, since Entra gives it no single
/// permission. (The Azure CLI may ask the same way.)
struct OfApplication<S>(S);

#[async_trait]
impl<S: TokenSource> TokenSource for OfApplication<S> {
    async fn acquire(&self, scope: &str) -> Result<AccessToken, NoToken> {
        match scope.strip_suffix("/user_impersonation") {
            Some(resource) => self.0.acquire(&format!("{resource}/.default")).await,
            None => self.0.acquire(scope).await,
        }
    }
}

/// Key Vault as this machine's or app's managed identity sees it.
pub(crate) fn machine_vault(endpoints: &Endpoints, http: &Http) -> KeyVault {
    let identity = sign_in(Credential::ManagedIdentity { client_id: None }, endpoints, http);
    KeyVault::new(http.clone(), identity, endpoints.clone())
}

/// A secret that signing in needs.
pub(crate) async fn needed_secret(
    secret: &SecretRef,
    endpoints: &Endpoints,
    http: &Http,
) -> Result<SecretString, SignInError> {
    let vault = matches!(secret, SecretRef::KeyVault(_)).then(|| machine_vault(endpoints, http));
    secret.resolve(vault.as_ref()).await.map_err(|error| describe_secret_error(&error))
}

/// A credential of the library, ready to ask for tokens.
pub(crate) struct EntraSource {
    credential: Credential,
    endpoints: Endpoints,
    http: Http,
}

impl EntraSource {
    pub(crate) fn new(credential: Credential, endpoints: Endpoints, http: Http) -> Self {
        Self { credential, endpoints, http }
    }

    fn options(&self, wire: &Arc<Wire>) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = secure_twin(self.endpoints.authority()).to_string();
        ClientOptions {
            cloud: Some(Arc::new(cloud.into())),
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::clone(wire) as Arc<dyn HttpClient>)),
            ..ClientOptions::default()
        }
    }

    /// The credential of the library, and the secret it holds (to keep that out of error texts).
    async fn credential(&self, wire: &Arc<Wire>) -> Result<(Arc<dyn TokenCredential>, Option<String>), SignInError> {
        let client_options = self.options(wire);
        let built: azure_core::Result<Arc<dyn TokenCredential>> = match &self.credential {
            Credential::ManagedIdentity { client_id } => {
                let options = ManagedIdentityCredentialOptions {
                    user_assigned_id: user_assigned(client_id.clone()).map(UserAssignedId::ClientId),
                    client_options,
                };
                ManagedIdentityCredential::new(Some(options)).map(|credential| credential as _)
            }
            Credential::WorkloadIdentity { tenant_id, client_id, token_file } => {
                let file = token_file.as_ref().map(|path| path.to_string_lossy());
                let file = or_variable(file.as_deref(), "token_file", "AZURE_FEDERATED_TOKEN_FILE")?;
                let options = WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions { client_options },
                    tenant_id: Some(or_variable(tenant_id.as_deref(), "tenant_id", "AZURE_TENANT_ID")?),
                    client_id: Some(or_variable(client_id.as_deref(), "client_id", "AZURE_CLIENT_ID")?),
                    token_file_path: Some(PathBuf::from(file)),
                };
                WorkloadIdentityCredential::new(Some(options)).map(|credential| credential as _)
            }
            Credential::ClientSecret { tenant_id, client_id, secret } => {
                let secret = needed_secret(secret, &self.endpoints, &self.http).await?.expose_secret().to_owned();
                let options = ClientSecretCredentialOptions { client_options };
                let built = ClientSecretCredential::new(
                    tenant_id,
                    client_id.clone(),
                    Secret::new(secret.clone()),
                    Some(options),
                );
                return built.map(|credential| (credential as _, Some(secret))).map_err(|error| misconfigured(&error));
            }
            Credential::AzureCli { tenant_id } => {
                let options = AzureCliCredentialOptions { tenant_id: tenant_id.clone(), ..Default::default() };
                AzureCliCredential::new(Some(options)).map(|credential| credential as _)
            }
            Credential::ClientCertificate { .. }
            | Credential::UsernamePassword { .. }
            | Credential::DeviceCode { .. } => unreachable!("`source` gives these to sources of their own"),
        };
        built.map(|credential| (credential, None)).map_err(|error| misconfigured(&error))
    }

    fn explain(&self, error: &Error, answer: Option<&Answer>) -> NoToken {
        match (&self.credential, answer) {
            (Credential::AzureCli { .. }, _) => explain_cli(&error.to_string()).into(),
            (_, None) => {
                let what = match self.credential {
                    Credential::ManagedIdentity { .. } => {
                        "no managed identity answers here; turn it on for this app or machine, or choose another sign-in method"
                    }
                    _ => "the sign-in service is out of reach; check the network and the proxy",
                };
                SignInError::Unreachable(format!("{what}: {}", deepest(error))).into()
            }
            (Credential::ManagedIdentity { client_id }, Some(answer)) => {
                answer.explain_identity(client_id.as_deref()).into()
            }
            (_, Some(answer)) => answer.explain_entra(),
        }
    }
}

/// The identity that is meant: the one that is named, else the one that the environment names, as Azure's own libraries
/// take it. Where an app has user-assigned identities only, one has to be named.
fn user_assigned(client_id: Option<String>) -> Option<String> {
    client_id.or_else(|| std::env::var("AZURE_CLIENT_ID").ok().filter(|id| !id.is_empty()))
}

#[async_trait]
impl TokenSource for EntraSource {
    async fn acquire(&self, scope: &str) -> Result<AccessToken, NoToken> {
        let wire = Arc::new(Wire::new(self.http.clone(), &self.endpoints));
        let (credential, secret) = self.credential(&wire).await?;
        let scopes = [scope];
        let token = tokio::time::timeout(SIGN_IN_TIMEOUT, credential.get_token(&scopes, None)).await.map_err(|_| {
            SignInError::Unreachable(format!("signing in took longer than {} seconds", SIGN_IN_TIMEOUT.as_secs()))
        })?;
        match token {
            Ok(token) => Ok(AccessToken {
                secret: token.token.secret().to_owned().into(),
                expires_at: Timestamp::from_second(token.expires_on.unix_timestamp()).unwrap_or(Timestamp::MAX),
            }),
            Err(error) => {
                let answer = wire.last_answer();
                let explained = self.explain(&error, answer.as_ref());
                // Belt and braces: should an answer repeat the secret, it is not repeated here.
                Err(explained.without(secret.as_deref().unwrap_or_default()))
            }
        }
    }
}

fn or_variable(configured: Option<&str>, setting: &str, variable: &str) -> Result<String, SignInError> {
    let value =
        configured.map(str::to_owned).or_else(|| std::env::var(variable).ok()).filter(|value| !value.is_empty());
    value.ok_or_else(|| {
        SignInError::Misconfigured(format!("workload identity needs {setting}: configure it or set {variable}"))
    })
}

fn misconfigured(error: &Error) -> SignInError {
    SignInError::Misconfigured(format!(
        "the credential cannot be used as it is configured: {}",
        safe(&error.to_string(), 300)
    ))
}

pub(crate) fn describe_secret_error(error: &SecretError) -> SignInError {
    let text = error.to_string();
    if error.is_transient() { SignInError::Unreachable(text) } else { SignInError::Misconfigured(text) }
}

fn deepest(error: &Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    safe(&deepest.to_string(), 200)
}

#[cfg(test)]
mod tests;
