//! Who may send when: one lane per subscription (or tenant) and kind of operation, learned from the answers' headers.
//!
//! Pacing keeps a caller that is alone below Azure's limits. When Azure says wait all the same, nobody on that lane
//! sends before the time is over. Waiting that Azure asked for comes out of a request's patience; pacing does not.

use crate::bucket::{ReadBucket, Turn, Window};
use crate::rate_headers::{arm_reads_left, avd_window, resource_graph_window, retry_after};
use jiff::Timestamp;
use rand::RngExt;
use reqwest::header::HeaderMap;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Resource Graph accepts this many queries …
const QUERIES: u64 = 15;
/// … in this time.
const QUERY_WINDOW: Duration = Duration::from_secs(5);
/// The wait after a 429 that names none; it doubles with every one.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest such wait.
const LONGEST_BACKOFF: Duration = Duration::from_secs(32);

/// The kinds of operation that Azure counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A read through ARM.
    Read,
    /// A list of session hosts: a read through ARM that the desktop service counts too.
    SessionHosts,
    /// A Resource Graph query.
    Query,
}

/// What a request counts against.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    /// The subscription's id, or `tenant`.
    pub(crate) subject: String,
    pub(crate) kind: Kind,
}

impl Meter {
    pub(crate) fn new(subscription: Option<&str>, kind: Kind) -> Self {
        Self { subject: subscription.map_or_else(|| "tenant".to_owned(), str::to_ascii_lowercase), kind }
    }
}

/// How much longer a request waits because Azure asks for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(pub(crate) Duration);

/// A wait that is longer than the patience left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong(pub(crate) Duration);

impl Patience {
    pub(crate) fn spend(&mut self, wait: Duration) -> Result<(), TooLong> {
        self.0 = self.0.checked_sub(wait).ok_or(TooLong(wait))?;
        Ok(())
    }
}

#[derive(Debug)]
enum Limit {
    Reads(ReadBucket),
    Window(Window),
}

#[derive(Debug)]
struct Lane {
    state: Mutex<(Limit, Option<Instant>)>,
    probed: Notify,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, (Limit, Option<Instant>)> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lanes of one process. Shared by every connection handle that uses the same identity.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    lanes: Mutex<HashMap<(String, Kind), Arc<Lane>>>,
}

/// Permission to send one request. Dropped without [`Pass::answered`], it tells that no answer came.
#[derive(Debug)]
pub(crate) struct Pass {
    lanes: Vec<(Kind, Arc<Lane>)>,
}

enum Step {
    Go,
    Paced(Instant),
    Asked(Instant),
    AwaitProbe,
}

impl Throttle {
    fn lane(&self, subject: &str, kind: Kind) -> (Kind, Arc<Lane>) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry((subject.to_owned(), kind)).or_insert_with(|| {
            let limit = match kind {
                Kind::Read => Limit::Reads(ReadBucket::full(Instant::now())),
                Kind::SessionHosts => Limit::Window(Window::new(None)),
                Kind::Query => Limit::Window(Window::new(Some((QUERIES, QUERY_WINDOW)))),
            };
            Arc::new(Lane { state: Mutex::new((limit, None)), probed: Notify::new() })
        });
        (kind, Arc::clone(lane))
    }

    /// Waits for this request's turn.
    pub(crate) async fn admit(&self, meter: &Meter, patience: &mut Patience) -> Result<Pass, TooLong> {
        let kinds: &[Kind] = match meter.kind {
            Kind::SessionHosts => &[Kind::SessionHosts, Kind::Read],
            Kind::Read => &[Kind::Read],
            Kind::Query => &[Kind::Query],
        };
        let mut pass = Pass { lanes: Vec::with_capacity(kinds.len()) };
        for kind in kinds {
            let lane = self.lane(&meter.subject, *kind);
            enter(&lane.1, patience).await?;
            pass.lanes.push(lane);
        }
        Ok(pass)
    }
}

