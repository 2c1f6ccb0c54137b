//! The slow reference: Azure's sentences one by one over tables of everything, without a line of what is tested.

use crate::access::{
    AccessFacts, Action, Answer, Coverage, DenyAssignment, DirectoryObject, Facet, PimKind, Plane, State,
};
use crate::estate::Permission;
use std::collections::{BTreeMap, BTreeSet};

/// Every question that can be asked of a world, in tables.
pub(super) struct Reference {
    grants: Vec<Grant>,
    denies: Vec<Deny>,
    /// Principal × group: whether it is in it, itself included.
    is_in: Vec<Vec<bool>>,
    /// Group: whether anybody may be in it.
    may_hold_anybody: Vec<bool>,
    /// Scope asked about × scope of the facts: whether that is it or above it.
    is_above: Vec<Vec<bool>>,
    /// Scope asked about: whether grants may be missing; whether deny assignments may be.
    grants_unread: Vec<bool>,
    pub(super) denies_unread: Vec<bool>,
    ids: Vec<String>,
    edges: BTreeSet<(String, String)>,
}

/// Asks something of every action.
type ByAction<'f> = dyn Fn(&dyn Fn(&Action) -> bool) -> Vec<bool> + 'f;

struct Grant {
    scope: usize,
    principal: usize,
    is_active: bool,
    /// By action; nothing if the role is not known.
    holds: Option<Vec<bool>>,
    /// By action.
    is_bound: Vec<bool>,
}

struct Deny {
    scope: usize,
    at_scope_only: bool,
    denies: Vec<bool>,
    is_bound: Vec<bool>,
    named: (bool, Vec<usize>),
    left_out: (bool, Vec<usize>),
    own: String,
}

/// Ids of principals and of role assignments, however they are spelled.
fn plain(id: &str) -> String {
    id.trim().to_uppercase().replace('-', "")
}

fn scope(id: &str) -> String {
    id.to_uppercase()
}

/// Whether a pattern names an action: its pieces between stars come one after the other, the first at the start and the
/// last at the end.
fn names(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_uppercase(), action.to_uppercase());
    let pieces: Vec<&str> = pattern.split('*').collect();
    if pieces.len() == 1 {
        return pattern == action;
    }
    let (first, last) = (pieces[0], pieces[pieces.len() - 1]);
    if !action.starts_with(first) || !action.ends_with(last) || action.len() < first.len() + last.len() {
        return false;
    }
    let mut between = &action[first.len()..action.len() - last.len()];
    for piece in &pieces[1..pieces.len() - 1] {
        match between.find(piece) {
            Some(at) => between = &between[at + piece.len()..],
            None => return false,
        }
    }
    true
}

/// The actions of a block minus its notActions, over all blocks; data actions apart.
fn holds(permissions: &[Permission], action: &Action) -> bool {
    permissions.iter().any(|block| {
        let (plus, minus) = if action.plane == Plane::Data {
            (&block.data_actions, &block.not_data_actions)
        } else {
            (&block.actions, &block.not_actions)
        };
        plus.iter().any(|one| names(one, &action.name)) && !minus.iter().any(|one| names(one, &action.name))
    })
}

/// The worlds' conditions are about attributes of storage, or limit the making or removing of role assignments.
fn is_bound(condition: Option<&String>, action: &Action) -> bool {
    let Some(text) = condition.map(|text| text.to_uppercase()).filter(|text| !text.trim().is_empty()) else {
        return false;
    };
    let name = action.name.to_uppercase();
    let is_mentioned = text.contains(&format!("ACTIONMATCHES{{'{name}'}}"));
    text.contains("STORAGE") || (action.plane == Plane::Control && is_mentioned)
}

fn is_unknown(one: &Coverage) -> bool {
    matches!(one.state, State::Unknown(_))
}

