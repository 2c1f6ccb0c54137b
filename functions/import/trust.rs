//! Who asks for a signed import: whoever holds a secret that signs, or an application with a token of Microsoft Entra.

use crate::config::Import;
use jiff::Timestamp;
use poolwarden_azure::{
    Caller, Http, KeyVault, SignatureError, Signed, TokenError, TokenVerifier, is_strong, precheck, sign_in, verify,
};
use poolwarden_host::{Failure, HttpRequest};
use secrecy::SecretString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long secrets are kept before they are looked up again: a request of a stranger must not cost one of Key Vault.
const SECRETS_FRESH_FOR: Duration = Duration::from_secs(60);
/// The same where one of them could not be had.
const FAILURE_FRESH_FOR: Duration = Duration::from_secs(10);
/// How long a secret that is out of reach counts as what it was.
const SECRETS_GOOD_FOR: Duration = Duration::from_secs(60 * 60);

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
    /// There is nothing that could be signed.
    #[error("it has no body; the sender must send Content-Length")]
    NoBody,
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
    /// A secret that the signature may be of cannot be had.
    #[error("not every secret of [[import.secret]] can be had, and no other fits; the log says which")]
    Secrets,
    /// There are no keys to check a token with.
    #[error("tokens cannot be checked")]
    Keys(#[source] TokenError),
}

/// What it takes to tell who asks.
pub struct Trust {
    secrets: Vec<crate::config::ImportSecret>,
    vault: KeyVault,
    tokens: Option<TokenVerifier>,
    resolved: Mutex<Option<Known>>,
    looking: tokio::sync::Mutex<()>,
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
            looking: tokio::sync::Mutex::default(),
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
            return self.bearer(request, now).await;
        }
        let signed = Signed { id, timestamp, signatures };
        // A stranger's request costs no secret to be looked up.
        if let Err(refused) = precheck(&signed, now) {
            return Ok(Err(Denied::Signature(refused)));
        }
        let Some(body) = request.body.as_deref() else { return Ok(Err(Denied::NoBody)) };
        let known = self.secrets().await;
        match verify(&known.secrets(), &signed, body, now) {
            Ok(()) => Ok(Ok(Asker::Signer { webhook_id: id.to_owned() })),
            Err(SignatureError::Mismatch | SignatureError::NoSecret(_)) if !known.is_complete() => {
                Err(CannotTell::Secrets)
            }
            Err(refused) => Ok(Err(Denied::Signature(refused))),
        }
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

    /// The secrets as they are now or were lately. One that cannot be had leaves the others standing, and is what it was
    /// for a while if that may pass. At most one request looks them up at a time; those beside it go by what is known.
    async fn secrets(&self) -> Known {
        if let Some(known) = self.known().filter(Known::is_fresh) {
            return known;
        }
        let _looking = match (self.looking.try_lock(), self.known()) {
            (Ok(looking), _) => looking,
            (Err(_), Some(known)) => return known,
            (Err(_), None) => self.looking.lock().await,
        };
        let before = self.known();
        if let Some(known) = before.clone().filter(Known::is_fresh) {
            return known;
        }
        let mut each = Vec::with_capacity(self.secrets.len());
        for (at, configured) in self.secrets.iter().enumerate() {
            let earlier = before.as_ref().and_then(|before| before.each[at].clone());
            each.push(self.look_up(configured, earlier).await);
        }
        let known = Known { looked_at: Instant::now(), each: each.into() };
        *self.resolved.lock().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        known
    }

    fn known(&self) -> Option<Known> {
        self.resolved.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look_up(&self, configured: &crate::config::ImportSecret, earlier: Option<Had>) -> Option<Had> {
        let (reason, passes) = match configured.secret.resolve(Some(&self.vault)).await {
            Ok(secret) if is_strong(&secret) => return Some(Had { at: Instant::now(), secret }),
            Ok(_) => ("it is no base64 of at least 24 bytes".to_owned(), false),
            Err(error) => (Failure::caused_by(&error).message, error.is_transient()),
        };
        tracing::error!(secret = configured.name, reason, "a secret of [[import.secret]] cannot be used");
        // What is deleted, or may not be read any more, counts no more; what is out of reach does for a while.
        earlier.filter(|had| passes && had.at.elapsed() < SECRETS_GOOD_FOR)
    }
}

/// A secret, and when it was last looked up.
#[derive(Clone)]
struct Had {
    at: Instant,
    secret: SecretString,
}

/// What is known of the secrets, in the order of the configuration.
#[derive(Clone)]
struct Known {
    looked_at: Instant,
    each: Arc<[Option<Had>]>,
}

impl Known {
    fn is_complete(&self) -> bool {
        self.each.iter().all(Option::is_some)
    }

    fn is_fresh(&self) -> bool {
        let fresh_for = if self.is_complete() { SECRETS_FRESH_FOR } else { FAILURE_FRESH_FOR };
        self.looked_at.elapsed() < fresh_for
    }

    fn secrets(&self) -> Vec<SecretString> {
        self.each.iter().flatten().map(|had| had.secret.clone()).collect()
    }
}
