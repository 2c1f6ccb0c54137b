//! Where traces are exported to: `[telemetry]`, and the variables that every program which speaks OTLP understands
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>). The variables win. Without an address nothing is
//! exported.

use super::entry::{Judged, wrong};
use super::environment::Environment;
use super::faults::{Fault, Place};
use super::reader::Table;
use super::values;
use secrecy::SecretString;
use std::fmt;
use url::Url;

/// The address of the collector, for every kind of signal.
pub const OTLP_ENDPOINT_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Headers of every request to it: `name=value`, with commas between, percent-encoded. Secrets.
pub const OTLP_HEADERS_VARIABLE: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// The protocol; there is one.
const OTLP_PROTOCOL_VARIABLE: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const PROTOCOL: &str = "http/protobuf";
/// What this program is called in traces.
pub const SERVICE_NAME_VARIABLE: &str = "OTEL_SERVICE_NAME";
/// What it is called by default.
const DEFAULT_SERVICE_NAME: &str = "poolwarden";
/// Where traces go below the collector's address.
const TRACES_PATH: &str = "v1/traces";

/// Where traces are exported to.
#[derive(Clone)]
pub struct Telemetry {
    /// The collector's address for traces.
    pub traces: Url,
    /// Headers of every request, such as an API key.
    pub headers: Vec<(String, SecretString)>,
    /// What this program is called in traces.
    pub service_name: String,
}

/// The headers' values and the address' query are secrets.
impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Telemetry")
            .field("traces", &self.traces.origin().ascii_serialization())
            .field("headers", &headers)
            .field("service_name", &self.service_name)
            .finish()
    }
}

/// What `[telemetry]` says.
#[derive(Debug, Default)]
pub(super) struct Written {
    otlp_endpoint: Option<Url>,
    service_name: Option<String>,
}

/// Reads `[telemetry]`.
pub(super) fn read(mut table: Table<'_>) -> Written {
    let otlp_endpoint = table.take("otlp_endpoint").and_then(|entry| entry.parsed(values::web_address));
    let service_name = table.take("service_name").and_then(|entry| entry.parsed(service_name));
    table.finish();
    Written { otlp_endpoint, service_name }
}

/// Puts the variables over what is written.
pub(super) fn choose(written: Written, env: &dyn Environment, faults: &mut Vec<Fault>) -> Option<Telemetry> {
    let mut refuse = |variable: &str, wrong: super::entry::Wrong| faults.push(wrong.of_variable(variable));
    let endpoint = match env.filled(OTLP_ENDPOINT_VARIABLE).map(|text| values::web_address(&text)) {
        Some(Ok(endpoint)) => Some(endpoint),
        Some(Err(wrong)) => {
            refuse(OTLP_ENDPOINT_VARIABLE, wrong);
            return None;
        }
        None => written.otlp_endpoint,
    }?;
    if env.filled(OTLP_PROTOCOL_VARIABLE).is_some_and(|protocol| protocol != PROTOCOL) {
        faults.push(Fault {
            place: Place::Variable(OTLP_PROTOCOL_VARIABLE.to_owned()),
            what: "the value names a protocol that is not spoken here".to_owned(),
            fix: format!("leave it out or write {PROTOCOL}, and name the collector's port for it, usually 4318"),
        });
        return None;
    }
    let headers = match env.filled(OTLP_HEADERS_VARIABLE).map(|text| headers(&text)).transpose() {
        Ok(headers) => headers.unwrap_or_default(),
        Err(wrong) => {
            refuse(OTLP_HEADERS_VARIABLE, wrong);
            return None;
        }
    };
    let service_name = env.filled(SERVICE_NAME_VARIABLE).or(written.service_name);
    Some(Telemetry {
        traces: traces(endpoint),
        headers,
        service_name: service_name.unwrap_or_else(|| DEFAULT_SERVICE_NAME.to_owned()),
    })
}

/// The address for traces, below the one for everything.
fn traces(mut endpoint: Url) -> Url {
    let path = format!("{}/{TRACES_PATH}", endpoint.path().trim_end_matches('/'));
    endpoint.set_path(&path);
    endpoint
}

fn service_name(text: &str) -> Judged<String> {
    if text.trim().is_empty() {
        return wrong("is empty", "write a name such as \"poolwarden\", or leave it out");
    }
    Ok(text.to_owned())
}

/// `name=value` with commas between. No message repeats any of it.
fn headers(text: &str) -> Judged<Vec<(String, SecretString)>> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let header = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), percent_decode(value.trim())?);
        let valid = !name.is_empty() && name.chars().all(is_token) && value.chars().all(|c| (' '..='~').contains(&c));
        valid.then(|| (name.to_ascii_lowercase(), SecretString::from(value)))
    };
    match pairs.map(header).collect() {
        Some(headers) => Ok(headers),
        None => wrong("is no list of headers", "write name=value, with commas between and other characters as %2C"),
    }
}

/// Undoes percent-encoding; nothing where a % begins no byte, or the bytes are no text.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit =
                    |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                (digit(rest.next())? << 4) | digit(rest.next())?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}
