//! Everything one running simulator consists of.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    admin::webhook::Webhooks,
    auth::{endpoints, sessions::Sessions, token::Tokens},
    classic::RoleAssignments,
    clock::{Clock, seven_digits},
    dice::{guid, hash},
    estate::{directory::Object, generate::generate, model::Estate, wire::Oddness},
    fault::Faults,
    feed, microsoft_graph,
    options::Options,
    service_bus::Namespace,
    stats::Stats,
    throttle::Throttle,
    world::World,
};

/// One simulator: its options and its moving parts.
pub(crate) struct Simulation {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) tokens: Tokens,
    pub(crate) sessions: Sessions,
    pub(crate) feed: feed::Settings,
    pub(crate) rendered: feed::Rendered,
    pub(crate) role_assignments: RoleAssignments,
    pub(crate) deltas: microsoft_graph::Deltas,
    pub(crate) throttle: Throttle,
    pub(crate) faults: Faults,
    pub(crate) stats: Stats,
    pub(crate) world: World,
    pub(crate) webhooks: Webhooks,
    pub(crate) namespace: Namespace,
    requests: AtomicU64,
}

impl Simulation {
    pub(crate) fn new(options: Options) -> Result<Self> {
        let spec = &options.estate;
        let mut estate = generate(spec, options.seed);
        admit(&mut estate, &options);
        let clock = options.clock.clone();
        Ok(Self {
            tokens: Tokens::new(options.token_lifetime, &spec.tenant_id)?,
            sessions: Sessions::default(),
            feed: feed::Settings::new(options.classic_retired),
            rendered: feed::Rendered::default(),
            role_assignments: RoleAssignments::default(),
            deltas: microsoft_graph::Deltas::default(),
            throttle: Throttle::new(options.throttle, options.avd_rate_limit),
            faults: Faults::new(options.seed, options.faults.clone()),
            stats: Stats::default(),
            world: World::new(estate, spec.graph_lag_ms, spec.activity_log_delay_ms, clock.now()),
            webhooks: Webhooks::default(),
            namespace: Namespace::new(options.seed, &options.queues),
            requests: AtomicU64::new(0),
            clock,
            options,
        })
    }

    pub(crate) fn tenant(&self) -> &str {
        &self.options.estate.tenant_id
    }

    pub(crate) fn oddness(&self) -> Oddness {
        Oddness { share: self.options.estate.odd_wire_share, seed: self.options.seed }
    }

    /// An id for the next answer.
    pub(crate) fn next_request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        guid(hash(self.options.seed, "requests"), number)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time as the provider prints it.
    pub(crate) fn now_text(&self) -> String {
        seven_digits(self.now())
    }

    /// What `GET /_sim/stats` answers.
    pub(crate) fn stats_document(&self) -> Value {
        self.stats.document(self.faults.fired(), &self.sessions.attempts())
    }

    /// Sets the counters back.
    pub(crate) fn reset_stats(&self) {
        self.stats.reset();
        self.sessions.reset_attempts();
    }
}

/// Puts those who can sign in into the directory, unless they are there: the
/// clients with their registrations, and the managed identity.
fn admit(estate: &mut Estate, options: &Options) {
    let tenant = estate.tenant.clone();
    let directory = estate.directory_mut();
    let registrations = microsoft_graph::of_clients(&options.clients);
    let is_new = |registration: &Value| directory.applications.iter().all(|app| app["appId"] != registration["appId"]);
    let registrations: Vec<Value> = registrations.into_iter().filter(is_new).collect();
    directory.applications.extend(registrations);
    let client = |id: &String| Object::service_principal(&endpoints::object_id_of(id), "Simulated application", id);
    let clients = options.clients.iter().map(|known| client(&known.id));
    let site = "/subscriptions/0c1e47f0-51a0-4ed5-b0a3-5f00000000fe/resourceGroups/rg-poolwarden/providers/Microsoft.Web/sites/poolwarden";
    let identity = endpoints::IDENTITY_CLIENT_ID;
    let identity = Object::managed_identity(&endpoints::object_id_of(identity), "poolwarden", identity, site);
    for object in clients.chain([identity]) {
        if directory.get(&object.id).is_none() {
            directory.add(object.owned_by_tenant(&tenant));
        }
    }
}
