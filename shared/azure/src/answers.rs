//! What an answer that is no success says, made safe to show: bounded, without control characters, without anything
//! that looks like a credential.

use serde::Deserialize;
use std::borrow::Cow;

/// Longest text of Azure's that is repeated in an error.
const MESSAGE_CHARS: usize = 300;
/// How much of an answer that cannot be understood is quoted.
const EXCERPT_CHARS: usize = 120;
/// A run of this many characters without a blank or a slash is taken for a credential and left out.
const LONGEST_WORD: usize = 60;

/// Text of unknown origin, fit for an error message: bounded, control characters escaped, long secrets left out.
pub(crate) fn safe(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit) + 8);
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "-_.+=~%".contains(letter);
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        if out.chars().count() >= limit {
            out.push('…');
            break;
        }
        let word = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        if word > LONGEST_WORD {
            out.push_str("(left out)");
            rest = &rest[word..];
        } else if word > 0 {
            out.push_str(&rest[..word]);
            rest = &rest[word..];
        } else {
            if first.is_control() || matches!(first, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
                out.extend(first.escape_unicode());
            } else {
                out.push(first);
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// The beginning of an answer that cannot be understood, for the error about it.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let head = String::from_utf8_lossy(&body[..body.len().min(EXCERPT_CHARS * 4)]);
    let lower = head.to_ascii_lowercase();
    let secrets = ["\"token\"", "\"ssoclientsecret\""].iter().filter_map(|name| lower.find(name));
    let head = secrets.min().map_or(&*head, |secret| &head[..secret]);
    safe(head, EXCERPT_CHARS)
}

/// What is wrong with a body that should have been JSON.
pub(crate) fn not_json(body: &[u8], error: &serde_json::Error) -> String {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        None => "an empty answer".to_owned(),
        Some(b'<') => format!(
            "a web page instead of JSON; is there a proxy or a sign-in page in between? It begins: {}",
            excerpt(body)
        ),
        // serde's text repeats values of the answer; its position is enough.
        Some(_) => format!(
            "no JSON that can be understood (line {}, column {}). It begins: {}",
            error.line(),
            error.column(),
            excerpt(body)
        ),
    }
}

/// `{error: {code, message}}`, as ARM writes it; `{code, message}`, as some providers do.
pub(crate) fn azure_error(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Plain<'a> {
        #[serde(borrow, default, alias = "Code")]
        code: Option<Cow<'a, str>>,
        #[serde(borrow, default, alias = "Message")]
        message: Option<Cow<'a, str>>,
    }
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        error: Plain<'a>,
    }
    let error = serde_json::from_slice::<Wrapped<'_>>(body)
        .map(|wrapped| wrapped.error)
        .or_else(|_| serde_json::from_slice::<Plain<'_>>(body))
        .ok()?;
    let text = match (error.code, error.message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.into_owned(),
        (None, None) => return None,
    };
    Some(safe(&text, MESSAGE_CHARS))
}

/// The error code and message of an answer, or how it begins.
pub(crate) fn error_text(body: &[u8]) -> String {
    azure_error(body).unwrap_or_else(|| if body.is_empty() { "no explanation".to_owned() } else { excerpt(body) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn azure_errors_are_read_in_both_shapes() {
        let wrapped = br#"{"error":{"code":"AuthorizationFailed","message":"no\npermission"}}"#;
        assert_eq!(error_text(wrapped), "AuthorizationFailed: no\\u{a}permission");
        assert_eq!(error_text(br#"{"Code":"X","Message":"y"}"#), "X: y");
        assert_eq!(error_text(b""), "no explanation");
        assert_eq!(error_text(b"oops"), "oops");
    }

    #[test]
    fn long_texts_are_cut_and_credentials_left_out() {
        assert_eq!(safe(&"a b ".repeat(10), 5).chars().count(), 6);
        let token = format!("Bearer ey{}.x and more", "A".repeat(80));
        assert_eq!(safe(&token, 300), "Bearer (left out) and more");
        assert_eq!(excerpt(br#"{"registrationInfo":{"token":"secret"}}"#), r#"{"registrationInfo":{"#);
        assert_eq!(excerpt(br#"[{"tenantName":"t","ssoClientSecret":"x"#), r#"[{"tenantName":"t","#);
        assert_eq!(excerpt(br#"[{"SsoClientSecret":"x"#), "[{");
        assert_eq!(safe("\u{1b}[31mred\u{202e}", 99), "\\u{1b}[31mred\\u{202e}");
    }

    #[test]
    fn a_web_page_is_called_one() {
        let error = serde_json::from_slice::<u8>(b"<html>").unwrap_err();
        assert!(not_json(b"  <html>", &error).starts_with("a web page"));
        assert_eq!(not_json(b" ", &error), "an empty answer");
    }
}
