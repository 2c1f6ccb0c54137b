//! The rules about how a deployment is made: `V01` to `V68`.

use super::rule::Rule;

/// The rules, by id.
pub const RULES: &[Rule] = &[];
