//! host.json and function.json, read as they are deployed.
//!
//! Everything that the embedded host would treat otherwise than the real one is a fault at the start, not a
//! surprise at run time; all faults are found in one go.

use super::HostOptions;
use super::keys::AuthLevel;
use super::ncrontab::Schedule;
use super::route::Route;
use super::settings::{resolve, time_span};
use ::http::Method;
use serde::Deserialize;
use std::time::Duration;

/// A function's folder, compiled in.
#[derive(Debug, Clone, Copy)]
pub struct FunctionDefinition {
    /// The name of the folder, which is the function's.
    pub name: &'static str,
    /// The text of its function.json.
    pub function_json: &'static str,
}

/// What host.json says.
#[derive(Debug, Clone)]
pub(super) struct HostSettings {
    pub(super) function_timeout: Duration,
    pub(super) route_prefix: String,
    pub(super) max_concurrent_calls: usize,
    pub(super) max_lock_renewal: Duration,
}

/// A function, ready to be triggered.
#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The name of the trigger's binding.
    pub(super) input: String,
    pub(super) trigger: Trigger,
}

#[derive(Debug, Clone)]
pub(super) enum Trigger {
    Timer(Box<TimerTrigger>),
    Queue { queue: String },
    Http(HttpTrigger),
    EventGrid,
}

#[derive(Debug, Clone)]
pub(super) struct TimerTrigger {
    pub(super) schedule: Schedule,
    pub(super) use_monitor: bool,
    pub(super) run_on_startup: bool,
    pub(super) retry: Option<Retry>,
}

#[derive(Debug, Clone)]
pub(super) struct HttpTrigger {
    pub(super) auth: AuthLevel,
    /// Empty means any.
    pub(super) methods: Vec<Method>,
    pub(super) route: Route,
    /// The name of the `http` output binding.
    pub(super) output: String,
}

