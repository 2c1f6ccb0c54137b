//! Sign-in: tokens, and the endpoints that hand them out.

pub(crate) mod endpoints;
pub(crate) mod imds;
pub(crate) mod token;
