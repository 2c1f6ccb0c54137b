//! The planted estate: its spec, how it grows from a seed, how it changes,
//! and how it is printed. Nothing here knows of HTTP or of time.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod bodies;
pub(crate) mod change;
pub(crate) mod directory;
pub(crate) mod generate;
mod grants;
pub(crate) mod icons;
pub(crate) mod model;
mod names;
pub(crate) mod other;
pub(crate) mod random;
mod role_tables;
pub(crate) mod roles;
mod scopes;
pub(crate) mod spec;
pub(crate) mod truth;
pub(crate) mod wire;
