//! The two documents of a user's feed, as the MS-TSWP open specification and Azure Virtual Desktop write them:
//! discovery (`TenantFeedURLs`) and what a workspace offers (`ResourceCollection`, schema 1.1, 2.0 and 2.1).
//!
//! Elements are matched by their local names, unknown ones are ignored, and whatever can be understood is taken: what
//! had to be mended for it is a warning, and what could not be taken is named, so that nobody thinks it gone. Addresses
//! are not resolved here and times are not read; those are for whoever asks for the files.

mod error;
mod model;

pub use error::{Flaw, Parsed, TswpError};
pub use model::{
    Discovery, FileExtension, Hosting, Icon, IconForm, Publisher, Resource, ResourceCollection, ResourceFile,
    TenantFeed, TerminalServer,
};

/// The largest document accepted, in bytes.
pub const MAX_FEED_BYTES: usize = 4 << 20;
/// How many elements may lie in each other. Those that mean something lie 7 deep.
pub const MAX_DEPTH: usize = 32;
