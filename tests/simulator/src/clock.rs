//! The simulator's clock: the machine's own, or one that stands still until a
//! test moves it. Token lifetimes, throttling, lag and the activity log read
//! it; added latency does not, because that is real waiting.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, futures::Notified};

/// A clock that can be shared and moved forward. Clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    running: bool,
    start: Timestamp,
    advanced: Mutex<SignedDuration>,
    moved: Notify,
}

impl Clock {
    /// The machine's clock. [`Clock::advance`] still moves it ahead.
    #[must_use]
    pub fn system() -> Self {
        Self::new(true, Timestamp::now())
    }

    /// A clock that shows `start` until it is moved.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self::new(false, start)
    }

    fn new(running: bool, start: Timestamp) -> Self {
        Self(Arc::new(Inner { running, start, advanced: Mutex::new(SignedDuration::ZERO), moved: Notify::new() }))
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let base = if self.0.running { Timestamp::now() } else { self.0.start };
        let advanced = *self.0.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        base.checked_add(advanced).unwrap_or(base)
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let mut advanced = self.0.advanced.lock().unwrap_or_else(PoisonError::into_inner);
        *advanced = advanced.checked_add(by).unwrap_or(*advanced);
        drop(advanced);
        self.0.moved.notify_waiters();
    }

    /// Ends when the clock is moved; to whom waits, time may have come.
    pub(crate) fn moved(&self) -> Notified<'_> {
        self.0.moved.notified()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// A time as AVD prints it: UTC with seven digits of fraction.
pub(crate) fn seven_digits(time: Timestamp) -> String {
    let ticks = time.subsec_nanosecond().unsigned_abs() / 100;
    format!("{}.{ticks:07}Z", time.strftime("%Y-%m-%dT%H:%M:%S"))
}
