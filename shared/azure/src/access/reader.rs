//! The reader: what is asked when, and how the parts become one set of facts.

use super::authorization::{ACTIVE, ASSIGNMENTS, CLASSIC, DENIES, ELIGIBLE};
use super::graph::{Graph, Place};
use super::ledger::Ledger;
use super::permissions::Permissions;
use super::tidy::{add_unseen, count, tidy};
use super::{AccessRead, AccessWanted, Depth, definitions, hidden, resources, wire};
use crate::arm::Shared;
use crate::azure_inventory::AzureInventory;
use crate::directory::{DirectoryMemory, DirectoryRead, DirectoryReader, Wanted};
use crate::listing::Listed;
use jiff::Timestamp;
use poolwarden_domain::access::{
    AccessFacts, Assignment, ClassicAdministrator, Coverage, DenyAssignment, Facet, ManagementGroup, PimInstance,
    SubscriptionFacts, builtin,
};
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Reads the facts of access to an estate from Azure.
#[derive(Clone)]
pub struct AccessReader {
    inventory: AzureInventory,
    directory: Option<Arc<dyn DirectoryReader>>,
}

/// A subscription that is read, with the management groups above it from the nearest on; none if nobody tells.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) id: ArmId,
    pub(super) name: String,
    pub(super) chain: Vec<(ArmId, String)>,
}

/// What Microsoft.Authorization and Resource Graph told of access.
#[derive(Default)]
struct Grants {
    assignments: Vec<Assignment>,
    denies: Vec<DenyAssignment>,
    pim: Vec<PimInstance>,
    classic: Vec<ClassicAdministrator>,
}

impl AccessReader {
    /// Reads these subscriptions, by GUID; every subscription that the identity sees when there are none. Without a
    /// reader of the directory, everything about it is unknown.
    pub fn new(shared: Arc<Shared>, subscriptions: Vec<String>, directory: Option<Arc<dyn DirectoryReader>>) -> Self {
        Self { inventory: AzureInventory::new(shared, subscriptions), directory }
    }

    /// Reads everything once. It fails only if not even the subscriptions can be listed.
    pub async fn read(
        &self,
        wanted: &AccessWanted,
        now: Timestamp,
        memory: Option<&DirectoryMemory>,
    ) -> Reading<AccessRead> {
        // A handle of its own, so that its requests are counted apart.
        let inventory = self.inventory.afresh();
        let arm = &inventory.arm;
        let (covered, unseen) = inventory.covered().await?;
        let guids: Vec<String> = covered.iter().map(|subscription| subscription.id.clone()).collect();
        let scopes: Vec<ArmId> = guids.iter().map(|guid| ArmId::new(&format!("/subscriptions/{guid}"))).collect();
        let mut ledger = Ledger::default();
        ledger.open(&scopes, wanted.depth.facets());
        let mut facts = AccessFacts::new(now);
        facts.own_principal = arm.shared.own_object_id().await;
        if !scopes.is_empty() {
            let graph = Graph { arm, subscriptions: &guids };
            let (places, permissions) = tokio::join!(graph.places(), Permissions::read(arm, &scopes));
            let mut subscriptions: Vec<Subscription> = Vec::new();
            for (scope, one) in scopes.iter().zip(covered) {
                subscriptions.push(Subscription { id: scope.clone(), name: one.display_name, chain: Vec::new() });
            }
            facts.tenant = take_places(places, &mut subscriptions, &mut ledger);
            place(&mut facts, &subscriptions);
            let (mut of_roles, mut of_resources) = (Ledger::default(), Ledger::default());
            let (grants, definitions, resources) = tokio::join!(
                grants(&graph, &subscriptions, &permissions, &mut ledger),
                definitions::read(&graph, &scopes, &permissions, &mut of_roles),
                resources::read(&graph, &scopes, &permissions, wanted.depth, &mut of_resources),
            );
            ledger.merge(of_roles);
            ledger.merge(of_resources);
            facts.assignments = grants.assignments;
            facts.denies = grants.denies;
            facts.pim = grants.pim;
            facts.classic_administrators = grants.classic;
            facts.definitions = definitions;
            facts.resources = resources;
            let held = (facts.assignments.as_slice(), facts.pim.as_slice());
            definitions::look_up(arm, &scopes, held, &mut facts.definitions, &mut ledger).await;
        }
        tidy(&mut facts);
        count(&facts, &scopes, &mut ledger);
        add_unseen(unseen, wanted.depth, &mut facts, &mut ledger);
        let directory = self.read_directory(wanted, &facts, memory).await;
        facts.directory = directory.directory;
        hidden::by_unread_denies(wanted.depth, &mut ledger);
        hidden::by_denies(&facts, wanted.depth, &mut ledger);
        facts.coverage = ledger.coverage();
        facts.coverage.extend(directory.coverage);
        Ok(AccessRead {
            facts,
            memory: directory.memory,
            requests: arm.counters.read(),
            directory_requests: directory.requests,
        })
    }

