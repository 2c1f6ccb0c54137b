//! A folder that Poolwarden writes whole and writes anew: each file whole or not at all, an index of its own files last,
//! files that an earlier writing left and this one does not are deleted, and a folder that holds anything else is
//! refused.
//!
//! Names that are about to be written are noted first in a journal beside the index. So a folder whose writing was
//! interrupted, by a kill or a full disk, is known as ours, and what it holds is cleaned up by the next writing.

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The name of the file that makes a folder ours.
pub const INDEX: &str = "index.json";
/// The names that are being written; gone once the index is.
const JOURNAL: &str = "index.journal";

/// What the index of a folder says.
pub trait Index: Serialize + DeserializeOwned {
    /// Every other file, from the folder's root.
    fn files(&self) -> &BTreeSet<String>;

    /// Whether a name is one that this kind of folder gives: an index that was tampered with deletes nothing else.
    fn is_ours(name: &str) -> bool;
}

/// A folder that is being written.
pub struct Folder {
    root: PathBuf,
    /// What earlier writings left.
    before: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Folder {
    /// Opens a new or empty folder, or one that holds what this kind of index lists.
    pub fn open<I: Index>(root: &Path) -> anyhow::Result<Self> {
        let index = root.join(INDEX);
        let mut before = BTreeSet::new();
        if let Some(text) = read(&index)? {
            let earlier: I = serde_json::from_slice(&text)
                .with_context(|| format!("{} was not written by an export; choose another folder", index.display()))?;
            before.extend(earlier.files().iter().cloned());
        }
        let journal = read(&root.join(JOURNAL))?;
        let is_known = !before.is_empty() || journal.is_some() || index.try_exists()?;
        if !is_known && root.try_exists()? && root.read_dir()?.next().is_some() {
            bail!("{} holds something else; choose a new or empty folder", root.display());
        }
        let journal = journal.unwrap_or_default();
        before.extend(String::from_utf8_lossy(&journal).lines().map(str::to_owned));
        before.retain(|name| I::is_ours(name));
        Ok(Self { root: root.to_owned(), before, files: BTreeSet::new() })
    }

    /// Writes files, and returns the folder once they are there. The disk may be slow: not on a thread that serves
    /// others.
    pub async fn write(self, files: Vec<(String, Vec<u8>)>) -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(move || {
            let mut folder = self;
            folder.note(files.iter().map(|(name, _)| name))?;
            for (name, bytes) in files {
                write(&folder.root, &name, &bytes)?;
                folder.files.insert(name);
            }
            Ok(folder)
        })
        .await?
    }

    /// Deletes what is no longer there, and writes the index that this makes of the files' names.
    pub async fn close<I: Index + Send + 'static>(
        self,
        index: impl FnOnce(BTreeSet<String>) -> I + Send + 'static,
    ) -> anyhow::Result<I> {
        tokio::task::spawn_blocking(move || {
            for stale in self.before.difference(&self.files) {
                delete(&self.root.join(stale))?;
            }
            // A writing that was interrupted may have left the beginning of a file beside its place.
            for name in self.before.union(&self.files) {
                delete(&partial(&self.root.join(name)))?;
            }
            let index = index(self.files);
            write(&self.root, INDEX, &serde_json::to_vec_pretty(&index)?)?;
            delete(&self.root.join(JOURNAL))?;
            Ok(index)
        })
        .await?
    }

    fn note<'a>(&self, names: impl Iterator<Item = &'a String>) -> anyhow::Result<()> {
        let path = self.root.join(JOURNAL);
        let note = || {
            fs::create_dir_all(&self.root)?;
            let lines: String = names.map(|name| format!("{name}\n")).collect();
            OpenOptions::new().create(true).append(true).open(&path)?.write_all(lines.as_bytes())
        };
        note().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A file's bytes, if there is one.
fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn delete(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot delete {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn partial(path: &Path) -> PathBuf {
    path.with_extension("partial")
}

/// Writes a file whole or not at all. One that says the same already is left alone.
fn write(root: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = root.join(name);
    if fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let parent = path.parent().expect("every name has a folder before it");
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let partial = partial(&path);
    // Always a new file: what lies there under that name, a link perhaps, is not written through.
    delete(&partial)?;
    let new = OpenOptions::new().write(true).create_new(true).open(&partial);
    new.and_then(|mut new| new.write_all(bytes))
        .and_then(|()| fs::rename(&partial, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Whether a name is made of plain parts, and lies as deep below one of these as is said beside it.
pub(crate) fn is_plain_below(name: &str, folders: &[(&str, usize)]) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    };
    let parts: Vec<&str> = name.split('/').collect();
    let depth = parts.len() - 1;
    parts.iter().all(|part| plain(part)) && folders.iter().any(|of| *of == (parts[0], depth))
}

#[cfg(test)]
mod tests;
