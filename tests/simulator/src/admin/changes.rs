//! `POST /_sim/change`: changes to the estate from outside Azure's own
//! interfaces, all of them or none.

use serde_json::{Value, json};

use crate::{
    dice::Dice,
    estate::{
        access::{self, Grant},
        change::{self, Change, Mode, Refusal},
        model::Estate,
        random,
    },
    state::Simulation,
};

/// Applies an array of `{"op": …}` entries and lists what was changed.
pub(crate) fn change(simulation: &Simulation, entries: &Value) -> Result<Value, String> {
    let entries = entries.as_array().ok_or("the body is not an array of changes")?;
    let now_text = simulation.now_text();
    simulation.world.change(simulation.now(), |estate| {
        let mut done = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            let changes =
                apply(estate, entry, number, &now_text).map_err(|message| format!("entry {number}: {message}"))?;
            done.extend(changes);
        }
        Ok((json!(done), done))
    })
}

fn apply(estate: &mut Estate, entry: &Value, number: usize, now: &str) -> Result<Vec<Change>, String> {
    match entry["op"].as_str() {
        Some("put") => put(estate, entry, Mode::Replace, now),
        Some("patch") => put(estate, entry, Mode::Merge, now),
        Some("delete") => change::delete(estate, text(entry, "id")?).map_err(worded),
        Some("random") => {
            let seed = entry["seed"].as_u64().ok_or("seed is not a number")?;
            let count = entry["count"].as_u64().and_then(|count| usize::try_from(count).ok());
            Ok(random::apply(estate, seed, count.ok_or("count is not a number")?, now))
        }
        Some("assign") => assign(estate, entry, number, now),
        Some("unassign") => unassign(estate, text(entry, "id")?),
        _ => Err("op is none of put, patch, delete, random, assign and unassign".to_owned()),
    }
}

fn text<'a>(entry: &'a Value, name: &str) -> Result<&'a str, String> {
    entry[name].as_str().ok_or_else(|| format!("{name} is missing or no text"))
}

fn put(estate: &mut Estate, entry: &Value, mode: Mode, now: &str) -> Result<Vec<Change>, String> {
    let resource = &entry["resource"];
    let id = text(resource, "id")?;
    let (stored, _) = change::put(estate, id, resource, mode, now).map_err(worded)?;
    Ok(vec![Change::write(&stored.id)])
}

/// `{"op":"assign","scope":…,"principalId":…,"roleDefinition":"<guid>"}` and
/// optionally `principalType` (User) and `condition`.
fn assign(estate: &mut Estate, entry: &Value, number: usize, now: &str) -> Result<Vec<Change>, String> {
    let scope = text(entry, "scope")?;
    let principal = text(entry, "principalId")?;
    let role = text(entry, "roleDefinition")?;
    let subscription = access::subscription_of(scope);
    if !subscription.is_empty() && estate.subscription(subscription).is_none() {
        return Err("the scope is in no subscription".to_owned());
    }
    let known = estate.access.roles.iter().any(|known| known.guid.eq_ignore_ascii_case(role));
    if !known {
        return Err(format!("there is no role {role}"));
    }
    let kind = entry["principalType"].as_str().unwrap_or("User");
    let mut dice = Dice::new(0, &format!("{now} {number} {scope} {principal}"));
    let mut grant = Grant::assignment(&mut dice, scope, role, principal, kind);
    if let Some(condition) = entry["condition"].as_str() {
        grant = grant.condition(condition);
    }
    let id = estate.grant(grant);
    Ok(vec![Change::write(&id)])
}

fn unassign(estate: &mut Estate, id: &str) -> Result<Vec<Change>, String> {
    if estate.ungrant(id) { Ok(vec![Change::delete(id)]) } else { Err(format!("there is no role assignment {id}")) }
}

fn worded(refusal: Refusal) -> String {
    match refusal {
        Refusal::NotAResource(id) => format!("{id} is not the id of a resource of the estate"),
        Refusal::NoResourceGroup(name) => format!("there is no resource group {name}"),
        Refusal::NotFound(id) => format!("there is no {id}"),
        Refusal::Invalid(what) => what,
    }
}
