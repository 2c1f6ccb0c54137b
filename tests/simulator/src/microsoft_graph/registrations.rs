//! Registered applications, which tell when their credentials end.

use serde_json::{Value, json};

use super::{
    answer::{self, select, selected},
    lists,
};
use crate::{estate::directory::Directory, options::Client, reply::Reply, request::Request, state::Simulation};

/// The registrations of the clients that can sign in; their secrets end in
/// 2027.
pub(crate) fn of_clients(clients: &[Client]) -> Vec<Value> {
    let registration = |client: &Client| {
        json!({
            "id": client.id,
            "appId": client.id,
            "displayName": "Simulated application",
            "passwordCredentials": [{
                "keyId": client.id,
                "displayName": "secret",
                "startDateTime": "2025-01-01T00:00:00Z",
                "endDateTime": "2027-01-01T00:00:00Z",
                "secretText": null,
                "hint": "sim",
            }],
            "keyCredentials": [],
        })
    };
    clients.iter().map(registration).collect()
}

/// `applications`, and `applications(appId='…')`.
pub(super) fn answer(simulation: &Simulation, request: &Request, directory: &Directory) -> Result<Reply, Reply> {
    if !directory.applications_readable {
        return Err(answer::denied());
    }
    let Some((_, rest)) = request.lower.split_once("(appid='") else {
        return lists::answer(simulation, request, &directory.applications);
    };
    let id = rest.trim_end_matches("')");
    let is_asked = |app: &&Value| app["appId"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(id));
    let found = directory.applications.iter().find(is_asked).ok_or_else(|| answer::not_found(id))?;
    Ok(Reply::json(200, &selected(found, select(request).as_deref(), &[])))
}

/// `{"allow": bool, "applications": [{"appId", "passwordCredentials",
/// "keyCredentials"}]}`; what is left out stays. An array is the applications,
/// and allows.
pub(crate) fn set(simulation: &Simulation, body: &Value) -> Result<Value, String> {
    let (allow, applications) = match body {
        Value::Array(_) => (Some(true), Some(body)),
        Value::Object(fields) => (fields.get("allow").and_then(Value::as_bool), fields.get("applications")),
        _ => return Err("the body is neither an object nor an array of applications".to_owned()),
    };
    let applications = match applications {
        Some(applications) => Some(applications.as_array().ok_or("applications is not an array")?.clone()),
        None => None,
    };
    if applications.iter().flatten().any(|app| !app["appId"].is_string()) {
        return Err("an application has no appId".to_owned());
    }
    simulation.world.alter(simulation.now(), |estate| {
        let directory = estate.directory_mut();
        directory.applications = applications.unwrap_or_else(|| directory.applications.clone());
        directory.applications_readable = allow.unwrap_or(directory.applications_readable);
        Ok(json!({"allow": directory.applications_readable, "applications": directory.applications}))
    })
}
