//! The managed identity of a virtual machine: the token endpoint of the
//! instance metadata service.

use serde_json::json;

use super::endpoints::{IDENTITY_CLIENT_ID, caller_of, has_identity};
use crate::{reply::Reply, request::Request, state::Simulation};

/// `GET /metadata/identity/oauth2/token?resource=…&api-version=…[&client_id=…]`
/// with `Metadata: true`.
pub(crate) fn token(simulation: &Simulation, request: &Request) -> Reply {
    let refuse =
        |error: &str, description: &str| Reply::json(400, &json!({"error": error, "error_description": description}));
    if request.header("metadata").is_none_or(|value| !value.eq_ignore_ascii_case("true")) {
        return refuse("invalid_request", "Required metadata header not specified");
    }
    if request.query("api-version").is_none() {
        return refuse("invalid_request", "Required api-version query parameter not specified");
    }
    let Some(resource) = request.query("resource").filter(|resource| !resource.is_empty()) else {
        return refuse("invalid_request", "Required audience parameter not specified");
    };
    let client_id = request.query("client_id").unwrap_or(IDENTITY_CLIENT_ID);
    if !has_identity(simulation, client_id) {
        return refuse("invalid_request", "Identity not found");
    }
    let now = simulation.now();
    let (token, expires) = simulation.tokens.issue(&caller_of(client_id), resource, &request.origin, now);
    let lifetime = simulation.tokens.lifetime_s().to_string();
    Reply::json(
        200,
        &json!({
            "access_token": token,
            "client_id": client_id,
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "expires_on": expires.to_string(),
            "not_before": now.as_second().to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }),
    )
}
