//! The user's feed: what one account sees in Azure Virtual Desktop, read as its clients read it.
//!
//! * `client`: one request, with everything that can go wrong with it told apart. Only there is a token attached.
//! * `documents`: the two kinds of document, asked for again only if they changed.
//! * `workspaces`: what the discovery document says, as an estate.
//! * `account`: whose feed it is, where the connection does not say.
//! * `resources`: what a workspace's document offers, with its icons and `.rdp` files.
//! * [`FeedInventory`]: all of it behind the port [`crate::Inventory`].

mod account;
mod client;
mod documents;
mod files;
mod inventory;
mod refusal;
mod resources;
mod shared;
#[cfg(test)]
mod tests;
mod workspaces;

pub use crate::versions::DEFAULT_FEED_USER_AGENT;
pub use inventory::{FeedInventory, FeedLook, FeedSettings};
pub use shared::FeedShared;
