//! A table in Markdown.

use std::fmt;

/// Rows of what was measured and what came out.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<(String, String)>);

impl Table {
    pub(super) fn row(&mut self, what: String, result: String) {
        self.0.push((what, result));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "| measured | result |\n|---|---|")?;
        self.0.iter().try_for_each(|(what, result)| writeln!(formatter, "| {what} | {result} |"))
    }
}
