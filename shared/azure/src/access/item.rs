//! One item of a list, whoever wrote it: ARM (`{id, properties: {…}}`), Resource Graph and the Azure CLI (properties at
//! the top), Azure PowerShell (`PascalCase`).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use poolwarden_domain::ArmId;
use serde_json::{Map, Value};

/// An item whose fields are found wherever they stand, whatever their case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    top: &'a Map<String, Value>,
    properties: Option<&'a Map<String, Value>>,
}

impl<'a> Item<'a> {
    /// What of it can be asked; an error says in words why nothing can.
    pub(super) fn of(value: &'a Value) -> Result<Self, String> {
        let top = value.as_object().ok_or("is no object")?;
        let properties = find(top, "properties").and_then(Value::as_object);
        Ok(Self { top, properties })
    }

    /// A value that is not null, of the properties first.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.properties.and_then(|properties| find(properties, name)).or_else(|| find(self.top, name))
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The first of these that is a text.
    pub(super) fn any_text(&self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.text(name))
    }

    /// A yes or no, also as text.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// A list; one that is not there is empty, and one text stands for a list of one, as PowerShell writes it.
    pub(super) fn list(&self, name: &str) -> &'a [Value] {
        match self.value(name) {
            Some(Value::Array(items)) => items,
            Some(one @ (Value::String(_) | Value::Object(_))) => std::slice::from_ref(one),
            _ => &[],
        }
    }

    /// The texts of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The texts of a list that must hold nothing else: a pattern that is passed over would change what a role grants.
    pub(super) fn patterns(&self, name: &str) -> Result<Vec<String>, String> {
        let patterns = self.list(name).iter().map(|pattern| pattern.as_str().map(str::to_owned));
        patterns.collect::<Option<_>>().ok_or_else(|| format!("has something in {name} that is no text"))
    }

    /// A time; one that cannot be read is as good as none.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        self.text(name).and_then(time)
    }

    /// The id of the item itself, which never stands among its properties.
    pub(super) fn own(&self, name: &str) -> Option<&'a str> {
        find(self.top, name).and_then(Value::as_str).map(str::trim).filter(|text| !text.trim_matches('/').is_empty())
    }
}

fn find<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found =
        object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|it| it.1));
    found.filter(|value| !value.is_null())
}

/// A time as Azure's services write it: any number of digits after the point, with a zone or without one (then it is
/// UTC); or as Windows PowerShell does, `/Date(1600000000000)/`.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(millis) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        return Timestamp::from_millisecond(millis.parse().ok()?).ok();
    }
    let in_utc = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    text.parse::<Timestamp>().ok().or_else(|| text.parse::<DateTime>().ok().and_then(in_utc))
}

/// A scope as it is compared: some answers say `/providers/Microsoft.Subscription/subscriptions/{s}` for a subscription.
pub(super) fn scope(text: &str) -> ArmId {
    const LONG: &str = "/providers/Microsoft.Subscription/subscriptions/";
    let id = ArmId::new(text);
    match id.as_str().get(..LONG.len()) {
        Some(head) if head.eq_ignore_ascii_case(LONG) => {
            ArmId::new(&id.as_str()["/providers/Microsoft.Subscription".len()..])
        }
        _ => id,
    }
}

/// Where something of Microsoft.Authorization stands, by its id.
pub(super) fn holder(id: &str) -> Option<ArmId> {
    const PROVIDER: &str = "/providers/microsoft.authorization/";
    let at = id.to_ascii_lowercase().rfind(PROVIDER)?;
    Some(if at == 0 { ArmId::new("/") } else { scope(&id[..at]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_found_wherever_it_stands() {
        let (rest, flat, shell) = (
            json!({"id": "/x", "properties": {"principalId": "p", "scope": null}}),
            json!({"id": "/x", "principalId": "p"}),
            json!({"Id": "/x", "PrincipalId": " p ", "Actions": "*/read"}),
        );
        for value in [&rest, &flat, &shell] {
            let item = Item::of(value).unwrap();
            assert_eq!((item.own("id"), item.text("principalId"), item.text("scope")), (Some("/x"), Some("p"), None));
        }
        assert_eq!(Item::of(&shell).unwrap().texts("actions"), ["*/read"]);
        assert!(Item::of(&json!({"actions": ["a", 7]})).is_ok_and(|item| item.patterns("actions").is_err()));
    }

    #[test]
    fn times_are_read_as_azure_writes_them() {
        let expected: Timestamp = "2020-09-09T21:35:27.9Z".parse().unwrap();
        for text in [
            "2020-09-09T21:35:27.90Z",
            "2020-09-09T21:35:27.9000000Z",
            "2020-09-09T21:35:27.9000000",
            "/Date(1599687327900)/",
        ] {
            assert_eq!(time(text), Some(expected), "{text}");
        }
        assert_eq!(time("2020-09-09T23:35:27.9+02:00"), Some(expected));
        for odd in ["", "soon", "/Date(x)/"] {
            assert_eq!(time(odd), None, "{odd}");
        }
    }

    #[test]
    fn scopes_and_holders_are_where_they_should_be() {
        assert_eq!(scope("providers/Microsoft.Subscription/subscriptions/S"), ArmId::new("/subscriptions/s"));
        let of = |id| holder(id).unwrap();
        assert_eq!(
            of("/subscriptions/s/providers/Microsoft.authorization/roleAssignments/a"),
            ArmId::new("/subscriptions/s")
        );
        assert_eq!(of("/providers/Microsoft.Authorization/roleAssignments/a"), ArmId::new("/"));
        assert_eq!(holder("/subscriptions/s"), None);
    }
}
