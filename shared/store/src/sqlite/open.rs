//! Opening the file: who may read it, whether it is ours and of a version we know, and how hard it is flushed.

use super::{Durability, Options};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Marks the file as ours: "Pool" in ASCII.
const APPLICATION_ID: i32 = 0x506F_6F6C;

/// The schema, as steps: step N takes a file from version N to N + 1. A published step never changes.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("schema-2.sql")];

/// Held while a file is created and opened. POSIX releases a process' locks on a file when *any* of its descriptors is
/// closed, so nothing but SQLite may open a database that is in use; this keeps two threads from doing so to a new one.
static OPENING: Mutex<()> = Mutex::new(());

/// How long a write waits while another process writes. Group commits take milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// How often the switch to the write-ahead log is tried while another process opens the same new file. SQLite does not
/// wait by itself there.
const WAL_ATTEMPTS: u32 = 100;

/// Memory for pages, in KiB: one writer, and each reader.
const WRITER_CACHE_KIB: i64 = 4096;
const READER_CACHE_KIB: i64 = 1024;

/// The log is copied into the database every 16 MiB (in pages of 4 KiB), and cut back to that after a burst.
const CHECKPOINT_PAGES: i64 = 4096;

/// There are about 25 statements.
const CACHED_STATEMENTS: usize = 48;

/// Why a file could not be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its directory could not be created or opened.
    #[error("{} cannot be opened", path.display())]
    File {
        /// The database file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} is not a SQLite database; it was left as it is", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database of another program.
    #[error("{} is a SQLite database of another program; it was left as it is", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this program wrote the file.
    #[error(
        "{} was written by a newer version of Poolwarden (its schema is version {found}, this program knows {known}); \
         use that version, or another file",
        path.display()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// SQLite needs shared memory between processes, which network drives do not have.
    #[error("{} is where SQLite cannot keep a write-ahead log; use a local disk", path.display())]
    NoWriteAheadLog {
        /// The file.
        path: PathBuf,
    },
    /// SQLite failed otherwise.
    #[error("{} could not be opened as a database", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: rusqlite::Error,
    },
}

/// The connection that writes. Creates the file, and brings its schema up to date.
pub(super) fn writer(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let _alone = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    create(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
    let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path: path.to_owned() },
        _ => OpenError::Database { path: path.to_owned(), source },
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    // Before anything that writes: a file that is not ours stays as it is.
    identify(&connection, path, failed)?;
    if !use_write_ahead_log(&connection).map_err(failed)? {
        return Err(OpenError::NoWriteAheadLog { path: path.to_owned() });
    }
    configure(&connection, WRITER_CACHE_KIB).map_err(failed)?;
    flush_by(&connection, options.durability).map_err(failed)?;
    migrate(&mut connection).map_err(failed)?;
    // Another process may have been creating, or upgrading, the file at the same time.
    identify(&connection, path, failed)?;
    Ok(connection)
}

/// A connection that reads, while the writer is open.
pub(super) fn reader(path: &Path) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    configure(&connection, READER_CACHE_KIB).map_err(failed)?;
    Ok(connection)
}

/// The one connection of a database in memory.
pub(super) fn in_memory() -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    configure(&connection, WRITER_CACHE_KIB)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// How files of the store are opened: whatever is in it, only its owner reads it.
pub(super) fn private_file() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn create(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory)?;
    }
    // SQLite would create the file too, readable by everybody. Its log gets the mode of the database.
    match private_file().create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        // An existing file is not opened here, see `OPENING`.
        Err(_) if fs::metadata(path)?.is_file() => Ok(()),
        Err(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")),
    }
}

fn identify(
    connection: &Connection,
    path: &Path,
    failed: impl Fn(rusqlite::Error) -> OpenError,
) -> Result<(), OpenError> {
    let read = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(&failed);
    let known = MIGRATIONS.len() as i64;
    let empty = read("SELECT count(*) FROM sqlite_schema")? == 0;
    let application = read("PRAGMA application_id")?;
    let found = read("PRAGMA user_version")?;
    match application {
        0 if empty => Ok(()),
        id if id != i64::from(APPLICATION_ID) => Err(OpenError::Foreign { path: path.to_owned() }),
        _ if found > known => Err(OpenError::TooNew { path: path.to_owned(), found, known }),
        _ => Ok(()),
    }
}

fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<bool> {
    let mut attempt = 0;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) => return Ok(mode == "wal"),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && attempt < WAL_ATTEMPTS => {
                attempt += 1;
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error),
        }
    }
}

fn configure(connection: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What the schema of a damaged or doctored file says is not run.
    connection.pragma_update(None, "trusted_schema", false)
}

fn flush_by(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let (synchronous, full_fsync) = match durability {
        Durability::PowerLoss => ("FULL", true),
        Durability::Kill => ("NORMAL", false),
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // Only macOS has a flush that stops at the drive's cache, and one that does not.
    connection.pragma_update(None, "fullfsync", full_fsync)?;
    connection.pragma_update(None, "checkpoint_fullfsync", full_fsync)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", CHECKPOINT_PAGES * 4096)
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let version = |connection: &Connection| connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
    // The usual case needs no turn at writing.
    if version(connection)? == MIGRATIONS.len() as i64 {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let done = usize::try_from(version(&transaction)?).unwrap_or(0);
    // Nothing to do for a version we do not know: whoever opens it is told so.
    let Some(missing) = MIGRATIONS.get(done..).filter(|missing| !missing.is_empty()) else {
        return Ok(());
    };
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    transaction.commit()
}
