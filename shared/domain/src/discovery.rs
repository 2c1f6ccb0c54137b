//! From one look at the whole estate to one piece of work per host pool.
//!
//! Each piece carries all that is known about its pool, so that whoever takes it up asks only for what Resource Graph
//! does not hold. What could not be read travels along, cut down to the pools it may hide something of.

use crate::entitlement::{Entitlement, entitlements, roles_that_open};
use crate::estate::{ApplicationGroup, Estate, HostPool, Workspace};
use crate::text::{sha256_hex, stable_key, title};
use crate::{ArmId, UnknownScope, Unreadable, Why};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A host pool and everything about it that one look at the estate told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolFacts {
    /// The pool's name within documents and messages.
    pub key: String,
    /// The pool's name for people, unique among the connection's pools.
    pub label: String,
    /// The pool itself.
    pub pool: HostPool,
    /// How many session hosts it has; `None` when that could not be read.
    pub session_hosts: Option<u64>,
    /// Its application groups, by id.
    pub groups: Vec<GroupFacts>,
    /// Scopes that could not be read and may hold more of this pool.
    pub unknown: Vec<UnknownScope>,
}

/// An application group with its surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// The group itself.
    pub group: ApplicationGroup,
    /// The workspace it is in, if that could be read.
    pub workspace: Option<Workspace>,
    /// Who may open it; `None` when the assignments could not be read.
    pub entitlements: Option<Vec<Entitlement>>,
}

impl PoolFacts {
    /// A digest of all that decides what the pool publishes, its applications aside: the same facts, the same digest.
    pub fn fingerprint(&self) -> String {
        sha256_hex(&serde_json::to_vec(self).expect("facts are plain data and always serialise"))
    }
}

/// What the look at the estate amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The work to do, by pool key.
    pub pools: Vec<PoolFacts>,
    /// Every scope that could not be read.
    pub unknown: Vec<UnknownScope>,
}

/// Which part of an estate an unreadable scope leaves in the dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dark {
    /// Pools or groups themselves.
    Structure,
    /// Only how many session hosts there are.
    SessionHosts,
    /// Only who may open things.
    Assignments,
}

impl Dark {
    /// Reads it off the scope's own form: lists below a scope end with the list's type.
    fn of(scope: &ArmId) -> (Self, ArmId) {
        let text = scope.canonical();
        let cut = |marker: &str| text.find(marker).map(|at| ArmId::new(&scope.as_str()[..at]));
        if let Some(at) = cut("/providers/microsoft.authorization") {
            (Self::Assignments, at)
        } else if let Some(at) = cut("/sessionhosts") {
            (Self::SessionHosts, at)
        } else if let Some(provider) = text.find("/providers/microsoft.desktopvirtualization")
            && text[provider..].matches('/').count() <= 3
        {
            // A list of pools, groups or workspaces: everything of that subscription or resource group.
            (Self::Structure, ArmId::new(&scope.as_str()[..provider]))
        } else {
            (Self::Structure, scope.clone())
        }
    }
}

/// Sorts the estate by host pool.
pub fn discover(estate: Estate) -> Discovery {
    let workspaces: HashMap<ArmId, Workspace> = estate.workspaces.into_iter().map(|w| (w.id.clone(), w)).collect();
    let opens = roles_that_open(&estate.role_definitions);
    let mut unknown = estate.unknown;
    let dark: Vec<(Dark, ArmId)> = unknown.iter().map(|scope| Dark::of(&scope.scope)).collect();
    let in_the_dark = |kind: Dark, id: &ArmId| dark.iter().any(|(k, scope)| *k == kind && id.is_within(scope));

    let mut groups: BTreeMap<ArmId, BTreeMap<ArmId, GroupFacts>> = BTreeMap::new();
    for group in estate.application_groups {
        let entitled = entitlements(&group.id, &estate.role_assignments, &opens);
        let facts = GroupFacts {
            workspace: group.workspace.as_ref().and_then(|id| workspaces.get(id)).cloned(),
            entitlements: (!in_the_dark(Dark::Assignments, &group.id)).then_some(entitled),
            group,
        };
        groups.entry(facts.group.host_pool.clone()).or_default().insert(facts.group.id.clone(), facts);
    }

    let pools: BTreeMap<ArmId, HostPool> = estate.host_pools.into_iter().map(|p| (p.id.clone(), p)).collect();
    let labels = labels(pools.values());
    let structure: Vec<(ArmId, UnknownScope)> = dark
        .iter()
        .zip(&unknown)
        .filter(|((kind, _), _)| *kind == Dark::Structure)
        .map(|((_, at), scope)| (at.clone(), scope.clone()))
        .collect();
    let mut found: Vec<PoolFacts> = pools
        .into_values()
        .zip(labels)
        .map(|(pool, label)| PoolFacts {
            key: stable_key(pool.id.name(), &pool.id, KEY_DIGITS),
            label,
            session_hosts: (!in_the_dark(Dark::SessionHosts, &pool.id))
                .then(|| estate.session_hosts.get(&pool.id).copied().unwrap_or(0)),
            groups: groups.remove(&pool.id).unwrap_or_default().into_values().collect(),
            unknown: structure
                .iter()
                .filter(|(at, _)| pool.id.is_within(at) || pool.application_group_references.contains(at))
                .map(|(_, scope)| scope.clone())
                .collect(),
            pool,
        })
        .collect();
    found.sort_by(|a, b| a.key.cmp(&b.key));

    // Groups whose pool nobody listed: the pool is there, and cannot be seen.
    for (pool, groups) in groups {
        if !structure.iter().any(|(at, _)| pool.is_within(at)) {
            let detail = format!(
                "{} application group(s) name this host pool, but it could not be found; \
                 check that the identity may read it (Desktop Virtualization Reader)",
                groups.len()
            );
            unknown.push(UnknownScope { scope: pool, reason: Unreadable::new(Why::Missing, detail) });
        }
    }
    Discovery { pools: found, unknown }
}

/// Hash digits in a pool's key: 48 bits, so that a million pools collide with a chance of one in five hundred.
const KEY_DIGITS: usize = 12;

/// What people call each pool; where two share a name, with the resource group and then the subscription as well.
fn labels<'a>(pools: impl Iterator<Item = &'a HostPool>) -> Vec<String> {
    let pools: Vec<&HostPool> = pools.collect();
    let plain = |pool: &HostPool| {
        let name = pool.friendly_name.as_deref().and_then(title);
        name.or_else(|| title(pool.id.name())).unwrap_or_else(|| "host pool".to_owned())
    };
    let mut labels: Vec<String> = pools.iter().map(|pool| plain(pool)).collect();
    for qualifier in [|id: &ArmId| id.name().to_owned(), resource_group, subscription] {
        let clashing = clashing(&labels);
        for (label, pool) in labels.iter_mut().zip(&pools) {
            if clashing.contains(&label.to_lowercase()) {
                *label = format!("{label}, {}", qualifier(&pool.id));
            }
        }
    }
    labels
}

fn resource_group(id: &ArmId) -> String {
    id.resource_group().unwrap_or_default().to_owned()
}

fn subscription(id: &ArmId) -> String {
    id.subscription().unwrap_or_default().to_owned()
}

/// The names, folded, that stand more than once in a list.
pub(crate) fn clashing(names: &[String]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    names.iter().map(|name| name.to_lowercase()).filter(|name| !seen.insert(name.clone())).collect()
}
