//! What can go wrong inside the SQLite store, before it is told in the words of a port.

use crate::{QueueError, StoreError};
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The document is not what the write expected.
    #[error("the document changed")]
    Conflict,
    /// The token is not the one of the message's current, unexpired lock.
    #[error("the lock was lost")]
    LockLost,
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    /// The transaction this work shared with others was not committed; nothing of it is in the file.
    #[error("the transaction could not be committed")]
    NotCommitted(#[source] Arc<rusqlite::Error>),
    /// The thread that owns the connection is gone.
    #[error("the store is closed")]
    Closed,
}

impl Failure {
    pub(super) fn of_document(self, verb: &str, key: &str) -> StoreError {
        match self {
            Self::Conflict => StoreError::Conflict { key: key.to_owned() },
            other => StoreError::Unavailable { action: format!("{verb} {key}"), source: Box::new(other) },
        }
    }

    pub(super) fn of_queue(self, action: &'static str, queue: &str) -> QueueError {
        let queue = queue.to_owned();
        match self {
            Self::LockLost => QueueError::LockLost { queue },
            other => QueueError::Unavailable { queue, action, source: Box::new(other) },
        }
    }
}
