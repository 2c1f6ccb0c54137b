//! What a token service or tool answered instead of a token: who has to act, and what to do.

use crate::aadsts::{Meaning, SignInProblem, code_in, meaning};
use crate::answers::safe;
use crate::sign_in::{NoToken, SignInError};
use serde::Deserialize;

/// Longest text of the service's that is repeated, in characters.
const SAID_CHARS: usize = 300;

/// What the token service answered instead of a token.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EntraError {
    error: String,
    suberror: String,
    error_description: String,
    error_codes: Vec<i64>,
}

impl EntraError {
    fn of(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn code(&self) -> Option<u32> {
        let listed = self.error_codes.first().and_then(|code| u32::try_from(*code).ok());
        listed.or_else(|| code_in(&self.error_description))
    }

    /// The first line of the description without its code: the rest are trace ids, and the code is told apart.
    fn said(&self, body: &[u8]) -> String {
        let line = self.error_description.lines().next().unwrap_or_default();
        let line = line.split(" Trace ID:").next().unwrap_or(line);
        let line = match line.strip_prefix("AADSTS").and_then(|rest| rest.split_once(": ")) {
            Some((digits, text)) if digits.bytes().all(|digit| digit.is_ascii_digit()) => text,
            _ => line,
        };
        match (line.trim(), self.error.as_str()) {
            ("", "") => not_quoted(body),
            ("", error) => safe(error, 100),
            (line, _) => safe(line, SAID_CHARS),
        }
    }
}

/// What kind of thing an answer is that the token service does not give. Nothing of it is quoted: whatever stands in
/// between may repeat what it was sent, the password among it.
fn not_quoted(body: &[u8]) -> String {
    let kind = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return String::new(),
        Some(b'<') => "a web page, not repeated here; is there a proxy in between?",
        Some(b'{' | b'[') if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() => {
            "JSON without an error, not repeated here"
        }
        Some(_) => "something other than JSON, not repeated here",
    };
    format!("({kind})")
}

impl Answer {
    /// The protocol's own word for what is wrong, such as `authorization_pending`.
    pub(crate) fn error(&self) -> String {
        EntraError::of(&self.body).error
    }

    pub(crate) fn explain_entra(&self) -> NoToken {
        let parsed = EntraError::of(&self.body);
        let code = parsed.code();
        let said = parsed.said(&self.body);
        let mark = code.map_or_else(|| format!("HTTP {}", self.status), |code| format!("AADSTS{code}"));
        let text = |sentence: &str| match said.as_str() {
            "" => format!("{sentence} [{mark}]"),
            said => format!("{sentence} The service said: {said} [{mark}]"),
        };
        match meaning(code, &parsed.error, &parsed.suberror) {
            Meaning::Loop(sentence) => NoToken::for_a_while(SignInError::Unreachable(text(sentence))),
            Meaning::Transient(sentence) => SignInError::Unreachable(text(sentence)).into(),
            _ if self.is_failure() => {
                SignInError::Unreachable(format!("the sign-in service answered {}: {said}", self.status)).into()
            }
            Meaning::Refused(problem, sentence) => SignInError::Refused { problem, code, text: text(sentence) }.into(),
        }
    }

    pub(super) fn explain_identity(&self, client_id: Option<&str>) -> SignInError {
        let parsed = EntraError::of(&self.body);
        let said = match (parsed.error_description.as_str(), parsed.error.as_str()) {
            ("", "") => crate::answers::error_text(&self.body),
            ("", text) | (text, _) => safe(text, SAID_CHARS),
        };
        // 404 and 410 come while the identity service is updated.
        if self.is_failure() || matches!(self.status, 404 | 410) {
            return SignInError::Unreachable(format!("the managed identity service answered {}: {said}", self.status));
        }
        let which = client_id.map_or("the system-assigned identity".to_owned(), |id| format!("the identity {id}"));
        let text = format!(
            "The managed identity service refused {which}: assign it to this app or machine (Azure portal → the resource → Identity). The service said: {said} [HTTP {}]",
            self.status
        );
        SignInError::Refused { problem: SignInProblem::Application, code: None, text }
    }

    /// A success that could not be read, and what the service itself calls a failure of its own.
    fn is_failure(&self) -> bool {
        self.status < 400 || self.status >= 500 || matches!(self.status, 408 | 429)
    }
}

/// What the Azure CLI said.
pub(super) fn explain_cli(text: &str) -> SignInError {
    let code = code_in(text);
    let text = safe(text.split("\nTo troubleshoot").next().unwrap_or(text), 400);
    if text.contains("not found on PATH") {
        SignInError::Misconfigured(format!(
            "the Azure CLI is not installed here; install it or choose another sign-in method ({text})"
        ))
    } else if text.contains("AADSTS") || text.contains("az login") {
        let text = format!("The Azure CLI is not signed in for this; run `az login` and try again ({text})");
        SignInError::Refused { problem: SignInProblem::NeedsPerson, code, text }
    } else {
        SignInError::Unreachable(text)
    }
}
