//! A staged app: host.json, the program it names, and the functions in the immediate sub-folders.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest name of a function.
const MAX_NAME: usize = 128;
/// How long an invocation may take where host.json does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A staged app.
#[derive(Debug, Clone)]
pub struct App {
    /// The folder.
    pub folder: PathBuf,
    /// The custom handler.
    pub program: PathBuf,
    /// What it is started with.
    pub arguments: Vec<String>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// The functions, by name.
    pub functions: BTreeMap<String, Function>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The folder's name.
    pub name: String,
    /// What fires it.
    pub trigger: Trigger,
}

/// What fires a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A message of a Service Bus queue.
    Queue {
        /// The binding's name.
        binding: String,
        /// The queue.
        queue: String,
    },
    /// A schedule.
    Timer {
        /// The binding's name.
        binding: String,
        /// NCRONTAB, six fields.
        schedule: String,
    },
    /// A request.
    Http {
        /// The binding's name.
        binding: String,
        /// The name of the binding that takes the answer.
        output: String,
        /// The methods, in upper case.
        methods: Vec<String>,
        /// The route below the prefix.
        route: String,
    },
}

impl App {
    /// Reads a folder as the host does, and refuses what the host would refuse or what would change the contract.
    pub fn load(folder: &Path) -> Result<Self> {
        let host = read(&folder.join("host.json"))?;
        ensure!(host["version"] == "2.0", "host.json is of no version that the host knows");
        let handler = &host["customHandler"];
        ensure!(
            handler["enableForwardingHttpRequest"] != true && handler["enableProxyingHttpRequest"] != true,
            "a forwarded request is no payload in JSON"
        );
        ensure!(handler["http"]["routes"].is_null(), "routes beside a function.json are an error");
        let description = &handler["description"];
        let program = description["defaultExecutablePath"].as_str().context("host.json names no program")?;
        let arguments = description["arguments"].as_array().into_iter().flatten();
        let arguments = arguments.map(|argument| argument.as_str().map(str::to_owned).context("no text"));
        let mut functions = BTreeMap::new();
        for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let definition = entry?.path().join("function.json");
            if definition.is_file() {
                let name = definition.parent().and_then(Path::file_name).and_then(|name| name.to_str());
                let function = function(name.context("a folder's name is no text")?, &read(&definition)?)?;
                functions.insert(function.name.clone(), function);
            }
        }
        ensure!(!functions.is_empty(), "{} holds no function", folder.display());
        Ok(Self {
            folder: folder.to_owned(),
            program: folder.join(program),
            arguments: arguments.collect::<Result<_>>().context("host.json: arguments")?,
            timeout: host["functionTimeout"].as_str().map_or(Ok(DEFAULT_TIMEOUT), time_span)?,
            functions,
        })
    }
}

fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))
}

fn function(name: &str, definition: &Value) -> Result<Function> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let named = name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(plain);
    ensure!(named && name.len() <= MAX_NAME && !name.eq_ignore_ascii_case("host"), "{name} is no function's name");
    let bindings = definition["bindings"].as_array().with_context(|| format!("{name} has no bindings"))?;
    let triggers = bindings.iter().filter(|binding| binding["type"].as_str().is_some_and(is_trigger));
    let [trigger] = triggers.collect::<Vec<_>>()[..] else { bail!("{name} does not have one trigger") };
    let text = |binding: &Value, key: &str| {
        let text = binding[key].as_str().map(str::to_owned);
        text.with_context(|| format!("a binding of {name} has no {key}"))
    };
    let binding = text(trigger, "name")?;
    let trigger = match trigger["type"].as_str() {
        Some("serviceBusTrigger") => Trigger::Queue { binding, queue: text(trigger, "queueName")? },
        Some("timerTrigger") => Trigger::Timer { binding, schedule: text(trigger, "schedule")? },
        Some("httpTrigger") => {
            let output = bindings.iter().find(|binding| binding["type"] == "http" && binding["direction"] == "out");
            let methods = trigger["methods"].as_array().into_iter().flatten().filter_map(Value::as_str);
            Trigger::Http {
                binding,
                output: text(output.with_context(|| format!("{name} has no http output"))?, "name")?,
                methods: methods.map(str::to_uppercase).collect(),
                route: trigger["route"].as_str().unwrap_or(name).to_owned(),
            }
        }
        other => bail!("{name} is fired by {other:?}, which is not known here"),
    };
    Ok(Function { name: name.to_owned(), trigger })
}

fn is_trigger(kind: &str) -> bool {
    kind.to_ascii_lowercase().ends_with("trigger")
}

/// `hh:mm:ss`
fn time_span(text: &str) -> Result<Duration> {
    let parts = text.split(':').map(str::parse::<u64>).collect::<Result<Vec<_>, _>>();
    match parts.as_deref() {
        Ok([hours, minutes, seconds]) => Ok(Duration::from_secs((hours * 60 + minutes) * 60 + seconds)),
        _ => bail!("{text} is no hh:mm:ss"),
    }
}
