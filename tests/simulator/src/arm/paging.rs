//! Pages of ARM lists: `pageSize`, `initialSkip`, `isDescending` and an opaque
//! `nextLink`, which continues after the last resource rather than at a
//! number, so that changes between two pages do not shift it.

use std::ops::Bound;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;

use super::error;
use crate::{
    estate::{
        model::{Collection, Resource},
        wire::Oddness,
    },
    reply::Reply,
    request::Request,
};

/// How the end of a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// There is no `nextLink` key.
    NoKey,
    /// `"nextLink": null`.
    Null,
}

/// One page of a collection.
pub(crate) fn page(
    request: &Request,
    collection: Option<&Collection>,
    limit: usize,
    end: End,
    oddness: Oddness,
    visible: impl Fn(&Resource) -> bool,
) -> Result<Reply, Reply> {
    let size = number(request, "pageSize")?.map_or(limit, |size| size.clamp(1, limit));
    let skip = number(request, "initialSkip")?.unwrap_or(0);
    let descending = request.query("isDescending").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let last = request.query("$skipToken").map(decode).transpose()?;
    let mut value = Vec::new();
    let mut next = None;
    if let Some(collection) = collection {
        let range = match (&last, descending) {
            (None, _) => collection.range::<str, _>((Bound::Unbounded, Bound::Unbounded)),
            (Some(key), false) => collection.range::<str, _>((Bound::Excluded(key.as_str()), Bound::Unbounded)),
            (Some(key), true) => collection.range::<str, _>((Bound::Unbounded, Bound::Excluded(key.as_str()))),
        };
        let ordered: Box<dyn Iterator<Item = _>> = if descending { Box::new(range.rev()) } else { Box::new(range) };
        let skip = if last.is_some() { 0 } else { skip };
        let mut found =
            ordered.map(|(_, resource)| resource).filter(|resource| visible(resource)).skip(skip).peekable();
        let mut last_key = None;
        for resource in found.by_ref().take(size) {
            oddness.print(resource, &mut value);
            last_key = Some(&resource.key);
        }
        if found.peek().is_some() {
            next = last_key.map(|key| request.next_link(&encode(key)));
        }
    }
    Ok(render(&value, next.as_deref(), end))
}

/// A list's body from printed items.
pub(crate) fn render(value: &[String], next: Option<&str>, end: End) -> Reply {
    let mut body = String::with_capacity(value.iter().map(String::len).sum::<usize>() + 64);
    body.push_str("{\"value\":[");
    body.push_str(&value.join(","));
    body.push(']');
    match (next, end) {
        (Some(link), _) => {
            body.push_str(",\"nextLink\":");
            body.push_str(&serde_json::Value::from(link).to_string());
        }
        (None, End::Null) => body.push_str(",\"nextLink\":null"),
        (None, End::NoKey) => {}
    }
    body.push('}');
    Reply::page(Bytes::from(body))
}

/// An opaque token for a place in a list.
pub(crate) fn encode(key: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(key)
}

/// The place a token stands for.
pub(crate) fn decode(token: &str) -> Result<String, Reply> {
    BASE64_URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| error::bad_request("The $skipToken is not one that was given out."))
}

fn number(request: &Request, name: &str) -> Result<Option<usize>, Reply> {
    request
        .query(name)
        .map(|text| {
            text.parse().map_err(|_| error::bad_request(&format!("The value '{text}' is not valid for {name}.")))
        })
        .transpose()
}