/// How often, and after what delay, a failed timer is tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    pub(super) max_count: u32,
    pub(super) delay: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HostJson {
    version: String,
    function_timeout: Option<String>,
    #[serde(default)]
    extensions: Extensions,
    #[serde(default)]
    custom_handler: CustomHandler,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Extensions {
    http: HttpExtension,
    service_bus: ServiceBusExtension,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct HttpExtension {
    route_prefix: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ServiceBusExtension {
    auto_complete_messages: Option<bool>,
    max_auto_lock_renewal_duration: Option<String>,
    max_concurrent_calls: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct CustomHandler {
    enable_forwarding_http_request: bool,
    enable_proxying_http_request: bool,
    http: CustomHandlerHttp,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CustomHandlerHttp {
    routes: Vec<serde_json::Value>,
}

/// What the real host does without a host.json entry.
const DEFAULT_FUNCTION_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const DEFAULT_LOCK_RENEWAL: Duration = Duration::from_secs(5 * 60);
const DEFAULT_CALLS_PER_CORE: usize = 16;

impl HostSettings {
    pub(super) fn parse(text: &str, faults: &mut Vec<String>) -> Option<Self> {
        let mut fault = |text: String| faults.push(format!("host.json: {text}"));
        let json: HostJson = match serde_json::from_str(text) {
            Ok(json) => json,
            Err(error) => {
                fault(error.to_string());
                return None;
            }
        };
        if json.version != "2.0" {
            fault(format!("version {:?} is not 2.0", json.version));
        }
        if json.custom_handler.enable_forwarding_http_request || json.custom_handler.enable_proxying_http_request {
            fault("forwarding and proxying of HTTP requests must be off: every function gets the JSON payload".into());
        }
        if !json.custom_handler.http.routes.is_empty() {
            fault("customHandler.http.routes cannot be used together with any function.json".into());
        }
        let bus = json.extensions.service_bus;
        if bus.auto_complete_messages == Some(false) {
            fault("autoCompleteMessages must be on: a custom handler cannot settle a message itself".into());
        }
        if bus.max_concurrent_calls == Some(0) {
            fault("maxConcurrentCalls is 0".into());
        }
        let mut span = |name: &str, text: Option<String>, default: Duration| match text.map(|text| time_span(&text)) {
            None => default,
            Some(Ok(span)) if !span.is_zero() => span,
            Some(Ok(_)) => {
                fault(format!("{name} is zero"));
                default
            }
            Some(Err(error)) => {
                fault(format!("{name}: {error}"));
                default
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Some(Self {
            function_timeout: span("functionTimeout", json.function_timeout, DEFAULT_FUNCTION_TIMEOUT),
            max_lock_renewal: span(
                "maxAutoLockRenewalDuration",
                bus.max_auto_lock_renewal_duration,
                DEFAULT_LOCK_RENEWAL,
            ),
            route_prefix: json.extensions.http.route_prefix.unwrap_or_else(|| "api".into()),
            max_concurrent_calls: bus.max_concurrent_calls.unwrap_or(DEFAULT_CALLS_PER_CORE * cores),
        })
    }
}

#[derive(Deserialize)]
struct FunctionJson {
    bindings: Vec<Binding>,
    retry: Option<RetryJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Binding {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    schedule: Option<String>,
    use_monitor: Option<bool>,
    #[serde(default)]
    run_on_startup: bool,
    queue_name: Option<String>,
    cardinality: Option<String>,
    #[serde(default)]
    is_sessions_enabled: bool,
    auth_level: Option<String>,
    #[serde(default)]
    methods: Vec<String>,
    route: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetryJson {
    strategy: String,
    max_retry_count: i64,
    delay_interval: Option<String>,
}

impl Function {
    pub(super) fn parse(
        definition: &FunctionDefinition,
        route_prefix: &str,
        options: &HostOptions,
        faults: &mut Vec<String>,
    ) -> Option<Self> {
        let name = definition.name;
        let parsed = parse_function(definition, route_prefix, options);
        parsed.map_err(|fault| faults.push(format!("function {name}: {fault}"))).ok()
    }
}

/// The host's rule for names of folders: `^[a-z][a-z0-9_\-]{0,127}$` in any case, and not `host`.
fn is_function_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !name.eq_ignore_ascii_case("host")
}

fn parse_function(
    definition: &FunctionDefinition,
    route_prefix: &str,
    options: &HostOptions,
) -> Result<Function, String> {
    let name = definition.name;
    if !is_function_name(name) {
        return Err("the host does not take this name".into());
    }
    let json: FunctionJson = serde_json::from_str(definition.function_json).map_err(|error| error.to_string())?;
    let (mut triggers, others): (Vec<Binding>, Vec<Binding>) =
        json.bindings.into_iter().partition(|binding| binding.kind.ends_with("Trigger"));
    let Some(binding) = triggers.pop().filter(|_| triggers.is_empty()) else {
        return Err("it does not have exactly one trigger".into());
    };
    let is_http = binding.kind == "httpTrigger";
    if let Some(other) = others.iter().find(|other| !(is_http && other.kind == "http")) {
        return Err(format!("the embedded host has no binding of type {:?}", other.kind));
    }
    let is_timer = binding.kind == "timerTrigger";
    if json.retry.is_some() && !is_timer {
        return Err("only a timer may have a retry policy".into());
    }
    let lookup = &*options.settings;
    let trigger = match binding.kind.as_str() {
        "timerTrigger" => Trigger::Timer(Box::new(TimerTrigger {
            schedule: Schedule::parse(&resolve(&binding.schedule.ok_or("it has no schedule")?, lookup)?)?,
            use_monitor: binding.use_monitor.unwrap_or(true),
            run_on_startup: binding.run_on_startup,
            retry: json.retry.map(Retry::parse).transpose()?,
        })),
        "serviceBusTrigger" => {
            if binding.cardinality.as_deref() == Some("many") || binding.is_sessions_enabled {
                return Err("the embedded host knows neither batches nor sessions".into());
            }
            let queue = resolve(&binding.queue_name.ok_or("it has no queueName")?, lookup)?;
            if queue.to_ascii_lowercase().ends_with("/$deadletterqueue") {
                return Err(format!("{queue}: the embedded host does not trigger on dead-letter queues"));
            }
            Trigger::Queue { queue }
        }
        "httpTrigger" => {
            let output = others.first().ok_or("an HTTP function needs an output binding of type http")?;
            Trigger::Http(HttpTrigger {
                auth: auth_level(binding.auth_level.as_deref())?,
                methods: binding.methods.iter().map(|method| read_method(method)).collect::<Result<_, _>>()?,
                route: Route::parse(route_prefix, binding.route.as_deref().unwrap_or(name))?,
                output: output.name.clone(),
            })
        }
        "eventGridTrigger" => Trigger::EventGrid,
        other => {
            return Err(format!("the embedded host has no trigger of type {other:?}"));
        }
    };
    Ok(Function { name, input: binding.name, trigger })
}

fn auth_level(text: Option<&str>) -> Result<AuthLevel, String> {
    match text.unwrap_or("function").to_ascii_lowercase().as_str() {
        "anonymous" => Ok(AuthLevel::Anonymous),
        "function" => Ok(AuthLevel::Function),
        "admin" => Ok(AuthLevel::Admin),
        other => Err(format!("authLevel {other:?} is not anonymous, function or admin")),
    }
}

fn read_method(text: &str) -> Result<Method, String> {
    text.to_ascii_uppercase().parse().map_err(|_| format!("{text:?} is no HTTP method"))
}

impl Retry {
    fn parse(json: RetryJson) -> Result<Self, String> {
        if json.strategy != "fixedDelay" {
            return Err(format!("retry strategy {:?}: the embedded host knows fixedDelay only", json.strategy));
        }
        let max_count = u32::try_from(json.max_retry_count);
        Ok(Self {
            max_count: max_count.map_err(|_| "maxRetryCount must be bounded, not negative".to_owned())?,
            delay: time_span(&json.delay_interval.ok_or("the retry policy has no delayInterval")?)?,
        })
    }
}
