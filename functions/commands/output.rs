//! What people and machines see.

use comfy_table::{ContentArrangement, Table, presets};
use poolwarden_domain::text::is_invisible;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use tracing_subscriber::EnvFilter;

/// Sends the log to standard error: text for a terminal, JSON lines otherwise. `RUST_LOG` overrides the level.
pub(super) fn log(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if std::io::stderr().is_terminal() { log.init() } else { log.json().flatten_event(true).init() }
}

/// Prints a line, as `println!` does, but lets a reader that has gone away be an error like any other.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout().lock(), $($text)*)?;
    }};
}
pub(super) use say;

/// Whether an error means that nobody reads on, as `| head` does.
pub(super) fn nobody_reads(error: &anyhow::Error) -> bool {
    let broken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        json == Some(std::io::ErrorKind::BrokenPipe) || cause.downcast_ref().is_some_and(broken)
    })
}

/// Prints a value as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// Prints rows under headings, fitted to the terminal.
pub(super) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> anyhow::Result<()> {
    std::io::stdout().lock().write_all(self::rows(headings, rows).as_bytes())?;
    Ok(())
}

/// The same as text.
pub(super) fn rows<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(headings);
    for row in rows {
        table.add_row(row.iter().map(|cell| visible(cell)));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Text from outside as it may go to a terminal: no control characters, and none that reorder or hide others.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(|c| if is_invisible(c) { '\u{FFFD}' } else { c }).collect()
}

/// An error as it may go to a terminal. It names what others have named, and has lines of its own.
pub(super) fn told(error: &anyhow::Error) -> String {
    let text = format!("error: {error:#}");
    text.lines().map(visible).collect::<Vec<String>>().join("\n")
}

/// A moment as people read it: to the second, in UTC.
pub(super) fn when(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_lines_and_nothing_that_a_terminal_obeys() {
        let error = anyhow::anyhow!("there are:\n  Reader\u{1b}]0;x\u{7}\n  a\u{202e}b").context("no such role");
        let text = told(&error);
        assert_eq!(text.lines().count(), 3);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']) && text.starts_with("error: no such role: there are:"));
    }
}
