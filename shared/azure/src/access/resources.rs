//! The estate's resources: Resource Graph for most, ARM for host pools (it alone tells until when a registration token
//! holds), and what only posture needs besides.

use super::authorization::READER;
use super::graph::Graph;
use super::kinds::{APPLICATION_GROUPS, HOST_POOLS, KINDS, SCALING_PLANS, WORKSPACES, facet_of};
use super::ledger::Ledger;
use super::permissions::Permissions;
use super::resource::resource;
use super::{Depth, posture, references};
use crate::arm::Arm;
use crate::listing::Listed;
use futures::{StreamExt, stream};
use poolwarden_domain::access::{ArmResource, Facet};
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use std::collections::{BTreeMap, BTreeSet};

const AVD: Facet = Facet::DesktopVirtualization;
/// Lists asked for at once.
const LISTS_AT_ONCE: usize = 16;
/// What ARM lists when Resource Graph does not: the segment, and what it is for people.
const AVD_LISTS: [(&str, &str); 3] = [
    (APPLICATION_GROUPS, "the application groups"),
    (WORKSPACES, "the workspaces"),
    (SCALING_PLANS, "the scaling plans"),
];

/// Every resource that rules of this depth look at.
pub(super) async fn read(
    graph: &Graph<'_>,
    scopes: &[ArmId],
    permissions: &Permissions,
    depth: Depth,
    ledger: &mut Ledger,
) -> Vec<ArmResource> {
    let arm = graph.arm;
    let is_listed = |facet: &Facet| KINDS.iter().any(|kind| kind.facet == *facet);
    let facets: Vec<Facet> = depth.facets().iter().copied().filter(is_listed).collect();
    let (listed, hosts, pools) = tokio::join!(
        graph.resources(depth),
        graph.session_hosts(depth),
        lists(arm, scopes, &[(HOST_POOLS, "the host pools")]),
    );
    let (mut found, is_from_graph) = match listed {
        Ok(listed) => (settle(scopes, &facets, listed, ledger), true),
        Err(reason) => {
            tracing::warn!(%reason, "Resource Graph gives no resources; asking ARM for each subscription");
            let others = facets.iter().filter(|facet| **facet != AVD);
            others.for_each(|facet| ledger.fail_all(scopes, *facet, &reason));
            (Vec::new(), false)
        }
    };
    // A subscription whose host pools ARM lists has these and no others, whatever Resource Graph still remembers.
    let listed_pools: BTreeSet<ArmId> =
        pools.iter().filter(|(_, list)| is_whole(list)).map(|(scope, _)| scope.clone()).collect();
    found.retain(|one| {
        one.kind != HOST_POOLS || !one.id.up_to("subscriptions").is_some_and(|it| listed_pools.contains(&it))
    });
    for (scope, reason) in unread(&pools) {
        // Where nobody tells what the identity may read, one list that is refused is all there is to go by.
        let about = facets.iter().filter(|facet| **facet == AVD || !permissions.is_known(&scope));
        about.for_each(|facet| ledger.fail(&scope, *facet, reason.clone()));
    }
    let mut fresh = take(pools, ledger);
    fresh.append(&mut found);
    found = fresh;
    if !is_from_graph {
        let more = lists(arm, scopes, &AVD_LISTS).await;
        unread(&more).into_iter().for_each(|(scope, reason)| ledger.fail(&scope, AVD, reason));
        found.extend(take(more, ledger));
    }
    match hosts {
        Ok(listed) => found.extend(settle(scopes, &[AVD], listed, ledger)),
        Err(reason) => ledger.fail_all(scopes, AVD, &reason),
    }
    for scope in scopes {
        for facet in &facets {
            permissions.lacks(scope, *facet, depth).into_iter().for_each(|reason| ledger.fail(scope, *facet, reason));
        }
    }
    // Answers have held what lies in subscriptions that nobody asked for.
    found.retain(|one| one.id.up_to("subscriptions").is_some_and(|scope| scopes.contains(&scope)));
    references::look_up(arm, scopes, depth, &mut found, ledger).await;
    if depth == Depth::Posture {
        posture::read(graph, scopes, &mut found, ledger).await;
    }
    found
}

/// The items of a list over several facets. An item that cannot be understood belongs to the facet of its type, and to
/// all of them if nobody knows its type.
fn settle(scopes: &[ArmId], facets: &[Facet], listed: Listed<ArmResource>, ledger: &mut Ledger) -> Vec<ArmResource> {
    let (flaws, stopped) = (listed.flaws, listed.stopped);
    for flaw in flaws {
        let of_type = super::resource::type_of(&flaw.scope).and_then(|kind| facet_of(&kind));
        for facet in facets.iter().filter(|facet| of_type.is_none_or(|of_type| of_type == **facet)) {
            let part = Listed::<ArmResource> { items: Vec::new(), flaws: vec![flaw.clone()], stopped: None };
            ledger.settle(scopes, *facet, part);
        }
    }
    if let Some(reason) = stopped {
        facets.iter().for_each(|facet| ledger.fail_all(scopes, *facet, &reason));
    }
    listed.items
}

type List = Reading<Option<Listed<ArmResource>>>;

/// Lists of the desktop service at each subscription, by ARM.
async fn lists(arm: &Arm, scopes: &[ArmId], kinds: &[(&'static str, &'static str)]) -> Vec<(ArmId, List)> {
    let calls: Vec<_> = scopes.iter().flat_map(|scope| kinds.iter().map(move |kind| (scope.clone(), *kind))).collect();
    let lists = calls.into_iter().map(|(scope, (kind, what))| async move {
        let name = match kind {
            HOST_POOLS => "hostPools",
            APPLICATION_GROUPS => "applicationGroups",
            SCALING_PLANS => "scalingPlans",
            _ => "workspaces",
        };
        let path = format!("{scope}/{}/{name}", crate::arm_estate::AVD);
        let mut call = arm.avd_call(&path, &scope, what);
        call.role = READER;
        (arm.list(call, resource).await, scope)
    });
    stream::iter(lists.collect::<Vec<_>>()).buffered(LISTS_AT_ONCE).map(|(list, scope)| (scope, list)).collect().await
}

fn is_whole(list: &List) -> bool {
    matches!(list, Ok(Some(listed)) if listed.stopped.is_none() && listed.flaws.is_empty())
}

/// The lists that could not be had.
fn unread(lists: &[(ArmId, List)]) -> Vec<(ArmId, Unreadable)> {
    let mut unread = BTreeMap::new();
    for (scope, list) in lists {
        let reason = match list {
            Ok(Some(_)) => continue,
            Ok(None) => Unreadable::new(Why::Failed, format!("{scope}: 404, the desktop service lists nothing there")),
            Err(reason) => reason.clone(),
        };
        unread.entry(scope.clone()).or_insert(reason);
    }
    unread.into_iter().collect()
}

/// The items of those that could.
fn take(lists: Vec<(ArmId, List)>, ledger: &mut Ledger) -> Vec<ArmResource> {
    let mut found = Vec::new();
    for (scope, list) in lists {
        if let Ok(Some(listed)) = list {
            found.extend(settle(std::slice::from_ref(&scope), &[AVD], listed, ledger));
        }
    }
    found
}
