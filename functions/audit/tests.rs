use super::*;
use crate::testing::{self, Disturbed};
use poolwarden_domain::run::{Source, Trigger};
use poolwarden_store::{Documents, Expect, Sqlite, StoreError};
use std::sync::atomic::{AtomicBool, Ordering};

const C: &str = "contoso";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn run(id: &str, second: i64) -> Run {
    Run::new(id.to_owned(), C, Trigger::Timer, Source::Azure, at(second))
}

/// Facts that take several parts: their owners' names do not compress.
fn large(second: i64, salt: &str) -> Arc<Kept> {
    let owners: Vec<String> = (0..400).map(|n| sha256_hex(format!("{salt}{n}").as_bytes())).collect();
    let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
    Arc::new(Kept { facts: testing::facts(at(second), &owners), memory: DirectoryMemory::default() })
}

async fn kept(deps: &Deps, id: &str, second: i64, salt: &str) -> Head {
    keep(deps, &run(id, second), false, Requests::default(), &large(second, salt)).await.unwrap()
}

async fn parts(store: &Sqlite) -> Vec<String> {
    let deps = testing::deps(Arc::new(store.clone()), store);
    deps.state().names(&keys::access_parts(C)).await.unwrap()
}

#[tokio::test]
async fn facts_of_several_parts_come_back_as_they_were_and_older_parts_go() {
    let store = testing::store();
    let deps = testing::deps(Arc::new(store.clone()), &store);
    assert!(load(&deps, C).await.unwrap().is_none());
    let first = kept(&deps, "r1", 1, "a").await;
    assert!(first.parts > 2, "{}", first.parts);
    let second = kept(&deps, "r2", 2, "b").await;
    let (head, back) = load(&deps, C).await.unwrap().unwrap();
    assert_eq!((head, &back.facts), (second.clone(), &large(2, "b").facts));
    let names = parts(&store).await;
    assert_eq!(names.len(), second.parts);
    assert!(names.iter().all(|name| name.starts_with(&second.digest)), "{names:?}");
}

#[tokio::test]
async fn newer_facts_are_not_overwritten_by_a_reading_that_took_longer() {
    let store = testing::store();
    let deps = testing::deps(Arc::new(store.clone()), &store);
    let newer = kept(&deps, "r2", 2, "b").await;
    assert_eq!(kept(&deps, "r1", 1, "a").await, newer, "the head that counts");
    assert_eq!(load(&deps, C).await.unwrap().unwrap().0, newer);
    assert_eq!(parts(&store).await.len(), newer.parts, "the older one's parts are of no use");
    assert_eq!(kept(&deps, "r2", 2, "b").await, newer, "again");
}

#[tokio::test]
async fn parts_that_another_process_is_about_to_name_stay() {
    let store = testing::store();
    let deps = testing::deps(Arc::new(store.clone()), &store);
    // Another process has written its parts, and is asleep before it writes the head.
    let other = testing::store();
    let others = testing::deps(Arc::new(other.clone()), &other);
    let theirs = kept(&others, "r2", 2, "b").await;
    for name in parts(&other).await {
        let key = format!("{}{name}", keys::access_parts(C));
        let body = other.get(&key).await.unwrap().unwrap().body;
        store.put(&key, body, Expect::Absent).await.unwrap();
    }
    kept(&deps, "r1", 1, "a").await;
    deps.state().change(&keys::access(C), |_: Option<Head>| Some(theirs.clone())).await.unwrap();
    assert_eq!(load(&deps, C).await.unwrap().unwrap().1.facts, large(2, "b").facts);
}

#[tokio::test]
async fn what_a_process_left_that_died_before_the_head_does_no_harm_and_is_cleared_away() {
    let store = testing::store();
    let dies = Arc::new(AtomicBool::new(true));
    let is_dying = Arc::clone(&dies);
    let disturbed = Disturbed::new(&store, move |_, asked| {
        let refused = StoreError::Unavailable { action: "get".to_owned(), source: "gone".into() };
        let refuses = asked == keys::access(C) && is_dying.load(Ordering::SeqCst);
        Box::pin(std::future::ready(if refuses { Err(refused) } else { Ok(()) }))
    });
    let deps = testing::deps(Arc::new(disturbed), &store);
    let broken = keep(&deps, &run("r1", 1), false, Requests::default(), &large(1, "a")).await;
    assert!(matches!(broken, Err(Fault::Transient(_))));
    assert!(!parts(&store).await.is_empty());
    dies.store(false, Ordering::SeqCst);
    assert!(load(&deps, C).await.unwrap().is_none(), "parts alone are nothing");
    let head = kept(&deps, "r1", 3, "b").await;
    assert_eq!(parts(&store).await.len(), head.parts);
}

#[tokio::test]
async fn who_loads_while_newer_facts_take_their_place_gets_the_newer_ones() {
    let store = testing::store();
    let writes = testing::deps(Arc::new(store.clone()), &store);
    let first = kept(&writes, "r1", 1, "a").await;
    let (second, once) = (keys::access_part(C, &first.digest, 1), AtomicBool::new(true));
    let disturbed = Disturbed::new(&store, move |store, asked| {
        let now = asked == second && once.swap(false, Ordering::SeqCst);
        Box::pin(async move {
            if now {
                kept(&testing::deps(Arc::new(store.clone()), &store), "r2", 2, "b").await;
            }
            Ok(())
        })
    });
    let reads = testing::deps(Arc::new(disturbed), &store);
    let (head, back) = load(&reads, C).await.unwrap().unwrap();
    assert_eq!((head.run.as_str(), back.facts), ("r2", large(2, "b").facts.clone()));
}

#[tokio::test]
async fn lost_or_broken_parts_keep_nobody_from_reading_anew() {
    let store = testing::store();
    let deps = testing::deps(Arc::new(store.clone()), &store);
    let head = kept(&deps, "r1", 1, "a").await;
    deps.state().delete(&keys::access_part(C, &head.digest, 0)).await.unwrap();
    assert!(matches!(load(&deps, C).await, Err(Fault::Permanent(_))));
    assert!(memory(&deps, C).await.unwrap().is_none());
    deps.state().create_bytes(&keys::access_part(C, &head.digest, 0), Bytes::from_static(b"nonsense")).await.unwrap();
    assert!(memory(&deps, C).await.unwrap().is_none());
    kept(&deps, "r2", 2, "b").await;
    assert!(memory(&deps, C).await.unwrap().is_some());
}
