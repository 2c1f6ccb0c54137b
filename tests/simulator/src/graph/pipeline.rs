//! Runs the stages of a query over rows.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap};

use serde_json::{Value, json};

use super::{
    ast::{Aggregate, AggregateFunction, Direction, Expr, Named, Stage},
    eval::{Columns, Row, eval, holds, order},
    functions::text,
};

/// Rows with their columns.
pub(crate) struct Rows<'a> {
    pub(crate) columns: Columns,
    pub(crate) rows: Vec<Row<'a>>,
}

/// Runs the stages in turn; the error is the name of a column that is not
/// there.
pub(crate) fn run<'a>(mut rows: Rows<'a>, stages: &[Stage]) -> Result<Rows<'a>, String> {
    for stage in stages {
        rows = step(rows, stage)?;
    }
    Ok(rows)
}

fn check<'e>(columns: &Columns, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<(), String> {
    match exprs.into_iter().find_map(|expr| columns.missing(expr)) {
        None => Ok(()),
        Some(name) => Err(name.to_owned()),
    }
}

fn step<'a>(mut input: Rows<'a>, stage: &Stage) -> Result<Rows<'a>, String> {
    match stage {
        Stage::Where(condition) => {
            check(&input.columns, [condition])?;
            input.rows.retain(|row| holds(condition, &input.columns, row));
            Ok(input)
        }
        Stage::Extend(list) => extend(input, list),
        Stage::Project(list) => project(&input, list),
        Stage::ProjectAway(names) => {
            let kept: Vec<Named> = input
                .columns
                .0
                .iter()
                .filter(|column| !names.contains(column))
                .map(|column| Named { name: column.clone(), expr: Expr::Column(column.clone()) })
                .collect();
            project(&input, &kept)
        }
        Stage::Order(keys) => {
            check(&input.columns, keys.iter().map(|(expr, _)| expr))?;
            sort(&mut input, keys);
            Ok(input)
        }
        Stage::Summarize { aggregates, by } => summarize(&input, aggregates, by),
        Stage::Expand(list) => expand(input, list),
        Stage::Distinct(by) => summarize(&input, &[], by),
        Stage::Take(count) => {
            input.rows.truncate(*count);
            Ok(input)
        }
        Stage::Count => Ok(Rows {
            columns: Columns(vec!["Count".to_owned()]),
            rows: vec![vec![Cow::Owned(json!(input.rows.len()))]],
        }),
    }
}

fn extend<'a>(mut input: Rows<'a>, list: &[Named]) -> Result<Rows<'a>, String> {
    for named in list {
        check(&input.columns, [&named.expr])?;
        let at = input.columns.find(&named.name);
        for row in &mut input.rows {
            let value = eval(&named.expr, &input.columns, row).into_owned();
            match at {
                Some(at) => row[at] = Cow::Owned(value),
                None => row.push(Cow::Owned(value)),
            }
        }
        if at.is_none() {
            input.columns.0.push(named.name.clone());
        }
    }
    Ok(input)
}

/// One row for each element of the lists, or field of an object; a row whose
/// lists are all empty or missing stays once, with nulls.
fn expand<'a>(input: Rows<'a>, list: &[Named]) -> Result<Rows<'a>, String> {
    let mut input = extend(input, list)?;
    let places: Vec<usize> = list.iter().filter_map(|named| input.columns.find(&named.name)).collect();
    let elements = |value: &Value| match value {
        Value::Array(items) => items.clone(),
        Value::Object(fields) => fields.iter().map(|(name, value)| json!({ name: value })).collect(),
        Value::Null => Vec::new(),
        other => vec![other.clone()],
    };
    let mut rows = Vec::new();
    for row in &input.rows {
        let lists: Vec<Vec<Value>> = places.iter().map(|at| elements(&row[*at])).collect();
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0).max(1);
        for number in 0..longest {
            let mut one = row.clone();
            for (at, items) in places.iter().zip(&lists) {
                one[*at] = Cow::Owned(items.get(number).cloned().unwrap_or(Value::Null));
            }
            rows.push(one);
        }
    }
    input.rows = rows;
    Ok(input)
}

