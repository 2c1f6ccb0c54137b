//! Where state and messages are kept: `[store]`, a file on this machine, or `[azure]`, a Service Bus namespace and a
//! container of Blob Storage.
//!
//! In Azure the same things come as app settings. The namespace's setting is the Functions host's own: the functions
//! must send to the namespace that fires them.

use super::entry::{Entry, Judged, wrong};
use super::environment::{BLOB_VARIABLE, CLIENT_ID_VARIABLE, Environment, SERVICE_BUS_VARIABLE, STORE_VARIABLE};
use super::faults::{Fault, Place, quoted};
use super::reader::{Source, Table};
use super::{credential, values};
use poolwarden_azure::{BlobDocuments, Cloud, Credential, Credentials, Endpoints, Http, ServiceBus, sign_in};
use poolwarden_store::Queues;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// Where state and messages are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// Service Bus and Blob Storage.
    Azure(Box<AzureStore>),
}

/// Service Bus and Blob Storage, and who signs in to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureStore {
    /// The namespace, such as `https://contoso.servicebus.windows.net`.
    pub service_bus: Url,
    /// The container, such as `https://contoso.blob.core.windows.net/poolwarden`.
    pub blob: Url,
    /// Who signs in.
    pub credential: Credential,
    /// What speaks to the namespace.
    pub client: Client,
}

/// What speaks to a Service Bus namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Client {
    /// Our own client of its REST interface.
    #[default]
    Rest,
    /// The published crate, in builds with the feature `servicebus-sdk`.
    #[cfg(feature = "servicebus-sdk")]
    Sdk,
}

impl AzureStore {
    /// The documents in the container.
    pub fn documents(&self) -> anyhow::Result<BlobDocuments> {
        let (http, credentials) = self.sign_in()?;
        Ok(BlobDocuments::new(http, credentials, self.blob.as_str())?)
    }

    /// The queues of the namespace.
    pub fn queues(&self) -> anyhow::Result<Arc<dyn Queues>> {
        let (http, credentials) = self.sign_in()?;
        let namespace = self.service_bus.as_str();
        Ok(match self.client {
            Client::Rest => Arc::new(ServiceBus::new(http, credentials, namespace)?),
            #[cfg(feature = "servicebus-sdk")]
            Client::Sdk => Arc::new(poolwarden_azure::SdkServiceBus::new(http, credentials, namespace)?),
        })
    }

    fn sign_in(&self) -> anyhow::Result<(Http, Arc<dyn Credentials>)> {
        let http = Http::new()?;
        let credentials = sign_in(self.credential.clone(), &Endpoints::of(Cloud::default()), &http);
        Ok((http, credentials))
    }
}

/// What `[azure]` says.
#[derive(Default)]
pub(super) struct Written {
    start: usize,
    service_bus: Option<Url>,
    blob: Option<Url>,
    credential: Option<Credential>,
    client: Client,
}

/// Reads `[azure]`.
pub(super) fn azure(entry: &Entry<'_>) -> Option<Written> {
    let mut table = entry.table("[azure]")?;
    let credential = table.take("credential");
    let endpoints = Endpoints::of(Cloud::default());
    let written = Written {
        start: entry.start,
        service_bus: address(&mut table, "service_bus", namespace),
        blob: address(&mut table, "blob", container),
        credential: credential.and_then(|entry| credential::read_unattended(&entry, &endpoints)),
        client: table.take("client").and_then(|entry| entry.parsed(client)).unwrap_or_default(),
    };
    table.finish();
    Some(written)
}

fn address(table: &mut Table<'_>, key: &'static str, judge: fn(&str) -> Judged<Url>) -> Option<Url> {
    table.take(key)?.parsed(judge)
}

