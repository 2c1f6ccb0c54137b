//! An answer before it is sent: status, headers and a whole body, so that
//! faults can still be worked into it.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    content_type: &'static str,
    cut_after: Option<usize>,
}

impl Reply {
    pub(crate) fn bytes(status: u16, content_type: &'static str, body: Bytes) -> Self {
        Self { status, headers: Vec::new(), body, content_type, cut_after: None }
    }

    pub(crate) fn page(body: Bytes) -> Self {
        Self::bytes(200, "application/json; charset=utf-8", body)
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::bytes(status, "application/json; charset=utf-8", Bytes::from(body.to_string()))
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::bytes(status, "", Bytes::new())
    }

    /// An error as ARM prints it.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"error": {"code": code, "message": message}}))
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// Announces the whole body and closes the connection half-way. Of an
    /// answer without a body nothing arrives at all.
    pub(crate) fn cut(mut self) -> Self {
        self.cut_after = Some(self.body.len() / 2);
        self
    }

    /// Ends the body half-way, with a length that says so.
    pub(crate) fn truncated(mut self) -> Self {
        self.body = self.body.slice(..self.body.len() / 2);
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        if self.cut_after.is_some() && self.body.is_empty() {
            return lost();
        }
        let length = self.body.len();
        let body = match self.cut_after {
            None => Body::from(self.body),
            Some(at) => {
                let half = self.body.slice(..at);
                let broken = async {
                    // Lets the first half reach the network before it breaks off.
                    tokio::task::yield_now().await;
                    Err(std::io::Error::other("the connection is cut as a fault demands"))
                };
                Body::from_stream(stream::iter([Ok(half)]).chain(stream::once(broken)))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if !self.content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}

/// An answer of which nothing arrives: its body breaks off before the head was
/// sent.
fn lost() -> Response<Body> {
    let broken = async { Err::<Bytes, _>(std::io::Error::other("the answer is lost as a fault demands")) };
    Response::new(Body::from_stream(stream::once(broken)))
}