fn project<'a>(input: &Rows<'a>, list: &[Named]) -> Result<Rows<'a>, String> {
    check(&input.columns, list.iter().map(|named| &named.expr))?;
    let rows = input
        .rows
        .iter()
        .map(|row| list.iter().map(|named| pick(&named.expr, &input.columns, row)).collect())
        .collect();
    Ok(Rows { columns: Columns(list.iter().map(|named| named.name.clone()).collect()), rows })
}

/// A column is passed on without copying what it borrows.
fn pick<'a>(expr: &Expr, columns: &Columns, row: &Row<'a>) -> Cow<'a, Value> {
    match expr {
        Expr::Column(name) => columns.find(name).and_then(|at| row.get(at)).cloned().unwrap_or(Cow::Owned(Value::Null)),
        other => Cow::Owned(eval(other, columns, row).into_owned()),
    }
}

fn sort(input: &mut Rows<'_>, keys: &[(Expr, Direction)]) {
    let columns = &input.columns;
    input.rows.sort_by(|left, right| {
        keys.iter().fold(Ordering::Equal, |so_far, (expr, direction)| {
            so_far.then_with(|| {
                let ordering = order(&eval(expr, columns, left), &eval(expr, columns, right));
                match direction {
                    Direction::Ascending => ordering,
                    Direction::Descending => ordering.reverse(),
                }
            })
        })
    });
}

fn summarize<'a>(input: &Rows<'a>, aggregates: &[Aggregate], by: &[Named]) -> Result<Rows<'a>, String> {
    let arguments = aggregates.iter().filter_map(|aggregate| aggregate.argument.as_ref());
    check(&input.columns, by.iter().map(|named| &named.expr).chain(arguments))?;
    let mut groups: Vec<(Row<'a>, Vec<&Row<'a>>)> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    for row in &input.rows {
        let key: Row<'a> = by.iter().map(|named| pick(&named.expr, &input.columns, row)).collect();
        let written = serde_json::to_string(&key).unwrap_or_default();
        let at = *index.entry(written).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(row);
    }
    if by.is_empty() && groups.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    let rows = groups
        .into_iter()
        .map(|(mut row, members)| {
            for aggregate in aggregates {
                row.push(Cow::Owned(total(aggregate, &input.columns, &members)));
            }
            row
        })
        .collect();
    let columns = by.iter().map(|named| &named.name);
    let columns = columns.chain(aggregates.iter().map(|aggregate| &aggregate.name));
    Ok(Rows { columns: Columns(columns.cloned().collect()), rows })
}

fn total(aggregate: &Aggregate, columns: &Columns, members: &[&Row<'_>]) -> Value {
    let Some(argument) = &aggregate.argument else {
        return json!(members.len());
    };
    if aggregate.function == AggregateFunction::CountIf {
        return json!(members.iter().filter(|row| holds(argument, columns, row)).count());
    }
    let mut values: Vec<Value> = members.iter().map(|row| eval(argument, columns, row).into_owned()).collect();
    match aggregate.function {
        AggregateFunction::Sum => sum(&values),
        AggregateFunction::Min => values.into_iter().min_by(order).unwrap_or(Value::Null),
        AggregateFunction::Max => values.into_iter().max_by(order).unwrap_or(Value::Null),
        AggregateFunction::MakeList => Value::Array(values),
        AggregateFunction::MakeSet => Value::Array(unique(values)),
        AggregateFunction::DistinctCount => json!(unique(values).len()),
        AggregateFunction::Count | AggregateFunction::CountIf => {
            values.clear();
            json!(members.len())
        }
    }
}

fn sum(values: &[Value]) -> Value {
    match values.iter().map(Value::as_i64).sum::<Option<i64>>() {
        Some(whole) => json!(whole),
        None => json!(values.iter().filter_map(Value::as_f64).sum::<f64>()),
    }
}

fn unique(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by(|left, right| text(left).cmp(&text(right)));
    values.dedup();
    values
}
