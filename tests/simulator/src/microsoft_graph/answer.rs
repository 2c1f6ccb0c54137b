//! What all answers of Microsoft Graph have in common: errors, pages, and only
//! the fields that are asked for.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::{estate::directory::Object, reply::Reply, request::Request, state::Simulation};

/// Items on a page when the caller does not say.
const DEFAULT_TOP: usize = 100;
/// The most items on a page.
const MAX_TOP: usize = 999;
/// What a user is printed with unless other fields are asked for: neither
/// whether it can sign in nor whether it is a guest.
const USER_DEFAULT: [&str; 4] = ["id", "displayName", "userPrincipalName", "mail"];

pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message, "innerError": {}}}))
}

/// 403 as Graph prints it.
pub(crate) fn denied() -> Reply {
    refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

pub(super) fn no_segment() -> Reply {
    refusal(404, "BadRequest", "Resource not found for the segment.")
}

pub(super) fn not_found(id: &str) -> Reply {
    let message =
        format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
    refusal(404, "Request_ResourceNotFound", &message)
}

pub(super) fn bad_filter() -> Reply {
    refusal(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause.")
}

pub(super) fn bad_request(message: &str) -> Reply {
    refusal(400, "Request_BadRequest", message)
}

/// The names in `$select`; `None` when there is none.
pub(super) fn select(request: &Request) -> Option<Vec<String>> {
    let names = request.query("$select")?.split(',').map(|name| name.trim().to_owned());
    Some(names.filter(|name| !name.is_empty()).collect())
}

/// A record with the fields that are asked for; `keep` is printed all the same.
pub(super) fn selected(record: &Value, select: Option<&[String]>, keep: &[&str]) -> Value {
    let (Some(select), Some(fields)) = (select, record.as_object()) else {
        return record.clone();
    };
    let kept: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| {
            keep.contains(&name.as_str()) || select.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    kept.into()
}

/// An object as it is printed: by default a user shows little of itself.
pub(super) fn object(object: &Object, select: Option<&[String]>) -> Value {
    use crate::estate::directory::ObjectKind::User;
    match (select, object.kind) {
        (None, User) => {
            let names: Vec<String> = USER_DEFAULT.map(str::to_owned).to_vec();
            selected(&object.body, Some(&names), &[])
        }
        _ => selected(&object.body, select, &[]),
    }
}

/// The same in a collection of several types, where its own is said.
pub(super) fn typed(found: &Object, select: Option<&[String]>) -> Value {
    let mut printed = object(found, select);
    printed["@odata.type"] = json!(found.kind.odata_type());
    printed["id"] = json!(found.id);
    printed
}

/// The size of a page: what is asked for, but no more than the estate's.
pub(super) fn page_size(simulation: &Simulation, request: &Request) -> Result<usize, Reply> {
    let top = match request.query("$top") {
        None => DEFAULT_TOP,
        Some(text) => text.parse().ok().filter(|top| (1..=MAX_TOP).contains(top)).ok_or_else(|| {
            bad_request(&format!("Invalid page size specified: '{text}'. Must be between 1 and 999 inclusive."))
        })?,
    };
    Ok(top.min(simulation.options.estate.page_size))
}

/// A page of a list that is whole.
pub(super) fn page(simulation: &Simulation, request: &Request, items: &[Value]) -> Result<Reply, Reply> {
    let size = page_size(simulation, request)?;
    let skip = match request.query("$skiptoken") {
        None => 0,
        Some(token) => place(token).ok_or_else(|| bad_request("The skip token is not valid."))?,
    };
    let rest = items.get(skip..).unwrap_or_default();
    let shown = &rest[..size.min(rest.len())];
    let context = format!("{}/v1.0/$metadata", request.origin);
    let mut body = json!({"@odata.context": context, "value": shown});
    if request.query("$count") == Some("true") {
        body["@odata.count"] = json!(items.len());
    }
    if shown.len() < rest.len() {
        let token = BASE64_URL_SAFE_NO_PAD.encode(format!("at {}", skip + shown.len()));
        body["@odata.nextLink"] = json!(request.next_link(&token));
    }
    Ok(Reply::json(200, &body))
}

/// The place that a page's token stands for.
fn place(token: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix("at ")?.parse().ok()
}
