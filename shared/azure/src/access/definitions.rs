//! Role definitions: the built-in ones once for the tenant from ARM, the custom ones from Resource Graph, and by name
//! those that somebody holds and nobody listed.

use super::Depth;
use super::authorization::DEFINITIONS;
use super::graph::Graph;
use super::ledger::Ledger;
use super::permissions::Permissions;
use super::wire;
use crate::arm::{Arm, Call, json};
use futures::{StreamExt, stream};
use poolwarden_domain::access::{Assignment, Definition, Facet, PimInstance};
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

const FACET: Facet = Facet::RoleDefinitions;
const BUILT_IN: &str = "type eq 'BuiltInRole'";
const CUSTOM: &str = "type eq 'CustomRole'";
/// Roles that are asked for by name at most, in one read.
const BY_NAME: usize = 200;
/// … and how many of them at once.
const AT_ONCE: usize = 16;

/// Every definition, as far as they are listed.
pub(super) async fn read(
    graph: &Graph<'_>,
    scopes: &[ArmId],
    permissions: &Permissions,
    ledger: &mut Ledger,
) -> Vec<Definition> {
    let mut of_custom = Ledger::default();
    let (built_in, mut definitions) =
        tokio::join!(built_in(graph.arm, scopes), custom(graph, scopes, permissions, &mut of_custom));
    ledger.merge(of_custom);
    match built_in {
        Ok(built_in) => definitions.extend(built_in),
        Err(reason) => ledger.fail_all(scopes, FACET, &reason),
    }
    definitions
}

/// The same roles are built in everywhere: one list is enough, from wherever it can be had.
async fn built_in(arm: &Arm, scopes: &[ArmId]) -> Reading<Vec<Definition>> {
    let mut failed = None;
    for scope in std::iter::once(&ArmId::new("/")).chain(scopes) {
        let listed = DEFINITIONS.at(arm, scope, Some(BUILT_IN), wire::definition).await;
        match listed.and_then(crate::listing::Listed::whole) {
            Ok(definitions) if !definitions.is_empty() => return Ok(definitions),
            Ok(_) => failed = failed.or_else(|| Some(Unreadable::new(Why::Failed, "no built-in role is listed"))),
            Err(reason) => failed = failed.or(Some(reason)),
        }
    }
    Err(failed.unwrap_or_else(|| Unreadable::new(Why::Failed, "nothing was asked")))
}

async fn custom(
    graph: &Graph<'_>,
    scopes: &[ArmId],
    permissions: &Permissions,
    ledger: &mut Ledger,
) -> Vec<Definition> {
    let answer = graph.custom_roles().await;
    let mut definitions = Vec::new();
    let doubtful: Vec<ArmId> = match answer {
        Ok(listed) if listed.stopped.is_none() => {
            // No role at all may be the truth, or all that the identity is shown.
            let is_empty = listed.items.is_empty() && listed.flaws.is_empty();
            definitions = ledger.settle(scopes, FACET, listed);
            let is_doubtful = |scope: &&ArmId| is_empty || permissions.lacks(scope, FACET, Depth::Rbac).is_some();
            scopes.iter().filter(is_doubtful).cloned().collect()
        }
        _ => scopes.to_vec(),
    };
    let lists = stream::iter(doubtful)
        .map(|scope| async move { (DEFINITIONS.at(graph.arm, &scope, Some(CUSTOM), wire::definition).await, scope) });
    for (list, scope) in lists.buffered(AT_ONCE).collect::<Vec<_>>().await {
        match list {
            Ok(listed) => definitions.extend(ledger.settle(std::slice::from_ref(&scope), FACET, listed)),
            Err(reason) => ledger.fail(&scope, FACET, reason),
        }
    }
    definitions
}

/// Asks by name for the roles that somebody holds and that no list had. Not found is gone; anything else is unknown.
pub(super) async fn look_up(
    arm: &Arm,
    scopes: &[ArmId],
    held: (&[Assignment], &[PimInstance]),
    definitions: &mut Vec<Definition>,
    ledger: &mut Ledger,
) {
    let guid = |role: &ArmId| role.name().to_ascii_lowercase();
    let known: BTreeSet<String> = definitions.iter().map(|definition| guid(&definition.id)).collect();
    let of_assignments = held.0.iter().map(|one| (&one.role, &one.scope));
    let of_instances = held.1.iter().map(|one| (&one.role, &one.scope));
    let mut wanted: BTreeMap<String, ArmId> = BTreeMap::new();
    for (role, scope) in of_assignments.chain(of_instances) {
        let role = guid(role);
        if !known.contains(&role) {
            let at = scopes.iter().find(|one| scope.is_within(one)).or(scopes.first());
            at.map(|at| wanted.entry(role).or_insert_with(|| at.clone()));
        }
    }
    for scope in wanted.values().skip(BY_NAME) {
        let text = format!("more than {BY_NAME} roles are assigned but not listed; some were not asked for");
        ledger.fail(scope, FACET, Unreadable::new(Why::TooLarge, text));
    }
    let answers = stream::iter(wanted.into_iter().take(BY_NAME)).map(|(role, scope)| async move {
        let call = by_name(arm, &scope, &role);
        let read =
            |body: &[u8]| wire::definition(json::<&RawValue>(body)?).map_err(|text| format!("the answer {text}"));
        (arm.ask(&call, read).await, scope)
    });
    for (answer, scope) in answers.buffered(AT_ONCE).collect::<Vec<_>>().await {
        match answer {
            Ok(found) => definitions.extend(found),
            Err(reason) => ledger.fail(&scope, FACET, reason),
        }
    }
}

fn by_name(arm: &Arm, scope: &ArmId, role: &str) -> Call {
    let mut call = DEFINITIONS.call(arm, scope, None);
    if let Ok(mut segments) = call.url.path_segments_mut() {
        segments.push(role);
    }
    call
}
