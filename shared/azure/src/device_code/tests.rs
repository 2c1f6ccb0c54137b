use super::*;
use crate::cloud::Cloud;
use serde_json::{Value, json};
use std::path::PathBuf;
use wiremock::matchers::{body_string, body_string_contains, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const FEED: &str = "https://www.wvd.microsoft.com/.default";

struct Stand {
    server: MockServer,
    folder: tempfile::TempDir,
}

impl Stand {
    async fn new() -> Self {
        let stand = Self { server: MockServer::start().await, folder: tempfile::tempdir().unwrap() };
        Mock::given(path("/t1/oauth2/v2.0/devicecode"))
            .and(body_string("client_id=c1&scope=https%3A%2F%2Fwww.wvd.microsoft.com%2F.default+offline_access"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "device_code": "hunter2", "user_code": "ABC-DEF", "verification_uri": "https://microsoft.com/devicelogin",
                "expires_in": 900, "interval": 1, "message": "…"
            })))
            .mount(&stand.server)
            .await;
        stand
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("refresh")
    }

    async fn begin(&self) -> DeviceCodeSignIn {
        let endpoints = Endpoints::of(Cloud::Public).with_authority(&self.server.uri()).unwrap();
        let credential = Credential::DeviceCode {
            client_id: "c1".into(),
            tenant_id: "t1".into(),
            refresh_token: TokenPlace::File(self.file()),
            username: None,
        };
        DeviceCodeSignIn::begin(&credential, FEED, &endpoints, &Http::new().unwrap()).await.unwrap()
    }

    /// The next question is answered so; the one after that as is said before.
    async fn answers_once(&self, status: u16, body: Value) {
        Mock::given(path("/t1/oauth2/v2.0/token"))
            .and(body_string_contains("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"))
            .and(body_string_contains("device_code=hunter2"))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .up_to_n_times(1)
            .mount(&self.server)
            .await;
    }

    async fn polls(&self) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().filter(|request| request.url.path().ends_with("/token")).count()
    }
}

fn pending() -> Value {
    json!({"error": "authorization_pending", "error_description": "AADSTS70016: waiting", "error_codes": [70_016]})
}

#[tokio::test]
async fn a_person_enters_the_code_and_the_refresh_token_is_kept() {
    let stand = Stand::new().await;
    stand.answers_once(400, pending()).await;
    stand.answers_once(200, json!({"access_token": "a", "expires_in": 60, "refresh_token": "r1"})).await;
    let begun = stand.begin().await;
    assert_eq!((begun.user_code(), begun.address()), ("ABC-DEF", "https://microsoft.com/devicelogin"));
    begun.finish().await.unwrap();
    assert_eq!(std::fs::read_to_string(stand.file()).unwrap(), "r1");
    assert_eq!(stand.polls().await, 2);
}

#[tokio::test]
async fn slow_down_makes_the_pause_five_seconds_longer_each_time() {
    let stand = Stand::new().await;
    let mut begun = stand.begin().await;
    for pause_s in [6, 11] {
        stand.answers_once(400, json!({"error": "slow_down"})).await;
        assert!(begun.poll().await.unwrap().is_none());
        assert_eq!(begun.pause, Duration::from_secs(pause_s));
    }
    stand.answers_once(400, pending()).await;
    assert!(begun.poll().await.unwrap().is_none());
    assert_eq!(begun.pause, Duration::from_secs(11));
}

#[tokio::test]
async fn who_declines_or_is_too_late_or_may_not_ends_it_and_nothing_is_kept() {
    for (error, code, problem) in [
        ("expired_token", 70_020, SignInProblem::NeedsPerson),
        ("authorization_declined", 1, SignInProblem::NeedsPerson),
        ("access_denied", 1, SignInProblem::NeedsPerson),
        ("invalid_grant", 53_003, SignInProblem::Policy),
        ("invalid_grant", 65_001, SignInProblem::Consent),
        ("invalid_client", 7_000_218, SignInProblem::Application),
    ] {
        let stand = Stand::new().await;
        let description = format!("AADSTS{code}: not with hunter2");
        stand.answers_once(400, json!({"error": error, "error_description": description, "error_codes": [code]})).await;
        let refused = stand.begin().await.finish().await.unwrap_err();
        assert_eq!(refused.problem(), Some(problem), "{error}: {refused:?}");
        assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
        assert!(!stand.file().exists());
        assert_eq!(stand.polls().await, 1);
    }
}

#[tokio::test]
async fn a_service_that_is_out_of_reach_for_a_moment_is_borne_and_for_long_is_not() {
    let stand = Stand::new().await;
    let mut begun = stand.begin().await;
    for _ in 0..4 {
        stand.answers_once(503, json!({})).await;
        assert!(begun.poll().await.unwrap().is_none());
    }
    stand.answers_once(400, pending()).await;
    assert!(begun.poll().await.unwrap().is_none());
    for _ in 0..4 {
        stand.answers_once(503, json!({})).await;
        assert!(begun.poll().await.unwrap().is_none());
    }
    stand.answers_once(503, json!({})).await;
    assert!(matches!(begun.poll().await, Err(SignInError::Unreachable(_))));
}

#[tokio::test]
async fn without_a_refresh_token_there_is_nothing_to_go_on_with() {
    let stand = Stand::new().await;
    stand.answers_once(200, json!({"access_token": "a", "expires_in": 60})).await;
    let error = stand.begin().await.finish().await.unwrap_err();
    assert!(matches!(&error, SignInError::Misconfigured(text) if text.contains("offline_access")), "{error:?}");
}
