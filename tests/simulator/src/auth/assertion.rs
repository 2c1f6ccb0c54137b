//! Client assertions: the shape and the claims of the JWT by which a client
//! proves that it has a certificate. The signature is not checked, because no
//! certificate is registered here.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::Value;

use super::outcome::Refused;
use crate::request::Request;

/// What a federated token (workload identity) is issued for.
const FEDERATED_AUDIENCE: &str = "api://AzureADTokenExchange";
/// How far the clocks of client and Entra may be apart, in seconds.
const SKEW_S: i64 = 300;

/// Checks an assertion of a client.
pub(super) fn check(assertion: &str, client_id: &str, request: &Request, now: Timestamp) -> Result<(), Refused> {
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        return Err(Refused::code(50_027));
    };
    let header = decoded(header)?;
    let claims = decoded(claims)?;
    let signed = BASE64_URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| !bytes.is_empty());
    let names_key = ["x5t", "x5t#S256", "kid"].iter().any(|name| header[*name].is_string());
    if !signed || !names_key || !matches!(header["alg"].as_str(), Some("RS256" | "PS256")) {
        return Err(Refused::code(700_027));
    }
    let now = now.as_second();
    let begins = claims["nbf"].as_i64().unwrap_or(now);
    if claims["exp"].as_i64().is_none_or(|expires| expires + SKEW_S <= now) || begins > now + SKEW_S {
        return Err(Refused::code(700_024));
    }
    let audience = claims["aud"].as_str().unwrap_or("");
    if audience == FEDERATED_AUDIENCE {
        return Ok(());
    }
    if !is_endpoint(audience, request) {
        return Err(Refused::code(700_023));
    }
    let is_client = |name: &str| claims[name].as_str().is_some_and(|value| value.eq_ignore_ascii_case(client_id));
    if is_client("iss") && is_client("sub") { Ok(()) } else { Err(Refused::code(700_021)) }
}

fn decoded(part: &str) -> Result<Value, Refused> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::code(50_027))?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object).ok_or_else(|| Refused::code(50_027))
}

/// Whether an audience is the token endpoint asked, or its tenant's issuer, at
/// whichever host the client knows it by.
fn is_endpoint(audience: &str, request: &Request) -> bool {
    let Some((_, rest)) = audience.split_once("://") else {
        return false;
    };
    let path = rest.find('/').map_or("", |at| &rest[at..]).to_ascii_lowercase();
    let tenant = request.lower.split('/').nth(1).unwrap_or("");
    let known = [
        request.lower.clone(),
        format!("/{tenant}/oauth2/v2.0/token"),
        format!("/{tenant}/oauth2/token"),
        format!("/{tenant}/v2.0"),
    ];
    known.contains(&path.trim_end_matches('/').to_owned())
}
