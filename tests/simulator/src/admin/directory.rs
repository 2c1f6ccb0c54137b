//! `POST /_sim/graph/change`: changes to the directory, all of them or none.

use serde_json::{Value, json};

use crate::{
    estate::directory::{AZURE_AD_GRAPH, AZURE_SERVICE_MANAGEMENT, Directory, MICROSOFT_GRAPH, Object},
    state::Simulation,
};

/// Applies an array of `{"op": …}` entries; answers what each made: the id of a
/// grant, or whether anything changed.
///
/// | op | fields |
/// |---|---|
/// | `add_member`, `remove_member` | `group`, `member` |
/// | `update` | `id`, `fields` (an object: what Graph prints, such as `{"accountEnabled": false}`) |
/// | `hide_members` | `group`, `hidden` |
/// | `delete` | `id` |
/// | `add_user` | `id`, `displayName`, `userPrincipalName` |
/// | `add_group` | `id`, `displayName`, `members` |
/// | `add_service_principal` | `id`, `displayName`, `appId` |
/// | `grant_app_role` | `principal`, `resource` (an application id, `microsoft_graph`, `azure_ad_graph` or `azure_service_management`), `value` |
/// | `grant_scopes` | `client`, `resource`, `user` (or null), `scopes` |
/// | `assign_role` | `role` (a template id), `principal` |
/// | `revoke` | `id` of one of these grants |
pub(super) fn change(simulation: &Simulation, entries: &Value) -> Result<Value, String> {
    let entries = entries.as_array().ok_or("the body is not an array of changes")?;
    simulation.world.alter(simulation.now(), |estate| {
        let directory = estate.directory_mut();
        let done: Result<Vec<Value>, String> = entries
            .iter()
            .enumerate()
            .map(|(number, entry)| apply(directory, entry).map_err(|message| format!("entry {number}: {message}")))
            .collect();
        done.map(|done| json!({"changes": done}))
    })
}

fn apply(directory: &mut Directory, entry: &Value) -> Result<Value, String> {
    let text = |name: &str| entry[name].as_str().ok_or_else(|| format!("{name} is missing or no text"));
    match entry["op"].as_str() {
        Some("add_member") => {
            let group = known(directory, text("group")?)?;
            Ok(json!(directory.add_member(&group, text("member")?)))
        }
        Some("remove_member") => {
            let group = known(directory, text("group")?)?;
            Ok(json!(directory.remove_member(&group, text("member")?)))
        }
        Some("update") => {
            let id = known(directory, text("id")?)?;
            let fields = entry["fields"].as_object().ok_or("fields is no object")?;
            if fields.contains_key("id") {
                return Err("an id stays what it is".to_owned());
            }
            Ok(json!(directory.change(&id, |object| {
                for (name, value) in fields {
                    object.body[name] = value.clone();
                }
            })))
        }
        Some("hide_members") => {
            let group = known(directory, text("group")?)?;
            let hidden = entry["hidden"].as_bool().ok_or("hidden is neither true nor false")?;
            Ok(json!(directory.change(&group, |group| group.hide_members(hidden))))
        }
        Some("delete") => {
            let id = known(directory, text("id")?)?;
            Ok(json!(directory.remove(&id)))
        }
        Some("add_user") => {
            directory.add(Object::user(text("id")?, text("displayName")?, text("userPrincipalName")?));
            Ok(json!(true))
        }
        Some("add_group") => {
            let members = entry["members"].as_array().into_iter().flatten().filter_map(Value::as_str);
            directory.add(Object::group(text("id")?, text("displayName")?).members(members));
            Ok(json!(true))
        }
        Some("add_service_principal") => {
            directory.add(Object::service_principal(text("id")?, text("displayName")?, text("appId")?));
            Ok(json!(true))
        }
        Some("grant_app_role") => {
            directory.grant_app_role(text("principal")?, resource(text("resource")?), text("value")?).map(Value::from)
        }
        Some("grant_scopes") => directory
            .grant_scopes(text("client")?, resource(text("resource")?), entry["user"].as_str(), text("scopes")?)
            .map(Value::from),
        Some("assign_role") => Ok(json!(directory.assign_role(text("role")?, text("principal")?))),
        Some("revoke") => Ok(json!(directory.revoke(text("id")?))),
        _ => Err("op is none that is known".to_owned()),
    }
}

/// The application id of a resource, some of which go by name.
fn resource(text: &str) -> &str {
    match text {
        "microsoft_graph" => MICROSOFT_GRAPH,
        "azure_ad_graph" => AZURE_AD_GRAPH,
        "azure_service_management" => AZURE_SERVICE_MANAGEMENT,
        app_id => app_id,
    }
}

/// The id of an object that is there.
fn known(directory: &Directory, id: &str) -> Result<String, String> {
    directory.get(id).map(|object| object.id.clone()).ok_or_else(|| format!("there is no {id} in the directory"))
}
