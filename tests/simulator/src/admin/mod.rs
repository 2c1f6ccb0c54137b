//! `/_sim`: what a test sees and steers. It needs no token, is not delayed,
//! not counted and never hit by a fault.

mod changes;
mod directory;
mod feed;
mod plant;
mod service_bus;
pub(crate) mod webhook;

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

pub(crate) use changes::change;

use crate::{estate::truth, fault::Fault, microsoft_graph, reply::Reply, request::Request, state::Simulation};

pub(crate) fn handle(simulation: &Simulation, request: &Request) -> Reply {
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().skip(1).copied().collect();
    match (&request.method, path.as_slice()) {
        (&Method::GET, ["stats"]) => Reply::json(200, &simulation.stats_document()),
        (&Method::DELETE, ["stats"]) => {
            simulation.reset_stats();
            Reply::empty(204)
        }
        (&Method::GET, ["estate"]) => {
            let icons = request.query("icons") != Some("false");
            let snapshot = simulation.world.current();
            Reply::json(200, &truth::document(&snapshot.estate, simulation.options.seed, icons))
        }
        (&Method::POST, ["change"]) => {
            answer(request.json(), |entries| change(simulation, entries).map(|changes| json!({"changes": changes})))
        }
        (&Method::GET, ["faults"]) => Reply::json(200, &json!(simulation.faults.texts())),
        (&Method::PUT, ["faults"]) => answer(request.json(), |specs| set_faults(simulation, specs)),
        (&Method::DELETE, ["faults"]) => {
            simulation.faults.replace(Vec::new());
            Reply::empty(204)
        }
        (&Method::GET, ["clock"]) => Reply::json(200, &json!({"now": simulation.now_text()})),
        (&Method::POST, ["clock"]) => answer(request.json(), |body| advance(simulation, body)),
        (&Method::PUT, ["graph", "applications"]) => {
            answer(request.json(), |body| microsoft_graph::set_applications(simulation, body))
        }
        (&Method::GET, ["violations"]) => Reply::json(200, &simulation.world.current().estate.violations),
        (&Method::POST, ["plant"]) => answer(request.json(), |entries| plant::plant(simulation, entries)),
        (&Method::POST, ["graph", "change"]) => {
            answer(request.json(), |entries| directory::change(simulation, entries))
        }
        (&Method::POST, ["graph", "forget-deltas"]) => {
            simulation.deltas.forget();
            Reply::empty(204)
        }
        (method, ["feed", rest @ ..]) => feed::handle(simulation, method, rest, request),
        (method, ["service-bus", rest @ ..]) => service_bus::handle(simulation, method, rest, request),
        (method, ["webhook", name]) => simulation.webhooks.handle(method, name, request),
        _ => Reply::error(404, "NotFound", "There is no such thing below /_sim."),
    }
}

fn answer(body: Result<Value, Reply>, act: impl FnOnce(&Value) -> Result<Value, String>) -> Reply {
    match body.map(|body| act(&body)) {
        Ok(Ok(result)) => Reply::json(200, &result),
        Ok(Err(message)) => Reply::error(400, "BadRequest", &message),
        Err(refusal) => refusal,
    }
}

fn set_faults(simulation: &Simulation, specs: &Value) -> Result<Value, String> {
    let specs = specs.as_array().ok_or("the body is not an array of faults")?;
    let faults: Result<Vec<Fault>, String> = specs
        .iter()
        .map(|spec| {
            let text = spec.as_str().ok_or("a fault is not a string")?;
            text.parse().map_err(|error| format!("{error:#}"))
        })
        .collect();
    simulation.faults.replace(faults?);
    Ok(json!(simulation.faults.texts()))
}

/// `{"advance_ms": N}`.
fn advance(simulation: &Simulation, body: &Value) -> Result<Value, String> {
    let ms = body["advance_ms"].as_u64().ok_or("advance_ms is not a number")?;
    simulation.clock.advance(Duration::from_millis(ms));
    Ok(json!({"now": simulation.now_text()}))
}
