//! Documents over documents: reads go through, writes stay in memory. This is how a run is tried without a trace.

use crate::{Document, Documents, Expect, Listed, StoreError, Version, check_body, check_key};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Marks the versions this gives, which no store gives: SQLite's are numbers, Blob Storage's are in quotes.
const VERSION_PREFIX: &str = "overlay-";

/// The documents of a base, as they would be after the writes made here. The base is never written.
///
/// What was written or deleted here hides what is, or becomes, of the same key in the base.
pub struct Overlay {
    base: Arc<dyn Documents>,
    changes: Mutex<Changes>,
}

#[derive(Default)]
struct Changes {
    writes: u64,
    /// `None` is a deletion. An entry is never removed, so a version seen here is never asked of the base.
    by_key: BTreeMap<String, Option<Document>>,
}

impl Overlay {
    /// Nothing changed yet.
    pub fn new(base: Arc<dyn Documents>) -> Self {
        Self { base, changes: Mutex::default() }
    }

    /// The keys written or deleted so far, in order, each with its content unless it was deleted.
    #[must_use]
    pub fn changes(&self) -> Vec<(String, Option<Bytes>)> {
        let body = |document: &Document| document.body.clone();
        self.changed().by_key.iter().map(|(key, change)| (key.clone(), change.as_ref().map(body))).collect()
    }

    fn changed(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The document as it is seen here.
    async fn current(&self, key: &str) -> Result<Option<Document>, StoreError> {
        let changed = self.changed().by_key.get(key).cloned();
        match changed {
            Some(change) => Ok(change),
            None => self.base.get(key).await,
        }
    }

    /// Puts `change` in place if the document is still what `expected` says. `base` is what was found before, and
    /// counts unless the key has been changed here since.
    fn swap(
        &self,
        key: &str,
        base: Option<Document>,
        expected: impl FnOnce(Option<&Version>) -> bool,
        change: impl FnOnce(Version) -> Option<Document>,
    ) -> Result<Version, StoreError> {
        let mut changes = self.changed();
        let found = changes.by_key.get(key).cloned().unwrap_or(base);
        if !expected(found.as_ref().map(|document| &document.version)) {
            return Err(StoreError::Conflict { key: key.to_owned() });
        }
        changes.writes += 1;
        let version = Version(format!("{VERSION_PREFIX}{}", changes.writes));
        changes.by_key.insert(key.to_owned(), change(version.clone()));
        Ok(version)
    }

    /// The changes that a listing may meet.
    fn view(&self, prefix: &str, after: Option<&str>) -> BTreeMap<String, Option<Document>> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let changed = self.changed();
        let range = changed.by_key.range::<str, _>((start, Bound::Unbounded));
        range
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, change)| (key.clone(), change.clone()))
            .collect()
    }
}

#[async_trait]
impl Documents for Overlay {
    async fn get(&self, key: &str) -> Result<Option<Document>, StoreError> {
        check_key(key)?;
        self.current(key).await
    }

    async fn put(&self, key: &str, body: Bytes, expect: Expect) -> Result<Version, StoreError> {
        check_key(key)?;
        check_body(key, &body)?;
        let found = self.current(key).await?;
        let expected = |version: Option<&Version>| match &expect {
            Expect::Absent => version.is_none(),
            Expect::Version(expected) => version == Some(expected),
        };
        self.swap(key, found, expected, |version| Some(Document { version, body }))
    }

    async fn delete(&self, key: &str, version: &Version) -> Result<(), StoreError> {
        check_key(key)?;
        let Some(found) = self.current(key).await? else {
            return Ok(());
        };
        let expected = |found: Option<&Version>| found.is_none_or(|found| found == version);
        self.swap(key, Some(found), expected, |_| None).map(drop)
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError> {
        let mut merge = Merge::new(self.view(prefix, after), limit, |key, document: &Document| Listed {
            key: key.to_owned(),
            version: document.version.clone(),
            size_bytes: document.body.len() as u64,
        });
        let mut after = after.map(str::to_owned);
        while merge.wants_more() {
            let page = self.base.list(prefix, after.as_deref(), limit).await?;
            after = merge.absorb(page, |listed| &listed.key);
        }
        Ok(merge.finish())
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>, StoreError> {
        let mut merge =
            Merge::new(self.view(prefix, after), limit, |key, document: &Document| (key.to_owned(), document.clone()));
        let mut after = after.map(str::to_owned);
        while merge.wants_more() {
            let page = self.base.scan(prefix, after.as_deref(), limit).await?;
            after = merge.absorb(page, |(key, _)| key);
        }
        Ok(merge.finish())
    }
}

/// A page of both, in the order of the keys: pages of the base are taken in until the result is certain.
struct Merge<T> {
    hidden: BTreeMap<String, Option<Document>>,
    rows: BTreeMap<String, T>,
    limit: usize,
    /// How many rows are certain: those up to the last key the base has told.
    certain: usize,
    exhausted: bool,
}

impl<T> Merge<T> {
    fn new(view: BTreeMap<String, Option<Document>>, limit: usize, row: impl Fn(&str, &Document) -> T) -> Self {
        let written = view.iter().filter_map(|(key, change)| change.as_ref().map(|document| (key, document)));
        let rows = written.map(|(key, document)| (key.clone(), row(key, document))).collect();
        Self { hidden: view, rows, limit, certain: 0, exhausted: false }
    }

    fn wants_more(&self) -> bool {
        !self.exhausted && self.certain < self.limit
    }

    /// Takes a page of the base in; says after which key the next one starts.
    fn absorb(&mut self, page: Vec<T>, key: impl Fn(&T) -> &String) -> Option<String> {
        self.exhausted = page.len() < self.limit;
        let last = page.last().map(|row| key(row).clone());
        for row in page {
            if !self.hidden.contains_key(key(&row)) {
                self.rows.insert(key(&row).clone(), row);
            }
        }
        if let Some(last) = &last {
            self.certain = self.rows.range::<str, _>((Bound::Unbounded, Bound::Included(last.as_str()))).count();
        }
        last
    }

    fn finish(self) -> Vec<T> {
        self.rows.into_values().take(self.limit).collect()
    }
}
