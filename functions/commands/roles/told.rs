//! What `poolwarden roles` and `poolwarden classic roles` tell alike.

use crate::commands::output::{self, say, visible};
use crate::commands::{COMPLETE, INCOMPLETE};
use serde::Serialize;
use std::fmt;

/// How a change came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::commands) enum Outcome {
    Granted,
    AlreadyGranted,
    WouldGrant,
    Revoked,
    NotThere,
    WouldRevoke,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Granted => "granted",
            Self::AlreadyGranted => "granted already, nothing was done",
            Self::WouldGrant => "would be granted",
            Self::Revoked => "revoked",
            Self::NotThere => "not there, nothing was done",
            Self::WouldRevoke => "would be revoked",
        })
    }
}

/// All that is listed.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct Listing<Line> {
    pub(in crate::commands) assignments: Vec<Line>,
    /// What could not be read.
    pub(in crate::commands) unknown: Vec<String>,
}

impl<Line: Serialize> Listing<Line> {
    /// Tells it; for people as a table, and below it what is to be said of single assignments.
    pub(in crate::commands) fn show<const COLUMNS: usize>(
        &self,
        json: bool,
        columns: [&str; COLUMNS],
        row: impl Fn(&Line) -> [String; COLUMNS],
        remarks: impl Fn(&Line) -> Vec<String>,
    ) -> anyhow::Result<u8> {
        let code = if self.unknown.is_empty() { COMPLETE } else { INCOMPLETE };
        if json {
            output::json(self)?;
            return Ok(code);
        }
        output::table(columns, self.assignments.iter().map(row))?;
        say!("\n{} role assignments", self.assignments.len());
        for remark in self.assignments.iter().flat_map(remarks) {
            say!("{}", visible(&remark));
        }
        for reason in &self.unknown {
            say!("not read: {}", visible(reason));
        }
        Ok(code)
    }
}
