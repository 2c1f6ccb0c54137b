//! Poolwarden as its users meet it: the program itself against a simulated Azure, and the function app behind the
//! Functions host's own envelope. One file a topic.
#![expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be shall fail")]

mod audit;
mod azure;
mod blob_storage;
mod classic;
mod classic_roles;
mod commands;
mod contract;
mod dead_letters;
mod desk;
mod directory;
mod events;
mod exactness;
mod expected;
mod faults;
mod feed;
mod feed_sign_in;
mod harness;
mod imports;
mod layout;
mod lifecycle;
mod messages;
mod offline;
mod packages;
mod roles;
mod service_bus;
#[cfg(feature = "servicebus-sdk")]
mod service_bus_sdk;
mod serving;
mod telemetry;
mod tokens;
mod truth;
mod webhooks;
