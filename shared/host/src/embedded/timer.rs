//! One loop a timer function. A timer never overlaps itself, and a monitored one remembers its ticks in a document,
//! so that a tick that was missed while nothing ran fires once, marked as past due.

use super::call::Caller;
use super::definition::{Function, Retry, TimerTrigger};
use super::envelope::{self, RetryOf, Ticks};
use super::options::Clock;
use super::stop::Stop;
use crate::wire::Verdict;
use jiff::Timestamp;
use poolwarden_store::{Documents, Expect, StoreError, Version};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// The longest single sleep. A machine that was suspended wakes with sleeps unfinished; the clock is looked at this
/// often, so that an overdue tick waits no longer.
const MAX_SLEEP: Duration = Duration::from_secs(15);

/// A tick that fires later than this, in a host that ran all the time, is past due as well: the machine slept.
const PAST_DUE_AFTER: Duration = Duration::from_secs(60);

/// The pause between attempts to read or write the timer's document, and what it grows to.
const STORE_BACKOFF: Duration = Duration::from_millis(500);
const MAX_STORE_BACKOFF: Duration = Duration::from_secs(30);

/// Fires one timer.
pub(super) struct TimerLoop {
    pub(super) function: Function,
    pub(super) trigger: Box<TimerTrigger>,
    pub(super) caller: Caller,
    pub(super) documents: Arc<dyn Documents>,
    pub(super) clock: Clock,
}

/// The document `timers/<function>`.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    last: Option<Timestamp>,
    next: Timestamp,
    last_updated: Timestamp,
}

/// The ticks, and the version of the document that holds them.
struct Monitor {
    ticks: Ticks,
    version: Option<Version>,
}

impl TimerLoop {
    fn key(&self) -> String {
        format!("timers/{}", self.function.name)
    }

    /// Fires until told to stop; lets a run in flight end.
    pub(super) async fn run(self, mut stop: Stop) {
        let Some(mut monitor) = self.start(&mut stop).await else {
            return;
        };
        let missed = (self.clock)() > monitor.ticks.next;
        if (missed || self.trigger.run_on_startup) && !self.tick(&mut monitor, missed, &mut stop).await {
            return;
        }
        while let Some(late) = self.wait(monitor.ticks.next, &mut stop).await {
            if !self.tick(&mut monitor, late > PAST_DUE_AFTER, &mut stop).await {
                return;
            }
        }
    }

    /// Sleeps until the tick and says by how much it was missed; nothing if the host stops.
    async fn wait(&self, tick: Timestamp, stop: &mut Stop) -> Option<Duration> {
        loop {
            let remaining = (self.clock)().duration_until(tick);
            if stop.is_set() {
                return None;
            }
            match Duration::try_from(remaining) {
                Ok(remaining) if !remaining.is_zero() => {
                    if !stop.sleep(remaining.min(MAX_SLEEP)).await {
                        return None;
                    }
                }
                _ => return Some(remaining.unsigned_abs()),
            }
        }
    }

    /// One run with its retries; false if the host stops before it is settled. Then nothing is written, and the next
    /// start finds the tick missed.
    async fn tick(&self, monitor: &mut Monitor, is_past_due: bool, stop: &mut Stop) -> bool {
        let started = (self.clock)();
        let ticks = self.trigger.use_monitor.then_some(monitor.ticks);
        let retry = self.trigger.retry.unwrap_or(Retry { max_count: 0, delay: Duration::ZERO });
        let mut error = String::new();
        for count in 0..=retry.max_count {
            if count > 0 && !stop.sleep(retry.delay).await {
                return false;
            }
            let context = (count > 0).then_some(RetryOf { count, max_count: retry.max_count, error: &error });
            let now = (self.clock)();
            let envelope = envelope::timer(&self.function, ticks, is_past_due, context.as_ref(), now);
            match self.caller.call(self.function.name, &envelope, None).await {
                Verdict::Success(_) => break,
                Verdict::Failed(reason) | Verdict::NeverCompletes(reason) => error = reason,
            }
        }
        let now = (self.clock)();
        // Ticks that passed while the function ran are not made up for; a clock set back repeats none.
        let Some(next) = self.trigger.schedule.after(now.max(started)) else {
            tracing::error!(function = self.function.name, "the schedule has no further tick");
            return false;
        };
        monitor.ticks = Ticks { last: Some(started), next, last_updated: now };
        self.save(monitor, stop).await;
        true
    }

