//! Access tokens of Microsoft Entra that callers bring: from the configured tenant, for the configured audience, by an
//! application that is let in, signed with a key that the tenant publishes.
//!
//! Keys are fetched when a token names one that is not known, at most once a minute whoever asks, and anew after a
//! day; while they cannot be had, those that are known stay good.
//! <https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens>

use crate::cloud::{Cloud, Endpoints};
use crate::http::{BodyError, Http, read_body, transport_text};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

/// How far another machine's clock may be from ours.
const LEEWAY_S: i64 = 60;
/// The longest token, in bytes: with many roles and groups a token has a few KiB.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Keys that are kept of a tenant; it publishes fewer than ten.
const MAX_KEYS: usize = 64;
/// The largest list of keys, in bytes.
const MAX_LIST_BYTES: usize = 1024 * 1024;
/// How long keys are used before they are fetched anew.
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(24);
/// The least time between two fetches.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// The longest time a fetch may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedCallers {
    /// The tenant's id, a GUID.
    pub tenant: String,
    /// What a token must be for: the application's id, or its application id URI.
    pub audiences: Vec<String>,
    /// The applications that may call, by client id; empty for any that holds a role.
    pub clients: Vec<String>,
    /// The app roles of which a caller must hold one; empty if none is asked for.
    pub roles: Vec<String>,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The calling application's client id.
    pub client: String,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not one that opens this. For the log: the caller is told nothing of it.
    #[error("the token is refused: {0}")]
    Refused(&'static str),
    /// Nobody can tell now.
    #[error("the keys of tenant {tenant} cannot be had, so that no token of it can be checked: {reason}")]
    NoKeys {
        /// The tenant.
        tenant: String,
        /// Why.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    tid: Option<String>,
    /// The calling application, in tokens of version 2.
    #[serde(default)]
    azp: Option<String>,
    /// The same in tokens of version 1.
    #[serde(default)]
    appid: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
}

/// The keys of a tenant by their ids, and when they were fetched.
struct Keys {
    by_id: HashMap<String, DecodingKey>,
    fetched_at: Timestamp,
}

/// When keys were last asked for, and what came of it if that was nothing.
#[derive(Default)]
struct LastFetch {
    at: Option<Timestamp>,
    failure: Option<String>,
}

/// Checks tokens of one tenant.
pub struct TokenVerifier {
    http: Http,
    trusted: TrustedCallers,
    issuers: [String; 2],
    keys_url: Option<Url>,
    keys: RwLock<Option<Arc<Keys>>>,
    fetching: Mutex<LastFetch>,
}

impl TokenVerifier {
    /// Takes the tokens of these callers, signed by the cloud's authority. Nothing is asked yet.
    pub fn new(http: Http, endpoints: &Endpoints, trusted: TrustedCallers) -> Self {
        let tenant = &trusted.tenant;
        let authority = endpoints.authority().as_str().trim_end_matches('/');
        // Version 1 tokens, which resources get by default, name another issuer than the authority.
        let sts = match endpoints.cloud() {
            Cloud::Public | Cloud::UsGovernment => "https://sts.windows.net",
            Cloud::China => "https://sts.chinacloudapi.cn",
        };
        let keys_url = Url::parse(&format!("{authority}/{tenant}/discovery/v2.0/keys")).ok();
        let issuers = [format!("{sts}/{tenant}/"), format!("{authority}/{tenant}/v2.0")];
        Self { http, issuers, keys_url, keys: RwLock::new(None), fetching: Mutex::default(), trusted }
    }

    /// Who brings this token, if it opens the door.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Refused("it is too long"));
        }
        let header = decode_header(token).map_err(|_| TokenError::Refused("it is no JSON Web Token"))?;
        if header.alg != Algorithm::RS256 {
            return Err(TokenError::Refused("it is not signed with RS256"));
        }
        let Some(id) = header.kid else { return Err(TokenError::Refused("it names no key")) };
        let key =
            self.key(&id, now).await?.ok_or(TokenError::Refused("it names a key that the tenant does not have"))?;
        let mut validation = Validation::new(Algorithm::RS256);
        // Only the signature is checked there: the rest is below, with a clock that can be set.
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        let signed = decode::<Claims>(token, &key, &validation);
        let claims = signed.map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::Refused("its signature is wrong"),
            _ => TokenError::Refused("its claims are not those of an access token"),
        })?;
        self.judge(claims.claims, now).map_err(TokenError::Refused)
    }

    fn judge(&self, claims: Claims, now: Timestamp) -> Result<Caller, &'static str> {
        let TrustedCallers { tenant, audiences, clients, roles } = &self.trusted;
        let now = now.as_second();
        if claims.exp.saturating_add(LEEWAY_S) <= now {
            return Err("it has expired");
        }
        if claims.nbf.is_some_and(|nbf| nbf.saturating_sub(LEEWAY_S) > now) {
            return Err("it is not valid yet");
        }
        if !self.issuers.contains(&claims.iss) {
            return Err("its issuer is not the tenant");
        }
        if claims.tid.is_some_and(|tid| !tid.eq_ignore_ascii_case(tenant)) {
            return Err("it is of another tenant");
        }
        if !audiences.iter().any(|audience| audience.eq_ignore_ascii_case(&claims.aud)) {
            return Err("it is for another audience");
        }
        let client = claims.azp.or(claims.appid).ok_or("it names no calling application")?;
        if !clients.is_empty() && !clients.iter().any(|one| one.eq_ignore_ascii_case(&client)) {
            return Err("the calling application is not let in");
        }
        if !roles.is_empty() && !roles.iter().any(|role| claims.roles.contains(role)) {
            return Err("the calling application holds no role that lets it in");
        }
        // Whoever trusts nobody in particular trusts nobody: any application of the tenant can get such a token.
        if clients.is_empty() && roles.is_empty() {
            return Err("no application is let in");
        }
        Ok(Caller { client })
    }

    /// The key of this id, fetched if it must be.
    async fn key(&self, id: &str, now: Timestamp) -> Result<Option<DecodingKey>, TokenError> {
        let is_fresh = |keys: &Keys| now.duration_since(keys.fetched_at) < FRESH_FOR;
        let known = self.known();
        let key = known.as_ref().and_then(|keys| keys.by_id.get(id)).cloned();
        if key.is_some() && known.as_deref().is_some_and(is_fresh) {
            return Ok(key);
        }
        let mut last = match (&key, self.fetching.try_lock()) {
            // Somebody is at it, and this key will do until then.
            (Some(_), Err(_)) => return Ok(key),
            (None, Err(_)) => self.fetching.lock().await,
            (_, Ok(last)) => last,
        };
        if last.at.is_none_or(|at| now.duration_since(at) >= PAUSE) {
            last.at = Some(now);
            last.failure = match self.fetch(now).await {
                Ok(keys) => {
                    *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
                    None
                }
                Err(reason) => {
                    tracing::warn!(tenant = self.trusted.tenant, reason, "the tenant's keys cannot be had now");
                    Some(reason)
                }
            };
        }
        match (self.known(), &last.failure) {
            (Some(keys), _) => Ok(keys.by_id.get(id).cloned()),
            (None, reason) => Err(TokenError::NoKeys {
                tenant: self.trusted.tenant.clone(),
                reason: reason.clone().unwrap_or_else(|| "they were not there a moment ago".to_owned()),
            }),
        }
    }

    fn known(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self, now: Timestamp) -> Result<Keys, String> {
        #[derive(Deserialize)]
        struct List {
            keys: Vec<serde_json::Value>,
        }
        #[derive(Deserialize)]
        struct Key {
            kid: String,
            kty: String,
            n: String,
            e: String,
        }
        let url = self.keys_url.clone().ok_or("the authority and the tenant make no address")?;
        let response = self.http.0.get(url).timeout(TIMEOUT).send().await.map_err(transport_text)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(format!("the authority answered {status}"));
        }
        let body = read_body(response, MAX_LIST_BYTES).await.map_err(|error| match error {
            BodyError::TooLarge => "the list of keys is too large".to_owned(),
            BodyError::Broken(text) => text,
        })?;
        let list: List = serde_json::from_slice(&body).map_err(|_| "the answer is no list of keys")?;
        // A key of a kind that is not known here does not hide the others.
        let keys = list.keys.into_iter().filter_map(|key| serde_json::from_value::<Key>(key).ok());
        let by_id: HashMap<String, DecodingKey> = keys
            .filter(|key| key.kty == "RSA")
            .filter_map(|key| Some((key.kid, DecodingKey::from_rsa_components(&key.n, &key.e).ok()?)))
            .take(MAX_KEYS)
            .collect();
        if by_id.is_empty() {
            return Err("the list holds no RSA key".to_owned());
        }
        Ok(Keys { by_id, fetched_at: now })
    }
}

#[cfg(test)]
mod tests;
