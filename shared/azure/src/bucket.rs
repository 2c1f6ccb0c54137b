//! The arithmetic of the two kinds of limit: a bucket that refills steadily, and a count that starts anew with every
//! window. Pure: the time comes in.

use crate::rate_headers::WindowHint;
use std::time::Duration;
use tokio::time::Instant;

/// ARM accepts this many reads at once …
const READS_AT_ONCE: f64 = 250.0;
/// … and this many a second after that.
const READS_A_SECOND: f64 = 25.0;
/// ARM accepts this many writes at once, and of deletes as many, …
const WRITES_AT_ONCE: f64 = 200.0;
/// … and this many a second after that. Both count as one here.
const WRITES_A_SECOND: f64 = 10.0;
/// Reads held back: our bucket starts to refill when the first request leaves, ARM's when it arrives, and that one
/// still has to connect. Costs a fifth of a second once.
const HELD_BACK: f64 = 5.0;
/// Microsoft Graph accepts this many units at once from one application in the smallest tenants; larger ones get more.
const UNITS_AT_ONCE: f64 = 3_500.0;
/// … and this many a second after that.
const UNITS_A_SECOND: f64 = 350.0;

/// A bucket of reads, or of Microsoft Graph's units. May go below zero: then those who took have to wait for their
/// token.
#[derive(Debug)]
pub(crate) struct ReadBucket {
    level: f64,
    at: Instant,
    at_once: f64,
    a_second: f64,
}

impl ReadBucket {
    pub(crate) fn full(now: Instant) -> Self {
        Self { level: READS_AT_ONCE - HELD_BACK, at: now, at_once: READS_AT_ONCE, a_second: READS_A_SECOND }
    }

    pub(crate) fn of_writes(now: Instant) -> Self {
        Self { level: WRITES_AT_ONCE - HELD_BACK, at: now, at_once: WRITES_AT_ONCE, a_second: WRITES_A_SECOND }
    }

    pub(crate) fn of_units(now: Instant) -> Self {
        Self { level: UNITS_AT_ONCE - HELD_BACK, at: now, at_once: UNITS_AT_ONCE, a_second: UNITS_A_SECOND }
    }

    fn refill(&mut self, now: Instant) {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * self.a_second;
        self.level = (self.level + gained).min(self.at_once - HELD_BACK);
        self.at = self.at.max(now);
    }

    /// Takes tokens and tells how long it takes until they are there.
    pub(crate) fn take(&mut self, now: Instant, tokens: u32) -> Duration {
        self.refill(now);
        self.level -= f64::from(tokens);
        Duration::from_secs_f64((-self.level / self.a_second).max(0.0))
    }

    /// Returns tokens that were not used.
    pub(crate) fn give_back(&mut self, tokens: u32) {
        self.level += f64::from(tokens);
    }

    /// Lowers the level to what the share of all tokens leaves that the service says is used.
    pub(crate) fn correct_share(&mut self, now: Instant, used: f64) {
        self.refill(now);
        self.level = self.level.min(self.at_once * (1.0 - used));
    }

    /// Lowers the level to what the service counted. Never raises it: answers come late and out of order.
    pub(crate) fn correct(&mut self, now: Instant, left: u64) {
        self.refill(now);
        // One more than counted, because the service's own level has a fraction that its header does not show.
        self.level = self.level.min(left as f64 + 1.0);
    }

    /// The service said that nothing is left.
    pub(crate) fn empty(&mut self, now: Instant) {
        self.refill(now);
        self.level = self.level.min(0.0);
    }
}

/// A number of requests a window.
#[derive(Debug)]
pub(crate) struct Window {
    /// What a window allows as long as the service says nothing else; `None` when that has to be learned first.
    assumed: Option<(u64, Duration)>,
    state: WindowState,
}

#[derive(Debug, PartialEq, Eq)]
enum WindowState {
    Unknown,
    Probing,
    NoLimit,
    Counting { remaining: u64, resets_at: Instant },
}

/// What a window says to the next request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Go.
    Go,
    /// Go, and tell what the answer said: the others wait for it.
    Probe,
    /// Somebody is finding out the limit.
    AwaitProbe,
    /// Not before then.
    Wait(Instant),
}

impl Window {
    pub(crate) fn new(assumed: Option<(u64, Duration)>) -> Self {
        Self { assumed, state: WindowState::Unknown }
    }

    pub(crate) fn take(&mut self, now: Instant) -> Turn {
        if matches!(self.state, WindowState::Counting { resets_at, .. } if resets_at <= now) {
            self.state = WindowState::Unknown;
        }
        if let (WindowState::Unknown, Some((limit, length))) = (&self.state, self.assumed) {
            self.state = WindowState::Counting { remaining: limit, resets_at: now + length };
        }
        match &mut self.state {
            WindowState::NoLimit => Turn::Go,
            WindowState::Probing => Turn::AwaitProbe,
            WindowState::Counting { remaining: 0, resets_at } => Turn::Wait(*resets_at),
            WindowState::Counting { remaining, .. } => {
                *remaining -= 1;
                Turn::Go
            }
            WindowState::Unknown => {
                self.state = WindowState::Probing;
                Turn::Probe
            }
        }
    }

