use super::*;
use crate::cloud::{Cloud, Endpoints};
use crate::http::Http;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::LazyLock;
use url::form_urlencoded;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A certificate as `openssl req -x509` makes it. Whose key it is of, nobody here asks.
const CERTIFICATE: &str = include_str!("testdata.pem");
static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

/// The certificate with a private key.
pub(crate) fn pem() -> String {
    let key: Pkcs8V1Der<'_> = KEY.as_der().unwrap();
    format!("{CERTIFICATE}-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(key.as_ref()))
}

fn source(server: &MockServer, folder: &tempfile::TempDir, content: &str) -> CertificateSource {
    let file = folder.path().join("app.pem");
    std::fs::write(&file, content).unwrap();
    let endpoints = Endpoints::of(Cloud::Public).with_authority(&server.uri()).unwrap();
    let ours = TokenEndpoint::new(Http::new().unwrap(), endpoints);
    CertificateSource { ours, tenant_id: "t1".into(), client_id: "c1".into(), certificate: SecretRef::File(file) }
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn an_assertion_is_signed_for_the_token_endpoint_and_names_the_certificate() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    Mock::given(method("POST"))
        .and(path("/t1/oauth2/v2.0/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "a", "expires_in": 60})))
        .mount(&server)
        .await;
    source(&server, &folder, &pem()).acquire("https://management.azure.com/.default").await.unwrap();

    let request = &server.received_requests().await.unwrap()[0];
    let form: std::collections::HashMap<_, _> = form_urlencoded::parse(&request.body).into_owned().collect();
    assert_eq!((&*form["grant_type"], &*form["client_assertion_type"]), ("client_credentials", ASSERTION_TYPE));
    let parts: Vec<&str> = form["client_assertion"].split('.').collect();
    let (header, claims) = (decoded(parts[0]), decoded(parts[1]));
    let body: String = CERTIFICATE.lines().filter(|line| !line.starts_with('-')).collect();
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(STANDARD.decode(body).unwrap()));
    assert_eq!((&header["alg"], &header["x5t#S256"]), (&json!("PS256"), &json!(thumbprint)));
    assert_eq!(claims["aud"], format!("{}/t1/oauth2/v2.0/token", server.uri()));
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("c1"), &json!("c1")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap(), 600);
    let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, KEY.public_key().as_ref());
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    public.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature).unwrap();
}

#[test]
fn a_certificate_says_when_it_ends_and_the_older_form_of_keys_is_read_too() {
    let envelope: Pkcs8V1Der<'_> = KEY.as_der().unwrap();
    let older = STANDARD.encode(rsa_key(envelope.as_ref()).unwrap());
    let older = format!("-----BEGIN RSA PRIVATE KEY-----\n{older}\n-----END RSA PRIVATE KEY-----\n{CERTIFICATE}");
    for text in [pem(), older] {
        let identity = Identity::from_pem(text.as_bytes()).unwrap_or_else(|what| panic!("{what}"));
        assert_eq!(identity.ends_at, "2036-11-22T22:37:44Z".parse().unwrap());
        identity.assertion("c", "a", Timestamp::now()).unwrap();
    }
}

#[tokio::test]
async fn what_is_missing_in_the_file_is_said_without_what_is_there_and_nothing_is_sent() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let key = pem().replace(CERTIFICATE, "");
    for (content, said) in [
        (CERTIFICATE.to_owned(), "no private key"),
        (key, "no certificate"),
        ("hunter2".to_owned(), "no certificate"),
        (pem().replace("MII", "AII"), "damaged"),
    ] {
        let error = source(&server, &folder, &content).acquire("s").await.unwrap_err().error;
        assert!(matches!(&error, SignInError::Misconfigured(text) if text.contains(said)), "{error:?}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}
