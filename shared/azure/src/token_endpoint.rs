//! The token endpoint of Microsoft Entra, for the flows that `azure_identity` does not have:
//! `POST {authority}/{tenant}/oauth2/v2.0/{token|devicecode}` with a form.

use crate::cloud::Endpoints;
use crate::http::{BodyError, Http, read_body, transport_text};
use crate::identity::Answer;
use crate::sign_in::{AccessToken, NoToken, SignInError};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::CONTENT_TYPE;
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;
use url::{Url, form_urlencoded};

/// Largest answer, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;
/// Longest time for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A token that says it lasts longer is asked for again after this all the same, in seconds.
const LONGEST_LIFE_S: i64 = 7 * 24 * 60 * 60;

/// Asks for tokens. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TokenEndpoint {
    pub(crate) http: Http,
    pub(crate) endpoints: Endpoints,
}

/// What came of a sign-in. No debug form: it is all secret.
pub(crate) struct Granted {
    pub(crate) access: AccessToken,
    /// Where one was asked for.
    pub(crate) refresh: Option<SecretString>,
}

/// An answer that may be no success.
pub(crate) enum Posted {
    Success(bytes::Bytes),
    Failure(Answer),
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_in: i64,
    #[serde(default)]
    refresh_token: Option<String>,
}

impl TokenEndpoint {
    pub(crate) fn new(http: Http, endpoints: Endpoints) -> Self {
        Self { http, endpoints }
    }

    /// The address of an operation, for one directory. The directory is one segment, whatever it holds.
    pub(crate) fn address(&self, tenant: &str, operation: &str) -> Url {
        let mut url = self.endpoints.authority().clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend([tenant, "oauth2", "v2.0", operation]);
        }
        url
    }

    /// Sends a form.
    pub(crate) async fn post(
        &self,
        tenant: &str,
        operation: &str,
        form: &[(&str, &str)],
    ) -> Result<Posted, SignInError> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self
            .http
            .0
            .post(self.address(tenant, operation))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .timeout(TIMEOUT)
            .body(body);
        let response = request.send().await.map_err(|error| {
            let what = "the sign-in service is out of reach; check the network and the proxy";
            SignInError::Unreachable(format!("{what}: {}", transport_text(error)))
        })?;
        let status = response.status().as_u16();
        let body = read_body(response, ANSWER_LIMIT).await.map_err(|error| {
            SignInError::Unreachable(match error {
                BodyError::TooLarge => "the answer of the sign-in service is too large".to_owned(),
                BodyError::Broken(text) => format!("the answer of the sign-in service broke off: {text}"),
            })
        })?;
        Ok(if status == 200 { Posted::Success(body) } else { Posted::Failure(Answer { status, body: body.to_vec() }) })
    }

    /// Sends a form that asks for a token.
    pub(crate) async fn grant(&self, tenant: &str, form: &[(&str, &str)]) -> Result<Granted, NoToken> {
        match self.post(tenant, "token", form).await? {
            Posted::Success(body) => Ok(granted(&body)?),
            Posted::Failure(answer) => Err(answer.explain_entra()),
        }
    }
}

/// The tokens of a success. What cannot be read is not quoted: it may hold them.
pub(crate) fn granted(body: &[u8]) -> Result<Granted, SignInError> {
    let answer: TokenAnswer = serde_json::from_slice(body)
        .map_err(|_| SignInError::Unreachable("the sign-in service answered 200 without a token".to_owned()))?;
    let life = SignedDuration::from_secs(answer.expires_in.clamp(0, LONGEST_LIFE_S));
    let access = AccessToken { secret: answer.access_token.into(), expires_at: Timestamp::now() + life };
    Ok(Granted { access, refresh: answer.refresh_token.filter(|token| !token.is_empty()).map(Into::into) })
}
