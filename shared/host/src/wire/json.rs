//! Undoing the host's layers of JSON in strings.

use serde::de::IgnoredAny;
use serde_json::Value;
use std::borrow::Cow;

/// Whether `text` is one JSON value.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The innermost JSON text of a binding's value, or nothing if it is a string that is not JSON.
///
/// A string may hold the text itself or, as for Service Bus, the text encoded once more as a JSON string. Exactly
/// one extra layer is removed, and only if what is inside is JSON again: a message that is the JSON string `"abc"`
/// stays that.
pub(super) fn innermost(value: &Value) -> Option<Cow<'_, str>> {
    let Value::String(outer) = value else {
        return Some(Cow::Owned(value.to_string()));
    };
    match serde_json::from_str::<String>(outer) {
        Ok(inner) if is_json(&inner) => Some(Cow::Owned(inner)),
        Ok(_) => Some(Cow::Borrowed(outer)),
        Err(_) if is_json(outer) => Some(Cow::Borrowed(outer)),
        Err(_) => None,
    }
}

/// What a metadata value means: the string-with-JSON encoding undone, and a string that is no JSON taken as itself
/// (dates arrive so).
pub(super) fn plain(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner) => Cow::Owned(inner),
            Err(_) => Cow::Borrowed(value),
        },
        other => Cow::Borrowed(other),
    }
}

/// Why serde refused, without quoting what it refused: a message may hold what no log should.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field") || text.starts_with("duplicate field") || error.is_syntax() || error.is_eof() {
        return text;
    }
    let position = format!("at line {} column {}", error.line(), error.column());
    // "invalid type: string \"…\", expected u32 at line 1 column 5": keep the kind and the tail, drop the content.
    match (text.split([':', '`']).next(), text.rfind(", expected ")) {
        (Some(kind), Some(tail)) => format!("{}{}", kind.trim_end(), &text[tail..]),
        _ => format!("a value is not of the expected form {position}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_never_quotes_the_content() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only its shape matters")]
        struct Shape {
            count: u32,
            kind: Kind,
        }
        #[derive(Debug, serde::Deserialize)]
        enum Kind {
            Known,
        }
        for (text, says) in [
            (r#"{"count":"hunter2, expected"}"#, "invalid type, expected u32 at line 1 column 28"),
            (r#"{"hunter2":1}"#, "unknown field, expected `count` or `kind` at line 1 column 10"),
            (r#"{"count":1,"kind":"hunter2"}"#, "unknown variant, expected `Known` at line 1 column 27"),
            (r#"{"count":1}"#, "missing field `kind` at line 1 column 11"),
            (r#"{"count""#, "EOF while parsing an object at line 1 column 8"),
        ] {
            let error = serde_json::from_str::<Shape>(text).unwrap_err();
            assert_eq!(reason(&error), says);
        }
        let _ = Kind::Known;
    }

    #[test]
    fn one_layer_comes_off_and_no_more() {
        let cases = [
            (json!({"x": 1}), Some(r#"{"x":1}"#)),
            (json!(r#"{"x":1}"#), Some(r#"{"x":1}"#)),
            (json!(r#""{\"x\":1}""#), Some(r#"{"x":1}"#)),
            (json!(r#""HelloWorld""#), Some(r#""HelloWorld""#)),
            (json!(r#""\"123\"""#), Some(r#""123""#)),
            (json!("HelloWorld"), None),
            (json!([1, 2]), Some("[1,2]")),
        ];
        for (value, expected) in cases {
            assert_eq!(innermost(&value).as_deref(), expected, "{value}");
        }
    }
}
