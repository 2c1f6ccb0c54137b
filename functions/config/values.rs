//! The values that settings hold: names, ids, addresses, durations. Each is judged by itself, from text alone.

use super::entry::{Judged, Wrong, wrong};
use super::faults::quoted;
use jiff::{Span, SpanRelativeTo};
use poolwarden_domain::text::slug;
use std::net::SocketAddr;
use std::time::Duration;
use url::{Host, Url};

/// The longest host name there is (RFC 1035), and the longest label of one.
const MAX_DOMAIN_CHARS: usize = 253;
const MAX_LABEL_CHARS: usize = 63;

/// A name for keys and paths: `[a-z0-9][a-z0-9-]*`.
pub(super) fn name(text: &str, max_chars: usize) -> Judged<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.len() <= max_chars && text.chars().all(allowed) && !text.is_empty() && !text.starts_with('-') {
        return Ok(text.to_owned());
    }
    let rule = format!("a-z, 0-9 and -, at most {max_chars}, not beginning with -");
    let fix = match slug(text) {
        better if better.is_empty() || better.len() > max_chars => format!("write {rule}"),
        better => format!("write \"{better}\" ({rule})"),
    };
    wrong(format!("is {}", quoted(text)), fix)
}

fn is_guid(text: &str) -> bool {
    let groups = text.split('-');
    groups.clone().map(str::len).eq([8, 4, 4, 4, 12]) && groups.flat_map(str::chars).all(|c| c.is_ascii_hexdigit())
}

/// An id such as `00000000-0000-0000-0000-000000000000`.
pub(super) fn guid(text: &str) -> Judged<String> {
    if is_guid(text) {
        return Ok(text.to_ascii_lowercase());
    }
    wrong(format!("is {}, which is no GUID", quoted(text)), "write it as 00000000-0000-0000-0000-000000000000")
}

/// A tenant: its id or one of its domains.
pub(super) fn tenant(text: &str) -> Judged<String> {
    let is_label = |label: &str| {
        (1..=MAX_LABEL_CHARS).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
    };
    let is_domain = text.contains('.') && text.len() <= MAX_DOMAIN_CHARS && text.split('.').all(is_label);
    if is_guid(text) || is_domain {
        return Ok(text.to_ascii_lowercase());
    }
    wrong(
        format!("is {}, which is neither a GUID nor a domain", quoted(text)),
        "write the tenant's id, or a domain of it such as \"contoso.onmicrosoft.com\"",
    )
}

/// An address that may be told things: https, or http on this machine. Messages show its origin alone: the rest may
/// be a secret.
pub(super) fn web_address(text: &str) -> Judged<Url> {
    let url = match Url::parse(text) {
        Ok(url) if url.has_host() => url,
        _ => return wrong("is no URL with a host", "write it as https://host/path"),
    };
    let host = url.host_str().unwrap_or_default();
    let this = format!("is for {}", quoted(&format!("{}://{host}", url.scheme())));
    let is_loopback = match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => {
            wrong(format!("{this} with a user or password"), "leave what stands before the @ out")
        }
        "https" => Ok(url),
        "http" if is_loopback => Ok(url),
        "http" => wrong(
            format!("{this}, which anyone on the way can read"),
            "use https; http is for this machine's own addresses only",
        ),
        _ => wrong(format!("{this}, which is not https"), "write it as https://host/path"),
    }
}

/// An address to listen on.
pub(super) fn listen(text: &str) -> Judged<SocketAddr> {
    text.parse().or_else(|_| {
        wrong(
            format!("is {}, which is no address with a port", quoted(text)),
            "write it as 127.0.0.1:7071, or as 0.0.0.0:7071 to be reached from elsewhere",
        )
    })
}

/// A duration that is not shorter than `least`. A day has 24 hours here.
pub(super) fn duration(text: &str, least: Duration) -> Judged<Duration> {
    let read = || {
        let span: Span = text.parse().ok()?;
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(duration).ok()
    };
    match read() {
        None => {
            wrong(format!("is {}, which is no duration", quoted(text)), "write one such as \"24h\" or \"90 minutes\"")
        }
        Some(duration) if duration < least => wrong(
            format!("is {}, which is too short", quoted(text)),
            format!("write at least \"{}h\"", least.as_secs() / 3600),
        ),
        Some(duration) => Ok(duration),
    }
}

/// A path: anything but nothing.
pub(super) fn path(text: &str) -> Judged<&str> {
    if text.is_empty() || text.contains('\0') {
        return Err(Wrong { what: "is no path".to_owned(), fix: "write the path of a file".to_owned() });
    }
    Ok(text)
}
