//! What the host makes of a custom handler's answer.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It succeeded.
    Done(Answer),
    /// It failed, and its outputs are ignored.
    Failed(String),
    /// The real host would wait until the function's timeout.
    Hangs(String),
}

/// The object that a handler answers with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// By the names of the bindings, as they came.
    pub outputs: Map<String, Value>,
    /// Lines for the host's log.
    pub logs: Vec<String>,
    /// The whole answer.
    pub object: Map<String, Value>,
}

/// One output as the host passes it on.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A value that is no string.
    Value(Value),
    /// A string that could be read as base64, whatever it was meant to be.
    Bytes(Vec<u8>),
    /// A string that is a JSON array: one message for each element.
    Many(Vec<Value>),
    /// Any other string.
    Text(String),
}

/// An answer to an HTTP request.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpOutput {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Map<String, Value>,
    /// The body.
    pub body: Value,
}

/// Judges an answer by its status, media type and body.
pub fn judge(status: u16, content_type: Option<&str>, body: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(body);
    if !(200..300).contains(&status) {
        return Verdict::Failed(format!("the handler answered {status}: {text}"));
    }
    if status == 204 || text.trim().is_empty() || text.trim() == "null" {
        return Verdict::Hangs(format!("{status} with an empty answer"));
    }
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Verdict::Failed(format!("unsupported media type {media_type:?}"));
    }
    match read(body) {
        Ok(answer) => Verdict::Done(answer),
        Err(why) => Verdict::Failed(format!("{why}: {status} {text}")),
    }
}

fn read(body: &[u8]) -> Result<Answer, String> {
    let object: Map<String, Value> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let outputs = match object.get("Outputs") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(outputs)) => outputs.clone(),
        Some(_) => return Err("Outputs is no object".to_owned()),
    };
    let logs = match object.get("Logs") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(lines)) => {
            let lines = lines.iter().map(|line| line.as_str().map(str::to_owned));
            lines.collect::<Option<_>>().ok_or("a line of Logs is no string")?
        }
        Some(_) => return Err("Logs is no list".to_owned()),
    };
    Ok(Answer { outputs, logs, object })
}

impl Verdict {
    /// Whether the host completes the message.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// The answer of an invocation that has to have succeeded.
    ///
    /// # Panics
    /// If it did not.
    pub fn done(self) -> Answer {
        match self {
            Self::Done(answer) => answer,
            other => panic!("the invocation did not succeed: {other:?}"),
        }
    }

    /// Why an invocation failed that has to have failed.
    ///
    /// # Panics
    /// If it did not.
    pub fn failed(self) -> String {
        match self {
            Self::Failed(why) => why,
            other => panic!("the invocation did not fail: {other:?}"),
        }
    }
}

impl Answer {
    /// Whether it is the full object, which a handler should always answer with.
    pub fn is_full(&self) -> bool {
        ["Outputs", "Logs", "ReturnValue"].iter().all(|key| self.object.contains_key(*key))
    }

    /// An output as the host passes it on.
    pub fn output(&self, binding: &str) -> Option<Output> {
        Some(match self.outputs.get(binding)? {
            Value::String(text) => match (BASE64_STANDARD.decode(text), serde_json::from_str(text)) {
                (Ok(bytes), _) => Output::Bytes(bytes),
                (_, Ok(Value::Array(elements))) => Output::Many(elements),
                // A string that is an object is printed anew.
                (_, Ok(object @ Value::Object(_))) => Output::Text(object.to_string()),
                _ => Output::Text(text.clone()),
            },
            Value::Array(elements) => Output::Many(elements.clone()),
            other => Output::Value(other.clone()),
        })
    }

    /// The answer to a request.
    pub fn http(&self, binding: &str) -> Result<HttpOutput, String> {
        let output = match self.output(binding) {
            Some(Output::Value(output @ Value::Object(_))) => output,
            other => return Err(format!("{binding} is no answer to a request: {other:?}")),
        };
        let status = match &output["statusCode"] {
            Value::Null => 200,
            Value::Number(number) => number.as_u64().unwrap_or(0),
            Value::String(text) => text.parse().map_err(|_| format!("{text:?} is no status code"))?,
            other => return Err(format!("{other} is no status code")),
        };
        let status = u16::try_from(status).ok().filter(|status| (100..1000).contains(status));
        Ok(HttpOutput {
            status: status.ok_or("the status code is none")?,
            headers: output["headers"].as_object().cloned().unwrap_or_default(),
            body: output["body"].clone(),
        })
    }
}
