//! Fakes for this crate's tests.

use crate::arm::{Arm, Shared};
use crate::cloud::{Cloud, Endpoints};
use crate::http::Http;
use crate::sign_in::{AccessToken, Credentials, SignInError};
use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::{MockServer, ResponseTemplate};

/// What a handle shares, for an ARM at this address; failed requests are tried again at once.
pub(crate) fn shared(arm: &str, credentials: Arc<FixedToken>) -> Arc<Shared> {
    let endpoints = Endpoints::of(Cloud::Public).with_arm(arm).unwrap();
    Arc::new(Shared::new(Http::new().unwrap(), credentials, endpoints).with_pause(Duration::from_millis(1)))
}

pub(crate) fn arm(server: &MockServer) -> Arm {
    Arm::new(shared(&server.uri(), Arc::default()))
}

pub(crate) fn page_of(body: &serde_json::Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Hands out `token 1`, and the next number after each rejection; or the one that is set; or refuses.
#[derive(Default)]
pub(crate) struct FixedToken {
    rejected: AtomicU32,
    pub(crate) error: Mutex<Option<SignInError>>,
    pub(crate) always: Mutex<Option<String>>,
}

#[async_trait]
impl Credentials for FixedToken {
    async fn token(&self, _: &str) -> Result<AccessToken, SignInError> {
        if let Some(error) = self.error.lock().unwrap().clone() {
            return Err(error);
        }
        let number = self.rejected.load(Ordering::SeqCst) + 1;
        let token = self.always.lock().unwrap().clone().unwrap_or_else(|| format!("token {number}"));
        Ok(AccessToken { secret: token.into(), expires_at: Timestamp::MAX })
    }

    fn reject(&self, _: &str, token: &AccessToken) {
        let number = self.rejected.load(Ordering::SeqCst);
        if token.secret.expose_secret() == format!("token {}", number + 1) {
            self.rejected.store(number + 1, Ordering::SeqCst);
        }
    }

    fn forget(&self) {}
}