async fn enter(lane: &Lane, patience: &mut Patience) -> Result<(), TooLong> {
    loop {
        let probed = lane.probed.notified();
        tokio::pin!(probed);
        // Registered before the state is read, so that no wake-up is missed.
        probed.as_mut().enable();
        let step = {
            let now = Instant::now();
            let mut state = lane.lock();
            match (&mut *state, now) {
                ((_, Some(until)), now) if *until > now => Step::Asked(*until),
                ((Limit::Reads(bucket), _), now) => match bucket.take(now) {
                    Duration::ZERO => Step::Go,
                    wait => Step::Paced(now + wait),
                },
                ((Limit::Window(window), _), now) => match window.take(now) {
                    Turn::Go | Turn::Probe => Step::Go,
                    Turn::AwaitProbe => Step::AwaitProbe,
                    Turn::Wait(until) => Step::Asked(until),
                },
            }
        };
        match step {
            Step::Go => return Ok(()),
            Step::Paced(until) => {
                sleep_until(until).await;
                let mut state = lane.lock();
                if !matches!(state.1, Some(blocked) if blocked > Instant::now()) {
                    return Ok(());
                }
                if let Limit::Reads(bucket) = &mut state.0 {
                    bucket.give_back();
                }
            }
            Step::Asked(until) => {
                patience.spend(until.saturating_duration_since(Instant::now()))?;
                sleep_until(until).await;
            }
            Step::AwaitProbe => probed.await,
        }
    }
}

impl Pass {
    /// Whether it still holds: a 429 to somebody else may have closed the lane meanwhile.
    pub(crate) fn is_good(&self) -> bool {
        let now = Instant::now();
        self.lanes.iter().all(|(_, lane)| !matches!(lane.lock().1, Some(until) if until > now))
    }

    /// Hands it back: nothing was sent.
    pub(crate) fn unused(self) {
        for (_, lane) in &self.lanes {
            if let (Limit::Reads(bucket), _) = &mut *lane.lock() {
                bucket.give_back();
            }
        }
    }

    /// Learns from an answer. For a 429, how long nobody sends: what the service says, or a backoff that grows with
    /// `attempt`.
    pub(crate) fn answered(mut self, status: u16, headers: &HeaderMap, attempt: u32) -> Option<Duration> {
        let (clock, now) = (Timestamp::now(), Instant::now());
        let wait = (status == 429).then(|| retry_after(headers, clock).unwrap_or_else(|| backoff(attempt)));
        let of_desktops = avd_window(headers, clock);
        for (kind, lane) in std::mem::take(&mut self.lanes) {
            let mut state = lane.lock();
            let (limit, blocked) = &mut *state;
            match limit {
                Limit::Reads(bucket) => {
                    if let Some(left) = arm_reads_left(headers) {
                        bucket.correct(now, left);
                    }
                }
                Limit::Window(window) => {
                    let hint = if kind == Kind::Query { resource_graph_window(headers) } else { of_desktops };
                    window.learn(now, hint);
                }
            }
            // A 429 that shows the desktop service's own window is not ARM's.
            let is_concerned = kind != Kind::Read || !matches!(of_desktops, Some(crate::rate_headers::WindowHint::Left { .. }));
            if let Some(wait) = wait.filter(|_| is_concerned) {
                if let Limit::Reads(bucket) = limit {
                    bucket.empty(now);
                }
                let until = now + wait;
                *blocked = Some(blocked.map_or(until, |already| already.max(until)));
            }
            drop(state);
            lane.probed.notify_waiters();
        }
        wait
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        for (_, lane) in &self.lanes {
            if let (Limit::Window(window), _) = &mut *lane.lock() {
                window.probe_failed();
            }
            lane.probed.notify_waiters();
        }
    }
}

/// The wait after a 429 that names none.
fn backoff(attempt: u32) -> Duration {
    jittered(FIRST_BACKOFF.saturating_mul(1 << attempt.min(5)).min(LONGEST_BACKOFF))
}

