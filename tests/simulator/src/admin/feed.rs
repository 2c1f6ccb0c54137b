//! `/_sim/feed`: what accounts see, and what a test changes about the feeds
//! and about sign-in.

use axum::http::Method;
use serde_json::{Value, json};

use super::answer;
use crate::{auth::account, feed, reply::Reply, request::Request, state::Simulation};

pub(super) fn handle(simulation: &Simulation, method: &Method, path: &[&str], request: &Request) -> Reply {
    match (method, path) {
        (&Method::GET, []) => Reply::json(200, &document(simulation)),
        (&Method::PUT, []) => answer(request.json(), |body| set(simulation, body)),
        (&Method::GET, ["expected"]) => match request.query("account") {
            Some(account) => Reply::json(200, &feed::expected(simulation, account)),
            None => Reply::error(400, "BadRequest", "Which account? ?account=all@contoso.com"),
        },
        (&Method::PUT, ["min-version"]) => answer(request.json(), |body| {
            simulation.feed.set_min_versions(body)?;
            Ok(simulation.feed.document())
        }),
        (&Method::PUT | &Method::POST, ["revoke"]) => {
            let body = if request.body.is_empty() { Ok(json!({})) } else { request.json() };
            answer(body, |body| {
                simulation.sessions.revoke(body["account"].as_str());
                Ok(json!({"revoked": body["account"].as_str().unwrap_or("*")}))
            })
        }
        (&Method::PUT, ["outcome"]) => answer(request.json(), |body| set_outcome(simulation, body)),
        (&Method::PUT, ["device"]) => answer(request.json(), |body| simulation.sessions.set_plan(body)),
        (&Method::POST, ["device", user_code]) => {
            answer(request.json(), |body| simulation.sessions.act(user_code, body))
        }
        _ => Reply::error(404, "NotFound", "There is no such thing below /_sim/feed."),
    }
}

/// `{"account": …, "code": 50076}`, or `null` as the code.
fn set_outcome(simulation: &Simulation, body: &Value) -> Result<Value, String> {
    let account = body["account"].as_str().ok_or("account is missing or no text")?;
    let code = body["code"].as_u64().map(u32::try_from).transpose().map_err(|_| "code is too large")?;
    if code.is_none() && !body["code"].is_null() {
        return Err("code is neither a number nor null".to_owned());
    }
    simulation.sessions.set_outcome(account, code);
    Ok(simulation.sessions.document())
}

fn document(simulation: &Simulation) -> Value {
    let mut document = simulation.feed.document();
    document["sign_in"] = simulation.sessions.document();
    document["accounts"] = account::rules();
    document
}

fn set(simulation: &Simulation, body: &Value) -> Result<Value, String> {
    for (name, value) in body.as_object().ok_or("the body is not an object")? {
        match (name.as_str(), value.as_bool()) {
            ("single_use_refresh_tokens", Some(on)) => simulation.sessions.set_single_use(on),
            _ => simulation.feed.set(name, value)?,
        }
    }
    Ok(document(simulation))
}
