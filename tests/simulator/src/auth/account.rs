//! What the name of an account makes it do. Every account exists; its local
//! part (before the `@`, in any case) decides:
//!
//! | local part | sign-in | what its feed offers |
//! |---|---|---|
//! | `aadsts<code>` | refused with that code | |
//! | `none` | succeeds | no workspace |
//! | `guest` | succeeds | the first workspace only |
//! | `apps` | succeeds | RemoteApps: it is in no Desktop group |
//! | `desktops` | succeeds | desktops: it is in no RemoteApp group |
//! | `cloudpc` | succeeds | its Cloud PCs only |
//! | `regional` | succeeds | all, and discovery redirects to a region |
//! | any other, such as `all` | succeeds | all: it is in every group |
//!
//! `PUT /_sim/feed/outcome {"account", "code"}` does the same to an account of
//! any name, so that one that could sign in no longer can.
//!
//! The password `wrong`, and one that begins or ends with a space, is refused
//! with 50126; after [`LOCKED_AFTER`] of these the account is locked (50053).

/// Wrong passwords until an account is locked.
pub(super) const LOCKED_AFTER: u32 = 10;

/// Which groups an account is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum View {
    All,
    Nothing,
    FirstWorkspace,
    Apps,
    Desktops,
    CloudPcs,
}

impl View {
    pub(crate) fn of(account: &str) -> Self {
        match local_part(account).as_str() {
            "none" => Self::Nothing,
            "guest" => Self::FirstWorkspace,
            "apps" => Self::Apps,
            "desktops" => Self::Desktops,
            "cloudpc" => Self::CloudPcs,
            _ => Self::All,
        }
    }
}

/// The part before the `@`, in lower case.
fn local_part(account: &str) -> String {
    account.split('@').next().unwrap_or(account).to_ascii_lowercase()
}

/// Whether discovery sends the account to a region first.
pub(crate) fn is_regional(account: &str) -> bool {
    local_part(account) == "regional"
}

/// The code that a name like `aadsts50126` stands for.
pub(super) fn planted_code(name: &str) -> Option<u32> {
    local_part(name).strip_prefix("aadsts")?.parse().ok()
}

/// The rules above, for `GET /_sim/feed`.
pub(crate) fn rules() -> serde_json::Value {
    serde_json::json!({
        "aadsts<code>@": "refused with that code, by password, device code and refresh token",
        "none@": "no workspace",
        "guest@": "the first workspace only",
        "apps@": "RemoteApps only: in no Desktop group",
        "desktops@": "desktops only: in no RemoteApp group",
        "cloudpc@": "Cloud PCs only",
        "regional@": "everything, and discovery answers 307 to a regional path",
        "any other": "everything",
        "outcome": "PUT /_sim/feed/outcome {account, code} refuses an account from now on, code null lets it in again",
        "password": "anything but wrong, and no space at either end; ten wrong ones lock the account",
        "client_secret": "the client's own; expired is 7000222, aadsts<code> that code, any other 7000215",
        "device": "PUT /_sim/feed/device {account, polls, interval_s, expires_in_s, outcome} before, or POST /_sim/feed/device/{user_code} {account, outcome} as the person; outcome is success, declined, expired, slow_down or aadsts<code>",
    })
}
