//! Timer functions: which ticks fire, how often, and what they are told.

use super::*;
use crate::wire::{Failure, RetryContext, TimerInfo};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};

const EVERY_FIVE_MINUTES: &str = r#"{ "bindings": [
    { "name": "timer", "type": "timerTrigger", "direction": "in", "schedule": "%SCHEDULE%", "useMonitor": true } ] }"#;

const KEY: &str = "timers/sync";

/// What a run was told, and when it started in seconds since the test did.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    at: u64,
    past_due: bool,
    timer: TimerInfo,
    retry: Option<RetryContext>,
}

struct Bench {
    /// Seconds by which the machine's clock is ahead of its uptime: it slept.
    asleep: Arc<AtomicI64>,
    documents: Arc<FakeDocuments>,
    runs: Seen<Run>,
    clock: Clock,
    origin: Instant,
}

impl Bench {
    fn new() -> Self {
        let (asleep, awake) = (Arc::new(AtomicI64::new(0)), clock());
        let slept = Arc::clone(&asleep);
        let clock: Clock = Arc::new(move || awake() + SignedDuration::from_secs(slept.load(Ordering::SeqCst)));
        Self { asleep, documents: Arc::default(), runs: Seen::default(), clock, origin: Instant::now() }
    }

    /// Starts a host with one timer whose runs last so long and answer so.
    fn start(&self, function_json: &'static str, lasts: u64, answer: fn(&Run) -> Result<Outcome, Failure>) -> Running {
        let (runs, origin) = (self.runs.clone(), self.origin);
        let app = FunctionApp::new().function("sync", move |call| {
            let timer = call.timer("timer").unwrap();
            let retry = call.metadata.retry_context();
            let run = Run { at: origin.elapsed().as_secs(), past_due: timer.is_past_due, timer, retry };
            runs.push(run.clone());
            async move {
                seconds(lasts).await;
                answer(&run)
            }
        });
        let definition = FunctionDefinition { name: "sync", function_json };
        let options = HostOptions { clock: Arc::clone(&self.clock), ..options() };
        let queues = Arc::new(FakeQueues::new(1));
        let host = EmbeddedHost::new(HOST_JSON, &[definition], app, Arc::clone(&self.documents) as _, queues, options);
        Running::new(host.unwrap())
    }

    fn fired(&self) -> Vec<(u64, bool)> {
        self.runs.all().iter().map(|run| (run.at, run.past_due)).collect()
    }
}

fn fine(_: &Run) -> Result<Outcome, Failure> {
    Ok(Outcome::done())
}

#[tokio::test(start_paused = true)]
async fn ticks_fire_on_time_and_are_remembered() {
    let bench = Bench::new();
    let running = bench.start(EVERY_FIVE_MINUTES, 0, fine);
    seconds(1).await;
    assert_eq!(bench.fired(), [], "a new timer has missed nothing");
    assert_eq!(bench.documents.json(KEY).unwrap()["next"], "2026-03-01T10:05:00Z");
    seconds(600).await;
    running.stop().await;
    assert_eq!(bench.fired(), [(270, false), (570, false)]);
    let status = bench.runs.all()[1].timer.status.clone().unwrap();
    assert_eq!(status.last.unwrap().to_string(), "2026-03-01T10:05:00Z");
    assert_eq!(status.next.unwrap().to_string(), "2026-03-01T10:10:00Z");
    assert_eq!(bench.documents.json(KEY).unwrap()["next"], "2026-03-01T10:15:00Z");
}