    async fn read_directory(
        &self,
        wanted: &AccessWanted,
        facts: &AccessFacts,
        memory: Option<&DirectoryMemory>,
    ) -> DirectoryRead {
        if let Some(directory) = &self.directory {
            return directory.read(&whom(wanted, facts), memory).await;
        }
        let reason =
            Unreadable::new(Why::Missing, "the directory was not read: no access to Microsoft Graph is set up");
        let line = |facet: &Facet| Coverage::unknown(ArmId::new("/"), *facet, reason.clone());
        let coverage = wanted.depth.of_directory().iter().map(line).collect();
        DirectoryRead { coverage, memory: memory.cloned().unwrap_or_default(), ..DirectoryRead::default() }
    }
}

/// Whom the directory is asked about: everybody who holds something or is kept from it, Azure Virtual Desktop's own
/// applications and their name-sakes, and a vendor's.
fn whom(wanted: &AccessWanted, facts: &AccessFacts) -> Wanted {
    /// The principal of deny assignments that stands for everybody.
    const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";
    /// The server from which a vendor managed a deployment; its identity may outlive it.
    const MANAGER: &str = "CWMGR1";
    /// The accounts that its deployments leave in the directory.
    const ACCOUNTS: [&str; 2] = ["CloudWorkspaceSVC", "CloudWorkspaceCASVC"];
    let posture = wanted.depth == Depth::Posture;
    let denied = facts.denies.iter().flat_map(|deny| deny.principals.iter().chain(&deny.except));
    let holders = facts.assignments.iter().map(|one| &one.principal).chain(facts.pim.iter().map(|one| &one.principal));
    let ids = holders.chain(denied).map(|principal| principal.id.clone()).chain(facts.own_principal.clone());
    let app_ids = std::iter::once(builtin::AVD_APPLICATION).chain(builtin::AVD_NAME_SAKES);
    Wanted {
        principals: ids.filter(|id| id != EVERYBODY).collect::<BTreeSet<_>>(),
        app_ids: app_ids.map(str::to_owned).collect(),
        names: wanted.names.iter().cloned().chain([MANAGER.to_owned()]).collect(),
        accounts: ACCOUNTS.iter().filter(|_| posture).map(|&account| account.to_owned()).collect(),
        posture,
        ..Wanted::default()
    }
}

async fn grants(
    graph: &Graph<'_>,
    subscriptions: &[Subscription],
    permissions: &Permissions,
    ledger: &mut Ledger,
) -> Grants {
    let arm = graph.arm;
    let scopes: Vec<ArmId> = subscriptions.iter().map(|one| one.id.clone()).collect();
    let mut lists: [Ledger; 6] = Default::default();
    let [of_grants, d_below, d_above, p_below, p_above, e_below] = &mut lists;
    let mut e_above = Ledger::default();
    let (grants, denies, more_denies, active, more_active, eligible, more_eligible) = tokio::join!(
        assignments(graph, subscriptions, permissions, of_grants),
        DENIES.below(arm, &scopes, wire::deny, d_below),
        DENIES.above(arm, subscriptions, wire::deny, d_above),
        ACTIVE.below(arm, &scopes, wire::active, p_below),
        ACTIVE.above(arm, subscriptions, wire::active, p_above),
        ELIGIBLE.below(arm, &scopes, wire::eligible, e_below),
        ELIGIBLE.above(arm, subscriptions, wire::eligible, &mut e_above),
    );
    lists.into_iter().chain([e_above]).for_each(|list| ledger.merge(list));
    let (assignments, seen_by_graph) = grants;
    let classic = classic(graph, &scopes, &seen_by_graph, permissions, ledger).await;
    Grants {
        assignments,
        denies: denies.into_iter().chain(more_denies).collect(),
        pim: active.into_iter().chain(more_active).chain(eligible).chain(more_eligible).collect(),
        classic,
    }
}

