//! Evaluates expressions on a row.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::Value;

use super::{
    ast::{Comparison, Expr},
    functions::{self, text},
};

/// A row: its values in the order of the columns.
pub(crate) type Row<'a> = Vec<Cow<'a, Value>>;

/// The columns of a stage.
#[derive(Debug, Clone)]
pub(crate) struct Columns(pub(crate) Vec<String>);

impl Columns {
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|column| column == name)
    }

    /// The first column an expression uses that is not there.
    pub(crate) fn missing<'e>(&self, expr: &'e Expr) -> Option<&'e str> {
        match expr {
            Expr::Literal(_) => None,
            Expr::Column(name) => self.find(name).is_none().then_some(name),
            Expr::Field(of, _) | Expr::Not(of) => self.missing(of),
            Expr::Index(left, right)
            | Expr::And(left, right)
            | Expr::Or(left, right)
            | Expr::Compare(_, left, right) => self.missing(left).or_else(|| self.missing(right)),
            Expr::Call(_, arguments) => arguments.iter().find_map(|argument| self.missing(argument)),
            Expr::In { item, list, .. } => {
                self.missing(item).or_else(|| list.iter().find_map(|item| self.missing(item)))
            }
        }
    }
}

/// The value of an expression; columns must have been checked before.
pub(crate) fn eval<'r>(expr: &'r Expr, columns: &Columns, row: &'r Row<'_>) -> Cow<'r, Value> {
    match expr {
        Expr::Literal(value) => Cow::Borrowed(value),
        Expr::Column(name) => match columns.find(name).and_then(|at| row.get(at)) {
            Some(value) => Cow::Borrowed(value),
            None => Cow::Owned(Value::Null),
        },
        Expr::Field(of, name) => match eval(of, columns, row) {
            Cow::Borrowed(value) => Cow::Borrowed(&value[name.as_str()]),
            Cow::Owned(value) => Cow::Owned(value[name.as_str()].clone()),
        },
        Expr::Index(of, index) => {
            let list = eval(of, columns, row);
            let index = eval(index, columns, row);
            Cow::Owned(element(&list, &index))
        }
        Expr::Call(function, arguments) => {
            let arguments: Vec<_> = arguments.iter().map(|argument| eval(argument, columns, row)).collect();
            Cow::Owned(functions::apply(*function, &arguments))
        }
        condition => Cow::Owned(Value::Bool(holds(condition, columns, row))),
    }
}

/// Whether a condition holds on a row.
pub(crate) fn holds(expr: &Expr, columns: &Columns, row: &Row<'_>) -> bool {
    match expr {
        Expr::Not(inner) => !holds(inner, columns, row),
        Expr::And(left, right) => holds(left, columns, row) && holds(right, columns, row),
        Expr::Or(left, right) => holds(left, columns, row) || holds(right, columns, row),
        Expr::Compare(comparison, left, right) => {
            compare(*comparison, &eval(left, columns, row), &eval(right, columns, row))
        }
        Expr::In { item, list, any_case } => {
            let comparison = if *any_case { Comparison::EqualAnyCase } else { Comparison::Equal };
            let item = eval(item, columns, row);
            list.iter().any(|candidate| compare(comparison, &item, &eval(candidate, columns, row)))
        }
        other => *eval(other, columns, row) == Value::Bool(true),
    }
}

/// An element of an array by number, from the end when it is negative; a field
/// of an object by name.
fn element(list: &Value, index: &Value) -> Value {
    match (list, index) {
        (Value::Array(items), Value::Number(number)) => {
            let at = number.as_i64().unwrap_or(0);
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let at = if at < 0 { at + length } else { at };
            usize::try_from(at).ok().and_then(|at| items.get(at)).cloned().unwrap_or(Value::Null)
        }
        (_, Value::String(name)) => list[name.as_str()].clone(),
        _ => Value::Null,
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> bool {
    match comparison {
        Comparison::Equal => equal(left, right),
        Comparison::EqualAnyCase => text(left).to_lowercase() == text(right).to_lowercase(),
        Comparison::Less => order(left, right) == Ordering::Less,
        Comparison::LessOrEqual => order(left, right) != Ordering::Greater,
        Comparison::Greater => order(left, right) == Ordering::Greater,
        Comparison::GreaterOrEqual => order(left, right) != Ordering::Less,
        Comparison::Has => has_term(&text(left).to_lowercase(), &text(right).to_lowercase()),
        Comparison::Contains => text(left).to_lowercase().contains(&text(right).to_lowercase()),
        Comparison::StartsWith => text(left).to_lowercase().starts_with(&text(right).to_lowercase()),
        Comparison::EndsWith => text(left).to_lowercase().ends_with(&text(right).to_lowercase()),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.total_cmp(&right) == Ordering::Equal,
        _ => text(left) == text(right),
    }
}

/// Numbers by size, all else by text; null comes first.
pub(crate) fn order(left: &Value, right: &Value) -> Ordering {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => text(left).cmp(&text(right)),
    }
}

/// Whether a text holds another as a whole term.
fn has_term(whole: &str, term: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    whole.match_indices(term).any(|(at, found)| {
        !is_part(whole[..at].chars().next_back()) && !is_part(whole[at + found.len()..].chars().next())
    })
}
