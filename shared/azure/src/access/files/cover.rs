//! Which lists the files hold to their end, and what follows for each facet of each subscription.

use super::super::Depth;
use super::super::kinds::{
    APPLICATION_GROUPS, BELOW, CERTIFICATES, DIAGNOSTIC_SETTINGS, HOST_POOLS, KINDS, PROTECTED_ITEMS, RECOVERY_VAULTS,
    RULE_ASSOCIATIONS, SECRETS, SESSION_HOSTS, SHARES, STORAGE_ACCOUNTS, VAULTS, VIRTUAL_MACHINES, WORKSPACES,
    facet_of,
};
use super::super::ledger::Ledger;
use super::super::posture::may_hold_shares;
use super::super::resource::type_of;
use super::content::{Asked, Content, What, facet_of_list};
use crate::access::item::Item;
use poolwarden_domain::access::{AccessFacts, ArmResource, Definition, DefinitionKind, Facet, builtin};
use poolwarden_domain::{ArmId, Unreadable, Why};
use serde_json::Value;
use std::collections::BTreeSet;

/// Roles that no list of all roles lacks.
const EVERYWHERE: [&str; 5] = [
    builtin::OWNER,
    builtin::CONTRIBUTOR,
    builtin::READER,
    builtin::USER_ACCESS_ADMINISTRATOR,
    builtin::DESKTOP_VIRTUALIZATION_USER,
];

/// Lists that are there to their end.
#[derive(Default)]
pub(super) struct Lists {
    /// Of Microsoft.Authorization, by subscription.
    of_scope: BTreeSet<(Facet, ArmId)>,
    /// Subscriptions of which what is assigned above them is there.
    above: BTreeSet<ArmId>,
    /// Types of resources, by subscription.
    of_type: BTreeSet<(String, ArmId)>,
    /// Types of what is in other resources or beside them, by the resource: such lists tell of one resource each.
    of_resource: BTreeSet<(String, ArmId)>,
    /// Empty lists that say by their file's name what they are, of the one subscription that there is.
    named: BTreeSet<&'static str>,
    built_in_roles: bool,
    custom_roles: bool,
}

impl Lists {
    /// Takes note of a whole list.
    pub(super) fn take(&mut self, whats: &[What], items: &[Value], content: &Content) {
        let asked = content.asked.as_ref();
        if asked.is_none_or(is_of_everything) {
            whats.iter().zip(items).for_each(|(what, value)| self.take_item(*what, value, content.is_of_graph));
        }
        let filter = asked.and_then(|asked| asked.filter.as_deref()).unwrap_or_default();
        self.take_roles(whats, items, filter);
        if let Some(asked) = asked {
            self.take_question(asked, content.items.is_empty());
        }
    }

    /// Takes note of what an item says about the list that it is from.
    fn take_item(&mut self, what: What, value: &Value, is_of_graph: bool) {
        let Ok(item) = Item::of(value) else { return };
        let scope = item.text("scope").or_else(|| item.own("id")).map(super::super::item::scope);
        let Some(scope) = scope.and_then(|scope| scope.up_to("subscriptions")) else { return };
        let facet = match what {
            What::Assignment => Facet::RoleAssignments,
            What::Deny => Facet::DenyAssignments,
            What::Active => Facet::PimActive,
            What::Eligible => Facet::PimEligible,
            What::ClassicAdministrator => Facet::ClassicAdministrators,
            What::Resource(_) => {
                let id = item.own("id").map(ArmId::new);
                if let Some((id, kind)) = id.and_then(|id| type_of(&id).map(|kind| (id, kind))) {
                    match holder(&id, &kind).filter(|_| !is_of_graph) {
                        Some(holder) => drop(self.of_resource.insert((kind, holder))),
                        None => drop(self.of_type.insert((kind, scope))),
                    }
                }
                return;
            }
            _ => return,
        };
        self.of_scope.insert((facet, scope));
    }

    /// Takes note of what was asked: the answer may be empty.
    fn take_question(&mut self, asked: &Asked, is_empty: bool) {
        let Some(scope) = asked.of.up_to("subscriptions") else { return };
        let filter = asked.filter.as_deref().unwrap_or_default();
        match facet_of_list(&asked.list) {
            Some(Facet::RoleAssignments) if filter.eq_ignore_ascii_case("atScope()") => drop(self.above.insert(scope)),
            Some(facet) if filter.is_empty() && scope == asked.of => drop(self.of_scope.insert((facet, scope))),
            Some(_) => {}
            None => match &asked.namespace {
                // `…/providers/{namespace}/{type}` of a subscription: whatever it holds, it is all of that type. Of
                // types that are not kept nobody sees later what they may hold, unless there is none.
                Some(namespace) if filter.is_empty() && scope == asked.of => {
                    let kind = format!("{namespace}/{}", asked.list);
                    if is_empty || facet_of(&kind).is_some() {
                        self.of_type.insert((kind, scope));
                    }
                }
                // … and of a resource, all that is in it or beside it.
                namespace => {
                    let provider = namespace.as_ref().map(|name| format!("/providers/{name}")).unwrap_or_default();
                    let one = ArmId::new(&format!("{}{provider}/{}/one", asked.of, asked.list));
                    let kind = type_of(&one).filter(|_| filter.is_empty()).map(|kind| match kind.as_str() {
                        // All that a vault protects is listed by another name than its own.
                        ALL_PROTECTED => PROTECTED_ITEMS.to_owned(),
                        _ => kind,
                    });
                    let of = kind.as_deref().and_then(|kind| holder(&one, kind)).unwrap_or_else(|| asked.of.clone());
                    self.of_resource.extend(kind.map(|kind| (kind, of)));
                }
            },
        }
    }

