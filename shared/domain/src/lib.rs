//! What an estate, a package, a plan and a run are, and every decision about them.
//!
//! Pure: no input or output, no clock, no async. Time comes in as an argument; so does everything that was read.
//!
//! In the order in which a run meets them:
//!
//! 1. [`estate`]: what Azure says is there. [`Reading`] and [`UnknownScope`]: what nobody could read, which is not the
//!    same as nothing. [`ArmId`]: how ids compare.
//! 2. [`discovery`]: the estate sorted by host pool, with who may open what ([`entitlement`]). [`layout`]: which of the
//!    pools have to be looked at in this run.
//! 3. [`snapshot`]: one pool as it was last observed. [`published`]: which packages it should have, under this
//!    [`policy`], with these names, [`icon`]s and [`launch`] addresses.
//! 4. [`plan`]: how that differs from the catalogue. [`catalogue`]: what each difference does to a [`package`].
//! 5. [`conclude`]: what to retire, behind the brake, and the [`report`]. [`event`]: what others are told.
//!
//! What persons do to packages is in [`lifecycle`], and who may have them by that in [`assignment`].
//!
//! A run may be limited to a [`part`] of its connection: those pools that a [`resource_event`], or whoever asks for the
//! run, names.
//!
//! [`run`] and [`message`] are what survives between the steps and what travels between them; a message whose work
//! failed is kept as a [`dead_letter`]; [`text`] and [`wildcard`] are tools.
//!
//! What Azure Virtual Desktop ([`classic`]) published has its [`successor`] in what Azure Resource Manager publishes.
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be shall fail"))]

pub mod access;
pub mod application_workspace;
mod arm_id;
pub mod assignment;
pub mod audit;
pub mod catalogue;
pub mod classic;
pub mod comparison;
pub mod conclude;
pub mod dead_letter;
pub mod delegated;
pub mod dependency;
pub mod discovery;
pub mod entitlement;
pub mod estate;
pub mod event;
pub mod feed;
pub mod icon;
pub mod launch;
pub mod layout;
pub mod lifecycle;
pub mod message;
mod names;
pub mod package;
pub mod part;
pub mod plan;
pub mod policy;
pub mod published;
pub mod rdp;
mod reading;
pub mod report;
pub mod resource_event;
mod revision;
pub mod run;
pub mod snapshot;
pub mod successor;
pub mod template;
pub mod text;
pub mod tswp;
pub mod waiting;
pub mod wildcard;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use arm_id::{ArmId, DESKTOP_VIRTUALIZATION};
pub use reading::{Reading, UnknownScope, Unreadable, Why};
