//! The behaviours of [`Documents`]. Each takes a prefix under which there is nothing yet.

use crate::{Document, Documents, Expect, MAX_BODY_BYTES, MAX_KEY_BYTES, StoreError, Version};
use bytes::Bytes;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Calls a macro with the name of every behaviour of documents.
#[macro_export]
macro_rules! document_behaviours {
    ($then:ident) => {
        $then!(
            reads_what_was_written,
            creates_only_where_nothing_is,
            replaces_only_the_version_named,
            deletes_only_the_version_named,
            versions_do_not_come_back,
            lists_by_prefix_in_pages,
            deleted_is_not_listed,
            concurrent_writers_lose_nothing,
            one_creator_wins,
            limits_the_size,
            refuses_what_cannot_be_a_key,
        );
    };
}

type Store = Arc<dyn Documents>;

async fn put(store: &Store, key: &str, body: &str, expect: Expect) -> Result<Version, StoreError> {
    store.put(key, Bytes::copy_from_slice(body.as_bytes()), expect).await
}

async fn create(store: &Store, key: &str, body: &str) -> Version {
    put(store, key, body, Expect::Absent).await.expect("a document is created where there is none")
}

async fn read(store: &Store, key: &str) -> Option<Document> {
    store.get(key).await.expect("a read succeeds")
}

fn assert_conflict<T: std::fmt::Debug>(result: Result<T, StoreError>, key: &str) {
    match result {
        Err(StoreError::Conflict { key: contested }) => assert_eq!(contested, key, "the conflict names the key"),
        other => panic!("expected a conflict on {key}, got {other:?}"),
    }
}

/// What was written is read, with the version the write gave; what was not written is not there.
pub async fn reads_what_was_written(store: Store, prefix: &str) {
    let key = format!("{prefix}one");
    assert!(read(&store, &key).await.is_none());
    let body = Bytes::from_static(&[0, 159, 146, 150, b'\n', 0]);
    let version = store.put(&key, body.clone(), Expect::Absent).await.expect("a write");
    let found = read(&store, &key).await.expect("the document is there");
    assert_eq!((found.body, found.version), (body, version));

    let empty = format!("{prefix}empty");
    create(&store, &empty, "").await;
    assert!(read(&store, &empty).await.expect("an empty document is there").body.is_empty());
}

/// A document is created once.
pub async fn creates_only_where_nothing_is(store: Store, prefix: &str) {
    let key = format!("{prefix}one");
    create(&store, &key, "first").await;
    assert_conflict(put(&store, &key, "second", Expect::Absent).await, &key);
    assert_eq!(read(&store, &key).await.expect("the document is there").body, "first");
}

/// A write replaces the version it names and no other.
pub async fn replaces_only_the_version_named(store: Store, prefix: &str) {
    let key = format!("{prefix}one");
    let first = create(&store, &key, "1").await;
    let second = put(&store, &key, "2", Expect::Version(first.clone())).await.expect("the first is replaced");
    assert_ne!(first, second);
    assert_conflict(put(&store, &key, "3", Expect::Version(first)).await, &key);
    assert_eq!(read(&store, &key).await.expect("the document is there").body, "2");

    let same = put(&store, &key, "2", Expect::Version(second.clone())).await.expect("the second is replaced");
    assert_ne!(second, same, "every write gives a new version, whatever it writes");

    let gone = format!("{prefix}gone");
    assert_conflict(put(&store, &gone, "1", Expect::Version(same)).await, &gone);
    assert!(read(&store, &gone).await.is_none());
}

/// A deletion takes the version it names and no other; what is gone already is fine.
pub async fn deletes_only_the_version_named(store: Store, prefix: &str) {
    let key = format!("{prefix}one");
    let first = create(&store, &key, "1").await;
    let second = put(&store, &key, "2", Expect::Version(first.clone())).await.expect("the first is replaced");
    assert_conflict(store.delete(&key, &first).await, &key);
    assert!(read(&store, &key).await.is_some());
    store.delete(&key, &second).await.expect("the second is deleted");
    assert!(read(&store, &key).await.is_none());
    store.delete(&key, &second).await.expect("it is gone already");
    store.delete(&format!("{prefix}never"), &second).await.expect("it was never there");
}

/// A version does not come back with another document of the same content: who still holds it is refused.
pub async fn versions_do_not_come_back(store: Store, prefix: &str) {
    let key = format!("{prefix}one");
    let mut versions = HashSet::new();
    for _ in 0..3 {
        let version = create(&store, &key, "the same").await;
        store.delete(&key, &version).await.expect("a deletion");
        assert!(versions.insert(version.0), "a version came back");
    }
    create(&store, &key, "the same").await;
    for old in versions {
        assert_conflict(put(&store, &key, "late", Expect::Version(Version(old.clone()))).await, &key);
        assert_conflict(store.delete(&key, &Version(old)).await, &key);
    }
}