impl Reference {
    pub(super) fn new(facts: &AccessFacts, actions: &[Action], scopes: &[&str]) -> Self {
        let directory = &facts.directory;
        let mut ids: Vec<String> = Vec::new();
        let mut edges: BTreeSet<(String, String)> = BTreeSet::new();
        for (group, members) in &directory.members {
            edges.extend(members.iter().map(|member| (plain(member), plain(group))));
        }
        let named = facts.denies.iter().flat_map(|deny| deny.principals.iter().chain(&deny.except));
        let held = facts.assignments.iter().map(|one| &one.principal).chain(facts.pim.iter().map(|one| &one.principal));
        let principals: Vec<_> = held.chain(named).collect();
        ids.extend(edges.iter().flat_map(|(a, b)| [a.clone(), b.clone()]));
        ids.extend(principals.iter().map(|principal| plain(&principal.id)));
        ids.extend(
            directory
                .objects
                .keys()
                .chain(directory.members.keys())
                .chain(&directory.opaque_groups)
                .map(|id| plain(id)),
        );
        ids.sort();
        ids.dedup();
        let number = |id: &str| ids.iter().position(|known| *known == plain(id)).unwrap();

        let count = ids.len();
        let mut is_in: Vec<Vec<bool>> = (0..count).map(|a| (0..count).map(|b| a == b).collect()).collect();
        for (member, group) in &edges {
            is_in[number(member)][number(group)] = true;
        }
        for middle in 0..count {
            let above_middle = is_in[middle].clone();
            for groups in is_in.iter_mut().filter(|groups| groups[middle]) {
                groups.iter_mut().zip(&above_middle).for_each(|(group, is_above)| *group |= is_above);
            }
        }

        // A group whose members were not read: it is listed as one, or it is a group, is not gone, and nothing is
        // there.
        let is_read = |id: &str| directory.members.keys().any(|group| plain(group) == plain(id));
        let mut opaque: BTreeSet<String> = directory.opaque_groups.iter().map(|group| plain(group)).collect();
        for (id, object) in &directory.objects {
            if matches!(object, DirectoryObject::Group { .. }) && !is_read(id) {
                opaque.insert(plain(id));
            }
        }
        for principal in &principals {
            let is_gone = directory.missing.iter().any(|gone| plain(gone) == plain(&principal.id));
            if principal.kind == "Group" && !is_read(&principal.id) && !is_gone {
                opaque.insert(plain(&principal.id));
            }
        }
        let members_unread = facts.coverage.iter().any(|one| one.facet == Facet::GroupMembers && is_unknown(one));
        if members_unread {
            // A member that is nowhere said to be anything may be a group that nobody looked into.
            let is_said = |id: &str| {
                let is_it = |other: &String| plain(other) == id;
                let has_a_type = principals.iter().any(|one| plain(&one.id) == id && one.kind != "Group");
                directory.objects.keys().any(is_it) || directory.missing.iter().any(is_it) || is_read(id) || has_a_type
            };
            opaque.extend(edges.iter().map(|(member, _)| member.clone()).filter(|id| !is_said(id)));
        }
        if opaque.is_empty() && members_unread {
            opaque.extend(directory.members.keys().map(|group| plain(group)));
        }
        let may_hold_anybody =
            (0..count).map(|group| opaque.iter().any(|one| is_in[number(one)][group])).collect::<Vec<bool>>();

        let parents: BTreeMap<String, String> = facts
            .management_groups
            .iter()
            .filter_map(|group| group.parent.as_ref().map(|parent| (group.id.as_str(), parent.as_str())))
            .chain(facts.subscriptions.iter().filter_map(|subscription| {
                subscription.management_group.as_ref().map(|group| (subscription.id.as_str(), group.as_str()))
            }))
            .map(|(child, parent)| (scope(child), scope(parent)))
            .collect();
        let above = |asked: &str| -> BTreeSet<String> {
            let asked = scope(asked);
            let mut above = BTreeSet::from(["/".to_owned(), asked.clone()]);
            let parts: Vec<&str> = asked.split('/').collect();
            above.extend((2..=parts.len()).map(|end| parts[..end].join("/")));
            while let Some(more) = above.iter().filter_map(|one| parents.get(one)).find(|one| !above.contains(*one)) {
                above.insert(more.clone());
            }
            above
        };

        let fact_scopes: Vec<String> = facts
            .assignments
            .iter()
            .map(|one| &one.scope)
            .chain(facts.pim.iter().map(|one| &one.scope))
            .chain(facts.denies.iter().map(|one| &one.scope))
            .map(|one| scope(one.as_str()))
            .collect();
        let is_above =
            scopes.iter().map(|asked| fact_scopes.iter().map(|one| above(asked).contains(one)).collect()).collect();

        let unread = |facets: &[Facet]| -> Vec<bool> {
            let bears = |asked: &str, one: &Coverage| {
                let unread_scope = scope(one.scope.as_str());
                let is_subscription = |id: &str| id.starts_with("/SUBSCRIPTIONS/") && id.matches('/').count() == 2;
                let is_below = |other: &Coverage| {
                    let other = scope(other.scope.as_str());
                    is_subscription(&other) && above(&other).contains(&scope(asked))
                };
                let read = facts
                    .coverage
                    .iter()
                    .any(|other| other.facet == one.facet && !is_unknown(other) && is_below(other));
                above(asked).contains(&unread_scope)
                    || (!scope(asked).starts_with("/SUBSCRIPTIONS/") && is_below(one) && !read)
            };
            let unknown = || facts.coverage.iter().filter(|one| facets.contains(&one.facet) && is_unknown(one));
            scopes.iter().map(|asked| unknown().any(|one| bears(asked, one))).collect()
        };

        let by_action = |of: &dyn Fn(&Action) -> bool| actions.iter().map(of).collect::<Vec<bool>>();
        let role = |id: &str| {
            let guid = |id: &str| plain(id.split('/').next_back().unwrap());
            let definition = facts.definitions.iter().find(|one| guid(one.id.as_str()) == guid(id));
            definition.map(|one| by_action(&|action| holds(&one.permissions, action)))
        };
        let mut grants = Vec::new();
        let mut at = 0;
        for one in &facts.assignments {
            grants.push(Grant {
                scope: at,
                principal: number(&one.principal.id),
                is_active: true,
                holds: role(one.role.as_str()),
                is_bound: by_action(&|action| is_bound(one.condition.as_ref(), action)),
            });
            at += 1;
        }
        for one in &facts.pim {
            let is_own = one.member_type.as_ref().is_none_or(|kind| kind.to_uppercase() == "DIRECT");
            if is_own {
                grants.push(Grant {
                    scope: at,
                    principal: number(&one.principal.id),
                    is_active: one.kind == PimKind::Active,
                    holds: role(one.role.as_str()),
                    is_bound: by_action(&|action| is_bound(one.condition.as_ref(), action)),
                });
            }
            at += 1;
        }
        let denies = facts.denies.iter().zip(at..).map(|(one, at)| deny(one, at, &number, &by_action)).collect();

        let grants_unread = unread(&[Facet::RoleAssignments, Facet::PimActive, Facet::ManagementGroups]);
        let denies_unread = unread(&[Facet::DenyAssignments, Facet::ManagementGroups]);
        Self { grants, denies, is_in, may_hold_anybody, is_above, grants_unread, denies_unread, ids, edges }
    }

