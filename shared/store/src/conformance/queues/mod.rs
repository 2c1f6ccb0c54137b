//! The behaviours of [`Queues`](crate::Queues). Each takes a queue that is empty and never had a message.

mod dead_letters;
mod locks;
mod sending;
mod stand;

pub use dead_letters::*;
pub use locks::*;
pub use sending::*;
pub use stand::{RealTime, Stand, Time};
