//! The language on a few rows: what is right, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{eval::Columns, parser, pipeline, pipeline::Rows};

/// Three rows of id, name, type and properties.
fn rows() -> Rows<'static> {
    let row = |id: &str, name: &str, properties: Value| {
        vec![json!(id), json!(name), json!("a/B"), properties].into_iter().map(Cow::Owned).collect()
    };
    Rows {
        columns: Columns(["id", "name", "type", "properties"].map(str::to_owned).to_vec()),
        rows: vec![
            row("/x/Pools/one/hosts/h1", "one/h1", json!({"n": 2, "on": true, "t": {"u": "It's"}})),
            row("/x/Pools/two/hosts/h2", "two/h2", json!({"n": 10, "on": false, "t": null})),
            row("/x/Pools/one/hosts/h3", "one/h3", json!({"n": 7, "tags": ["a", "b"]})),
        ],
    }
}

/// The rows of a query as objects, or what is wrong with it.
fn run(stages: &str) -> Result<Vec<Value>, String> {
    let query = parser::parse(&format!("Resources {stages}")).map_err(|fault| fault.message)?;
    let result = pipeline::run(rows(), &query.stages)?;
    let columns = &result.columns.0;
    let object = |row: &Vec<Cow<'_, Value>>| -> Value {
        columns.iter().cloned().zip(row.iter().map(|value| Value::clone(value))).collect()
    };
    Ok(result.rows.iter().map(object).collect())
}

/// The names of the rows a condition leaves.
fn names(condition: &str) -> Vec<String> {
    let rows = run(&format!("| where {condition} | project name")).unwrap();
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn conditions() {
    for (condition, expected) in [
        ("name == 'one/h1'", vec!["one/h1"]),
        ("name == 'ONE/h1'", vec![]),
        ("name =~ \"ONE/h1\"", vec!["one/h1"]),
        ("name != 'one/h1' and name !~ 'TWO/H2'", vec!["one/h3"]),
        ("type in~ ('A/b', 'c') and name in ('two/h2')", vec!["two/h2"]),
        ("name !in ('two/h2', 'one/h1')", vec!["one/h3"]),
        ("id has 'ONE'", vec!["one/h1", "one/h3"]),
        ("id has 'on'", vec![]),
        ("id contains 'POOLS/two'", vec!["two/h2"]),
        ("id !contains 'two' and name endswith '3'", vec!["one/h3"]),
        ("name startswith 'TWO' or properties.n == 7", vec!["two/h2", "one/h3"]),
        ("not(name startswith 'one')", vec!["two/h2"]),
        ("properties.on", vec!["one/h1"]),
        ("properties.on == true", vec!["one/h1"]),
        ("properties.on == false", vec!["two/h2"]),
        ("isnotempty(properties.t.u)", vec!["one/h1"]),
        ("isnull(properties.t)", vec!["two/h2", "one/h3"]),
        ("properties.t.u == 'It\\'s'", vec!["one/h1"]),
        ("properties['t']['u'] == \"It's\"", vec!["one/h1"]),
        ("properties.n >= 7 and (properties.n < 10 or name == '')", vec!["one/h3"]),
        ("properties.tags[-1] == 'b'", vec!["one/h3"]),
        ("true // and false", vec!["one/h1", "two/h2", "one/h3"]),
    ] {
        assert_eq!(names(condition), expected, "{condition}");
    }
}

#[test]
fn columns_are_made_renamed_and_dropped() {
    let made = run("| extend pool = tolower(split(id, '/')[2]), last = split(id, '/')[-1]
         | extend pool = strcat(pool, '-', toupper(last), '-', tostring(properties.n))
         | extend before = substring(id, 0, indexof(id, '/hosts')), part = substring(name, 4, 1)
         | project pool, before, part, properties.n, gone = indexof(id, '/none')
         | project-away part
         | take 1");
    assert_eq!(made.unwrap(), [json!({"pool": "pools-H1-2", "before": "/x/Pools/one", "properties_n": 2, "gone": -1})]);
}

#[test]
fn rows_are_ordered_by_number_or_text() {
    let by = |order: &str| -> Vec<i64> {
        let rows = run(&format!("| order by {order} | project n = properties.n")).unwrap();
        rows.iter().map(|row| row["n"].as_i64().unwrap()).collect()
    };
    assert_eq!(by("properties.n asc"), [2, 7, 10]);
    assert_eq!(by("properties.n"), [10, 7, 2], "descending unless it says otherwise");
    assert_eq!(by("split(name, '/')[0] asc, properties.n desc"), [7, 2, 10]);
}

#[test]
fn rows_are_counted_and_added_up() {
    let by_pool = run(
        "| summarize hosts=count(), sum(properties.n), on=countif(properties.on) by pool=split(name,'/')[0] | sort by pool asc",
    );
    assert_eq!(
        by_pool.unwrap(),
        [
            json!({"pool": "one", "hosts": 2, "sum_properties_n": 9, "on": 1}),
            json!({"pool": "two", "hosts": 1, "sum_properties_n": 10, "on": 0}),
        ]
    );
    assert_eq!(run("| where name == '' | summarize count()").unwrap(), [json!({"count_": 0})]);
    assert_eq!(run("| count").unwrap(), [json!({"Count": 3})]);
    let distinct = run("| distinct type").unwrap();
    assert_eq!(distinct, [json!({"type": "a/B"})]);
    let range = run("| summarize low=min(properties.n), high=max(properties.n), types=dcount(type)").unwrap();
    assert_eq!(range, [json!({"low": 2, "high": 10, "types": 1})]);
}

#[test]
fn lists_become_rows() {
    let tags = |stage: &str| -> Vec<Value> {
        let rows = run(&format!("| {stage} | project name, tag | order by name asc, tag asc")).unwrap();
        rows.into_iter().map(|row| json!([row["name"], row["tag"]])).collect()
    };
    let expected = [json!(["one/h1", null]), json!(["one/h3", "a"]), json!(["one/h3", "b"]), json!(["two/h2", null])];
    assert_eq!(tags("mv-expand tag = properties.tags"), expected);
    let bags = run("| where name == 'two/h2' | mv-expand properties | project properties").unwrap();
    assert_eq!(
        bags,
        [json!({"properties": {"n": 10}}), json!({"properties": {"on": false}}), json!({"properties": {"t": null}})]
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    for wrong in [
        "| where",
        "| where name ==",
        "| where name = 'x'",
        "| where name like 'x'",
        "| where (name == 'x'",
        "| where name == 'x",
        "| mv-apply properties",
        "| mv-expand nothing",
        "| join kind=inner (resources) on id",
        "| extend x = rand()",
        "| extend x = tolower()",
        "| project",
        "| order name",
        "| summarize by",
        "| take many",
        "| where nothing == 1",
        "| project name | where id == ''",
        "| where name ! == 'x'",
        "where name == 'x'",
        "| where name == #",
    ] {
        assert!(run(wrong).is_err(), "{wrong}");
    }
    assert!(parser::parse("elsewhere").is_err());
    assert!(parser::parse("").is_err());
}

#[test]
fn a_fault_says_where_it_is() {
    let fault = parser::parse("resources\n| where name likes 'x'").unwrap_err();
    assert_eq!((fault.line, fault.column, fault.token.as_str()), (2, 13, "likes"));
}
