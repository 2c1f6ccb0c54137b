//! What the functions are given: the configuration, the two ports for state and messages, and the sources.

use crate::config::Config;
use crate::import::choose::Known;
use crate::import::trust::Trust;
use crate::sources::Sources;
use crate::state::State;
use jiff::Timestamp;
use moka::sync::Cache;
use poolwarden_azure::Http;
use poolwarden_domain::policy::Policy;
use poolwarden_host::{fault_point, trace};
use poolwarden_store::{Clock, Documents, Outgoing, QueueError, Queues};
use std::sync::Arc;
use tokio::sync::Notify;

/// How many icon hashes a process remembers as stored.
const ICONS_REMEMBERED: u64 = 10_000;

/// What the functions are given.
pub struct Deps {
    /// All that is configured.
    pub config: Config,
    /// State.
    pub documents: Arc<dyn Documents>,
    /// Messages.
    pub queues: Arc<dyn Queues>,
    /// Azure and files.
    pub sources: Sources,
    /// Who may ask for signed imports.
    pub trust: Trust,
    /// What the catalogue knows of pools, for events that come in bursts.
    pub known: Known,
    /// The icons this process knows to be stored: the hash of what a source sent, and the hash it is stored under.
    pub icons: Cache<String, String>,
    /// Whether transient dead letters are sent again by themselves: only where the timer runs that does it.
    pub reprocesses: bool,
    /// Rung when a run of this process has ended.
    pub ended: Notify,
    /// Tells the time.
    pub clock: Clock,
}

impl Deps {
    /// The dependencies over a configuration and a store. Nothing is opened or asked yet.
    pub fn new(config: Config, documents: Arc<dyn Documents>, queues: Arc<dyn Queues>) -> anyhow::Result<Self> {
        let http = Http::new()?;
        let sources = Sources::new(&config, &http);
        let trust = Trust::new(&config.import, &http);
        let icons = Cache::new(ICONS_REMEMBERED);
        let (known, ended, clock) = (Known::default(), Notify::new(), Clock::default());
        Ok(Self { config, documents, queues, sources, trust, known, icons, reprocesses: false, ended, clock })
    }

    /// The documents, typed.
    pub fn state(&self) -> State<'_> {
        State(self.documents.as_ref())
    }

    /// Sends messages, all or none.
    ///
    /// They carry on the trace that this is called in, unless they have one of their own.
    pub async fn send(&self, queue: &str, mut messages: Vec<Outgoing>) -> Result<(), QueueError> {
        if let Some(context) = trace::current() {
            for message in &mut messages {
                message.traceparent.get_or_insert_with(|| context.to_string());
            }
        }
        fault_point::hit("before_send");
        self.queues.send(queue, messages).await?;
        fault_point::hit("after_send");
        Ok(())
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What a connection wants published; the defaults for one that is not configured (files need none).
    pub fn policy(&self, connection: &str) -> Policy {
        self.config.connection(connection).map(|connection| connection.policy.clone()).unwrap_or_default()
    }
}