    /// The ticks as they were left, or a first record. Nothing if the host stops before the store answers.
    async fn start(&self, stop: &mut Stop) -> Option<Monitor> {
        let now = (self.clock)();
        let first = Ticks { last: None, next: self.trigger.schedule.after(now)?, last_updated: now };
        let mut monitor = Monitor { ticks: first, version: None };
        if !self.trigger.use_monitor {
            return Some(monitor);
        }
        let mut pause = STORE_BACKOFF;
        loop {
            match self.documents.get(&self.key()).await {
                Ok(Some(document)) => {
                    monitor.version = Some(document.version);
                    match serde_json::from_slice::<Record>(&document.body) {
                        Ok(record) if self.fits(&record) => {
                            monitor.ticks =
                                Ticks { last: record.last, next: record.next, last_updated: record.last_updated };
                            return Some(monitor);
                        }
                        // A changed schedule has missed nothing yet.
                        Ok(_) => {
                            tracing::info!(function = self.function.name, "the schedule changed");
                        }
                        Err(_) => tracing::warn!(function = self.function.name, "the timer's document is unreadable"),
                    }
                    break;
                }
                Ok(None) => break,
                Err(error) => self.complain(&error, "read"),
            }
            if !stop.sleep(pause).await {
                return None;
            }
            pause = (pause * 2).min(MAX_STORE_BACKOFF);
        }
        self.save(&mut monitor, stop).await;
        Some(monitor)
    }

    /// Whether the recorded next tick is one of this schedule.
    fn fits(&self, record: &Record) -> bool {
        let before = record.next.checked_sub(jiff::SignedDuration::from_secs(1));
        before.ok().and_then(|before| self.trigger.schedule.after(before)) == Some(record.next)
    }

    /// Writes the ticks. If somebody else wrote first, another host fires this timer too; its ticks are taken over,
    /// unless ours are later.
    async fn save(&self, monitor: &mut Monitor, stop: &mut Stop) {
        if !self.trigger.use_monitor {
            return;
        }
        let mut pause = STORE_BACKOFF;
        loop {
            let Ticks { last, next, last_updated } = monitor.ticks;
            let Ok(body) = serde_json::to_vec(&Record { last, next, last_updated }) else {
                return;
            };
            let expect = monitor.version.clone().map_or(Expect::Absent, Expect::Version);
            match self.documents.put(&self.key(), body.into(), expect).await {
                Ok(version) => {
                    monitor.version = Some(version);
                    return;
                }
                Err(StoreError::Conflict { .. }) => {
                    tracing::warn!(function = self.function.name, "another host fires this timer as well");
                    match self.documents.get(&self.key()).await {
                        Ok(document) => {
                            let theirs = document.as_ref().and_then(|found| serde_json::from_slice(&found.body).ok());
                            monitor.version = document.map(|found| found.version);
                            if let Some(Record { last, next, last_updated }) = theirs
                                && next >= monitor.ticks.next
                            {
                                monitor.ticks = Ticks { last, next, last_updated };
                                return;
                            }
                        }
                        Err(error) => self.complain(&error, "read"),
                    }
                }
                Err(error) => self.complain(&error, "write"),
            }
            if !stop.sleep(pause).await {
                return;
            }
            pause = (pause * 2).min(MAX_STORE_BACKOFF);
        }
    }

    fn complain(&self, error: &StoreError, action: &'static str) {
        let error = error as &dyn std::error::Error;
        tracing::warn!(function = self.function.name, action, error, "the timer's document could not be reached");
    }
}
