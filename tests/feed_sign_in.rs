//! Signing in as an account: what a refusal says, that it is one attempt, and that nothing secret is left behind.

use crate::feed::{PASSWORD, assert_shown, put, stand};
use crate::harness::{CONNECTION, Stand, UNTIMED, until};
use serde_json::json;

/// How often an account tried to sign in, whatever came of it.
pub(crate) fn attempts(stand: &Stand) -> u64 {
    let stats = stand.azure.stats();
    let grants = stats["sign_in_attempts"].as_object().unwrap().values().flat_map(|grants| grants.as_object().unwrap());
    grants.flat_map(|(_, outcomes)| outcomes.as_object().unwrap().values()).map(|count| count.as_u64().unwrap()).sum()
}

/// What each class of refusal tells, and that nobody tries again by himself.
#[tokio::test]
async fn a_refused_sign_in_is_one_sentence_and_one_attempt() {
    for (code, said) in [
        (50126, "password"),
        (50076, "Conditional Access"),
        (65001, "User.Access"),
        (50053, "locked"),
        (53003, "Conditional Access"),
        (700016, "application"),
    ] {
        let stand = stand(&format!("aadsts{code}@contoso.com"), "").await;
        let synced = stand.sync(&[]).await;
        assert_eq!(synced.status(), "failed");
        let told = synced.report["error"].as_str().unwrap();
        assert!(told.contains(said) && told.contains(&code.to_string()), "{code}: {told}");
        assert_eq!(attempts(&stand), 1, "{code}");
        let list = stand.run(&["connections", "list"]).await.stdout;
        assert!(list.contains("needs attention") && list.contains(said), "{list}");
    }
}

/// The timer, webhooks and restarts leave a refused credential alone until a person asks.
#[tokio::test]
async fn serving_never_tries_a_refused_credential_again() {
    let stand = stand("aadsts50126@contoso.com", "").await;
    let text = std::fs::read_to_string(stand.path("poolwarden.toml")).unwrap();
    let text = text.replace(UNTIMED, "schedule = \"* * * * * *\"\n") + "\n[serve]\nlisten = \"127.0.0.1:0\"\n";
    std::fs::write(stand.path("poolwarden.toml"), text).unwrap();
    for life in 1..=2 {
        let mut serving = stand.start(&["serve"]);
        until("it has tried to sign in", || async { attempts(&stand) > 0 }).await;
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        assert_eq!(attempts(&stand), 1, "life {life}");
        serving.start_kill().unwrap();
        serving.wait().await.unwrap();
    }
    stand.run(&["connections", "check"]).await;
    assert_eq!(attempts(&stand), 2, "a person asked");
}

#[tokio::test]
async fn a_revoked_session_needs_a_person() {
    let stand = stand("all@contoso.com", "").await;
    stand.sync_whole(&[]).await;
    put(&stand, "feed/outcome", json!({"account": "all@contoso.com", "code": 50173})).await;
    let before = stand.export().await.len();
    let synced = stand.sync(&[]).await;
    assert_eq!(synced.status(), "failed");
    assert_eq!(stand.export().await.len(), before);
}

/// A person signs in once with a code; runs go on by themselves with a refresh token that is a new one each time.
#[tokio::test]
async fn a_person_signs_in_once_and_runs_go_on_by_themselves() {
    let stand = stand("all@contoso.com", "").await;
    let text = std::fs::read_to_string(stand.path("poolwarden.toml")).unwrap();
    let written = format!("password = {{ env = \"{PASSWORD}\" }}");
    let text = text
        .replace("\"username_password\", username = \"all@contoso.com\", ", "\"device_code\", ")
        .replace(&written, "refresh_token = { file = \"secrets/reader\" }");
    std::fs::write(stand.path("poolwarden.toml"), text).unwrap();
    let first = stand.sync(&[]).await;
    let told = first.report["error"].as_str().unwrap();
    assert!(told.contains("`poolwarden connections sign-in contoso`"), "{told}");
    put(&stand, "feed", json!({"single_use_refresh_tokens": true})).await;
    put(&stand, "feed/device", json!({"account": "all@contoso.com", "polls": 1, "interval_s": 1})).await;
    let signed_in = stand.run(&["connections", "sign-in", CONNECTION, "--json"]).await;
    assert_eq!(signed_in.code, Some(0), "{signed_in:?}");
    assert!(signed_in.stdout.contains("user_code"), "{}", signed_in.stdout);
    let kept = || std::fs::read_to_string(stand.path("secrets/reader")).unwrap();
    let mut before = kept();
    for _ in 0..2 {
        stand.sync_whole(&[]).await;
        assert_ne!(kept(), before, "the service's newest token is the one that is kept");
        before = kept();
    }
    assert_shown(&stand, "all@contoso.com", "arm").await;
    assert!(!signed_in.stdout.contains(&before) && !signed_in.stderr.contains(&before));
    put(&stand, "feed/revoke", json!({})).await;
    let revoked = stand.sync(&[]).await;
    assert!(revoked.report["error"].as_str().unwrap().contains("connections sign-in contoso"), "{:#}", revoked.report);
}

#[tokio::test]
async fn no_secret_is_left_anywhere() {
    let mut stand = stand("all@contoso.com", "").await;
    stand.set(PASSWORD, "hunter2-feed-password");
    stand.set("RUST_LOG", "trace");
    let output = stand.run(&["sync", "--json", "--connection", CONNECTION]).await;
    assert_eq!(output.code, Some(0));
    let password = "hunter2-feed-password";
    assert!(!output.stdout.contains(password) && !output.stderr.contains(password));
    assert!(!output.stderr.contains("Bearer ey"), "no token is logged");
    let store = std::fs::read(stand.path("poolwarden.db")).unwrap();
    assert!(!store.windows(password.len()).any(|window| window == password.as_bytes()));
}
