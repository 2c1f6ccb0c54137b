//! A Functions host for one machine, inside the binary.
//!
//! It reads host.json and every function.json as they are deployed, fires timers, polls queues, serves HTTP
//! functions, and calls the same [`FunctionApp`](crate::FunctionApp) with the same envelope as the real host, so
//! that what works here works there. It has no process of its own to start and opens no connection to the app: a
//! call is a function call with an HTTP request as its argument.
//!
//! Where it is kinder than the real host, on purpose:
//! - a failed message comes again after a growing delay; Service Bus delivers again at once;
//! - a handler that exceeds functionTimeout is dropped alone; the real host restarts the whole process;
//! - an answer the real host would wait on until functionTimeout fails at once, and loudly;
//! - access keys are taken out of the request before a function sees it; the real host hands them through.
//!
//! It knows no Event Grid yet: such a function is accepted and never called.

mod call;
mod definition;
mod envelope;
mod host;
mod http;
mod keys;
mod ncrontab;
mod options;
mod queue;
mod route;
mod settings;
mod stop;
mod timer;

#[cfg(test)]
mod tests;

pub use definition::FunctionDefinition;
pub use host::{EmbeddedHost, HostError, RunError};
pub use http::{MAX_CONCURRENT_REQUESTS, MAX_HTTP_BODY_BYTES};
pub use keys::{AccessKey, AccessKeys, MIN_KEY_CHARS, WeakKey};
pub use ncrontab::Schedule;
pub use options::{Clock, HostOptions, Settings};
