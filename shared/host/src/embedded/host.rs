//! The host itself: checks everything, starts a loop for each trigger, and stops in order.

use super::call::Caller;
use super::definition::{Function, FunctionDefinition, HostSettings, HttpTrigger, Trigger};
use super::http::{Endpoint, MAX_CONCURRENT_REQUESTS, Site};
use super::options::HostOptions;
use super::queue::Poller;
use super::stop::{self, Stop};
use super::timer::TimerLoop;
use crate::FunctionApp;
use axum::Router;
use poolwarden_store::{Documents, Queues};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Everything that keeps the host from starting, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostError {
    /// Each names the file, the function or the setting it is about.
    pub faults: Vec<String>,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host cannot start:")?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n- {fault}"))
    }
}

impl std::error::Error for HostError {}

/// Why a host that had started ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address is taken, or not ours.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A loop of the host died, which is a defect of the host.
    #[error("a part of the host ended unexpectedly")]
    Ended {
        /// The cause, if it panicked.
        #[source]
        source: Option<tokio::task::JoinError>,
    },
}

/// A Functions host for one machine.
pub struct EmbeddedHost {
    functions: Vec<Function>,
    settings: HostSettings,
    options: HostOptions,
    caller: Caller,
    documents: Arc<dyn Documents>,
    queues: Arc<dyn Queues>,
    listener: Option<TcpListener>,
}

impl EmbeddedHost {
    /// Reads host.json and every function.json, and checks them against the app and the options.
    pub fn new(
        host_json: &str,
        definitions: &[FunctionDefinition],
        app: FunctionApp,
        documents: Arc<dyn Documents>,
        queues: Arc<dyn Queues>,
        options: HostOptions,
    ) -> Result<Self, HostError> {
        let names: BTreeSet<&str> = app.names().collect();
        Self::with_router(host_json, definitions, &names, app.into_router(), documents, queues, options)
    }

    /// The same around any router, so that tests can have an app that answers wrongly.
    pub(super) fn with_router(
        host_json: &str,
        definitions: &[FunctionDefinition],
        names: &BTreeSet<&str>,
        app: Router,
        documents: Arc<dyn Documents>,
        queues: Arc<dyn Queues>,
        options: HostOptions,
    ) -> Result<Self, HostError> {
        let mut faults = Vec::new();
        let settings = HostSettings::parse(host_json, &mut faults);
        let prefix = settings.as_ref().map_or("api", |settings| &settings.route_prefix);
        let functions: Vec<Function> = definitions
            .iter()
            .filter_map(|definition| Function::parse(definition, prefix, &options, &mut faults))
            .collect();
        check_names(definitions, names, &mut faults);
        check_routes(&functions, &mut faults);
        if options.max_concurrent_calls == Some(0) || options.lock_duration.is_zero() {
            faults.push("options: the concurrency and the lock duration must be more than zero".into());
        }
        match settings {
            Some(settings) if faults.is_empty() => {
                let caller = Caller { app, timeout: settings.function_timeout };
                Ok(Self { functions, settings, options, caller, documents, queues, listener: None })
            }
            _ => Err(HostError { faults }),
        }
    }

    /// Binds the HTTP port ahead of [`EmbeddedHost::run`], and says which it is: option `listen` may leave the
    /// choice to the system with port 0. Nothing if no HTTP is served.
    pub async fn bind(&mut self) -> Result<Option<SocketAddr>, RunError> {
        let Some(address) = self.options.listen else {
            return Ok(None);
        };
        let listen = |source| RunError::Listen { address, source };
        if self.listener.is_none() {
            self.listener = Some(TcpListener::bind(address).await.map_err(listen)?);
        }
        self.listener.as_ref().map(TcpListener::local_addr).transpose().map_err(listen)
    }

    /// The HTTP functions that nobody can call because no key opens them, each with what it lacks. They are served
    /// all the same, and answer every request with 401: the functions that need no key are not to wait for one.
    pub fn locked(&self) -> Vec<(&'static str, &'static str)> {
        let lacking = |function: &Function| match &function.trigger {
            Trigger::Http(trigger) => Some((function.name, self.options.keys.lacking(function.name, trigger.auth)?)),
            _ => None,
        };
        self.functions.iter().filter(|_| self.options.listen.is_some()).filter_map(lacking).collect()
    }

