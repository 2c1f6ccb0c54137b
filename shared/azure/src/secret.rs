//! Where a secret is, never the secret: configuration names an environment variable, a file, or a Key Vault secret.

use crate::key_vault::{KeyVault, KeyVaultError};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use url::Url;

/// Longest secret that is read from a file, in bytes.
const FILE_LIMIT: u64 = 64 * 1024;

/// Where a secret is: `{ env = "NAME" }`, `{ file = "/path" }` or
/// `{ key_vault = "https://vault.vault.azure.net/secrets/name" }`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; one newline at its end is not part of the secret.
    File(PathBuf),
    /// A secret in Key Vault, with or without a version.
    KeyVault(#[schemars(with = "String")] Url),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            // Without the query: whatever someone put there, it is not needed to find the secret.
            Self::KeyVault(url) => write!(f, "Key Vault secret {}{}", url.host_str().unwrap_or_default(), url.path()),
        }
    }
}

/// A secret that could not be had. Names the reference, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no such variable, or it is empty.
    #[error("environment variable {0} is not set or empty; set it to the secret")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("the secret's file {} cannot be read; check that it exists and that this process may read it", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is empty, too large or no text.
    #[error("the secret's file {} is {what}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Key Vault would not give it.
    #[error(transparent)]
    KeyVault(#[from] KeyVaultError),
    /// A Key Vault secret where no credential for the vault is at hand.
    #[error("{0} is needed to sign in, and there is no other sign-in to read it with; use env or file here")]
    NoVault(SecretRef),
}

impl SecretError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::KeyVault(error) if error.is_transient())
    }
}

impl SecretRef {
    /// Fetches the secret. `vault` is needed for a Key Vault secret only.
    pub async fn resolve(&self, vault: Option<&KeyVault>) -> Result<SecretString, SecretError> {
        match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(value) if !value.is_empty() => Ok(value.into()),
                _ => Err(SecretError::NoVariable(name.clone())),
            },
            Self::File(path) => read_file(path).await,
            Self::KeyVault(url) => match vault {
                Some(vault) => Ok(vault.secret(url).await?),
                None => Err(SecretError::NoVault(self.clone())),
            },
        }
    }
}

async fn read_file(path: &Path) -> Result<SecretString, SecretError> {
    let failed = |source| SecretError::File { path: path.to_owned(), source };
    let unusable = |what| SecretError::Unusable { path: path.to_owned(), what };
    let metadata = tokio::fs::metadata(path).await.map_err(failed)?;
    if metadata.len() > FILE_LIMIT {
        return Err(unusable("too large for a secret"));
    }
    if is_world_readable(&metadata) {
        tracing::warn!(file = %path.display(), "everyone on this machine can read a file that holds a secret; chmod 600 it");
    }
    let bytes = tokio::fs::read(path).await.map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|_| unusable("no UTF-8 text"))?;
    let secret = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    if secret.is_empty() { Err(unusable("empty")) } else { Ok(secret.into()) }
}

#[cfg(unix)]
fn is_world_readable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn is_world_readable(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use serde_json::json;

    #[test]
    fn a_reference_is_exactly_one_of_three() {
        for (written, meant) in [
            (json!({"env": "X"}), SecretRef::Env("X".into())),
            (json!({"file": "/run/x"}), SecretRef::File("/run/x".into())),
            (
                json!({"key_vault": "https://v.vault.azure.net/secrets/n"}),
                SecretRef::KeyVault(Url::parse("https://v.vault.azure.net/secrets/n").unwrap()),
            ),
        ] {
            assert_eq!(serde_json::from_value::<SecretRef>(written).unwrap(), meant);
        }
        for wrong in [
            json!({"env": "X", "file": "y"}),
            json!({}),
            json!("secret"),
            json!({"value": "s"}),
            json!({"key_vault": "x"}),
        ] {
            serde_json::from_value::<SecretRef>(wrong).unwrap_err();
        }
    }

    #[tokio::test]
    async fn a_file_loses_one_newline_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for (content, secret) in [("s", "s"), ("s\n", "s"), ("s\r\n", "s"), (" s \n\n", " s \n")] {
            let path = folder.path().join("secret");
            std::fs::write(&path, content).unwrap();
            assert_eq!(SecretRef::File(path).resolve(None).await.unwrap().expose_secret(), secret);
        }
    }

    #[tokio::test]
    async fn errors_name_the_reference() {
        let error = SecretRef::Env("POOLWARDEN_NO_SUCH".into()).resolve(None).await.unwrap_err();
        assert!(error.to_string().contains("POOLWARDEN_NO_SUCH"));
        let error = SecretRef::File("/no/such".into()).resolve(None).await.unwrap_err();
        assert!(error.to_string().contains("/no/such"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, "\n").unwrap();
        assert!(SecretRef::File(path).resolve(None).await.unwrap_err().to_string().ends_with("is empty"));
        let vault = SecretRef::KeyVault(Url::parse("https://v.vault.azure.net/secrets/n?sig=1").unwrap());
        let error = vault.resolve(None).await.unwrap_err().to_string();
        assert!(error.contains("v.vault.azure.net/secrets/n") && !error.contains("sig=1"), "{error}");
    }
}
