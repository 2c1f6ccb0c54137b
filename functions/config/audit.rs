//! `[connection.audit]`: whether and how a connection's access is audited.

use super::reader::Table;
use super::references::Needed;
use super::{references, values};
use std::path::PathBuf;
use std::time::Duration;

/// How a connection's access is audited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Whether runs are followed by an audit.
    pub enabled: bool,
    /// How much time lies between two audits at least; none to audit after every run.
    pub every: Duration,
    /// Whether it also looks at how what was deployed is made.
    pub posture: bool,
    /// Whether the directory (Microsoft Graph) is read; without it, everything that depends on it is unknown.
    pub directory: bool,
    /// The file with what is expected, allowed and demanded.
    pub policy: Option<PathBuf>,
}

impl Audit {
    /// What a connection has that says nothing: an audit after every run, if it reads Azure Resource Manager.
    pub(super) fn by_default(enabled: bool) -> Self {
        Self { enabled, every: Duration::ZERO, posture: false, directory: true, policy: None }
    }
}

/// Takes the audit's settings out of a connection. Only what Azure Resource Manager lists can be audited.
pub(super) fn read(table: &mut Table<'_>, is_arm: bool) -> Audit {
    let mut audit = Audit::by_default(is_arm);
    let Some(entry) = table.take("audit") else { return audit };
    if !is_arm {
        entry.refuse("is for connections of kind \"arm\" alone", "remove it; `poolwarden roles` looks at classic ones");
        return audit;
    }
    let Some(mut settings) = entry.table("[connection.audit]") else { return audit };
    let mut truth = |key, default| settings.take(key).and_then(|entry| entry.truth()).unwrap_or(default);
    audit.enabled = truth("enabled", audit.enabled);
    audit.posture = truth("posture", audit.posture);
    audit.directory = truth("directory", audit.directory);
    let every = settings.take("every").and_then(|entry| entry.parsed(|text| values::duration(text, Duration::ZERO)));
    audit.every = every.unwrap_or_default();
    audit.policy = settings.take("policy").and_then(|entry| {
        let path = entry.source.beside(entry.parsed(values::path)?);
        references::need(&entry, Needed::File(path.clone()));
        Some(path)
    });
    settings.finish();
    audit
}
