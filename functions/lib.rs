//! The function app: small functions, each fired by a timer, a queue message or an HTTP request, that keep a catalogue
//! of what Azure Virtual Desktop publishes.
//!
//! A message's way is one direction: `sync_timer` → `acquire_token` → `discover_host_pools` → `enumerate_host_pool`
//! → `publish_package` → `finish_run` → `read_access` → `audit_host_pool` → `deliver_notification`. `import_webhook`, `import_webhook_signed` and
//! `resource_events` begin runs as the timer does. Each function gathers through ports, decides in
//! `poolwarden_domain`, and acts through ports; what it decided is written down before anything follows from it.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be shall fail"))]

pub mod acquire_token;
pub mod audit;
pub mod audit_host_pool;
pub mod chosen;
pub mod commands;
pub mod config;
pub mod dead_letters;
pub mod deliver_notification;
pub mod deps;
pub mod discover_host_pools;
pub mod enumerate_host_pool;
pub mod export;
pub mod finish_run;
pub mod folder;
pub mod health;
pub mod icons;
pub mod import;
pub mod import_webhook;
pub mod import_webhook_signed;
pub mod keys;
pub mod letters;
pub mod lifecycle;
pub mod planted_bug;
pub mod publish_package;
pub mod rdp_files;
pub mod read_access;
pub mod reprocess;
pub mod resource_events;
pub mod runs;
pub mod sources;
pub mod stage;
pub mod state;
pub mod status;
pub mod sync_timer;
pub mod targets;
pub mod telemetry;
#[cfg(test)]
mod testing;

use deps::Deps;
use poolwarden_host::{FunctionApp, FunctionDefinition};
use std::sync::Arc;

/// The host's own settings, as deployed.
pub const HOST_JSON: &str = include_str!("../host.json");

/// Every function, as deployed: the name is the folder's, the folder holds the function.json.
macro_rules! functions {
    ($($name:ident),+ $(,)?) => {
        /// The functions' definitions.
        pub const DEFINITIONS: &[FunctionDefinition] = &[$(FunctionDefinition {
            name: stringify!($name),
            function_json: include_str!(concat!(stringify!($name), "/function.json")),
        }),+];

        /// The function app over these dependencies.
        pub fn app(deps: &Arc<Deps>) -> FunctionApp {
            FunctionApp::new()$(.function(stringify!($name), {
                let deps = Arc::clone(deps);
                move |invocation| { let deps = Arc::clone(&deps); async move { $name::invoke(&deps, &invocation).await } }
            }))+
        }
    };
}

functions! {
    sync_timer,
    acquire_token,
    discover_host_pools,
    enumerate_host_pool,
    publish_package,
    finish_run,
    read_access,
    audit_host_pool,
    deliver_notification,
    reprocess,
    dead_letters,
    status,
    import_webhook,
    import_webhook_signed,
    resource_events,
}
