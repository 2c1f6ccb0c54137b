//! Faults on demand: what goes wrong, for which requests, how often. Which
//! requests are hit depends on the seed and on how many matched before.

use std::{
    str::FromStr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Error, Result, bail};

use crate::{
    dice::{fraction, hash},
    estate::access::is_at_or_below,
    request::{Api, Request},
};

/// What a 429 says about when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    Seconds(u64),
    Date,
    None,
    Garbage,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    TooManyRequests(RetryAfter),
    Unavailable,
    /// The scope in lower case; `None` for whatever is asked.
    Forbidden(Option<String>),
    Cut,
    Truncate,
    Malformed,
    /// 200 with a whole web page.
    Html,
    NotFound,
    Gone,
    Slow(Duration),
    ExpiredToken,
}

/// One fault: `KIND[:key=value,…]`, such as `429:rate=0.2,retry_after=date` or
/// `403:scope=/subscriptions/…`. See the crate's documentation for all kinds.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    text: String,
    effect: Effect,
    path: Option<String>,
    rate: f64,
    after: u64,
    count: u64,
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let mut fault =
            Self { text: text.to_owned(), effect: effect(kind)?, path: None, rate: 1.0, after: 0, count: u64::MAX };
        for pair in rest.split(',').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').with_context(|| format!("{pair:?} is not key=value"))?;
            fault.set(key, value).with_context(|| format!("in the fault {text:?}"))?;
        }
        Ok(fault)
    }
}

fn effect(kind: &str) -> Result<Effect> {
    Ok(match kind {
        "429" => Effect::TooManyRequests(RetryAfter::Seconds(1)),
        "503" => Effect::Unavailable,
        "403" => Effect::Forbidden(None),
        "cut" => Effect::Cut,
        "truncate" => Effect::Truncate,
        "malformed" => Effect::Malformed,
        "html" => Effect::Html,
        "404" => Effect::NotFound,
        "410" => Effect::Gone,
        "slow" => Effect::Slow(Duration::from_secs(1)),
        "expired-token" => Effect::ExpiredToken,
        other => bail!(
            "there is no fault {other:?}: 429, 503, 403, 404, 410, cut, truncate, malformed, html, slow or expired-token"
        ),
    })
}

impl Fault {
    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match (key, &mut self.effect) {
            ("rate", _) => {
                self.rate = value.parse().context("rate is not a number")?;
                if !(0.0..=1.0).contains(&self.rate) {
                    bail!("rate is between 0 and 1");
                }
            }
            ("after", _) => self.after = value.parse().context("after is not a number")?,
            ("count", _) => self.count = value.parse().context("count is not a number")?,
            ("path", _) => self.path = Some(value.to_ascii_lowercase()),
            ("ms", Effect::Slow(delay)) => {
                *delay = Duration::from_millis(value.parse().context("ms is not a number")?);
            }
            ("scope", Effect::Forbidden(scope)) => {
                *scope = Some(value.trim_end_matches('/').to_ascii_lowercase());
            }
            ("retry_after", Effect::TooManyRequests(retry_after)) => {
                *retry_after = match value {
                    "date" => RetryAfter::Date,
                    "none" => RetryAfter::None,
                    "garbage" => RetryAfter::Garbage,
                    seconds => {
                        RetryAfter::Seconds(seconds.parse().context("retry_after is seconds, date, none or garbage")?)
                    }
                };
            }
            _ => bail!("{key:?} is no key of this fault"),
        }
        Ok(())
    }

    /// Whether a request is one that this fault may hit.
    fn matches(&self, request: &Request) -> bool {
        if let Effect::Forbidden(Some(scope)) = &self.effect {
            let inside = if scope == "resourcegraph" {
                request.api == Api::ResourceGraph
            } else {
                is_at_or_below(&request.lower, scope)
            };
            if !inside {
                return false;
            }
        }
        match &self.path {
            Some(path) => request.raw.to_ascii_lowercase().contains(path) || request.lower.contains(path),
            None => request.api.needs_token(),
        }
    }

    /// The scope that is always unreadable because of this fault.
    fn denied_scope(&self) -> Option<&str> {
        let always = self.path.is_none() && self.rate >= 1.0 && self.after == 0 && self.count == u64::MAX;
        match &self.effect {
            Effect::Forbidden(Some(scope)) if always && scope.starts_with('/') => Some(scope),
            _ => None,
        }
    }
}

/// The faults in force.
#[derive(Debug)]
pub(crate) struct Faults {
    seed: u64,
    active: RwLock<Arc<Active>>,
    fired: AtomicU64,
}

/// One set of faults with its counters.
#[derive(Debug)]
pub(crate) struct Active {
    /// Differs for every set that was in force.
    pub(crate) generation: u64,
    faults: Vec<(Fault, AtomicU64, AtomicU64)>,
    denied: Vec<String>,
}

impl Active {
    fn new(generation: u64, faults: Vec<Fault>) -> Arc<Self> {
        Arc::new(Self {
            generation,
            denied: faults.iter().filter_map(Fault::denied_scope).map(str::to_owned).collect(),
            faults: faults.into_iter().map(|fault| (fault, AtomicU64::new(0), AtomicU64::new(0))).collect(),
        })
    }

    /// Whether the caller may not read what is at a lower-case path.
    pub(crate) fn denies(&self, lower_path: &str) -> bool {
        self.denied.iter().any(|scope| is_at_or_below(lower_path, scope))
    }

    /// The scopes that the caller may not read, in lower case.
    pub(crate) fn denied(&self) -> &[String] {
        &self.denied
    }
}

impl Faults {
    pub(crate) fn new(seed: u64, faults: Vec<Fault>) -> Self {
        Self { seed, active: RwLock::new(Active::new(0, faults)), fired: AtomicU64::new(0) }
    }

    pub(crate) fn active(&self) -> Arc<Active> {
        Arc::clone(&self.active.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other faults in force; counters start anew.
    pub(crate) fn replace(&self, faults: Vec<Fault>) {
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        *active = Active::new(active.generation + 1, faults);
    }

    /// The faults as they were written.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.active().faults.iter().map(|(fault, ..)| fault.text.clone()).collect()
    }

    pub(crate) fn fired(&self) -> u64 {
        self.fired.load(Ordering::Relaxed)
    }

    /// What goes wrong with a request, in the order the faults were given.
    pub(crate) fn decide(&self, request: &Request) -> Vec<Effect> {
        let active = self.active();
        let mut effects = Vec::new();
        for (index, (fault, seen, fired)) in active.faults.iter().enumerate() {
            if !fault.matches(request) {
                continue;
            }
            let number = seen.fetch_add(1, Ordering::Relaxed);
            let chance = fraction(hash(self.seed, &format!("fault {index} {number}")));
            let due = number >= fault.after && chance < fault.rate;
            if due && fired.fetch_add(1, Ordering::Relaxed) < fault.count {
                self.fired.fetch_add(1, Ordering::Relaxed);
                effects.push(fault.effect.clone());
            }
        }
        effects
    }
}
