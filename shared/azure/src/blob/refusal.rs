//! What Blob Storage refuses besides a version, and what a person can do about it.

use object_store::Error;
use poolwarden_store::StoreError;

/// An error of the client's, with what a person can do about it.
pub(super) fn unavailable(action: String, source: Error) -> StoreError {
    let source: Box<dyn std::error::Error + Send + Sync> = match source {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Box::new(NotLetIn { source }),
        _ if is_no_container(&source) => Box::new(NoContainer { source: Some(source) }),
        _ => Box::new(source),
    };
    StoreError::Unavailable { action, source }
}

/// Blob Storage does not let this identity in.
#[derive(Debug, thiserror::Error)]
#[error(
    "Blob Storage refused; assign the identity Storage Blob Data Contributor on the container, and see whether the \
     account's network rules let this machine in"
)]
struct NotLetIn {
    source: Error,
}

/// There is no such container.
#[derive(Debug, thiserror::Error)]
#[error("the container does not exist; deploy infra/, which creates it, or correct POOLWARDEN_BLOB")]
pub(super) struct NoContainer {
    pub(super) source: Option<Error>,
}

/// Whether an error of the client's is that there is no such container. The client makes every 404 the same error; what
/// the service said is in the text of its sources.
pub(super) fn is_no_container(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if names_no_container(&error.to_string()) {
            return true;
        }
        source = error.source();
    }
    false
}

/// Whether an answer says that there is no such container. No name of a blob has angle brackets.
pub(super) fn names_no_container(answer: &str) -> bool {
    answer.contains("<Code>ContainerNotFound</Code>")
}
