//! What failed, over HTTP: look at it (GET), have it done again (POST), forget it (DELETE).

use crate::deps::Deps;
use crate::letters;
use crate::stage::Fault;
use axum::http::StatusCode;
use poolwarden_host::{Failure, HttpAnswer, Invocation, Outcome};
use serde_json::{Value, json};
use std::sync::Arc;

/// Runs the function for one invocation.
pub async fn invoke(deps: &Arc<Deps>, invocation: &Invocation) -> Result<Outcome, Failure> {
    let request = invocation.http("req")?;
    let answer = answer(deps, &request.method, request.params.get("id").map(String::as_str)).await?;
    Ok(Outcome::http("res", answer))
}

async fn answer(deps: &Deps, method: &str, id: Option<&str>) -> Result<HttpAnswer, Fault> {
    let unknown = |id: &str| problem(StatusCode::NOT_FOUND, &format!("there is no dead letter {id:?}"));
    Ok(match (method.to_ascii_uppercase().as_str(), id) {
        ("GET", None) => {
            let letters: Vec<Value> = letters::all(deps).await?.iter().map(letters::summary).collect();
            HttpAnswer::json(StatusCode::OK, json!({ "dead_letters": letters }))
        }
        ("GET", Some(id)) => match letters::find(deps, id).await? {
            Some(letter) => HttpAnswer::json(StatusCode::OK, json!(letter)),
            None => unknown(id),
        },
        ("POST", None) => {
            let mut replayed = Vec::new();
            let now = deps.now();
            for letter in letters::all(deps).await? {
                replayed.extend(letters::replay(deps, &letter.id, now).await?);
            }
            HttpAnswer::json(StatusCode::ACCEPTED, json!({ "replayed": replayed }))
        }
        ("POST", Some(id)) => match letters::replay(deps, id, deps.now()).await? {
            Some(replayed) => HttpAnswer::json(StatusCode::ACCEPTED, json!({ "replayed": [replayed] })),
            None => unknown(id),
        },
        ("DELETE", Some(id)) if letters::discard(deps, id).await? => HttpAnswer::empty(StatusCode::NO_CONTENT),
        ("DELETE", Some(id)) => unknown(id),
        _ => problem(StatusCode::BAD_REQUEST, "name the dead letter to discard: DELETE dead-letters/ID"),
    })
}

fn problem(status: StatusCode, text: &str) -> HttpAnswer {
    HttpAnswer::json(status, json!({ "error": text }))
}
