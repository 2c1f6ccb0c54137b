//! Whose feed it is, where the connection does not say: the token does, if it can be read.
//!
//! The token's signature is not checked: it came from the sign-in service, and the name is shown and offered to, never
//! trusted with anything.

use crate::sign_in::AccessToken;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde::Deserialize;

/// The longest token that is looked into, in bytes.
const TOKEN_BYTES: usize = 64 << 10;
/// The longest user principal name, in characters: 64, an @, and 255 more at most.
const NAME_CHARS: usize = 320;

/// What tokens call the account, by their version and the service they are for.
#[derive(Deserialize)]
struct Claims {
    upn: Option<String>,
    preferred_username: Option<String>,
    unique_name: Option<String>,
}

/// The user principal name in a token; nothing if the token is none that can be read, or an application's.
pub(super) fn named_in(token: &AccessToken) -> Option<String> {
    let token = token.secret.expose_secret();
    let claims = token.split('.').nth(1).filter(|_| token.len() <= TOKEN_BYTES)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let Claims { upn, preferred_username, unique_name } = serde_json::from_slice(&claims).ok()?;
    // A guest's may be `live.com#name@fabrikam.com`, which entitles nobody.
    let is_name = |name: &String| {
        let is_odd =
            |letter: char| letter == '#' && !name.contains("#EXT#") || letter.is_whitespace() || letter.is_control();
        name.contains('@') && name.chars().count() <= NAME_CHARS && !name.contains(is_odd)
    };
    [upn, preferred_username, unique_name].into_iter().flatten().find(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use serde_json::json;

    fn named(claims: &serde_json::Value) -> Option<String> {
        let token = format!("header.{}.signature", URL_SAFE_NO_PAD.encode(claims.to_string()));
        named_in(&AccessToken { secret: token.into(), expires_at: Timestamp::MAX })
    }

    #[test]
    fn tokens_of_every_version_name_their_account() {
        for claim in ["upn", "preferred_username", "unique_name"] {
            assert_eq!(named(&json!({ claim: "sync@contoso.com", "aud": "x" })).as_deref(), Some("sync@contoso.com"));
        }
        let both = json!({"upn": "live.com#guest@fabrikam.com", "unique_name": "sync@contoso.com"});
        assert_eq!(named(&both).as_deref(), Some("sync@contoso.com"));
        let guest = "kim_fabrikam.com#EXT#@contoso.onmicrosoft.com";
        assert_eq!(named(&json!({ "upn": guest })).as_deref(), Some(guest));
    }

    #[test]
    fn what_names_nobody_is_no_account() {
        for claims in [
            json!({}),
            json!([]),
            json!({"upn": 7}),
            json!({"upn": ""}),
            json!({"upn": "no name"}),
            json!({"upn": "a\n@contoso.com"}),
            json!({"upn": format!("{}@contoso.com", "a".repeat(400))}),
        ] {
            assert_eq!(named(&claims), None, "{claims}");
        }
        for token in ["", "token 1", "a.b", "a.%%%.c", "..."] {
            assert_eq!(named_in(&AccessToken { secret: token.into(), expires_at: Timestamp::MAX }), None, "{token}");
        }
    }
}