    /// Whether all resources of a type in a subscription are in the files: in a list of them all, or in one for each
    /// resource that may hold some.
    fn is_told(&self, facts: &AccessFacts, scope: &ArmId, kind: &str) -> bool {
        let is_of_kind = |one: &&(String, ArmId)| one.0 == kind && one.1.is_within(scope);
        let told: BTreeSet<&ArmId> = self.of_resource.iter().filter(is_of_kind).map(|(_, holder)| holder).collect();
        let of_all = self.of_type.contains(&(kind.to_owned(), scope.clone()));
        // Where there is nothing that could hold some, there are none; if it is known that there is nothing more.
        let kinds = holders_of(kind);
        let is_known = || !kinds.is_empty() && kinds.iter().all(|kind| self.is_told(facts, scope, kind));
        of_all || (holders_among(facts, scope, kind).into_iter().all(|id| told.contains(id)) && is_known())
    }

    fn take_roles(&mut self, whats: &[What], items: &[Value], filter: &str) {
        if filter.to_ascii_lowercase().contains("rolename") {
            return;
        }
        let definitions = whats.iter().zip(items).filter(|(what, _)| **what == What::Definition);
        let definitions: Vec<Definition> =
            definitions.filter_map(|(_, value)| crate::access::wire::definition_of(value).ok()).collect();
        let has = |kind: DefinitionKind| definitions.iter().any(|one| one.kind == kind);
        let is_there = |role: &&str| definitions.iter().any(|one| one.id.name().eq_ignore_ascii_case(role));
        let has_all = EVERYWHERE.iter().all(is_there);
        // A list with built-in roles in it has the custom ones too, unless it was asked for without them, or is one of
        // some roles only.
        self.built_in_roles |= has_all;
        let is_of_custom = has(DefinitionKind::Custom) && !has(DefinitionKind::BuiltIn);
        self.custom_roles |= (has_all || is_of_custom) && !filter.contains("BuiltInRole");
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
            facet => {
                let kinds =
                    KINDS.iter().filter(|kind| kind.facet == facet && (kind.for_access || depth == Depth::Posture));
                let below = BELOW.iter().filter(|(_, of)| *of == facet && depth == Depth::Posture);
                let names = kinds.map(|kind| kind.name).chain(below.map(|(name, _)| *name));
                let missing: Vec<&str> = names.filter(|name| !self.is_told(facts, scope, name)).collect();
                if missing.is_empty() { None } else { none(&missing.join(", ")) }
            }
        }
    }
}

/// Whether a recorded question was about all that there is of a kind: of a whole subscription or of none, and without a
/// filter.
fn is_of_everything(asked: &Asked) -> bool {
    let is_whole = asked.of.up_to("subscriptions").is_none_or(|subscription| subscription == asked.of);
    is_whole && asked.filter.is_none()
}

/// What the list of all that a Recovery Services vault protects is called.
const ALL_PROTECTED: &str = "microsoft.recoveryservices/vaults/backupprotecteditems";

/// The resource that another one is in or beside, if such are listed by that resource alone.
fn holder(id: &ArmId, kind: &str) -> Option<ArmId> {
    let parts = match kind {
        SHARES => return id.up_to("storageAccounts"),
        PROTECTED_ITEMS => return id.up_to("vaults"),
        DIAGNOSTIC_SETTINGS | RULE_ASSOCIATIONS => 4,
        kind if kind.matches('/').count() > 1 => 2,
        _ => return None,
    };
    id.ancestors().nth(parts)
}

/// The types of the resources that one of a type is in or beside.
fn holders_of(kind: &str) -> Vec<&str> {
    match kind {
        DIAGNOSTIC_SETTINGS => vec![HOST_POOLS, APPLICATION_GROUPS, WORKSPACES],
        SECRETS | CERTIFICATES => vec![VAULTS],
        SHARES => vec![STORAGE_ACCOUNTS],
        PROTECTED_ITEMS => vec![RECOVERY_VAULTS],
        RULE_ASSOCIATIONS => vec![SESSION_HOSTS, VIRTUAL_MACHINES],
        kind if kind.matches('/').count() > 1 => kind.rsplit_once('/').map(|(holder, _)| holder).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The resources of a subscription that may hold some of a type.
fn holders_among<'a>(facts: &'a AccessFacts, scope: &ArmId, kind: &str) -> Vec<&'a ArmId> {
    let kinds = holders_of(kind);
    let machines: BTreeSet<ArmId> = match kind {
        // Only those of hosts matter.
        RULE_ASSOCIATIONS => {
            facts.resources_of(SESSION_HOSTS).filter_map(|host| host.reference("resourceId")).collect()
        }
        _ => BTreeSet::new(),
    };
    let is_one = |one: &&ArmResource| match kind {
        RULE_ASSOCIATIONS => one.kind == VIRTUAL_MACHINES && machines.contains(&one.id),
        SHARES => one.kind == STORAGE_ACCOUNTS && may_hold_shares(one),
        _ => kinds.contains(&one.kind.as_str()),
    };
    facts.resources.iter().filter(|one| one.id.is_within(scope)).filter(is_one).map(|one| &one.id).collect()
}
