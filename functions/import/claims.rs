//! Which requests came before: one document each, created by whoever comes first, so that it holds across processes.
//!
//! A claim names the run that the request leads to. As long as that run was not begun for certain, the same request
//! comes to the same run; what happens to it afterwards is its sender's choice of words: see [`Repeat`].

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use jiff::{SignedDuration, Timestamp};
use poolwarden_domain::text::sha256_hex;
use serde::{Deserialize, Serialize};

/// How long a request is remembered. Senders of webhooks go on trying for hours.
pub const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// The longest key of a caller's own, in characters.
pub const MAX_KEY_CHARS: usize = 256;
/// How often claims are looked through for old ones, in minutes.
const SWEEP_EVERY_MINUTES: i64 = 60;

/// What tells a request from others, and what becomes of one that comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing: each request is a new one.
    Unknown,
    /// It is answered as it was the first time. The key of the claim.
    Same(String),
    /// It is refused: whoever recorded a signed request cannot make use of it. The key of the claim.
    Refused(String),
}

impl Repeat {
    /// By the key that a caller sends along; callers do not share keys.
    pub fn same(caller: &str, key: &str) -> Self {
        Self::Same(keys::idempotency_key(&sha256_hex(format!("{caller}\n{key}").as_bytes())))
    }

    /// By the id of a signed request.
    pub fn refused(webhook_id: &str) -> Self {
        Self::Refused(keys::webhook_id(&sha256_hex(webhook_id.as_bytes())))
    }

    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Unknown => None,
            Self::Same(key) | Self::Refused(key) => Some(key),
        }
    }
}

/// A request that came: `webhook-ids/<hash>` or `idempotency-keys/<hash>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The run it leads to.
    pub run: String,
    /// The digest of what it asks for.
    pub content: String,
    /// When it first came.
    pub at: Timestamp,
    /// Whether the run is begun for certain.
    pub begun: bool,
}

/// Claims a request for a run; returns the claim that counts, which may be an earlier one's.
pub(super) async fn claim(deps: &Deps, key: &str, claim: Claim) -> Result<Claim, Fault> {
    if deps.state().create(key, &claim).await? {
        return Ok(claim);
    }
    let known = deps.state().value(key).await?;
    known.ok_or_else(|| Fault::Transient("the request's claim is gone".to_owned()))
}

/// Records that the run of a claim is begun for certain.
pub(super) async fn begun(deps: &Deps, key: &str) -> Result<(), Fault> {
    let begun = |claim: Option<Claim>| claim.filter(|claim| !claim.begun).map(|claim| Claim { begun: true, ..claim });
    deps.state().change(key, begun).await?;
    Ok(())
}

/// Forgets what came long ago; once an hour, for each claim has to be read.
pub async fn sweep(deps: &Deps, now: Timestamp) -> Result<(), Fault> {
    if now.as_second().div_euclid(60) % SWEEP_EVERY_MINUTES == 0 { forget_old(deps, now).await } else { Ok(()) }
}

/// Forgets what came long ago.
pub async fn forget_old(deps: &Deps, now: Timestamp) -> Result<(), Fault> {
    for prefix in keys::CLAIMS {
        let claims: Vec<(String, Claim)> = deps.state().all(prefix).await?;
        for (hash, _) in claims.into_iter().filter(|(_, claim)| now.duration_since(claim.at) > REMEMBERED_FOR) {
            deps.state().delete(&format!("{prefix}{hash}")).await?;
        }
    }
    Ok(())
}
