//! `poolwarden serve`: every function on this machine. `poolwarden handler`: the same functions for the Azure
//! Functions host.

use super::session::{Session, check, configuration};
use super::{COMPLETE, Cli};
use crate::config::{BLOB_VARIABLE, SERVICE_BUS_VARIABLE, Store};
use anyhow::{Context, bail};
use clap::Args;
use poolwarden_azure::ServiceBus;
use poolwarden_host::{AccessKeys, EmbeddedHost, HostOptions, serve_custom_handler};
use poolwarden_store::{Documents, Queues};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

const EXAMPLES: &str = "Examples:
  poolwarden serve
  poolwarden serve --config /etc/poolwarden.toml --listen 127.0.0.1:8080";

/// `poolwarden serve`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    /// Where to serve HTTP [default: the configuration's serve.listen]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let config = configuration(cli)?;
        check(&config)?;
        let listen = self.listen.unwrap_or(config.serve.listen);
        let session = Session::open_to_serve(config)?;
        let _guard = match &session.sqlite {
            // Any number of processes may share a namespace and a container.
            None => None,
            Some(sqlite) => match sqlite.try_become_host()? {
                Some(guard) => Some(guard),
                None => {
                    let path = sqlite.path().unwrap_or(Path::new("the store")).display();
                    bail!("another process serves {path}; stop it first");
                }
            },
        };
        let keys = session.deps.sources.access_keys(&session.deps.config.serve).await?;
        let mut options = HostOptions { listen: Some(listen), keys, ..HostOptions::default() };
        if session.sqlite.is_none() {
            options.receive_wait = ServiceBus::LONG_POLL;
        }
        let mut host = host(&session, options).await?;
        let address = host.bind().await.with_context(|| format!("cannot listen on {listen}"))?;
        crate::import::announce(&session.deps);
        tracing::info!(address = address.map(|address| address.to_string()), "serving");
        host.run(stopped()).await?;
        Ok(COMPLETE)
    }
}

/// A host of every function over this session. Locks that a killed process left are void: this is the only host.
pub(super) async fn host(session: &Session, options: HostOptions) -> anyhow::Result<EmbeddedHost> {
    if let Some(sqlite) = &session.sqlite {
        sqlite.release_locks().await?;
    }
    let app = crate::app(&session.deps);
    let documents: Arc<dyn Documents> = Arc::clone(&session.deps.documents);
    let queues: Arc<dyn Queues> = Arc::clone(&session.deps.queues);
    Ok(EmbeddedHost::new(crate::HOST_JSON, crate::DEFINITIONS, app, documents, queues, options)?)
}

/// No keys: for a host that serves no HTTP.
pub(super) fn no_http() -> HostOptions {
    HostOptions { listen: None, keys: AccessKeys::default(), timers: false, ..HostOptions::default() }
}

/// Resolves when a person or the system asks the process to stop.
async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .expect("the handler of SIGTERM can be set at start");
        tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}

/// `poolwarden handler`
pub(super) async fn handler(cli: &Cli) -> anyhow::Result<u8> {
    let config = configuration(cli)?;
    check(&config)?;
    if let Store::Sqlite(_) = config.store {
        bail!(
            "the Functions host fires functions by Service Bus, and their state must be where every instance finds it: \
             set {SERVICE_BUS_VARIABLE} and {BLOB_VARIABLE}, or write [azure] into the configuration; `poolwarden serve` \
             runs everything on one machine"
        );
    }
    let session = Session::open_to_serve(config)?;
    crate::import::announce(&session.deps);
    serve_custom_handler(crate::app(&session.deps).into_router()).await?;
    Ok(COMPLETE)
}
