//! An HTTP request as the host hands it to a function, and the function's answer to it.

use super::{WireError, json};
use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The request behind an `httpTrigger`.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// The full address that was called.
    pub url: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// The query's parameters; of a repeated one, what the host made of it.
    pub query: BTreeMap<String, String>,
    /// The headers, each perhaps with several values.
    pub headers: HeaderMap,
    /// The values of the route's `{parameters}`; an absent optional one is not in here.
    pub params: BTreeMap<String, String>,
    /// The body. The host drops it when the caller sends no Content-Length (chunked uploads).
    pub body: Option<Bytes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    url: String,
    method: String,
    #[serde(default)]
    query: Option<Map<String, Value>>,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    params: Option<Map<String, Value>>,
    #[serde(default)]
    body: Option<Value>,
}

/// Whether the host sends a body of this type as base64 rather than as text.
pub(crate) fn is_binary(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/octet-stream" || media.starts_with("multipart/")
}

impl HttpRequest {
    /// Decodes the innermost JSON text of the binding `name`.
    pub(super) fn from_binding(name: &str, text: &str) -> Result<Self, WireError> {
        let shape = |reason: String| WireError::Shape { binding: name.to_owned(), reason };
        let binding: Binding = serde_json::from_str(text).map_err(|error| shape(json::reason(&error)))?;
        let headers = headers(binding.headers.unwrap_or_default());
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let body = match binding.body {
            None | Some(Value::Null) => None,
            // By the content type, never by the look of it: "done" is valid base64 too.
            Some(Value::String(text)) if is_binary(content_type) => {
                Some(BASE64.decode(text).map_err(|_| shape("its binary body is not base64".into()))?.into())
            }
            Some(Value::String(text)) => Some(text.into()),
            Some(other) => Some(other.to_string().into()),
        };
        Ok(Self {
            url: binding.url,
            method: binding.method,
            query: strings(binding.query),
            headers,
            params: strings(binding.params),
            body,
        })
    }

    /// The body as a `T`, from JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, WireError> {
        let shape = |reason: String| WireError::Shape { binding: "the request's body".into(), reason };
        let body = self.body.as_ref().ok_or_else(|| shape("there is none".into()))?;
        serde_json::from_slice(body).map_err(|error| shape(json::reason(&error)))
    }

    /// The first value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A value as text: strings as they are, the rest as JSON.
fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn strings(entries: Option<Map<String, Value>>) -> BTreeMap<String, String> {
    let entries = entries.unwrap_or_default().into_iter();
    entries.filter_map(|(name, value)| Some((name, text_of(value)?))).collect()
}

/// Header names and values the http crate cannot hold are dropped: no client can have sent them.
fn headers(entries: Map<String, Value>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in entries {
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        for value in values.into_iter().filter_map(text_of) {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value)) {
                headers.append(name, value);
            }
        }
    }
    headers
}

/// The body of an HTTP answer. There is no binary one: the host hands strings and JSON through, nothing else.
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerBody {
    /// None.
    Empty,
    /// Text, sent as it is.
    Text(String),
    /// JSON.
    Json(Value),
}

/// A function's answer to an HTTP request.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers; the host's contract allows each name once.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: AnswerBody,
}

impl HttpAnswer {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: BTreeMap::new(), body: AnswerBody::Empty }
    }

    /// An answer of text, of the given media type.
    pub fn text(status: StatusCode, content_type: &str, body: impl Into<String>) -> Self {
        Self { body: AnswerBody::Text(body.into()), ..Self::empty(status) }.with_header("Content-Type", content_type)
    }

    /// An answer of JSON.
    pub fn json(status: StatusCode, body: impl Into<Value>) -> Self {
        Self { body: AnswerBody::Json(body.into()), ..Self::empty(status) }
            .with_header("Content-Type", "application/json; charset=utf-8")
    }

    /// An answer of whatever serialises.
    pub fn json_of(status: StatusCode, body: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::json(status, serde_json::to_value(body)?))
    }

    /// The same with a header, which replaces one of the same name.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.headers.retain(|known, _| !known.eq_ignore_ascii_case(&name));
        self.headers.insert(name, value.into());
        self
    }

    /// The output object: the host wants the status as a string.
    pub(super) fn encode(&self) -> Value {
        let body = match &self.body {
            AnswerBody::Empty => Value::Null,
            AnswerBody::Text(text) => Value::from(text.as_str()),
            AnswerBody::Json(value) => value.clone(),
        };
        json!({ "statusCode": self.status.as_u16().to_string(), "body": body, "headers": self.headers })
    }

    /// Reads an output object as the host does: any case of the names, the status as text or number, 200 without
    /// one.
    pub fn from_output(output: &Value) -> Result<Self, String> {
        let entries = output.as_object().ok_or("the http output is not an object")?;
        let entry = |name: &str| {
            let found = entries.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value).filter(|value| !value.is_null())
        };
        let status = match entry("statusCode").or_else(|| entry("status")) {
            None => StatusCode::OK,
            Some(value) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let code = text.trim().parse::<u16>().ok().and_then(|code| StatusCode::from_u16(code).ok());
                // An informational status would not end the exchange.
                code.filter(|code| !code.is_informational()).ok_or("the http output's statusCode is no HTTP status")?
            }
        };
        let body = match entry("body") {
            None => AnswerBody::Empty,
            Some(Value::String(text)) => AnswerBody::Text(text.clone()),
            Some(value) => AnswerBody::Json(value.clone()),
        };
        let headers = match entry("headers") {
            None => BTreeMap::new(),
            Some(Value::Object(headers)) => strings(Some(headers.clone())),
            Some(_) => return Err("the http output's headers are not an object".into()),
        };
        Ok(Self { status, headers, body })
    }
}
