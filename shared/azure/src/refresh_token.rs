//! A sign-in that was done once by a person: its refresh token, where it is kept, and access tokens for it.
//!
//! The token service gives a new refresh token with every access token. The new one is kept before the access token is
//! used, so a process that is killed in between leaves the old one or the new one; both are accepted.

use crate::aadsts::SignInProblem;
use crate::identity::{describe_secret_error, machine_vault};
use crate::key_vault::KeyVaultError;
use crate::secret::{SecretError, SecretRef};
use crate::sign_in::{AccessToken, NoToken, SignInError, TokenSource};
use crate::token_endpoint::TokenEndpoint;
use async_trait::async_trait;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tokio::sync::Mutex;
use url::Url;

/// Where a refresh token is kept: `{ file = "path" }`, which only its owner can read, or
/// `{ key_vault = "https://vault.vault.azure.net/secrets/name" }`, which is read and written with the managed identity.
/// Never an environment variable: it could not be written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenPlace {
    /// A file.
    File(PathBuf),
    /// A secret in Key Vault, without a version.
    KeyVault(#[schemars(with = "String")] Url),
}

impl fmt::Display for TokenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference().fmt(f)
    }
}

impl TokenPlace {
    fn reference(&self) -> SecretRef {
        match self {
            Self::File(path) => SecretRef::File(path.clone()),
            Self::KeyVault(url) => SecretRef::KeyVault(url.clone()),
        }
    }

    async fn read(&self, ours: &TokenEndpoint) -> Result<SecretString, SignInError> {
        let vault = matches!(self, Self::KeyVault(_)).then(|| machine_vault(&ours.endpoints, &ours.http));
        self.reference().resolve(vault.as_ref()).await.map_err(|error| match &error {
            SecretError::KeyVault(KeyVaultError::NotFound(_)) => self.nobody_signed_in(),
            SecretError::File { source, .. } if source.kind() == io::ErrorKind::NotFound => self.nobody_signed_in(),
            _ => describe_secret_error(&error),
        })
    }

    /// Keeps a token in place of the one that is there. A crash leaves either.
    pub(crate) async fn write(&self, token: &SecretString, ours: &TokenEndpoint) -> Result<(), SignInError> {
        match self {
            Self::KeyVault(url) => {
                let written = machine_vault(&ours.endpoints, &ours.http).set_secret(url, token).await;
                written.map_err(|error| describe_secret_error(&error.into()))
            }
            Self::File(path) => {
                let token = token.clone();
                self.on_disk(path, move |file| replace(file, token.expose_secret().as_bytes())).await
            }
        }
    }

    /// Makes sure that a file can be written there, before a person is asked to sign in for it.
    pub(crate) async fn prepare(&self) -> Result<(), SignInError> {
        match self {
            Self::KeyVault(_) => Ok(()),
            Self::File(path) => self.on_disk(path, prepare).await,
        }
    }

    async fn on_disk(
        &self,
        path: &Path,
        work: impl FnOnce(&Path) -> io::Result<()> + Send + 'static,
    ) -> Result<(), SignInError> {
        let file = path.to_owned();
        let done = tokio::task::spawn_blocking(move || work(&file)).await;
        done.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| {
            SignInError::Misconfigured(format!(
                "the refresh token cannot be kept in {self}: {error}; check that this process may write there"
            ))
        })
    }

    fn nobody_signed_in(&self) -> SignInError {
        let text = format!(
            "Nobody has signed in yet: {self} does not exist. Sign in once: `poolwarden connections sign-in NAME`."
        );
        SignInError::Refused { problem: SignInProblem::NeedsPerson, code: None, text }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file beside this one, made with mode 0600 where there are modes, which is deleted again if it does not get as far
/// as its place.
fn new_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(".poolwarden-").suffix(".new").tempfile_in(folder_of(path))
}

/// Makes the folder of a file, for its owner alone, where there is none, and tries whether a file can be written there.
fn prepare(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder_of(path))?;
    new_beside(path).map(drop)
}

/// Writes a file whole or not at all, for its owner's eyes only: into a new file beside it, which then takes its place.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = new_beside(path)?;
    let folder = folder_of(path);
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name itself is on the disk only once the folder is. Where folders cannot be opened, it has to do.
    match std::fs::File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(_) => Ok(()),
    }
}

/// A stored sign-in, ready to ask for tokens.
pub(crate) struct RefreshTokenSource {
    ours: TokenEndpoint,
    client_id: String,
    tenant_id: String,
    place: TokenPlace,
    /// Held from reading the token to writing the next: of two scopes, the second uses what the first was given.
    turn: Mutex<()>,
}

impl RefreshTokenSource {
    pub(crate) fn new(ours: TokenEndpoint, client_id: String, tenant_id: String, place: TokenPlace) -> Self {
        Self { ours, client_id, tenant_id, place, turn: Mutex::default() }
    }
}

#[async_trait]
impl TokenSource for RefreshTokenSource {
    async fn acquire(&self, scope: &str) -> Result<AccessToken, NoToken> {
        let _turn = self.turn.lock().await;
        let old = self.place.read(&self.ours).await?;
        let scope = with_refresh(scope);
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &*self.client_id),
            ("scope", &*scope),
            ("refresh_token", old.expose_secret()),
        ];
        let granted = self.ours.grant(&self.tenant_id, &form).await;
        let granted = granted.map_err(|failed| failed.without(old.expose_secret()))?;
        if let Some(new) = granted.refresh.filter(|new| new.expose_secret() != old.expose_secret()) {
            self.place.write(&new, &self.ours).await.map_err(held_back)?;
        }
        Ok(granted.access)
    }
}

/// A token that was granted and cannot be kept. Every further try would be granted another one, so there is none: until
/// a person has mended the place, or for some minutes if it is only out of reach.
fn held_back(error: SignInError) -> NoToken {
    match error {
        SignInError::Misconfigured(text) => {
            let text = format!("{text}; then run `poolwarden connections check NAME`");
            SignInError::Refused { problem: SignInProblem::Configuration, code: None, text }.into()
        }
        passing => NoToken::for_a_while(passing),
    }
}

/// The scope with which a refresh token is given too.
pub(crate) fn with_refresh(scope: &str) -> String {
    format!("{scope} offline_access")
}

#[cfg(test)]
mod tests;
