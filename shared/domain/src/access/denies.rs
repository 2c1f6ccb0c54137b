//! Deny assignments, which come first.

use super::binding::Binding;
use super::groups::{EVERYBODY, Groups, Walk};
use super::rule::{Rule, kept};
use super::scopes::Chain;
use super::{Action, DenyAssignment, DenyProof, World, principal_id};
use crate::estate::Principal;

/// Whom a deny assignment names.
#[derive(Debug)]
pub(super) struct Named {
    /// Everybody.
    pub(super) everybody: bool,
    /// These.
    pub(super) principals: Vec<u32>,
    /// Whether anybody may be among them: a group of them is open.
    pub(super) open: bool,
}

/// A deny assignment.
#[derive(Debug)]
pub(super) struct Deny<'a> {
    /// As it was read.
    pub(super) facts: &'a DenyAssignment,
    /// The number of its scope.
    pub(super) scope: u32,
    /// Whom it is for.
    pub(super) principals: Named,
    /// Whom it is not for.
    pub(super) except: Named,
    /// Which questions its condition has a say in.
    pub(super) binding: Binding,
}

/// Whether something applies to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    /// Certainly not.
    No,
    /// As the members of a group decide that could not be read.
    Perhaps,
    /// Certainly.
    Yes,
}

impl Named {
    fn of(groups: &Groups<'_>, principals: &[Principal]) -> Self {
        let everybody = kept(Rule::DenyEverybody) && principals.iter().any(|one| principal_id(&one.id) == EVERYBODY);
        let principals: Vec<u32> = principals.iter().filter_map(|one| groups.find(&one.id)).collect();
        let open = kept(Rule::DenyOpaque) && principals.iter().any(|&one| groups.is_open(one));
        Self { everybody, principals, open }
    }

    /// Whether somebody is among them, who for all that could be read is or is not one of them or in one of them.
    pub(super) fn is_met(&self, is_named: bool) -> Applies {
        match () {
            () if self.everybody || is_named => Applies::Yes,
            () if self.open => Applies::Perhaps,
            () => Applies::No,
        }
    }
}

/// Whether what names some and leaves out others applies.
pub(super) fn applies(named: Applies, left_out: Applies) -> Applies {
    match (named, left_out) {
        _ if !kept(Rule::Deny) => Applies::No,
        (named, _) if !kept(Rule::DenyExclusion) => named,
        (Applies::No, _) | (_, Applies::Yes) => Applies::No,
        (Applies::Yes, Applies::No) => Applies::Yes,
        _ => Applies::Perhaps,
    }
}

impl<'a> World<'a> {
    /// The deny assignments that apply to somebody wherever they hold, or may apply; of nobody knows whom, all.
    pub fn denies_about(&self, principal: Option<&str>) -> Vec<&'a DenyAssignment> {
        let above = principal.map(|principal| self.groups.above(self.groups.find(principal)));
        let may_apply = |deny: &&Deny<'_>| above.as_ref().is_none_or(|above| deny.applies_to(above) != Applies::No);
        self.denies.iter().filter(may_apply).map(|deny| deny.facts).collect()
    }
}

impl<'a> Deny<'a> {
    pub(super) fn of(groups: &Groups<'_>, scope: u32, facts: &'a DenyAssignment) -> Self {
        let binding = Binding::of(facts.condition.as_deref());
        Self {
            facts,
            scope,
            principals: Named::of(groups, &facts.principals),
            except: Named::of(groups, &facts.except),
            binding: if kept(Rule::DenyCondition) { binding } else { Binding::Nothing },
        }
    }

    /// Whether it holds at a scope, given that it holds at that scope or above.
    pub(super) fn holds_at(&self, chain: &Chain) -> bool {
        !self.facts.not_for_child_scopes || chain.own == Some(self.scope) || !kept(Rule::DenyAtScopeOnly)
    }

    /// Whether it denies an action, if it applies.
    pub(super) fn denies(&self, action: &Action) -> bool {
        action.is_in(&self.facts.permissions)
    }

    /// Whether it applies to whoever is in these groups.
    pub(super) fn applies_to(&self, above: &Walk) -> Applies {
        let is_in = |named: &Named| named.principals.iter().any(|&one| above.has(one));
        applies(self.principals.is_met(is_in(&self.principals)), self.except.is_met(is_in(&self.except)))
    }

    /// That it applies, told for people.
    pub(super) fn proof(&self, groups: &Groups<'_>, principal: &str, above: &Walk) -> DenyProof {
        let through = self.principals.principals.iter().find(|&&one| above.has(one));
        let path = match through {
            Some(&group) => groups.way_up(above, group),
            None if self.principals.everybody => vec![principal_id(principal)],
            None => Vec::new(),
        };
        DenyProof {
            deny: self.facts.id.clone(),
            name: self.facts.name.clone(),
            scope: self.facts.scope.clone(),
            path,
            condition: self.facts.condition.clone().filter(|_| self.binding != Binding::Nothing),
        }
    }
}