/// A client's name. One that was left out of this build is not taken for another.
fn client(text: &str) -> Judged<Client> {
    match text {
        "rest" => Ok(Client::Rest),
        #[cfg(feature = "servicebus-sdk")]
        "sdk" => Ok(Client::Sdk),
        #[cfg(not(feature = "servicebus-sdk"))]
        "sdk" => wrong(
            "is \"sdk\", which this build does not have",
            "leave it out, or build with: cargo build --release --features servicebus-sdk",
        ),
        _ => wrong(format!("is {}", quoted(text)), "known are rest, sdk"),
    }
}

/// A namespace: its address, or its host alone as the Functions host has it.
fn namespace(text: &str) -> Judged<Url> {
    let address = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = values::web_address(&address)?;
    if !Endpoints::is_service_bus(&url) || !matches!(url.path(), "" | "/") {
        return wrong(
            "is no Service Bus namespace",
            "write it as https://NAME.servicebus.windows.net; tokens go nowhere else",
        );
    }
    Ok(url)
}

/// A container.
fn container(text: &str) -> Judged<Url> {
    let url = values::web_address(text)?;
    if !Endpoints::is_blob_storage(&url) || url.path().trim_matches('/').is_empty() {
        return wrong(
            "is no container of Blob Storage",
            "write it as https://ACCOUNT.blob.core.windows.net/CONTAINER; tokens go nowhere else",
        );
    }
    Ok(url)
}

/// What `[store]` says.
pub(super) fn sqlite(entry: &Entry<'_>, source: &Source<'_>) -> Option<PathBuf> {
    let mut table = entry.table("[store]")?;
    let path = table.take("path").and_then(|entry| entry.parsed(values::path));
    table.finish();
    path.map(|path| source.beside(path))
}

/// The store after all that was said: `local` is the file's path, or its default.
pub(super) fn choose(
    local: PathBuf,
    written: Option<Written>,
    source: Option<&Source<'_>>,
    env: &dyn Environment,
    faults: &mut Vec<Fault>,
) -> Store {
    let mut read = |variable: &'static str, judge: fn(&str) -> Judged<Url>| {
        let judged = judge(&env.filled(variable)?);
        judged.map_err(|wrong| faults.push(wrong.of_variable(variable))).ok()
    };
    let service_bus = read(SERVICE_BUS_VARIABLE, namespace);
    let blob = read(BLOB_VARIABLE, container);
    let named = service_bus.is_some() || blob.is_some();
    if let Some(path) = env.filled(STORE_VARIABLE).filter(|_| !named) {
        return Store::Sqlite(path.into());
    }
    if !named && written.is_none() {
        return Store::Sqlite(local);
    }
    let place = match (&written, source) {
        (Some(written), Some(source)) => source.place(written.start),
        _ => Place::Variable(if service_bus.is_some() { SERVICE_BUS_VARIABLE } else { BLOB_VARIABLE }.to_owned()),
    };
    let written = written.unwrap_or_default();
    let client_id = env.filled(CLIENT_ID_VARIABLE);
    let credential = written.credential.unwrap_or(Credential::ManagedIdentity { client_id });
    match (service_bus.or(written.service_bus), blob.or(written.blob)) {
        (Some(service_bus), Some(blob)) => {
            let client = written.client;
            Store::Azure(Box::new(AzureStore { service_bus, blob, credential, client }))
        }
        (service_bus, _) => {
            let (lacks, key, variable, example) = match service_bus {
                None => {
                    ("the Service Bus namespace", "service_bus", SERVICE_BUS_VARIABLE, "NAME.servicebus.windows.net")
                }
                Some(_) => ("the container", "blob", BLOB_VARIABLE, "https://ACCOUNT.blob.core.windows.net/CONTAINER"),
            };
            // A value that is there and wrong has been reported already.
            if faults.is_empty() && source.is_none_or(Source::is_clean) {
                faults.push(Fault {
                    place,
                    what: format!("a store in Azure lacks {lacks}"),
                    fix: format!("set {variable}, or {key} in [azure], to {example}"),
                });
            }
            Store::Sqlite(local)
        }
    }
}
