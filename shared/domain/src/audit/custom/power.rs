//! What a custom rule is about: a role, or an action.

use super::scopes::Scopes;
use crate::ArmId;
use crate::access::{Action, Answer, Effective, Facet};
use crate::audit::context::Audit;
use crate::audit::policy::CustomRule;
use std::collections::BTreeMap;

/// A role or an action.
pub(super) enum Power {
    /// A role: its GUID and its name.
    Role { guid: String, name: String },
    /// An action.
    Action(Action),
}

/// Whether somebody holds it.
pub(super) enum Held {
    Yes,
    No,
    Unknown(String),
}

/// What says whether somebody holds something.
const NEEDS: &[Facet] =
    &[Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive, Facet::GroupMembers, Facet::ManagementGroups];

impl Power {
    /// What the rule names, or why that cannot be judged.
    pub(super) fn of(audit: &Audit<'_>, rule: &CustomRule) -> Result<Self, String> {
        match (&rule.role, &rule.action) {
            (Some(role), None) => Self::role_called(audit, role.trim()),
            (None, Some(name)) if rule.data_action => Ok(Self::Action(Action::data(name.trim()))),
            (None, Some(name)) => Ok(Self::Action(Action::control(name.trim()))),
            _ => Err("the rule has to name either a role or an action".to_owned()),
        }
    }

    fn role_called(audit: &Audit<'_>, role: &str) -> Result<Self, String> {
        let by_name = || {
            let mut called = audit.facts.definitions.iter().filter(|one| one.name.eq_ignore_ascii_case(role));
            called.next().filter(|first| called.all(|other| other.id.name().eq_ignore_ascii_case(first.id.name())))
        };
        let found = audit.world.definition(role).or_else(by_name);
        match found {
            Some(one) => Ok(Self::Role { guid: one.id.name().to_ascii_lowercase(), name: one.name.clone() }),
            // A role without a definition may still be assigned.
            None if is_guid(role) => Ok(Self::Role { guid: role.to_ascii_lowercase(), name: role.to_owned() }),
            None => Err(format!("there is no role called {role}, or several are")),
        }
    }

    /// Whether a grant gives it.
    pub(super) fn is_in(&self, grant: &Effective<'_>) -> bool {
        match self {
            Self::Role { guid, .. } => grant.role == *guid,
            Self::Action(action) => grant.allows(action),
        }
    }

    /// What people call it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Role { name, .. } => name,
            Self::Action(action) => &action.name,
        }
    }

    /// What tells findings about it from others.
    pub(super) fn subject(&self) -> String {
        match self {
            Self::Role { guid, .. } => guid.clone(),
            Self::Action(action) => action.name.to_ascii_lowercase(),
        }
    }

    /// The role's GUID, if it is one.
    pub(super) fn role(&self) -> Option<&str> {
        match self {
            Self::Role { guid, .. } => Some(guid),
            Self::Action(_) => None,
        }
    }

    /// Whether deny assignments keep somebody from what a grant gives, at all scopes that the rule is about.
    pub(super) fn is_denied(&self, audit: &Audit<'_>, who: &str, grant: &Effective<'_>, scopes: &Scopes) -> bool {
        let Self::Action(action) = self else { return false };
        if audit.facts.denies.is_empty() {
            return false;
        }
        let is_shallow =
            |deny: &ArmId| audit.facts.denies.iter().any(|one| one.id == *deny && one.not_for_child_scopes);
        let is_free = |scope: &ArmId| match audit.world.decide(who, action, scope).denied_by {
            None => true,
            // What denies case by case lets through in others.
            Some(denial) if denial.condition.is_some() => true,
            Some(denial) => is_shallow(&denial.deny) && scopes.reach_below(scope),
        };
        !scopes.where_held(audit, grant.scope).iter().any(is_free)
    }

    /// Whether somebody holds it at a scope now. The ways are theirs, up through their groups.
    pub(super) fn held(
        &self,
        audit: &Audit<'_>,
        who: &str,
        ways: &BTreeMap<String, Vec<String>>,
        scope: &ArmId,
    ) -> Held {
        let answer = match self {
            Self::Action(action) => audit.world.decide(who, action, scope).answer,
            Self::Role { .. } => {
                let theirs = |grant: &&Effective<'_>| ways.contains_key(&grant.principal.id) && grant.is_active();
                let held = || audit.world.grants_on(scope).filter(|grant| self.is_in(grant)).filter(theirs);
                match () {
                    () if held().any(|grant| grant.condition.is_none()) => Answer::Allowed,
                    () if held().next().is_some() => Answer::Conditional,
                    () => Answer::NotGranted,
                }
            }
        };
        let is_read = || match scope.up_to("subscriptions") {
            Some(subscription) => audit.is_read(NEEDS, &subscription),
            None => audit.is_read_everywhere(NEEDS),
        };
        match answer {
            Answer::Allowed => Held::Yes,
            Answer::Denied => Held::No,
            Answer::NotGranted if is_read() => Held::No,
            Answer::Conditional => {
                Held::Unknown(format!("a condition decides whether {who} holds {} at {scope}", self.name()))
            }
            Answer::NotGranted | Answer::Unknown => {
                Held::Unknown(format!("whether {who} holds {} at {scope} could not be read", self.name()))
            }
        }
    }
}

/// Whether a text is a GUID.
pub(in crate::audit) fn is_guid(text: &str) -> bool {
    let is_place = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_place)
}
