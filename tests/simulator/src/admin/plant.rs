//! `POST /_sim/plant`: what no interface of Azure's that is simulated could
//! make: resources of other providers, management groups, roles, and records of
//! access of every kind at every scope; all of it or nothing.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    dice::Dice,
    estate::{
        access::{self, Grant, GrantKind},
        model::{ClassicAdministrator, Estate},
        other::Other,
        roles::{Permissions, Role},
    },
    state::Simulation,
};

/// Applies an array of `{"op": …}` entries; answers the ids of what was made.
///
/// | op | fields |
/// |---|---|
/// | `resource` | `id`, `properties`, and whatever stands beside them |
/// | `remove_resource` | `id` |
/// | `vault` | `vault` (its name), `secrets`, `certificates` |
/// | `management_group` | `name`, `displayName`, `parent` (the root without it) |
/// | `move_subscription` | `subscription`, `managementGroup` |
/// | `classic_administrator` | `subscription`, `email`, `role` |
/// | `role` | `guid`, `name`, `scopes`, `actions`, `notActions`, `dataActions`, `notDataActions` |
/// | `grant` | `kind` (`assignment`, `deny`, `active`, `eligible`), `scope`, `role`, `principal`, `principalType`, `end`, `properties` (over the defaults) |
/// | `remove_grant` | `id` |
pub(super) fn plant(simulation: &Simulation, entries: &Value) -> Result<Value, String> {
    let entries = entries.as_array().ok_or("the body is not an array of things to plant")?;
    simulation.world.alter(simulation.now(), |estate| {
        let planted: Result<Vec<Value>, String> = entries
            .iter()
            .enumerate()
            .map(|(number, entry)| apply(estate, entry, number).map_err(|message| format!("entry {number}: {message}")))
            .collect();
        planted.map(|planted| json!({"planted": planted}))
    })
}

fn text<'a>(entry: &'a Value, name: &str) -> Result<&'a str, String> {
    entry[name].as_str().ok_or_else(|| format!("{name} is missing or no text"))
}

fn texts<'a>(entry: &'a Value, name: &str) -> Vec<&'a str> {
    entry[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn apply(estate: &mut Estate, entry: &Value, number: usize) -> Result<Value, String> {
    match entry["op"].as_str() {
        Some("resource") => resource(estate, entry),
        Some("remove_resource") => Ok(json!(Arc::make_mut(&mut estate.other).remove(text(entry, "id")?))),
        Some("vault") => {
            let list = |name: &str| entry[name].as_array().cloned().unwrap_or_default();
            let contents = estate.vault_mut(text(entry, "vault")?);
            contents.secrets.extend(list("secrets"));
            contents.certificates.extend(list("certificates"));
            Ok(entry["vault"].clone())
        }
        Some("management_group") => {
            let parent = entry["parent"].as_str();
            if let Some(parent) = parent
                && estate.management_group(parent).is_none()
            {
                return Err(format!("there is no management group {parent}"));
            }
            estate.add_management_group(text(entry, "name")?, text(entry, "displayName")?, parent);
            Ok(entry["name"].clone())
        }
        Some("move_subscription") => {
            estate.move_subscription(text(entry, "subscription")?, text(entry, "managementGroup")?);
            Ok(entry["subscription"].clone())
        }
        Some("classic_administrator") => {
            estate.add_classic_administrator(ClassicAdministrator {
                subscription: text(entry, "subscription")?.to_owned(),
                email: text(entry, "email")?.to_owned(),
                role: text(entry, "role")?.to_owned(),
            });
            Ok(entry["email"].clone())
        }
        Some("role") => role(estate, entry),
        Some("grant") => grant(estate, entry, number),
        Some("remove_grant") => Ok(json!(estate.ungrant(text(entry, "id")?))),
        _ => Err("op is none that is known".to_owned()),
    }
}

fn resource(estate: &mut Estate, entry: &Value) -> Result<Value, String> {
    let id = text(entry, "id")?;
    let mut other =
        Other::new(id, entry["properties"].clone()).ok_or_else(|| format!("{id} is not the id of a resource"))?;
    for (name, value) in entry.as_object().into_iter().flatten() {
        if !["op", "id", "properties"].contains(&name.as_str()) {
            other = other.with(name, value.clone());
        }
    }
    estate.add_other(other);
    Ok(json!(id))
}

fn role(estate: &mut Estate, entry: &Value) -> Result<Value, String> {
    let scopes: Vec<String> = texts(entry, "scopes").into_iter().map(str::to_owned).collect();
    let permissions = Permissions {
        actions: &texts(entry, "actions"),
        not_actions: &texts(entry, "notActions"),
        data_actions: &texts(entry, "dataActions"),
        not_data_actions: &texts(entry, "notDataActions"),
    };
    let guid = text(entry, "guid")?;
    let role = Role::custom(guid, text(entry, "name")?, &scopes, permissions);
    Arc::make_mut(&mut estate.access).roles.push(role);
    Ok(json!(guid))
}

fn grant(estate: &mut Estate, entry: &Value, number: usize) -> Result<Value, String> {
    let (scope, principal) = (text(entry, "scope")?, text(entry, "principal")?);
    let principal_type = entry["principalType"].as_str().unwrap_or("User");
    let end = entry["end"].as_str();
    let mut dice = Dice::new(0, &format!("planted {number} {entry}"));
    let pim = |kind: GrantKind, dice: &mut Dice| -> Result<Grant, String> {
        Ok(Grant::pim(kind, dice, scope, text(entry, "role")?, (principal, principal_type), end))
    };
    let mut made = match entry["kind"].as_str() {
        Some("assignment") => Grant::assignment(&mut dice, scope, text(entry, "role")?, principal, principal_type),
        Some("deny") => {
            let properties = access::denial(&mut dice, principal);
            Grant::new(GrantKind::Deny, &mut dice, scope, principal, properties)
        }
        Some("active") => pim(GrantKind::Active, &mut dice)?,
        Some("eligible") => pim(GrantKind::Eligible, &mut dice)?,
        _ => return Err("kind is none of assignment, deny, active and eligible".to_owned()),
    };
    for (name, value) in entry["properties"].as_object().into_iter().flatten() {
        made = made.with(name, value.clone());
    }
    Ok(json!(estate.grant(made)))
}
