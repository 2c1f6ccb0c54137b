//! Username and password, as the `password` grant (ROPC) has them: for a service account without a second factor.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc>. Not for `common` or `consumers`; federated
//! accounts only where Entra validates passwords itself. One call is one attempt: whoever calls must not call again
//! after a refusal, because wrong passwords lock accounts.

use crate::identity::needed_secret;
use crate::secret::SecretRef;
use crate::sign_in::{AccessToken, NoToken, SignInError, TokenSource};
use crate::token_endpoint::TokenEndpoint;
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

/// A username and where its password is, ready to ask for tokens.
pub(crate) struct PasswordSource {
    pub(crate) ours: TokenEndpoint,
    pub(crate) username: String,
    pub(crate) password: SecretRef,
    pub(crate) client_id: String,
    pub(crate) secret: Option<SecretRef>,
    pub(crate) tenant_id: String,
}

impl PasswordSource {
    async fn secret(&self, reference: &SecretRef) -> Result<SecretString, SignInError> {
        needed_secret(reference, &self.ours.endpoints, &self.ours.http).await
    }
}

#[async_trait]
impl TokenSource for PasswordSource {
    async fn acquire(&self, scope: &str) -> Result<AccessToken, NoToken> {
        let password = self.secret(&self.password).await?;
        let password = password.expose_secret();
        let at_an_end = |letter: char| letter.is_ascii_whitespace();
        if password.starts_with(at_an_end) || password.ends_with(at_an_end) {
            let text = format!(
                "the password in {} begins or ends with a space or a line break, which no password of Entra does; \
                 correct it there (nothing was sent)",
                self.password
            );
            return Err(SignInError::Misconfigured(text).into());
        }
        let secret = match &self.secret {
            Some(reference) => Some(self.secret(reference).await?),
            None => None,
        };
        let secret = secret.as_ref().map(ExposeSecret::expose_secret);
        let mut form = vec![
            ("grant_type", "password"),
            ("client_id", &*self.client_id),
            ("scope", scope),
            ("username", &*self.username),
            ("password", password),
        ];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        let granted = self.ours.grant(&self.tenant_id, &form).await;
        granted
            .map(|granted| granted.access)
            .map_err(|failed| failed.without(password).without(secret.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests;
