//! What the functions are given: the configuration, the two ports for state and messages, and the sources.

use crate::audit::{self, Audited};
use crate::config::Config;
use crate::import::choose::Known;
use crate::import::trust::Trust;
use crate::sources::Sources;
use crate::state::State;
use jiff::Timestamp;
use moka::sync::Cache;
use poolwarden_azure::Http;
use poolwarden_domain::audit::AuditPolicy;
use poolwarden_domain::policy::Policy;
use poolwarden_host::{fault_point, trace};
use poolwarden_store::{Clock, Documents, Outgoing, QueueError, Queues};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};

/// How many icon hashes a process remembers as stored.
const ICONS_REMEMBERED: u64 = 10_000;
/// How many connections' audits a process keeps in memory, and for how long after the last question.
const AUDITS_REMEMBERED: u64 = 4;
/// See above.
const AUDITS_REMEMBERED_FOR: Duration = Duration::from_secs(10 * 60);

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
    /// What each connection's access is held against.
    pub audit_policies: HashMap<String, AuditPolicy>,
    /// Facts about access that were judged, by connection and digest.
    pub audited: Cache<String, Arc<Audited>>,
    /// Held by whoever loads and judges such facts: they take memory and time, and all want the same.
    pub judging: Mutex<()>,
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
        let audited = Cache::builder().max_capacity(AUDITS_REMEMBERED).time_to_idle(AUDITS_REMEMBERED_FOR).build();
        let audit_policies =
            config.connections.iter().map(|connection| Ok((connection.name.clone(), audit::policy::of(connection)?)));
        let audit_policies = audit_policies.collect::<anyhow::Result<_>>()?;
        Ok(Self {
            config,
            documents,
            queues,
            sources,
            trust,
            known,
            icons,
            audit_policies,
            audited,
            judging: Mutex::new(()),
            reprocesses: false,
            ended,
            clock,
        })
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

    /// What a connection's access is held against; the defaults for one that is not configured.
    pub fn audit_policy(&self, connection: &str) -> AuditPolicy {
        self.audit_policies.get(connection).cloned().unwrap_or_default()
    }

    /// What a connection wants published; the defaults for one that is not configured (files need none).
    pub fn policy(&self, connection: &str) -> Policy {
        self.config.connection(connection).map(|connection| connection.policy.clone()).unwrap_or_default()
    }
}
