//! Where estates are read from, and what signing in to each takes: one sign-in a connection, and a reader of its kind.

use crate::config::{self, Classic, Config, Connection, Kind, Webhook};
use jiff::Timestamp;
use moka::sync::Cache;
use poolwarden_azure::{
    AccessReader, AzureInventory, ClassicInventory, ClassicRoles, ClassicSettings, Credential, Credentials,
    DEFAULT_FEED_USER_AGENT, DeviceCodeSignIn, DirectoryReader, Endpoints, FeedInventory, FeedLook, FeedSettings,
    FeedShared, FileInventory, GraphDirectory, Http, Inventory, KeyVault, RoleAssignments, SecretError, SendError,
    Shared, SignInError, SignInProblem, WebhookSender, credential_end, sign_in,
};
use poolwarden_domain::run::{Run, Source};
use poolwarden_host::{AccessKey, AccessKeys};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How many folders of files are kept in memory at once.
const FOLDERS_REMEMBERED: u64 = 4;

/// Where estates are read from, and what signing in to each takes. One sign-in a connection, for as long as the
/// process runs.
pub struct Sources {
    connected: HashMap<String, Connected>,
    folders: Cache<String, Arc<FileInventory>>,
    webhooks: WebhookSender,
    http: Http,
}

/// A connection, ready to be read.
struct Connected {
    credential: Credential,
    endpoints: Endpoints,
    credentials: Arc<dyn Credentials>,
    /// What tokens are for.
    scopes: Vec<String>,
    reader: Reader,
    directory: Option<Arc<dyn DirectoryReader>>,
    vault: KeyVault,
}

/// What reads it: a new handle for each run and pool, over what they share.
enum Reader {
    Arm(Arc<Shared>, Vec<String>),
    Feed(Arc<FeedShared>, FeedSettings),
    Classic(ClassicInventory),
}

impl Connected {
    fn new(connection: &Connection, http: &Http) -> Self {
        let endpoints = connection.endpoints.clone();
        let credentials = sign_in(connection.credential.clone(), &endpoints, http);
        let (client, tokens, places) = (http.clone(), Arc::clone(&credentials), endpoints.clone());
        let directory = connection.audit.directory.then(|| {
            let graph = GraphDirectory::new(http.clone(), Arc::clone(&credentials), endpoints.clone());
            Arc::new(graph) as Arc<dyn DirectoryReader>
        });
        let reader = match &connection.kind {
            Kind::Arm => Reader::Arm(Arc::new(Shared::new(client, tokens, places)), connection.subscriptions.clone()),
            Kind::Feed(feed) => {
                let user_agent = feed.user_agent.as_deref().unwrap_or(DEFAULT_FEED_USER_AGENT).to_owned();
                let account = connection.credential.account().map(str::to_owned);
                let settings = FeedSettings {
                    models: feed.models.clone(),
                    user_agent,
                    account,
                    cloud_pcs: connection.policy.cloud_pcs,
                    scope: connection.policy.scope,
                };
                Reader::Feed(Arc::new(FeedShared::new(client, tokens, places)), settings)
            }
            Kind::Classic(Classic { tenant_groups, tenants }) => {
                let settings = ClassicSettings { tenant_groups: tenant_groups.clone(), tenants: tenants.clone() };
                Reader::Classic(ClassicInventory::new(client, tokens, places, settings))
            }
        };
        Self {
            credential: connection.credential.clone(),
            scopes: connection.scopes(),
            reader,
            directory,
            vault: KeyVault::new(http.clone(), Arc::clone(&credentials), endpoints.clone()),
            endpoints,
            credentials,
        }
    }

    fn inventory(&self, run: &Run) -> Arc<dyn Inventory> {
        match &self.reader {
            Reader::Arm(shared, subscriptions) => {
                Arc::new(AzureInventory::new(Arc::clone(shared), subscriptions.clone()))
            }
            Reader::Feed(shared, settings) => {
                let anew = run.full || run.discovered.as_ref().is_some_and(|discovered| discovered.full);
                let look = FeedLook { since: run.started_at, anew };
                Arc::new(FeedInventory::new(Arc::clone(shared), settings.clone(), look))
            }
            Reader::Classic(inventory) => Arc::new(inventory.handle()),
        }
    }
}

impl Sources {
    /// What the configuration names. Nothing is asked yet.
    pub fn new(config: &Config, http: &Http) -> Self {
        let connected = |connection: &Connection| (connection.name.clone(), Connected::new(connection, http));
        Self {
            connected: config.connections.iter().map(connected).collect(),
            folders: Cache::new(FOLDERS_REMEMBERED),
            webhooks: WebhookSender::new(http.clone()),
            http: http.clone(),
        }
    }