/// A listing has exactly the keys that start with the prefix, in order; pages join without a gap or an overlap.
pub async fn lists_by_prefix_in_pages(store: Store, prefix: &str) {
    // Keys that a pattern, a comparison without case or a cut in the middle of a character would get wrong.
    let inside = ["", "/", "/a", "/b%", "/b_", "/b*c", "/ä", "/日本", "/\u{ffee}", "/\u{10fffd}", "0"];
    let outside = ["pag", "pagd", "pagf", "Page", "pag\u{e9}", "qage"];
    let mut expected: Vec<String> = inside.iter().map(|rest| format!("{prefix}page{rest}")).collect();
    for key in &expected {
        create(&store, key, key).await;
    }
    for rest in outside {
        create(&store, &format!("{prefix}{rest}"), "other").await;
    }
    expected.sort();
    let start = format!("{prefix}page");

    let all = store.list(&start, None, 100).await.expect("a listing");
    assert_eq!(all.iter().map(|row| row.key.clone()).collect::<Vec<_>>(), expected);
    for row in &all {
        assert_eq!(row.size_bytes, row.key.len() as u64, "the size of {}", row.key);
        let document = read(&store, &row.key).await.expect("what is listed is there");
        assert_eq!(document.version, row.version);
    }
    for page_size in 1..=expected.len() + 1 {
        let (mut keys, mut scanned) = (Vec::new(), Vec::new());
        loop {
            let page = store.list(&start, keys.last().map(String::as_str), page_size).await.expect("a page");
            let bodies = store.scan(&start, scanned.last().map(String::as_str), page_size).await.expect("a page");
            assert!(page.len() <= page_size && bodies.len() <= page_size, "a page has at most {page_size}");
            if page.is_empty() && bodies.is_empty() {
                break;
            }
            keys.extend(page.into_iter().map(|row| row.key));
            for (key, document) in bodies {
                assert_eq!(document.body, key.as_bytes(), "a scan gives each key its own content");
                scanned.push(key);
            }
        }
        assert_eq!(keys, expected, "in pages of {page_size}");
        assert_eq!(scanned, expected, "in pages of {page_size}");
    }
    let absent =
        store.list(&start, Some(&format!("{start}/bb")), 2).await.expect("a page after a key that is not there");
    assert_eq!(absent.iter().map(|row| &row.key).collect::<Vec<_>>(), vec![&expected[6], &expected[7]]);
    assert!(store.list(&start, None, 0).await.expect("a page of none").is_empty());
    assert!(store.scan(&format!("{prefix}nothing"), None, 9).await.expect("an empty listing").is_empty());
}

/// A deleted document is not listed.
pub async fn deleted_is_not_listed(store: Store, prefix: &str) {
    for name in ["a", "b", "c"] {
        create(&store, &format!("{prefix}{name}"), name).await;
    }
    let key = format!("{prefix}b");
    let version = read(&store, &key).await.expect("the document is there").version;
    store.delete(&key, &version).await.expect("a deletion");
    let keys = store.list(prefix, None, 2).await.expect("a listing").into_iter().map(|row| row.key);
    assert_eq!(keys.collect::<Vec<_>>(), [format!("{prefix}a"), format!("{prefix}c")]);
}

/// Of many who write at once, each round has one winner: a counter loses no increment.
pub async fn concurrent_writers_lose_nothing(store: Store, prefix: &str) {
    const WRITERS: usize = 8;
    const INCREMENTS: usize = 10;
    let key = format!("{prefix}counter");
    create(&store, &key, "0").await;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (store, key) = (Arc::clone(&store), key.clone());
        writers.spawn(async move {
            let mut done = 0;
            while done < INCREMENTS {
                let found = read(&store, &key).await.expect("the counter is there");
                let count: usize = String::from_utf8_lossy(&found.body).parse().expect("the counter is a number");
                match put(&store, &key, &(count + 1).to_string(), Expect::Version(found.version)).await {
                    Ok(_) => done += 1,
                    Err(StoreError::Conflict { .. }) => {}
                    Err(error) => panic!("a write failed: {error}"),
                }
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.expect("a writer ends well");
    }
    let total = (WRITERS * INCREMENTS).to_string();
    assert_eq!(read(&store, &key).await.expect("the counter is there").body, total);
}

/// Of many who create the same document at once, one succeeds.
pub async fn one_creator_wins(store: Store, prefix: &str) {
    let key = format!("{prefix}one");
    let mut creators = JoinSet::new();
    for n in 0..8 {
        let (store, key) = (Arc::clone(&store), key.clone());
        creators.spawn(async move { put(&store, &key, &n.to_string(), Expect::Absent).await });
    }
    let results = creators.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for result in results {
        if result.is_err() {
            assert_conflict(result, &key);
        }
    }
}

/// A document of the largest size is taken, one byte more is not.
pub async fn limits_the_size(store: Store, prefix: &str) {
    let key = format!("{prefix}large");
    let body = Bytes::from(vec![7; MAX_BODY_BYTES]);
    let version = store.put(&key, body.clone(), Expect::Absent).await.expect("the largest document is taken");
    assert!(read(&store, &key).await.expect("it is there").body == body, "the largest document comes back whole");
    store.delete(&key, &version).await.expect("a deletion");
    let refused = store.put(&key, Bytes::from(vec![7; MAX_BODY_BYTES + 1]), Expect::Absent).await;
    assert!(
        matches!(&refused, Err(StoreError::TooLarge { size_bytes, .. }) if *size_bytes == MAX_BODY_BYTES + 1),
        "{refused:?}"
    );
    assert!(read(&store, &key).await.is_none());
}

/// What cannot be a key is refused as such, not looked for.
pub async fn refuses_what_cannot_be_a_key(store: Store, prefix: &str) {
    let longest = format!("{prefix}{}", "k".repeat(MAX_KEY_BYTES - prefix.len()));
    create(&store, &longest, "long").await;
    let version = read(&store, &longest).await.expect("the longest key is taken").version;
    for key in ["", "a\nb", "a\0b", &format!("{longest}k")] {
        let refused = [
            store.get(key).await.map(drop),
            put(&store, key, "x", Expect::Absent).await.map(drop),
            store.delete(key, &version).await,
        ];
        for result in refused {
            assert!(matches!(&result, Err(StoreError::InvalidKey { .. })), "{key:?}: {result:?}");
        }
    }
}
