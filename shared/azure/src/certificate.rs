//! An application that signs in with a certificate: a client assertion, signed with the certificate's private key.
//!
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>. RSA keys only, as Entra takes them.

use crate::identity::needed_secret;
use crate::secret::SecretRef;
use crate::sign_in::{AccessToken, NoToken, SignInError, TokenSource};
use crate::token_endpoint::TokenEndpoint;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rand::RngExt;
use rand::rngs::StdRng;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::ExposeSecret;
use serde::Serialize;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::asn1::OctetStringRef;
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;

/// How long an assertion is good for: long enough for clocks that differ a little.
const ASSERTION_LIFE: SignedDuration = SignedDuration::from_mins(10);
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An application and where its certificate is, ready to ask for tokens.
pub(crate) struct CertificateSource {
    pub(crate) ours: TokenEndpoint,
    pub(crate) tenant_id: String,
    pub(crate) client_id: String,
    pub(crate) certificate: SecretRef,
}

/// A certificate with its private key.
pub(crate) struct Identity {
    key: EncodingKey,
    /// The SHA-256 of the certificate, by which Entra finds it.
    thumbprint: String,
    /// When the certificate ends.
    pub(crate) ends_at: Timestamp,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: String,
    nbf: i64,
    iat: i64,
    exp: i64,
}

impl Identity {
    /// Reads PEM: the private key (PKCS #8 or PKCS #1), and the certificate, first of its chain. The order of the two
    /// does not matter. What is wrong is said without what is there.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, &'static str> {
        let certificate = CertificateDer::from_pem_slice(pem)
            .map_err(|_| "holds no certificate; add the part from BEGIN CERTIFICATE to END CERTIFICATE")?;
        let read = Certificate::from_der(&certificate).map_err(|_| "holds a certificate that is damaged")?;
        let ends = read.tbs_certificate().validity().not_after.to_unix_duration().as_secs();
        let ends_at = i64::try_from(ends).ok().and_then(|second| Timestamp::from_second(second).ok());
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(
            |_| "holds no private key; add the part from BEGIN PRIVATE KEY to END PRIVATE KEY, without a passphrase",
        )?;
        let key = match &key {
            PrivateKeyDer::Pkcs1(key) => key.secret_pkcs1_der(),
            PrivateKeyDer::Pkcs8(key) => {
                rsa_key(key.secret_pkcs8_der()).map_err(|_| "holds a private key that is damaged")?
            }
            _ => return Err("holds a key that is not RSA, which Entra does not take"),
        };
        Ok(Self {
            key: EncodingKey::from_rsa_der(key),
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)),
            ends_at: ends_at.unwrap_or(Timestamp::MAX),
        })
    }

    /// A signed statement of who asks, for one token endpoint.
    fn assertion(&self, client_id: &str, audience: &str, now: Timestamp) -> Result<String, SignInError> {
        let header = Header { x5t_s256: Some(self.thumbprint.clone()), ..Header::new(Algorithm::PS256) };
        let mut dice: StdRng = rand::make_rng();
        let claims = Claims {
            aud: audience,
            iss: client_id,
            sub: client_id,
            jti: format!("{:032x}", dice.random::<u128>()),
            nbf: now.as_second(),
            iat: now.as_second(),
            exp: (now + ASSERTION_LIFE).as_second(),
        };
        encode(&header, &claims, &self.key).map_err(|_| {
            SignInError::Misconfigured("the certificate's private key cannot sign; it has to be an RSA key".to_owned())
        })
    }
}

/// The RSA key (PKCS #1) in a PKCS #8 envelope.
fn rsa_key(envelope: &[u8]) -> Result<&[u8], x509_cert::der::Error> {
    SliceReader::new(envelope)?.sequence(|reader| {
        let _version = u8::decode(reader)?;
        let _algorithm = AlgorithmIdentifierRef::decode(reader)?;
        let key = <&OctetStringRef>::decode(reader)?;
        // Attributes may follow.
        reader.read_slice(reader.remaining_len())?;
        Ok(key.as_bytes())
    })
}

impl CertificateSource {
    /// The certificate as it is now.
    pub(crate) async fn identity(&self) -> Result<Identity, SignInError> {
        let pem = needed_secret(&self.certificate, &self.ours.endpoints, &self.ours.http).await?;
        Identity::from_pem(pem.expose_secret().as_bytes()).map_err(|what| {
            SignInError::Misconfigured(format!("the certificate in {} cannot be used: it {what}", self.certificate))
        })
    }
}

#[async_trait]
impl TokenSource for CertificateSource {
    async fn acquire(&self, scope: &str) -> Result<AccessToken, NoToken> {
        let identity = self.identity().await?;
        let audience = self.ours.address(&self.tenant_id, "token");
        let assertion = identity.assertion(&self.client_id, audience.as_str(), Timestamp::now())?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &*self.client_id),
            ("scope", scope),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &*assertion),
        ];
        let granted = self.ours.grant(&self.tenant_id, &form).await;
        granted.map(|granted| granted.access).map_err(|failed| failed.without(&assertion))
    }
}

#[cfg(test)]
pub(crate) mod tests;
