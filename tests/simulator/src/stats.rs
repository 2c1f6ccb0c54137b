//! Counts what was asked and answered, for `GET /_sim/stats`. Requests to
//! `/_sim` itself are not counted.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};

use crate::{
    request::{Api, Request},
    service_bus,
};

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    in_flight: AtomicU64,
    peak: AtomicU64,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: u64,
    by_api: BTreeMap<&'static str, u64>,
    by_operation: BTreeMap<String, u64>,
    by_status: BTreeMap<u16, u64>,
    throttled_by_api: BTreeMap<&'static str, u64>,
    sign_ins: u64,
    bytes: u64,
    service_bus: BusCounts,
}

/// What was asked of the Service Bus namespace: counted apart, because
/// receivers ask all the time.
#[derive(Debug, Default)]
struct BusCounts {
    total: u64,
    by_operation: BTreeMap<String, u64>,
    by_status: BTreeMap<u16, u64>,
}

/// A request that is being answered; dropping it ends it.
pub(crate) struct Flight<'a>(&'a Stats);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stats {
    pub(crate) fn enter(&self) -> Flight<'_> {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(now, Ordering::Relaxed);
        Flight(self)
    }

    pub(crate) fn record(&self, request: &Request, status: u16, bytes: usize) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if request.api == Api::ServiceBus {
            let bus = &mut counts.service_bus;
            bus.total += 1;
            *bus.by_operation.entry(service_bus::operation(request)).or_default() += 1;
            *bus.by_status.entry(status).or_default() += 1;
            return;
        }
        let api = request.api.name();
        counts.total += 1;
        counts.bytes += bytes as u64;
        *counts.by_api.entry(api).or_default() += 1;
        *counts.by_operation.entry(request.operation()).or_default() += 1;
        *counts.by_status.entry(status).or_default() += 1;
        if status == 429 {
            *counts.throttled_by_api.entry(api).or_default() += 1;
        }
        let signs_in = matches!(request.api, Api::Token | Api::ManagedIdentity);
        let asks_for_code = request.lower.ends_with("/devicecode");
        if signs_in && status == 200 && !asks_for_code {
            counts.sign_ins += 1;
        }
    }

    /// Counts a request within another one (a batch), which is counted itself.
    pub(crate) fn record_part(&self, request: &Request, status: u16) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.by_operation.entry(format!("{} in a batch", request.operation())).or_default() += 1;
        if status == 429 {
            *counts.throttled_by_api.entry(request.api.name()).or_default() += 1;
        }
    }

    /// The counters as JSON.
    pub(crate) fn document(&self, faults: u64, attempts: &Value) -> Value {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let api = |api: Api| counts.by_api.get(api.name()).copied().unwrap_or(0);
        let texts = |by_status: &BTreeMap<u16, u64>| -> BTreeMap<String, u64> {
            by_status.iter().map(|(status, count)| (status.to_string(), *count)).collect()
        };
        let status = texts(&counts.by_status);
        let bus = &counts.service_bus;
        json!({
            "requests": {
                "total": counts.total,
                "arm": api(Api::Arm),
                "resource_graph": api(Api::ResourceGraph),
                "activity_log": api(Api::ActivityLog),
                "token": api(Api::Token),
                "managed_identity": api(Api::ManagedIdentity),
                "discovery": api(Api::Discovery),
                "feed": api(Api::Feed),
                "classic_feed": api(Api::ClassicFeed),
                "classic": api(Api::Classic),
                "microsoft_graph": api(Api::Directory),
                "key_vault": api(Api::KeyVault),
                "by_operation": counts.by_operation,
            },
            "service_bus": {
                "requests": bus.total,
                "by_operation": bus.by_operation,
                "status": texts(&bus.by_status),
            },
            "status": status,
            "throttled": counts.throttled_by_api.values().sum::<u64>(),
            "throttled_by_api": counts.throttled_by_api,
            "sign_ins": counts.sign_ins,
            "sign_in_attempts": attempts,
            "faults": faults,
            "bytes_sent": counts.bytes,
            "in_flight": self.in_flight.load(Ordering::Relaxed),
            "peak_concurrency": self.peak.load(Ordering::Relaxed),
        })
    }

    pub(crate) fn reset(&self) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = Counts::default();
        let now = self.in_flight.load(Ordering::Relaxed);
        self.peak.store(now, Ordering::Relaxed);
    }
}
