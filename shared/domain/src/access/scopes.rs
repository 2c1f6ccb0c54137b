//! Scopes: what is above what, and numbers for those that something is known of.

use super::AccessFacts;
use super::rule::{Rule, kept};
use crate::ArmId;
use std::collections::{BTreeMap, HashMap};

/// The scopes that something is known of, and the management groups above them.
#[derive(Debug, Default)]
pub(super) struct Scopes<'a> {
    numbers: HashMap<String, u32>,
    parents: BTreeMap<u32, (u32, &'a ArmId)>,
}

/// A scope and those above it, as far as something is known of them: from the scope itself upwards.
#[derive(Debug)]
pub(super) struct Chain {
    /// Their numbers.
    pub(super) scopes: Vec<u32>,
    /// The number of the scope itself.
    pub(super) own: Option<u32>,
}

impl<'a> Scopes<'a> {
    /// The management groups and what is in them.
    pub(super) fn of(facts: &'a AccessFacts) -> Self {
        let mut scopes = Self::default();
        let groups = facts.management_groups.iter().map(|group| (&group.id, group.parent.as_ref()));
        let subscriptions = facts.subscriptions.iter().map(|one| (&one.id, one.management_group.as_ref()));
        for (scope, parent) in groups.chain(subscriptions) {
            if let Some(parent) = parent {
                let numbers = (scopes.number(scope), scopes.number(parent));
                scopes.parents.insert(numbers.0, (numbers.1, parent));
            }
        }
        scopes
    }

    /// How many are known.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The number of a scope, a new one if it had none.
    pub(super) fn number(&mut self, scope: &ArmId) -> u32 {
        let key = key(scope);
        if let Some(&number) = self.numbers.get(&key) {
            return number;
        }
        let next = u32::try_from(self.numbers.len()).expect("there are fewer than four thousand million scopes");
        self.numbers.insert(key, next);
        next
    }

    /// The known scopes among a scope and those above it.
    pub(super) fn chain(&self, scope: &ArmId) -> Chain {
        let text = key(scope);
        let own = self.numbers.get(&text).copied();
        if !kept(Rule::Inheritance) {
            return Chain { scopes: own.into_iter().collect(), own };
        }
        let ends = ends(&text);
        let mut scopes: Vec<u32> =
            ends.iter().rev().filter_map(|&end| self.numbers.get(&text[..end])).copied().collect();
        let top = ends.first().and_then(|&end| self.numbers.get(&text[..end]));
        let mut above = top.and_then(|top| self.parents.get(top)).filter(|_| kept(Rule::ManagementGroups));
        while let Some((parent, _)) = above.filter(|(parent, _)| !scopes.contains(parent)) {
            scopes.push(*parent);
            above = self.parents.get(parent);
        }
        scopes.extend(self.numbers.get("/"));
        Chain { scopes, own }
    }

    /// A scope and every scope above it, known or not.
    pub(super) fn spelled(&self, scope: &ArmId) -> Vec<ArmId> {
        let text = scope.as_str();
        let ends = ends(text);
        let mut chain: Vec<ArmId> = ends.iter().rev().map(|&end| ArmId::new(&text[..end])).collect();
        let top = chain.last().and_then(|top| self.numbers.get(&key(top)));
        let mut above = top.and_then(|top| self.parents.get(top));
        while let Some((number, parent)) = above.filter(|(_, parent)| !chain.contains(parent)) {
            chain.push((*parent).clone());
            above = self.parents.get(number);
        }
        chain.push(ArmId::new("/"));
        chain
    }
}

fn key(scope: &ArmId) -> String {
    if kept(Rule::ScopeSpelling) { scope.canonical() } else { scope.as_str().to_owned() }
}

/// Where the scopes in an id end, from the outermost; the root scope `/` is not among them. An id is a chain of keys and
/// values, of which a provider's name alone is no scope: `/subscriptions/{s}/providers/{namespace}`.
fn ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut at, mut parts) = (0, text.split('/'));
    at += parts.next().map_or(0, str::len);
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        at += 2 + name.len() + value.len();
        if !name.eq_ignore_ascii_case("providers") {
            ends.push(at);
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{ManagementGroup, SubscriptionFacts};
    use jiff::Timestamp;

    fn facts() -> AccessFacts {
        let group = |name: &str| ArmId::new(&format!("/providers/Microsoft.Management/managementGroups/{name}"));
        let mut facts = AccessFacts::new(Timestamp::UNIX_EPOCH);
        for (name, parent) in [("root", None), ("mid", Some("ROOT")), ("a", Some("b")), ("b", Some("a"))] {
            facts.management_groups.push(ManagementGroup {
                id: group(name),
                name: name.to_owned(),
                parent: parent.map(group),
            });
        }
        for (name, above) in [("s", "Mid"), ("t", "a")] {
            facts.subscriptions.push(SubscriptionFacts {
                id: ArmId::new(&format!("/subscriptions/{name}")),
                name: name.to_owned(),
                management_group: Some(group(above)),
            });
        }
        facts
    }

    #[test]
    fn what_is_above_a_scope_is_listed_once_from_the_scope_upwards() {
        let facts = facts();
        let scopes = Scopes::of(&facts);
        let disk = "/subscriptions/S/resourceGroups/providers/providers/A.B/vms/v/providers/C.D/locks/l";
        for (scope, expected) in [
            (
                disk,
                vec![
                    disk,
                    "/subscriptions/s/resourceGroups/providers/providers/A.B/vms/v",
                    "/subscriptions/s/resourceGroups/providers",
                    "/subscriptions/s",
                    "/providers/Microsoft.Management/managementGroups/mid",
                    "/providers/Microsoft.Management/managementGroups/root",
                    "/",
                ],
            ),
            ("/", vec!["/"]),
            ("/subscriptions/unknown/", vec!["/subscriptions/unknown", "/"]),
            ("/subscriptions/unknown/providers/A.B", vec!["/subscriptions/unknown", "/"]),
            (
                "/providers/microsoft.management/managementgroups/MID",
                vec![
                    "/providers/Microsoft.Management/managementGroups/mid",
                    "/providers/Microsoft.Management/managementGroups/root",
                    "/",
                ],
            ),
            // Management groups that are in each other.
            (
                "/subscriptions/t",
                vec![
                    "/subscriptions/t",
                    "/providers/Microsoft.Management/managementGroups/a",
                    "/providers/Microsoft.Management/managementGroups/b",
                    "/",
                ],
            ),
        ] {
            let expected: Vec<ArmId> = expected.into_iter().map(ArmId::new).collect();
            assert_eq!(scopes.spelled(&ArmId::new(scope)), expected);
            let known: Vec<u32> =
                expected.iter().filter_map(|scope| scopes.numbers.get(&scope.canonical())).copied().collect();
            assert_eq!(scopes.chain(&ArmId::new(scope)).scopes, known, "{scope}");
        }
    }
}
