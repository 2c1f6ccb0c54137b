//! Where state and messages are kept: two ports, [`Documents`] and [`Queues`], and the SQLite file that implements
//! both on one machine.
//!
//! Only this crate knows SQL. It knows nothing of what a document or a message means: keys, bodies and ids are the
//! caller's. There is no lock and no "last writer wins": every document has a [`Version`], and a write names the
//! version it replaces.

mod documents;
mod queues;

pub use documents::{MAX_BODY_BYTES, Document, Documents, Expect, Listed, StoreError, Version};
pub use queues::{MAX_MESSAGE_BYTES, DeadLetter, Delivery, Depth, Lock, Outgoing, QueueError, Queues, Receipt};
