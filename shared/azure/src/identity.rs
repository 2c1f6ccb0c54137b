//! Tokens from Microsoft Entra through `azure_identity`.
//!
//! The cache is [`crate::token_cache`]'s, so every call here makes a credential of its own and throws it away. The
//! transport is ours: it keeps the one connection pool, remembers what the service answered (so that a refusal is
//! told apart from a failure by status), and maps the authority to a plain-http one where that is configured.

use crate::answers::{excerpt, safe};
use crate::cloud::{Endpoints, same_origin};
use crate::http::{BodyError, Http, read_body, transport_text};
use crate::key_vault::KeyVault;
use crate::secret::{SecretError, SecretRef};
use crate::sign_in::{AccessToken, Credential, SignInError, TokenSource, sign_in};
use async_trait::async_trait;
use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, ClientOptions, HttpClient, Method, Request, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Longest time one sign-in may take, with what the library retries by itself.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(100);
/// Largest answer of a token service, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;
/// Where virtual machines ask for their identity's tokens.
const INSTANCE_METADATA: &str = "http://169.254.169.254";

/// A credential, ready to ask for tokens.
pub(crate) struct EntraSource {
    credential: Credential,
    endpoints: Endpoints,
    http: Http,
}

impl EntraSource {
    pub(crate) fn new(credential: Credential, endpoints: Endpoints, http: Http) -> Self {
        Self { credential, endpoints, http }
    }

    fn options(&self, wire: &Arc<Wire>) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = secure_twin(self.endpoints.authority()).to_string();
        ClientOptions {
            cloud: Some(Arc::new(cloud.into())),
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::clone(wire) as Arc<dyn HttpClient>)),
            ..ClientOptions::default()
        }
    }

    /// The credential of the library, and the secret it holds (to keep that out of error texts).
    async fn credential(&self, wire: &Arc<Wire>) -> Result<(Arc<dyn TokenCredential>, Option<String>), SignInError> {
        let client_options = self.options(wire);
        let built: azure_core::Result<Arc<dyn TokenCredential>> = match &self.credential {
            Credential::ManagedIdentity { client_id } => {
                let mut options = ManagedIdentityCredentialOptions::default();
                options.user_assigned_id = client_id.clone().map(UserAssignedId::ClientId);
                options.client_options = client_options;
                ManagedIdentityCredential::new(Some(options)).map(|credential| credential as _)
            }
            Credential::WorkloadIdentity { tenant_id, client_id, token_file } => {
                let mut options = WorkloadIdentityCredentialOptions::default();
                options.credential_options = ClientAssertionCredentialOptions { client_options };
                options.tenant_id = Some(or_variable(tenant_id.as_deref(), "tenant_id", "AZURE_TENANT_ID")?);
                options.client_id = Some(or_variable(client_id.as_deref(), "client_id", "AZURE_CLIENT_ID")?);
                let file = token_file.as_ref().map(|path| path.to_string_lossy());
                let file = or_variable(file.as_deref(), "token_file", "AZURE_FEDERATED_TOKEN_FILE")?;
                options.token_file_path = Some(PathBuf::from(file));
                WorkloadIdentityCredential::new(Some(options)).map(|credential| credential as _)
            }
            Credential::ClientSecret { tenant_id, client_id, secret } => {
                let secret = self.client_secret(secret).await?;
                let options = ClientSecretCredentialOptions { client_options };
                let built =
                    ClientSecretCredential::new(tenant_id, client_id.clone(), Secret::new(secret.clone()), Some(options));
                return built.map(|credential| (credential as _, Some(secret))).map_err(|error| misconfigured(&error));
            }
            Credential::AzureCli { tenant_id } => {
                let options = AzureCliCredentialOptions { tenant_id: tenant_id.clone(), ..Default::default() };
                AzureCliCredential::new(Some(options)).map(|credential| credential as _)
            }
        };
        built.map(|credential| (credential, None)).map_err(|error| misconfigured(&error))
    }

    async fn client_secret(&self, secret: &SecretRef) -> Result<String, SignInError> {
        let vault = matches!(secret, SecretRef::KeyVault(_)).then(|| {
            let identity = sign_in(Credential::ManagedIdentity { client_id: None }, &self.endpoints, &self.http);
            KeyVault::new(self.http.clone(), identity, self.endpoints.clone())
        });
        let resolved = secret.resolve(vault.as_ref()).await;
        resolved.map(|secret| secret.expose_secret().to_owned()).map_err(|error| describe_secret_error(&error))
    }

    fn explain(&self, error: &Error, answer: Option<&Answer>) -> SignInError {
        match (&self.credential, answer) {
            (Credential::AzureCli { .. }, _) => explain_cli(&error.to_string()),
            (_, None) => {
                let what = match self.credential {
                    Credential::ManagedIdentity { .. } => {
                        "no managed identity answers here; turn it on for this app or machine, or choose another sign-in method"
                    }
                    _ => "the sign-in service is out of reach; check the network and the proxy",
                };
                SignInError::Unreachable(format!("{what}: {}", deepest(error)))
            }
            (Credential::ManagedIdentity { client_id }, Some(answer)) => answer.explain_identity(client_id.as_deref()),
            (_, Some(answer)) => answer.explain_entra(),
        }
    }
}

