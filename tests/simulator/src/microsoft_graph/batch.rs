//! `POST $batch`: up to twenty requests in one, each with an answer of its own,
//! in no particular order.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{VERSION, answer, single};
use crate::{auth::token::Caller, dice::hash, dispatch, reply::Reply, request::Request, state::Simulation};

/// The most requests in a batch.
const MAX_REQUESTS: usize = 20;

pub(super) fn answer(simulation: &Simulation, request: &Request, caller: &Caller) -> Reply {
    match try_answer(simulation, request, caller) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn try_answer(simulation: &Simulation, request: &Request, caller: &Caller) -> Result<Reply, Reply> {
    if request.method != Method::POST {
        return Err(answer::refusal(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        ));
    }
    let body = request.json().map_err(|_| answer::bad_request("Unable to read JSON request payload."))?;
    let asked = body["requests"].as_array().filter(|asked| !asked.is_empty());
    let asked = asked.ok_or_else(|| answer::bad_request("Invalid batch payload format."))?;
    if asked.len() > MAX_REQUESTS {
        let message = format!("Number of batch request steps exceeds the maximum value {MAX_REQUESTS}.");
        return Err(answer::refusal(400, "BadRequest", &message));
    }
    let ids: BTreeSet<&str> = asked.iter().filter_map(|part| part["id"].as_str()).collect();
    if ids.len() != asked.len() {
        return Err(answer::bad_request("Each request of a batch needs an id of its own."));
    }
    let mut responses: Vec<Value> = asked.iter().map(|part| respond(simulation, request, caller, part)).collect();
    // The order says nothing, so it is never that of the requests by design.
    responses.sort_by_key(|response| hash(simulation.options.seed, response["id"].as_str().unwrap_or("")));
    Ok(Reply::json(200, &json!({"responses": responses})))
}

fn respond(simulation: &Simulation, outer: &Request, caller: &Caller, part: &Value) -> Value {
    let reply = match inner(outer, part) {
        Some(request) => {
            let now = simulation.now();
            let effects = simulation.faults.decide(&request);
            let wrecked =
                effects.iter().find_map(|effect| dispatch::wrecked(simulation, &request, Some(caller), effect, now));
            let reply = wrecked.unwrap_or_else(|| single(simulation, &request, caller));
            simulation.stats.record_part(&request, reply.status);
            reply
        }
        None => answer::bad_request("Invalid batch payload format."),
    };
    let body = serde_json::from_slice(&reply.body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&reply.body)));
    let mut headers: Map<String, Value> = Map::from_iter([("Content-Type".to_owned(), json!("application/json"))]);
    for (name, value) in &reply.headers {
        let name = if name == "retry-after" { "Retry-After" } else { name.as_str() };
        headers.insert(name.to_owned(), json!(value.to_str().unwrap_or("")));
    }
    json!({"id": part["id"], "status": reply.status, "headers": headers, "body": body})
}

/// A part of a batch as a request of its own.
fn inner(outer: &Request, part: &Value) -> Option<Request> {
    let method: Method = part["method"].as_str()?.to_ascii_uppercase().parse().ok()?;
    let url = part["url"].as_str()?;
    let headers = part["headers"].as_object();
    let headers: Vec<(&str, &str)> =
        headers.into_iter().flatten().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect();
    let body = if part["body"].is_null() { String::new() } else { part["body"].to_string() };
    let url = format!("{VERSION}/{}", url.trim_start_matches('/'));
    outer.within(method, &url, &headers, body)
}
