//! Requests that others sign as the Standard Webhooks specification says: the counterpart of [`crate::WebhookSender`].
//!
//! It says whether a request is genuine and new enough. Whether it came before, whoever keeps state has to tell.

use crate::webhook::{SigningSecretError, key, mac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

/// How far the sender's clock, and the request's way, may take its time from ours.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 256;
/// The shortest key of a secret, in bytes.
const MIN_KEY_BYTES: usize = 24;
/// The length of a signature, in bytes.
const MAC_BYTES: usize = 32;
/// Signatures that are looked at: a sender that changes its secret sends two.
const MAX_SIGNATURES: usize = 16;

/// What the headers of a request say.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`: the message's, the same at every try.
    pub id: &'a str,
    /// `webhook-timestamp`: when it was sent, in seconds since 1970.
    pub timestamp: &'a str,
    /// `webhook-signature`: one or more, separated by blanks.
    pub signatures: &'a str,
}

/// Why a request is not taken for genuine. For the log: the sender is told nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The id is no id.
    #[error("webhook-id is empty, too long, or has other characters than visible ASCII without a full stop")]
    BadId,
    /// The time is no time.
    #[error("webhook-timestamp is no number of seconds")]
    BadTimestamp,
    /// The time is not now.
    #[error("webhook-timestamp is {0} seconds away from this machine's clock, more than the 300 that are allowed")]
    NotNow(i64),
    /// No signature fits any secret.
    #[error("no signature in webhook-signature fits a configured secret")]
    Mismatch,
    /// No configured secret can be used.
    #[error("no configured secret can be used")]
    NoSecret(#[source] SigningSecretError),
}

/// Whether a secret is long enough that nobody finds it by trying: 24 bytes, the least that Standard Webhooks allows.
pub fn is_strong(secret: &SecretString) -> bool {
    key(secret).is_ok_and(|key| key.len() >= MIN_KEY_BYTES)
}

