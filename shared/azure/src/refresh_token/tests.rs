use super::*;
use crate::cloud::{Cloud, Endpoints};
use crate::http::Http;
use crate::sign_in::{Credential, Credentials, sign_in};
use serde_json::json;
use std::sync::Arc;
use wiremock::matchers::{body_json, body_string_contains, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const FEED: &str = "https://www.wvd.microsoft.com/.default";

fn credentials(server: &MockServer, place: TokenPlace) -> Arc<dyn Credentials> {
    let endpoints = Endpoints::of(Cloud::Public)
        .with_authority(&server.uri())
        .and_then(|endpoints| endpoints.with_key_vault(&server.uri()))
        .and_then(|endpoints| endpoints.with_instance_metadata(&server.uri()))
        .unwrap();
    let credential =
        Credential::DeviceCode { client_id: "c1".into(), tenant_id: "t1".into(), refresh_token: place, username: None };
    sign_in(credential, &endpoints, &Http::new().unwrap())
}

fn kept(folder: &tempfile::TempDir, token: &str) -> PathBuf {
    let file = folder.path().join("refresh");
    std::fs::write(&file, token).unwrap();
    file
}

#[tokio::test]
async fn the_new_refresh_token_takes_the_old_one_s_place_before_the_access_token_is_used() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let file = kept(&folder, "old-1");
    for (old, new) in [("old-1", Some("new-2")), ("new-2", None)] {
        let mut answer = json!({"access_token": format!("for {old}"), "expires_in": 1});
        if let Some(new) = new {
            answer["refresh_token"] = new.into();
        }
        Mock::given(path("/t1/oauth2/v2.0/token"))
            .and(body_string_contains("grant_type=refresh_token"))
            .and(body_string_contains("scope=https%3A%2F%2Fwww.wvd.microsoft.com%2F.default+offline_access"))
            .and(body_string_contains(format!("refresh_token={old}")))
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .mount(&server)
            .await;
    }
    let credentials = credentials(&server, TokenPlace::File(file.clone()));
    let token = credentials.token(FEED).await.unwrap();
    // A process that is killed here leaves the new token, whole.
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "new-2");
    assert_eq!(token.secret.expose_secret(), "for old-1");
    let other = credentials.token("https://graph.microsoft.com/.default").await.unwrap_err();
    assert!(matches!(other, SignInError::Unreachable(_) | SignInError::Refused { .. }), "no such answer is mounted");
    credentials.forget();
    credentials.reject(FEED, &token);
    assert_eq!(credentials.token(FEED).await.unwrap().secret.expose_secret(), "for new-2");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "new-2", "without a new one the old one stays");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owner_s_alone_and_nothing_is_left_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = kept(&folder, "old");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    replace(&file, b"new").unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_made_for_its_owner_before_anybody_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets/deep/reader");
    prepare(&file).unwrap();
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 0);
    std::fs::write(folder.path().join("file"), "").unwrap();
    prepare(&folder.path().join("file/reader")).unwrap_err();
}