    /// Runs until `shutdown`: then takes nothing new, and lets what is in flight end within the grace of the
    /// options. What does not end is dropped: a message among it comes again once its lock has run out.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
        let address = self.bind().await?;
        let (stopper, stop) = stop::channel();
        let grace = self.options.shutdown_grace;
        tracing::info!(functions = self.functions.len(), address = address.map(tracing::field::display), "host starts");
        for (function, lacking) in self.locked() {
            tracing::warn!(function, lacking, "nobody can call this function: it answers 401 until the key is set");
        }
        let mut parts = self.start(&stop);
        tokio::pin!(shutdown);
        // Without any trigger there is nothing that could end.
        let idle = parts.is_empty();
        let ended = tokio::select! {
            () = &mut shutdown => None,
            ended = parts.join_next(), if !idle => ended,
        };
        stopper.stop();
        tracing::info!("host stops");
        let drained = async { while parts.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, drained).await.is_err() {
            tracing::warn!(?grace, "invocations in flight did not end in time and are dropped");
            parts.shutdown().await;
        }
        match ended {
            None => Ok(()),
            Some(result) => Err(RunError::Ended { source: result.err() }),
        }
    }

    /// One task a trigger, and one for HTTP.
    fn start(self, stop: &Stop) -> JoinSet<()> {
        let mut parts = JoinSet::new();
        let mut endpoints = Vec::new();
        for function in self.functions {
            let caller = self.caller.clone();
            let clock = Arc::clone(&self.options.clock);
            match function.trigger.clone() {
                Trigger::Timer(trigger) if self.options.timers => {
                    let documents = Arc::clone(&self.documents);
                    parts.spawn(TimerLoop { function, trigger, caller, documents, clock }.run(stop.clone()));
                }
                Trigger::Queue { queue } if self.options.queues => {
                    let configured = self.options.max_concurrent_calls;
                    let poller = Poller {
                        function,
                        queue,
                        caller,
                        queues: Arc::clone(&self.queues),
                        max_concurrent_calls: configured.unwrap_or(self.settings.max_concurrent_calls),
                        lock_duration: self.options.lock_duration,
                        receive_wait: self.options.receive_wait,
                        max_lock_renewal: self.settings.max_lock_renewal,
                        clock,
                    };
                    parts.spawn(Arc::new(poller).run(stop.clone()));
                }
                Trigger::Http(trigger) => endpoints.push(Endpoint { function, trigger }),
                Trigger::EventGrid => {
                    tracing::warn!(function = function.name, "Event Grid is not served here; the function is idle");
                }
                Trigger::Timer(_) | Trigger::Queue { .. } => {}
            }
        }
        if let Some(listener) = self.listener {
            let site = Site::new(endpoints, self.options.keys, self.caller, self.options.clock);
            parts.spawn(serve_http(listener, Arc::new(site), stop.clone()));
        }
        parts
    }
}

async fn serve_http(listener: TcpListener, site: Arc<Site>, mut stop: Stop) {
    let slots = site.slots();
    let stopped = async move { stop.wait().await };
    if let Err(error) = axum::serve(listener, site.router()).with_graceful_shutdown(stopped).await {
        tracing::error!(%error, "the HTTP server ended");
    }
    // Callers may have hung up; their invocations may still run.
    let _all_free = slots.acquire_many(u32::from(MAX_CONCURRENT_REQUESTS)).await;
}

/// A function without a handler would fail every message into the dead letters, and a handler without a definition
/// would never run: both are mistakes to hear about at once.
fn check_names(definitions: &[FunctionDefinition], handlers: &BTreeSet<&str>, faults: &mut Vec<String>) {
    let mut defined = BTreeSet::new();
    for definition in definitions {
        let name = definition.name;
        if !defined.insert(name) {
            faults.push(format!("function {name}: it is defined twice"));
        } else if !handlers.contains(name) {
            faults.push(format!("function {name}: the app has no handler of this name"));
        }
    }
    faults.extend(handlers.difference(&defined).map(|name| format!("function {name}: it has no function.json")));
}

/// Two functions on one route would answer by chance.
fn check_routes(functions: &[Function], faults: &mut Vec<String>) {
    let mut routes: BTreeMap<String, Vec<(&str, &HttpTrigger)>> = BTreeMap::new();
    for function in functions {
        let Trigger::Http(trigger) = &function.trigger else {
            continue;
        };
        let sharing = routes.entry(trigger.route.shape()).or_default();
        for (other, known) in sharing.iter() {
            let any = |trigger: &HttpTrigger| trigger.methods.is_empty();
            if any(trigger) || any(known) || trigger.methods.iter().any(|method| known.methods.contains(method)) {
                faults.push(format!("function {}: {other} has the same route and method", function.name));
            }
        }
        sharing.push((function.name, trigger));
    }
}
