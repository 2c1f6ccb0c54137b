//! Changes to an estate: put, patch and delete, and the references between
//! resources that the provider keeps by itself.

use std::{collections::HashMap, sync::Arc};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    bodies,
    model::{Estate, Kind, PROVIDER, Resource},
};
use crate::dice::Dice;

/// What was done to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    /// `write` or `delete`.
    pub(crate) op: &'static str,
    /// The resource's id.
    pub(crate) id: String,
    /// Whether it only went because the resource it was part of was deleted;
    /// Azure records no event of its own for that.
    pub(crate) cascaded: bool,
}

impl Change {
    pub(crate) fn write(id: &str) -> Self {
        Self { op: "write", id: id.to_owned(), cascaded: false }
    }

    pub(crate) fn delete(id: &str) -> Self {
        Self { op: "delete", id: id.to_owned(), cascaded: false }
    }
}

/// Why a change was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The id is not one of a resource the provider knows.
    NotAResource(String),
    /// The resource group does not exist.
    NoResourceGroup(String),
    /// The resource, or the one it is a part of, does not exist.
    NotFound(String),
    /// The body does not fit.
    Invalid(String),
}

/// How given properties meet those that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The given properties over the provider's defaults.
    Replace,
    /// The given properties over the present ones; the resource must exist.
    Merge,
}

/// Properties that only the provider writes.
const READ_ONLY: [&str; 4] = ["objectId", "iconHash", "workspaceArmPath", "cloudPcResource"];

/// Creates or updates the resource of an id. Answers it and whether it is new.
pub(crate) fn put(
    estate: &mut Estate,
    id: &str,
    given: &Value,
    mode: Mode,
    now: &str,
) -> Result<(Arc<Resource>, bool), Refusal> {
    let shell = Resource::new(id, Value::Null).ok_or_else(|| Refusal::NotAResource(id.to_owned()))?;
    let existing = estate.get(id).cloned();
    check_place(estate, &shell, existing.is_some(), mode)?;
    let mut dice = Dice::new(0, &format!("{} {now}", shell.key));
    let mut properties = match (&existing, mode) {
        (Some(existing), Mode::Merge) => existing.body["properties"].clone(),
        (Some(existing), Mode::Replace) => {
            let mut fresh = bodies::defaults(shell.kind, &mut dice, &shell.name);
            for kept in ["objectId", "registrationInfo"] {
                if let Some(value) = existing.body["properties"].get(kept) {
                    fresh[kept] = value.clone();
                }
            }
            fresh
        }
        (None, _) => bodies::defaults(shell.kind, &mut dice, &shell.name),
    };
    lay_over(&mut properties, given.get("properties"), shell.kind)?;
    let old = existing.as_ref().map_or(&Value::Null, |existing| &existing.body);
    let mut system = match &old["systemData"] {
        Value::Object(system) => Value::Object(system.clone()),
        _ => bodies::system_data(&mut dice),
    };
    system["lastModifiedAt"] = json!(now);
    if existing.is_none() {
        system["createdAt"] = json!(now);
    }
    let keep = |name: &str, default: Value| {
        [given, old]
            .into_iter()
            .find_map(|body| body.get(name).filter(|value| !value.is_null()))
            .cloned()
            .unwrap_or(default)
    };
    let location = keep("location", json!("westeurope"));
    let canonical = existing.as_ref().map_or(id, |existing| existing.id.as_str());
    let resource = bodies::resource(
        canonical,
        location.as_str().unwrap_or("westeurope"),
        keep("tags", json!({})),
        properties,
        system,
    )
    .ok_or_else(|| Refusal::NotAResource(id.to_owned()))?;
    let key = resource.key.clone();
    let starts_with_desktop = existing.is_none() && *resource.property("applicationGroupType") == "Desktop";
    estate.insert(resource);
    if starts_with_desktop {
        let desktop = first_desktop(canonical, &mut dice);
        estate.insert(desktop.ok_or_else(|| Refusal::NotAResource(id.to_owned()))?);
    }
    if matches!(shell.kind, Kind::HostPool | Kind::ApplicationGroup | Kind::Workspace) {
        relink(estate);
    }
    let stored = estate.get(&key).ok_or(Refusal::NotFound(key))?;
    Ok((Arc::clone(stored), existing.is_none()))
}

/// The desktop that the provider puts into each new group of type Desktop.
fn first_desktop(group: &str, dice: &mut Dice) -> Option<Resource> {
    let id = format!("{group}/desktops/SessionDesktop");
    let properties = bodies::desktop(dice, "SessionDesktop", None);
    let system = bodies::system_data(dice);
    bodies::resource(&id, "", Value::Null, properties, system)
}

fn check_place(estate: &Estate, shell: &Resource, exists: bool, mode: Mode) -> Result<(), Refusal> {
    let group = format!("/subscriptions/{}/resourceGroups/{}", shell.subscription, shell.resource_group);
    if !estate.resource_groups.contains(&group.to_ascii_lowercase()) {
        return Err(Refusal::NoResourceGroup(shell.resource_group.clone()));
    }
    if mode == Mode::Merge && !exists {
        return Err(Refusal::NotFound(shell.id.clone()));
    }
    match shell.parent_key() {
        Some(parent) if estate.get(parent).is_none() => Err(Refusal::NotFound(parent.to_owned())),
        _ => Ok(()),
    }
}

