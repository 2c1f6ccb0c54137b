//! From one look at the whole estate to one piece of work per host pool.
//!
//! Each piece carries all that is known about its pool, so that whoever takes it up asks only for what Resource Graph
//! does not hold. What could not be read travels along, cut down to the pools it may hide something of.

use crate::access::AccessFacts;
use crate::entitlement::{Entitlement, Entitling};
use crate::estate::{ApplicationGroup, Estate, HostPool, Workspace};
use crate::names::told_apart;
use crate::text::{sha256_hex, stable_key, title};
use crate::{ArmId, UnknownScope, Unreadable, Why, classic};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Dark {
    /// Pools, groups or what they publish.
    Structure,
    /// Only how many session hosts there are.
    SessionHosts,
    /// Only who may open things.
    Assignments,
}

impl Dark {
    /// Reads it off the scope's own form: which part, and below which scope. A list stands for all that may be in it,
    /// and whatever is inside a pool or group stands for that pool or group.
    fn of(scope: &ArmId) -> (Self, ArmId) {
        if classic::is_classic(scope) {
            let list = |name| classic::holder_of_list(scope, name);
            return match (list("sessionHosts"), list("assignedUsers")) {
                (Some(pool), _) => (Self::SessionHosts, pool),
                (None, Some(group)) => (Self::Assignments, group),
                (None, None) => (Self::Structure, scope.clone()),
            };
        }
        let text = scope.canonical();
        let up_to = |end: usize| ArmId::new(&scope.as_str()[..end]);
        if let Some(at) = text.find("/providers/microsoft.authorization") {
            return (Self::Assignments, up_to(at));
        }
        const PROVIDER: &str = "/providers/microsoft.desktopvirtualization";
        let Some(at) = text.find(PROVIDER) else {
            return (Self::Structure, scope.clone());
        };
        // What follows is a chain of types and names: a pool may be called `sessionHosts`.
        let mut chain = text[at + PROVIDER.len()..].split('/').skip(1);
        match (chain.next(), chain.next(), chain.next()) {
            (Some("sessionhosts"), _, _) => (Self::SessionHosts, up_to(at)),
            (Some(kind), Some(name), below) => {
                let holder = up_to(at + PROVIDER.len() + 1 + kind.len() + 1 + name.len());
                (if below == Some("sessionhosts") { Self::SessionHosts } else { Self::Structure }, holder)
            }
            _ => (Self::Structure, up_to(at)),
        }
    }
}

/// The scope below which something published may be hidden because this one could not be read, if it may: a single
/// application or desktop hides itself only.
pub(crate) fn hides_below(unknown: &UnknownScope) -> Option<ArmId> {
    let (dark, below) = Dark::of(&unknown.scope);
    let is_item = ["applications", "desktops"].iter().any(|kind| unknown.scope.segment(kind).is_some());
    (dark == Dark::Structure).then(|| if is_item { unknown.scope.clone() } else { below })
}

/// The unreadable scopes of an estate, by number, for looking up which of them hold something.
struct Shadows(HashMap<(Dark, ArmId), Vec<usize>>);

impl Shadows {
    fn of(unknown: &[UnknownScope]) -> Self {
        let mut shadows: HashMap<_, Vec<usize>> = HashMap::new();
        for (number, scope) in unknown.iter().enumerate() {
            shadows.entry(Dark::of(&scope.scope)).or_default().push(number);
        }
        Self(shadows)
    }

    /// Those that leave this part of something in the dark.
    fn over<'a>(&'a self, dark: Dark, id: &'a ArmId) -> impl Iterator<Item = usize> + 'a {
        id.ancestors().filter_map(move |scope| self.0.get(&(dark, scope))).flatten().copied()
    }

    fn lie_over(&self, dark: Dark, id: &ArmId) -> bool {
        self.over(dark, id).next().is_some()
    }

    /// Those that may hide something of a pool: what holds the pool itself or a group it names. A pool that names no
    /// group at all may have any.
    fn over_pool(&self, pool: &HostPool) -> BTreeSet<usize> {
        let groups = pool.application_group_references.iter().flat_map(|group| self.over(Dark::Structure, group));
        let any_group = pool.application_group_references.is_empty().then(|| self.over_any_group(pool));
        self.over(Dark::Structure, &pool.id).chain(groups).chain(any_group.into_iter().flatten()).collect()
    }

