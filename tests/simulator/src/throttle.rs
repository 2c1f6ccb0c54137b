//! Limits as Azure sets them: ARM's token buckets, Resource Graph's quota and
//! the AVD provider's own window. Switched off it refuses nothing, and its
//! headers show full buckets.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::http::Method;
use jiff::Timestamp;

use crate::{
    auth::token::Caller,
    clock::seven_digits,
    microsoft_graph,
    options::{DEFAULT_AVD_LIMIT, ThrottleMode},
    reply::Reply,
    request::Request,
};

const READS: Budget = Budget { size: 250.0, per_second: 25.0 };
const WRITES: Budget = Budget { size: 200.0, per_second: 10.0 };
/// ARM shows fifteen times the regional budget as the global one.
const GLOBAL_FACTOR: f64 = 15.0;
const GRAPH_QUERIES: u32 = 15;
const GRAPH_WINDOW_MS: i64 = 5_000;
const AVD_WINDOW_MS: i64 = 300_000;
/// Seconds in which Microsoft Graph's units are counted.
const DIRECTORY_WINDOW_S: f64 = 10.0;
/// The share of its units from which on Microsoft Graph says how many are used.
const DIRECTORY_WARNS_AT: f64 = 0.8;

#[derive(Debug, Clone, Copy)]
struct Budget {
    size: f64,
    per_second: f64,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    used: u32,
    since: Timestamp,
}

/// A limit's answer: the headers to send, and the refusal if there is one.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) refusal: Option<Reply>,
}

impl Verdict {
    /// The refusal with the headers, or the headers for the real answer.
    pub(crate) fn dress(&self, mut reply: Reply) -> Reply {
        for (name, value) in &self.headers {
            reply = reply.with(name, value);
        }
        reply
    }
}

/// All limits of one run.
#[derive(Debug)]
pub(crate) struct Throttle {
    mode: ThrottleMode,
    avd_limit: u32,
    buckets: Mutex<HashMap<String, Bucket>>,
    windows: Mutex<HashMap<String, Window>>,
}

impl Throttle {
    pub(crate) fn new(mode: ThrottleMode, avd_limit: Option<u32>) -> Self {
        Self {
            mode,
            avd_limit: avd_limit.unwrap_or(DEFAULT_AVD_LIMIT),
            buckets: Mutex::default(),
            windows: Mutex::default(),
        }
    }

    /// ARM's limit on a request of a principal, and AVD's below it.
    pub(crate) fn arm(&self, request: &Request, principal: &str, now: Timestamp) -> Verdict {
        let (budget, kind) = match request.method {
            Method::GET | Method::HEAD => (READS, "reads"),
            Method::DELETE => (WRITES, "deletes"),
            _ => (WRITES, "writes"),
        };
        let subscription = request.subscription();
        let key = format!("{} {principal} {kind}", subscription.unwrap_or("tenant"));
        let taken = self.take(key, budget, 1.0, now);
        let remaining = taken.unwrap_or(0.0).floor();
        let mut headers = match subscription {
            Some(_) => vec![
                (subscription_header(kind), format!("{remaining}")),
                (global_header(kind), format!("{}", budget.size.mul_add(GLOBAL_FACTOR - 1.0, remaining))),
            ],
            None => vec![(tenant_header(kind), format!("{remaining}"))],
        };
        let mut refusal = taken.err().map(|wait_s| throttled(subscription.is_some(), kind, wait_s));
        if refusal.is_none() && request.is_avd() {
            refusal = self.avd(request, now, &mut headers);
        }
        Verdict { headers, refusal }
    }

