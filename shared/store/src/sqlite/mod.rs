//! Documents and queues in one SQLite file.
//!
//! **What survives.** A write is answered when it is committed. With [`Durability::PowerLoss`], the default
//! (`journal_mode = WAL`, `synchronous = FULL`), a commit is flushed to the disk first: it survives the process being
//! killed, the system crashing and the power failing, as far as the drive keeps its word about flushes. With
//! [`Durability::Kill`] (`synchronous = NORMAL`) it survives the process being killed; a power failure may take the
//! last commits, and never damages the file or leaves half a transaction.
//!
//! **Who may use it.** Any number of processes on one machine: a command line beside a running host. One thread of
//! each writes, see [`writer`]; few threads read. Only one process at a time is the [host](Sqlite::try_become_host).
//! A network drive will not do: SQLite's log needs memory that processes share.

mod documents;
mod failure;
mod host_lock;
mod messages;
mod open;
mod queues;
mod readers;
mod waiters;
mod writer;

pub use host_lock::HostGuard;
pub use messages::Depth;
pub use open::OpenError;

use crate::{Clock, QueueError};
use failure::Failure;
use readers::Readers;
use rusqlite::Connection;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use waiters::Waiters;
use writer::Writer;

/// How many threads read.
const READERS: usize = 2;

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A power failure, and everything less.
    #[default]
    PowerLoss,
    /// The end of the process, however it comes. Faster; a power failure may undo the last commits.
    Kill,
}

/// How a store behaves. The defaults are those of `poolwarden serve`.
#[derive(Debug, Clone)]
pub struct Options {
    /// What a commit survives.
    pub durability: Durability,
    /// How long the id of a message is remembered after it was sent; 24 hours.
    pub duplicate_window: Duration,
    /// How often a message is delivered before it is given up; 10, and at least 1.
    pub max_delivery_count: u32,
    /// The time the queues go by.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            duplicate_window: Duration::from_secs(24 * 60 * 60),
            max_delivery_count: 10,
            clock: Clock::default(),
        }
    }
}

/// An open store. Clones share it; when the last one is dropped, its threads end and the file is closed, which takes
/// as long as the last commit.
#[derive(Clone)]
pub struct Sqlite {
    inner: Arc<Inner>,
}

struct Inner {
    // In this order: the readers close first, so that the writer, closing last, can fold the log into the database.
    readers: Option<Readers>,
    writer: Writer,
    waiters: Arc<Waiters>,
    options: Options,
    path: Option<PathBuf>,
    hosted_in_memory: Arc<AtomicBool>,
}

impl Sqlite {
    /// Opens the store at `path`; creates it, and the directories above it, readable by their owner only, if it is
    /// not there.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let path = &std::path::absolute(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let no_thread = |source| OpenError::File { path: path.to_owned(), source };
        let writer = open::writer(path, &options)?;
        let readers = (0..READERS).map(|_| open::reader(path)).collect::<Result<_, _>>()?;
        let readers = Readers::start(readers).map_err(no_thread)?;
        let writer = Writer::start(writer).map_err(no_thread)?;
        Ok(Self::of(Some(readers), writer, options, Some(path.to_owned())))
    }

    /// A store that is gone when its last clone is dropped: for tests, and for runs that are not to leave a trace.
    pub fn in_memory(options: Options) -> Result<Self, OpenError> {
        let path = PathBuf::from(":memory:");
        let connection = open::in_memory().map_err(|source| OpenError::Database { path: path.clone(), source })?;
        let writer = Writer::start(connection).map_err(|source| OpenError::File { path, source })?;
        Ok(Self::of(None, writer, options, None))
    }

    fn of(readers: Option<Readers>, writer: Writer, options: Options, path: Option<PathBuf>) -> Self {
        let (waiters, hosted_in_memory) = (Arc::default(), Arc::default());
        Self { inner: Arc::new(Inner { readers, writer, waiters, options, path, hosted_in_memory }) }
    }

    /// The file, unless the store is in memory.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.inner.path.as_deref()
    }

    /// Takes the right to run the embedded host of this file; `None` while another process, or another part of this
    /// one, has it. The kernel gives it back when its holder dies.
    pub fn try_become_host(&self) -> io::Result<Option<HostGuard>> {
        match &self.inner.path {
            Some(path) => host_lock::take(path),
            None => Ok(host_lock::take_in_memory(&self.inner.hosted_in_memory)),
        }
    }

    /// Frees every locked message, and says how many there were. For the one who [became
    /// host](Sqlite::try_become_host) and so knows that whoever locked them is dead: their messages need not wait for
    /// their locks to run out. Their deliveries stay counted.
    pub async fn release_locks(&self) -> Result<usize, QueueError> {
        let clock = self.inner.options.clock.clone();
        let waiters = Arc::clone(&self.inner.waiters);
        self.inner
            .write_then(move |c| messages::release_all(c, clock.now()), move |_| waiters.ring_all())
            .await
            .map_err(|failure| failure.of_queue("release its locks", "(all)"))
    }
}

impl Inner {
    async fn read<T, W>(&self, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        match &self.readers {
            Some(readers) => readers.run(work).await,
            None => self.write(work).await,
        }
    }

    async fn write<T, W>(&self, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.writer.run(work, |_| ()).await
    }

    async fn write_then<T, W, C>(&self, work: W, committed: C) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
        C: FnOnce(&T) + Send + 'static,
    {
        self.writer.run(work, committed).await
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.inner.path).finish_non_exhaustive()
    }
}
