//! Documents against a model: a sorted map, with a list of every version there ever was.

use bytes::Bytes;
use poolwarden_store::{Documents, Expect, Options, Overlay, Sqlite, StoreError, Version};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone)]
enum Step {
    Create {
        key: String,
        body: u8,
    },
    /// `version` counts back from the newest version ever given.
    Replace {
        key: String,
        body: u8,
        version: usize,
    },
    Delete {
        key: String,
        version: usize,
    },
    /// With the version the key has now.
    Update {
        key: String,
        body: u8,
    },
    Remove {
        key: String,
    },
    List {
        prefix: String,
        after: Option<String>,
        limit: usize,
    },
}

/// Short strings of few characters, so that keys meet and are prefixes of each other.
fn key() -> impl Strategy<Value = String> {
    "[ab/\u{7f}é\u{d7ff}\u{e000}\u{10ffff}]{1,3}".prop_filter("a key", |key| !key.chars().any(char::is_control))
}

fn prefix() -> impl Strategy<Value = String> {
    "[ab/\u{7f}é\u{d7ff}\u{e000}\u{10ffff}]{0,2}"
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (key(), any::<u8>()).prop_map(|(key, body)| Step::Create { key, body }),
        1 => (key(), any::<u8>(), 0..4usize).prop_map(|(key, body, version)| Step::Replace { key, body, version }),
        1 => (key(), 0..4usize).prop_map(|(key, version)| Step::Delete { key, version }),
        2 => (key(), any::<u8>()).prop_map(|(key, body)| Step::Update { key, body }),
        2 => key().prop_map(|key| Step::Remove { key }),
        3 => (prefix(), proptest::option::of(prefix()), 0..5usize)
            .prop_map(|(prefix, after, limit)| Step::List { prefix, after, limit }),
    ]
}

#[derive(Default)]
struct Model {
    documents: BTreeMap<String, (Version, Bytes)>,
    given: Vec<Version>,
}

impl Model {
    fn version(&self, back: usize) -> Version {
        self.given.iter().rev().nth(back).cloned().unwrap_or(Version("none".into()))
    }

    async fn write(&mut self, store: &dyn Documents, key: &str, body: u8, expect: Expect) {
        let expected = match &expect {
            Expect::Absent => !self.documents.contains_key(key),
            Expect::Version(version) => self.documents.get(key).is_some_and(|(current, _)| current == version),
        };
        let body = Bytes::from(vec![body; usize::from(body)]);
        match store.put(key, body.clone(), expect).await {
            Ok(version) => {
                assert!(expected, "{key} was written");
                assert!(!self.given.contains(&version), "{version:?} was given before");
                self.given.push(version.clone());
                self.documents.insert(key.to_owned(), (version, body));
            }
            Err(StoreError::Conflict { .. }) => assert!(!expected, "{key} was not written"),
            Err(error) => panic!("{error}"),
        }
    }

    async fn erase(&mut self, store: &dyn Documents, key: &str, version: &Version) {
        let current = self.documents.get(key).map(|(current, _)| current);
        let expected = current.is_none_or(|current| current == version);
        match store.delete(key, version).await {
            Ok(()) => assert!(expected, "{key} was deleted"),
            Err(StoreError::Conflict { .. }) => assert!(!expected, "{key} was not deleted"),
            Err(error) => panic!("{error}"),
        }
        if expected {
            self.documents.remove(key);
        }
    }

    async fn compare(&self, store: &dyn Documents, prefix: &str, after: Option<&str>, limit: usize) {
        let expected: Vec<_> = self
            .documents
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after))
            .take(limit)
            .collect();
        let listed = store.list(prefix, after, limit).await.unwrap();
        let listed: Vec<_> = listed.iter().map(|row| (&row.key, &row.version, row.size_bytes)).collect();
        let rows: Vec<_> = expected.iter().map(|(key, (version, body))| (*key, version, body.len() as u64)).collect();
        assert_eq!(listed, rows);
        let scanned = store.scan(prefix, after, limit).await.unwrap();
        let scanned: Vec<_> = scanned.iter().map(|(key, found)| (key, &found.version, &found.body)).collect();
        let rows: Vec<_> = expected.iter().map(|(key, (version, body))| (*key, version, body)).collect();
        assert_eq!(scanned, rows);
    }

    async fn apply(&mut self, store: &dyn Documents, step: Step) {
        match step {
            Step::Create { key, body } => self.write(store, &key, body, Expect::Absent).await,
            Step::Replace { key, body, version } => {
                let version = self.version(version);
                self.write(store, &key, body, Expect::Version(version)).await;
            }
            Step::Delete { key, version } => {
                let version = self.version(version);
                self.erase(store, &key, &version).await;
            }
            Step::Update { key, body } => {
                let Some((version, _)) = self.documents.get(&key).cloned() else { return };
                self.write(store, &key, body, Expect::Version(version)).await;
            }
            Step::Remove { key } => {
                let Some((version, _)) = self.documents.get(&key).cloned() else { return };
                self.erase(store, &key, &version).await;
            }
            Step::List { prefix, after, limit } => self.compare(store, &prefix, after.as_deref(), limit).await,
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_is_a_sorted_map(steps in vec(step(), 1..60)) {
        run(async {
            let store = Sqlite::in_memory(Options::default()).unwrap();
            let mut model = Model::default();
            for step in steps {
                model.apply(&store, step).await;
            }
            model.compare(&store, "", None, 1000).await;
        });
    }

    #[test]
    fn an_overlay_is_a_sorted_map_and_leaves_its_base_alone(
        before in vec(step(), 0..40),
        steps in vec(step(), 1..60),
    ) {
        run(async {
            let base = Sqlite::in_memory(Options::default()).unwrap();
            let mut under = Model::default();
            for step in before {
                under.apply(&base, step).await;
            }
            let overlay = Overlay::new(Arc::new(base.clone()));
            let mut model = Model { documents: under.documents.clone(), given: under.given.clone() };
            for step in steps {
                model.apply(&overlay, step).await;
            }
            model.compare(&overlay, "", None, 1000).await;
            under.compare(&base, "", None, 1000).await;
            for (key, body) in overlay.changes() {
                assert_eq!(model.documents.get(&key).map(|(_, body)| body.clone()), body);
            }
        });
    }
}
