//! The file: what is refused, who may read it, what is left when it is closed.

use poolwarden_store::{
    Depth, Documents, Durability, Expect, OpenError, Options, Outgoing, Queues, Sqlite, dead_letter_queue,
};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::time::Duration;

const LOCK: Duration = Duration::from_secs(600);

fn open(path: &Path) -> Result<Sqlite, OpenError> {
    Sqlite::open(path, Options::default())
}

fn message(id: &str) -> Outgoing {
    Outgoing::new(id, "{}")
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/store.db");
    for durability in [Durability::PowerLoss, Durability::Kill] {
        let key = format!("{durability:?}");
        let options = Options { durability, ..Options::default() };
        let store = Sqlite::open(&path, options.clone()).unwrap();
        assert_eq!(store.path(), Some(path.as_path()));
        store.put(&key, "here".into(), Expect::Absent).await.unwrap();
        store.send(&key, vec![message("a")]).await.unwrap();
        drop(store);
        let store = Sqlite::open(&path, options).unwrap();
        assert_eq!(store.get(&key).await.unwrap().unwrap().body, "here");
        assert_eq!(store.receive(&key, 9, LOCK, Duration::ZERO).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn closed_it_is_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path).unwrap();
    let clone = store.clone();
    store.put("k", vec![1; 100_000].into(), Expect::Absent).await.unwrap();
    drop(store);
    assert!(clone.get("k").await.unwrap().is_some(), "a clone keeps it open");
    drop(clone);
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["store.db"]);
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/store.db");
    let store = open(&path).unwrap();
    let _host = store.try_become_host().unwrap().unwrap();
    store.put("k", "v".into(), Expect::Absent).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 4, "the database, its log, the log's index and the host's lock");
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let notes = directory.path().join("notes.txt");
    for content in ["short", &"long enough to be mistaken for a header of something ".repeat(90)] {
        fs::write(&notes, content).unwrap();
        let error = open(&notes).unwrap_err();
        assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
        assert!(error.to_string().contains("notes.txt is not a SQLite database"), "{error}");
        assert_eq!(fs::read_to_string(&notes).unwrap(), *content);
    }

    let theirs = directory.path().join("theirs.db");
    Connection::open(&theirs).unwrap().execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    let before = fs::read(&theirs).unwrap();
    let error = open(&theirs).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert_eq!(fs::read(&theirs).unwrap(), before);

    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error:?}");
}

/// Many open a new file at once: one creates it, all use it.
#[test]
fn all_may_create_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let stores = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&path))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(stores.len(), 8);
}

#[test]
fn a_newer_file_is_refused_with_both_versions() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, OpenError::TooNew { found: 7, known: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("schema is version 7, this program knows 2"), "{error}");
}

#[tokio::test]
async fn the_host_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.db");
    let (one, other) = (open(&file).unwrap(), open(&file).unwrap());
    let memory = Sqlite::in_memory(Options::default()).unwrap();
    for (one, other) in [(&one, &other), (&memory, &memory.clone())] {
        let guard = one.try_become_host().unwrap();
        assert!(guard.is_some());
        assert!(other.try_become_host().unwrap().is_none());
        assert!(one.try_become_host().unwrap().is_none(), "not even twice in one process");
        drop(guard);
        assert!(other.try_become_host().unwrap().is_some());
    }
}

#[cfg(unix)]
#[test]
fn the_host_is_one_by_whatever_path() {
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("store.db"), directory.path().join("link.db"));
    let one = open(&file).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let other = open(&link).unwrap();
    let _guard = one.try_become_host().unwrap().unwrap();
    assert!(other.try_become_host().unwrap().is_none());
}

#[tokio::test]
async fn a_new_host_frees_what_the_last_one_held() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path).unwrap();
    store.send("q", vec![message("a"), message("b"), message("c")]).await.unwrap();
    let held = store.receive("q", 2, LOCK, Duration::ZERO).await.unwrap();
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(store.depth("q").await.unwrap(), Depth { ready: 1, locked: 2, ..Depth::default() });
    assert_eq!(store.release_locks().await.unwrap(), 2);
    assert!(store.complete(&held[0].lock).await.is_err(), "the last host's locks are void");
    let received = store.receive("q", 9, LOCK, Duration::ZERO).await.unwrap();
    let mut counts: Vec<_> = received.iter().map(|d| (d.id.as_str(), d.delivery_count)).collect();
    counts.sort_unstable();
    assert_eq!(counts, [("a", 2), ("b", 2), ("c", 1)]);
}

#[tokio::test]
async fn outdated_ids_are_pruned() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let clock = poolwarden_store::ManualClock::new("2031-05-07T09:00:00Z".parse().unwrap());
    let window = Duration::from_secs(60);
    let options = Options { duplicate_window: window, clock: clock.clock(), ..Options::default() };
    let store = Sqlite::open(&path, options).unwrap();
    let remembered = || {
        let count = "SELECT count(*) FROM seen_ids";
        Connection::open(&path).unwrap().query_row(count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    for round in 0..5 {
        let batch = (0..100).map(|n| message(&format!("{round}-{n}"))).collect();
        store.send("q", batch).await.unwrap();
        clock.advance(Duration::from_secs(50));
    }
    // Of the rounds at 0, 50, 100, 150 and 200 s the last two are within the window at 200 s.
    assert_eq!(remembered(), 200);
}

#[tokio::test]
async fn dead_letters_of_version_1_are_in_their_queue_of_version_2() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../src/sqlite/schema.sql")).unwrap();
    old.execute_batch(
        "PRAGMA application_id = 0x506F6F6C; PRAGMA user_version = 1; \
         INSERT INTO dead_letters (queue, id, dead_at, enqueued_at, delivery_count, reason, body) \
         VALUES ('q', 'a', 2000000, 1000000, 10, 'the pool is gone', '{}');",
    )
    .unwrap();
    drop(old);
    let store = open(&path).unwrap();
    assert_eq!(store.depth("q").await.unwrap(), Depth { dead: 1, ..Depth::default() });
    let letter = store.receive(&dead_letter_queue("q"), 9, LOCK, Duration::ZERO).await.unwrap().remove(0);
    assert_eq!((letter.id.as_str(), letter.body.as_str(), letter.delivery_count), ("a", "{}", 1));
    assert_eq!(letter.reason.as_deref(), Some("the pool is gone"));
}
