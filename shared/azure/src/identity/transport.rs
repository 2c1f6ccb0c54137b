//! The transport below `azure_identity`: the shared client, redirected where that is configured.

use super::explain::Answer;
use crate::cloud::{Endpoints, same_origin};
use crate::http::{BodyError, Http, read_body, transport_text};
use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Method, Request};
use std::sync::{Mutex, PoisonError};
use url::Url;

/// Largest answer of a token service, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;
/// Where virtual machines ask for their identity's tokens.
const INSTANCE_METADATA: &str = "http://169.254.169.254";

/// The transport below `azure_identity`.
#[derive(Debug)]
pub(super) struct Wire {
    http: Http,
    routes: Vec<(Url, Url)>,
    answer: Mutex<Option<Answer>>,
}

/// The https address that stands for a plain-http authority: the library accepts no other.
pub(super) fn secure_twin(authority: &Url) -> Url {
    let mut twin = authority.clone();
    if twin.scheme() == "http" {
        let port = twin.port_or_known_default();
        // Neither can fail: both schemes are "special" and the URL has a host.
        let _ = twin.set_scheme("https");
        let _ = twin.set_port(port);
    }
    twin
}

fn routes(endpoints: &Endpoints) -> Vec<(Url, Url)> {
    let mut routes = Vec::new();
    if endpoints.authority().scheme() == "http" {
        routes.push((secure_twin(endpoints.authority()), endpoints.authority().clone()));
    }
    if let (Some(stand_in), Ok(real)) = (endpoints.instance_metadata(), Url::parse(INSTANCE_METADATA)) {
        routes.push((real, stand_in.clone()));
    }
    routes
}

impl Wire {
    pub(super) fn new(http: Http, endpoints: &Endpoints) -> Self {
        Self { http, routes: routes(endpoints), answer: Mutex::default() }
    }

    /// What was answered last.
    pub(super) fn last_answer(&self) -> Option<Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn route(&self, url: &Url) -> Url {
        let Some((_, to)) = self.routes.iter().find(|(from, _)| same_origin(from, url)) else { return url.clone() };
        let mut routed = to.clone();
        routed.set_path(url.path());
        routed.set_query(url.query());
        routed
    }
}

#[async_trait]
impl HttpClient for Wire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        // Of the kind "other", so that the library does not try again: how often is decided in one place, the cache.
        let broken = |text: String| Error::with_message(ErrorKind::Other, text);
        let method = if request.method() == Method::Post { reqwest::Method::POST } else { reqwest::Method::GET };
        let mut outgoing = self.http.0.request(method, self.route(request.url()));
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        if let Body::Bytes(bytes) = request.body() {
            outgoing = outgoing.body(bytes.clone());
        }
        let response = outgoing.send().await.map_err(|error| broken(transport_text(error)))?;
        let status = response.status().as_u16();
        let mut headers = Headers::default();
        for (name, value) in response.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_owned()));
            }
        }
        let body = read_body(response, ANSWER_LIMIT).await.map_err(|error| match error {
            BodyError::TooLarge => broken("the answer of the token service is too large".to_owned()),
            BodyError::Broken(text) => broken(text),
        })?;
        // A success is remembered without its body, which is the token.
        let kept = if status < 400 { Vec::new() } else { body.to_vec() };
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Answer { status, body: kept });
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, body))
    }
}
