//! The policy file: what is expected, allowed for a while, and demanded besides.

use crate::config::Connection;
use anyhow::{Context, bail};
use poolwarden_domain::audit::AuditPolicy;
use std::path::Path;

/// The largest policy file, in bytes.
const MAX_POLICY_BYTES: u64 = 1 << 20;

/// Reads a policy file, TOML or by its name JSON, and refuses one that makes no sense.
pub fn read(path: &Path) -> anyhow::Result<AuditPolicy> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("the policy {shown} cannot be read"))?.len();
    if size > MAX_POLICY_BYTES {
        bail!("the policy {shown} has {size} bytes; at most {MAX_POLICY_BYTES} are read");
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("the policy {shown} cannot be read"))?;
    let is_json = path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("json"));
    let policy: anyhow::Result<AuditPolicy> = match is_json {
        true => serde_json::from_str(&text).map_err(Into::into),
        false => toml_edit::de::from_str(&text).map_err(Into::into),
    };
    let policy = policy.with_context(|| format!("the policy {shown} is not valid"))?;
    let faults = policy.faults();
    if !faults.is_empty() {
        bail!("the policy {shown} is not valid:\n  {}", faults.join("\n  "));
    }
    Ok(policy)
}

/// The policy of a connection; the default one if it names none.
pub fn of(connection: &Connection) -> anyhow::Result<AuditPolicy> {
    match &connection.audit.policy {
        Some(path) => read(path).with_context(|| format!("connection {}", connection.name)),
        None => Ok(AuditPolicy::default()),
    }
}
