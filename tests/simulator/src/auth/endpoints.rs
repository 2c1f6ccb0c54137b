//! The endpoints beside Entra's token endpoint (see `grants`): discovery, and
//! the managed identity of an App Service. That of a virtual machine is in
//! `imds`.

use serde_json::json;

use super::{outcome::text_guid, token::Caller};
use crate::{
    dice::{guid, hash},
    options::DEFAULT_CLIENT_ID,
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// The client id of the system-assigned identity.
pub(crate) const IDENTITY_CLIENT_ID: &str = "0c1e47f0-51a0-4ed5-b0a3-5f00000000ff";
pub(crate) const MANAGEMENT: &str = "https://management.azure.com";

/// `GET /msi/token?resource=…&api-version=2019-08-01[&client_id=…]`.
pub(crate) fn managed_identity(simulation: &Simulation, request: &Request) -> Reply {
    let refuse = |status: u16, message: &str| {
        Reply::json(status, &json!({"statusCode": status, "message": message, "correlationId": text_guid(message)}))
    };
    if request.header("x-identity-header") != Some(simulation.options.identity_header.as_str()) {
        return refuse(401, "The X-IDENTITY-HEADER header is missing or does not match.");
    }
    if request.query("api-version") != Some("2019-08-01") {
        return refuse(400, "The api-version is missing or not supported: 2019-08-01.");
    }
    let Some(resource) = request.query("resource").filter(|resource| !resource.is_empty()) else {
        return refuse(400, "The resource parameter is missing.");
    };
    let client_id = request.query("client_id").unwrap_or(IDENTITY_CLIENT_ID);
    if !has_identity(simulation, client_id) {
        return refuse(
            400,
            "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
        );
    }
    let now = simulation.clock.now();
    let caller = caller_of(client_id);
    let (token, expires) = simulation.tokens.issue(&caller, resource, &request.origin, now);
    Reply::json(
        200,
        &json!({
            "access_token": token,
            "expires_on": expires.to_string(),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": client_id,
        }),
    )
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`, the instance
/// discovery and the (empty) key set.
pub(crate) fn discovery(simulation: &Simulation, request: &Request) -> Reply {
    let origin = &request.origin;
    let tenant = simulation.tenant();
    if request.lower.ends_with("/keys") {
        return Reply::json(200, &json!({"keys": []}));
    }
    if request.lower.ends_with("/discovery/instance") {
        let host = origin.trim_start_matches("http://");
        return Reply::json(
            200,
            &json!({
                "tenant_discovery_endpoint": format!("{origin}/{tenant}/v2.0/.well-known/openid-configuration"),
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }),
        );
    }
    Reply::json(
        200,
        &json!({
            "token_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": format!("{origin}/{tenant}/discovery/v2.0/keys"),
            "device_authorization_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/devicecode"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "issuer": format!("{origin}/{tenant}/v2.0"),
            "authorization_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/authorize"),
            "tenant_region_scope": "EU",
            "cloud_instance_name": origin.trim_start_matches("http://"),
        }),
    )
}

/// A token without any request, for tests in the same process: of a user, or
/// of the managed identity.
pub(crate) fn direct(simulation: &Simulation, account: Option<&str>, audience: &str, origin: &str) -> String {
    let caller = match account {
        Some(account) => user(account, DEFAULT_CLIENT_ID, simulation.sessions.number()),
        None => caller_of(IDENTITY_CLIENT_ID),
    };
    simulation.tokens.issue(&caller, audience, origin, simulation.clock.now()).0
}

/// Whether a machine has a managed identity with this client id.
pub(super) fn has_identity(simulation: &Simulation, client_id: &str) -> bool {
    client_id.eq_ignore_ascii_case(IDENTITY_CLIENT_ID)
        || simulation.options.clients.iter().any(|client| client.id.eq_ignore_ascii_case(client_id))
}

/// An application that speaks for itself.
pub(super) fn caller_of(client_id: &str) -> Caller {
    let client_id = client_id.to_ascii_lowercase();
    Caller { object_id: object_id_of(&client_id), client_id, account: None, session: 0 }
}

/// The object id of an application's service principal, by which the directory
/// and role assignments know it.
pub(crate) fn object_id_of(client_id: &str) -> String {
    let client_id = client_id.to_ascii_lowercase();
    guid(hash(1, &client_id), hash(2, &client_id))
}

/// A user, by an application, in a session.
pub(super) fn user(account: &str, client_id: &str, session: u64) -> Caller {
    let lower = account.to_ascii_lowercase();
    Caller {
        object_id: guid(hash(1, &lower), hash(2, &lower)),
        client_id: client_id.to_ascii_lowercase(),
        account: Some(account.to_owned()),
        session,
    }
}
