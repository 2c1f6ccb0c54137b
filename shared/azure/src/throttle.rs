//! Who may send when: one lane per subscription (or tenant) and kind of operation, learned from the answers' headers.
//!
//! Pacing keeps a caller that is alone below Azure's limits. When Azure says wait all the same, nobody on that lane
//! sends before the time is over. Waiting that Azure asked for comes out of a request's patience; pacing does not.

use crate::bucket::{ReadBucket, Turn, Window};
use crate::rate_headers::{
    arm_reads_left, arm_writes_left, avd_window, graph_share_used, resource_graph_window, retry_after,
};
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
/// The shortest wait after a 429, should the service name less.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// The kinds of operation that Azure counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A read through ARM.
    Read,
    /// Something made, changed or removed.
    Write,
    /// A list of session hosts: a read through ARM that the desktop service counts too.
    SessionHosts,
    /// A Resource Graph query.
    Query,
    /// A document or file of the user's feed. Its limits are not published: they are learned.
    Feed,
    /// A request to Microsoft Graph.
    Graph,
}

/// What a request counts against.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    /// The subscription's id, or `tenant`; the host that serves a feed.
    pub(crate) subject: String,
    pub(crate) kind: Kind,
    /// What it costs, in the units in which the service counts.
    pub(crate) units: u32,
}

impl Meter {
    pub(crate) fn new(subscription: Option<&str>, kind: Kind) -> Self {
        Self { subject: subscription.map_or_else(|| "tenant".to_owned(), str::to_ascii_lowercase), kind, units: 1 }
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
    units: u32,
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
                Kind::Write => Limit::Reads(ReadBucket::of_writes(Instant::now())),
                Kind::Graph => Limit::Reads(ReadBucket::of_units(Instant::now())),
                Kind::SessionHosts | Kind::Feed => Limit::Window(Window::new(None)),
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
            Kind::Write => &[Kind::Write],
            Kind::Query => &[Kind::Query],
            Kind::Feed => &[Kind::Feed],
            Kind::Graph => &[Kind::Graph],
        };
        let mut pass = Pass { lanes: Vec::with_capacity(kinds.len()), units: meter.units };
        for kind in kinds {
            let lane = self.lane(&meter.subject, *kind);
            enter(&lane.1, meter.units, patience).await?;
            pass.lanes.push(lane);
        }
        Ok(pass)
    }
}

async fn enter(lane: &Lane, units: u32, patience: &mut Patience) -> Result<(), TooLong> {
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
                ((Limit::Reads(bucket), _), now) => match bucket.take(now, units) {
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
                    bucket.give_back(units);
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
                bucket.give_back(self.units);
            }
        }
    }

    /// Learns from an answer. For a 429, how long nobody sends: what the service says, or a backoff that grows with
    /// `attempt`.
    pub(crate) fn answered(mut self, status: u16, headers: &HeaderMap, attempt: u32) -> Option<Duration> {
        let (clock, now) = (Timestamp::now(), Instant::now());
        let wait =
            (status == 429).then(|| retry_after(headers, clock).unwrap_or_else(|| backoff(attempt)).max(SHORTEST_WAIT));
        let of_desktops = avd_window(headers, clock);
        for (kind, lane) in std::mem::take(&mut self.lanes) {
            let mut state = lane.lock();
            let (limit, blocked) = &mut *state;
            match limit {
                Limit::Reads(bucket) => {
                    let left = if kind == Kind::Write { arm_writes_left(headers) } else { arm_reads_left(headers) };
                    if let Some(left) = left {
                        bucket.correct(now, left);
                    }
                    if let Some(used) = graph_share_used(headers).filter(|_| kind == Kind::Graph) {
                        bucket.correct_share(now, used);
                    }
                }
                Limit::Window(window) => {
                    let hint = if kind == Kind::Query { resource_graph_window(headers) } else { of_desktops };
                    window.learn(now, hint);
                }
            }
            // A 429 that shows the desktop service's own window is not ARM's.
            let is_concerned =
                kind != Kind::Read || !matches!(of_desktops, Some(crate::rate_headers::WindowHint::Left { .. }));
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
pub(crate) fn backoff(attempt: u32) -> Duration {
    jittered(FIRST_BACKOFF.saturating_mul(1 << attempt.min(5)).min(LONGEST_BACKOFF))
}

/// Half to one and a half times a pause, so that many who failed together do not return together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let mut dice: rand::rngs::StdRng = rand::make_rng();
    pause.mul_f64(dice.random_range(0.5..1.5))
}

#[cfg(test)]
mod tests;