    /// A principal by its number, if the facts name it.
    pub(super) fn principal(&self, id: &str) -> Option<usize> {
        self.ids.iter().position(|known| *known == plain(id))
    }

    /// Whether a path leads from one to the next by direct membership.
    pub(super) fn is_path(&self, path: &[String]) -> bool {
        path.windows(2).all(|pair| self.edges.contains(&(plain(&pair[0]), plain(&pair[1]))))
    }

    /// The answer to a question, by numbers.
    pub(super) fn answer(&self, principal: Option<usize>, action: usize, asked: usize, asked_scope: &str) -> Answer {
        let is_one = |group: usize| principal.is_some_and(|principal| self.is_in[principal][group]);

        // Deny first.
        let (mut may_be_denied, mut is_denied_by_condition) = (false, false);
        for deny in &self.denies {
            let is_here = self.is_above[asked][deny.scope] && (!deny.at_scope_only || deny.own == scope(asked_scope));
            if !is_here || !deny.denies[action] {
                continue;
            }
            let certainly = |list: &(bool, Vec<usize>)| list.0 || list.1.iter().any(|&one| is_one(one));
            let perhaps =
                |list: &(bool, Vec<usize>)| certainly(list) || list.1.iter().any(|&one| self.may_hold_anybody[one]);
            if certainly(&deny.named) && !perhaps(&deny.left_out) {
                if !deny.is_bound[action] {
                    return Answer::Denied;
                }
                is_denied_by_condition = true;
            } else if perhaps(&deny.named) && !certainly(&deny.left_out) {
                may_be_denied = true;
            }
        }

        // Then what is granted.
        let (mut is_allowed, mut is_conditional, mut may_be_granted) = (false, false, self.grants_unread[asked]);
        for grant in self.grants.iter().filter(|grant| grant.is_active && self.is_above[asked][grant.scope]) {
            let is_mine = is_one(grant.principal);
            let may_be_mine = is_mine || self.may_hold_anybody[grant.principal];
            match &grant.holds {
                Some(holds) if holds[action] && is_mine && grant.is_bound[action] => is_conditional = true,
                Some(holds) if holds[action] && is_mine => is_allowed = true,
                Some(holds) => may_be_granted |= holds[action] && may_be_mine,
                None => may_be_granted |= may_be_mine,
            }
        }
        let is_granted = is_allowed || is_conditional;
        if !is_granted {
            return if may_be_granted { Answer::Unknown } else { Answer::NotGranted };
        }
        if may_be_denied {
            return Answer::Unknown;
        }
        if is_allowed && !is_denied_by_condition { Answer::Allowed } else { Answer::Conditional }
    }
}

fn deny(one: &DenyAssignment, at: usize, number: &dyn Fn(&str) -> usize, by_action: &ByAction<'_>) -> Deny {
    let list = |principals: &[crate::estate::Principal]| {
        let everybody = principals.iter().any(|one| plain(&one.id).chars().all(|c| c == '0'));
        (everybody, principals.iter().map(|one| number(&one.id)).collect())
    };
    Deny {
        scope: at,
        at_scope_only: one.not_for_child_scopes,
        denies: by_action(&|action| holds(&one.permissions, action)),
        is_bound: by_action(&|action| is_bound(one.condition.as_ref(), action)),
        named: list(&one.principals),
        left_out: list(&one.except),
        own: scope(one.scope.as_str()),
    }
}
