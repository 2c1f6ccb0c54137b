//! `/_sim/service-bus`: what is in the queues, and the queues themselves.

use axum::http::Method;
use serde_json::json;

use crate::{reply::Reply, request::Request, service_bus::QueueSpec, state::Simulation};

pub(super) fn handle(simulation: &Simulation, method: &Method, path: &[&str], request: &Request) -> Reply {
    let namespace = &simulation.namespace;
    match (method, path) {
        (&Method::GET, []) => Reply::json(200, &namespace.document(simulation.now())),
        (&Method::PUT, ["queues", name]) => put(simulation, name, request),
        (&Method::DELETE, ["queues", name]) if namespace.delete(name) => Reply::empty(204),
        (&Method::DELETE, ["queues", name]) => {
            Reply::error(404, "NotFound", &format!("There is no queue {name:?} in the namespace."))
        }
        (&Method::POST, ["lapse"]) => Reply::json(200, &json!({"lapsed": namespace.lapse(simulation.now())})),
        _ => Reply::error(404, "NotFound", "There is no such thing below /_sim/service-bus."),
    }
}

/// Makes a queue with the usual settings, or takes the one there is, and
/// changes what the body names; its messages stay.
fn put(simulation: &Simulation, name: &str, request: &Request) -> Reply {
    let current = simulation.namespace.spec(name).map_or_else(|| QueueSpec::named(name), Ok);
    let mut spec = match current {
        Ok(spec) => spec,
        Err(error) => return Reply::error(400, "BadRequest", &format!("{error:#}")),
    };
    if !request.body.is_empty() {
        let merged = request.json().map(|settings| spec.merge(&settings));
        match merged {
            Ok(Ok(())) => {}
            Ok(Err(message)) => return Reply::error(400, "BadRequest", &message),
            Err(refusal) => return refusal,
        }
    }
    let settings = spec.document();
    simulation.namespace.put(spec);
    Reply::json(200, &settings)
}
