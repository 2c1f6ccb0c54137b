//! What was read and what was not, while reading is under way: one line for each facet of each scope.

use crate::listing::Listed;
use poolwarden_domain::access::{Coverage, Facet, State};
use poolwarden_domain::{ArmId, Unreadable, Why};
use std::collections::BTreeMap;

/// Why a facet of a scope is unknown, at most so many reasons together: one of each kind tells enough.
const REASONS: usize = 3;

/// The lines so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    lines: BTreeMap<(Facet, ArmId), (usize, Vec<Unreadable>)>,
}

impl Ledger {
    /// Nothing read yet of these facets.
    pub(super) fn open(&mut self, scopes: &[ArmId], facets: &[Facet]) {
        for scope in scopes {
            for facet in facets {
                self.lines.entry((*facet, scope.clone())).or_default();
            }
        }
    }

    /// So many items more were read.
    pub(super) fn count(&mut self, scope: &ArmId, facet: Facet, items: usize) {
        self.lines.entry((facet, scope.clone())).or_default().0 += items;
    }

    /// Something of it was not.
    pub(super) fn fail(&mut self, scope: &ArmId, facet: Facet, reason: Unreadable) {
        let reasons = &mut self.lines.entry((facet, scope.clone())).or_default().1;
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }

    /// The same of several scopes.
    pub(super) fn fail_all(&mut self, scopes: &[ArmId], facet: Facet, reason: &Unreadable) {
        for scope in scopes {
            self.fail(scope, facet, reason.clone());
        }
    }

    /// Whether nothing is known to be missing.
    pub(super) fn is_whole(&self, scope: &ArmId, facet: Facet) -> bool {
        self.lines.get(&(facet, scope.clone())).is_none_or(|(_, reasons)| reasons.is_empty())
    }

    /// Where something of a facet is missing, and why.
    pub(super) fn missing(&self, facet: Facet) -> Vec<(ArmId, Why)> {
        let of_facet = self.lines.iter().filter(|((of, _), _)| *of == facet);
        of_facet.filter_map(|((_, scope), (_, reasons))| Some((scope.clone(), reasons.first()?.why))).collect()
    }

    /// The items of a list, and a line for what of it is missing: an item that cannot be understood makes the facet
    /// unknown in its resource group or subscription, and one that stands above the subscriptions or nowhere does so
    /// everywhere.
    pub(super) fn settle<T>(&mut self, scopes: &[ArmId], facet: Facet, listed: Listed<T>) -> Vec<T> {
        for flaw in listed.flaws {
            let text = format!("{}: {}", flaw.scope, flaw.reason.detail);
            let reason = Unreadable::new(flaw.reason.why, text);
            match scopes.iter().find(|scope| flaw.scope.is_within(scope)) {
                Some(scope) => {
                    self.fail(&flaw.scope.up_to("resourceGroups").unwrap_or_else(|| scope.clone()), facet, reason);
                }
                None => self.fail_all(scopes, facet, &reason),
            }
        }
        if let Some(reason) = listed.stopped {
            self.fail_all(scopes, facet, &reason);
        }
        listed.items
    }

    /// Another reader's lines.
    pub(super) fn merge(&mut self, other: Self) {
        for ((facet, scope), (items, reasons)) in other.lines {
            self.count(&scope, facet, items);
            reasons.into_iter().for_each(|reason| self.fail(&scope, facet, reason));
        }
    }

    /// The lines as the facts have them.
    pub(super) fn coverage(self) -> Vec<Coverage> {
        let line = |((facet, scope), (items, mut reasons)): ((Facet, ArmId), (usize, Vec<Unreadable>))| {
            let more = reasons.len().saturating_sub(REASONS);
            reasons.truncate(REASONS);
            let Some(first) = reasons.first() else { return Coverage::read(scope, facet, items) };
            let mut detail: Vec<&str> = reasons.iter().map(|reason| reason.detail.as_str()).collect();
            let rest = format!("and {more} more");
            detail.extend((more > 0).then_some(rest.as_str()));
            let reason = Unreadable::new(first.why, detail.join("; "));
            Coverage { scope, facet, state: State::Unknown(reason) }
        };
        self.lines.into_iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolwarden_domain::UnknownScope;

    #[test]
    fn a_bad_item_makes_its_own_subscription_unknown_and_names_itself() {
        let scopes = [ArmId::new("/subscriptions/a"), ArmId::new("/subscriptions/b")];
        let mut ledger = Ledger::default();
        ledger.open(&scopes, &[Facet::RoleAssignments]);
        let flaw =
            |scope: &str| UnknownScope { scope: ArmId::new(scope), reason: Unreadable::new(Why::Malformed, "odd") };
        let listed = Listed { items: vec![1, 2], flaws: vec![flaw("/subscriptions/A/x")], stopped: None };
        assert_eq!(ledger.settle(&scopes, Facet::RoleAssignments, listed), [1, 2]);
        assert!(
            !ledger.is_whole(&scopes[0], Facet::RoleAssignments) && ledger.is_whole(&scopes[1], Facet::RoleAssignments)
        );
        let above = Listed { items: vec![3], flaws: vec![flaw("/providers/x/managementGroups/m")], stopped: None };
        ledger.settle(&scopes, Facet::RoleAssignments, above);
        let coverage = ledger.coverage();
        assert_eq!(coverage.len(), 2);
        let State::Unknown(reason) = &coverage[0].state else { panic!("a is unknown") };
        assert!(reason.detail.contains("/subscriptions/A/x: odd") && reason.detail.contains("managementGroups/m"));
        assert!(matches!(coverage[1].state, State::Unknown(_)), "what is above holds in b too");
    }
}
