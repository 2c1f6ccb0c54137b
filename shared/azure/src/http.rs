//! The one HTTP client: one connection pool, no redirects, rustls.

use std::time::Duration;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest pause between two reads of one answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The HTTP client that everything in this crate shares. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Http(pub(crate) reqwest::Client);

/// The HTTP client cannot be set up, for lack of root certificates for example.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up; check this machine's root certificates and its proxy settings")]
pub struct HttpSetUpError(#[source] reqwest::Error);

impl Http {
    /// A client with no connections yet.
    ///
    /// It follows no redirect: a redirect would take the token to a host that nobody configured.
    pub fn new() -> Result<Self, HttpSetUpError> {
        reqwest::Client::builder()
            .user_agent(concat!("poolwarden/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map(Self)
            .map_err(HttpSetUpError)
    }
}

/// What went wrong below HTTP, without the URL (it may hold a signature) and with its deepest cause.
pub(crate) fn transport_text(error: reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    let error = error.without_url();
    let mut deepest: &dyn std::error::Error = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    format!("{kind} ({})", crate::answers::safe(&deepest.to_string(), 200))
}

/// An answer's body could not be had whole.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is larger than the limit.
    TooLarge,
    /// The connection broke.
    Broken(String),
}

/// Reads a body up to `limit` bytes, and not a byte further.
pub(crate) async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<bytes::Bytes, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut body = bytes::BytesMut::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(|error| BodyError::Broken(transport_text(error)))? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
