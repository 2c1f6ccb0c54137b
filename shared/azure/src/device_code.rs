//! Signing in once by hand, with a code that is entered on another device: the way to an account with a second factor.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code>. What comes of it is a refresh token,
//! which is kept where the credential says; no access token is used here.

use crate::aadsts::SignInProblem;
use crate::answers::safe;
use crate::cloud::Endpoints;
use crate::http::Http;
use crate::refresh_token::{TokenPlace, with_refresh};
use crate::sign_in::{Credential, SignInError};
use crate::token_endpoint::{Posted, TokenEndpoint, granted};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::time::Duration;

/// The pause between two questions where the service names none, in seconds (RFC 8628).
const PAUSE_S: u64 = 5;
/// What `slow_down` adds to it, in seconds.
const SLOWER_BY_S: u64 = 5;
/// The longest pause, in seconds.
const LONGEST_PAUSE_S: u64 = 60;
/// How long a code is good where the service does not say, in seconds: as long as Entra's are.
const USUAL_WAIT_S: i64 = 15 * 60;
/// How long a code is waited for at most, in seconds.
const LONGEST_WAIT_S: i64 = 30 * 60;
/// How often in a row the service may be out of reach while a code is waited for.
const FAILURES_IN_A_ROW: u32 = 5;
/// Longest code and address that are shown, in characters.
const SHOWN_CHARS: usize = 200;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A sign-in that waits for a person to enter the code.
pub struct DeviceCodeSignIn {
    ours: TokenEndpoint,
    client_id: String,
    tenant_id: String,
    place: TokenPlace,
    device_code: SecretString,
    user_code: String,
    address: String,
    expires_at: Timestamp,
    pause: Duration,
    failures: u32,
}

#[derive(Deserialize)]
struct CodeAnswer {
    device_code: String,
    user_code: String,
    verification_uri: String,
    #[serde(default)]
    expires_in: Option<i64>,
    #[serde(default)]
    interval: Option<u64>,
}

impl DeviceCodeSignIn {
    /// Asks for a code. `scope` is what the sign-in is for; a refresh token is asked for with it.
    pub async fn begin(
        credential: &Credential,
        scope: &str,
        endpoints: &Endpoints,
        http: &Http,
    ) -> Result<Self, SignInError> {
        let Credential::DeviceCode { client_id, tenant_id, refresh_token, .. } = credential else {
            return Err(SignInError::Misconfigured("this kind of credential needs no sign-in by hand".to_owned()));
        };
        refresh_token.prepare().await?;
        let ours = TokenEndpoint::new(http.clone(), endpoints.clone());
        let scope = with_refresh(scope);
        let form = [("client_id", &**client_id), ("scope", &*scope)];
        let body = match ours.post(tenant_id, "devicecode", &form).await? {
            Posted::Success(body) => body,
            Posted::Failure(answer) => return Err(answer.explain_entra().error),
        };
        let code: CodeAnswer = serde_json::from_slice(&body)
            .map_err(|_| SignInError::Unreachable("the sign-in service answered 200 without a code".to_owned()))?;
        Ok(Self {
            ours,
            client_id: client_id.clone(),
            tenant_id: tenant_id.clone(),
            place: refresh_token.clone(),
            device_code: code.device_code.into(),
            user_code: safe(&code.user_code, SHOWN_CHARS),
            address: safe(&code.verification_uri, SHOWN_CHARS),
            expires_at: Timestamp::now()
                + SignedDuration::from_secs(code.expires_in.unwrap_or(USUAL_WAIT_S).clamp(1, LONGEST_WAIT_S)),
            pause: Duration::from_secs(code.interval.unwrap_or(PAUSE_S).clamp(1, LONGEST_PAUSE_S)),
            failures: 0,
        })
    }

    /// What the person enters.
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// Where the person enters it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// When the code is good no more.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Waits until the person has signed in, then keeps the refresh token where the credential says.
    pub async fn finish(mut self) -> Result<(), SignInError> {
        loop {
            tokio::time::sleep(self.pause).await;
            if Timestamp::now() >= self.expires_at {
                return Err(expired());
            }
            if let Some(token) = self.poll().await? {
                return self.place.write(&token, &self.ours).await;
            }
        }
    }

    /// Asks once whether the person has signed in.
    async fn poll(&mut self) -> Result<Option<SecretString>, SignInError> {
        let secret = self.device_code.expose_secret();
        let form = [("grant_type", GRANT), ("client_id", &*self.client_id), ("device_code", secret)];
        let answer = match self.ours.post(&self.tenant_id, "token", &form).await {
            Ok(Posted::Success(body)) => {
                let token = granted(&body)?.refresh;
                return token.map(Some).ok_or_else(|| {
                    SignInError::Misconfigured(
                        "the sign-in service gave no refresh token; allow the application the permission offline_access"
                            .to_owned(),
                    )
                });
            }
            Ok(Posted::Failure(answer)) => answer,
            Err(error) => return self.bear(error),
        };
        match answer.error().as_str() {
            "authorization_pending" => {}
            "slow_down" => {
                self.pause = (self.pause + Duration::from_secs(SLOWER_BY_S)).min(Duration::from_secs(LONGEST_PAUSE_S));
            }
            "expired_token" => return Err(expired()),
            _ => {
                let error = answer.explain_entra().without(secret).error;
                return self.bear(error);
            }
        }
        self.failures = 0;
        Ok(None)
    }

    /// Waiting goes on although the service is out of reach for a moment; a refusal ends it.
    fn bear(&mut self, error: SignInError) -> Result<Option<SecretString>, SignInError> {
        self.failures += 1;
        match error {
            SignInError::Unreachable(_) if self.failures < FAILURES_IN_A_ROW => Ok(None),
            error => Err(error),
        }
    }
}

fn expired() -> SignInError {
    let text = "The code has expired before anyone entered it. Sign in again: `poolwarden connections sign-in NAME`.";
    SignInError::Refused { problem: SignInProblem::NeedsPerson, code: None, text: text.to_owned() }
}

#[cfg(test)]
mod tests;
