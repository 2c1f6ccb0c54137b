//! Poolwarden as its users meet it: the program itself against a simulated Azure, and the function app behind the
//! Functions host's own envelope. One file a topic.
#![expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be shall fail")]

mod expected;
mod faults;
mod harness;
mod lifecycle;
mod offline;
mod truth;
