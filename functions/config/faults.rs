//! What is wrong with a configuration, told so that it can be mended: where, what, and what to do.

use std::fmt::{self, Write};
use std::path::PathBuf;

/// How much of a value a message repeats, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// The configuration that [`ConfigError::Missing`] offers to start from.
pub const MINIMAL_EXAMPLE: &str = include_str!("minimal.example.toml");

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the configuration file. Line and column count from 1, the column in characters.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// In an environment variable.
    Variable(String),
}

/// One thing that is wrong. Its text is one line, and never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file does not exist.
    #[error(
        "there is no configuration: {} does not exist ({why})\n\
         write one; this is enough to start with:\n\n{MINIMAL_EXAMPLE}",
        escaped(&path.display().to_string())
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// Why there.
        why: &'static str,
    },
    /// The file is there and cannot be read.
    #[error("the configuration {} cannot be read; check that it is a file and that this process may read it", escaped(&path.display().to_string()))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file was read: these are all its faults, in the order of their places.
    #[error("{}", listed(.0))]
    Faulty(Vec<Fault>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}: {}; {}", self.place, self.what, self.fix);
        f.write_str(&escaped(&text))
    }
}

fn listed(faults: &[Fault]) -> String {
    let count = match faults.len() {
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    faults.iter().fold(format!("the configuration has {count}:"), |mut list, fault| {
        write!(list, "\n  {fault}").expect("writing to a string cannot fail");
        list
    })
}

/// A value as a message repeats it.
pub(super) fn quoted(value: &str) -> String {
    match value.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("`{}…`", &value[..end]),
        None => format!("`{value}`"),
    }
}

/// The text on one line: what would move the cursor or reorder its neighbours is written as an escape.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, c| {
        if c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
        {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        line
    })
}
