//! Fakes for this crate's tests.

use crate::sign_in::{AccessToken, Credentials, SignInError};
use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Hands out `token 1`, and the next number after each rejection; or refuses.
#[derive(Default)]
pub(crate) struct FixedToken {
    rejected: AtomicU32,
    pub(crate) error: Mutex<Option<SignInError>>,
}

#[async_trait]
impl Credentials for FixedToken {
    async fn token(&self, _: &str) -> Result<AccessToken, SignInError> {
        if let Some(error) = self.error.lock().unwrap().clone() {
            return Err(error);
        }
        let number = self.rejected.load(Ordering::SeqCst) + 1;
        Ok(AccessToken { secret: format!("token {number}").into(), expires_at: Timestamp::MAX })
    }

    fn reject(&self, _: &str, token: &AccessToken) {
        let number = self.rejected.load(Ordering::SeqCst);
        if token.secret.expose_secret() == format!("token {}", number + 1) {
            self.rejected.store(number + 1, Ordering::SeqCst);
        }
    }

    fn forget(&self) {}
}
