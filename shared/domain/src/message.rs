//! What travels between the stages. A message names documents; it never carries state of its own, and no secret.

use serde::{Deserialize, Serialize};

/// The queues, which are named as the functions that read them.
pub mod queue {
    /// Signs in.
    pub const ACQUIRE_TOKEN: &str = "acquire_token";
    /// Finds the pools.
    pub const DISCOVER_HOST_POOLS: &str = "discover_host_pools";
    /// Looks at one pool.
    pub const ENUMERATE_HOST_POOL: &str = "enumerate_host_pool";
    /// Writes packages.
    pub const PUBLISH_PACKAGE: &str = "publish_package";
    /// Draws the sum.
    pub const FINISH_RUN: &str = "finish_run";
    /// Reads who may do what.
    pub const READ_ACCESS: &str = "read_access";
    /// Keeps what is wrong with it, for one pool.
    pub const AUDIT_HOST_POOL: &str = "audit_host_pool";
    /// Tells others.
    pub const DELIVER_NOTIFICATION: &str = "deliver_notification";
    /// All of them, in the order of the pipeline.
    pub const ALL: [&str; 8] = [
        ACQUIRE_TOKEN,
        DISCOVER_HOST_POOLS,
        ENUMERATE_HOST_POOL,
        PUBLISH_PACKAGE,
        FINISH_RUN,
        READ_ACCESS,
        AUDIT_HOST_POOL,
        DELIVER_NOTIFICATION,
    ];
}

/// One connection's part of a run: all that [`queue::ACQUIRE_TOKEN`], [`queue::DISCOVER_HOST_POOLS`],
/// [`queue::FINISH_RUN`] and [`queue::READ_ACCESS`] need to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionRun {
    /// The run.
    pub run: String,
    /// The connection.
    pub connection: String,
}

/// One pool of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolRun {
    /// The run.
    pub run: String,
    /// The connection.
    pub connection: String,
    /// The pool's key.
    pub pool: String,
}

/// One part of a pool's plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanPart {
    /// The run.
    pub run: String,
    /// The connection.
    pub connection: String,
    /// The pool's key.
    pub pool: String,
    /// Which part, from 0.
    pub part: u32,
}

/// One event for one webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// The connection whose webhook it is.
    pub connection: String,
    /// The webhook's name.
    pub webhook: String,
    /// How often it was tried before.
    #[serde(default)]
    pub attempt: u32,
    /// The CloudEvent.
    pub event: crate::event::Event,
}

/// The body of a message: everything stands under one key, because the Functions host copies a body's top-level
/// scalars over the broker's own metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body<T> {
    /// The content.
    pub poolwarden: T,
}

/// A message's body as JSON text.
pub fn body<T: Serialize>(content: T) -> String {
    serde_json::to_string(&Body { poolwarden: content }).expect("messages are plain data and always serialise")
}
