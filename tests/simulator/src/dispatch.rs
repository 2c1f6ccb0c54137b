//! The way of a request: delay, sign-in, faults, limits, and then the
//! interface it addresses.

use std::sync::Arc;

use axum::{body::Body, extract::State, http::Response};
use jiff::Timestamp;

use crate::{
    admin, arm,
    auth::{
        device, endpoints, grants, imds,
        token::{Caller, TokenFault},
    },
    classic,
    fault::{Effect, RetryAfter},
    feed, graph, key_vault, microsoft_graph,
    reply::Reply,
    request::{Api, Request},
    service_bus,
    state::Simulation,
};

pub(crate) async fn handle(
    State(simulation): State<Arc<Simulation>>,
    request: axum::http::Request<Body>,
) -> Response<Body> {
    let request = match Request::read(request).await {
        Ok(request) => request,
        Err(refusal) => return refusal.into_response(),
    };
    if request.api == Api::Control {
        return admin::handle(&simulation, &request).into_response();
    }
    // A receiver that waits for messages is not at work.
    let flight = (request.api != Api::ServiceBus).then(|| simulation.stats.enter());
    if !simulation.options.rtt.is_zero() {
        tokio::time::sleep(simulation.options.rtt).await;
    }
    let effects = simulation.faults.decide(&request);
    for effect in &effects {
        if let Effect::Slow(delay) = effect {
            tokio::time::sleep(*delay).await;
        }
    }
    let mut reply = match request.api {
        Api::ServiceBus => service_bus::answer(&simulation, &request, &effects).await,
        _ => answer(&simulation, &request, &effects),
    };
    for effect in &effects {
        reply = match effect {
            Effect::Cut => reply.cut(),
            Effect::Truncate => reply.truncated(),
            _ => reply,
        };
    }
    simulation.stats.record(&request, reply.status, reply.body.len());
    drop(flight);
    reply.into_response()
}

fn answer(simulation: &Simulation, request: &Request, effects: &[Effect]) -> Reply {
    let now = simulation.now();
    let caller = match request.api.resource() {
        Some(resource) => {
            match simulation.tokens.check(request.header("authorization"), resource, &request.origin, now) {
                Ok(caller) if simulation.sessions.is_revoked(&caller) => {
                    return unauthenticated(simulation, request, TokenFault::Invalid);
                }
                Ok(caller) => Some(caller),
                Err(fault) => return unauthenticated(simulation, request, fault),
            }
        }
        None => None,
    };
    if let Some(reply) = effects.iter().find_map(|effect| wrecked(simulation, request, caller.as_ref(), effect, now)) {
        return identified(request, reply, simulation);
    }
    let Some(caller) = caller else {
        return match request.api {
            Api::Token if request.lower.ends_with("/devicecode") => device::device_code(simulation, request),
            Api::Token => grants::token(simulation, request),
            Api::ManagedIdentity if request.lower.starts_with("/metadata/") => imds::token(simulation, request),
            Api::ManagedIdentity => endpoints::managed_identity(simulation, request),
            _ => endpoints::discovery(simulation, request),
        };
    };
    match request.api {
        Api::Feed | Api::ClassicFeed => {
            return identified(request, feed::handle(simulation, request, &caller), simulation);
        }
        Api::Classic => return identified(request, classic::handle(simulation, request), simulation),
        Api::Directory => {
            return identified(request, microsoft_graph::handle(simulation, request, &caller), simulation);
        }
        Api::KeyVault => return identified(request, key_vault::handle(simulation, request), simulation),
        _ => {}
    }
    let verdict = match request.api {
        Api::ResourceGraph => simulation.throttle.graph(&caller.object_id, now),
        _ => simulation.throttle.arm(request, &caller.object_id, now),
    };
    let reply = match &verdict.refusal {
        Some(refusal) => refusal.clone(),
        None => match request.api {
            Api::ResourceGraph => graph::query(simulation, request),
            Api::ActivityLog => arm::activity_log::list(simulation, request),
            _ => arm::handle(simulation, request, &caller),
        },
    };
    identified(request, verdict.dress(reply), simulation)
}

/// Adds the ids by which a call is found again.
fn identified(request: &Request, reply: Reply, simulation: &Simulation) -> Reply {
    let id = simulation.next_request_id();
    let correlation = request.header("x-ms-correlation-request-id").unwrap_or(&id).to_owned();
    let client = request.header("x-ms-client-request-id").map(str::to_owned);
    let reply = reply.with("x-ms-request-id", &id).with("x-ms-correlation-request-id", &correlation);
    match client {
        Some(client) if request.header("x-ms-return-client-request-id") == Some("true") => {
            reply.with("x-ms-client-request-id", &client)
        }
        _ => reply,
    }
}

