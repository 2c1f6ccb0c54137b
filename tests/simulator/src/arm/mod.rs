//! Azure Resource Manager: which provider a path belongs to, and whether the
//! api-version is one that provider knows.

pub(crate) mod activity_log;
mod authorization;
mod desktop_virtualization;
pub(crate) mod error;
mod filter;
mod management_groups;
mod others;
mod paging;
mod role_assignments;
mod subscriptions;
mod versions;
mod writes;

use axum::http::Method;

use crate::{
    auth::token::Caller,
    estate::{change::Refusal, model::PROVIDER},
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// Answers a request to ARM from an authenticated caller.
pub(crate) fn handle(simulation: &Simulation, request: &Request, caller: &Caller) -> Reply {
    let denied = simulation.faults.active();
    let cacheable = request.method == Method::GET;
    let snapshot = simulation.world.current();
    let key = format!("{}|{}|{}|{}", denied.generation, caller.object_id, request.origin, request.raw);
    if cacheable && let Some(page) = snapshot.cached_page(&key) {
        return Reply::page(page);
    }
    let reply = match route(simulation, request, caller, &snapshot.estate, &denied) {
        Ok(reply) | Err(reply) => reply,
    };
    if cacheable && reply.status == 200 && reply.headers.is_empty() {
        snapshot.keep_page(key, reply.body.clone());
    }
    reply
}

fn route(
    simulation: &Simulation,
    request: &Request,
    caller: &Caller,
    estate: &crate::estate::model::Estate,
    denied: &crate::fault::Active,
) -> Result<Reply, Reply> {
    let segments = request.segments();
    let lower: Vec<&str> = request.lower.split('/').skip(1).collect();
    let Some(at) = lower.iter().rposition(|&segment| segment == "providers") else {
        return subscriptions::handle(request, estate, denied, &lower);
    };
    let (Some(namespace), rest) = (segments.get(at + 1), segments.get(at + 2..).unwrap_or(&[])) else {
        return Err(error::not_found(request));
    };
    if let ["subscriptions", subscription, ..] = lower.as_slice()
        && estate.subscription(subscription).is_none()
    {
        return Err(error::no_subscription(subscription));
    }
    if namespace.eq_ignore_ascii_case(PROVIDER) {
        desktop_virtualization::handle(simulation, request, estate, denied)
    } else if namespace.eq_ignore_ascii_case("Microsoft.Authorization") {
        let scope = segments[..at].iter().fold(String::new(), |path, segment| path + "/" + segment);
        let scope = if scope.is_empty() { "/".to_owned() } else { scope };
        authorization::handle(simulation, request, caller, estate, &scope, rest)
    } else if namespace.eq_ignore_ascii_case("Microsoft.Management") {
        management_groups::handle(request, estate, denied, &lower)
    } else {
        others::handle(simulation, request, estate, denied, namespace)
    }
}

/// Checks the api-version of a Resource Graph query.
pub(crate) fn check_graph_version(request: &Request) -> Result<(), Reply> {
    versions::check(request, "resources", versions::RESOURCE_GRAPH)
}

/// The answer to a change that was refused.
fn refused(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::NotAResource(id) => Reply::error(
            400,
            "InvalidResourceId",
            &format!("The id '{id}' is not that of a resource of this provider."),
        ),
        Refusal::NoResourceGroup(name) => error::no_resource_group(&name),
        Refusal::NotFound(id) => error::no_resource(&id),
        Refusal::Invalid(what) => Reply::error(400, "InvalidRequestContent", &what),
    }
}
