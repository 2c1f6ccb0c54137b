//! The functions of the language, on JSON values. A missing value is null,
//! and the text of null is empty.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::ast::Function;

/// A value's text, as `tostring` gives it.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_string()),
    }
}

pub(crate) fn apply(function: Function, arguments: &[Cow<'_, Value>]) -> Value {
    let first = &*arguments[0];
    match function {
        Function::ToLower => json!(text(first).to_lowercase()),
        Function::ToUpper => json!(text(first).to_uppercase()),
        Function::ToString => json!(text(first)),
        Function::ToLong => text(first).trim().parse::<i64>().map_or(Value::Null, Value::from),
        Function::ToBool => match text(first).to_ascii_lowercase().as_str() {
            "true" | "1" => json!(true),
            "false" | "0" => json!(false),
            _ => Value::Null,
        },
        Function::Substring => substring(&text(first), &arguments[1..]),
        Function::IndexOf => index_of(&text(first), &text(&arguments[1])),
        Function::StrCat => {
            json!(arguments.iter().map(|argument| text(argument)).collect::<String>())
        }
        Function::StrLen => json!(text(first).chars().count()),
        Function::Split => {
            let whole = text(first);
            let separator = text(&arguments[1]);
            if separator.is_empty() {
                return json!([whole]);
            }
            json!(whole.split(&*separator).collect::<Vec<_>>())
        }
        Function::ArrayLength => first.as_array().map_or(Value::Null, |items| json!(items.len())),
        Function::Coalesce => {
            let found = arguments.iter().find(|argument| !is_empty(argument));
            found.map_or(Value::Null, |found| Value::clone(found))
        }
        Function::Iff => {
            let chosen = if *first == Value::Bool(true) { &arguments[1] } else { &arguments[2] };
            Value::clone(chosen)
        }
        Function::IsEmpty => json!(is_empty(first)),
        Function::IsNotEmpty => json!(!is_empty(first)),
        Function::IsNull => json!(first.is_null()),
        Function::IsNotNull => json!(!first.is_null()),
    }
}

fn is_empty(value: &Value) -> bool {
    text(value).is_empty()
}

fn substring(whole: &str, arguments: &[Cow<'_, Value>]) -> Value {
    let number = |at: usize| arguments.get(at).map(|value| value.as_i64().unwrap_or(0));
    let start = usize::try_from(number(0).unwrap_or(0)).unwrap_or(0);
    let rest = whole.chars().skip(start);
    match number(1) {
        None => json!(rest.collect::<String>()),
        Some(length) => {
            let length = usize::try_from(length).unwrap_or(0);
            json!(rest.take(length).collect::<String>())
        }
    }
}

/// The place of a text in another, in characters; -1 when it is not there.
fn index_of(whole: &str, part: &str) -> Value {
    match whole.find(part) {
        Some(at) => json!(whole[..at].chars().count()),
        None => json!(-1),
    }
}
