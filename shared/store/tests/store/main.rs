//! The store as its callers see it: the two ports, the file, and what is left after the process was killed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod file;
mod kill;
mod model_documents;
mod model_queue;
mod sharing;