    /// What an answer said. An answer without the headers ends a probe: there is nothing to obey.
    pub(crate) fn learn(&mut self, now: Instant, hint: Option<WindowHint>) {
        match (hint, &mut self.state) {
            (Some(WindowHint::NoLimit), state) => *state = WindowState::NoLimit,
            (None, state @ WindowState::Probing) => *state = WindowState::NoLimit,
            (None, _) => {}
            (Some(WindowHint::Left { remaining: left, resets_in }), WindowState::Counting { remaining, resets_at }) => {
                *remaining = left.min(*remaining);
                if *remaining == 0 {
                    *resets_at = (now + resets_in).max(*resets_at);
                }
            }
            (Some(WindowHint::Left { remaining, resets_in }), state) => {
                *state = WindowState::Counting { remaining, resets_at: now + resets_in };
            }
        }
    }

    /// The probe came back without an answer: somebody else has to find out.
    pub(crate) fn probe_failed(&mut self) {
        if self.state == WindowState::Probing {
            self.state = WindowState::Unknown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_bucket_gives_a_burst_and_then_25_a_second() {
        let start = Instant::now();
        let mut bucket = ReadBucket::full(start);
        let waits: Vec<_> = (0..401).map(|_| bucket.take(start, 1)).collect();
        assert!(waits[..245].iter().all(Duration::is_zero));
        let floor = (401.0 - 250.0) / 25.0;
        assert!(waits[400].as_secs_f64() < floor * 1.05, "{:?}", waits[400]);
    }

    #[test]
    fn the_service_s_count_lowers_the_level_and_never_raises_it() {
        let start = Instant::now();
        let mut bucket = ReadBucket::full(start);
        bucket.correct(start, 2);
        let free = (0..10).filter(|_| bucket.take(start, 1).is_zero()).count();
        assert_eq!(free, 3);
        bucket.correct(start, 200);
        assert!(!bucket.take(start, 1).is_zero());
    }

    #[test]
    fn units_are_taken_by_what_a_request_costs_and_shares_lower_the_level() {
        let start = Instant::now();
        let mut bucket = ReadBucket::of_units(start);
        assert!(bucket.take(start, 3_000).is_zero());
        assert!(bucket.take(start, 1_000) > Duration::from_secs(1));
        bucket.give_back(1_000);
        bucket.correct_share(start, 0.99);
        assert!(bucket.take(start, 30).is_zero());
        assert!(!bucket.take(start, 10).is_zero());
    }

    proptest! {
        /// Whatever the timing, an ARM that counts exactly never has to say no.
        #[test]
        fn a_bucket_that_counts_exactly_is_never_overdrawn(gaps in prop::collection::vec(0_u64..200, 1..600)) {
            let start = Instant::now();
            let mut ours = ReadBucket::full(start);
            let (mut level, mut served, mut now) = (250.0_f64, start, start);
            let mut sent = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                sent.push(now + ours.take(now, 1));
            }
            sent.sort();
            for at in sent {
                level = (level + (at - served).as_secs_f64() * 25.0).min(250.0) - 1.0;
                served = at;
                prop_assert!(level > -1e-6);
            }
        }
    }

    #[test]
    fn an_assumed_window_counts_down_and_starts_anew() {
        let start = Instant::now();
        let mut window = Window::new(Some((2, Duration::from_secs(5))));
        assert_eq!((window.take(start), window.take(start)), (Turn::Go, Turn::Go));
        assert_eq!(window.take(start), Turn::Wait(start + Duration::from_secs(5)));
        assert_eq!(window.take(start + Duration::from_secs(5)), Turn::Go);
        window.learn(
            start + Duration::from_secs(5),
            Some(WindowHint::Left { remaining: 0, resets_in: Duration::from_secs(9) }),
        );
        assert_eq!(window.take(start + Duration::from_secs(6)), Turn::Wait(start + Duration::from_secs(14)));
    }

    #[test]
    fn an_unknown_limit_is_probed_by_one_and_learned_by_all() {
        let start = Instant::now();
        let mut window = Window::new(None);
        assert_eq!((window.take(start), window.take(start)), (Turn::Probe, Turn::AwaitProbe));
        window.probe_failed();
        assert_eq!(window.take(start), Turn::Probe);
        window.learn(start, Some(WindowHint::Left { remaining: 1, resets_in: Duration::from_secs(300) }));
        assert_eq!(window.take(start), Turn::Go);
        assert!(matches!(window.take(start), Turn::Wait(_)));
        assert_eq!(window.take(start + Duration::from_secs(300)), Turn::Probe);
        window.learn(start, None);
        assert_eq!((window.take(start), window.take(start)), (Turn::Go, Turn::Go));
    }
}
