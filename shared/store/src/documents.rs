//! The port for state: small documents under readable keys, replaced only by whoever names the version it read.

use async_trait::async_trait;
use bytes::Bytes;

/// The opaque version of a stored document. It changes with every write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub String);

/// A document as it was read.
#[derive(Debug, Clone)]
pub struct Document {
    /// What a later write must name to replace exactly this.
    pub version: Version,
    /// The content.
    pub body: Bytes,
}

/// What a write expects to find under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Nothing: the write creates the document.
    Absent,
    /// Exactly this version: the write replaces it.
    Version(Version),
}

/// One row of a listing: a key and what is there, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The document's key.
    pub key: String,
    /// Its version at the time of the listing.
    pub version: Version,
    /// The length of its content in bytes.
    pub size_bytes: u64,
}

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote first: read again and decide again.
    #[error("document {key} changed since it was read")]
    Conflict {
        /// The contested key.
        key: String,
    },
    /// The document is larger than [`MAX_BODY_BYTES`].
    #[error("document {key} has {size_bytes} bytes, more than the limit of {limit_bytes}")]
    TooLarge {
        /// The key it was meant for.
        key: String,
        /// Its size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// No store takes such a key. The same call fails again.
    #[error("{key:?} cannot be a document's key: {problem}")]
    InvalidKey {
        /// The refused key.
        key: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The store itself failed; the same call may succeed later.
    #[error("the store could not {action}")]
    Unavailable {
        /// What was attempted, as in "read document x".
        action: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Documents by key, with compare-and-swap.
///
/// Keys are readable paths such as `runs/<id>`; every write is durable when it returns.
#[async_trait]
pub trait Documents: Send + Sync + 'static {
    /// The document under `key`, if there is one.
    async fn get(&self, key: &str) -> Result<Option<Document>, StoreError>;

    /// Writes `body` under `key` if what is there is what `expect` says, else [`StoreError::Conflict`].
    async fn put(&self, key: &str, body: Bytes, expect: Expect) -> Result<Version, StoreError>;

    /// Deletes exactly this version, else [`StoreError::Conflict`]. Deleting what is already gone succeeds.
    async fn delete(&self, key: &str, version: &Version) -> Result<(), StoreError>;

    /// At most `limit` keys that start with `prefix` and sort after `after`, in order.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Listed>, StoreError>;

    /// As [`Documents::list`], with each document's content.
    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>, StoreError>;
}

/// The largest document any store takes: 16 MiB.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// The longest key any store takes, in bytes of UTF-8. Blob Storage counts 1,024 characters.
pub const MAX_KEY_BYTES: usize = 1024;

/// Refuses what no store takes as a key. Every implementation calls this, so that what works on one machine works in
/// Azure.
pub fn check_key(key: &str) -> Result<(), StoreError> {
    let problem = if key.is_empty() {
        "it is empty"
    } else if key.len() > MAX_KEY_BYTES {
        "it is longer than 1,024 bytes"
    } else if key.chars().any(char::is_control) {
        "it has control characters"
    } else {
        return Ok(());
    };
    Err(StoreError::InvalidKey { key: key.to_owned(), problem })
}

/// Refuses a body over [`MAX_BODY_BYTES`].
pub fn check_body(key: &str, body: &[u8]) -> Result<(), StoreError> {
    if body.len() <= MAX_BODY_BYTES {
        return Ok(());
    }
    Err(StoreError::TooLarge { key: key.to_owned(), size_bytes: body.len(), limit_bytes: MAX_BODY_BYTES })
}
