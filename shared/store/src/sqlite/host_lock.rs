//! One embedded host a file: an advisory lock the kernel releases when its process dies, however it dies.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The right to run the embedded host of a file, until this is dropped or the process ends.
#[derive(Debug)]
#[must_use = "the right ends when the guard is dropped"]
pub struct HostGuard {
    /// Closing the file releases the lock.
    _file: Option<File>,
    _flag: Option<Flag>,
}

#[derive(Debug)]
struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// Takes the lock of the database at `path`. The lock is on a file beside it, which stays: removing it would let a
/// third process lock a new file while a second still waits for the old one.
pub(super) fn take(path: &Path) -> io::Result<Option<HostGuard>> {
    // Whoever comes to the same database by another path meets the same lock.
    let path = path.canonicalize()?;
    let file = super::open::private_file().create(true).truncate(false).open(beside(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(HostGuard { _file: Some(file), _flag: None })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Takes the lock of a database that only this process can reach.
pub(super) fn take_in_memory(taken: &Arc<AtomicBool>) -> Option<HostGuard> {
    let was_taken = taken.swap(true, Ordering::SeqCst);
    (!was_taken).then(|| HostGuard { _file: None, _flag: Some(Flag(Arc::clone(taken))) })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