    /// Takes tokens; the tokens left, or the seconds until there are enough.
    fn take(&self, key: String, budget: Budget, cost: f64, now: Timestamp) -> Result<f64, f64> {
        if self.mode == ThrottleMode::Off {
            return Ok(budget.size - cost);
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: budget.size, at: now });
        let elapsed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
        bucket.tokens = elapsed.mul_add(budget.per_second, bucket.tokens).min(budget.size);
        bucket.at = now;
        if bucket.tokens < cost {
            return Err((cost - bucket.tokens) / budget.per_second);
        }
        bucket.tokens -= cost;
        Ok(bucket.tokens)
    }

    /// The AVD provider's headers: a window on the session-host list, and
    /// numbers that mean "no limit" elsewhere.
    fn avd(&self, request: &Request, now: Timestamp, headers: &mut Vec<(&'static str, String)>) -> Option<Reply> {
        if !request.lists_session_hosts() {
            headers.push(("x-rate-limit-limit", "0".to_owned()));
            headers.push(("x-rate-limit-remaining", i64::MAX.to_string()));
            headers.push(("x-rate-limit-reset", "0".to_owned()));
            return None;
        }
        let key = format!("avd {}", request.subscription().unwrap_or(""));
        let (left, reset) = self.count(key, self.avd_limit, AVD_WINDOW_MS, now);
        headers.push(("x-rate-limit-limit", "5m".to_owned()));
        headers.push(("x-rate-limit-remaining", left.unwrap_or(0).to_string()));
        headers.push(("x-rate-limit-reset", seven_digits(reset)));
        if left.is_some() {
            return None;
        }
        let wait_ms = reset.duration_since(now).as_millis().max(0);
        let wait_s = (wait_ms + 999) / 1000;
        let reply = Reply::error(429, "TooManyRequests", "API calls quota exceeded! maximum admitted per 5m.");
        Some(reply.with("retry-after", &wait_s.to_string()))
    }

    /// Resource Graph's quota.
    pub(crate) fn graph(&self, principal: &str, now: Timestamp) -> Verdict {
        let (left, reset) = self.count(format!("graph {principal}"), GRAPH_QUERIES, GRAPH_WINDOW_MS, now);
        let wait_ms = reset.duration_since(now).as_millis().max(0);
        let wait_s = ((wait_ms + 999) / 1000).max(1);
        let headers = vec![
            ("x-ms-user-quota-remaining", left.unwrap_or(0).to_string()),
            ("x-ms-user-quota-resets-after", format!("00:00:{wait_s:02}")),
        ];
        let refusal = left.is_none().then(|| {
            let reply = crate::graph::refusal(
                429,
                "RateLimiting",
                now,
                &[("RateLimiting", "Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed.")],
            );
            reply.with("retry-after", &wait_s.to_string())
        });
        Verdict { headers, refusal }
    }

    /// Microsoft Graph's limit per application and tenant, in units; how many
    /// there are depends on how many users the tenant has.
    pub(crate) fn directory(&self, units: u32, users: usize, caller: &Caller, now: Timestamp) -> Verdict {
        let size = match users {
            0..50 => 3_500.0,
            50..=500 => 5_000.0,
            _ => 8_000.0,
        };
        let budget = Budget { size, per_second: size / DIRECTORY_WINDOW_S };
        let taken = self.take(format!("directory {}", caller.client_id), budget, f64::from(units), now);
        let mut headers = vec![("x-ms-resource-unit", units.to_string())];
        let used = 1.0 - taken.unwrap_or(0.0) / size;
        if self.mode == ThrottleMode::Azure && used >= DIRECTORY_WARNS_AT {
            headers.push(("x-ms-throttle-limit-percentage", format!("{used:.2}")));
        }
        let refusal = taken.err().map(|wait_s| {
            headers.push(("x-ms-throttle-scope", format!("Tenant_Application/ReadWrite/{}", caller.client_id)));
            headers.push(("x-ms-throttle-information", "ResourceUnitLimitExceeded".to_owned()));
            let reply = microsoft_graph::refusal(429, "TooManyRequests", "Too many requests.");
            reply.with("retry-after", &format!("{}", wait_s.ceil().max(1.0)))
        });
        Verdict { headers, refusal }
    }

    /// Counts one call in a fixed window: what is left, or `None` when it is
    /// over; and when the window ends.
    fn count(&self, key: String, limit: u32, window_ms: i64, now: Timestamp) -> (Option<u32>, Timestamp) {
        let end = |since: Timestamp| since.checked_add(jiff::SignedDuration::from_millis(window_ms)).unwrap_or(since);
        if self.mode == ThrottleMode::Off {
            return (Some(limit.saturating_sub(1)), end(now));
        }
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(key).or_insert(Window { used: 0, since: now });
        if now >= end(window.since) {
            *window = Window { used: 0, since: now };
        }
        if window.used >= limit {
            return (None, end(window.since));
        }
        window.used += 1;
        (Some(limit - window.used), end(window.since))
    }
}

fn throttled(in_subscription: bool, kind: &str, wait_s: f64) -> Reply {
    let retry_after = wait_s.ceil().max(1.0);
    let (code, what) = if in_subscription {
        ("SubscriptionRequestsThrottled", "subscription")
    } else {
        ("TenantRequestsThrottled", "tenant")
    };
    let message = format!(
        "Number of '{kind}' requests for {what} exceeded the limit. Please try again after '{retry_after}' seconds."
    );
    Reply::error(429, code, &message).with("retry-after", &format!("{retry_after}"))
}

fn subscription_header(kind: &str) -> &'static str {
    match kind {
        "reads" => "x-ms-ratelimit-remaining-subscription-reads",
        "deletes" => "x-ms-ratelimit-remaining-subscription-deletes",
        _ => "x-ms-ratelimit-remaining-subscription-writes",
    }
}

fn global_header(kind: &str) -> &'static str {
    match kind {
        "reads" => "x-ms-ratelimit-remaining-subscription-global-reads",
        "deletes" => "x-ms-ratelimit-remaining-subscription-global-deletes",
        _ => "x-ms-ratelimit-remaining-subscription-global-writes",
    }
}

fn tenant_header(kind: &str) -> &'static str {
    match kind {
        "reads" => "x-ms-ratelimit-remaining-tenant-reads",
        "deletes" => "x-ms-ratelimit-remaining-tenant-deletes",
        _ => "x-ms-ratelimit-remaining-tenant-writes",
    }
}
