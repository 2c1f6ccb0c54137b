//! Sign-in: tokens, and the endpoints that hand them out.

pub(crate) mod account;
mod assertion;
pub(crate) mod endpoints;
mod form;
pub(crate) mod grants;
pub(crate) mod imds;
mod outcome;
pub(crate) mod sessions;
pub(crate) mod token;
