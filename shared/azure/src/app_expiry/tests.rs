use super::*;
use crate::certificate::tests::pem;
use crate::cloud::Cloud;
use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn ask(server: &MockServer, credential: &Credential) -> Option<Timestamp> {
    let endpoints = Endpoints::of(Cloud::Public)
        .with_authority(&server.uri())
        .and_then(|endpoints| endpoints.with_graph(&server.uri()))
        .unwrap();
    credential_end(credential, &endpoints, &Http::new().unwrap(), at("2026-11-25T00:00:00Z")).await
}

fn client_secret(folder: &tempfile::TempDir) -> Credential {
    let file = folder.path().join("secret");
    std::fs::write(&file, "abc~hunter2").unwrap();
    Credential::ClientSecret { tenant_id: "t1".into(), client_id: "c'1".into(), secret: SecretRef::File(file) }
}

async fn graph(token: u16, status: u16, body: &Value) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(body_string_contains("scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"))
        .respond_with(
            ResponseTemplate::new(token)
                .set_body_json(json!({"token_type": "Bearer", "expires_in": 60, "access_token": "g"})),
        )
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/v1.0/applications"))
        .and(query_param("$filter", "appId eq 'c''1'"))
        .and(header("authorization", "Bearer g"))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn the_end_of_the_secret_that_is_used_is_told_by_its_hint() {
    let folder = tempfile::tempdir().unwrap();
    let secret = |hint: Option<&str>, end: &str| json!({"hint": hint, "endDateTime": end});
    for (secrets, end) in [
        (
            vec![secret(Some("xyz"), "2026-12-01T00:00:00Z"), secret(Some("abc"), "2027-01-01T00:00:00Z")],
            Some("2027-01-01T00:00:00Z"),
        ),
        (
            vec![secret(None, "2027-02-01T00:00:00Z"), secret(None, "2027-01-01T00:00:00Z")],
            Some("2027-01-01T00:00:00Z"),
        ),
        (
            vec![secret(None, "2026-01-01T00:00:00Z"), secret(None, "2027-01-01T00:00:00Z")],
            Some("2027-01-01T00:00:00Z"),
        ),
        (vec![secret(None, "2026-01-01T00:00:00Z")], None),
        (vec![], None),
    ] {
        let server = graph(200, 200, &json!({"value": [{"appId": "c'1", "passwordCredentials": secrets}]})).await;
        assert_eq!(ask(&server, &client_secret(&folder)).await, end.map(at), "{secrets:?}");
    }
}

#[tokio::test]
async fn where_graph_does_not_show_it_nobody_knows() {
    let folder = tempfile::tempdir().unwrap();
    for (token, status, body) in [
        (400, 200, json!({"value": []})),
        (200, 401, json!({})),
        (200, 403, json!({"error": {"code": "Authorization_RequestDenied"}})),
        (200, 404, json!({})),
        (200, 500, json!({})),
        (200, 200, json!({"value": []})),
        (200, 200, json!("no object")),
    ] {
        let server = graph(token, status, &body).await;
        assert_eq!(ask(&server, &client_secret(&folder)).await, None, "{token} {status} {body}");
        assert!(server.received_requests().await.unwrap().len() <= 2, "nothing is tried again");
    }
}

#[tokio::test]
async fn a_certificate_says_it_itself_and_others_have_no_end() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("app.pem");
    std::fs::write(&file, pem()).unwrap();
    let certificate = SecretRef::File(file);
    let credential = Credential::ClientCertificate { tenant_id: "t".into(), client_id: "c".into(), certificate };
    assert!(ask(&server, &credential).await.is_some());
    assert_eq!(ask(&server, &Credential::ManagedIdentity { client_id: None }).await, None);
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}
