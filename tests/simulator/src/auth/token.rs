//! Access tokens: signed with a key of this run, so they can be checked
//! without being remembered and cannot be made elsewhere.

use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use rand::{TryRng as _, rngs::SysRng};
use serde_json::{Value, json};
use sha2::Sha256;

/// Audiences that ARM and Resource Graph accept, without a trailing slash.
const ARM_AUDIENCES: [&str; 2] = ["https://management.azure.com", "https://management.core.windows.net"];
/// Audiences that the user feed of the current model accepts: AVD's resource,
/// or its application.
const FEED_AUDIENCES: [&str; 2] = ["https://www.wvd.microsoft.com", "9cdead84-a844-4324-93f2-b2e6bb768d07"];
/// Audiences that the classic service accepts, for the feed and for management.
const CLASSIC_AUDIENCES: [&str; 2] =
    ["https://mrs-prod.ame.gbl/mrs-RDInfra-prod", "5a0aa725-4958-4b0c-80a9-34562e23f3b7"];
/// The audience that Microsoft Graph accepts.
const DIRECTORY_AUDIENCE: &str = "https://graph.microsoft.com";
/// The audience that key vaults accept.
const KEY_VAULT_AUDIENCE: &str = "https://vault.azure.net";
/// The audience that Service Bus accepts.
const SERVICE_BUS_AUDIENCE: &str = "https://servicebus.azure.net";
/// The audience of Blob Storage. Azurite takes its tokens only from an issuer
/// of Entra's.
const STORAGE_AUDIENCE: &str = "https://storage.azure.com";

/// What a token is shown to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Arm,
    ServiceBus,
    /// The user feed of the current model.
    Feed,
    /// The classic service.
    Classic,
    /// Microsoft Graph.
    Directory,
    /// The data plane of key vaults.
    KeyVault,
}

impl Resource {
    /// Whether it is meant by an audience; `origin` is how ARM is addressed.
    fn accepts(self, audience: &str, origin: &str) -> bool {
        let audience = audience.trim_end_matches('/');
        match self {
            Self::Arm => ARM_AUDIENCES.contains(&audience) || audience == origin,
            Self::ServiceBus => audience == SERVICE_BUS_AUDIENCE,
            Self::Feed => FEED_AUDIENCES.contains(&audience),
            Self::Classic => CLASSIC_AUDIENCES.iter().any(|known| known.eq_ignore_ascii_case(audience)),
            Self::Directory => audience == DIRECTORY_AUDIENCE,
            Self::KeyVault => audience == KEY_VAULT_AUDIENCE,
        }
    }
}

/// Who a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The principal's object id.
    pub(crate) object_id: String,
    /// The application's client id.
    pub(crate) client_id: String,
    /// The user's name; an application that speaks for itself has none.
    pub(crate) account: Option<String>,
    /// The number of the user's session.
    pub(crate) session: u64,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenFault {
    Missing,
    Invalid,
    Expired,
    WrongAudience,
}

/// Makes and checks tokens.
pub(crate) struct Tokens {
    key: [u8; 32],
    lifetime: Duration,
    tenant: String,
}

impl Tokens {
    pub(crate) fn new(lifetime: Duration, tenant: &str) -> Result<Self> {
        let mut key = [0; 32];
        SysRng.try_fill_bytes(&mut key).context("the system has no random numbers")?;
        Ok(Self { key, lifetime, tenant: tenant.to_owned() })
    }

    pub(crate) fn lifetime_s(&self) -> u64 {
        self.lifetime.as_secs()
    }

    /// A token and when it expires, in seconds since 1970.
    pub(crate) fn issue(&self, caller: &Caller, audience: &str, origin: &str, now: Timestamp) -> (String, i64) {
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let expires = now.as_second().saturating_add(lifetime);
        let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
        let issuer = if audience.trim_end_matches('/') == STORAGE_AUDIENCE {
            format!("https://sts.windows.net/{}/", self.tenant)
        } else {
            format!("{origin}/{}/v2.0", self.tenant)
        };
        let mut claims = json!({
            "aud": audience,
            "iss": issuer,
            "iat": now.as_second(),
            "nbf": now.as_second(),
            "exp": expires,
            "appid": caller.client_id,
            "oid": caller.object_id,
            "sub": caller.object_id,
            "tid": self.tenant,
            "ver": "1.0",
        });
        if let Some(account) = &caller.account {
            claims["upn"] = json!(account);
            claims["preferred_username"] = json!(account);
            claims["scp"] = json!("User.Access user_impersonation");
            claims["sid"] = json!(caller.session);
        }
        let signed = format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.mac(&signed).finalize().into_bytes();
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        (format!("{signed}.{signature}"), expires)
    }

    /// Checks the `Authorization` header of a request sent to `origin`.
    pub(crate) fn check(
        &self,
        header: Option<&str>,
        resource: Resource,
        origin: &str,
        now: Timestamp,
    ) -> Result<Caller, TokenFault> {
        let token = header.ok_or(TokenFault::Missing)?;
        let token =
            token.strip_prefix("Bearer ").or_else(|| token.strip_prefix("bearer ")).ok_or(TokenFault::Invalid)?;
        let claims = self.verified(token.trim()).ok_or(TokenFault::Invalid)?;
        if claims["exp"].as_i64().is_none_or(|expires| expires <= now.as_second()) {
            return Err(TokenFault::Expired);
        }
        if !resource.accepts(claims["aud"].as_str().unwrap_or(""), origin) {
            return Err(TokenFault::WrongAudience);
        }
        let claim = |name: &str| claims[name].as_str().unwrap_or("").to_owned();
        Ok(Caller {
            object_id: claim("oid"),
            client_id: claim("appid"),
            account: claims["upn"].as_str().map(str::to_owned),
            session: claims["sid"].as_u64().unwrap_or(0),
        })
    }

    /// A text that only this run can make, such as a refresh token.
    pub(crate) fn opaque(&self, what: &str, number: u64) -> String {
        let bytes = self.mac(&format!("{what} {number}")).finalize().into_bytes();
        format!("1.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    fn verified(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(signed).verify_slice(&signature).ok()?;
        let (_, claims) = signed.split_once('.')?;
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(signed.as_bytes());
        mac
    }
}
