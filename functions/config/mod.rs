//! The configuration: one TOML file, a few environment variables that override it, and every fault of both at once,
//! each with its place and what to do.
//!
//! It says where secrets are and never holds one; fetching them is left to those who need them.
//! `poolwarden.example.toml` shows every setting with its default.

mod account;
mod audit;
mod connection;
mod credential;
mod entry;
mod environment;
mod faults;
mod import;
mod locate;
mod policy;
mod promotion;
mod reader;
mod references;
mod store;
mod target;
mod telemetry;
#[cfg(test)]
mod tests;
mod values;
mod webhook;

pub use audit::Audit;
pub use connection::{Classic, Connection, DEFAULT_FULL_READ_EVERY, DEFAULT_SCHEDULE, Feed, Kind};
pub use environment::{
    BLOB_VARIABLE, CLIENT_ID_VARIABLE, CONFIG_VARIABLE, Environment, LISTEN_VARIABLE, ProcessEnvironment,
    SERVICE_BUS_VARIABLE, STORE_VARIABLE, TEXT_VARIABLE,
};
pub use faults::{ConfigError, Fault, MINIMAL_EXAMPLE, Place};
pub use import::{Import, ImportSecret};
pub use references::check_references;
pub use store::{AzureStore, Client, Store};
pub use target::{Target, TargetKind};
pub use telemetry::{OTLP_ENDPOINT_VARIABLE, OTLP_HEADERS_VARIABLE, SERVICE_NAME_VARIABLE, Telemetry};
pub use webhook::Webhook;

use poolwarden_azure::SecretRef;
use reader::{Distinct, Source, Table};
use references::Need;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use toml_edit::Document;

/// The file's name where nobody names another.
pub const DEFAULT_FILE: &str = "poolwarden.toml";
/// The store's name where nobody names another.
pub const DEFAULT_STORE: &str = "poolwarden.db";
/// Where HTTP functions listen unless told otherwise: on this machine only.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7071));

/// Judges an NCRONTAB schedule, and says what is wrong with it. Passed in, because only the host's parser knows.
pub type ScheduleCheck = fn(&str) -> Result<(), String>;

/// All that is configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from, if from one.
    pub path: Option<PathBuf>,
    /// Where state is kept.
    pub store: Store,
    /// How HTTP functions are served.
    pub serve: Serve,
    /// Who may ask for imports besides those who hold a key.
    pub import: Import,
    /// The sources of published resources, in the order of the file.
    pub connections: Vec<Connection>,
    /// Where traces are exported to, if anywhere.
    pub telemetry: Option<Telemetry>,
    needs: Vec<Need>,
}

/// How HTTP functions are served on one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Where the key is that opens every function.
    pub host_key: Option<SecretRef>,
    /// Where the key is that opens the administration too.
    pub master_key: Option<SecretRef>,
}

/// What the file says that the environment may override.
#[derive(Default)]
struct Written {
    azure: Option<store::Written>,
    telemetry: telemetry::Written,
}

impl Config {
    /// Reads the configuration from the file that the command line names, else from the one that
    /// [`CONFIG_VARIABLE`] names, else from the text in [`TEXT_VARIABLE`], else from [`DEFAULT_FILE`] in the working
    /// directory.
    pub fn load(explicit: Option<&Path>, env: &dyn Environment, check: ScheduleCheck) -> Result<Self, ConfigError> {
        if let Some(text) = Self::text_of(explicit, env) {
            return Self::parse(&text, Path::new(TEXT_VARIABLE), env, check);
        }
        let location = locate::choose(explicit, env);
        let text = location.read()?;
        Self::parse(&text, &location.path, env, check)
    }

