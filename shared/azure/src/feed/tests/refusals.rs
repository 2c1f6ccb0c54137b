use super::*;
use crate::aadsts::SignInProblem;
use crate::sign_in::SignInError;
use wiremock::matchers::header;

#[tokio::test]
async fn each_refusal_is_told_by_its_kind_with_the_way_out() {
    for (status, why, says) in [
        (400, Why::Failed, "400"),
        (403, Why::Forbidden, "check that the account is assigned to an application group"),
        (404, Why::Missing, "what is known of it is kept"),
        (410, Why::Missing, "what is known of it is kept"),
        (418, Why::Failed, "418"),
        (500, Why::Failed, "4 times in a row"),
        (503, Why::Failed, "4 times in a row"),
        (304, Why::Failed, "304"),
    ] {
        let service = Service::with(&["w1"]).await;
        service.answer("/feeds/w1", ResponseTemplate::new(status)).await;
        let error = apps(&service.inventory(), &[]).await.unwrap_err();
        assert!(error.why == why && error.detail.contains(says), "{status}: {error}");
        assert!(error.detail.contains("/feeds/arm/workspaces/w1"), "{error}");
    }
}

#[tokio::test]
async fn a_client_that_is_too_old_is_a_sentence_that_names_the_setting() {
    let service = Service::empty().await;
    let answer = ResponseTemplate::new(400).set_body_string(r#"{"error":{"code":"INCOMPATIBLE_CLIENT_VERSION"}}"#);
    service.answer(DISCOVERY, answer).await;
    let error = service.inventory().estate().await.unwrap_err();
    assert!(error.detail.contains("set `user_agent`") && error.detail.contains("`client/1.0`"), "{error}");
    assert_eq!(service.requests().await.len(), 1, "asking again would not help");
}

#[tokio::test]
async fn a_passing_failure_is_tried_again() {
    let service = Service::with(&["w1"]).await;
    let failing =
        Mock::given(path("/feeds/w1")).respond_with(ResponseTemplate::new(503)).up_to_n_times(2).with_priority(1);
    failing.mount(&service.server).await;
    service.answer("/feeds/w1", xml(&feed_of(&[]))).await;
    service.apps(&[]).await;
}

#[tokio::test]
async fn throttling_is_waited_out_and_counted() {
    let service = Service::with(&["w1"]).await;
    let wait = ResponseTemplate::new(429).insert_header("retry-after", "0");
    Mock::given(path("/feeds/w1")).respond_with(wait).up_to_n_times(2).with_priority(1).mount(&service.server).await;
    service.answer("/feeds/w1", xml(&feed_of(&[]))).await;
    let inventory = service.inventory();
    apps(&inventory, &[]).await.unwrap();
    assert_eq!((inventory.requests().feed, inventory.requests().throttled), (4, 2));
}

#[tokio::test]
async fn a_wait_that_is_too_long_makes_the_feed_unknown_and_nobody_asks_meanwhile() {
    let service = Service::with(&["w1"]).await;
    service.answer("/feeds/w1", ResponseTemplate::new(429).insert_header("retry-after", "3600")).await;
    assert_eq!(apps(&service.inventory(), &[]).await.unwrap_err().why, Why::Throttled);
    let asked = service.requests().await.len();
    assert_eq!(apps(&service.inventory(), &[]).await.unwrap_err().why, Why::Throttled);
    assert_eq!(service.requests().await.len(), asked, "the service asked everybody to wait");
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_renewed_once() {
    let service =
        Service::offering(&(0..50).map(|n| resource("RemoteApp", &format!("r{n}"))).collect::<Vec<_>>()).await;
    let stale = Mock::given(header("authorization", "Bearer token 1")).and(path_regex("rdp|png"));
    stale.respond_with(ResponseTemplate::new(401)).with_priority(1).mount(&service.server).await;
    let listing = service.apps(&[]).await;
    assert_eq!((listing.resources.len(), dark(&listing)), (50, Vec::new()), "many met the same stale token");
}

#[tokio::test]
async fn a_service_that_accepts_no_token_makes_nobody_sign_in_again_and_again() {
    let service =
        Service::offering(&(0..50).map(|n| resource("RemoteApp", &format!("r{n}"))).collect::<Vec<_>>()).await;
    Mock::given(path_regex(r"\.rdp$"))
        .respond_with(ResponseTemplate::new(401))
        .with_priority(1)
        .mount(&service.server)
        .await;
    for _ in 0..2 {
        let listing = service.apps(&[]).await;
        assert_eq!(listing.resources, []);
        assert!(dark(&listing).iter().all(|(_, why)| *why == Why::Forbidden), "{:?}", dark(&listing));
        assert!(listing.unknown[0].reason.detail.contains("a new token was not accepted either"));
    }
    let mut tokens: Vec<_> =
        service.requests().await.iter().map(|request| request.headers["authorization"].clone()).collect();
    tokens.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    tokens.dedup();
    assert_eq!(tokens, ["Bearer token 1", "Bearer token 2"]);
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    let service = Service::with(&["w1"]).await;
    for (error, why) in [
        (
            SignInError::Refused { problem: SignInProblem::User, code: None, text: "wrong password".into() },
            Why::Forbidden,
        ),
        (SignInError::Unreachable("away".into()), Why::Failed),
    ] {
        *service.credentials.error.lock().unwrap() = Some(error);
        assert_eq!(service.inventory().estate().await.unwrap_err().why, why);
    }
    assert_eq!(service.requests().await.len(), 0);
}
