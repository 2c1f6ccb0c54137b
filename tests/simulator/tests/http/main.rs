//! The simulator as its clients meet it: over HTTP, in one binary, one file a
//! subject.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod auth;
mod changes;
mod classic;
mod client;
mod delta;
mod directory;
mod faults;
mod feed;
mod feed_files;
mod graph;
mod microsoft_graph;
mod others;
mod paging;
mod service_bus;
mod support;
mod throttling;
mod users;
mod violations;
mod webhook;
