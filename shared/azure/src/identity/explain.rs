//! What a token service or tool answered instead of a token: who has to act, and what to do.

use crate::answers::{excerpt, safe};
use crate::sign_in::SignInError;
use serde::Deserialize;

/// What the token service answered instead of a token.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EntraError {
    error: String,
    error_description: String,
    error_codes: Vec<i64>,
}

impl Answer {
    pub(super) fn explain_entra(&self) -> SignInError {
        let parsed: EntraError = serde_json::from_slice(&self.body).unwrap_or_default();
        let code = parsed.error_codes.first().copied().or_else(|| aadsts(&parsed.error_description)).unwrap_or(0);
        // The first line says it; the rest are trace ids.
        let line = parsed.error_description.lines().next().unwrap_or_default();
        let line = line.split(" Trace ID:").next().unwrap_or(line);
        let said = match (line, parsed.error.as_str()) {
            ("", "") => excerpt(&self.body),
            ("", error) => safe(error, 100),
            (line, _) => safe(line, 300),
        };
        if self.is_failure() || code == 90_033 {
            return SignInError::Unreachable(format!("the sign-in service answered {}: {said}", self.status));
        }
        SignInError::Refused(format!("sign-in refused ({}): {said} {}", self.status, advice(code)))
    }

    pub(super) fn explain_identity(&self, client_id: Option<&str>) -> SignInError {
        let parsed: EntraError = serde_json::from_slice(&self.body).unwrap_or_default();
        let said = match (parsed.error_description.as_str(), parsed.error.as_str()) {
            ("", "") => crate::answers::error_text(&self.body),
            ("", text) | (text, _) => safe(text, 300),
        };
        // 404 and 410 come while the identity service is updated.
        if self.is_failure() || matches!(self.status, 404 | 410) {
            return SignInError::Unreachable(format!("the managed identity service answered {}: {said}", self.status));
        }
        let which = client_id.map_or("the system-assigned identity".to_owned(), |id| format!("the identity {id}"));
        SignInError::Refused(format!(
            "the managed identity service refused {which} ({}): {said} Assign it to this app or machine.",
            self.status
        ))
    }

    /// A success that could not be read, and what the service itself calls a failure of its own.
    fn is_failure(&self) -> bool {
        self.status < 400 || self.status >= 500 || matches!(self.status, 408 | 429)
    }
}

pub(super) fn aadsts(description: &str) -> Option<i64> {
    let digits = description.split("AADSTS").nth(1)?;
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// What a person does about an error code of Entra's.
fn advice(code: i64) -> &'static str {
    match code {
        7_000_215 => "Check the client secret: its value is needed, not its id.",
        7_000_222 => "The client secret has expired: create a new one.",
        700_016 => "Check client_id and tenant_id: the application is not in this directory.",
        90_002 => "Check tenant_id: there is no such directory.",
        70_021 | 700_213 | 700_212 => {
            "Check the application's federated credential: issuer, subject and audience must match."
        }
        500_011 => "The service is not known in this directory; check the cloud setting.",
        65_001 => "An administrator has to consent to the application.",
        50_053 => "The account is locked; wait, and find out what signs in with a wrong password.",
        50_057 | 7_000_112 => "The account or application is disabled.",
        53_003 | 50_076 | 50_079 => {
            "Conditional access stands in the way; exclude this application or add its network."
        }
        _ => "Check the credential.",
    }
}

/// What the Azure CLI said.
pub(super) fn explain_cli(text: &str) -> SignInError {
    let text = safe(text.split("\nTo troubleshoot").next().unwrap_or(text), 400);
    if text.contains("not found on PATH") {
        SignInError::Misconfigured(format!(
            "the Azure CLI is not installed here; install it or choose another sign-in method ({text})"
        ))
    } else if text.contains("AADSTS") || text.contains("az login") {
        SignInError::Refused(format!("the Azure CLI is not signed in for this; run `az login` and try again ({text})"))
    } else {
        SignInError::Unreachable(text)
    }
}
