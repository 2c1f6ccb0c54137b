//! The wire contract of the Azure Functions host, and a host of our own that speaks it.
//!
//! [`wire`] decodes what the host sends to a custom handler and encodes what it accepts back; [`FunctionApp`] puts
//! handlers behind that contract; [`serve_custom_handler`] is how the app runs under the real host; [`embedded`] is
//! a host for one machine that calls the same app with the very envelope the real one would send.
//!
//! Only this crate knows `Data`, `Metadata`, `Outputs` and their traps. It knows no function by name, and nothing of
//! what a message or a document means.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be shall fail"))]

pub mod embedded;
#[cfg(feature = "fault-points")]
pub mod fault_point;
#[cfg(not(feature = "fault-points"))]
#[path = "fault_point_off.rs"]
pub mod fault_point;
mod ids;
mod router;
mod serve;
pub mod trace;
pub mod wire;

pub use embedded::{AccessKey, AccessKeys, EmbeddedHost, FunctionDefinition, HostError, HostOptions, Schedule};
pub use router::{FunctionApp, MAX_ENVELOPE_BYTES};
pub use serve::{PORT_VARIABLE, ServeError, serve_custom_handler};
pub use wire::{Failure, HttpAnswer, HttpRequest, Invocation, Metadata, Outcome, TimerInfo, WireError};
