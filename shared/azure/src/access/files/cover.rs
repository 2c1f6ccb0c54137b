//! Which lists the files hold to their end, and what follows for each facet of each subscription.

use super::super::Depth;
use super::super::kinds::KINDS;
use super::super::ledger::Ledger;
use super::content::{Content, What, facet_of_list};
use crate::access::item::Item;
use poolwarden_domain::access::{AccessFacts, DefinitionKind, Facet};
use poolwarden_domain::{ArmId, Unreadable, Why};
use serde_json::Value;
use std::collections::BTreeSet;

/// Lists that are there to their end.
#[derive(Default)]
pub(super) struct Lists {
    /// Of Microsoft.Authorization, by subscription.
    of_scope: BTreeSet<(Facet, ArmId)>,
    /// Subscriptions of which what is assigned above them is there.
    above: BTreeSet<ArmId>,
    /// Types of resources, by subscription.
    of_type: BTreeSet<(String, ArmId)>,
    /// Empty lists that say by their file's name what they are, of the one subscription that there is.
    named: BTreeSet<&'static str>,
    built_in_roles: bool,
    custom_roles: bool,
}

impl Lists {
    /// Takes note of a whole list.
    pub(super) fn take(&mut self, whats: &[What], items: &[Value], content: &Content) {
        for (what, value) in whats.iter().zip(items) {
            let Ok(item) = Item::of(value) else { continue };
            let scope = item.text("scope").or_else(|| item.own("id")).map(super::super::item::scope);
            let Some(scope) = scope.and_then(|scope| scope.up_to("subscriptions")) else { continue };
            let facet = match what {
                What::Assignment => Facet::RoleAssignments,
                What::Deny => Facet::DenyAssignments,
                What::Active => Facet::PimActive,
                What::Eligible => Facet::PimEligible,
                What::ClassicAdministrator => Facet::ClassicAdministrators,
                What::Resource(_) => {
                    let id = item.own("id").map(ArmId::new);
                    let kind = id.as_ref().and_then(crate::access::resource::type_of);
                    self.of_type.extend(kind.map(|kind| (kind, scope)));
                    continue;
                }
                _ => continue,
            };
            self.of_scope.insert((facet, scope));
        }
        let filter = content.asked.as_ref().and_then(|asked| asked.filter.as_deref()).unwrap_or_default();
        self.take_roles(whats, items, filter);
        let Some(asked) = &content.asked else { return };
        let Some(scope) = asked.of.up_to("subscriptions") else { return };
        match facet_of_list(&asked.list) {
            Some(facet) if filter.eq_ignore_ascii_case("atScope()") => {
                if facet == Facet::RoleAssignments {
                    self.above.insert(scope);
                }
            }
            Some(facet) if filter.is_empty() && scope == asked.of => drop(self.of_scope.insert((facet, scope))),
            Some(_) => {}
            None => {
                // `…/providers/{namespace}/{type}` of a subscription: whatever it holds, it is all of that type.
                let kinds = KINDS.iter().filter(|kind| kind.name.rsplit('/').next() == Some(asked.list.as_str()));
                self.of_type.extend(kinds.map(|kind| (kind.name.to_owned(), scope.clone())));
            }
        }
    }

    fn take_roles(&mut self, whats: &[What], items: &[Value], filter: &str) {
        let definitions = whats.iter().zip(items).filter(|(what, _)| **what == What::Definition);
        let kinds: Vec<DefinitionKind> = definitions
            .filter_map(|(_, value)| crate::access::wire::definition_of(value).ok().map(|definition| definition.kind))
            .collect();
        let has_built_in = kinds.contains(&DefinitionKind::BuiltIn);
        // A list with built-in roles in it has the custom ones too, unless it was asked for without them.
        self.built_in_roles |= has_built_in;
        self.custom_roles |= kinds.contains(&DefinitionKind::Custom) && !filter.contains("BuiltInRole");
        self.custom_roles |= has_built_in && !filter.contains("BuiltInRole");
    }

    /// An empty list that says by its file's name what it is.
    pub(super) fn named(&mut self, list: &'static str) {
        self.named.insert(list);
    }

    /// Says of each facet what no file holds.
    pub(super) fn cover(&mut self, facts: &AccessFacts, scopes: &[ArmId], depth: Depth, ledger: &mut Ledger) {
        if let [one] = scopes {
            for list in std::mem::take(&mut self.named) {
                match facet_of_list(list) {
                    Some(facet) => drop(self.of_scope.insert((facet, one.clone()))),
                    None => drop(self.of_type.insert((format!("microsoft.desktopvirtualization/{list}"), one.clone()))),
                }
            }
        }
        for scope in scopes {
            for facet in depth.facets() {
                if let Some(text) = self.missing(facts, scope, *facet, depth) {
                    ledger.fail(scope, *facet, Unreadable::new(Why::Missing, text));
                }
            }
        }
    }

    fn missing(&self, facts: &AccessFacts, scope: &ArmId, facet: Facet, depth: Depth) -> Option<String> {
        let none = |what: &str| Some(format!("no file holds {what} of {scope} to the end"));
        let is_listed = self.of_scope.contains(&(facet, scope.clone()));
        let is_above = |one: &ArmId| one.subscription().is_none();
        match facet {
            Facet::ManagementGroups => {
                let one = facts.subscriptions.iter().find(|one| one.id == *scope);
                let is_known = one.is_some_and(|one| one.management_group.is_some());
                if is_known { None } else { Some(format!("no file says which management group {scope} is in")) }
            }
            Facet::RoleAssignments if !is_listed => none("the role assignments"),
            Facet::RoleAssignments => {
                let is_told = self.above.contains(scope) || facts.assignments.iter().any(|one| is_above(&one.scope));
                let text = "no file holds what is assigned above it: export with --include-inherited, or keep the whole \
                            exchange of …/roleAssignments?$filter=atScope()";
                if is_told { None } else { Some(text.to_owned()) }
            }
            Facet::RoleDefinitions => match (self.built_in_roles, self.custom_roles) {
                (true, true) => None,
                (true, false) => none("the custom roles"),
                (false, _) => none("the built-in roles"),
            },
            Facet::DenyAssignments | Facet::PimActive | Facet::PimEligible | Facet::ClassicAdministrators => {
                if is_listed {
                    None
                } else {
                    none(&format!("the {facet}"))
                }
            }
            Facet::DiagnosticSettings | Facet::VaultContents => {
                let kind = if facet == Facet::VaultContents {
                    super::super::kinds::SECRETS
                } else {
                    super::super::kinds::DIAGNOSTIC_SETTINGS
                };
                if self.of_type.contains(&(kind.to_owned(), scope.clone())) {
                    None
                } else {
                    none(&format!("the {facet}"))
                }
            }
            facet => {
                let kinds =
                    KINDS.iter().filter(|kind| kind.facet == facet && (kind.for_access || depth == Depth::Posture));
                let missing: Vec<&str> = kinds
                    .filter(|kind| !self.of_type.contains(&(kind.name.to_owned(), scope.clone())))
                    .map(|kind| kind.name)
                    .collect();
                if missing.is_empty() { None } else { none(&missing.join(", ")) }
            }
        }
    }
}
