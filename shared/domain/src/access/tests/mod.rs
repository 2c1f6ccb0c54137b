//! The evaluation against the documents' examples, and against a slow reference on worlds made by chance.

mod chance;
mod compared;
mod documents;
pub(super) mod mutation;
mod reference;
