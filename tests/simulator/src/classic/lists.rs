//! Lists of the classic management: bare arrays, in pages that the caller asks
//! for by `PageSize` and continues by the name of the `LastEntry` it has.
//! Without a size there is one page with everything.

use serde_json::Value;

use crate::{reply::Reply, request::Request};

/// The most entries on a page that was asked for.
const MAX_PAGE: usize = 1_000;

/// An entry with the name it is sorted by.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) body: Value,
}

impl Entry {
    pub(super) fn new(name: &str, body: Value) -> Self {
        Self { name: name.to_owned(), body }
    }

    /// What it is sorted by: a field, or its name.
    fn key(&self, field: Option<&str>) -> String {
        let value = field.map(|field| match &self.body[field] {
            Value::String(text) => text.to_ascii_lowercase(),
            Value::Null => String::new(),
            other => other.to_string(),
        });
        let name = self.name.to_ascii_lowercase();
        value.map_or_else(|| name.clone(), |value| format!("{value}\u{0}{name}"))
    }
}

/// One page of a list.
pub(super) fn page(request: &Request, mut entries: Vec<Entry>) -> Reply {
    let field = request.query("SortField").filter(|field| !field.is_empty());
    entries.sort_by_key(|entry| entry.key(field));
    if request.query("IsDescending").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        entries.reverse();
    }
    let mut skip = 0;
    if let Some(last) = request.query("LastEntry").filter(|last| !last.is_empty()) {
        match entries.iter().position(|entry| entry.name.eq_ignore_ascii_case(last)) {
            Some(at) => skip = at + 1,
            None => return Reply::error(400, "BadRequest", "LastEntry is not an entry of the list."),
        }
    }
    let number = |name: &str| request.query(name).map(str::parse::<usize>);
    let (Ok(size), Ok(initial)) = (number("PageSize").transpose(), number("InitialSkip").transpose()) else {
        return Reply::error(400, "BadRequest", "PageSize and InitialSkip are numbers.");
    };
    let size = size.map_or(usize::MAX, |size| size.clamp(1, MAX_PAGE));
    let body: Vec<Value> =
        entries.into_iter().skip(skip + initial.unwrap_or(0)).take(size).map(|entry| entry.body).collect();
    Reply::json(200, &Value::from(body))
}