#[tokio::test]
async fn a_token_that_cannot_be_kept_is_not_used_and_no_other_is_asked_for() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let file = kept(&folder, "old");
    let gone = folder.path().to_owned();
    let back = file.clone();
    // While the service answers, the folder goes away: as a disk does that is full or unplugged.
    Mock::given(method("POST"))
        .respond_with(move |_: &Request| {
            _ = std::fs::remove_dir_all(&gone);
            ResponseTemplate::new(200)
                .set_body_json(json!({"access_token": "a", "expires_in": 60, "refresh_token": "hunter2"}))
        })
        .mount(&server)
        .await;
    let credentials = credentials(&server, TokenPlace::File(file));
    for scope in [FEED, FEED, "https://management.azure.com/.default"] {
        let error = credentials.token(scope).await.unwrap_err();
        let SignInError::Refused { problem: SignInProblem::Configuration, text, .. } = &error else {
            panic!("{error:?}")
        };
        assert!(text.contains("cannot be kept") && text.contains("connections check NAME"), "{text}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        // The old token is there again, and whoever asked for a token with it would be granted one.
        std::fs::create_dir_all(back.parent().unwrap()).unwrap();
        std::fs::write(&back, "old").unwrap();
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    credentials.forget();
    credentials.token(FEED).await.unwrap_err();
    assert_eq!(server.received_requests().await.unwrap().len(), 2, "a person has asked for one more try");
}

#[tokio::test]
async fn a_vault_that_does_not_take_the_token_is_left_alone_and_so_is_the_token_service() {
    let server = MockServer::start().await;
    let url = Url::parse("https://keys.vault.azure.net/secrets/contoso").unwrap();
    let identity = json!({"access_token": "m", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"});
    let answers = [
        ("GET", "/metadata/identity/oauth2/token", 200, identity),
        ("GET", "/secrets/contoso", 200, json!({"value": "old"})),
        ("PUT", "/secrets/contoso", 503, json!({})),
        ("POST", "/t1/oauth2/v2.0/token", 200, json!({"access_token": "a", "expires_in": 60, "refresh_token": "new"})),
    ];
    for (verb, at, status, body) in answers {
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&server).await;
    }
    let credentials = credentials(&server, TokenPlace::KeyVault(url));
    for _ in 0..2 {
        let error = credentials.token(FEED).await.unwrap_err();
        assert!(matches!(error, SignInError::Unreachable(_)), "{error:?}");
    }
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.iter().filter(|request| request.method.as_str() == "POST").count(), 1);
}

#[tokio::test]
async fn where_nobody_has_signed_in_somebody_is_asked_to() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
    let place = TokenPlace::File(folder.path().join("none"));
    let error = credentials(&server, place).token(FEED).await.unwrap_err().of_connection("contoso");
    let SignInError::Refused { problem: SignInProblem::NeedsPerson, text, .. } = error else { panic!("{error:?}") };
    assert!(text.contains("`poolwarden connections sign-in contoso`"), "{text}");
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_sign_in_that_has_run_out_is_tried_once_and_says_to_sign_in_again() {
    for (code, suberror) in [(700_082, ""), (50_173, ""), (70_008, ""), (700_084, ""), (1, "bad_token")] {
        let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
        let file = kept(&folder, "hunter2");
        let description = format!("AADSTS{code}: The refresh token hunter2 is no good.");
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(400).set_body_json(json!({
                "error": "invalid_grant", "suberror": suberror, "error_description": description, "error_codes": [code]
            })))
            .mount(&server)
            .await;
        let credentials = credentials(&server, TokenPlace::File(file.clone()));
        for _ in 0..2 {
            let error = credentials.token(FEED).await.unwrap_err();
            let SignInError::Refused { problem: SignInProblem::NeedsPerson, text, .. } = error else {
                panic!("{error:?}")
            };
            assert!(text.contains("`poolwarden connections sign-in NAME`") && !text.contains("hunter2"), "{text}");
        }
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "{code}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "hunter2", "it is there for whoever looks into it");
    }
}

#[tokio::test]
async fn key_vault_keeps_it_too() {
    let server = MockServer::start().await;
    let url = Url::parse("https://keys.vault.azure.net/secrets/contoso").unwrap();
    let identity = json!({"access_token": "m", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"});
    Mock::given(path("/metadata/identity/oauth2/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(identity))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/secrets/contoso"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"value": "old"})))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(body_string_contains("refresh_token=old"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"access_token": "a", "expires_in": 60, "refresh_token": "new"})),
        )
        .mount(&server)
        .await;
    Mock::given(method("PUT"))
        .and(path("/secrets/contoso"))
        .and(body_json(json!({"value": "new"})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"value": "new"})))
        .expect(1)
        .mount(&server)
        .await;
    let token = credentials(&server, TokenPlace::KeyVault(url)).token(FEED).await.unwrap();
    assert_eq!(token.secret.expose_secret(), "a");
}
