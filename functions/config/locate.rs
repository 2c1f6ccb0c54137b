//! Which file is the configuration, and its text.

use super::DEFAULT_FILE;
use super::environment::{CONFIG_VARIABLE, Environment};
use super::faults::{ConfigError, Fault};
use super::reader::Source;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest configuration, in bytes: hundreds of connections fit.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// A file, and why it is this one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) path: PathBuf,
    why: &'static str,
    /// Whether somebody named it, and so means it to be there.
    pub(super) named: bool,
}

/// The command line's file, else the environment's, else the default. Only that one is looked at: who names a file
/// means it.
pub(super) fn choose(explicit: Option<&Path>, env: &dyn Environment) -> Location {
    let variable = env.filled(CONFIG_VARIABLE);
    let named = explicit.is_some() || variable.is_some();
    let (path, why) = match (explicit, variable) {
        (Some(path), _) => (path.to_owned(), "--config names it"),
        (None, Some(path)) => (path.into(), "the environment variable POOLWARDEN_CONFIG names it"),
        (None, None) => (DEFAULT_FILE.into(), "neither --config nor POOLWARDEN_CONFIG names another"),
    };
    Location { path, why, named }
}

impl Location {
    /// The file's text.
    pub(super) fn read(&self) -> Result<String, ConfigError> {
        let path = || self.path.clone();
        let bytes = self.bytes().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ConfigError::Missing { path: path(), why: self.why },
            _ => ConfigError::Unreadable { path: path(), source },
        })?;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(self.faulty(
                "",
                format!("the file is larger than {MAX_FILE_BYTES} bytes"),
                "check that it is the configuration",
            ));
        }
        String::from_utf8(bytes).map_err(|error| {
            let (valid, _) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
            let text = String::from_utf8_lossy(valid);
            self.faulty(&text, "this is no UTF-8 text".to_owned(), "save the file as UTF-8")
        })
    }

    /// One byte more than allowed shows that there is more; a file without an end does no harm.
    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(&self.path)?;
        file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A fault at the end of what could be read.
    fn faulty(&self, text: &str, what: String, fix: &str) -> ConfigError {
        let fault = Fault { place: Source::new(&self.path, text).place(text.len()), what, fix: fix.to_owned() };
        ConfigError::Faulty(vec![fault])
    }
}