    fn connected(&self, connection: &str) -> Result<&Connected, String> {
        self.connected.get(connection).ok_or_else(|| format!("connection {connection} is not configured"))
    }

    /// Makes sure that there is a token for a connection. Of two models, one that is not consented to does not stop the
    /// other: it is unknown in the run. The outer error is a mistake of ours, not a refusal.
    pub async fn sign_in(&self, connection: &str) -> Result<Result<(), SignInError>, String> {
        let connected = self.connected(connection)?;
        let (mut has_token, mut not_consented) = (false, None);
        for scope in &connected.scopes {
            match connected.credentials.token(scope).await {
                Ok(_) => has_token = true,
                Err(error) if error.problem() == Some(SignInProblem::Consent) => {
                    let error = error.of_connection(connection);
                    tracing::warn!(connection, scope, %error, "not consented to");
                    not_consented.get_or_insert(error);
                }
                Err(error) => return Ok(Err(error.of_connection(connection))),
            }
        }
        Ok(if has_token { Ok(()) } else { not_consented.map_or(Ok(()), Err) })
    }

    /// Begins a sign-in by hand, for what the connection reads.
    pub async fn sign_in_by_hand(&self, connection: &str) -> Result<Result<DeviceCodeSignIn, SignInError>, String> {
        let connected = self.connected(connection)?;
        let scope = connected.scopes.first().ok_or("the connection needs no token")?;
        let begun = DeviceCodeSignIn::begin(&connected.credential, scope, &connected.endpoints, &self.http);
        Ok(begun.await.map_err(|error| error.of_connection(connection)))
    }

    /// When the secret or certificate of a connection ends, if that can be known.
    pub async fn credential_end(&self, connection: &str, now: Timestamp) -> Option<Timestamp> {
        let connected = self.connected.get(connection)?;
        credential_end(&connected.credential, &connected.endpoints, &self.http, now).await
    }

    /// Forgets a refusal from before a credential was mended.
    pub fn forget_refusal_before(&self, connection: &str, mended_at: Timestamp) {
        if let Some(connected) = self.connected.get(connection) {
            connected.credentials.forget_refusal_before(mended_at);
        }
    }

    /// Lets a person's request try a credential again that was refused before.
    pub fn forget_refusal(&self, connection: &str) {
        if let Some(connected) = self.connected.get(connection) {
            connected.credentials.forget();
        }
    }

    /// A handle for reading the estate of a run; it counts its own requests.
    pub fn inventory(&self, run: &Run) -> Result<Arc<dyn Inventory>, String> {
        match &run.source {
            Source::Azure => Ok(self.connected(&run.connection)?.inventory(run)),
            Source::Directory(path) => {
                let open = || FileInventory::open(path).map(Arc::new);
                let folder = self.folders.try_get_with(run.id.clone(), open);
                folder.map(|folder| folder as Arc<dyn Inventory>).map_err(|error| error.to_string())
            }
        }
    }

    /// What reads who may do what to a connection's estate.
    pub fn access(&self, connection: &str) -> Result<AccessReader, String> {
        let connected = self.connected(connection)?;
        match &connected.reader {
            Reader::Arm(shared, subscriptions) => {
                Ok(AccessReader::new(Arc::clone(shared), subscriptions.clone(), connected.directory.clone()))
            }
            Reader::Feed(..) | Reader::Classic(_) => Err(format!("connection {connection} does not read ARM")),
        }
    }

    /// What lists, makes and removes role assignments of Azure.
    pub fn role_assignments(&self, connection: &str) -> Result<RoleAssignments, String> {
        match &self.connected(connection)?.reader {
            Reader::Arm(shared, _) => Ok(RoleAssignments::new(Arc::clone(shared))),
            Reader::Feed(..) | Reader::Classic(_) => Err(format!("connection {connection} does not read ARM")),
        }
    }

    /// The same of the classic service.
    pub fn classic_roles(&self, connection: &str) -> Result<ClassicRoles, String> {
        match &self.connected(connection)?.reader {
            Reader::Classic(inventory) => Ok(inventory.roles()),
            Reader::Arm(..) | Reader::Feed(..) => {
                Err(format!("connection {connection} does not read the classic service"))
            }
        }
    }

    /// What reads a connection's directory, unless its configuration says that nothing does.
    pub fn directory(&self, connection: &str) -> Option<Arc<dyn DirectoryReader>> {
        self.connected.get(connection)?.directory.clone()
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
        let vault = self.connected.get(connection).map(|connected| &connected.vault);
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
