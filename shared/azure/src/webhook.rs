//! Notifications to a webhook: CloudEvents, signed as the Standard Webhooks specification says
//! (<https://github.com/standard-webhooks/standard-webhooks>). What the event says is the caller's; so is the id,
//! which stays the same when the caller sends it again.

use crate::cloud::is_loopback;
use crate::http::{Http, read_body, transport_text};
use crate::rate_headers::retry_after;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::time::Duration;
use url::Url;

/// Longest time a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an answer is read: enough for an error text.
const ANSWER_LIMIT: usize = 64 * 1024;

/// A signing secret that cannot be used. Never shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the webhook's signing secret is no base64 text after `whsec_`; create one with: echo whsec_$(openssl rand -base64 32)"
)]
pub struct SigningSecretError;

/// Why an event did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// Whether sending the same event again later can help.
    pub retryable: bool,
    /// How long the receiver asks to wait.
    pub retry_after: Option<Duration>,
    /// What happened; safe to show.
    pub message: String,
}

impl SendError {
    fn permanent(message: String) -> Self {
        Self { retryable: false, retry_after: None, message }
    }
}

/// The `webhook-signature` of a message: `v1,` and the base64 HMAC-SHA256 of `{id}.{seconds}.{body}`. The secret is
/// base64, after `whsec_` or without.
pub fn sign(secret: &SecretString, id: &str, timestamp: Timestamp, body: &[u8]) -> Result<String, SigningSecretError> {
    let mac = mac(secret, id, timestamp.as_second(), body)?;
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// What a secret holds: base64, after `whsec_` or without.
pub(crate) fn key(secret: &SecretString) -> Result<Vec<u8>, SigningSecretError> {
    let secret = secret.expose_secret().trim();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).map_err(|_| SigningSecretError)?;
    if key.is_empty() { Err(SigningSecretError) } else { Ok(key) }
}

/// The code of a message, not yet finished, so that it can be compared without showing it.
pub(crate) fn mac(
    secret: &SecretString,
    id: &str,
    second: i64,
    body: &[u8],
) -> Result<Hmac<Sha256>, SigningSecretError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key(secret)?).map_err(|_| SigningSecretError)?;
    mac.update(format!("{id}.{second}.").as_bytes());
    mac.update(body);
    Ok(mac)
}

/// Sends events, one try each: when to try again is the caller's, who keeps the event.
#[derive(Debug, Clone)]
pub struct WebhookSender {
    http: Http,
}

impl WebhookSender {
    /// A sender on the shared client.
    pub fn new(http: Http) -> Self {
        Self { http }
    }

    /// Sends one CloudEvent (structured mode, JSON). `id` is the message's, the same at every try; `now` is this
    /// try's time.
    pub async fn send(
        &self,
        url: &Url,
        secret: &SecretString,
        id: &str,
        now: Timestamp,
        body: Bytes,
    ) -> Result<(), SendError> {
        // Only the host is ever shown: the rest of a webhook's URL is often a secret.
        let host = url.host_str().unwrap_or_default();
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return Err(SendError::permanent(format!("the webhook at {host} must use https")));
        }
        let signature = sign(secret, id, now, &body).map_err(|error| SendError::permanent(error.to_string()))?;
        let request = self.http.0.post(url.clone()).timeout(TIMEOUT);
        let request = request.header(CONTENT_TYPE, "application/cloudevents+json").header("webhook-id", id);
        let request = request.header("webhook-timestamp", now.as_second()).header("webhook-signature", signature);
        let response = request.body(body).send().await.map_err(|error| SendError {
            // What cannot even be built (an id with a line break) does not get better.
            retryable: !error.is_builder(),
            retry_after: None,
            message: format!("the webhook at {host}: {}", transport_text(error)),
        })?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), now);
        // Read, so that the connection can be used again; a receiver that goes on for ever is cut off.
        let _ = read_body(response, ANSWER_LIMIT).await;
        match status {
            200..=299 => Ok(()),
            408 | 429 | 500..=599 => Err(SendError {
                retryable: true,
                retry_after,
                message: format!("the webhook at {host} answered {status}"),
            }),
            410 => Err(SendError::permanent(format!(
                "the webhook at {host} is gone (410); remove it from the configuration"
            ))),
            300..=399 => Err(SendError::permanent(format!(
                "the webhook at {host} redirects ({status}); configure where it is now"
            ))),
            _ => Err(SendError::permanent(format!("the webhook at {host} does not accept the event ({status})"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremock::matchers::{body_string, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const BODY: &str = r#"{"test": 2432232314}"#;

    fn secret() -> SecretString {
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_614_265_330).unwrap()
    }

    async fn send_to(server: &MockServer) -> Result<(), SendError> {
        let url = Url::parse(&format!("{}/hook/secret-part", server.uri())).unwrap();
        WebhookSender::new(Http::new().unwrap()).send(&url, &secret(), ID, now(), BODY.into()).await
    }

    #[test]
    fn the_specification_s_own_example() {
        assert_eq!(sign(&secret(), ID, now(), BODY.as_bytes()).unwrap(), SIGNATURE);
        assert_eq!(sign(&"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n".into(), ID, now(), BODY.as_bytes()).unwrap(), SIGNATURE);
        for unusable in ["whsec_", "whsec_???", ""] {
            sign(&unusable.into(), ID, now(), b"").unwrap_err();
        }
    }

    #[tokio::test]
    async fn an_event_is_sent_signed() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/hook/secret-part"))
            .and(header("content-type", "application/cloudevents+json"))
            .and(header("webhook-id", ID))
            .and(header("webhook-timestamp", "1614265330"))
            .and(|request: &wiremock::Request| request.headers["webhook-signature"] == SIGNATURE)
            .and(body_string(BODY))
            .respond_with(ResponseTemplate::new(204))
            .mount(&server)
            .await;
        send_to(&server).await.unwrap();
    }

    #[tokio::test]
    async fn answers_tell_whether_to_send_again() {
        for (status, retryable) in [
            (500, true),
            (503, true),
            (429, true),
            (408, true),
            (410, false),
            (400, false),
            (401, false),
            (404, false),
            (302, false),
        ] {
            let server = MockServer::start().await;
            let answer = ResponseTemplate::new(status)
                .insert_header("retry-after", "7")
                .insert_header("location", "https://example.net/");
            Mock::given(method("POST")).respond_with(answer).mount(&server).await;
            let error = send_to(&server).await.unwrap_err();
            assert_eq!(error.retryable, retryable, "{status}");
            assert_eq!(error.retry_after, retryable.then_some(Duration::from_secs(7)));
            assert!(!error.message.contains("secret-part"), "{error}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_retryable_and_plain_http_elsewhere_is_not_sent() {
        let sender = WebhookSender::new(Http::new().unwrap());
        let send = async |url: &str| {
            sender.send(&Url::parse(url).unwrap(), &secret(), ID, now(), Bytes::new()).await.unwrap_err()
        };
        assert!(send("http://127.0.0.1:1/x").await.retryable);
        assert!(!send("http://example.net/x").await.retryable);
        assert!(!send("file:///x").await.retryable);
    }
}