#[async_trait]
impl TokenSource for EntraSource {
    async fn acquire(&self, scope: &str) -> Result<AccessToken, SignInError> {
        let wire = Arc::new(Wire {
            http: self.http.clone(),
            routes: routes(&self.endpoints),
            failure: Mutex::default(),
        });
        let (credential, secret) = self.credential(&wire).await?;
        let scopes = [scope];
        let token = tokio::time::timeout(SIGN_IN_TIMEOUT, credential.get_token(&scopes, None)).await.map_err(|_| {
            SignInError::Unreachable(format!("signing in took longer than {} seconds", SIGN_IN_TIMEOUT.as_secs()))
        })?;
        match token {
            Ok(token) => Ok(AccessToken {
                secret: token.token.secret().to_owned().into(),
                expires_at: Timestamp::from_second(token.expires_on.unix_timestamp()).unwrap_or(Timestamp::MAX),
            }),
            Err(error) => {
                let answer = wire.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
                let explained = self.explain(&error, answer.as_ref());
                Err(secret.map_or(explained.clone(), |secret| without(explained, &secret)))
            }
        }
    }
}

/// Belt and braces: should an answer repeat the secret, it is not repeated here.
fn without(error: SignInError, secret: &str) -> SignInError {
    let clean = |text: String| text.replace(secret, "(secret)");
    match error {
        SignInError::Refused(text) => SignInError::Refused(clean(text)),
        SignInError::Unreachable(text) => SignInError::Unreachable(clean(text)),
        SignInError::Misconfigured(text) => SignInError::Misconfigured(clean(text)),
    }
}

fn or_variable(configured: Option<&str>, setting: &str, variable: &str) -> Result<String, SignInError> {
    let value = configured.map(str::to_owned).or_else(|| std::env::var(variable).ok()).filter(|value| !value.is_empty());
    value.ok_or_else(|| {
        SignInError::Misconfigured(format!("workload identity needs {setting}: configure it or set {variable}"))
    })
}

fn misconfigured(error: &Error) -> SignInError {
    SignInError::Misconfigured(format!("the credential cannot be used as it is configured: {}", safe(&error.to_string(), 300)))
}

fn describe_secret_error(error: &SecretError) -> SignInError {
    let text = error.to_string();
    if error.is_transient() { SignInError::Unreachable(text) } else { SignInError::Misconfigured(text) }
}

fn explain_cli(text: &str) -> SignInError {
    let text = safe(text.split("\nTo troubleshoot").next().unwrap_or(text), 400);
    if text.contains("not found on PATH") {
        SignInError::Misconfigured(format!("the Azure CLI is not installed here; install it or choose another sign-in method ({text})"))
    } else if text.contains("AADSTS") || text.contains("az login") {
        SignInError::Refused(format!("the Azure CLI is not signed in for this; run `az login` and try again ({text})"))
    } else {
        SignInError::Unreachable(text)
    }
}

fn deepest(error: &Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    safe(&deepest.to_string(), 200)
}

/// What the token service answered instead of a token.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Vec<u8>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EntraError {
    error: String,
    error_description: String,
    error_codes: Vec<i64>,
}

