//! The part of OData's `$filter` that is taken: `eq`, `in` and `startsWith` on
//! some fields, joined by `and` and `or`.

use serde_json::{Value, json};

/// How many values and comparisons a filter may hold.
const MAX_CLAUSES: usize = 15;
/// What can be filtered on.
const FIELDS: [&str; 14] = [
    "id",
    "appId",
    "displayName",
    "userPrincipalName",
    "mail",
    "userType",
    "accountEnabled",
    "servicePrincipalType",
    "appOwnerOrganizationId",
    "roleDefinitionId",
    "principalId",
    "clientId",
    "resourceId",
    "consentType",
];

/// A filter that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    /// The field has one of these values.
    In(&'static str, Vec<Value>),
    StartsWith(&'static str, String),
}

/// Why a filter is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    NotUnderstood,
    TooManyClauses,
}

impl Filter {
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let mut parser = Parser { rest: text.trim() };
        let filter = parser.any().filter(|_| parser.rest.is_empty()).ok_or(Refused::NotUnderstood)?;
        if filter.clauses() > MAX_CLAUSES && !filter.is_ids() {
            return Err(Refused::TooManyClauses);
        }
        Ok(filter)
    }

    pub(super) fn takes(&self, record: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.takes(record)),
            Self::Any(parts) => parts.iter().any(|part| part.takes(record)),
            Self::In(field, values) => values.iter().any(|value| same(&record[*field], value)),
            Self::StartsWith(field, start) => {
                record[*field].as_str().is_some_and(|text| text.to_lowercase().starts_with(&start.to_lowercase()))
            }
        }
    }

    /// The ids it asks for, when it asks for nothing else: `id eq '…' or …`.
    pub(super) fn ids(&self) -> Option<Vec<String>> {
        match self {
            Self::In("id", values) => values.iter().map(|value| Some(value.as_str()?.to_ascii_lowercase())).collect(),
            Self::Any(parts) => {
                let parts: Option<Vec<_>> = parts.iter().map(Self::ids).collect();
                parts.map(|parts| parts.concat())
            }
            _ => None,
        }
    }

    /// A list of ids joined by `or`, which delta queries take more of.
    fn is_ids(&self) -> bool {
        matches!(self, Self::Any(_)) && self.ids().is_some()
    }

    fn clauses(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::clauses).sum(),
            Self::In(_, values) => values.len(),
            Self::StartsWith(..) => 1,
        }
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => left.eq_ignore_ascii_case(right),
        _ => left == right,
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Option<Filter> {
        let mut parts = vec![self.all()?];
        while self.word("or") {
            parts.push(self.all()?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Filter::Any(parts)) }
    }

    fn all(&mut self) -> Option<Filter> {
        let mut parts = vec![self.term()?];
        while self.word("and") {
            parts.push(self.term()?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Filter::All(parts)) }
    }

    fn term(&mut self) -> Option<Filter> {
        if self.symbol('(') {
            let inner = self.any()?;
            return self.symbol(')').then_some(inner);
        }
        let name = self.name()?;
        if name.eq_ignore_ascii_case("startswith") {
            let open = self.symbol('(');
            let field = field(self.name()?)?;
            let comma = self.symbol(',');
            let Value::String(start) = self.value()? else {
                return None;
            };
            return (open && comma && self.symbol(')')).then_some(Filter::StartsWith(field, start));
        }
        let field = field(name)?;
        if self.word("eq") {
            return Some(Filter::In(field, vec![self.value()?]));
        }
        if !self.word("in") || !self.symbol('(') {
            return None;
        }
        let mut values = vec![self.value()?];
        while self.symbol(',') {
            values.push(self.value()?);
        }
        self.symbol(')').then_some(Filter::In(field, values))
    }

    fn skip(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest.trim_start();
        taken
    }

    fn symbol(&mut self, symbol: char) -> bool {
        let found = self.rest.starts_with(symbol);
        if found {
            self.skip(symbol.len_utf8());
        }
        found
    }

    fn name(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        (end > 0).then(|| self.skip(end))
    }

    fn word(&mut self, word: &str) -> bool {
        let before = self.rest;
        let found = self.name().is_some_and(|name| name.eq_ignore_ascii_case(word));
        if !found {
            self.rest = before;
        }
        found
    }

    /// `true`, `false`, `null`, or a text in single quotes of which two stand
    /// for one.
    fn value(&mut self) -> Option<Value> {
        if self.rest.starts_with('\'') {
            let mut text = String::new();
            let mut rest = &self.rest[1..];
            loop {
                let (part, after) = rest.split_once('\'')?;
                text.push_str(part);
                match after.strip_prefix('\'') {
                    Some(more) => {
                        text.push('\'');
                        rest = more;
                    }
                    None => {
                        self.rest = after.trim_start();
                        return Some(json!(text));
                    }
                }
            }
        }
        match self.name()? {
            "true" => Some(json!(true)),
            "false" => Some(json!(false)),
            "null" => Some(Value::Null),
            _ => None,
        }
    }
}

fn field(name: &str) -> Option<&'static str> {
    FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn filters_are_read_as_they_are_documented() {
        let takes = |filter: &str, record: Value| Filter::parse(filter).unwrap().takes(&record);
        assert!(takes("appId eq 'A'", json!({"appId": "a"})));
        assert!(takes("id in ('x', 'it''s')", json!({"id": "it's"})));
        assert!(takes(
            "(id eq 'x' or displayName eq 'N') and accountEnabled eq true",
            json!({"displayName": "n", "accountEnabled": true})
        ));
        assert!(takes("startswith(userPrincipalName,'Cloud')", json!({"userPrincipalName": "cloud@x"})));
        assert!(!takes("userType eq null", json!({"userType": "Guest"})));
        let ids = Filter::parse("id eq 'A' or id eq 'b'").unwrap().ids();
        assert_eq!(ids, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(Filter::parse("id eq 'A' or appId eq 'b'").unwrap().ids(), None);
    }

    #[test]
    fn what_is_not_understood_or_too_much_is_refused() {
        for wrong in ["", "id", "id eq", "id eq x", "secret eq 'x'", "id eq 'x", "id in ()", "id eq 'x' id eq 'y'"] {
            assert_eq!(Filter::parse(wrong), Err(Refused::NotUnderstood), "{wrong}");
        }
        let values: Vec<String> = (0..16).map(|number| format!("'{number}'")).collect();
        let many = format!("appId in ({})", values.join(","));
        assert_eq!(Filter::parse(&many), Err(Refused::TooManyClauses));
        let ids: Vec<String> = (0..50).map(|number| format!("id eq '{number}'")).collect();
        assert!(Filter::parse(&ids.join(" or ")).is_ok(), "delta queries take fifty");
    }
}
