//! Who asks for a signed import: whoever holds a secret that signs, or an application with a token of Microsoft Entra.

use crate::config::Import;
use jiff::Timestamp;
use poolwarden_azure::{
    Caller, Http, KeyVault, SecretError, SignatureError, Signed, TokenError, TokenVerifier, sign_in, verify,
};
use poolwarden_host::{Failure, HttpRequest};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long secrets are kept before they are looked up again: a request of a stranger must not cost one of Key Vault.
const SECRETS_FRESH_FOR: Duration = Duration::from_secs(60);

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asker {
    /// Whoever signed this message.
    Signer {
        /// Its id, the same when it is sent again.
        webhook_id: String,
    },
    /// An application.
    Application(Caller),
}

/// Why nobody is let in. The text is for the log; whoever asks is told nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// Nobody can be: nothing is configured.
    #[error("neither [[import.secret]] nor [import.entra] is configured")]
    Off,
    /// The request says nothing about its sender.
    #[error("it has neither the headers of a signed webhook nor a bearer token")]
    Nobody,
    /// Its signature or what goes with it is wrong.
    #[error("its signature is not accepted")]
    Signature(#[source] SignatureError),
    /// Its token is.
    #[error("its token is not accepted")]
    Token(#[source] TokenError),
}

/// Why nobody can say who asks. It is our trouble, and the request may come again.
#[derive(Debug, thiserror::Error)]
pub enum CannotTell {
    /// There is no secret to check a signature with.
    #[error("no secret of [[import.secret]] can be had")]
    Secrets(#[source] SecretError),
    /// There are no keys to check a token with.
    #[error("tokens cannot be checked")]
    Keys(#[source] TokenError),
}

/// What it takes to tell who asks.
pub struct Trust {
    secrets: Vec<crate::config::ImportSecret>,
    vault: KeyVault,
    tokens: Option<TokenVerifier>,
    resolved: Mutex<Option<(Instant, Arc<[SecretString]>)>>,
}

impl Trust {
    /// As the configuration says. Nothing is asked yet.
    pub fn new(import: &Import, http: &Http) -> Self {
        let credentials = sign_in(import.credential.clone(), &import.endpoints, http);
        let tokens = |trusted| TokenVerifier::new(http.clone(), &import.endpoints, trusted);
        Self {
            secrets: import.secrets.clone(),
            vault: KeyVault::new(http.clone(), credentials, import.endpoints.clone()),
            tokens: import.entra.clone().map(tokens),
            resolved: Mutex::default(),
        }
    }

    /// Whether anybody can be let in at all.
    pub fn is_on(&self) -> bool {
        !self.secrets.is_empty() || self.tokens.is_some()
    }

    /// Who asks. The outer error is our trouble, the inner one theirs.
    pub async fn asker(&self, request: &HttpRequest, now: Timestamp) -> Result<Result<Asker, Denied>, CannotTell> {
        if !self.is_on() {
            return Ok(Err(Denied::Off));
        }
        let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| request.header(name));
        let [Some(id), Some(timestamp), Some(signatures)] = headers else { return self.bearer(request, now).await };
        if self.secrets.is_empty() {
            return Ok(Err(Denied::Off));
        }
        let secrets = self.secrets().await.map_err(CannotTell::Secrets)?;
        let body = request.body.as_deref().unwrap_or_default();
        let signer = Asker::Signer { webhook_id: id.to_owned() };
        let verified = verify(&secrets, &Signed { id, timestamp, signatures }, body, now);
        Ok(verified.map(|()| signer).map_err(Denied::Signature))
    }

    async fn bearer(&self, request: &HttpRequest, now: Timestamp) -> Result<Result<Asker, Denied>, CannotTell> {
        let header = request.header("authorization").and_then(|value| value.split_once(' '));
        let token = header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        let (Some(token), Some(tokens)) = (token, &self.tokens) else { return Ok(Err(Denied::Nobody)) };
        match tokens.verify(token, now).await {
            Ok(caller) => Ok(Ok(Asker::Application(caller))),
            Err(refused @ TokenError::Refused(_)) => Ok(Err(Denied::Token(refused))),
            Err(unavailable @ TokenError::NoKeys { .. }) => Err(CannotTell::Keys(unavailable)),
        }
    }

    /// The secrets as they are now or were a minute ago. One that cannot be had leaves the others standing.
    async fn secrets(&self) -> Result<Arc<[SecretString]>, SecretError> {
        let mut resolved = self.resolved.lock().await;
        if let Some((at, secrets)) = resolved.as_ref().filter(|(at, _)| at.elapsed() < SECRETS_FRESH_FOR) {
            tracing::trace!(age = ?at.elapsed(), "secrets from memory");
            return Ok(Arc::clone(secrets));
        }
        let (mut secrets, mut failure) = (Vec::new(), None);
        for known in &self.secrets {
            match known.secret.resolve(Some(&self.vault)).await {
                Ok(secret) => secrets.push(secret),
                Err(error) => {
                    let reason = Failure::caused_by(&error).message;
                    tracing::error!(secret = known.name, reason, "a secret of [[import.secret]] cannot be had");
                    failure = Some(error);
                }
            }
        }
        match (failure, resolved.as_ref()) {
            // What was good a while ago is better than nothing.
            (Some(_), Some((_, before))) if secrets.is_empty() => Ok(Arc::clone(before)),
            (Some(error), None) if secrets.is_empty() => Err(error),
            _ => {
                let secrets: Arc<[SecretString]> = secrets.into();
                *resolved = Some((Instant::now(), Arc::clone(&secrets)));
                Ok(secrets)
            }
        }
    }
}
