//! A simulated Azure, and an installation of Poolwarden in a folder of its own that reads it.
//!
//! Nothing is shared between two stands, so tests run side by side.

use crate::expected::{self, Expected};
use poolwarden_azure::{Cloud, Credential, Credentials, Endpoints, Http, SecretRef, sign_in};
use serde_json::{Value, json};
use simulator::{EstateSpec, Options, Running, Simulator};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The connection's name in [`Stand::configure`]'s file.
pub(crate) const CONNECTION: &str = "contoso";
/// A setting of the connection: no timer begins a run beside those that a test asks for.
pub(crate) const UNTIMED: &str = "enabled = false\n";
/// How long anything that is waited for may take before the test has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A simulated Azure and an installation that reads it.
pub(crate) struct Stand {
    pub(crate) azure: Running,
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Output {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A run by `sync --json`: its summary, and the report on the one connection.
#[derive(Debug)]
pub(crate) struct Synced {
    pub(crate) code: Option<i32>,
    pub(crate) summary: Value,
    pub(crate) report: Value,
}

/// A small estate: one subscription, two pools, pages of three.
pub(crate) fn tiny() -> EstateSpec {
    EstateSpec { page_size: 3, ..EstateSpec::default() }
}

impl Stand {
    /// An installation with one connection to an estate.
    pub(crate) async fn new(estate: EstateSpec) -> Self {
        Self::seeded(estate, 1).await
    }

    /// The same, with a seed of its own.
    pub(crate) async fn seeded(estate: EstateSpec, seed: u64) -> Self {
        let azure = Simulator::start(Options { estate, seed, ..Options::default() }).await.unwrap();
        let variables = BTreeMap::from([
            ("IDENTITY_ENDPOINT".to_owned(), format!("{}/msi/token", azure.url())),
            ("IDENTITY_HEADER".to_owned(), simulator::DEFAULT_IDENTITY_HEADER.to_owned()),
        ]);
        let stand = Self { azure, folder: tempfile::tempdir().unwrap(), variables };
        stand.configure("");
        stand
    }

    /// Writes the configuration: one connection, and `more` of its settings.
    pub(crate) fn configure(&self, more: &str) {
        let url = self.azure.url();
        let text = format!(
            "[[connection]]\nname = \"{CONNECTION}\"\ncredential = {{ kind = \"managed_identity\" }}\n\
             endpoints = {{ arm = \"{url}\" }}\naudit = {{ enabled = false }}\n{more}\n"
        );
        std::fs::write(self.path("poolwarden.toml"), text).unwrap();
    }

    /// Sets an environment variable of every command from here on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// The environment variables of every command.
    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// A path in the installation's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Poolwarden with these arguments, in the installation's folder and with no variables but its own.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.folder.path(), arguments);
        command.envs(&self.variables);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        finished(self.command(arguments)).await
    }

    /// Starts a command and leaves it running.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Runs `sync --json` and more arguments. It names the connection, which may be disabled.
    pub(crate) async fn sync(&self, more: &[&str]) -> Synced {
        Synced::of(&self.run(&[&["sync", "--json", "--connection", CONNECTION], more].concat()).await)
    }

    /// As [`Stand::sync`], and it must have been complete.
    pub(crate) async fn sync_whole(&self, more: &[&str]) -> Synced {
        let synced = self.sync(more).await;
        assert_eq!((synced.code, synced.status()), (Some(0), "complete"), "{:#}", synced.summary);
        synced
    }

    /// Exports the catalogue and reads its manifests.
    pub(crate) async fn export(&self) -> Vec<Value> {
        let output = self.run(&["packages", "export", "catalogue"]).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        files(&self.path("catalogue/packages")).iter().map(|file| read(file)).collect()
    }

    /// The catalogue that the estate should lead to now.
    pub(crate) fn expected(&self) -> BTreeMap<String, Expected> {
        expected::catalogue(&self.azure.estate()).unwrap()
    }

    /// Asserts that the catalogue is what the estate should lead to, no more and no less.
    pub(crate) async fn assert_true(&self) -> Vec<Value> {
        let manifests = self.export().await;
        let differences = expected::differences(&self.expected(), &manifests);
        assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
        manifests
    }

    /// Puts faults in force, in place of those before.
    pub(crate) fn break_with(&self, faults: &[&str]) {
        self.azure.set_faults(faults.iter().map(|fault| fault.parse().unwrap()).collect());
    }

    /// Changes the estate.
    pub(crate) fn change(&self, entries: &Value) -> Value {
        self.azure.change(entries).unwrap()
    }

    /// Deletes resources of the estate.
    pub(crate) fn delete(&self, ids: &[String]) {
        self.change(&ids.iter().map(|id| json!({"op": "delete", "id": id})).collect());
    }

    /// The ids of the applications that are published, in order.
    pub(crate) fn applications(&self) -> Vec<String> {
        self.expected().into_keys().filter(|id| id.contains("/applications/")).collect()
    }
}

/// Poolwarden with these arguments, in a folder and without any variable that could steer it.
pub(crate) fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolwarden"));
    command.args(arguments).current_dir(folder).env_clear().kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub(crate) async fn finished(mut command: Command) -> Output {
    ended(command.spawn().unwrap()).await
}

/// Waits until a command has ended.
pub(crate) async fn ended(child: Child) -> Output {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("the command ends").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Output {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

impl Synced {
    pub(crate) fn of(output: &Output) -> Self {
        let summary = output.json();
        Self { code: output.code, report: summary["connections"][0].clone(), summary }
    }

    pub(crate) fn status(&self) -> &str {
        self.summary["status"].as_str().unwrap()
    }

    /// One of the counts of packages.
    pub(crate) fn packages(&self, what: &str) -> u64 {
        self.report["packages"][what].as_u64().unwrap()
    }

    /// How many packages were created, updated, retired or held.
    pub(crate) fn changed(&self) -> u64 {
        ["created", "updated", "retired", "held"].map(|what| self.packages(what)).iter().sum()
    }

    /// How many requests the run sent.
    pub(crate) fn requests(&self) -> u64 {
        ["arm", "resource_graph", "feed"].map(|what| self.report["requests"][what].as_u64().unwrap()).iter().sum()
    }
}

/// Waits until something holds, looking often.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("in vain: waited until {what}"));
}

/// Every file below a folder, in order; none when it is not there.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// A file's JSON.
pub(crate) fn read(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// The manifest of a resource, by its id in any case.
pub(crate) fn manifest_of<'a>(manifests: &'a [Value], resource: &str) -> Option<&'a Value> {
    manifests.iter().find(|manifest| manifest["resource"].as_str().unwrap().eq_ignore_ascii_case(resource))
}

/// An application's way into a simulated Azure, for what talks to it without a configuration.
pub(crate) struct SignedIn {
    pub(crate) http: Http,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) endpoints: Endpoints,
    /// Where its secret is, as long as this is kept.
    pub(crate) folder: TempDir,
}

impl SignedIn {
    pub(crate) fn at(azure: &Running) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, simulator::DEFAULT_CLIENT_SECRET).unwrap();
        let credential = Credential::ClientSecret {
            tenant_id: azure.tenant().to_owned(),
            client_id: simulator::DEFAULT_CLIENT_ID.to_owned(),
            secret: SecretRef::File(secret),
        };
        let url = azure.url();
        let endpoints = Endpoints::of(Cloud::Public).with_authority(&url).unwrap().with_arm(&url).unwrap();
        let endpoints = endpoints.with_graph(&url).unwrap().with_key_vault(&url).unwrap();
        let http = Http::new().unwrap();
        Self { credentials: sign_in(credential, &endpoints, &http), http, endpoints, folder }
    }
}
