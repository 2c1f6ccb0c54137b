//! What every implementation of [`Documents`](crate::Documents) and [`Queues`](crate::Queues) has to do, as functions
//! that panic if it does not. One function a behaviour, to be called from one test each.
//!
//! The functions ask only for what the ports promise, so they hold for a service far away too: they wait as long as
//! they are told to, and use keys and queues of their own.

pub mod documents;
pub mod queues;
