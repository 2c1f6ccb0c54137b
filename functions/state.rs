//! Typed documents over the store: JSON in, JSON out, and compare-and-swap for whoever changes one.

use crate::planted_bug;
use bytes::Bytes;
use poolwarden_host::fault_point;
use poolwarden_store::{Document, Documents, Expect, StoreError, Version};
use rand::RngExt;
use rand::rngs::StdRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How often a change is decided anew when others write first. Each attempt means that somebody else got on.
const MAX_ATTEMPTS: usize = 32;

/// The pause after a conflict, in milliseconds; the first is followed by none.
const PAUSE_MS: RangeInclusive<u64> = 5..=50;

/// How many documents a listing asks for at a time.
const PAGE: usize = 2_000;

/// Why state could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The document is not what this version of Poolwarden writes.
    #[error("document {key} cannot be understood")]
    Malformed {
        /// The document.
        key: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// A value and the version of the document that holds it.
#[derive(Debug, Clone)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// What a write must name to replace exactly this.
    pub version: Version,
}

/// A view of the store in which documents have types.
#[derive(Clone, Copy)]
pub struct State<'a>(pub &'a dyn Documents);

impl State<'_> {
    /// The document under `key`.
    pub async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Versioned<T>>, StateError> {
        self.0.get(key).await?.map(|document| decode(key, &document)).transpose()
    }

    /// The value under `key`, for those who will not change it.
    pub async fn value<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StateError> {
        Ok(self.read(key).await?.map(|document| document.value))
    }

    /// Writes a new document. Returns whether it was: `false` if one is there already.
    pub async fn create<T: Serialize>(&self, key: &str, value: &T) -> Result<bool, StateError> {
        self.create_bytes(key, encode(value)).await
    }

    /// As [`State::create`], for content that is not JSON.
    pub async fn create_bytes(&self, key: &str, body: Bytes) -> Result<bool, StateError> {
        match self.0.put(key, body, Expect::Absent).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes content that is not JSON, unless it is there already: what was written last is what stays.
    pub async fn replace_bytes(&self, key: &str, body: Bytes) -> Result<(), StateError> {
        let mut expect = Expect::Absent;
        for _ in 0..MAX_ATTEMPTS {
            match self.0.put(key, body.clone(), expect).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            expect = match self.0.get(key).await? {
                Some(known) if known.body == body => return Ok(()),
                Some(known) => Expect::Version(known.version),
                None => Expect::Absent,
            };
        }
        // Others write it all the time: theirs is as new.
        Ok(())
    }

    /// Changes a document, deciding anew whenever somebody else wrote first. `change` gets what is there and returns
    /// what shall be there, or `None` to leave it. Returns what is there in the end.
    pub async fn change<T, F>(&self, key: &str, mut change: F) -> Result<Option<T>, StateError>
    where
        T: Serialize + DeserializeOwned + Clone,
        F: FnMut(Option<T>) -> Option<T>,
    {
        let mut attempt = 0;
        loop {
            let existing: Option<Versioned<T>> = self.read(key).await?;
            let (before, expect) = match existing {
                Some(existing) => (Some(existing.value), Expect::Version(existing.version)),
                None => (None, Expect::Absent),
            };
            let Some(after) = change(before.clone()) else { return Ok(before) };
            match self.0.put(key, encode(&after), expect).await {
                Ok(_) => {
                    fault_point::hit("after_state");
                    return Ok(Some(after));
                }
                Err(StoreError::Conflict { .. }) if planted_bug::is(planted_bug::NO_COMPARE_AND_SWAP) => {
                    let newest = self.0.get(key).await?;
                    let expect = newest.map_or(Expect::Absent, |newest| Expect::Version(newest.version));
                    self.0.put(key, encode(&after), expect).await?;
                    return Ok(Some(after));
                }
                Err(StoreError::Conflict { .. }) if attempt < MAX_ATTEMPTS => {
                    if attempt > 0 {
                        tokio::time::sleep(pause()).await;
                    }
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Deletes a document, whatever it says.
    pub async fn delete(&self, key: &str) -> Result<(), StateError> {
        while let Some(document) = self.0.get(key).await? {
            match self.0.delete(key, &document.version).await {
                Err(StoreError::Conflict { .. }) => {}
                done => return Ok(done?),
            }
        }
        Ok(())
    }

    /// Deletes every document whose key starts with `prefix`.
    pub async fn delete_all(&self, prefix: &str) -> Result<(), StateError> {
        loop {
            let page = self.0.list(prefix, None, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            for listed in page {
                match self.0.delete(&listed.key, &listed.version).await {
                    Ok(()) | Err(StoreError::Conflict { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    /// The keys that start with `prefix`, in order, without the prefix.
    pub async fn names(&self, prefix: &str) -> Result<Vec<String>, StateError> {
        let mut names: Vec<String> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.0.list(prefix, after.as_deref(), PAGE).await?;
            let full = page.len() == PAGE;
            names.extend(page.iter().map(|listed| listed.key[prefix.len()..].to_owned()));
            after = page.into_iter().last().map(|listed| listed.key);
            if !full {
                return Ok(names);
            }
        }
    }

    /// Whether no key starts with `prefix`.
    pub async fn is_empty(&self, prefix: &str) -> Result<bool, StateError> {
        Ok(self.0.list(prefix, None, 1).await?.is_empty())
    }

    /// Every document whose key starts with `prefix`, in order, without the prefix.
    pub async fn all<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<(String, T)>, StateError> {
        let each = self.each(prefix).await?;
        each.into_iter().map(|(key, value)| Ok((key, value?))).collect()
    }

    /// Those of them that can be understood, and what is wrong with the others.
    pub async fn all_readable<T: DeserializeOwned>(
        &self,
        prefix: &str,
    ) -> Result<(Vec<T>, Vec<StateError>), StateError> {
        let (mut readable, mut malformed) = (Vec::new(), Vec::new());
        for (_, value) in self.each(prefix).await? {
            match value {
                Ok(value) => readable.push(value),
                Err(error) => malformed.push(error),
            }
        }
        Ok((readable, malformed))
    }

    async fn each<T: DeserializeOwned>(
        &self,
        prefix: &str,
    ) -> Result<Vec<(String, Result<T, StateError>)>, StateError> {
        let mut each = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.0.scan(prefix, after.as_deref(), PAGE).await?;
            let full = page.len() == PAGE;
            for (key, document) in &page {
                each.push((key[prefix.len()..].to_owned(), decode(key, document).map(|found| found.value)));
            }
            after = page.into_iter().last().map(|(key, _)| key);
            if !full {
                return Ok(each);
            }
        }
    }
}

/// A pause of no particular length, so that those who collided part.
fn pause() -> Duration {
    let mut dice: StdRng = rand::make_rng();
    Duration::from_millis(dice.random_range(PAUSE_MS))
}

fn encode<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("documents are plain data and always serialise").into()
}

fn decode<T: DeserializeOwned>(key: &str, document: &Document) -> Result<Versioned<T>, StateError> {
    let value = serde_json::from_slice(&document.body)
        .map_err(|source| StateError::Malformed { key: key.to_owned(), source })?;
    Ok(Versioned { value, version: document.version.clone() })
}
