//! When the secret or certificate that a connection signs in with ends: the certificate says so itself, and of a secret
//! Microsoft Graph knows, if it lets the application look at its own registration.
//!
//! Not knowing is no error: most applications may not look, and nothing depends on it but a warning in time. Signing in
//! to Graph is apart from the connection's own sign-in, so that a refusal there counts for nothing.

use crate::certificate::CertificateSource;
use crate::cloud::Endpoints;
use crate::http::{Http, read_body};
use crate::identity::{needed_secret, source};
use crate::secret::SecretRef;
use crate::sign_in::{ANY_ORGANIZATION, Credential};
use crate::token_endpoint::TokenEndpoint;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// Largest answer, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;
/// Longest time for one answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How much of a secret its hint repeats, in characters.
const HINT_CHARS: usize = 3;

#[derive(Deserialize)]
struct Applications {
    value: Vec<Application>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    #[serde(default)]
    password_credentials: Vec<Password>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Password {
    /// The secret's first three characters.
    #[serde(default)]
    hint: Option<String>,
    #[serde(default)]
    end_date_time: Option<Timestamp>,
}

/// When the credential ends, if it ends and that can be known. To be asked after a sign-in that worked, and seldom.
pub async fn credential_end(
    credential: &Credential,
    endpoints: &Endpoints,
    http: &Http,
    now: Timestamp,
) -> Option<Timestamp> {
    let (tenant_id, client_id, secret) = match credential {
        Credential::ClientCertificate { tenant_id, client_id, certificate } => {
            let ours = TokenEndpoint::new(http.clone(), endpoints.clone());
            let (tenant_id, client_id, certificate) = (tenant_id.clone(), client_id.clone(), certificate.clone());
            let source = CertificateSource { ours, tenant_id, client_id, certificate };
            return source.identity().await.ok().map(|identity| identity.ends_at);
        }
        Credential::ClientSecret { tenant_id, client_id, secret } => (tenant_id, client_id, secret),
        // An application signs in for itself to one directory only.
        Credential::UsernamePassword { tenant_id, client_id, secret: Some(secret), .. }
            if tenant_id != ANY_ORGANIZATION =>
        {
            (tenant_id, client_id, secret)
        }
        _ => return None,
    };
    if !endpoints.has_graph() {
        return None;
    }
    let passwords = passwords(tenant_id, client_id, secret, endpoints, http).await?;
    let value = needed_secret(secret, endpoints, http).await.ok()?;
    end_of(&passwords, value.expose_secret(), now)
}

/// The secrets that the application's registration lists, or nothing if Graph does not show it.
async fn passwords(
    tenant_id: &str,
    client_id: &str,
    secret: &SecretRef,
    endpoints: &Endpoints,
    http: &Http,
) -> Option<Vec<Password>> {
    let (tenant_id, client_id, secret) = (tenant_id.to_owned(), client_id.to_owned(), secret.clone());
    let url = applications(endpoints, &client_id)?;
    let application = Credential::ClientSecret { tenant_id, client_id, secret };
    let token = source(application, endpoints, http).acquire(endpoints.graph_scope()).await.ok()?;
    let request = http.0.get(url).bearer_auth(token.secret.expose_secret()).timeout(TIMEOUT);
    let response = request.send().await.ok()?;
    if response.status().as_u16() != 200 {
        return None;
    }
    let body = read_body(response, ANSWER_LIMIT).await.ok()?;
    let found: Applications = serde_json::from_slice(&body).ok()?;
    Some(found.value.into_iter().next()?.password_credentials)
}

fn applications(endpoints: &Endpoints, client_id: &str) -> Option<Url> {
    let mut url = endpoints.graph().clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(["v1.0", "applications"]);
    // A quotation mark in a literal of OData is written twice.
    let filter = format!("appId eq '{}'", client_id.replace('\'', "''"));
    url.query_pairs_mut().append_pair("$filter", &filter).append_pair("$select", "appId,passwordCredentials");
    Some(url)
}

/// When the secret of this value ends. The hint tells which of several it is; where it does not, the next that ends is
/// named, for a warning too early is better than none. One that has ended already is not the one that signed in.
fn end_of(passwords: &[Password], value: &str, now: Timestamp) -> Option<Timestamp> {
    let is_hinted = |password: &&Password| {
        let hint = password.hint.as_deref().filter(|hint| hint.chars().count() >= HINT_CHARS);
        hint.is_some_and(|hint| value.starts_with(hint))
    };
    let next = |of: &mut dyn Iterator<Item = &Password>| {
        of.filter_map(|password| password.end_date_time).filter(|end| *end > now).min()
    };
    next(&mut passwords.iter().filter(is_hinted)).or_else(|| next(&mut passwords.iter()))
}

#[cfg(test)]
mod tests;
