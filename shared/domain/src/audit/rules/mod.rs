//! The rules about who may do what: `R01` to `R44`, in the order of the table that they come from.

mod combination;
pub(super) mod helpers;

use super::rule::Rule;

/// The rules, by id.
pub const RULES: &[Rule] = &[];
