//! What an estate, a package, a plan and a run are, and every decision about them.
//!
//! Pure: no input or output, no clock, no async. Time comes in as an argument; so does everything that was read.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be shall fail"))]

mod arm_id;
pub mod catalogue;
pub mod conclude;
pub mod discovery;
pub mod entitlement;
pub mod estate;
pub mod event;
pub mod icon;
pub mod launch;
pub mod layout;
pub mod message;
pub mod package;
pub mod plan;
pub mod policy;
pub mod published;
mod reading;
pub mod report;
pub mod run;
pub mod snapshot;
pub mod text;
pub mod wildcard;

pub use arm_id::ArmId;
pub use reading::{Reading, UnknownScope, Unreadable, Why};
