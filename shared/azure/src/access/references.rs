//! What a resource names without its being listed: gone, or only hidden? ARM is asked for it by name.

use super::authorization::READER;
use super::kinds::{
    APPLICATION_GROUPS, HOST_POOLS, SCALING_PLANS, SESSION_HOSTS, VIRTUAL_MACHINES, WORKSPACES, facet_of,
};
use super::ledger::Ledger;
use super::resource::{resource, type_of};
use super::{Depth, hidden};
use crate::arm::{Arm, Call, json};
use crate::throttle::{Kind, Meter};
use crate::versions::{COMPUTE, DESKTOP_VIRTUALIZATION};
use futures::{StreamExt, stream};
use poolwarden_domain::access::{ArmResource, Facet};
use poolwarden_domain::{ArmId, Unreadable, Why};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// What is asked for by name in one read at most.
const BY_NAME: usize = 400;
/// … and how much of it at once.
const AT_ONCE: usize = 16;
/// Virtual machines of one resource group that are asked for one by one.
const ONE_BY_ONE: usize = 10;

/// Asks for everything that is named and not listed, in these subscriptions. Not found is gone; what ARM shows and
/// Resource Graph did not is added; anything else is unknown, and so is who holds something there if it is refused.
pub(super) async fn look_up(
    arm: &Arm,
    scopes: &[ArmId],
    depth: Depth,
    found: &mut Vec<ArmResource>,
    ledger: &mut Ledger,
) {
    let mut missing = missing(found);
    missing.retain(|id, facet| {
        let scope = id.up_to("subscriptions");
        // What lies in a part that is unknown already tells nothing more.
        scope.is_some_and(|scope| scopes.contains(&scope) && ledger.is_whole(&scope, *facet))
    });
    list_machines(arm, depth, &mut missing, found, ledger).await;
    for (id, facet) in missing.iter().skip(BY_NAME) {
        let scope = id.up_to("subscriptions").unwrap_or_else(|| id.clone());
        let text = format!("more than {BY_NAME} resources are referred to but not listed; some were not asked for");
        ledger.fail(&scope, *facet, Unreadable::new(Why::TooLarge, text));
    }
    let answers = stream::iter(missing.into_iter().take(BY_NAME)).map(|(id, facet)| async move {
        let read = |body: &[u8]| resource(json::<&RawValue>(body)?).map_err(|text| format!("the answer {text}"));
        (arm.ask(&call(arm, &id, facet), read).await, id, facet)
    });
    for (answer, id, facet) in answers.buffered(AT_ONCE).collect::<Vec<_>>().await {
        match answer {
            Ok(None) => {}
            Ok(Some(one)) => add(one, facet, found, ledger),
            Err(reason) => {
                if reason.why == Why::Forbidden {
                    hidden::by_refusal(&id, found, &reason, depth, ledger);
                }
                ledger.fail(&id, facet, reason);
            }
        }
    }
}

/// Where many virtual machines of a resource group are missing, one list tells of all of them: stale session hosts
/// outlive their machines by the thousand.
async fn list_machines(
    arm: &Arm,
    depth: Depth,
    missing: &mut BTreeMap<ArmId, Facet>,
    found: &mut Vec<ArmResource>,
    ledger: &mut Ledger,
) {
    let mut groups: BTreeMap<ArmId, BTreeSet<ArmId>> = BTreeMap::new();
    for id in missing.iter().filter(|(_, facet)| **facet == Facet::Compute).map(|(id, _)| id) {
        if let Some(group) = id.up_to("resourceGroups") {
            groups.entry(group).or_default().insert(id.clone());
        }
    }
    groups.retain(|_, machines| machines.len() > ONE_BY_ONE);
    let lists = stream::iter(groups).map(|(group, machines)| async move {
        let path = ArmId::new(&format!("{group}/providers/Microsoft.Compute/virtualMachines"));
        let call = Call { what: "the virtual machines", scope: group.clone(), ..call(arm, &path, Facet::Compute) };
        (arm.list(call, resource).await, group, machines)
    });
    for (list, group, machines) in lists.buffered(AT_ONCE).collect::<Vec<_>>().await {
        match list {
            Ok(Some(listed)) if listed.stopped.is_none() => {
                let there = ledger.settle(std::slice::from_ref(&group), Facet::Compute, listed);
                let unseen = there.into_iter().filter(|one| machines.contains(&one.id));
                unseen.for_each(|one| add(one, Facet::Compute, found, ledger));
            }
            // A resource group that is not there has no machines.
            Ok(None) => {}
            Ok(Some(listed)) => {
                listed.stopped.into_iter().for_each(|reason| ledger.fail(&group, Facet::Compute, reason));
            }
            Err(reason) => {
                if reason.why == Why::Forbidden {
                    hidden::by_refusal(&group, found, &reason, depth, ledger);
                }
                ledger.fail(&group, Facet::Compute, reason);
            }
        }
        missing.retain(|id, _| !machines.contains(id));
    }
}

/// Adds what ARM shows and Resource Graph does not.
fn add(one: ArmResource, facet: Facet, found: &mut Vec<ArmResource>, ledger: &mut Ledger) {
    if facet == Facet::Compute {
        // Its extensions would be apart, and nobody listed them.
        let text = format!("{}: Resource Graph does not show it (yet), nor what belongs to it", one.id);
        ledger.fail(&one.id, facet, Unreadable::new(Why::Missing, text));
    }
    found.push(one);
}

fn call(arm: &Arm, id: &ArmId, facet: Facet) -> Call {
    let (version, what) = match facet {
        Facet::Compute => (COMPUTE, "the virtual machine"),
        _ => (DESKTOP_VIRTUALIZATION, "what another resource names"),
    };
    Call {
        url: arm.shared.endpoints.arm_url(id.as_str(), &[("api-version", version)]),
        body: None,
        meter: Meter::new(id.subscription(), Kind::Read),
        what,
        scope: id.clone(),
        role: READER,
    }
}

fn missing(found: &[ArmResource]) -> BTreeMap<ArmId, Facet> {
    let there: BTreeSet<&ArmId> = found.iter().map(|one| &one.id).collect();
    let mut missing = BTreeMap::new();
    for one in found {
        for id in references(one).into_iter().filter(|id| !there.contains(id)) {
            // A reference that is no id of its kind leads nowhere.
            let kind = type_of(&id).unwrap_or_default();
            let is_known = [HOST_POOLS, APPLICATION_GROUPS, WORKSPACES, VIRTUAL_MACHINES].contains(&kind.as_str());
            if let Some(facet) = facet_of(&kind).filter(|_| is_known) {
                missing.insert(id, facet);
            }
        }
    }
    missing
}

fn references(one: &ArmResource) -> Vec<ArmId> {
    let ids = |path: &str| one.list(path).iter().filter_map(Value::as_str).map(ArmId::new).collect::<Vec<_>>();
    match one.kind.as_str() {
        HOST_POOLS | WORKSPACES => ids("applicationGroupReferences"),
        APPLICATION_GROUPS => {
            ["hostPoolArmPath", "workspaceArmPath"].iter().filter_map(|path| one.reference(path)).collect()
        }
        SCALING_PLANS => {
            let pools = one.list("hostPoolReferences").iter();
            pools.filter_map(|pool| pool.get("hostPoolArmPath")?.as_str()).map(ArmId::new).collect()
        }
        SESSION_HOSTS => one.reference("resourceId").into_iter().chain(one.id.up_to("hostPools")).collect(),
        _ => Vec::new(),
    }
}
