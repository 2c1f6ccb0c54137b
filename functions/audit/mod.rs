//! What was read about who may do what, kept for the functions and commands that ask it.
//!
//! The facts of a large tenant are tens of megabytes, and one document may have sixteen: they are compressed, and split
//! into parts that a head names. The parts are there before the head names them.

pub mod policy;

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use crate::state::{StateError, Versioned};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use poolwarden_azure::{AccessWanted, Depth, DirectoryMemory};
use poolwarden_domain::access::AccessFacts;
use poolwarden_domain::audit::{AuditReport, Family, audit};
use poolwarden_domain::run::Requests;
use poolwarden_domain::text::sha256_hex;
use poolwarden_store::MAX_BODY_BYTES;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::sync::Arc;

/// The largest facts that are read back, in bytes.
const MAX_FACTS_BYTES: u64 = 1 << 30;
/// The most parts they are split into.
const MAX_PARTS: usize = 64;

/// What was last read of a connection: `access/<connection>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The run that it was read after.
    pub run: String,
    /// When.
    pub read_at: Timestamp,
    /// Whether it was read for the posture too.
    pub posture: bool,
    /// What it took.
    pub requests: Requests,
    /// The digest of the facts, which names the parts.
    pub digest: String,
    /// How many parts there are.
    pub parts: usize,
}

/// The facts, and what the next reading of the directory builds on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The facts.
    pub facts: AccessFacts,
    /// What the directory's reader remembers.
    pub memory: DirectoryMemory,
}

/// What a connection's facts amount to under its policy.
#[derive(Debug)]
pub struct Audited {
    /// The head of the facts.
    pub head: Head,
    /// The facts.
    pub facts: AccessFacts,
    /// What is wrong.
    pub report: AuditReport,
}

/// Keeps facts, unless newer ones are there. Returns the head that counts in the end.
pub async fn keep(
    deps: &Deps,
    connection: &str,
    run: &str,
    posture: bool,
    requests: Requests,
    kept: &Kept,
) -> Result<Head, Fault> {
    let state = deps.state();
    let body = packed(kept).map_err(|error| Fault::Permanent(format!("the facts cannot be kept: {error}")))?;
    let digest = sha256_hex(&body)[..16].to_owned();
    let parts: Vec<Bytes> =
        (0..body.len()).step_by(MAX_BODY_BYTES).map(|at| body.slice(at..body.len().min(at + MAX_BODY_BYTES))).collect();
    if parts.len() > MAX_PARTS {
        return Err(Fault::Permanent(format!("the facts take more than {MAX_PARTS} documents")));
    }
    for (number, part) in parts.iter().enumerate() {
        state.create_bytes(&keys::access_part(connection, &digest, number), part.clone()).await?;
    }
    let head = Head { run: run.to_owned(), read_at: kept.facts.read_at, posture, requests, digest, parts: parts.len() };
    let newer = |known: Option<Head>| match known {
        Some(known) if known.read_at >= head.read_at => None,
        _ => Some(head.clone()),
    };
    let kept = state.change(&keys::access(connection), newer).await?.unwrap_or(head);
    for name in state.names(&keys::access_parts(connection)).await? {
        // Another process may be writing parts that no head names yet: those are as new as this head, and stay.
        if !name.starts_with(&kept.digest) && kept.run == run {
            state.delete(&format!("{}{name}", keys::access_parts(connection))).await?;
        }
    }
    Ok(kept)
}

/// The head of what was last read of a connection, if anything was.
pub async fn head(deps: &Deps, connection: &str) -> Result<Option<Head>, StateError> {
    deps.state().value(&keys::access(connection)).await
}

/// What was last read of a connection, if anything was.
pub async fn load(deps: &Deps, connection: &str) -> Result<Option<(Head, Kept)>, Fault> {
    let Some(Versioned { value: head, .. }) = deps.state().read::<Head>(&keys::access(connection)).await? else {
        return Ok(None);
    };
    let mut body = Vec::new();
    for part in 0..head.parts {
        let key = keys::access_part(connection, &head.digest, part);
        let document = deps.documents.get(&key).await.map_err(StateError::from)?;
        // A newer head has taken its place meanwhile.
        let document = document.ok_or_else(|| Fault::Transient(format!("document {key} is gone")))?;
        body.extend_from_slice(&document.body);
    }
    let kept = unpacked(&body)
        .map_err(|error| Fault::Permanent(format!("the facts of {connection} cannot be read back: {error}")))?;
    Ok(Some((head, kept)))
}

/// A connection's facts, judged. Facts of one digest are judged once a process, as long as it remembers them.
pub async fn judged(deps: &Deps, connection: &str) -> Result<Option<Arc<Audited>>, Fault> {
    let Some(head) = head(deps, connection).await? else { return Ok(None) };
    let key = format!("{connection}/{}", head.digest);
    if let Some(known) = deps.audited.get(&key) {
        return Ok(Some(known));
    }
    let Some((head, kept)) = load(deps, connection).await? else { return Ok(None) };
    let policy = deps.audit_policy(connection);
    let families = families(head.posture);
    let now = deps.now();
    let connection = connection.to_owned();
    // Seconds of work for a large tenant: not among those who wait for answers.
    let judging = tokio::task::spawn_blocking(move || {
        let report = audit(&connection, &kept.facts, &policy, families, now);
        Audited { head, facts: kept.facts, report }
    });
    let audited = Arc::new(judging.await.map_err(|error| Fault::Permanent(format!("the audit broke off: {error}")))?);
    deps.audited.insert(key, Arc::clone(&audited));
    Ok(Some(audited))
}

/// What is read for an audit of a connection.
pub fn wanted(deps: &Deps, connection: &str, posture: bool) -> AccessWanted {
    let depth = if posture { Depth::Posture } else { Depth::Rbac };
    AccessWanted { depth, names: deps.audit_policy(connection).vendor_names() }
}

/// The families of rules that an audit runs.
pub fn families(posture: bool) -> &'static [Family] {
    if posture { &[Family::Rbac, Family::Custom, Family::Posture] } else { &[Family::Rbac, Family::Custom] }
}

fn packed(kept: &Kept) -> std::io::Result<Bytes> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut encoder, kept)?;
    encoder.flush()?;
    Ok(encoder.finish()?.into())
}

fn unpacked(body: &[u8]) -> std::io::Result<Kept> {
    let mut text = Vec::new();
    DeflateDecoder::new(body).take(MAX_FACTS_BYTES).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
