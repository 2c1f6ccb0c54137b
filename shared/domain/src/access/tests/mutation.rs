//! Breaks a rule of the evaluation on purpose, for one thread.

use crate::access::rule::Rule;
use crate::access::{Action, Effective, Proof};
use crate::wildcard;
use std::cell::Cell;

thread_local! {
    static BROKEN: Cell<Option<Rule>> = const { Cell::new(None) };
}

/// Runs something with a rule broken.
pub(super) fn with_broken<T>(rule: Rule, run: impl FnOnce() -> T) -> T {
    BROKEN.set(Some(rule));
    let result = run();
    BROKEN.set(None);
    result
}

/// Whether a rule is kept: unless a test breaks it.
pub(in crate::access) fn kept(rule: Rule) -> bool {
    BROKEN.get() != Some(rule)
}

/// Matches a pattern in a wrong way, if one of its rules is broken.
pub(in crate::access) fn fits(pattern: &str, name: &str) -> Option<bool> {
    if !kept(Rule::WildcardAnywhere) {
        let head = pattern.strip_suffix('*').unwrap_or(pattern);
        let same = |text: &str| text.eq_ignore_ascii_case(head);
        return Some(if head.len() == pattern.len() { same(name) } else { name.get(..head.len()).is_some_and(same) });
    }
    if !kept(Rule::ActionSpelling) {
        // Two texts that differ in case only have the same bytes once every letter is doubled with its case.
        let tell = |text: &str| -> String {
            text.chars().map(|c| if c.is_uppercase() { format!("^{c}") } else { c.to_string() }).collect()
        };
        return Some(wildcard::matches(&tell(pattern), &tell(name)));
    }
    None
}

/// Takes away what any role that applies to the scope leaves out, if that rule is broken.
pub(in crate::access) fn subtract_over_roles<'a, 'f: 'a>(
    proofs: &mut Vec<Proof>,
    grants: impl Iterator<Item = &'a Effective<'f>>,
    action: &Action,
) {
    if kept(Rule::UnionOverRoles) {
        return;
    }
    let blocks = grants.filter_map(|grant| grant.definition).flat_map(|definition| &definition.permissions);
    let mut withheld = blocks.flat_map(|block| block.not_actions.iter().chain(&block.not_data_actions));
    if withheld.any(|pattern| wildcard::matches(pattern, &action.name)) {
        proofs.clear();
    }
}