/// The role assignments, and the subscriptions of which Resource Graph showed some.
///
/// Where it shows none, that proves nothing: ARM is asked.
async fn assignments(
    graph: &Graph<'_>,
    subscriptions: &[Subscription],
    permissions: &Permissions,
    ledger: &mut Ledger,
) -> (Vec<Assignment>, BTreeSet<ArmId>) {
    let facet = ASSIGNMENTS.facet;
    let scopes: Vec<ArmId> = subscriptions.iter().map(|one| one.id.clone()).collect();
    let mut found = match graph.assignments().await {
        Ok(listed) if listed.stopped.is_none() => ledger.settle(&scopes, facet, listed),
        Ok(Listed { stopped: reason, .. }) => {
            tracing::warn!(?reason, "Resource Graph gives no role assignments; asking ARM for each subscription");
            Vec::new()
        }
        Err(reason) => {
            tracing::warn!(%reason, "Resource Graph gives no role assignments; asking ARM for each subscription");
            Vec::new()
        }
    };
    let places: HashSet<&ArmId> = found.iter().map(|one| &one.scope).collect();
    let seen: BTreeSet<ArmId> = found.iter().filter_map(|one| one.scope.up_to("subscriptions")).collect();
    let is_above = |one: &Subscription| {
        places.contains(&ArmId::new("/")) || one.chain.iter().any(|(group, _)| places.contains(group))
    };
    let is_doubtful = |scope: &&ArmId| !seen.contains(scope) || permissions.lacks(scope, facet, Depth::Rbac).is_some();
    let below: Vec<ArmId> = scopes.iter().filter(is_doubtful).cloned().collect();
    let above: Vec<Subscription> =
        subscriptions.iter().filter(|one| !is_above(one) || below.contains(&one.id)).cloned().collect();
    let mut of_above = Ledger::default();
    let (more, from_above) = tokio::join!(
        ASSIGNMENTS.below(graph.arm, &below, wire::assignment, ledger),
        ASSIGNMENTS.above(graph.arm, &above, wire::assignment, &mut of_above),
    );
    ledger.merge(of_above);
    found.extend(more);
    found.extend(from_above);
    (found, seen)
}

/// Classic administrators. None is what nearly every subscription has; Resource Graph is believed where it showed
/// something else of the same provider.
async fn classic(
    graph: &Graph<'_>,
    scopes: &[ArmId],
    seen: &BTreeSet<ArmId>,
    permissions: &Permissions,
    ledger: &mut Ledger,
) -> Vec<ClassicAdministrator> {
    let mut found = Vec::new();
    let mut doubtful: Vec<ArmId> = scopes.to_vec();
    if let Ok(listed) = graph.classic_administrators().await
        && listed.stopped.is_none()
    {
        found = ledger.settle(scopes, CLASSIC.facet, listed);
        let lacks = |scope: &ArmId| permissions.lacks(scope, CLASSIC.facet, Depth::Rbac).is_some();
        doubtful.retain(|scope| !seen.contains(scope) || lacks(scope));
    }
    found.extend(CLASSIC.below(graph.arm, &doubtful, wire::classic_administrator, ledger).await);
    let mut once = HashSet::new();
    found.retain(|one| once.insert((one.subscription.clone(), one.email.to_ascii_lowercase())));
    found
}

/// Puts the management groups to their subscriptions; the tenant's id.
fn take_places(
    places: Reading<Listed<Place>>,
    subscriptions: &mut [Subscription],
    ledger: &mut Ledger,
) -> Option<String> {
    let scopes: Vec<ArmId> = subscriptions.iter().map(|one| one.id.clone()).collect();
    let facet = Facet::ManagementGroups;
    let places = match places {
        Ok(listed) => ledger.settle(&scopes, facet, listed),
        Err(reason) => {
            ledger.fail_all(&scopes, facet, &reason);
            return None;
        }
    };
    let tenant = places.iter().find_map(|place| place.tenant.clone());
    let mut chains: BTreeMap<ArmId, _> = places.into_iter().map(|place| (place.id, place.chain)).collect();
    for one in subscriptions {
        match chains.remove(&one.id).flatten() {
            Some(chain) => one.chain = chain,
            None if ledger.is_whole(&one.id, facet) => {
                let text = format!("Resource Graph does not tell which management groups are above {}", one.id);
                ledger.fail(&one.id, facet, Unreadable::new(Why::Missing, text));
            }
            None => {}
        }
    }
    tenant
}

/// The subscriptions and management groups as facts.
fn place(facts: &mut AccessFacts, subscriptions: &[Subscription]) {
    let mut groups: BTreeMap<ArmId, ManagementGroup> = BTreeMap::new();
    for one in subscriptions {
        for (at, (id, name)) in one.chain.iter().enumerate() {
            let parent = one.chain.get(at + 1).map(|(parent, _)| parent.clone());
            groups.entry(id.clone()).or_insert_with(|| ManagementGroup { id: id.clone(), name: name.clone(), parent });
        }
        facts.subscriptions.push(SubscriptionFacts {
            id: one.id.clone(),
            name: one.name.clone(),
            management_group: one.chain.first().map(|(id, _)| id.clone()),
        });
    }
    facts.management_groups = groups.into_values().collect();
}