#[tokio::test(start_paused = true)]
async fn ticks_missed_while_down_fire_once_at_once_and_past_due() {
    let bench = Bench::new();
    let first = bench.start(EVERY_FIVE_MINUTES, 0, fine);
    seconds(280).await;
    first.stop().await;
    seconds(3600).await;
    let again = bench.start(EVERY_FIVE_MINUTES, 0, fine);
    seconds(295).await;
    again.stop().await;
    // 12 ticks were missed; one run makes up for them, and the next is on time.
    assert_eq!(bench.fired(), [(270, false), (3880, true), (4170, false)]);
    let third = bench.start(EVERY_FIVE_MINUTES, 0, fine);
    seconds(5).await;
    third.stop().await;
    assert_eq!(bench.fired().len(), 3, "what was made up for is not missed again");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_fires_once_soon_after_it_woke_and_past_due() {
    let bench = Bench::new();
    let running = bench.start(EVERY_FIVE_MINUTES, 0, fine);
    seconds(100).await;
    bench.asleep.store(3600, Ordering::SeqCst);
    seconds(16).await;
    running.stop().await;
    let fired = bench.fired();
    assert_eq!(fired.len(), 1, "{fired:?}");
    assert!(fired[0].1 && fired[0].0 <= 115, "{fired:?}");
    assert_eq!(bench.documents.json(KEY).unwrap()["next"], "2026-03-01T11:05:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_cut_off_is_missed_and_comes_again() {
    let bench = Bench::new();
    let running = bench.start(EVERY_FIVE_MINUTES, 25, fine);
    seconds(272).await;
    running.task.abort();
    seconds(1).await;
    let again = bench.start(EVERY_FIVE_MINUTES, 0, fine);
    seconds(5).await;
    again.stop().await;
    assert_eq!(bench.fired(), [(270, false), (273, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_schedule_has_missed_nothing() {
    let bench = Bench::new();
    bench.documents.force(KEY, &json!({"last": null, "next": "2026-02-28T03:33:33Z", "last_updated": START}));
    let running = bench.start(EVERY_FIVE_MINUTES, 0, fine);
    seconds(10).await;
    running.stop().await;
    assert_eq!(bench.fired(), []);
    assert_eq!(bench.documents.json(KEY).unwrap()["next"], "2026-03-01T10:05:00Z");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_record_is_replaced() {
    let bench = Bench::new();
    bench.documents.force(KEY, &json!("garbage"));
    let running = bench.start(EVERY_FIVE_MINUTES, 0, fine);
    seconds(300).await;
    running.stop().await;
    assert_eq!(bench.fired(), [(270, false)]);
    assert_eq!(bench.documents.json(KEY).unwrap()["next"], "2026-03-01T10:10:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_timer_never_overlaps_itself() {
    const EVERY_TEN_SECONDS: &str =
        r#"{ "bindings": [ { "name": "timer", "type": "timerTrigger", "schedule": "*/10 * * * * *" } ] }"#;
    let bench = Bench::new();
    let running = bench.start(EVERY_TEN_SECONDS, 25, fine);
    seconds(80).await;
    running.stop().await;
    // Each run ends at …5; the ticks in between are skipped, the next is on time.
    assert_eq!(bench.fired(), [(10, false), (40, false), (70, false)]);
}

#[tokio::test(start_paused = true)]
async fn a_timer_without_monitor_remembers_nothing_and_has_no_status() {
    const PLAIN: &str = r#"{ "bindings": [
        { "name": "timer", "type": "timerTrigger", "schedule": "0 */5 * * * *", "useMonitor": false } ] }"#;
    let bench = Bench::new();
    let running = bench.start(PLAIN, 0, fine);
    seconds(300).await;
    running.stop().await;
    seconds(3600).await;
    let again = bench.start(PLAIN, 0, fine);
    seconds(5).await;
    again.stop().await;
    assert_eq!(bench.fired(), [(270, false)]);
    assert_eq!((bench.runs.all()[0].timer.status.clone(), bench.documents.json(KEY)), (None, None));
}

#[tokio::test(start_paused = true)]
async fn run_on_startup_runs_at_once_and_is_not_past_due() {
    const EAGER: &str = r#"{ "bindings": [
        { "name": "timer", "type": "timerTrigger", "schedule": "0 */5 * * * *", "runOnStartup": true } ] }"#;
    let bench = Bench::new();
    let running = bench.start(EAGER, 0, fine);
    seconds(280).await;
    running.stop().await;
    assert_eq!(bench.fired(), [(0, false), (270, false)]);
}

const WITH_RETRY: &str = r#"{
    "bindings": [ { "name": "timer", "type": "timerTrigger", "schedule": "0 */5 * * * *" } ],
    "retry": { "strategy": "fixedDelay", "maxRetryCount": 3, "delayInterval": "00:00:10" } }"#;

#[tokio::test(start_paused = true)]
async fn a_failed_timer_is_retried_until_its_count_is_reached() {
    let bench = Bench::new();
    let running = bench.start(WITH_RETRY, 0, |run| match &run.retry {
        Some(retry) if retry.retry_count == retry.max_retry_count => Ok(Outcome::done()),
        _ => Err(Failure::new("not yet")),
    });
    seconds(320).await;
    running.stop().await;
    let retries: Vec<(u64, Option<u32>)> =
        bench.runs.all().iter().map(|run| (run.at, run.retry.as_ref().map(|retry| retry.retry_count))).collect();
    assert_eq!(retries, [(270, None), (280, Some(1)), (290, Some(2)), (300, Some(3))]);
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_keeps_failing_waits_for_its_next_tick() {
    let bench = Bench::new();
    let running = bench.start(WITH_RETRY, 0, |_| Err(Failure::new("never")));
    seconds(580).await;
    running.stop().await;
    let starts: Vec<u64> = bench.fired().into_iter().map(|(at, _)| at).collect();
    assert_eq!(starts, [270, 280, 290, 300, 570, 580]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_between_retries_leaves_the_tick_to_the_next_start() {
    let bench = Bench::new();
    let running = bench.start(WITH_RETRY, 0, |_| Err(Failure::new("never")));
    seconds(275).await;
    running.stop().await;
    let again = bench.start(WITH_RETRY, 0, fine);
    seconds(1).await;
    again.stop().await;
    assert_eq!(bench.fired(), [(270, false), (275, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_delays_a_timer_and_does_not_end_it() {
    let bench = Bench::new();
    *bench.documents.outage.lock().unwrap() = 3;
    let running = bench.start(EVERY_FIVE_MINUTES, 0, fine);
    seconds(260).await;
    *bench.documents.outage.lock().unwrap() = 2;
    seconds(340).await;
    running.stop().await;
    assert_eq!(bench.fired(), [(270, false), (570, false)]);
    assert_eq!(bench.documents.json(KEY).unwrap()["next"], "2026-03-01T10:15:00Z");
}

#[tokio::test(start_paused = true)]
async fn another_hosts_later_record_is_taken_over_and_an_earlier_one_is_not() {
    let bench = Bench::new();
    let running = bench.start(EVERY_FIVE_MINUTES, 0, fine);
    seconds(5).await;
    let record = |next: &str| json!({"last": null, "next": next, "last_updated": START});
    bench.documents.force(KEY, &record("2026-03-01T10:20:00Z"));
    seconds(900).await;
    assert_eq!(bench.fired(), [(270, false)], "the other host has run those");
    bench.documents.force(KEY, &record("2026-03-01T10:15:00Z"));
    seconds(300).await;
    running.stop().await;
    assert_eq!(bench.fired(), [(270, false), (1170, false)]);
    assert_eq!(bench.documents.json(KEY).unwrap()["next"], Value::from("2026-03-01T10:25:00Z"));
}
