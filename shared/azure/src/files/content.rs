//! One file: what it is, whatever wrote it.
//!
//! Known are REST pages (`{value: […]}`), Resource Graph answers (`{data: […]}`), bare arrays (`az … -o json`),
//! single resources, what the classic PowerShell module printed, and each of these inside a recorded exchange
//! (`{request: {url}, response: {status, body}}`).

use super::classic;
use crate::classic::wire::Thing;
use poolwarden_domain::ArmId;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::path::Path;
use url::Url;

/// Largest file, in bytes.
pub(super) const FILE_LIMIT: u64 = 64 * 1024 * 1024;

/// What kind of thing an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Subscription,
    HostPool,
    Group,
    Workspace,
    SessionHost,
    Application,
    Desktop,
    RoleAssignment,
    RoleDefinition,
    /// Whom a group of the classic service is assigned to.
    AssignedUser,
}

/// A file's content.
pub(super) struct Content<'a> {
    /// The items, in order.
    pub(super) items: Vec<&'a RawValue>,
    /// Whether it is a list, so that what is not in it is not there.
    pub(super) is_list: bool,
    /// Whether the list goes on elsewhere.
    pub(super) goes_on: bool,
    /// What was asked, if the file says so: the kind and what it was asked of.
    pub(super) asked: Option<(Kind, ArmId)>,
    /// What was asked of the classic service.
    pub(super) asked_classic: Option<(Thing, ArmId)>,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow, default)]
    request: Option<Request<'a>>,
    #[serde(borrow, default)]
    response: Option<Response<'a>>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "nextLink")]
    next_link: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "$skipToken", alias = "skip_token")]
    skip_token: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(default)]
    status: Option<u16>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// Reads a file's text. An error says in words what is wrong with it.
pub(crate) fn text(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read ({error})");
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > FILE_LIMIT {
        return Err(format!("is larger than {} MiB", FILE_LIMIT / 1024 / 1024));
    }
    let mut bytes = std::fs::read(path).map_err(unreadable)?;
    // PowerShell's `>` writes the one, others the other.
    for (mark, unit) in [([0xff, 0xfe], u16::from_le_bytes as fn([u8; 2]) -> u16), ([0xfe, 0xff], u16::from_be_bytes)] {
        if let Some(rest) = bytes.strip_prefix(&mark) {
            let (pairs, odd) = rest.as_chunks::<2>();
            let text = String::from_utf16(&pairs.iter().map(|&pair| unit(pair)).collect::<Vec<_>>());
            return text.ok().filter(|_| odd.is_empty()).ok_or_else(|| "is no UTF-16 text".to_owned());
        }
    }
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        bytes.drain(..3);
    }
    String::from_utf8(bytes).map_err(|_| "is no UTF-8 text".to_owned())
}

/// Finds the items in a file's text.
pub(super) fn parse(text: &str) -> Result<Content<'_>, String> {
    let raw: &RawValue = serde_json::from_str(text)
        .map_err(|error| format!("is no JSON (line {}, column {})", error.line(), error.column()))?;
    items_of(raw, None, None, 0)
}

fn items_of<'a>(
    raw: &'a RawValue,
    asked: Option<(Kind, ArmId)>,
    classic: Option<classic::Asked>,
    depth: u8,
) -> Result<Content<'a>, String> {
    const UNKNOWN: &str = "holds no list, resource or recorded exchange of a known shape";
    let list = |raw: &'a RawValue, goes_on: bool, asked| {
        let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| UNKNOWN.to_owned())?;
        Ok(Content { items, is_list: true, goes_on, asked, asked_classic: None })
    };
    if raw.get().starts_with('[') {
        let Some(classic) = classic else { return list(raw, false, asked) };
        let asked = Some((classic::kind_of_thing(classic.of.0), classic.of.1.clone()));
        let content = list(raw, false, asked)?;
        // A full page may not be the last.
        let goes_on = classic.page_size.is_some_and(|size| content.items.len() >= size.max(1));
        return Ok(Content { goes_on, asked_classic: Some(classic.of), ..content });
    }
    let shape: Shape<'a> = serde_json::from_str(raw.get()).map_err(|_| UNKNOWN.to_owned())?;
    if let Some(response) = shape.response.filter(|_| depth == 0) {
        if let Some(status) = response.status.filter(|status| !(200..300).contains(status)) {
            return Err(format!("records an answer with status {status}, which says nothing about what is there"));
        }
        let url = shape.request.and_then(|request| request.url);
        let (asked, classic) = url.map_or((None, None), |url| (asked_for(&url), classic::asked_for(&url)));
        let body = response.body.ok_or("records an exchange without an answer's body")?;
        return items_of(body, asked, classic, depth + 1);
    }
    let of_classic = classic.as_ref().map(|asked| &asked.of);
    let single = if shape.value.is_none() && shape.data.is_none() { classic::single(raw, of_classic) } else { None };
    if let Some(thing) = single {
        // Without a URL nobody can say whether this was a list of one, or one of many that was asked for by name.
        let (is_list, goes_on) = match &classic {
            Some(asked) => (asked.is_list, false),
            None => (true, classic::may_have_siblings(thing)),
        };
        let asked_classic = classic.map(|asked| asked.of);
        return Ok(Content { items: vec![raw], is_list, goes_on, asked: None, asked_classic });
    }
    let is_set = |link: Option<&RawValue>| link.is_some_and(|link| !matches!(link.get(), "null" | "\"\""));
    match (shape.value.or(shape.data), shape.id) {
        (Some(value), _) => list(value, is_set(shape.next_link) || is_set(shape.skip_token), asked),
        (None, Some(_)) => {
            Ok(Content { items: vec![raw], is_list: false, goes_on: false, asked: None, asked_classic: None })
        }
        (None, None) => Err(UNKNOWN.to_owned()),
    }
}