fn unauthenticated(simulation: &Simulation, request: &Request, fault: TokenFault) -> Reply {
    let (code, message) = match fault {
        TokenFault::Missing => {
            ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        }
        TokenFault::Invalid => ("InvalidAuthenticationToken", "The access token is invalid."),
        TokenFault::Expired => {
            ("ExpiredAuthenticationToken", "The access token expiry UTC time has passed. Please refresh the token.")
        }
        TokenFault::WrongAudience => (
            "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience or resource. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'.",
        ),
    };
    let challenge = format!(
        "Bearer authorization_uri=\"{}/{}\", error=\"invalid_token\", error_description=\"{message}\"",
        request.origin,
        simulation.tenant()
    );
    if request.api.is_feed() {
        return feed::plain(401, "").with("www-authenticate", &challenge);
    }
    Reply::error(401, code, message).with("www-authenticate", &challenge)
}

/// The answer a fault gives in place of the real one.
pub(crate) fn wrecked(
    simulation: &Simulation,
    request: &Request,
    caller: Option<&Caller>,
    effect: &Effect,
    now: Timestamp,
) -> Option<Reply> {
    match effect {
        Effect::TooManyRequests(retry_after) => Some(too_many(request, *retry_after, now)),
        Effect::Unavailable => Some(Reply::error(
            503,
            "ServerTimeout",
            "The request timed out. Diagnostic information: timestamp, subscription id, tracking id, request correlation id.",
        )),
        Effect::Forbidden(_) if request.api.is_feed() => Some(feed::plain(403, "Access is denied.")),
        Effect::Forbidden(_) if request.api == Api::Directory => Some(microsoft_graph::denied()),
        Effect::Forbidden(_) => Some(arm::error::forbidden(request, caller)),
        Effect::Malformed => Some(web_page()),
        Effect::Html => Some(portal_page()),
        Effect::NotFound if request.api == Api::Directory => {
            Some(microsoft_graph::refusal(404, "Request_ResourceNotFound", "The resource does not exist."))
        }
        Effect::NotFound => Some(arm::error::not_found(request)),
        Effect::Gone if request.api == Api::Directory => {
            Some(microsoft_graph::refusal(410, "syncStateNotFound", "The sync state generation is not found."))
        }
        Effect::Gone => Some(Reply::error(410, "Gone", "The service is no longer available.")),
        Effect::ExpiredToken => Some(unauthenticated(simulation, request, TokenFault::Expired)),
        Effect::Cut | Effect::Truncate | Effect::Slow(_) => None,
    }
}

/// What a gateway says instead of the service.
pub(crate) fn web_page() -> Reply {
    Reply::bytes(
        200,
        "text/html",
        "<!DOCTYPE html><html><head><title>Our services aren't available right now</title></head><body><h2>We're working to restore all services".into(),
    )
}

/// What stands between a client and the service: a page to sign in at, with a
/// status that says all is well.
pub(crate) fn portal_page() -> Reply {
    Reply::bytes(
        200,
        "text/html; charset=utf-8",
        "<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body><form action=\"/login\"><input name=\"user\"></form></body></html>".into(),
    )
}

fn too_many(request: &Request, retry_after: RetryAfter, now: Timestamp) -> Reply {
    let reply = match request.api {
        Api::ResourceGraph => {
            graph::refusal(429, "RateLimiting", now, &[("RateLimiting", "Client application has been throttled.")])
        }
        _ => Reply::error(429, "TooManyRequests", "The request is being throttled as the limit has been reached."),
    };
    with_retry_after(reply, retry_after, now)
}

/// Says when to come back, in the form a fault demands.
pub(crate) fn with_retry_after(reply: Reply, retry_after: RetryAfter, now: Timestamp) -> Reply {
    match retry_after {
        RetryAfter::Seconds(seconds) => reply.with("retry-after", &seconds.to_string()),
        RetryAfter::Date => {
            let at = now.checked_add(jiff::SignedDuration::from_secs(2)).unwrap_or(now);
            reply.with("retry-after", &at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        }
        RetryAfter::None => reply,
        RetryAfter::Garbage => reply.with("retry-after", "soon, perhaps"),
    }
}