/// What can be said of a request without any secret: its id, its time, and whether its signatures may be some. Returns
/// the second it names and the signatures.
fn plausible(signed: &Signed<'_>, now: Timestamp) -> Result<(i64, Vec<Vec<u8>>), SignatureError> {
    let Signed { id, timestamp, signatures } = signed;
    // A full stop separates what is signed: within the id it would let one message be read as another.
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'.';
    if id.is_empty() || id.len() > MAX_ID_BYTES || !id.bytes().all(is_plain) {
        return Err(SignatureError::BadId);
    }
    let is_number = (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let second: i64 = timestamp.parse().ok().filter(|_| is_number).ok_or(SignatureError::BadTimestamp)?;
    let away = now.as_second().abs_diff(second);
    if away > TOLERANCE.unsigned_abs().as_secs() {
        return Err(SignatureError::NotNow(i64::try_from(away).unwrap_or(i64::MAX)));
    }
    let given = signatures.split_ascii_whitespace().take(MAX_SIGNATURES);
    let given: Vec<Vec<u8>> =
        given.filter_map(|one| one.strip_prefix("v1,")).filter_map(|text| STANDARD.decode(text).ok()).collect();
    if given.iter().any(|signature| signature.len() == MAC_BYTES) {
        Ok((second, given))
    } else {
        Err(SignatureError::Mismatch)
    }
}

/// Refuses what needs no secret to be refused.
pub fn precheck(signed: &Signed<'_>, now: Timestamp) -> Result<(), SignatureError> {
    plausible(signed, now).map(drop)
}

/// Checks a request against all secrets that are configured: while one takes another's place, both count.
pub fn verify(
    secrets: &[SecretString],
    signed: &Signed<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let (second, given) = plausible(signed, now)?;
    let (mut genuine, mut usable) = (false, Err(SigningSecretError));
    for secret in secrets {
        let Ok(mac) = mac(secret, signed.id, second, body) else { continue };
        usable = Ok(());
        for signature in &given {
            // In a time that does not depend on how much of it is right, and all of them whichever fits.
            genuine |= mac.clone().verify_slice(signature).is_ok();
        }
    }
    usable.map_err(SignatureError::NoSecret)?;
    if genuine { Ok(()) } else { Err(SignatureError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::sign;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> SecretString {
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()
    }

    fn other() -> SecretString {
        "whsec_c2ltdWxhdGVkLXNpZ25pbmctc2VjcmV0".into()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_614_265_330 + second).unwrap()
    }

    fn check(id: &str, timestamp: &str, signatures: &str, body: &[u8], second: i64) -> Result<(), SignatureError> {
        verify(&[other(), secret()], &Signed { id, timestamp, signatures }, body, at(second))
    }

    #[test]
    fn the_specification_s_own_example_is_genuine_for_five_minutes() {
        for (second, genuine) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            assert_eq!(check(ID, "1614265330", SIGNATURE, BODY, second).is_ok(), genuine, "{second}");
        }
    }

    #[test]
    fn a_secret_that_could_be_found_by_trying_is_not_strong() {
        assert!(is_strong(&secret()) && is_strong(&other()));
        for weak in ["AAAA", "whsec_cGFzc3dvcmQ=", "password!", ""] {
            assert!(!is_strong(&weak.into()), "{weak}");
        }
    }

    #[test]
    fn what_needs_no_secret_to_be_refused_is_refused_without_one() {
        let checked = |id, timestamp, signatures| precheck(&Signed { id, timestamp, signatures }, at(0)).is_ok();
        assert!(checked(ID, "1614265330", SIGNATURE));
        assert!(
            !checked("a.b", "1614265330", SIGNATURE)
                && !checked(ID, "0", SIGNATURE)
                && !checked(ID, "1614265330", "v1,x")
        );
    }

    #[test]
    fn one_of_several_signatures_is_enough_and_other_versions_do_not_count() {
        let wrong = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for (signatures, genuine) in [
            (format!("{wrong} {SIGNATURE}"), true),
            (format!("v1a,{wrong} {SIGNATURE} {wrong}"), true),
            (wrong.to_owned(), false),
            (SIGNATURE.replace("v1,", "v1a,"), false),
            (SIGNATURE.replace("v1,", "v2,"), false),
            (SIGNATURE.replace("v1,", ""), false),
            (SIGNATURE.replace("OE=", "OA="), false),
            (SIGNATURE[..20].to_owned(), false),
            ("v1,".to_owned(), false),
            (String::new(), false),
            (format!("{}{SIGNATURE}", format!("{wrong} ").repeat(16)), false),
        ] {
            assert_eq!(check(ID, "1614265330", &signatures, BODY, 0).is_ok(), genuine, "{signatures}");
        }
    }

    #[test]
    fn whatever_is_tampered_with_fits_no_signature() {
        assert_eq!(check(ID, "1614265330", SIGNATURE, b"{}", 0), Err(SignatureError::Mismatch));
        assert_eq!(check(ID, "1614265331", SIGNATURE, BODY, 0), Err(SignatureError::Mismatch));
        assert_eq!(check("msg_other", "1614265330", SIGNATURE, BODY, 0), Err(SignatureError::Mismatch));
    }

    #[test]
    fn what_is_signed_cannot_be_cut_elsewhere() {
        // "a" and the body "1.{}" are signed as "a.<second>.1.{}".
        let second = at(0).as_second().to_string();
        let signature = sign(&secret(), "a", at(0), format!("{second}.{{}}").as_bytes()).unwrap();
        assert!(check("a", &second, &signature, format!("{second}.{{}}").as_bytes(), 0).is_ok());
        assert_eq!(check(&format!("a.{second}"), &second, &signature, b"{}", 0), Err(SignatureError::BadId));
    }

    #[test]
    fn ids_and_times_are_what_they_should_be() {
        for id in ["", "a b", "a\u{e9}", "a\n", &"x".repeat(257)] {
            assert_eq!(check(id, "1614265330", SIGNATURE, BODY, 0), Err(SignatureError::BadId), "{id}");
        }
        for timestamp in ["", "now", "-1614265330", "+1614265330", "1614265330.0", " 1614265330", "9999999999999"] {
            assert_eq!(check(ID, timestamp, SIGNATURE, BODY, 0), Err(SignatureError::BadTimestamp), "{timestamp}");
        }
        assert_eq!(check(ID, "0", SIGNATURE, BODY, 0), Err(SignatureError::NotNow(1_614_265_330)));
    }

    #[test]
    fn a_secret_that_cannot_be_used_does_not_disable_its_neighbour() {
        let signed = Signed { id: ID, timestamp: "1614265330", signatures: SIGNATURE };
        let unusable = || SecretString::from("no base64!");
        assert_eq!(verify(&[unusable(), secret()], &signed, BODY, at(0)), Ok(()));
        for none in [vec![], vec![unusable()]] {
            assert!(matches!(verify(&none, &signed, BODY, at(0)), Err(SignatureError::NoSecret(_))));
        }
    }
}