impl Answer {
    fn explain_entra(&self) -> SignInError {
        let parsed: EntraError = serde_json::from_slice(&self.body).unwrap_or_default();
        let code = parsed.error_codes.first().copied().or_else(|| aadsts(&parsed.error_description)).unwrap_or(0);
        // The first line says it; the rest are trace ids.
        let line = parsed.error_description.lines().next().unwrap_or_default();
        let line = line.split(" Trace ID:").next().unwrap_or(line);
        let said = match (line, parsed.error.as_str()) {
            ("", "") => excerpt(&self.body),
            ("", error) => safe(error, 100),
            (line, _) => safe(line, 300),
        };
        if self.is_failure() || code == 90_033 {
            return SignInError::Unreachable(format!("the sign-in service answered {}: {said}", self.status));
        }
        SignInError::Refused(format!("sign-in refused ({}): {said} {}", self.status, advice(code)))
    }

    fn explain_identity(&self, client_id: Option<&str>) -> SignInError {
        let parsed: EntraError = serde_json::from_slice(&self.body).unwrap_or_default();
        let said = match (parsed.error_description.as_str(), parsed.error.as_str()) {
            ("", "") => crate::answers::error_text(&self.body),
            ("", text) | (text, _) => safe(text, 300),
        };
        // 404 and 410 come while the identity service is updated.
        if self.is_failure() || matches!(self.status, 404 | 410) {
            return SignInError::Unreachable(format!("the managed identity service answered {}: {said}", self.status));
        }
        let which = client_id.map_or("the system-assigned identity".to_owned(), |id| format!("the identity {id}"));
        SignInError::Refused(format!(
            "the managed identity service refused {which} ({}): {said} Assign it to this app or machine.",
            self.status
        ))
    }

    /// A success that could not be read, and what the service itself calls a failure of its own.
    fn is_failure(&self) -> bool {
        self.status < 400 || self.status >= 500 || matches!(self.status, 408 | 429)
    }
}

fn aadsts(description: &str) -> Option<i64> {
    let digits = description.split("AADSTS").nth(1)?;
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// What a person does about an error code of Entra's.
fn advice(code: i64) -> &'static str {
    match code {
        7_000_215 => "Check the client secret: its value is needed, not its id.",
        7_000_222 => "The client secret has expired: create a new one.",
        700_016 => "Check client_id and tenant_id: the application is not in this directory.",
        90_002 => "Check tenant_id: there is no such directory.",
        70_021 | 700_213 | 700_212 => "Check the application's federated credential: issuer, subject and audience must match.",
        500_011 => "The service is not known in this directory; check the cloud setting.",
        65_001 => "An administrator has to consent to the application.",
        50_053 => "The account is locked; wait, and find out what signs in with a wrong password.",
        50_057 | 7_000_112 => "The account or application is disabled.",
        53_003 | 50_076 | 50_079 => "Conditional access stands in the way; exclude this application or add its network.",
        _ => "Check the credential.",
    }
}

/// The transport below `azure_identity`.
#[derive(Debug)]
struct Wire {
    http: Http,
    routes: Vec<(Url, Url)>,
    failure: Mutex<Option<Answer>>,
}

/// The https address that stands for a plain-http authority: the library accepts no other.
fn secure_twin(authority: &Url) -> Url {
    let mut twin = authority.clone();
    if twin.scheme() == "http" {
        let port = twin.port_or_known_default();
        // Neither can fail: both schemes are "special" and the URL has a host.
        let _ = twin.set_scheme("https");
        let _ = twin.set_port(port);
    }
    twin
}

fn routes(endpoints: &Endpoints) -> Vec<(Url, Url)> {
    let mut routes = Vec::new();
    if endpoints.authority().scheme() == "http" {
        routes.push((secure_twin(endpoints.authority()), endpoints.authority().clone()));
    }
    if let (Some(stand_in), Ok(real)) = (endpoints.instance_metadata(), Url::parse(INSTANCE_METADATA)) {
        routes.push((real, stand_in.clone()));
    }
    routes
}

impl Wire {
    fn route(&self, url: &Url) -> Url {
        let Some((_, to)) = self.routes.iter().find(|(from, _)| same_origin(from, url)) else { return url.clone() };
        let mut routed = to.clone();
        routed.set_path(url.path());
        routed.set_query(url.query());
        routed
    }
}

