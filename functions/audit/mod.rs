//! What was read about who may do what, kept for the functions and commands that ask it.
//!
//! The facts of a large tenant are tens of megabytes, and one document may have sixteen: they are compressed, and split
//! into parts that a head names. The parts are there before the head names them. Several processes may read at once:
//! the head is always that of the newest facts, and only parts that are older than it, which none can name, are deleted.

pub mod policy;

use crate::deps::Deps;
use crate::keys;
use crate::stage::Fault;
use crate::state::StateError;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use poolwarden_azure::{AccessWanted, Depth, DirectoryMemory};
use poolwarden_domain::access::AccessFacts;
use poolwarden_domain::audit::{AuditReport, Family, PoolFindings, audit};
use poolwarden_domain::run::{Requests, Run};
use poolwarden_domain::text::sha256_hex;
use poolwarden_store::MAX_BODY_BYTES;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The largest facts that are read back, in bytes.
const MAX_FACTS_BYTES: u64 = 1 << 30;
/// The most parts they are split into.
const MAX_PARTS: usize = 64;
/// The largest part, in bytes; small ones suffice for tests.
const PART_BYTES: usize = if cfg!(test) { 4 << 10 } else { MAX_BODY_BYTES };
/// How often loading begins anew because newer facts took the place of those that were being loaded.
const MAX_LOADS: usize = 5;

/// What was last read of a connection: `access/<connection>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The run that it was read after.
    pub run: String,
    /// When that run began.
    #[serde(default)]
    pub began: Option<Timestamp>,
    /// When it was read.
    pub read_at: Timestamp,
    /// Whether it was read for the posture too.
    pub posture: bool,
    /// What it took.
    pub requests: Requests,
    /// What names the parts: when the facts were read, so that names sort by age, and their digest.
    pub digest: String,
    /// How many parts there are.
    pub parts: usize,
    /// Whether each host pool's findings were asked to be drawn from it.
    #[serde(default)]
    pub handed_on: bool,
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
    /// Fingerprints of what was told before, once somebody has asked.
    spoken: OnceCell<BTreeSet<String>>,
}

/// Keeps facts, unless newer ones are there. Returns the head that counts in the end.
pub async fn keep(deps: &Deps, run: &Run, posture: bool, requests: Requests, kept: &Arc<Kept>) -> Result<Head, Fault> {
    let (state, connection, read_at) = (deps.state(), run.connection.as_str(), kept.facts.read_at);
    let facts = Arc::clone(kept);
    let body = aside(move || packed(&facts)).await?;
    let body = body.map_err(|error| Fault::Permanent(format!("the facts cannot be kept: {error}")))?;
    let digest = name_of(read_at, &body);
    let parts: Vec<Bytes> =
        (0..body.len()).step_by(PART_BYTES).map(|at| body.slice(at..body.len().min(at + PART_BYTES))).collect();
    if parts.len() > MAX_PARTS {
        return Err(Fault::Permanent(format!("the facts take more than {MAX_PARTS} documents")));
    }
    for (number, part) in parts.iter().enumerate() {
        state.create_bytes(&keys::access_part(connection, &digest, number), part.clone()).await?;
    }
    let head = Head {
        run: run.id.clone(),
        began: Some(run.started_at),
        read_at,
        posture,
        requests,
        digest: digest.clone(),
        parts: parts.len(),
        handed_on: false,
    };
    let newer = |known: Option<Head>| match known {
        Some(known) if known.read_at >= head.read_at => None,
        _ => Some(head.clone()),
    };
    let kept = state.change(&keys::access(connection), newer).await?.unwrap_or_else(|| head.clone());
    for name in state.names(&keys::access_parts(connection)).await? {
        // Parts that are newer than the head may be another process's, which is about to name them. No head can come
        // to name older ones.
        let of = name.split('/').next().unwrap_or_default();
        let is_older = of.len() != kept.digest.len() || of < kept.digest.as_str();
        if of != kept.digest && (is_older || of == digest) {
            state.delete(&format!("{}{name}", keys::access_parts(connection))).await?;
        }
    }
    Ok(kept)
}

/// What names the parts of facts: it sorts by the time they were read.
fn name_of(read_at: Timestamp, body: &[u8]) -> String {
    let nanoseconds = u64::try_from(read_at.as_nanosecond()).unwrap_or_default();
    format!("{nanoseconds:016x}-{}", &sha256_hex(body)[..12])
}

