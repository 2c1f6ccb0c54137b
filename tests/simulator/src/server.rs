//! Starts and stops a simulator in the current process.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, Result};
use axum::Router;
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    admin,
    auth::endpoints,
    clock::Clock,
    dispatch,
    estate::{audit::Violation, truth},
    fault::Fault,
    feed,
    options::Options,
    service_bus::QueueSpec,
    state::Simulation,
};

/// Starts simulators.
#[derive(Debug)]
pub struct Simulator;

/// A running simulator. Dropping it stops it: no new connections, and the open
/// ones end with their request.
pub struct Running {
    addr: SocketAddr,
    simulation: Arc<Simulation>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<()>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Running").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Simulator {
    /// Plants the estate and listens; the server runs as a task of the
    /// current tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on or the system has no random
    /// numbers.
    pub async fn start(options: Options) -> Result<Running> {
        let listen = options.listen;
        let simulation = Arc::new(Simulation::new(options)?);
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let addr = listener.local_addr().context("the listener has no address")?;
        let app = Router::new().fallback(dispatch::handle).with_state(Arc::clone(&simulation));
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            use axum::serve::ListenerExt as _;
            let listener = listener.tap_io(|connection| {
                if let Err(error) = connection.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY is not available");
                }
            });
            axum::serve(listener, app)
                .with_graceful_shutdown(async move {
                    // An error means that the sender was dropped, which stops it too.
                    let _ = stopped.await;
                })
                .await
        });
        Ok(Running { addr, simulation, stop: Some(stop), server })
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address as a URL without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The tenant's id.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.simulation.tenant()
    }

    /// The clock it lives by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.simulation.clock
    }

    /// A token that ARM and Resource Graph accept; not counted as a sign-in.
    #[must_use]
    pub fn token(&self) -> String {
        endpoints::direct(&self.simulation, None, endpoints::MANAGEMENT, &self.url())
    }

    /// A token for another audience, such as `https://servicebus.azure.net` or
    /// `https://storage.azure.com`; not counted as a sign-in.
    #[must_use]
    pub fn token_for(&self, audience: &str) -> String {
        endpoints::direct(&self.simulation, None, audience, &self.url())
    }

    /// A token of a user for an audience, such as
    /// `https://www.wvd.microsoft.com`; not counted as a sign-in.
    #[must_use]
    pub fn user_token(&self, account: &str, audience: &str) -> String {
        endpoints::direct(&self.simulation, Some(account), audience, &self.url())
    }

    /// The address of the Service Bus namespace, without a trailing slash.
    #[must_use]
    pub fn service_bus_url(&self) -> String {
        self.url()
    }

    /// What `GET /_sim/service-bus` answers.
    #[must_use]
    pub fn service_bus(&self) -> Value {
        self.simulation.namespace.document(self.simulation.now())
    }

    /// Makes a queue, or gives one other settings.
    pub fn put_queue(&self, spec: QueueSpec) {
        self.simulation.namespace.put(spec);
    }

    /// Removes a queue with all that is in it; whether there was one.
    pub fn delete_queue(&self, name: &str) -> bool {
        self.simulation.namespace.delete(name)
    }

    /// Ends all locks on messages, as `POST /_sim/service-bus/lapse` does;
    /// answers how many there were.
    pub fn lapse_locks(&self) -> usize {
        self.simulation.namespace.lapse(self.simulation.now())
    }

    /// What is wrong with the estate, as it was planted, under
    /// [`Running::policy`].
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let document = &self.simulation.world.current().estate.violations;
        serde_json::from_value(document["violations"].clone()).unwrap_or_default()
    }

    /// The policy of an audit under which these are the violations, as a policy
    /// file says it.
    #[must_use]
    pub fn policy(&self) -> Value {
        self.simulation.world.current().estate.violations["policy"].clone()
    }

    /// What `GET /_sim/estate` answers.
    #[must_use]
    pub fn estate(&self) -> Value {
        truth::document(&self.simulation.world.current().estate, self.simulation.options.seed, true)
    }

    /// What an account should see in its feeds, as
    /// `GET /_sim/feed/expected?account=` answers.
    #[must_use]
    pub fn expected_feed(&self, account: &str) -> Value {
        feed::expected(&self.simulation, account)
    }

    /// What `GET /_sim/stats` answers.
    #[must_use]
    pub fn stats(&self) -> Value {
        self.simulation.stats_document()
    }

    /// Sets the counters back, as `DELETE /_sim/stats` does.
    pub fn reset_stats(&self) {
        self.simulation.reset_stats();
    }

    /// Puts other faults in force.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.simulation.faults.replace(faults);
    }

    /// Changes the estate as `POST /_sim/change` does, with the same JSON;
    /// answers the list of changes made.
    ///
    /// # Errors
    /// When an entry is not understood or does not fit the estate. Nothing is
    /// changed then.
    pub fn change(&self, entries: &Value) -> Result<Value> {
        admin::change(&self.simulation, entries).map_err(anyhow::Error::msg)
    }

    /// Stops it: waits for the requests that are being answered.
    ///
    /// # Errors
    /// When the server had failed.
    pub async fn shutdown(mut self) -> Result<()> {
        drop(self.stop.take());
        self.simulation.namespace.close();
        match (&mut self.server).await {
            Ok(result) => result.context("the server failed"),
            Err(error) => Err(error).context("the server's task failed"),
        }
    }

    /// Waits until the server ends by itself, which it does only on failure.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn wait(mut self) -> Result<()> {
        (&mut self.server).await.context("the server's task failed")?.context("the server failed")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Receivers that wait for messages would keep it alive for as long as they wait.
        self.simulation.namespace.close();
    }
}

/// Grows the estate of some options without serving it, and answers what
/// `GET /_sim/estate` would.
#[must_use]
pub fn planted(options: &Options, icons: bool) -> Value {
    let estate = crate::estate::generate::generate(&options.estate, options.seed);
    truth::document(&estate, options.seed, icons)
}