#[async_trait]
impl HttpClient for Wire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        // Of the kind "other", so that the library does not try again: how often is decided in one place, the cache.
        let broken = |text: String| Error::with_message(ErrorKind::Other, text);
        let method = if request.method() == Method::Post { reqwest::Method::POST } else { reqwest::Method::GET };
        let mut outgoing = self.http.0.request(method, self.route(request.url()));
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        if let Body::Bytes(bytes) = request.body() {
            outgoing = outgoing.body(bytes.clone());
        }
        let response = outgoing.send().await.map_err(|error| broken(transport_text(error)))?;
        let status = response.status().as_u16();
        let mut headers = Headers::default();
        for (name, value) in response.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_owned()));
            }
        }
        let body = read_body(response, ANSWER_LIMIT).await.map_err(|error| match error {
            BodyError::TooLarge => broken("the answer of the token service is too large".to_owned()),
            BodyError::Broken(text) => broken(text),
        })?;
        // A success is remembered without its body, which is the token.
        let kept = if status < 400 { Vec::new() } else { body.to_vec() };
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(Answer { status, body: kept });
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud;
    use serde_json::json;
    use wiremock::matchers::{body_string_contains, header, method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    const SCOPE: &str = "https://management.azure.com/.default";

    fn source(server: &MockServer, credential: Credential) -> EntraSource {
        let endpoints = Endpoints::of(Cloud::Public)
            .with_authority(&server.uri())
            .and_then(|endpoints| endpoints.with_instance_metadata(&server.uri()))
            .unwrap();
        EntraSource::new(credential, endpoints, Http::new().unwrap())
    }

    fn client_secret(folder: &tempfile::TempDir) -> Credential {
        let file = folder.path().join("secret");
        std::fs::write(&file, "hunter2hunter2\n").unwrap();
        Credential::ClientSecret { tenant_id: "t1".into(), client_id: "c1".into(), secret: SecretRef::File(file) }
    }

    async fn refuse(server: &MockServer, status: u16, body: serde_json::Value) {
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(status).set_body_json(body)).mount(server).await;
    }

    #[tokio::test]
    async fn a_client_secret_signs_in_at_the_configured_authority() {
        let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
        Mock::given(method("POST"))
            .and(path("/t1/oauth2/v2.0/token"))
            .and(body_string_contains("client_secret=hunter2hunter2&"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "abc"
            })))
            .mount(&server)
            .await;
        let token = source(&server, client_secret(&folder)).acquire(SCOPE).await.unwrap();
        assert_eq!(token.secret.expose_secret(), "abc");
        assert!(token.expires_at > Timestamp::now());
        assert!(!format!("{token:?}").contains("abc"));
    }

    #[tokio::test]
    async fn a_wrong_secret_is_a_refusal_that_says_what_to_do_and_not_the_secret() {
        let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
        let description = "AADSTS7000215: Invalid client secret hunter2hunter2 provided. Trace ID: 1\r\nTimestamp: x";
        refuse(&server, 401, json!({"error": "invalid_client", "error_description": description, "error_codes": [7_000_215]})).await;
        let error = source(&server, client_secret(&folder)).acquire(SCOPE).await.unwrap_err();
        let SignInError::Refused(text) = error else { panic!("{error:?}") };
        assert_eq!(
            text,
            "sign-in refused (401): AADSTS7000215: Invalid client secret (secret) provided. Check the client secret: \
             its value is needed, not its id."
        );
    }

    #[tokio::test]
    async fn failures_of_the_service_are_no_refusals() {
        for (status, body) in [
            (503, json!({"error": "temporarily_unavailable"})),
            (500, json!("no object")),
            (429, json!({})),
            (200, json!({"access_token": 7})),
            (400, json!({"error": "x", "error_description": "AADSTS90033: try later", "error_codes": [90_033]})),
        ] {
            let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
            refuse(&server, status, body).await;
            let error = source(&server, client_secret(&folder)).acquire(SCOPE).await.unwrap_err();
            assert!(matches!(error, SignInError::Unreachable(_)), "{status}: {error:?}");
            assert_eq!(server.received_requests().await.unwrap().len(), 1);
        }
    }

    #[tokio::test]
    async fn an_authority_that_is_not_there_is_unreachable() {
        let folder = tempfile::tempdir().unwrap();
        let endpoints = Endpoints::of(Cloud::Public).with_authority("http://127.0.0.1:1").unwrap();
        let source = EntraSource::new(client_secret(&folder), endpoints, Http::new().unwrap());
        assert!(matches!(source.acquire(SCOPE).await.unwrap_err(), SignInError::Unreachable(_)));
    }

    #[tokio::test]
    async fn what_is_missing_here_is_named() {
        let server = MockServer::start().await;
        let secret = SecretRef::Env("POOLWARDEN_NO_SUCH".into());
        let credential = Credential::ClientSecret { tenant_id: "t".into(), client_id: "c".into(), secret };
        let error = source(&server, credential).acquire(SCOPE).await.unwrap_err();
        assert!(matches!(&error, SignInError::Misconfigured(text) if text.contains("POOLWARDEN_NO_SUCH")), "{error:?}");
        let credential = Credential::WorkloadIdentity {
            tenant_id: Some("t".into()),
            client_id: Some("c".into()),
            token_file: Some("/no/such".into()),
        };
        let error = source(&server, credential).acquire(SCOPE).await.unwrap_err();
        assert!(matches!(&error, SignInError::Misconfigured(text) if text.contains("/no/such")), "{error:?}");
    }

    #[tokio::test]
    async fn workload_identity_sends_the_federated_token() {
        let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
        let file = folder.path().join("token");
        std::fs::write(&file, "assertion1").unwrap();
        Mock::given(path("/t2/oauth2/v2.0/token"))
            .and(body_string_contains("client_assertion=assertion1"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"token_type": "Bearer", "expires_in": 60, "access_token": "w"})))
            .mount(&server)
            .await;
        let credential =
            Credential::WorkloadIdentity { tenant_id: Some("t2".into()), client_id: Some("c".into()), token_file: Some(file) };
        assert_eq!(source(&server, credential).acquire(SCOPE).await.unwrap().secret.expose_secret(), "w");
    }

    #[tokio::test]
    async fn managed_identity_asks_the_metadata_service_and_tells_a_missing_identity_from_a_failure() {
        let server = MockServer::start().await;
        let identity = |client_id: Option<&str>| Credential::ManagedIdentity { client_id: client_id.map(str::to_owned) };
        Mock::given(method("GET"))
            .and(path("/metadata/identity/oauth2/token"))
            .and(header("metadata", "true"))
            .and(query_param("resource", "https://management.azure.com"))
            .and(query_param("client_id", "known"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "access_token": "m", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"
            })))
            .mount(&server)
            .await;
        Mock::given(query_param("client_id", "unknown"))
            .respond_with(ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_request", "error_description": "Identity not found"})))
            .mount(&server)
            .await;
        let token = source(&server, identity(Some("known"))).acquire(SCOPE).await.unwrap();
        assert_eq!(token.expires_at, "2100-01-01T00:00:00Z".parse().unwrap());
        let error = source(&server, identity(Some("unknown"))).acquire(SCOPE).await.unwrap_err();
        assert!(matches!(&error, SignInError::Refused(text) if text.contains("Identity not found")), "{error:?}");
    }

    #[test]
    fn the_cli_s_words_tell_who_has_to_act() {
        assert!(matches!(explain_cli("az not found on PATH"), SignInError::Misconfigured(_)));
        assert!(matches!(explain_cli("ERROR: Please run 'az login' to setup account."), SignInError::Refused(_)));
        assert!(matches!(explain_cli("Max retries exceeded"), SignInError::Unreachable(_)));
    }

    #[test]
    fn codes_are_found_in_the_text_too() {
        assert_eq!(aadsts("AADSTS700016: Application"), Some(700_016));
        assert_eq!(aadsts("nothing"), None);
        assert_eq!(secure_twin(&Url::parse("http://127.0.0.1:8080").unwrap()).as_str(), "https://127.0.0.1:8080/");
        assert_eq!(secure_twin(&Url::parse("http://localhost").unwrap()).as_str(), "https://localhost:80/");
    }
}
