//! `[[connection.target]]`: where packages are published to besides the catalogue.

use super::entry::wrong;
use super::reader::{Distinct, Table};
use super::values;
use std::path::PathBuf;

/// The longest name of a target, in characters.
const MAX_NAME_CHARS: usize = 24;

/// What a target takes packages as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// An import bundle for Recast Application Workspace.
    ApplicationWorkspace,
}

const KINDS: [(&str, TargetKind); 1] = [("application_workspace", TargetKind::ApplicationWorkspace)];

/// A folder that follows the connection's packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Unique within the connection: `[a-z0-9][a-z0-9-]{0,23}`.
    pub name: String,
    /// What is written.
    pub kind: TargetKind,
    /// Where to; nothing else may be in it.
    pub folder: PathBuf,
    /// Where it stands in the file.
    pub(super) start: usize,
}

/// Reads a target; nothing when something that has no default is missing or wrong.
pub(super) fn read(mut table: Table<'_>, names: &mut Distinct) -> Option<Target> {
    let kind = table.require("kind", "\"application_workspace\"").and_then(|entry| entry.choice(&KINDS));
    let name = table.require("name", "\"workspace\"").and_then(|entry| {
        let name = entry.parsed(|text| values::name(text, MAX_NAME_CHARS))?;
        names.check(&entry, &name);
        Some((name, entry.start))
    });
    let folder = table.require("folder", "\"bundle\"").and_then(|entry| {
        let text = entry.parsed(|text| match text {
            "" => wrong("is empty", "name a folder that nothing else is in"),
            text => Ok(text),
        })?;
        Some(entry.source.beside(text))
    });
    table.finish();
    let (name, start) = name?;
    Some(Target { name, kind: kind?, folder: folder?, start })
}
