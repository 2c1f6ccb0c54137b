//! Conditions of role assignments (attribute-based access control), as far as they are understood: those that limit
//! which roles somebody may assign, and to whom. Every other condition is left to Azure to decide, case by case.
//!
//! Understood are parts joined by AND, each of which lets through whatever is not the creation or the removal of a role
//! assignment, and asks of that which role it is for, for whom, or for what kind of principal.
//! <https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples>

mod expression;

use super::Action;
use expression::{Comparison, Expression};
use std::collections::BTreeSet;

/// The most ways in which one part may be met: more are not understood.
const MAX_ALTERNATIVES: usize = 64;
/// What the attributes of a role assignment are called.
const ATTRIBUTES: &str = "microsoft.authorization/roleassignments:";

/// A choice among roles, kinds of principals, or principals. All in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Only these.
    Only(BTreeSet<String>),
    /// All but these.
    AllBut(BTreeSet<String>),
}

impl Choice {
    /// Whether it takes this one in; whatever the case.
    pub fn holds(&self, one: &str) -> bool {
        let one = one.to_ascii_lowercase();
        match self {
            Self::Only(these) => these.contains(&one),
            Self::AllBut(these) => !these.contains(&one),
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => Self::Only(&a & &b),
            (Self::Only(only), Self::AllBut(but)) | (Self::AllBut(but), Self::Only(only)) => Self::Only(&only - &but),
            (Self::AllBut(a), Self::AllBut(b)) => Self::AllBut(&a | &b),
        }
    }
}

/// Which role assignments may be made or removed. At least one of them is limited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of which roles, by their GUIDs.
    pub roles: Option<Choice>,
    /// For which kinds of principals (`user`, `group`, `serviceprincipal`).
    pub principal_types: Option<Choice>,
    /// For which principals, by their ids.
    pub principals: Option<Choice>,
}

impl Limits {
    /// Both at once.
    fn and(self, other: Self) -> Self {
        let both = |a: Option<Choice>, b: Option<Choice>| match (a, b) {
            (Some(a), Some(b)) => Some(a.and(b)),
            (a, b) => a.or(b),
        };
        Self {
            roles: both(self.roles, other.roles),
            principal_types: both(self.principal_types, other.principal_types),
            principals: both(self.principals, other.principals),
        }
    }
}

/// What a condition makes of the right to assign roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delegation {
    /// Which role assignments may be made or changed: those that one of these allows; all if there is none.
    pub write: Vec<Limits>,
    /// Which may be removed.
    pub delete: Vec<Limits>,
}

impl Delegation {
    /// Reads a condition; `None` if it is not one that limits delegation and does nothing else.
    pub fn of(condition: &str) -> Option<Self> {
        let mut parts = Vec::new();
        conjuncts(expression::parse(condition)?, &mut parts);
        let mut delegation = Self::default();
        for part in parts {
            let (writes, deletes, limits) = read(part)?;
            if writes {
                delegation.write = meet(delegation.write, limits.clone())?;
            }
            if deletes {
                delegation.delete = meet(delegation.delete, limits)?;
            }
        }
        Some(delegation)
    }

    /// Whether it has a say in an action.
    pub fn binds(&self, action: &Action) -> bool {
        (!self.write.is_empty() && action.is_on_role_assignments("write"))
            || (!self.delete.is_empty() && action.is_on_role_assignments("delete"))
    }
}

/// Whether a condition limits what may be assigned: it lets through what is not about role assignments, and asks of a
/// new role assignment which role it is for, or for whom.
pub fn constrains_delegation(condition: &str) -> bool {
    Delegation::of(condition).is_some_and(|delegation| !delegation.write.is_empty())
}

/// The parts of nested ANDs.
fn conjuncts(expression: Expression, into: &mut Vec<Expression>) {
    match expression {
        Expression::And(parts) => parts.into_iter().for_each(|part| conjuncts(part, into)),
        part => into.push(part),
    }
}

/// The parts of nested ORs.
fn disjuncts(expression: Expression, into: &mut Vec<Expression>) {
    match expression {
        Expression::Or(parts) => parts.into_iter().for_each(|part| disjuncts(part, into)),
        part => into.push(part),
    }
}