/// What a list's URL asks for, and of what.
fn asked_for(url: &str) -> Option<(Kind, ArmId)> {
    let path = Url::parse(url).ok()?.path().trim_end_matches('/').to_owned();
    let (scope, last) = path.rsplit_once('/')?;
    let kind = kind_of_segment(last)?;
    // What lies between a subscription and its provider's types is no scope of its own.
    let scope =
        scope.split("/providers/Microsoft.DesktopVirtualization").next().filter(|_| kind_is_top(kind)).unwrap_or(scope);
    let scope = scope.split("/providers/Microsoft.Authorization").next().unwrap_or(scope);
    Some((kind, ArmId::new(scope)))
}

fn kind_is_top(kind: Kind) -> bool {
    matches!(kind, Kind::HostPool | Kind::Group | Kind::Workspace | Kind::Subscription)
}

fn kind_of_segment(segment: &str) -> Option<Kind> {
    Some(match segment.to_ascii_lowercase().as_str() {
        "subscriptions" => Kind::Subscription,
        "hostpools" => Kind::HostPool,
        "applicationgroups" => Kind::Group,
        "workspaces" => Kind::Workspace,
        "sessionhosts" => Kind::SessionHost,
        "applications" => Kind::Application,
        "desktops" => Kind::Desktop,
        "roleassignments" => Kind::RoleAssignment,
        "roledefinitions" => Kind::RoleDefinition,
        _ => return None,
    })
}

/// What an item is, by its type and else by its id; or what it calls itself, when that is nothing known.
///
/// The type goes first: a desktop's id may say that it is an application.
pub(super) fn kind_of(item: &RawValue) -> Result<Kind, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape<'a> {
        #[serde(borrow, default)]
        id: Option<Cow<'a, str>>,
        #[serde(borrow, default, rename = "type")]
        kind: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        subscription_id: Option<&'a RawValue>,
        #[serde(borrow, default)]
        cloud_name: Option<&'a RawValue>,
    }
    let shape: Shape<'_> = serde_json::from_str(item.get()).map_err(|_| "something without a legible id".to_owned())?;
    let id = shape.id.as_deref().unwrap_or_default();
    // `az role definition list` writes the type of role where others write the type of resource.
    if id.to_ascii_lowercase().contains("/roledefinitions/") {
        return Ok(Kind::RoleDefinition);
    }
    let ours = ["microsoft.desktopvirtualization/", "microsoft.authorization/"];
    if let Some(kind) = shape.kind.filter(|kind| kind.contains('/')) {
        let kind = kind.trim_start_matches('/').to_ascii_lowercase();
        let known =
            ours.iter().any(|ours| kind.starts_with(ours)).then(|| kind.rsplit('/').next().and_then(kind_of_segment));
        return known.flatten().ok_or_else(|| crate::answers::safe(&kind, 100));
    }
    if shape.subscription_id.is_some() && id.matches('/').count() == 2 || shape.cloud_name.is_some() {
        return Ok(Kind::Subscription);
    }
    let mut segments = id.rsplit('/');
    segments
        .nth(1)
        .and_then(kind_of_segment)
        .ok_or_else(|| "something that says neither by type nor by id what it is".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_tell_what_was_asked_of_what() {
        let group = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DesktopVirtualization/applicationGroups/a";
        let url = format!("https://management.azure.com{group}/applications?api-version=2025-10-10");
        assert_eq!(asked_for(&url), Some((Kind::Application, ArmId::new(group))));
        let url = "https://h/subscriptions/s/providers/Microsoft.Authorization/roleAssignments?x";
        assert_eq!(asked_for(url), Some((Kind::RoleAssignment, ArmId::new("/subscriptions/s"))));
        let url = "https://h/subscriptions/s/providers/Microsoft.DesktopVirtualization/hostPools?x";
        assert_eq!(asked_for(url), Some((Kind::HostPool, ArmId::new("/subscriptions/s"))));
        assert_eq!(asked_for("https://h/x"), None);
    }

    #[test]
    fn an_empty_list_and_no_list_are_different_things() {
        assert!(parse("[]").unwrap().is_list);
        assert!(parse(r#"{"value":[]}"#).unwrap().is_list);
        assert!(parse(r#"{"value":[],"nextLink":"https://h"}"#).unwrap().goes_on);
        assert!(!parse(r#"{"value":[],"nextLink":null}"#).unwrap().goes_on);
        assert!(!parse(r#"{"id":"/x"}"#).unwrap().is_list);
        for unknown in ["{}", "7", r#"{"value":7}"#, r#"{"response":{"status":403,"body":{"value":[]}}}"#, "", "{"] {
            assert!(parse(unknown).is_err(), "{unknown}");
        }
    }
}
