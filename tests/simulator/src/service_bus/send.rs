//! Reads what is sent: one message with its properties in headers, or a batch
//! as JSON.

use axum::http::{HeaderMap, HeaderName, header};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{error::Refusal, message::Incoming};
use crate::request::Request;

/// The type of a batch. With any parameter, such as a charset, the body is
/// taken as one message.
const BATCH: &str = "application/vnd.microsoft.servicebus.json";
/// The largest request of the standard tier: one message with its properties,
/// or a whole batch.
pub(crate) const MAX_MESSAGE: u64 = 256 * 1024;
/// Headers of HTTP itself and of the service, which are no custom properties.
const NO_PROPERTIES: [&str; 27] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "brokerproperties",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "from",
    "host",
    "keep-alive",
    "pragma",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// The messages of a request, in order.
pub(crate) fn messages(request: &Request, now: Timestamp) -> Result<Vec<Incoming>, Refusal> {
    let content_type = request.header("content-type");
    let batch = content_type.is_some_and(|content_type| content_type.trim().eq_ignore_ascii_case(BATCH));
    let messages = if batch { batch_of(&request.body, now) } else { single(request, now).map(|one| vec![one]) };
    let messages = messages.map_err(Refusal::BadRequest)?;
    let size: u64 = messages.iter().map(|message| message.size).sum();
    let size = if batch { size.max(length(&request.body)) } else { size };
    if size > MAX_MESSAGE {
        return Err(Refusal::TooLarge { size, limit: MAX_MESSAGE });
    }
    Ok(messages)
}

fn single(request: &Request, now: Timestamp) -> Result<Incoming, String> {
    let mut message = Incoming { body: request.body.clone(), size: length(&request.body), ..Incoming::default() };
    message.content_type = request.header("content-type").map(str::to_owned);
    if let Some(properties) = request.headers.get("brokerproperties") {
        message.size += length(properties.as_bytes());
        let properties = serde_json::from_slice(properties.as_bytes())
            .map_err(|error| format!("the header BrokerProperties is not JSON: {error}"))?;
        message.set_broker(&properties, now)?;
    }
    for (name, value) in custom(&request.headers) {
        let text = value.to_str().map_err(|_| format!("the property {name} is not in ASCII"))?;
        message.size += length(name.as_str().as_bytes()) + length(text.as_bytes());
        message.user.push((name.clone(), property(text)));
    }
    Ok(message)
}

fn custom(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &header::HeaderValue)> {
    headers.iter().filter(|(name, _)| {
        let name = name.as_str();
        !NO_PROPERTIES.contains(&name) && !name.starts_with("x-ms-") && !name.starts_with("if-")
    })
}

/// A property of a header: a number, `true`, `false` or a quoted text; other
/// text is taken as it is.
fn property(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

fn batch_of(body: &[u8], now: Timestamp) -> Result<Vec<Incoming>, String> {
    let entries: Vec<Map<String, Value>> =
        serde_json::from_slice(body).map_err(|error| format!("the batch is not a JSON array of objects: {error}"))?;
    if entries.is_empty() {
        return Err("the batch is empty".to_owned());
    }
    let numbered = entries.iter().enumerate();
    numbered.map(|(number, entry)| of_batch(entry, now).map_err(|error| format!("message {number}: {error}"))).collect()
}

fn of_batch(entry: &Map<String, Value>, now: Timestamp) -> Result<Incoming, String> {
    let mut message = Incoming::default();
    let text = match entry.get("Body") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => return Err("Body is not a string".to_owned()),
    };
    message.body = match entry.get("IsBodyBase64") {
        Some(Value::Bool(true)) => BASE64_STANDARD.decode(text).map(Bytes::from).map_err(|_| "Body is not base64")?,
        _ => Bytes::from(text.to_owned()),
    };
    message.size = length(&message.body);
    if let Some(properties) = entry.get("BrokerProperties").filter(|properties| !properties.is_null()) {
        message.size += length(properties.to_string().as_bytes());
        message.set_broker(properties, now)?;
    }
    match entry.get("UserProperties") {
        None | Some(Value::Null) => {}
        Some(Value::Object(properties)) => {
            for (name, value) in properties {
                if value.is_array() || value.is_object() {
                    return Err(format!("the property {name} is neither text nor number"));
                }
                message.size += length(name.as_bytes()) + length(value.to_string().as_bytes());
                // A receiver over HTTP gets it as a header, so it must be able to be one.
                let header = HeaderName::try_from(name).map_err(|_| format!("{name:?} cannot be a header"))?;
                message.user.push((header, value.clone()));
            }
        }
        Some(_) => return Err("UserProperties is not an object".to_owned()),
    }
    Ok(message)
}

fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}
