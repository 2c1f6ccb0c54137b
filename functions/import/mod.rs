//! Imports that somebody asks for over HTTP: one connection, or one host pool of it. What `import_webhook` and
//! `import_webhook_signed` share once it is settled who asks.
//!
//! A request leads to a run that is begun before it is answered; how the run goes on is not waited for.

pub mod choose;
pub mod claims;
pub mod trust;

use crate::deps::Deps;
use crate::health::{self, HealthState};
use crate::runs;
use crate::stage::Fault;
use axum::http::StatusCode;
use claims::{Claim, Repeat, claim};
use poolwarden_domain::ArmId;
use poolwarden_domain::run::{PART_SUFFIX, Run, Source, Trigger};
use poolwarden_domain::text::sha256_hex;
use poolwarden_host::{Failure, HttpAnswer, HttpRequest, Outcome, WireError};
use serde::Deserialize;
use serde_json::json;

/// The largest body of a request, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// The names of the bindings in the functions' function.json.
pub const REQUEST: &str = "req";
const RESPONSE: &str = "res";
/// Where the state of connections and runs is told.
const STATUS: &str = "/api/status";

/// What a request asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// A connection, by its name.
    #[serde(default)]
    connection: Option<String>,
    /// A host pool, by its resource id.
    #[serde(default)]
    host_pool: Option<String>,
    /// Whether everything is read anew, changed or not.
    #[serde(default)]
    full: bool,
}

/// Why a request leads to no run.
enum Refused {
    /// It makes no sense; this is what the caller is told.
    BadRequest(String),
    /// It contradicts what is there.
    Conflict(String),
    /// It came before.
    Replayed,
    /// Nobody can say now.
    Fault(Fault),
}

impl<T: Into<Fault>> From<T> for Refused {
    fn from(fault: T) -> Self {
        Self::Fault(fault.into())
    }
}

/// Says at the start whether signed imports are on.
pub fn announce(deps: &Deps) {
    if !deps.trust.is_on() {
        tracing::info!("signed imports are off: neither [[import.secret]] nor [import.entra] is configured");
    }
}

/// An answer through the functions' output binding.
pub fn respond(answer: HttpAnswer) -> Outcome {
    Outcome::http(RESPONSE, answer)
}

/// A refusal that says why.
pub fn refuse(status: StatusCode, why: &str) -> Outcome {
    respond(HttpAnswer::json(status, json!({ "error": why })))
}

/// A refusal that says nothing: whoever must not come in has nothing to learn here.
pub fn unauthorized() -> Outcome {
    refuse(StatusCode::UNAUTHORIZED, "unauthorized")
}

/// A refusal of a body that is too large.
pub fn too_large(limit: usize) -> Outcome {
    refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body has more than {limit} bytes"))
}

/// Begins what a request asks for, now that it is settled that its sender may.
pub async fn import(deps: &Deps, request: &HttpRequest, repeat: Repeat) -> Result<Outcome, Failure> {
    match begin(deps, request, &repeat).await {
        Ok(run) => {
            let answer = json!({ "run": run.id, "connection": run.connection });
            Ok(respond(HttpAnswer::json(StatusCode::ACCEPTED, answer).with_header("Location", STATUS)))
        }
        Err(Refused::BadRequest(why)) => Ok(refuse(StatusCode::BAD_REQUEST, &why)),
        Err(Refused::Conflict(why)) => Ok(refuse(StatusCode::CONFLICT, &why)),
        Err(Refused::Replayed) => {
            tracing::warn!(reason = "its webhook-id was used before", "signed import refused");
            Ok(unauthorized())
        }
        Err(Refused::Fault(fault)) => Err(Failure::new(fault.to_string())),
    }
}

async fn begin(deps: &Deps, request: &HttpRequest, repeat: &Repeat) -> Result<Run, Refused> {
    if request.body.is_none() {
        return Err(Refused::BadRequest("there is no body; send one with its Content-Length".to_owned()));
    }
    // A list in the order of the fields would be taken for them.
    if request.body.as_ref().is_some_and(|body| !body.trim_ascii_start().starts_with(b"{")) {
        return Err(Refused::BadRequest("the body is not what it should be: it is no JSON object".to_owned()));
    }
    let wanted: Wanted = request.json().map_err(|error| match error {
        WireError::Shape { reason, .. } => Refused::BadRequest(format!("the body is not what it should be: {reason}")),
        other => Refused::BadRequest(other.to_string()),
    })?;
    let (connection, only) = choose(deps, &wanted).await?;
    let now = deps.now();
    let content = sha256_hex(format!("{connection}\n{only:?}\n{}", wanted.full).as_bytes());
    // Without a key, what is asked for twice within a second is asked for once.
    let salt = repeat.key().unwrap_or(&content);
    let id = runs::id(now, salt) + if only.is_empty() { "" } else { PART_SUFFIX };
    let mut run = Run::new(id, &connection, Trigger::Webhook, Source::Azure, now).limited_to(&only);
    run.full = wanted.full;
    let Some(key) = repeat.key() else {
        runs::start(deps, &run).await?;
        return Ok(run);
    };
    let ours = Claim { run: run.id.clone(), content, at: now, begun: false };
    let counts = claim(deps, key, ours.clone()).await?;
    match repeat {
        Repeat::Refused(_) if counts.begun || counts.content != ours.content => return Err(Refused::Replayed),
        _ if counts.content != ours.content => {
            return Err(Refused::Conflict("this key came with another request before".to_owned()));
        }
        _ => {}
    }
    (run.id, run.started_at) = (counts.run, counts.at);
    if !counts.begun {
        runs::start(deps, &run).await?;
        claims::begun(deps, key).await?;
    }
    Ok(run)
}

/// The connection, and the host pool if it is about one alone.
async fn choose(deps: &Deps, wanted: &Wanted) -> Result<(String, Vec<ArmId>), Refused> {
    let bad = |why: &str| Refused::BadRequest(why.to_owned());
    let pool = match wanted.host_pool.as_deref().map(ArmId::from_outside) {
        None => None,
        Some(Some(id)) if id.is_host_pool() => Some(id),
        Some(_) => {
            return Err(bad("host_pool is not the resource id of a host pool: \
                /subscriptions/…/resourceGroups/…/providers/Microsoft.DesktopVirtualization/hostPools/…"));
        }
    };
    let connection = match (&wanted.connection, &pool) {
        (None, None) => return Err(bad("name a connection or a host_pool")),
        (Some(name), pool) => {
            let found = deps.config.connection(name).ok_or_else(|| bad("there is no connection of this name"))?;
            if pool.as_ref().is_some_and(|pool| !found.covers(pool)) {
                return Err(bad("the connection does not read the host pool's subscription"));
            }
            found
        }
        (None, Some(pool)) => {
            let found = choose::connections_of(deps, deps.config.connections.iter(), pool).await?;
            match found[..] {
                [one] => one,
                [] => return Err(bad("no connection reads the host pool's subscription")),
                _ => {
                    let names: Vec<&str> = found.iter().map(|connection| connection.name.as_str()).collect();
                    return Err(Refused::BadRequest(format!("name one of the connections {}", names.join(", "))));
                }
            }
        }
    };
    let known = health::of(deps, &connection.name).await?;
    if known.is_some_and(|health| health.state == HealthState::NeedsAttention) {
        return Err(Refused::Conflict(format!(
            "the sign-in of connection {} needs attention; mend it, then run `poolwarden connections check {}`",
            connection.name, connection.name
        )));
    }
    Ok((connection.name.clone(), pool.into_iter().collect()))
}