/// Half to one and a half times a pause, so that many who failed together do not return together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let mut dice: rand::rngs::StdRng = rand::make_rng();
    pause.mul_f64(dice.random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    const TWO_MINUTES: Patience = Patience(Duration::from_secs(120));

    fn meter(kind: Kind) -> Meter {
        Meter::new(Some("S1"), kind)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
    }

    async fn enter_now(throttle: &Throttle, kind: Kind) -> Pass {
        throttle.admit(&meter(kind), &mut TWO_MINUTES.clone()).await.unwrap()
    }

    /// How long the next one waits after a 429 with this header.
    async fn wait_after(retry_after: Option<&str>) -> Duration {
        let throttle = Throttle::default();
        let answer = retry_after.map(|value| headers(&[("retry-after", value)])).unwrap_or_default();
        enter_now(&throttle, Kind::Read).await.answered(429, &answer, 0);
        let start = Instant::now();
        enter_now(&throttle, Kind::Read).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn everyone_on_a_lane_obeys_retry_after_in_all_its_forms() {
        let whole = |wait: Duration| wait.as_secs_f64().round() as u64;
        assert_eq!(whole(wait_after(Some("17")).await), 17);
        let date = Timestamp::now() + Duration::from_secs(40);
        let date = httpdate::fmt_http_date(date.into());
        let wait = wait_after(Some(&date)).await;
        assert!(wait > Duration::from_secs(30) && wait <= Duration::from_secs(40), "{wait:?}");
        for absent_or_garbage in [None, Some("soon"), Some("-1")] {
            let wait = wait_after(absent_or_garbage).await;
            assert!(wait >= FIRST_BACKOFF / 2 && wait <= FIRST_BACKOFF * 2, "{absent_or_garbage:?}: {wait:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn other_lanes_go_on() {
        let throttle = Throttle::default();
        enter_now(&throttle, Kind::Read).await.answered(429, &headers(&[("retry-after", "60")]), 0);
        let start = Instant::now();
        throttle.admit(&Meter::new(Some("S2"), Kind::Read), &mut TWO_MINUTES.clone()).await.unwrap();
        enter_now(&throttle, Kind::Query).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_the_patience_is_not_begun() {
        let throttle = Throttle::default();
        enter_now(&throttle, Kind::Read).await.answered(429, &headers(&[("retry-after", "500")]), 0);
        let start = Instant::now();
        let refused = throttle.admit(&meter(Kind::Read), &mut TWO_MINUTES.clone()).await.unwrap_err();
        assert!(refused.0 > Duration::from_secs(499));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn four_hundred_reads_take_no_longer_than_they_must() {
        let throttle = Arc::new(Throttle::default());
        let start = Instant::now();
        let reads = (0..401).map(|_| {
            let throttle = Arc::clone(&throttle);
            tokio::spawn(async move { drop(enter_now(&throttle, Kind::Read).await) })
        });
        for read in reads.collect::<Vec<_>>() {
            read.await.unwrap();
        }
        let floor = Duration::from_secs_f64((401.0 - 250.0) / 25.0);
        assert!(start.elapsed() >= floor && start.elapsed() < floor.mul_f64(1.1), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_were_paced_wait_too_when_a_429_comes() {
        let throttle = Arc::new(Throttle::default());
        let mut passes = Vec::new();
        for _ in 0..245 {
            passes.push(enter_now(&throttle, Kind::Read).await);
        }
        let start = Instant::now();
        let paced = tokio::spawn({
            let throttle = Arc::clone(&throttle);
            async move { drop(enter_now(&throttle, Kind::Read).await) }
        });
        tokio::task::yield_now().await;
        passes.pop().unwrap().answered(429, &headers(&[("retry-after", "10")]), 0);
        paced.await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn resource_graph_is_asked_fifteen_times_in_five_seconds() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..16 {
            enter_now(&throttle, Kind::Query).await.answered(200, &HeaderMap::new(), 0);
        }
        assert!(start.elapsed() >= QUERY_WINDOW && start.elapsed() < QUERY_WINDOW * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_desktop_service_s_limit_is_learned_from_the_first_answer() {
        let throttle = Arc::new(Throttle::default());
        let first = enter_now(&throttle, Kind::SessionHosts).await;
        let start = Instant::now();
        let second = tokio::spawn({
            let throttle = Arc::clone(&throttle);
            async move { drop(enter_now(&throttle, Kind::SessionHosts).await) }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!second.is_finished(), "until the limit is known, one goes ahead");
        let window = [
            ("x-rate-limit-limit", "5m"),
            ("x-rate-limit-remaining", "0"),
            ("x-rate-limit-reset", "2026-01-01T00:01:00.1234567Z"),
            ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ];
        first.answered(200, &headers(&window), 0);
        second.await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_without_an_answer_lets_the_next_one_probe() {
        let throttle = Throttle::default();
        drop(enter_now(&throttle, Kind::SessionHosts).await);
        let none = [("x-rate-limit-limit", "0"), ("x-rate-limit-remaining", "9223372036854775807"), ("x-rate-limit-reset", "0")];
        enter_now(&throttle, Kind::SessionHosts).await.answered(200, &headers(&none), 0);
        let start = Instant::now();
        for _ in 0..50 {
            drop(enter_now(&throttle, Kind::SessionHosts).await);
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_of_the_desktop_service_does_not_stop_arm() {
        let throttle = Throttle::default();
        let answer = [
            ("retry-after", "60"),
            ("x-rate-limit-limit", "5m"),
            ("x-rate-limit-remaining", "0"),
            ("x-rate-limit-reset", "2026-01-01T00:01:00Z"),
            ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ];
        enter_now(&throttle, Kind::SessionHosts).await.answered(429, &headers(&answer), 0);
        let start = Instant::now();
        enter_now(&throttle, Kind::Read).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        enter_now(&throttle, Kind::SessionHosts).await;
        assert!(start.elapsed() >= Duration::from_secs(60));
    }
}
