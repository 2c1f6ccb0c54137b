//! What a command works with: the configuration, the store it names, and the functions' dependencies over both.

use super::Cli;
use crate::config::{Config, ConfigError, ProcessEnvironment, Store, check_references};
use crate::deps::Deps;
use crate::stage::MAX_DELIVERIES;
use crate::telemetry;
use anyhow::{Context, bail};
use poolwarden_host::Schedule;
use poolwarden_store::{Documents, Options, Overlay, Queues, Sqlite};
use std::sync::Arc;

/// An open store and the dependencies over it.
pub(super) struct Session {
    /// What the functions need.
    pub(super) deps: Arc<Deps>,
    /// The file itself, for whoever wants to be its host; nothing if the store is in Azure. An overlay's queues are
    /// nobody else's.
    pub(super) sqlite: Option<Sqlite>,
}

/// The configuration that the command line names.
pub(super) fn configuration(cli: &Cli) -> Result<Config, ConfigError> {
    Config::load(cli.config.as_deref(), &ProcessEnvironment, judge_schedule)
}

/// The same, for a command that can do without one.
pub(super) fn configuration_or_empty(cli: &Cli) -> Result<Config, ConfigError> {
    Config::load_or_empty(cli.config.as_deref(), &ProcessEnvironment, judge_schedule)
}

fn judge_schedule(schedule: &str) -> Result<(), String> {
    Schedule::parse(schedule).map(|_| ())
}

fn options() -> Options {
    Options { max_delivery_count: MAX_DELIVERIES, ..Options::default() }
}

/// Refuses a configuration that names a variable or file which is not there.
pub(super) fn check(config: &Config) -> anyhow::Result<()> {
    let faults: Vec<String> = check_references(config, &ProcessEnvironment).iter().map(ToString::to_string).collect();
    if faults.is_empty() { Ok(()) } else { bail!("the configuration names what is not there:\n{}", faults.join("\n")) }
}

impl Session {
    /// The store that a configuration names.
    pub(super) fn open(config: Config) -> anyhow::Result<Self> {
        Self::with(config, false)
    }

    /// The same for a process that runs the timers, which send transient dead letters again.
    pub(super) fn open_to_serve(config: Config) -> anyhow::Result<Self> {
        Self::with(config, true)
    }

    fn with(config: Config, reprocesses: bool) -> anyhow::Result<Self> {
        if let Some(telemetry) = &config.telemetry {
            telemetry::begin(telemetry)?;
        }
        let (documents, queues, sqlite): (Arc<dyn Documents>, Arc<dyn Queues>, _) = match &config.store {
            Store::Sqlite(path) => {
                let sqlite = Sqlite::open(path, options())?;
                (Arc::new(sqlite.clone()), Arc::new(sqlite.clone()), Some(sqlite))
            }
            Store::Azure(azure) => (Arc::new(azure.documents()?), azure.queues()?, None),
        };
        let deps = Deps { reprocesses, ..Deps::new(config, documents, queues)? };
        Ok(Self { deps: Arc::new(deps), sqlite })
    }

    /// The same store as a base, with every change kept in memory.
    pub(super) fn open_dry(config: Config) -> anyhow::Result<Self> {
        let queues = Sqlite::in_memory(options())?;
        let base: Arc<dyn Documents> = match &config.store {
            Store::Azure(azure) => Arc::new(azure.documents()?),
            Store::Sqlite(path) if path.try_exists().context("the store cannot be looked at")? => {
                Arc::new(Sqlite::open(path, options())?)
            }
            Store::Sqlite(_) => Arc::new(queues.clone()),
        };
        let documents: Arc<dyn Documents> = Arc::new(Overlay::new(base));
        let deps = Arc::new(Deps::new(config.without_webhooks(), documents, Arc::new(queues.clone()))?);
        Ok(Self { deps, sqlite: Some(queues) })
    }
}