    fn over_any_group<'a>(&'a self, pool: &'a HostPool) -> impl Iterator<Item = usize> + 'a {
        // A classic group's id says which pool it is on.
        let may_be_on = |id: &ArmId| id.up_to("hostPools").is_none_or(|holder| holder == pool.id);
        let of_group = move |(dark, id): &(Dark, ArmId)| {
            *dark == Dark::Structure && id.segment("applicationGroups").is_some() && may_be_on(id)
        };
        self.0.iter().filter(move |(at, _)| of_group(at)).flat_map(|(_, numbers)| numbers).copied()
    }
}

/// Sorts the estate by host pool.
///
/// `unseen` are pools that an earlier look found and this one did not. They keep their names taken: a pool that can
/// no longer be read does not rename its name-sakes.
pub fn discover(estate: Estate, unseen: &[HostPool]) -> Discovery {
    discover_knowing(estate, unseen, None)
}

/// The same with what an audit last read about access: it knows of deny assignments, groups and management groups.
pub fn discover_knowing(estate: Estate, unseen: &[HostPool], access: Option<AccessFacts>) -> Discovery {
    let entitling = Entitling::new(&estate, access);
    let workspaces: HashMap<ArmId, Workspace> = estate.workspaces.into_iter().map(|w| (w.id.clone(), w)).collect();
    let world = entitling.world();
    let mut unknown = estate.unknown;
    let shadows = Shadows::of(&unknown);

    let mut groups: BTreeMap<ArmId, BTreeMap<ArmId, GroupFacts>> = BTreeMap::new();
    for group in estate.application_groups {
        let entitled = entitling.on(&world, &group.id);
        let facts = GroupFacts {
            workspace: group.workspace.as_ref().and_then(|id| workspaces.get(id)).cloned(),
            entitlements: (!shadows.lie_over(Dark::Assignments, &group.id)).then_some(entitled),
            group,
        };
        groups.entry(facts.group.host_pool.clone()).or_default().insert(facts.group.id.clone(), facts);
    }

    let pools: BTreeMap<ArmId, HostPool> = estate.host_pools.into_iter().map(|p| (p.id.clone(), p)).collect();
    let seen: Vec<HostPool> = pools.into_values().collect();
    let every: Vec<&HostPool> = seen.iter().chain(unseen).collect();
    let labels = labels(&every);
    let mut found: Vec<PoolFacts> = seen
        .into_iter()
        .zip(labels)
        .map(|(pool, label)| PoolFacts {
            key: pool_key(&pool.id),
            label,
            session_hosts: (!shadows.lie_over(Dark::SessionHosts, &pool.id))
                .then(|| estate.session_hosts.get(&pool.id).copied().unwrap_or(0)),
            groups: groups.remove(&pool.id).unwrap_or_default().into_values().collect(),
            unknown: shadows.over_pool(&pool).into_iter().map(|number| unknown[number].clone()).collect(),
            pool,
        })
        .collect();
    found.sort_by(|a, b| a.key.cmp(&b.key));

    // Groups whose pool nobody listed: the pool is there, and cannot be seen.
    for (pool, groups) in groups {
        if !shadows.lie_over(Dark::Structure, &pool) {
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

/// A pool's name within documents and messages.
pub fn pool_key(pool: &ArmId) -> String {
    stable_key(pool.name(), pool, KEY_DIGITS)
}

/// What people call each pool; where two share a name, with its own name, the resource group, the subscription and
/// its key as well.
fn labels(pools: &[&HostPool]) -> Vec<String> {
    let clean = |name: Option<&str>| name.and_then(title).unwrap_or_default();
    let names = pools.iter().map(|pool| {
        let name = pool.friendly_name.as_deref().and_then(title).or_else(|| title(pool.id.name()));
        name.unwrap_or_else(|| "host pool".to_owned())
    });
    told_apart(
        names.collect(),
        ", ",
        &[
            &|at| clean(Some(pools[at].id.name())),
            &|at| clean(pools[at].id.resource_group()),
            &|at| clean(pools[at].id.subscription()),
            &|at| stable_key("", &pools[at].id, KEY_DIGITS),
        ],
    )
}

#[cfg(test)]
mod tests;
