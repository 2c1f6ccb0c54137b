//! `poolwarden handler` as a process of its own, under a host that is written from the Functions host's contract alone.
//! Staged as it is deployed, configured by its environment as it is in Azure.
//!
//! What needs state needs Azurite, which `cargo xtask test` starts; without it, that is left out aloud.

mod driver;
mod encodings;
mod every_function;
mod failures;
mod pipeline;
mod wire;

use crate::blob_storage::container;
use crate::harness::{CONNECTION, Stand, tiny};
use functions_host::{App, FunctionsHost, Handler, HttpCall, Options, Settings, Tokens, http};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// Nobody listens here.
const NOWHERE: &str = "http://127.0.0.1:1";
/// A connection whose authority is out of reach.
const UNREACHABLE: &str = "unreachable";
/// What signs the connection's webhook, and requests for an import.
const SECRET: &str = "whsec_c2ltdWxhdGVkLXNpZ25pbmctc2VjcmV0";

/// A staged app, and the simulated Azure around it.
pub(crate) struct Site {
    pub(crate) stand: Stand,
    folder: TempDir,
    configuration: String,
}

impl Site {
    /// A site with a namespace and a container of its own; nothing without Azurite.
    pub(crate) async fn new(name: &str) -> Option<Self> {
        let container = container(name).await?;
        let mut stand = Stand::new(tiny()).await;
        let url = stand.azure.url();
        stand.configure(&format!(
            r#"schedule = "0 0 0 1 1 *"

[[connection.webhook]]
name = "ops"
url = "{url}/_sim/webhook/ops"
secret = {{ env = "POOLWARDEN_TEST_SECRET" }}

[[connection]]
name = "{UNREACHABLE}"
enabled = false
endpoints = {{ arm = "{url}", authority = "{NOWHERE}" }}
credential = {{ kind = "client_secret", tenant_id = "{tenant}", client_id = "{tenant}", secret = {{ env = "POOLWARDEN_TEST_SECRET" }} }}

[[import.secret]]
name = "test"
secret = {{ env = "POOLWARDEN_TEST_SECRET" }}"#,
            tenant = stand.azure.tenant(),
        ));
        stand.set("ServiceBus__fullyQualifiedNamespace", &stand.azure.service_bus_url());
        stand.set("POOLWARDEN_BLOB", &container);
        stand.set("POOLWARDEN_TEST_SECRET", SECRET);
        if let Ok(certificate) = std::env::var("SSL_CERT_FILE") {
            stand.set("SSL_CERT_FILE", &certificate);
        }
        let configuration = std::fs::read_to_string(stand.path("poolwarden.toml")).unwrap();
        Some(Self { stand, folder: staged(), configuration })
    }

    /// A site with no connection, and nothing where its state should be.
    pub(crate) async fn bare() -> Self {
        let mut stand = Stand::new(tiny()).await;
        stand.set("ServiceBus__fullyQualifiedNamespace", NOWHERE);
        stand.set("POOLWARDEN_BLOB", &format!("{NOWHERE}/account/container"));
        Self { stand, folder: staged(), configuration: "# no connection".to_owned() }
    }

    /// The staged app.
    pub(crate) fn app(&self) -> App {
        App::load(self.folder.path()).unwrap()
    }

    /// How its handler is started.
    pub(crate) fn settings(&self) -> Settings {
        let variables = self.stand.variables().iter().map(|(name, value)| (name.clone(), value.clone()));
        let mut environment: Vec<_> = variables.collect();
        environment.push(("POOLWARDEN_CONFIG_TOML".to_owned(), self.configuration.clone()));
        Settings { environment, log: Some(self.log()) }
    }

    /// What the handlers wrote to standard error.
    pub(crate) fn log(&self) -> std::path::PathBuf {
        self.stand.path("handler.log")
    }

    /// A handler, and nothing that fires its functions.
    pub(crate) async fn handler(&self) -> Handler {
        self.handler_with(self.settings()).await
    }

    pub(crate) async fn handler_with(&self, settings: Settings) -> Handler {
        match Handler::start(&self.app(), &settings).await {
            Ok(handler) => handler,
            Err(error) => panic!("{error:#}: {}", std::fs::read_to_string(self.log()).unwrap_or_default()),
        }
    }

    /// A host that works the queues.
    pub(crate) async fn host(&self) -> FunctionsHost {
        let tokens = Tokens::ManagedIdentity {
            endpoint: self.stand.variables()["IDENTITY_ENDPOINT"].clone(),
            header: self.stand.variables()["IDENTITY_HEADER"].clone(),
        };
        let service_bus = Some((self.stand.azure.service_bus_url(), tokens));
        let options = Options { settings: self.settings(), service_bus, ..Options::new(self.folder.path()) };
        FunctionsHost::start(options).await.unwrap()
    }

    /// What `poolwarden runs list` says.
    pub(crate) async fn runs(&self) -> Vec<Value> {
        self.stand.run(&["runs", "list", "--json"]).await.json().as_array().unwrap().clone()
    }

    /// Begins a run that reads everything anew, and returns its id; a host has to do it.
    pub(crate) async fn begin_in_full(&self) -> String {
        self.ask_for_run(&["--connection", CONNECTION, "--full"]).await
    }

    /// Begins a run and returns its id; a host has to do it.
    pub(crate) async fn begin(&self, connection: &str) -> String {
        self.ask_for_run(&["--connection", connection]).await
    }

    async fn ask_for_run(&self, more: &[&str]) -> String {
        let queued = self.stand.run(&[&["sync", "--json"], more].concat()).await.json();
        assert_eq!(queued["status"], "queued", "{queued:#}");
        queued["run"].as_str().unwrap().to_owned()
    }

    /// How a run of the connection ended, if it has.
    pub(crate) async fn ended(&self, run: &str) -> Option<String> {
        let runs = self.runs().await;
        let run = runs.iter().find(|known| known["id"] == run && known["connection"] == CONNECTION).unwrap().clone();
        run["finished"]["report"]["status"].as_str().map(str::to_owned)
    }

    /// The dead letters, as the function of that name tells.
    pub(crate) async fn letters(&self, handler: &Handler) -> Vec<Value> {
        let call = HttpCall { method: "GET".to_owned(), url: url("dead-letters"), ..HttpCall::default() };
        let answer = handler.invoke("dead_letters", &http("dead_letters", "req", &call)).await.done();
        let listed = answer.http("res").unwrap();
        assert_eq!(listed.status, 200, "{listed:?}");
        listed.body["dead_letters"].as_array().unwrap().clone()
    }
}

/// An address of the app.
pub(crate) fn url(route: &str) -> String {
    format!("https://app.azurewebsites.net/api/{route}")
}

/// The folder that is deployed: host.json, the program, and a folder for each function.
fn staged() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(root.join("host.json"), folder.path().join("host.json")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_poolwarden"));
    #[cfg(unix)]
    std::os::unix::fs::symlink(program, folder.path().join("poolwarden")).unwrap();
    #[cfg(not(unix))]
    std::fs::copy(program, folder.path().join("poolwarden")).unwrap();
    for entry in std::fs::read_dir(root.join("functions")).unwrap() {
        let definition = entry.unwrap().path().join("function.json");
        if definition.is_file() {
            let to = folder.path().join(definition.parent().unwrap().file_name().unwrap());
            std::fs::create_dir(&to).unwrap();
            std::fs::copy(&definition, to.join("function.json")).unwrap();
        }
    }
    folder
}
