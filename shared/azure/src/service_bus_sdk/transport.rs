//! Carries the crate's requests: to the configured namespace whatever host they name, and with a token of Microsoft
//! Entra instead of a shared access signature. Retries and refusals are those of [`ServiceBus`].

use crate::service_bus::send::ascii;
use crate::service_bus::{LOCKED_PATIENCE, MAX_WAIT_S, PATIENCE, Received, ServiceBus, ServiceBusError};
use async_trait::async_trait;
use azure_core_legacy::error::ErrorKind;
use azure_core_legacy::headers::Headers;
use azure_core_legacy::{Body, BytesStream, Error, HttpClient, Request, Response, StatusCode};
use bytes::Bytes;
use reqwest::Method;
use std::time::Duration;

/// What the crate writes and this does not send on: its signature, and what the client says by itself.
const NOT_SENT: [&str; 3] = ["authorization", "host", "content-length"];

pub(super) struct Transport(pub(super) ServiceBus);

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> Result<Response, Error> {
        let mut url = self.0.url(request.url().path());
        url.set_query(request.url().query());
        let waits = request.url().query_pairs().find_map(|(name, value)| {
            let seconds: u64 = (name == "timeout").then(|| value.parse().ok())??;
            Some(Duration::from_secs(seconds.min(MAX_WAIT_S)))
        });
        let method = Method::from_bytes(request.method().as_ref().as_bytes());
        let method = method.map_err(|error| Error::new(ErrorKind::Other, error))?;
        let body = match request.body() {
            Body::Bytes(bytes) => bytes.clone(),
            Body::SeekableStream(_) => return Err(Error::message(ErrorKind::Other, "a body of bytes is expected")),
        };
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_ascii_lowercase(), value.as_str()))
            .filter(|(name, _)| !NOT_SENT.contains(&name.as_str()))
            // The crate writes properties as JSON in any letters; a header holds ASCII.
            .map(|(name, value)| (name, ascii(value)))
            .collect();
        let settles = url.path().contains("/messages/") && !url.path().ends_with("/messages/head");
        let patience = if settles { &LOCKED_PATIENCE } else { &PATIENCE };
        let answer = self.0.ask(&method, &url, waits.unwrap_or_default(), patience, |builder| {
            let headers = headers.iter();
            let builder = headers.fold(builder, |builder, (name, value)| builder.header(name, value));
            if body.is_empty() { builder.header("content-length", "0") } else { builder.body(body.clone()) }
        });
        answer.await.and_then(response).map_err(|error| Error::new(ErrorKind::Io, error))
    }
}

fn response(received: Received) -> Result<Response, ServiceBusError> {
    let status = StatusCode::try_from(received.status);
    let status = status.map_err(|_| ServiceBusError::Malformed(format!("status {}", received.status)))?;
    let mut headers = Headers::new();
    for (name, value) in &received.headers {
        if let Ok(value) = value.to_str() {
            headers.insert(name.as_str().to_owned(), value.to_owned());
        }
    }
    // The crate takes nothing but text, and would leave a message that is none locked and unreachable.
    let body = match std::str::from_utf8(&received.body) {
        Ok(_) => received.body,
        Err(_) => Bytes::from(String::from_utf8_lossy(&received.body).into_owned()),
    };
    Ok(Response::new(status, headers, Box::pin(BytesStream::new(body))))
}