    /// Reads a configuration from the text of a file. Nothing is opened: `path` is for messages, and relative paths
    /// in the text are relative to its folder.
    pub fn parse(text: &str, path: &Path, env: &dyn Environment, check: ScheduleCheck) -> Result<Self, ConfigError> {
        let source = Source::new(path, text);
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let offset = error.span().map_or(text.len(), |span| span.start);
                source.fault(
                    offset,
                    format!("this is no TOML: {}", error.message()),
                    "mend it; what follows was not read yet",
                );
                return Err(ConfigError::Faulty(source.into_faults()));
            }
        };
        let mut config = Self::beside(path.parent().unwrap_or(Path::new("")));
        config.path = Some(path.to_owned());
        let written = config.read(Table::new(&source, document.as_table(), "the top level", 0), &source, check);
        config.overridden(env, written, Some(source))
    }

    /// As [`Config::load`], for who can do without: when nobody names a file and [`DEFAULT_FILE`] is not there either,
    /// it is empty, with its store in the working directory.
    pub fn load_or_empty(
        explicit: Option<&Path>,
        env: &dyn Environment,
        check: ScheduleCheck,
    ) -> Result<Self, ConfigError> {
        match locate::choose(explicit, env) {
            location if !location.named && !location.path.exists() && Self::text_of(explicit, env).is_none() => {
                Self::empty(Path::new(""), env)
            }
            _ => Self::load(explicit, env, check),
        }
    }

    /// A configuration without a file: no connections, and a store in `folder`. The environment overrides it too.
    pub fn empty(folder: &Path, env: &dyn Environment) -> Result<Self, ConfigError> {
        Self::beside(folder).overridden(env, Written::default(), None)
    }

    /// The connection of this name.
    pub fn connection(&self, name: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.name == name)
    }

    /// The same without webhooks and targets: for a run that nobody shall be told of.
    pub fn without_webhooks(mut self) -> Self {
        for connection in &mut self.connections {
            connection.webhooks.clear();
            connection.targets.clear();
        }
        self
    }

    fn beside(folder: &Path) -> Self {
        Self {
            path: None,
            store: Store::Sqlite(folder.join(DEFAULT_STORE)),
            serve: Serve { listen: DEFAULT_LISTEN, host_key: None, master_key: None },
            import: Import::default(),
            connections: Vec::new(),
            telemetry: None,
            needs: Vec::new(),
        }
    }

    /// The configuration's text, where the environment holds it and names no file.
    fn text_of(explicit: Option<&Path>, env: &dyn Environment) -> Option<String> {
        let is_file = explicit.is_some() || env.filled(CONFIG_VARIABLE).is_some();
        env.filled(TEXT_VARIABLE).filter(|_| !is_file)
    }

    fn read(&mut self, mut root: Table<'_>, source: &Source<'_>, check: ScheduleCheck) -> Written {
        let local = root.take("store");
        if let Some(path) = local.as_ref().and_then(|entry| store::sqlite(entry, source)) {
            self.store = Store::Sqlite(path);
        }
        let azure = root.take("azure");
        if let (Some(azure), Some(_)) = (&azure, &local) {
            azure.refuse("cannot be used together with [store]", "keep the one of the two that is meant");
        }
        let azure = azure.and_then(|entry| store::azure(&entry));
        let telemetry = root.take("telemetry").and_then(|entry| entry.table("[telemetry]")).map(telemetry::read);
        let telemetry = telemetry.unwrap_or_default();
        if let Some(mut table) = root.take("serve").and_then(|entry| entry.table("[serve]")) {
            let listen = table.take("listen").and_then(|entry| entry.parsed(values::listen));
            let mut key = |key| table.take(key).and_then(|entry| references::secret(&entry, None));
            self.serve = Serve {
                host_key: key("host_key"),
                master_key: key("master_key"),
                listen: listen.unwrap_or(self.serve.listen),
            };
            table.finish();
        }
        if let Some(table) = root.take("import").and_then(|entry| entry.table("[import]")) {
            self.import = import::read(table);
        }
        self.needs = source.take_needs();
        let mut names = Distinct::new("give each connection its own name");
        let connections = root.take("connection").map(|entry| entry.tables("connection"));
        for table in connections.unwrap_or_default() {
            let connection = connection::read(table, &mut names, check);
            let needs = source.take_needs();
            if connection.enabled {
                self.needs.extend(needs);
            }
            self.connections.push(connection);
        }
        root.finish();
        Written { azure, telemetry }
    }

    /// Puts the environment's settings over the file's, unless either has faults.
    fn overridden(
        mut self,
        env: &dyn Environment,
        written: Written,
        source: Option<Source<'_>>,
    ) -> Result<Self, ConfigError> {
        let mut faults = Vec::new();
        if let Store::Sqlite(local) = self.store {
            self.store = store::choose(local, written.azure, source.as_ref(), env, &mut faults);
        }
        faults.extend(self.misplaced_targets(source.as_ref()));
        match env.filled(LISTEN_VARIABLE).map(|text| values::listen(&text)) {
            None => {}
            Some(Ok(listen)) => self.serve.listen = listen,
            Some(Err(wrong)) => faults.push(wrong.of_variable(LISTEN_VARIABLE)),
        }
        self.telemetry = telemetry::choose(written.telemetry, env, &mut faults);
        let mut all = source.map(Source::into_faults).unwrap_or_default();
        all.append(&mut faults);
        let faults = all;
        if faults.is_empty() { Ok(self) } else { Err(ConfigError::Faulty(faults)) }
    }

    /// A function in Azure has no folder that anybody could take a bundle from. Two targets in one folder would delete
    /// each other's files.
    fn misplaced_targets(&self, source: Option<&Source<'_>>) -> Vec<Fault> {
        let Some(source) = source else { return Vec::new() };
        let targets: Vec<&Target> = self.connections.iter().flat_map(|connection| &connection.targets).collect();
        let fault = |target: &Target, what: String, fix: String| Fault { place: source.place(target.start), what, fix };
        if matches!(self.store, Store::Azure(_)) {
            let misplaced = |target: &&Target| {
                let what = format!("target {:?} is a folder, and in Azure there is none to take it from", target.name);
                let fix = "remove it; on a machine, run: poolwarden packages export DIR --format application_workspace";
                fault(target, what, fix.to_owned())
            };
            return targets.iter().map(misplaced).collect();
        }
        let mut folders = BTreeMap::new();
        let shared = |target: &&Target| {
            let first = *folders.entry(target.folder.clone()).or_insert(target.start);
            (first != target.start).then(|| {
                let what = format!("target {:?} has a folder that another target has already", target.name);
                fault(target, what, "give each target its own folder".to_owned())
            })
        };
        targets.iter().filter_map(shared).collect()
    }
}
