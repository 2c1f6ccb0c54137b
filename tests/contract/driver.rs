//! The test host itself, with a real handler: what the other tests rely on.

use super::Site;
use crate::harness::until;
use functions_host::{FunctionsHost, Options};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn timers_tick_by_their_schedule_also_in_a_handler_that_was_started_again() {
    let site = Site::bare().await;
    let every_second = json!({"bindings": [
        {"name": "timer", "type": "timerTrigger", "direction": "in", "schedule": "* * * * * *"},
    ]});
    // What the handler knows of itself is compiled in; when it is fired is the host's.
    std::fs::write(site.app().folder.join("sync_timer").join("function.json"), every_second.to_string()).unwrap();
    let options = Options { settings: site.settings(), timers: true, ..Options::new(site.app().folder) };
    let host = FunctionsHost::start(options).await.unwrap();
    let ticks = || host.counts().get("sync_timer").map_or(0, |counts| counts.done + counts.failed);
    until("it has ticked twice", || std::future::ready(ticks() >= 2)).await;
    let (first, before) = (host.process_id().unwrap(), ticks());
    host.kill().await.unwrap();
    until("it ticks again", || std::future::ready(ticks() > before + 1)).await;
    assert_ne!(host.process_id(), Some(first));
    assert_eq!(host.deaths().len(), 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_does_not_start_is_given_up_with_the_reason() {
    let site = Site::bare().await;
    let mut settings = site.settings();
    settings.environment.retain(|(name, _)| name != "POOLWARDEN_BLOB");
    let why = FunctionsHost::start(Options { settings, ..Options::new(site.app().folder) }).await.unwrap_err();
    assert!(format!("{why:#}").contains("ended before it was ready"), "{why:#}");
}