/// Notes that each host pool's findings were asked to be drawn from these facts.
pub async fn note_handed_on(deps: &Deps, connection: &str, head: &Head) -> Result<(), Fault> {
    let note = |known: Option<Head>| {
        known.filter(|known| known.digest == head.digest).map(|known| Head { handed_on: true, ..known })
    };
    deps.state().change(&keys::access(connection), note).await?;
    Ok(())
}

/// The head of what was last read of a connection, if anything was.
pub async fn head(deps: &Deps, connection: &str) -> Result<Option<Head>, StateError> {
    deps.state().value(&keys::access(connection)).await
}

/// What was last read of a connection, if anything was.
pub async fn load(deps: &Deps, connection: &str) -> Result<Option<(Head, Kept)>, Fault> {
    let mut tried: Option<String> = None;
    for _ in 0..MAX_LOADS {
        let Some(head) = head(deps, connection).await? else { return Ok(None) };
        if tried.as_ref() == Some(&head.digest) {
            return Err(Fault::Permanent(format!("parts of what was read of {connection} are gone")));
        }
        if let Some(body) = body(deps, connection, &head).await? {
            let kept = aside(move || unpacked(&body))
                .await?
                .map_err(|error| Fault::Permanent(format!("the facts of {connection} cannot be read back: {error}")))?;
            return Ok(Some((head, kept)));
        }
        // A newer head has taken its place meanwhile.
        tried = Some(head.digest);
    }
    Err(Fault::Transient(format!("what was read of {connection} changes faster than it can be loaded")))
}

/// All parts that a head names, put together; nothing if one is not there.
async fn body(deps: &Deps, connection: &str, head: &Head) -> Result<Option<Vec<u8>>, Fault> {
    let mut body = Vec::new();
    for part in 0..head.parts.min(MAX_PARTS) {
        let key = keys::access_part(connection, &head.digest, part);
        let Some(document) = deps.documents.get(&key).await.map_err(StateError::from)? else { return Ok(None) };
        body.extend_from_slice(&document.body);
    }
    Ok(Some(body))
}

/// What the next reading of a connection's directory builds on. Facts that are lost or cannot be understood any more
/// are no reason not to read anew.
pub async fn memory(deps: &Deps, connection: &str) -> Result<Option<DirectoryMemory>, Fault> {
    match load(deps, connection).await {
        Ok(known) => Ok(known.map(|(_, kept)| kept.memory)),
        Err(Fault::Permanent(reason)) => {
            tracing::warn!(connection, reason, "the directory is read from the beginning");
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// A connection's facts, judged. Facts of one digest are judged once a process, as long as it remembers them.
pub async fn judged(deps: &Deps, connection: &str) -> Result<Option<Arc<Audited>>, Fault> {
    let Some(head) = head(deps, connection).await? else { return Ok(None) };
    let key = format!("{connection}/{}", head.digest);
    if let Some(known) = deps.audited.get(&key) {
        return Ok(Some(known));
    }
    // One at a time: the messages of all pools come at once, and each would load and judge the same facts.
    let _judging = deps.judging.lock().await;
    if let Some(known) = deps.audited.get(&key) {
        return Ok(Some(known));
    }
    let Some((head, kept)) = load(deps, connection).await? else { return Ok(None) };
    let key = format!("{connection}/{}", head.digest);
    let policy = deps.audit_policy(connection);
    let families = families(head.posture);
    let now = deps.now();
    let connection = connection.to_owned();
    let judging = aside(move || {
        let report = audit(&connection, &kept.facts, &policy, families, now);
        Audited { head, facts: kept.facts, report, spoken: OnceCell::new() }
    });
    let audited = Arc::new(judging.await?);
    deps.audited.insert(key, Arc::clone(&audited));
    Ok(Some(audited))
}

/// What of a connection was told before these facts were read, of whichever pool, and is wrong still. Whether the
/// findings of some pools were drawn from the facts already makes no difference.
pub async fn spoken_before<'a>(
    deps: &Deps,
    connection: &str,
    audited: &'a Audited,
) -> Result<&'a BTreeSet<String>, Fault> {
    let look = || async {
        let mut spoken = BTreeSet::new();
        for pool in deps.state().names(&keys::all_findings(connection)).await? {
            if let Some(kept) = deps.state().value::<PoolFindings>(&keys::findings(connection, &pool)).await? {
                spoken.append(&mut kept.spoken_before(audited.report.read_at));
            }
        }
        Ok(spoken)
    };
    audited.spoken.get_or_try_init(look).await
}

/// Does what takes seconds for a large tenant: not among those who wait for answers.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Fault::Permanent(format!("the work on the facts broke off: {error}")))
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

#[cfg(test)]
mod tests;
