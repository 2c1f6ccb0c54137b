//! An Azure Functions host for tests. It starts a staged app's custom handler as a process of its own, sends it
//! invocations in the real host's encoding, judges the answers by the real host's rules, and can work a Service Bus
//! namespace and the app's timers as the real one does.
//!
//! It is written from what is known of the real host alone, and shares no code with what it tests: a mistake in
//! Poolwarden's own understanding of the contract is not repeated here. It knows no function of Poolwarden's by name.
//!
//! What it leaves out: the HTTP front with its keys, scaling, retry policies, `cardinality: many`, and the limit of three
//! crashes, for what stops a real host is started again by the platform.

mod answer;
mod app;
mod envelope;
mod host;
mod process;
mod queues;
mod schedule;
mod service_bus;
#[cfg(test)]
mod tests;

pub use answer::{Answer, HttpOutput, Output, Verdict, judge};
pub use app::{App, Function, Trigger};
pub use envelope::{Encoding, HttpCall, Message, http, metadata_value, queue_message, timer};
pub use host::{Counts, FunctionsHost, Options};
pub use process::{Handler, Reply, Settings, chunks};
pub use service_bus::{Received, ServiceBus, Tokens};
