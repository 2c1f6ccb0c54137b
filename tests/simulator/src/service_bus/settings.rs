//! What a queue is created with, and how that is written on a command line
//! and in `/_sim`.

use std::{str::FromStr, time::Duration};

use anyhow::{Context as _, Error, Result, bail};
use serde_json::{Value, json};

/// The queues that a namespace has unless others are named.
pub const DEFAULT_QUEUES: [&str; 8] = [
    "acquire_token",
    "discover_host_pools",
    "enumerate_host_pool",
    "publish_package",
    "finish_run",
    "read_access",
    "audit_host_pool",
    "deliver_notification",
];

const LOCK: Duration = Duration::from_secs(60);
const MAX_DELIVERY: u32 = 10;
const DUPLICATES: Duration = Duration::from_secs(600);
/// The time to live of a queue of the standard tier, as it is created there.
const TIME_TO_LIVE: Duration = Duration::from_secs(14 * 24 * 3600);
const MAX_SIZE: u64 = 1024 * 1024 * 1024;
/// What the documents say of a lock that is not found.
const LOST_LOCK: u16 = 404;
/// What settling with a lost lock may answer: 409 has been reported of the
/// service, and 410 is what its other protocol says.
const LOST_LOCKS: [u16; 3] = [LOST_LOCK, 409, 410];
/// The longest name of a queue.
const MAX_NAME: usize = 260;
/// The longest duration that is taken, so that times cannot overflow.
const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 3600);

/// A queue's name and settings, written `NAME[:key=value,…]` with the keys
/// `lock`, `duplicates`, `ttl` (durations: `90s`, `500ms`, `10m`; `duplicates=0s`
/// switches duplicate detection off), `max_delivery`, `max_size` (bytes) and
/// `lost_lock` (the status of settling with a lost lock: 404, 409 or 410).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// Its name, in lower case.
    pub name: String,
    /// How long a message stays locked.
    pub lock: Duration,
    /// After how many deliveries a message is dead-lettered.
    pub max_delivery: u32,
    /// How long the id of a message is remembered; zero: not at all.
    pub duplicates: Duration,
    /// How long a message lives unless it says less itself.
    pub ttl: Duration,
    /// How many bytes its messages may have together.
    pub max_size: u64,
    /// The status of settling with a lock that is lost.
    pub lost_lock: u16,
}

impl QueueSpec {
    /// A queue with the settings that Poolwarden's queues have.
    ///
    /// # Errors
    /// When the name is not one of letters, digits, `.`, `-` and `_`.
    pub fn named(name: &str) -> Result<Self> {
        let known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
        // A leading underscore would let a queue hide /_sim.
        if name.is_empty() || name.len() > MAX_NAME || name.starts_with('_') || !name.chars().all(known) {
            bail!("{name:?} is no name of a queue: letters, digits, '.', '-' and '_', not '_' first");
        }
        Ok(Self {
            name: name.to_ascii_lowercase(),
            lock: LOCK,
            max_delivery: MAX_DELIVERY,
            duplicates: DUPLICATES,
            ttl: TIME_TO_LIVE,
            max_size: MAX_SIZE,
            lost_lock: LOST_LOCK,
        })
    }

    /// [`DEFAULT_QUEUES`].
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        DEFAULT_QUEUES.iter().filter_map(|name| Self::named(name).ok()).collect()
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "lock" => self.lock = duration(value)?,
            "duplicates" => self.duplicates = duration(value)?,
            "ttl" => self.ttl = duration(value)?,
            "max_delivery" => self.max_delivery = value.parse().context("max_delivery is not a number")?,
            "max_size" => self.max_size = value.parse().context("max_size is not a number of bytes")?,
            "lost_lock" => self.lost_lock = value.parse().context("lost_lock is not a status")?,
            _ => bail!("{key:?} is no setting of a queue: lock, max_delivery, duplicates, ttl, max_size or lost_lock"),
        }
        self.check()
    }

    fn check(&self) -> Result<()> {
        if self.lock.is_zero() || self.ttl.is_zero() || self.max_delivery == 0 {
            bail!("lock, ttl and max_delivery are more than zero");
        }
        if !LOST_LOCKS.contains(&self.lost_lock) {
            bail!("lost_lock is 404, 409 or 410");
        }
        Ok(())
    }

    /// Changes what a JSON object names: `lock_ms`, `duplicates_ms`, `ttl_ms`,
    /// `max_delivery`, `max_size_bytes`, `lost_lock_status`.
    pub(crate) fn merge(&mut self, settings: &Value) -> Result<(), String> {
        let settings = settings.as_object().ok_or("the body is not an object of settings")?;
        for (key, value) in settings {
            let number = value.as_u64().ok_or_else(|| format!("{key} is not a number"))?;
            let time = || {
                let time = Duration::from_millis(number);
                (time <= MAX_DURATION).then_some(time).ok_or_else(|| format!("{key} is longer than a year"))
            };
            match key.as_str() {
                "lock_ms" => self.lock = time()?,
                "duplicates_ms" => self.duplicates = time()?,
                "ttl_ms" => self.ttl = time()?,
                "max_delivery" => {
                    self.max_delivery = u32::try_from(number).map_err(|_| "max_delivery is too large".to_owned())?;
                }
                "max_size_bytes" => self.max_size = number,
                "lost_lock_status" => self.lost_lock = u16::try_from(number).unwrap_or(0),
                _ => return Err(format!("{key:?} is no setting of a queue")),
            }
        }
        self.check().map_err(|error| error.to_string())
    }

    /// The settings as [`QueueSpec::merge`] reads them.
    pub(crate) fn document(&self) -> Value {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        json!({
            "lock_ms": millis(self.lock),
            "max_delivery": self.max_delivery,
            "duplicates_ms": millis(self.duplicates),
            "ttl_ms": millis(self.ttl),
            "max_size_bytes": self.max_size,
            "lost_lock_status": self.lost_lock,
        })
    }
}

impl FromStr for QueueSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let mut spec = Self::named(name)?;
        for pair in rest.split(',').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').with_context(|| format!("{pair:?} is not key=value"))?;
            spec.set(key, value).with_context(|| format!("in the queue {text:?}"))?;
        }
        Ok(spec)
    }
}

/// `500ms`, `90s`, `10m`; a number alone is seconds.
fn duration(text: &str) -> Result<Duration> {
    let (number, unit_ms) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60_000)
    } else {
        (text.strip_suffix('s').unwrap_or(text), 1_000)
    };
    let number: u64 =
        number.parse().with_context(|| format!("{text:?} is not a duration such as 60s, 500ms or 10m"))?;
    let time = Duration::from_millis(number.saturating_mul(unit_ms));
    if time > MAX_DURATION {
        bail!("{text:?} is longer than a year");
    }
    Ok(time)
}
