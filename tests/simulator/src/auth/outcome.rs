//! Entra's refusals: each AADSTS code with the status, the OAuth error and the
//! words that Entra pairs it with. Where both pairings are seen in answers of
//! Entra (`invalid_grant` with a suberror, and `interaction_required`), some
//! codes have the one and some the other, so that a client meets both.

use jiff::Timestamp;
use serde_json::json;

use crate::{
    dice::{guid, hash},
    reply::Reply,
    request::Request,
};

/// One code: status, `error`, `suberror` (or nothing), and the message.
type Row = (u32, u16, &'static str, &'static str, &'static str);

/// The client must show who it is.
const INVALID_CLIENT: &str = "invalid_client";
const INVALID_GRANT: &str = "invalid_grant";
const INVALID_REQUEST: &str = "invalid_request";
const INVALID_RESOURCE: &str = "invalid_resource";
const INTERACTION: &str = "interaction_required";
const UNAUTHORIZED: &str = "unauthorized_client";
const UNAVAILABLE: &str = "temporarily_unavailable";

const ROWS: &[Row] = &[
    // A person must act.
    (
        50_072,
        400,
        INTERACTION,
        "",
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource.",
    ),
    (50_074, 400, INVALID_GRANT, "basic_action", "Strong Authentication is required."),
    (
        50_076,
        400,
        INVALID_GRANT,
        "basic_action",
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.",
    ),
    (
        50_079,
        400,
        INTERACTION,
        "basic_action",
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource.",
    ),
    (
        50_158,
        400,
        INTERACTION,
        "additional_action",
        "External security challenge not satisfied. User will be redirected to another page or authentication provider to satisfy additional authentication challenges.",
    ),
    // A policy forbids it.
    (
        53_000,
        400,
        INVALID_GRANT,
        "message_only",
        "Device is not in required device state: compliant. Conditional Access policy requires a compliant device, and the device is not compliant. The user must enroll their device with an approved MDM provider like Intune.",
    ),
    (
        53_001,
        400,
        INVALID_GRANT,
        "message_only",
        "Device is not in required device state: domain_joined. Conditional Access policy requires a domain joined device, and the device is not domain joined.",
    ),
    (
        53_002,
        400,
        INTERACTION,
        "message_only",
        "Application used is not an approved application for Conditional Access. The user needs to use one of the apps from the list of approved applications to use in order to get access.",
    ),
    (
        53_003,
        400,
        INVALID_GRANT,
        "message_only",
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    (
        530_032,
        400,
        INVALID_GRANT,
        "message_only",
        "The tenant admin has configured a security policy that blocks this request.",
    ),
    (
        530_035,
        400,
        INVALID_GRANT,
        "message_only",
        "Access has been blocked by security defaults. The access policy does not allow token issuance.",
    ),
    // The user.
    (
        50_034,
        400,
        INVALID_GRANT,
        "",
        "The user account does not exist in the directory. To sign into this application, the account must be added to the directory.",
    ),
    (
        50_053,
        400,
        INVALID_GRANT,
        "",
        "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
    ),
    (50_055, 400, INVALID_GRANT, "user_password_expired", "The password is expired."),
    (
        50_056,
        400,
        INVALID_GRANT,
        "",
        "Invalid or null password: password does not exist in the directory for this user.",
    ),
    (50_057, 400, INVALID_GRANT, "", "The user account is disabled."),
    (
        50_105,
        400,
        INVALID_GRANT,
        "",
        "Your administrator has configured the application to block users unless they are specifically granted ('assigned') access to the application. The signed in user is blocked because they are not a direct member of a group with access, nor had access directly assigned by an administrator.",
    ),
    (50_126, 400, INVALID_GRANT, "", "Error validating credentials due to invalid username or password."),
    (
        50_144,
        400,
        INVALID_GRANT,
        "user_password_expired",
        "User's Active Directory password has expired. Generate a new password for the user or have the user use the self-service reset tool to reset their password.",
    ),
    // The application.
    (50_027, 401, INVALID_CLIENT, "", "JWT token is invalid or malformed."),
    (
        700_016,
        400,
        UNAUTHORIZED,
        "",
        "Application was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
    ),
    (700_021, 401, INVALID_CLIENT, "", "Client assertion application identifier doesn't match 'client_id' parameter."),
    (700_023, 401, INVALID_CLIENT, "", "Client assertion audience claim does not match Realm issuer."),
    (
        700_024,
        401,
        INVALID_CLIENT,
        "",
        "Client assertion is not within its valid time range. Current time and expiry time of assertion do not fit.",
    ),
    (
        700_025,
        401,
        INVALID_CLIENT,
        "",
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
    ),
    (
        700_027,
        401,
        INVALID_CLIENT,
        "",
        "The certificate with identifier used to sign the client assertion is not registered on application.",
    ),
    (7_000_112, 400, UNAUTHORIZED, "", "Application is disabled."),
    (
        7_000_215,
        401,
        INVALID_CLIENT,
        "",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to the app.",
    ),
    (
        7_000_218,
        401,
        INVALID_CLIENT,
        "",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    (
        7_000_222,
        401,
        INVALID_CLIENT,
        "",
        "The provided client secret keys for the app are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
    ),
    // Consent and resource.
    (
        65_001,
        400,
        INVALID_GRANT,
        "consent_required",
        "The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource.",
    ),
    (
        65_005,
        400,
        INVALID_CLIENT,
        "",
        "The application asked for scope that doesn't exist on the resource. Contact the app vendor.",
    ),
    (
        90_094,
        400,
        INVALID_GRANT,
        "consent_required",
        "The grant requires administrator permissions. Only an administrator can consent to it.",
    ),
    (
        500_011,
        400,
        INVALID_RESOURCE,
        "",
        "The resource principal named in the request was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
    ),
    (
        650_057,
        400,
        INVALID_RESOURCE,
        "",
        "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration.",
    ),
    // Later.
    (
        50_196,
        400,
        INVALID_GRANT,
        "",
        "The server terminated an operation because it encountered a client request loop. Please contact your app vendor.",
    ),
    (90_024, 503, UNAVAILABLE, "", "Request budget exceeded. A transient error has occurred. Please try again."),
    (90_033, 503, UNAVAILABLE, "", "A transient error has occurred. Please try again."),
    (90_055, 429, UNAVAILABLE, "", "There are too many incoming requests. The tenant is throttled."),
    // Grants that are spent.
    (
        50_173,
        400,
        INVALID_GRANT,
        "bad_token",
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
    ),
    (70_000, 400, INVALID_GRANT, "bad_token", "Provided grant is invalid or malformed."),
    (
        70_008,
        400,
        INVALID_GRANT,
        "bad_token",
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
    ),
    (
        700_082,
        400,
        INVALID_GRANT,
        "bad_token",
        "The refresh token has expired due to inactivity. The token was issued some time ago and was inactive for 90.00:00:00.",
    ),
    (
        70_016,
        400,
        "authorization_pending",
        "",
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    (
        70_018,
        400,
        "authorization_declined",
        "",
        "Authorization declined: the end user denied the authorization request.",
    ),
    (70_019, 400, "expired_token", "", "Verification code expired. Have the user retry the sign-in."),
    (70_020, 400, "slow_down", "", "The device polls too often. Increase the interval by five seconds."),
    // The request.
    (70_003, 400, "unsupported_grant_type", "", "The app requested an unsupported grant type."),
    (70_011, 400, "invalid_scope", "", "The provided value for the input parameter 'scope' is not valid."),
    (90_002, 400, INVALID_REQUEST, "", "Tenant not found. Check to make sure you have the correct tenant ID."),
    (900_144, 400, INVALID_REQUEST, "", "The request body must contain a parameter that is missing."),
    (900_561, 400, INVALID_REQUEST, "", "The endpoint only accepts POST requests."),
    (
        1_002_012,
        400,
        "invalid_scope",
        "",
        "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).",
    ),
    (
        9_001_023,
        400,
        INVALID_REQUEST,
        "",
        "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.",
    ),
];

/// A refusal by its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(super) code: u32,
    message: Option<String>,
}

impl Refused {
    /// In the table's words.
    pub(super) fn code(code: u32) -> Self {
        Self { code, message: None }
    }

    /// In other words.
    pub(super) fn worded(code: u32, message: String) -> Self {
        Self { code, message: Some(message) }
    }

    /// As Entra prints it; a code that is not in the table is an
    /// `invalid_grant`.
    pub(super) fn reply(&self, request: &Request, now: Timestamp) -> Reply {
        let unknown = (self.code, 400, INVALID_GRANT, "", "The request is refused.");
        let row = ROWS.iter().find(|(code, ..)| *code == self.code).unwrap_or(&unknown);
        let (code, status, error, suberror, message) = *row;
        let message = self.message.as_deref().unwrap_or(message);
        let timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let trace = text_guid(&format!("{message}{timestamp}"));
        let sent = request.header("client-request-id").map(str::to_owned);
        let correlation = sent.unwrap_or_else(|| text_guid(&timestamp));
        let mut body = json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {message}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}"
            ),
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        if !suberror.is_empty() {
            body["suberror"] = json!(suberror);
        }
        let reply = Reply::json(status, &body);
        match status {
            429 | 503 => reply.with("retry-after", "1"),
            _ => reply,
        }
    }
}

/// A GUID that depends on a text.
pub(super) fn text_guid(text: &str) -> String {
    guid(hash(3, text), hash(4, text))
}
