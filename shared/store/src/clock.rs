//! The time the store goes by, so that a test can move it instead of sleeping.

use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Tells the time. The default is the system's clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that asks `now`.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::from_fn(Timestamp::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// A clock that stands still until it is moved, to microseconds. Clones move together.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.as_microsecond())))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by_us = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(by_us, Ordering::SeqCst);
    }

    /// The time it stands at.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        from_micros(self.0.load(Ordering::SeqCst))
    }

    /// The clock to hand to what goes by it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Clock::from_fn(move || clock.now())
    }
}

/// A stored time. Out-of-range values, which only a damaged file holds, become the nearest time there is.
pub(crate) fn from_micros(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// `time` in microseconds, rounded up, so that nothing comes due before its time.
#[cfg(feature = "sqlite")]
pub(crate) fn micros_rounded_up(time: Timestamp) -> i64 {
    let micros = time.as_microsecond();
    if from_micros(micros) < time { micros + 1 } else { micros }
}

/// `from` and `by` later, or the end of time.
#[cfg(feature = "sqlite")]
pub(crate) fn later(from: Timestamp, by: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(by).ok().and_then(|by| from.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}
