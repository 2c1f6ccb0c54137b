//! Where state and messages are kept: two ports, [`Documents`] and [`Queues`], and the SQLite file that implements
//! both on one machine.
//!
//! Only this crate knows SQL. It knows nothing of what a document or a message means: keys, bodies and ids are the
//! caller's. There is no lock and no "last writer wins": every document has a [`Version`], and a write names the
//! version it replaces.

mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod documents;
mod overlay;
mod queues;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use clock::{Clock, ManualClock};
pub use documents::{
    Document, Documents, Expect, Listed, MAX_BODY_BYTES, MAX_KEY_BYTES, StoreError, Version, check_body, check_key,
};
pub use overlay::Overlay;
pub use queues::{
    DEAD_LETTER_SUFFIX, Delivery, Lock, MAX_MESSAGE_BYTES, MAX_NAME_CHARS, MAX_REASON_BYTES, Outgoing, QueueError,
    Queues, check_batch, check_name, check_size, cut_reason, dead_letter_queue,
};
#[cfg(feature = "sqlite")]
pub use sqlite::{Depth, Durability, HostGuard, OpenError, Options, Sqlite};
