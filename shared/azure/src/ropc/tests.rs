use super::*;
use crate::aadsts::SignInProblem;
use crate::cloud::{Cloud, Endpoints};
use crate::http::Http;
use crate::sign_in::{AVD_CLIENT, Credential, Credentials, sign_in};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use wiremock::matchers::{body_string, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SCOPE: &str = "https://www.wvd.microsoft.com/.default";

struct Account {
    server: MockServer,
    folder: tempfile::TempDir,
}

impl Account {
    async fn new(password: &str) -> Self {
        let account = Self { server: MockServer::start().await, folder: tempfile::tempdir().unwrap() };
        std::fs::write(account.folder.path().join("password"), password).unwrap();
        account
    }

    fn file(&self, name: &str) -> SecretRef {
        SecretRef::File(Path::new(self.folder.path()).join(name))
    }

    fn credential(&self, secret: Option<SecretRef>) -> Credential {
        Credential::UsernamePassword {
            username: "svc+avd@contoso.example".into(),
            password: self.file("password"),
            client_id: AVD_CLIENT.into(),
            secret,
            tenant_id: "organizations".into(),
        }
    }

    fn credentials(&self, secret: Option<SecretRef>) -> Arc<dyn Credentials> {
        let endpoints = Endpoints::of(Cloud::Public).with_authority(&self.server.uri()).unwrap();
        sign_in(self.credential(secret), &endpoints, &Http::new().unwrap())
    }

    async fn answers(&self, status: u16, body: serde_json::Value) {
        self.server.reset().await;
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method("POST")).respond_with(answer).mount(&self.server).await;
    }

    async fn refuses(&self, code: u32, error: &str) {
        let description = format!("AADSTS{code}: No, not with hunter2+&=ü. Trace ID: 7\r\nTimestamp: x");
        self.answers(400, json!({"error": error, "error_description": description, "error_codes": [code]})).await;
    }

    async fn attempts(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }
}

#[tokio::test]
async fn a_username_and_password_are_sent_as_a_form_to_the_organizations() {
    let account = Account::new("hunter2+&=ü\n").await;
    Mock::given(path("/organizations/oauth2/v2.0/token"))
        .and(body_string(
            "grant_type=password&client_id=a85cf173-4192-42f8-81fa-777a763e6e2c\
             &scope=https%3A%2F%2Fwww.wvd.microsoft.com%2F.default&username=svc%2Bavd%40contoso.example\
             &password=hunter2%2B%26%3D%C3%BC",
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "a", "expires_in": 3_599})))
        .mount(&account.server)
        .await;
    let token = account.credentials(None).token(SCOPE).await.unwrap();
    assert_eq!(token.secret.expose_secret(), "a");
}

#[tokio::test]
async fn a_confidential_application_sends_its_secret_too() {
    let account = Account::new("hunter2").await;
    std::fs::write(account.folder.path().join("secret"), "app secret").unwrap();
    account.answers(200, json!({"access_token": "a", "expires_in": 60})).await;
    account.credentials(Some(account.file("secret"))).token(SCOPE).await.unwrap();
    let request = &account.server.received_requests().await.unwrap()[0];
    assert!(String::from_utf8_lossy(&request.body).ends_with("&client_secret=app+secret"));
}

#[tokio::test]
async fn a_password_with_a_blank_at_an_end_is_sent_nowhere() {
    for password in [" hunter2", "hunter2 ", "hunter2\n\n", "\thunter2"] {
        let account = Account::new(password).await;
        let error = account.credentials(None).token(SCOPE).await.unwrap_err();
        assert!(matches!(&error, SignInError::Misconfigured(text) if text.contains("begins or ends")), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        assert_eq!(account.attempts().await, 0);
    }
}

#[tokio::test]
async fn every_kind_of_refusal_is_tried_once_and_no_more() {
    for (code, error, problem) in [
        (50_076, "interaction_required", SignInProblem::NeedsPerson),
        (53_003, "invalid_grant", SignInProblem::Policy),
        (530_035, "invalid_grant", SignInProblem::Policy),
        (50_126, "invalid_grant", SignInProblem::User),
        (50_053, "invalid_grant", SignInProblem::User),
        (7_000_218, "invalid_client", SignInProblem::Application),
        (65_001, "invalid_grant", SignInProblem::Consent),
        (99_999, "invalid_grant", SignInProblem::Other),
    ] {
        let account = Account::new("hunter2+&=ü").await;
        account.refuses(code, error).await;
        let credentials = account.credentials(None);
        for _ in 0..3 {
            let refused = credentials.token(SCOPE).await.unwrap_err();
            let SignInError::Refused { problem: found, code: Some(told), text } = &refused else {
                panic!("{refused:?}")
            };
            assert_eq!((*found, *told), (problem, code));
            assert!(text.ends_with(&format!("The service said: No, not with (secret). [AADSTS{code}]")), "{text}");
        }
        assert_eq!(account.attempts().await, 1, "{code}");
        credentials.forget();
        credentials.token(SCOPE).await.unwrap_err();
        assert_eq!(account.attempts().await, 2, "{code}: a person asked");
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_a_loop_is_not() {
    for (code, attempts) in [(90_033, 3), (90_024, 3), (90_055, 3), (50_196, 1)] {
        let account = Account::new("hunter2").await;
        account.refuses(code, "invalid_grant").await;
        let error = account.credentials(None).token(SCOPE).await.unwrap_err();
        assert!(matches!(error, SignInError::Unreachable(_)), "{code}: {error:?}");
        assert_eq!(account.attempts().await, attempts, "{code}");
    }
}

#[tokio::test]
async fn an_answer_without_a_token_is_not_repeated() {
    let account = Account::new("hunter2").await;
    account.answers(200, json!({"access_tokken": "secret token"})).await;
    let error = account.credentials(None).token(SCOPE).await.unwrap_err();
    assert!(matches!(&error, SignInError::Unreachable(text) if !text.contains("secret token")), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_repeats_the_form_shows_nothing_of_it() {
    let form = "grant_type=password&password=hunter2%2B%26%3D%C3%BC&scope=x";
    for (status, body, kind) in [
        (400, form.to_owned(), "something other than JSON"),
        (502, format!("<html>You sent {form}</html>"), "a web page"),
        (400, json!({ "sent": form }).to_string(), "JSON without an error"),
        (400, json!({"error": "x", "error_description": format!("You sent {form}")}).to_string(), "(secret)"),
        (502, String::new(), "502"),
    ] {
        let account = Account::new("hunter2+&=ü").await;
        let answer = ResponseTemplate::new(status).set_body_string(body);
        Mock::given(method("POST")).respond_with(answer).mount(&account.server).await;
        let text = account.credentials(None).token(SCOPE).await.unwrap_err().to_string();
        assert!(text.contains(kind) && !text.contains("hunter2"), "{text}");
    }
}
