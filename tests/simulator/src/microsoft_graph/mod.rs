//! Microsoft Graph, as far as an audit reads a tenant's directory: who is
//! there, who is in which group, what changed in groups, and what applications
//! may do. As in most tenants the caller may not read applications until a test
//! allows it; it never sees hidden memberships.

mod answer;
mod batch;
mod delta;
mod filter;
mod groups;
mod lists;
mod objects;
mod registrations;
mod units;

use axum::http::Method;

pub(crate) use answer::{denied, refusal};
pub(crate) use delta::Deltas;
pub(crate) use registrations::{of_clients, set as set_applications};
pub(crate) use units::of as units;

use crate::{
    auth::token::Caller,
    estate::{directory::ObjectKind, model::Estate},
    reply::Reply,
    request::Request,
    state::Simulation,
};

const VERSION: &str = "/v1.0";

/// Answers a request with a token for Graph: its limit, and then its part.
pub(crate) fn handle(simulation: &Simulation, request: &Request, caller: &Caller) -> Reply {
    if request.lower == format!("{VERSION}/$batch") {
        return batch::answer(simulation, request, caller);
    }
    single(simulation, request, caller)
}

/// Answers one request, alone or in a batch.
fn single(simulation: &Simulation, request: &Request, caller: &Caller) -> Reply {
    let snapshot = simulation.world.current();
    let users = snapshot.estate.directory.users();
    let verdict = simulation.throttle.directory(units(request), users, caller, simulation.now());
    if let Some(refusal) = &verdict.refusal {
        return verdict.dress(refusal.clone());
    }
    let reply = match route(simulation, request, &snapshot.estate) {
        Ok(reply) | Err(reply) => reply,
    };
    verdict.dress(reply)
}

fn route(simulation: &Simulation, request: &Request, estate: &Estate) -> Result<Reply, Reply> {
    let lower: Vec<&str> = request.lower.split('/').skip(1).collect();
    let [version, path @ ..] = lower.as_slice() else {
        return Err(answer::no_segment());
    };
    if *version != "v1.0" {
        return Err(answer::no_segment());
    }
    let asks = (&request.method, path);
    if let (&Method::POST, ["directoryobjects", "getbyids" | "microsoft.graph.getbyids"]) = asks {
        return objects::by_ids(request, &estate.directory);
    }
    if request.method != Method::GET {
        return Err(refusal(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."));
    }
    let directory = &estate.directory;
    match *path {
        ["users"] => objects::list(simulation, request, directory, ObjectKind::User),
        ["groups"] => objects::list(simulation, request, directory, ObjectKind::Group),
        ["groups", "delta" | "delta()" | "microsoft.graph.delta()"] => delta::answer(simulation, request, directory),
        ["groups", id, "members"] => groups::members(simulation, request, directory, id, None),
        ["groups", id, "members", cast] => groups::members(simulation, request, directory, id, Some(cast)),
        ["groups", id, "transitivemembers"] => groups::transitive(simulation, request, directory, id, None),
        ["groups", id, "transitivemembers", cast] => groups::transitive(simulation, request, directory, id, Some(cast)),
        ["users", id] => objects::one(request, directory, ObjectKind::User, id),
        ["groups", id] => objects::one(request, directory, ObjectKind::Group, id),
        ["serviceprincipals"] => objects::list(simulation, request, directory, ObjectKind::ServicePrincipal),
        ["serviceprincipals", id] => objects::one(request, directory, ObjectKind::ServicePrincipal, id),
        ["serviceprincipals", id, "owners"] => objects::owners(simulation, request, directory, id),
        ["serviceprincipals", id, "approleassignments"] => {
            lists::of_holder(simulation, request, directory, id, &directory.app_roles, "principalId")
        }
        ["serviceprincipals", id, "approleassignedto"] => {
            lists::of_holder(simulation, request, directory, id, &directory.app_roles, "resourceId")
        }
        ["serviceprincipals", id, "oauth2permissiongrants"] => {
            lists::of_holder(simulation, request, directory, id, &directory.delegated, "clientId")
        }
        ["oauth2permissiongrants"] => lists::answer(simulation, request, &directory.delegated),
        ["rolemanagement", "directory", "roleassignments"] => {
            lists::answer(simulation, request, &directory.role_assignments)
        }
        ["rolemanagement", "directory", "roleassignmentscheduleinstances"] => {
            lists::role_instances(simulation, request, directory)
        }
        ["organization"] => lists::answer(simulation, request, std::slice::from_ref(&directory.organization)),
        [applications] if applications == "applications" || applications.starts_with("applications(") => {
            registrations::answer(simulation, request, directory)
        }
        _ => Err(answer::no_segment()),
    }
}
