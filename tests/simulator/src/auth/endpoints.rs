//! The endpoints that hand out tokens: Entra's token endpoint and discovery,
//! and the managed identity of an App Service. That of a virtual machine is in
//! `imds`.

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::token::Caller;
use crate::{
    dice::{guid, hash},
    reply::Reply,
    request::Request,
    state::Simulation,
};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The client id of the system-assigned identity.
pub(super) const IDENTITY_CLIENT_ID: &str = "0c1e47f0-51a0-4ed5-b0a3-5f00000000ff";
pub(crate) const MANAGEMENT: &str = "https://management.azure.com";

/// `POST /{tenant}/oauth2/v2.0/token` (and the older `/oauth2/token`).
pub(crate) fn token(simulation: &Simulation, request: &Request) -> Reply {
    let now = simulation.clock.now();
    if request.method != axum::http::Method::POST {
        return entra_error(400, "invalid_request", 900_561, "The endpoint only accepts POST requests.", now);
    }
    let tenant = request.segments().first().map_or("", |tenant| *tenant);
    let known = [simulation.tenant(), "organizations", "common"];
    if !known.iter().any(|known| known.eq_ignore_ascii_case(tenant)) {
        let message = format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
        return entra_error(400, "invalid_request", 90_002, &message, now);
    }
    let form = Form::parse(&request.body);
    match form.get("grant_type") {
        Some("client_credentials") => {}
        Some(other) => {
            let message = format!("The app requested an unsupported grant type '{other}'.");
            return entra_error(400, "unsupported_grant_type", 70_003, &message, now);
        }
        None => {
            let message = "The request body must contain the following parameter: 'grant_type'.";
            return entra_error(400, "invalid_request", 900_144, message, now);
        }
    }
    let id = form.get("client_id").unwrap_or("");
    let Some(client) = simulation.options.clients.iter().find(|client| client.id.eq_ignore_ascii_case(id)) else {
        let message = format!("Application with identifier '{id}' was not found in the directory '{tenant}'.");
        return entra_error(400, "unauthorized_client", 700_016, &message, now);
    };
    let proven = match (form.get("client_secret"), form.get("client_assertion")) {
        (Some(secret), _) => secret == client.secret,
        (None, Some(assertion)) => {
            form.get("client_assertion_type") == Some(ASSERTION_TYPE) && assertion.split('.').count() == 3
        }
        (None, None) => {
            let message =
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            return entra_error(401, "invalid_client", 7_000_218, message, now);
        }
    };
    if !proven {
        let message = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, for a secret added to app '{id}'."
        );
        return entra_error(401, "invalid_client", 7_000_215, &message, now);
    }
    let audience = match (form.get("scope"), form.get("resource")) {
        (Some(scope), _) => match scope.split(' ').find_map(|scope| scope.strip_suffix("/.default")) {
            Some(audience) => audience,
            None => {
                let message = format!(
                    "The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
                );
                return entra_error(400, "invalid_scope", 70_011, &message, now);
            }
        },
        (None, Some(resource)) => resource,
        (None, None) => {
            let message = "The request body must contain the following parameter: 'scope'.";
            return entra_error(400, "invalid_request", 900_144, message, now);
        }
    };
    let caller = caller_of(&client.id);
    let (token, _) = simulation.tokens.issue(&caller, audience, &request.origin, now);
    Reply::json(
        200,
        &json!({
            "token_type": "Bearer",
            "expires_in": simulation.tokens.lifetime_s(),
            "ext_expires_in": simulation.tokens.lifetime_s(),
            "access_token": token,
        }),
    )
}

/// `GET /msi/token?resource=…&api-version=2019-08-01[&client_id=…]`.
pub(crate) fn managed_identity(simulation: &Simulation, request: &Request) -> Reply {
    let refuse = |status: u16, message: &str| {
        Reply::json(status, &json!({"statusCode": status, "message": message, "correlationId": request_guid(message)}))
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

/// A token without any request, for tests in the same process.
pub(crate) fn direct(simulation: &Simulation, audience: &str, origin: &str) -> String {
    let caller = caller_of(IDENTITY_CLIENT_ID);
    simulation.tokens.issue(&caller, audience, origin, simulation.clock.now()).0
}

/// Whether a machine has a managed identity with this client id.
pub(super) fn has_identity(simulation: &Simulation, client_id: &str) -> bool {
    client_id.eq_ignore_ascii_case(IDENTITY_CLIENT_ID)
        || simulation.options.clients.iter().any(|client| client.id.eq_ignore_ascii_case(client_id))
}

pub(super) fn caller_of(client_id: &str) -> Caller {
    let client_id = client_id.to_ascii_lowercase();
    Caller { object_id: guid(hash(1, &client_id), hash(2, &client_id)), client_id }
}

fn request_guid(text: &str) -> String {
    guid(hash(3, text), hash(4, text))
}

fn entra_error(status: u16, error: &str, code: u32, message: &str, now: Timestamp) -> Reply {
    let timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let trace = request_guid(&format!("{message}{timestamp}"));
    let correlation = request_guid(&timestamp);
    Reply::json(
        status,
        &json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
            ),
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        }),
    )
}

/// A form body.
struct Form(Vec<(String, String)>);

impl Form {
    fn parse(body: &[u8]) -> Self {
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = String::from_utf8_lossy(body)
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect();
        Self(pairs)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