/// A part of a condition: whether it is about making or removing role assignments, and what it asks then.
fn read(part: Expression) -> Option<(bool, bool, Vec<Limits>)> {
    let (mut terms, mut actions, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    disjuncts(part, &mut terms);
    for term in terms {
        match spared(&term) {
            Some(more) if actions.is_empty() => actions = more,
            Some(_) => return None,
            None => limits.extend(alternatives(term)?),
        }
    }
    let is_known = |action: &Action| action.is_on_role_assignments("write") || action.is_on_role_assignments("delete");
    let actions: Vec<Action> = actions.into_iter().map(Action::control).collect();
    if actions.is_empty() || limits.is_empty() || limits.len() > MAX_ALTERNATIVES || !actions.iter().all(is_known) {
        return None;
    }
    let has = |verb| actions.iter().any(|action| action.is_on_role_assignments(verb));
    Some((has("write"), has("delete"), limits))
}

/// The actions that a term is not about: `!(ActionMatches{…})`, or several of these joined by AND.
fn spared(term: &Expression) -> Option<Vec<String>> {
    match term {
        Expression::Not(inner) => match inner.as_ref() {
            Expression::ActionMatches(action) => Some(vec![action.clone()]),
            _ => None,
        },
        Expression::And(parts) => {
            parts.iter().map(spared).collect::<Option<Vec<_>>>().map(|lists| lists.into_iter().flatten().collect())
        }
        _ => None,
    }
}

/// What a term asks, as ways to meet it.
fn alternatives(term: Expression) -> Option<Vec<Limits>> {
    match term {
        Expression::Compare(comparison) => limit(comparison).map(|limits| vec![limits]),
        Expression::Or(terms) => {
            let ways = terms.into_iter().map(alternatives).collect::<Option<Vec<_>>>()?;
            Some(ways.into_iter().flatten().collect())
        }
        Expression::And(terms) => {
            terms.into_iter().try_fold(Vec::new(), |met, term| alternatives(term).and_then(|ways| meet(met, ways)))
        }
        Expression::Not(_) | Expression::ActionMatches(_) => None,
    }
}

/// Each way to meet both. None at all stands for no limit.
fn meet(a: Vec<Limits>, b: Vec<Limits>) -> Option<Vec<Limits>> {
    if a.is_empty() || b.is_empty() {
        return Some(if a.is_empty() { b } else { a });
    }
    if a.len() * b.len() > MAX_ALTERNATIVES {
        return None;
    }
    Some(a.iter().flat_map(|a| b.iter().map(|b| a.clone().and(b.clone()))).collect())
}

/// A comparison of an attribute of the role assignment with given values.
fn limit(comparison: Comparison) -> Option<Limits> {
    let Comparison { attribute, operator, values } = comparison;
    let (quantifier, operator) = operator.rsplit_once(':').unwrap_or(("", &operator));
    // Of several values, whatever there is differs from one of them and equals no more than one of them.
    let is_of_all = quantifier.ends_with("allvalues");
    let is_one = values.len() == 1;
    let choice = |equal: &[&str], unequal: &str| match operator {
        _ if values.is_empty() => None,
        operator if equal.contains(&operator) && is_of_all && !is_one => None,
        operator if operator == unequal && !is_of_all && !is_one => None,
        operator if equal.contains(&operator) => Some(Choice::Only(values.clone())),
        operator if operator == unequal => Some(Choice::AllBut(values.clone())),
        _ => None,
    };
    let guids = || choice(&["guidequals"], "guidnotequals");
    match attribute.strip_prefix(ATTRIBUTES)? {
        "roledefinitionid" => Some(Limits { roles: Some(guids()?), ..Limits::default() }),
        "principalid" => Some(Limits { principals: Some(guids()?), ..Limits::default() }),
        "principaltype" => {
            let kinds = choice(&["stringequals", "stringequalsignorecase"], "stringnotequals")
                .or_else(|| choice(&[], "stringnotequalsignorecase"))?;
            Some(Limits { principal_types: Some(kinds), ..Limits::default() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
