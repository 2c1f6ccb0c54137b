//! An invocation as the host sends it, decoded.

use super::{HttpRequest, INVOCATION_ID, Metadata, TRACEPARENT, TimerInfo, json};
use crate::ids;
use ::http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Why an invocation, or one of its values, is not what it should be. Never quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The body is not `{"Data": {…}, "Metadata": {…}}`.
    #[error("the request is not an invocation: {reason}")]
    Envelope {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// The function asked for a binding the host did not send.
    #[error("the invocation has no binding {binding}")]
    MissingBinding {
        /// The binding's name in function.json.
        binding: String,
    },
    /// The binding is a string that holds no JSON.
    #[error("binding {binding} is not JSON")]
    NotJson {
        /// The binding's name in function.json.
        binding: String,
    },
    /// The binding is JSON, of another shape.
    #[error("binding {binding} is not what the function expects: {reason}")]
    Shape {
        /// The binding's name in function.json.
        binding: String,
        /// What is wrong, with line and column.
        reason: String,
    },
}

/// One call of one function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The host's id of this invocation, or a generated one if it sent none.
    pub id: String,
    /// The W3C trace context, to pass on to whatever is called.
    pub traceparent: Option<String>,
    /// The value of each input binding, still encoded: read it with [`Invocation::binding`].
    pub data: Map<String, Value>,
    /// What the trigger says about the value.
    pub metadata: Metadata,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Data")]
    data: Map<String, Value>,
    #[serde(rename = "Metadata", default)]
    metadata: Option<Map<String, Value>>,
}

impl Invocation {
    /// Decodes the request's headers and its whole body.
    pub fn decode(headers: &HeaderMap, body: &[u8]) -> Result<Self, WireError> {
        let envelope: Envelope =
            serde_json::from_slice(body).map_err(|error| WireError::Envelope { reason: json::reason(&error) })?;
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Self {
            id: header(INVOCATION_ID).filter(|id| !id.is_empty()).unwrap_or_else(ids::guid),
            traceparent: header(TRACEPARENT),
            data: envelope.data,
            metadata: Metadata::new(envelope.metadata.unwrap_or_default()),
        })
    }

    /// The binding's value as a `T`, whether the host sent it as an object, a JSON string or a doubly encoded one.
    ///
    /// Base64 is never guessed: a binding of bytes must be asked for as a `String` and decoded by whoever knows.
    pub fn binding<T: DeserializeOwned>(&self, name: &str) -> Result<T, WireError> {
        let text = self.text(name)?;
        serde_json::from_str(&text)
            .map_err(|error| WireError::Shape { binding: name.to_owned(), reason: json::reason(&error) })
    }

    /// The innermost JSON text of the binding's value.
    pub fn text(&self, name: &str) -> Result<Cow<'_, str>, WireError> {
        let value = self.data.get(name).ok_or_else(|| WireError::MissingBinding { binding: name.to_owned() })?;
        json::innermost(value).ok_or_else(|| WireError::NotJson { binding: name.to_owned() })
    }

    /// The request behind an `httpTrigger` binding.
    pub fn http(&self, name: &str) -> Result<HttpRequest, WireError> {
        HttpRequest::from_binding(name, &self.text(name)?)
    }

    /// What a `timerTrigger` binding says.
    pub fn timer(&self, name: &str) -> Result<TimerInfo, WireError> {
        self.binding(name)
    }
}
