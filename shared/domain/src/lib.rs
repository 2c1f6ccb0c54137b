//! What an estate, a package, a plan and a run are, and every decision about them.
//!
//! Pure: no input or output, no clock, no async. Time comes in as an argument; so does everything that was read.

mod arm_id;
pub mod estate;
mod reading;

pub use arm_id::ArmId;
pub use reading::{Reading, UnknownScope, Unreadable, Why};