fn lay_over(properties: &mut Value, given: Option<&Value>, kind: Kind) -> Result<(), Refusal> {
    let empty = Map::new();
    let given = match given {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(given)) => given,
        Some(_) => return Err(Refusal::Invalid("properties is not an object".to_owned())),
    };
    for (name, value) in given {
        let computed = kind == Kind::HostPool && name == "applicationGroupReferences";
        if !computed && !READ_ONLY.contains(&name.as_str()) {
            properties[name] = value.clone();
        }
    }
    if let Some(content) = given.get("iconContent") {
        properties["iconHash"] = match content.as_str().map(|text| BASE64_STANDARD.decode(text)) {
            Some(Ok(png)) => json!(BASE64_STANDARD_NO_PAD.encode(Sha256::digest(png))),
            Some(Err(_)) => return Err(Refusal::Invalid("iconContent is not base64".to_owned())),
            None => Value::Null,
        };
    }
    Ok(())
}

/// Deletes a resource with all that is part of it; of a host pool also the
/// application groups that publish from it.
pub(crate) fn delete(estate: &mut Estate, id: &str) -> Result<Vec<Change>, Refusal> {
    let resource = estate.get(id).cloned().ok_or_else(|| Refusal::NotFound(id.to_owned()))?;
    let mut changes = Vec::new();
    if resource.kind == Kind::HostPool {
        for group in groups_of(estate, &resource) {
            remove_whole(estate, &group, &mut changes);
        }
    }
    remove_whole(estate, &resource, &mut changes);
    relink(estate);
    Ok(changes)
}

/// The application groups of a host pool.
pub(crate) fn groups_of(estate: &Estate, pool: &Resource) -> Vec<Arc<Resource>> {
    estate
        .all(Kind::ApplicationGroup)
        .filter(|group| {
            group.property("hostPoolArmPath").as_str().is_some_and(|path| path.eq_ignore_ascii_case(&pool.id))
        })
        .cloned()
        .collect()
}

fn remove_whole(estate: &mut Estate, resource: &Resource, changes: &mut Vec<Change>) {
    let parts: Vec<String> = ["sessionHosts", "applications", "desktops"]
        .into_iter()
        .flat_map(|child| estate.children(&resource.key, child))
        .map(|part| part.id.clone())
        .collect();
    for id in parts.into_iter().chain([resource.id.clone()]) {
        if estate.remove(&id).is_some() {
            changes.push(Change { op: "delete", cascaded: id != resource.id, id });
        }
    }
    if estate.access.any_below(&resource.key) {
        Arc::make_mut(&mut estate.access).forget(&resource.key);
    }
}

/// Adds a group to a workspace's list; [`relink`] makes the group show it.
pub(crate) fn add_to_workspace(estate: &mut Estate, workspace: &str, group: &str) {
    let Some(found) = estate.get(workspace) else {
        return;
    };
    let mut changed = Resource::clone(found);
    if let Some(references) = changed.body["properties"]["applicationGroupReferences"].as_array_mut() {
        references.push(json!(group));
    }
    estate.insert(changed);
}

/// Brings the references in line: a pool lists its groups, a workspace lists
/// only groups that exist, and a group names the workspace that lists it.
pub(crate) fn relink(estate: &mut Estate) {
    let mut groups_by_pool: HashMap<String, Vec<Value>> = HashMap::new();
    for group in estate.all(Kind::ApplicationGroup) {
        if let Some(pool) = group.property("hostPoolArmPath").as_str() {
            let groups = groups_by_pool.entry(pool.to_ascii_lowercase()).or_default();
            groups.push(json!(group.id));
        }
    }
    let mut updates = Vec::new();
    for pool in estate.all(Kind::HostPool) {
        let groups = groups_by_pool.remove(&pool.key).unwrap_or_default();
        updates.extend(with_property(pool, "applicationGroupReferences", groups.into()));
    }
    let mut workspace_by_group: HashMap<String, Value> = HashMap::new();
    for workspace in estate.all(Kind::Workspace) {
        let listed: Vec<Value> = workspace
            .property("applicationGroupReferences")
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|id| estate.get(id.as_str()?))
            .map(|group| json!(group.id))
            .collect();
        for group in listed.iter().filter_map(Value::as_str) {
            workspace_by_group.insert(group.to_ascii_lowercase(), json!(workspace.id));
        }
        updates.extend(with_property(workspace, "applicationGroupReferences", listed.into()));
    }
    for group in estate.all(Kind::ApplicationGroup) {
        let workspace = workspace_by_group.remove(&group.key).unwrap_or(Value::Null);
        updates.extend(with_property(group, "workspaceArmPath", workspace));
    }
    for update in updates {
        estate.insert(update);
    }
}

/// The resource with one property set; `None` when it has that value already.
fn with_property(resource: &Resource, name: &str, value: Value) -> Option<Resource> {
    if *resource.property(name) == value {
        return None;
    }
    let mut changed = resource.clone();
    changed.body["properties"][name] = value;
    Some(changed)
}

/// The operation's name in the activity log, such as
/// `Microsoft.DesktopVirtualization/applicationgroups/applications/write`.
pub(crate) fn operation_name(change: &Change) -> String {
    let Some(resource) = Resource::new(&change.id, Value::Null) else {
        return format!("Microsoft.Authorization/roleAssignments/{}", change.op);
    };
    let path = resource.kind.path().to_ascii_lowercase();
    format!("{PROVIDER}/{path}/{}", change.op)
}
