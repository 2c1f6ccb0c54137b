//! What the functions are given: the configuration, the two ports for state and messages, and the sources.

use crate::config::{self, Config, Connection, Webhook};
use crate::import::choose::Known;
use crate::import::trust::Trust;
use crate::state::State;
use jiff::Timestamp;
use moka::sync::Cache;
use poolwarden_azure::{
    AzureInventory, Credential, Credentials, DeviceCodeSignIn, Endpoints, FileInventory, Http, Inventory, KeyVault,
    SecretError, SendError, Shared, SignInError, WebhookSender, credential_end, sign_in,
};
use poolwarden_domain::feed::FeedModel;
use poolwarden_domain::policy::Policy;
use poolwarden_domain::run::{Run, Source};
use poolwarden_host::{AccessKey, AccessKeys, fault_point, trace};
use poolwarden_store::{Clock, Documents, Outgoing, QueueError, Queues};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How many icon hashes a process remembers as stored.
const ICONS_REMEMBERED: u64 = 10_000;
/// How many folders of files are kept in memory at once.
const FOLDERS_REMEMBERED: u64 = 4;

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
    /// The icons this process knows to be stored, by hash.
    pub icons: Cache<String, ()>,
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

/// Where estates are read from, and what signing in to each takes. One sign-in a connection, for as long as the
/// process runs.
pub struct Sources {
    azure: HashMap<String, Azure>,
    folders: Cache<String, Arc<FileInventory>>,
    webhooks: WebhookSender,
    http: Http,
}

struct Azure {
    credential: Credential,
    endpoints: Endpoints,
    credentials: Arc<dyn Credentials>,
    shared: Arc<Shared>,
    subscriptions: Vec<String>,
    vault: KeyVault,
}

impl Sources {
    fn new(config: &Config, http: &Http) -> Self {
        let azure = |connection: &Connection| {
            let endpoints = connection.endpoints.clone();
            let credentials = sign_in(connection.credential.clone(), &endpoints, http);
            Azure {
                credential: connection.credential.clone(),
                endpoints: endpoints.clone(),
                shared: Arc::new(Shared::new(http.clone(), Arc::clone(&credentials), endpoints.clone())),
                subscriptions: connection.subscriptions.clone(),
                vault: KeyVault::new(http.clone(), Arc::clone(&credentials), endpoints),
                credentials,
            }
        };
        Self {
            azure: config.connections.iter().map(|connection| (connection.name.clone(), azure(connection))).collect(),
            folders: Cache::new(FOLDERS_REMEMBERED),
            webhooks: WebhookSender::new(http.clone()),
            http: http.clone(),
        }
    }

    fn azure(&self, connection: &str) -> Result<&Azure, String> {
        self.azure.get(connection).ok_or_else(|| format!("connection {connection} is not configured"))
    }

    /// What a connection's tokens are for. The first is the one without which nothing can be read.
    pub fn scopes(&self, connection: &str) -> Result<Vec<String>, String> {
        Ok(vec![self.azure(connection)?.endpoints.arm_scope().to_owned()])
    }

    /// What a sign-in by hand is for: the feed, which only a person's account has.
    fn scope_by_hand(&self, azure: &Azure) -> &'static str {
        azure.endpoints.feed_scope(FeedModel::Arm)
    }

    /// Makes sure that there is a token for a connection. The outer error is a mistake of ours, not a refusal.
    pub async fn sign_in(&self, connection: &str) -> Result<Result<(), SignInError>, String> {
        let azure = self.azure(connection)?;
        for scope in self.scopes(connection)? {
            if let Err(error) = azure.credentials.token(&scope).await {
                return Ok(Err(error.of_connection(connection)));
            }
        }
        Ok(Ok(()))
    }

    /// Begins a sign-in by hand.
    pub async fn sign_in_by_hand(&self, connection: &str) -> Result<Result<DeviceCodeSignIn, SignInError>, String> {
        let azure = self.azure(connection)?;
        let begun = DeviceCodeSignIn::begin(&azure.credential, self.scope_by_hand(azure), &azure.endpoints, &self.http);
        Ok(begun.await.map_err(|error| error.of_connection(connection)))
    }

    /// When the secret or certificate of a connection ends, if that can be known.
    pub async fn credential_end(&self, connection: &str, now: Timestamp) -> Option<Timestamp> {
        let azure = self.azure.get(connection)?;
        credential_end(&azure.credential, &azure.endpoints, &self.http, now).await
    }

    /// Forgets a refusal from before a credential was mended.
    pub fn forget_refusal_before(&self, connection: &str, mended_at: Timestamp) {
        if let Some(azure) = self.azure.get(connection) {
            azure.credentials.forget_refusal_before(mended_at);
        }
    }

    /// Lets a person's request try a credential again that was refused before.
    pub fn forget_refusal(&self, connection: &str) {
        if let Some(azure) = self.azure.get(connection) {
            azure.credentials.forget();
        }
    }

    /// A handle for reading the estate of a run; it counts its own requests.
    pub fn inventory(&self, run: &Run) -> Result<Arc<dyn Inventory>, String> {
        match &run.source {
            Source::Azure => {
                let azure = self.azure(&run.connection)?;
                Ok(Arc::new(AzureInventory::new(Arc::clone(&azure.shared), azure.subscriptions.clone())))
            }
            Source::Directory(path) => {
                let open = || FileInventory::open(path).map(Arc::new);
                let folder = self.folders.try_get_with(run.id.clone(), open);
                folder.map(|folder| folder as Arc<dyn Inventory>).map_err(|error| error.to_string())
            }
        }
    }

    /// Sends one event, signed with the webhook's secret as it is now.
    pub async fn send_webhook(
        &self,
        connection: &str,
        webhook: &Webhook,
        id: &str,
        now: Timestamp,
        body: Vec<u8>,
    ) -> Result<(), NotifyError> {
        let vault = self.azure.get(connection).map(|azure| &azure.vault);
        let secret = webhook.secret.resolve(vault).await.map_err(NotifyError::Secret)?;
        self.webhooks.send(&webhook.url, &secret, id, now, body.into()).await.map_err(NotifyError::Send)
    }

    /// The keys of HTTP functions.
    pub async fn access_keys(&self, serve: &config::Serve) -> anyhow::Result<AccessKeys> {
        let mut keys = AccessKeys::default();
        for (setting, reference, key) in [
            ("serve.host_key", &serve.host_key, &mut keys.host),
            ("serve.master_key", &serve.master_key, &mut keys.master),
        ] {
            if let Some(reference) = reference {
                let secret: SecretString = reference.resolve(None).await?;
                *key = Some(AccessKey::new(setting, secret.expose_secret())?);
            }
        }
        Ok(keys)
    }
}

/// Why an event was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// There is no secret to sign it with.
    #[error("the webhook's secret could not be had")]
    Secret(#[source] SecretError),
    /// It was not taken.
    #[error("the webhook did not take the event")]
    Send(#[source] SendError),
}

impl NotifyError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            // A person can set a variable or mend a file meanwhile.
            Self::Secret(_) => true,
            Self::Send(error) => error.retryable,
        }
    }

    /// How long the receiver asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Secret(_) => None,
            Self::Send(error) => error.retry_after,
        }
    }
}
