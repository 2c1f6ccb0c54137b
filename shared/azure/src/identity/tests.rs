use super::*;
use crate::aadsts::SignInProblem;
use crate::cloud::Cloud;
use serde_json::json;
use url::Url;
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
    refuse(
        &server,
        401,
        json!({"error": "invalid_client", "error_description": description, "error_codes": [7_000_215]}),
    )
    .await;
    let error = source(&server, client_secret(&folder)).acquire(SCOPE).await.unwrap_err().error;
    let SignInError::Refused { problem: SignInProblem::Application, code: Some(7_000_215), text } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        text,
        "Check the client secret: its value is needed, not its id. A new one is made in the Entra admin centre → App \
         registrations → the application → Certificates & secrets. The service said: Invalid client secret (secret) \
         provided. [AADSTS7000215]"
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
        let error = source(&server, client_secret(&folder)).acquire(SCOPE).await.unwrap_err().error;
        assert!(matches!(error, SignInError::Unreachable(_)), "{status}: {error:?}");
        assert_eq!(server.received_requests().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_authority_that_is_not_there_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let endpoints = Endpoints::of(Cloud::Public).with_authority("http://127.0.0.1:1").unwrap();
    let source = EntraSource::new(client_secret(&folder), endpoints, Http::new().unwrap());
    assert!(matches!(source.acquire(SCOPE).await.unwrap_err().error, SignInError::Unreachable(_)));
}

#[tokio::test]
async fn what_is_missing_here_is_named() {
    let server = MockServer::start().await;
    let secret = SecretRef::Env("POOLWARDEN_NO_SUCH".into());
    let credential = Credential::ClientSecret { tenant_id: "t".into(), client_id: "c".into(), secret };
    let error = source(&server, credential).acquire(SCOPE).await.unwrap_err().error;
    assert!(matches!(&error, SignInError::Misconfigured(text) if text.contains("POOLWARDEN_NO_SUCH")), "{error:?}");
    let credential = Credential::WorkloadIdentity {
        tenant_id: Some("t".into()),
        client_id: Some("c".into()),
        token_file: Some("/no/such".into()),
    };
    let error = source(&server, credential).acquire(SCOPE).await.unwrap_err().error;
    assert!(matches!(&error, SignInError::Misconfigured(text) if text.contains("/no/such")), "{error:?}");
}

#[tokio::test]
async fn workload_identity_sends_the_federated_token() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("token");
    std::fs::write(&file, "assertion1").unwrap();
    Mock::given(path("/t2/oauth2/v2.0/token"))
        .and(body_string_contains("client_assertion=assertion1"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"token_type": "Bearer", "expires_in": 60, "access_token": "w"})),
        )
        .mount(&server)
        .await;
    let credential = Credential::WorkloadIdentity {
        tenant_id: Some("t2".into()),
        client_id: Some("c".into()),
        token_file: Some(file),
    };
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
        .respond_with(
            ResponseTemplate::new(400)
                .set_body_json(json!({"error": "invalid_request", "error_description": "Identity not found"})),
        )
        .mount(&server)
        .await;
    let token = source(&server, identity(Some("known"))).acquire(SCOPE).await.unwrap();
    assert_eq!(token.expires_at, "2100-01-01T00:00:00Z".parse().unwrap());
    let error = source(&server, identity(Some("unknown"))).acquire(SCOPE).await.unwrap_err().error;
    assert!(matches!(&error, SignInError::Refused { text, .. } if text.contains("Identity not found")), "{error:?}");
}

#[test]
fn the_cli_s_words_tell_who_has_to_act() {
    assert!(matches!(explain_cli("az not found on PATH"), SignInError::Misconfigured(_)));
    assert!(matches!(explain_cli("ERROR: Please run 'az login' to setup account."), SignInError::Refused { .. }));
    assert!(matches!(explain_cli("Max retries exceeded"), SignInError::Unreachable(_)));
}

#[test]
fn a_plain_http_authority_has_a_secure_twin() {
    assert_eq!(secure_twin(&Url::parse("http://127.0.0.1:8080").unwrap()).as_str(), "https://127.0.0.1:8080/");
    assert_eq!(secure_twin(&Url::parse("http://localhost").unwrap()).as_str(), "https://localhost:80/");
}

#[tokio::test]
async fn an_application_asks_for_all_that_it_was_granted_and_not_for_one_permission() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let token = json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "abc"});
    Mock::given(body_string_contains("scope=https%3A%2F%2Fmrs.example%2Fprod%2F.default"))
        .respond_with(ResponseTemplate::new(200).set_body_json(token))
        .mount(&server)
        .await;
    let asks = OfApplication(source(&server, client_secret(&folder)));
    let token = asks.acquire("https://mrs.example/prod/user_impersonation").await.unwrap();
    assert_eq!(token.secret.expose_secret(), "abc");
}
