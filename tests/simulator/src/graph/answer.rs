//! `POST /providers/Microsoft.ResourceGraph/resources`: from the request body
//! to a page of rows.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    lexer::Fault,
    parser, pipeline,
    rows::{self, ScopeFilter},
};
use crate::{
    arm,
    clock::seven_digits,
    dice::{guid, hash},
    fault::Active,
    reply::Reply,
    request::Request,
    state::Simulation,
    world::Snapshot,
};

/// The most rows on a page.
const MAX_TOP: usize = 1_000;
/// Rows on a page when the caller does not say.
const DEFAULT_TOP: usize = 100;

/// The whole result of a query, every row printed already.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<String>,
    /// Whether rows can be told apart, without which there is no paging.
    has_ids: bool,
}

/// Answers a query.
pub(crate) fn query(simulation: &Simulation, request: &Request) -> Reply {
    match try_query(simulation, request) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn try_query(simulation: &Simulation, request: &Request) -> Result<Reply, Reply> {
    if request.method != axum::http::Method::POST {
        return Err(arm::error::not_allowed(request));
    }
    arm::check_graph_version(request)?;
    let now = simulation.now();
    let asked = Asked::parse(&request.json()?, now)?;
    let snapshot = simulation.world.seen_by_graph(now);
    let denied = simulation.faults.active();
    let subscriptions = readable(&snapshot, &asked, &denied).ok_or_else(|| arm::error::forbidden(request, None))?;
    let table = result(&snapshot, &asked, &subscriptions, &denied, now)?;
    let offset = asked.offset(now)?;
    let rows = table.rows.get(offset..).unwrap_or(&[]);
    let page = &rows[..asked.top.min(rows.len())];
    let truncated = page.len() < rows.len();
    let skip_token = (truncated && table.has_ids).then(|| asked.skip_token(offset + page.len()));
    Ok(Reply::page(render(&table, page, asked.as_table, truncated, skip_token.as_deref())))
}

/// What a request asks for.
struct Asked {
    text: String,
    subscriptions: Option<Vec<String>>,
    management_groups: Vec<String>,
    top: usize,
    skip: usize,
    skip_token: Option<String>,
    as_table: bool,
    scope: ScopeFilter,
}

impl Asked {
    fn parse(body: &Value, now: Timestamp) -> Result<Self, Reply> {
        let bad = |code: &str, message: &str| refusal(400, "BadRequest", now, &[(code, message)]);
        let strings = |value: &Value| -> Vec<String> {
            let items = value.as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_ascii_lowercase).collect()
        };
        let text = body["query"].as_str().filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| bad("InvalidQuery", "Query is empty."))?;
        let options = &body["options"];
        let number = |name: &str| match &options[name] {
            Value::Null => Ok(None),
            value => value
                .as_u64()
                .and_then(|number| usize::try_from(number).ok())
                .map(Some)
                .ok_or_else(|| bad("InvalidOptions", &format!("{name} is not a positive number."))),
        };
        let top = number("$top")?.unwrap_or(DEFAULT_TOP);
        if !(1..=MAX_TOP).contains(&top) {
            return Err(bad("InvalidOptions", "$top must be between 1 and 1000."));
        }
        let as_table = match options["resultFormat"].as_str() {
            None | Some("objectArray") => false,
            Some("table") => true,
            Some(other) => {
                return Err(bad("InvalidOptions", &format!("resultFormat '{other}' is not known.")));
            }
        };
        let filter = options["authorizationScopeFilter"].as_str();
        let scope = ScopeFilter::parse(filter).ok_or_else(|| {
            bad("InvalidOptions", &format!("authorizationScopeFilter '{}' is not known.", filter.unwrap_or("")))
        })?;
        let subscriptions = strings(&body["subscriptions"]);
        Ok(Self {
            text: text.to_owned(),
            subscriptions: (!subscriptions.is_empty()).then_some(subscriptions),
            management_groups: strings(&body["managementGroups"]),
            top,
            skip: number("$skip")?.unwrap_or(0),
            skip_token: options["$skipToken"].as_str().map(str::to_owned),
            as_table,
            scope,
        })
    }

    /// A number that differs when another query is asked.
    fn fingerprint(&self) -> u64 {
        hash(7, &self.text)
    }

    fn skip_token(&self, offset: usize) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{offset}:{:x}", self.fingerprint()))
    }

    fn offset(&self, now: Timestamp) -> Result<usize, Reply> {
        let Some(token) = &self.skip_token else {
            return Ok(self.skip);
        };
        let invalid = || {
            refusal(400, "BadRequest", now, &[("InvalidSkipToken", "The skip token does not belong to this query.")])
        };
        let text = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
        let text = String::from_utf8(text).map_err(|_| invalid())?;
        let (offset, fingerprint) = text.split_once(':').ok_or_else(invalid)?;
        if fingerprint != format!("{:x}", self.fingerprint()) {
            return Err(invalid());
        }
        offset.parse().map_err(|_| invalid())
    }
}

/// The subscriptions asked for that exist and can be read; `None` when there
/// is none of them.
fn readable(snapshot: &Snapshot, asked: &Asked, denied: &Active) -> Option<Vec<String>> {
    let estate = &snapshot.estate;
    let whole_tenant = asked.management_groups.is_empty() && asked.subscriptions.is_none();
    let is_below = |id: &String| {
        let home = estate.subscription(id).map_or("", |found| found.management_group.as_str());
        let mut ancestors = estate.ancestors(home).into_iter();
        ancestors.any(|group| asked.management_groups.contains(&group.name.to_ascii_lowercase()))
    };
    let wanted = |id: &String| {
        whole_tenant
            || is_below(id)
            || asked.subscriptions.as_ref().is_some_and(|asked| asked.contains(&id.to_ascii_lowercase()))
    };
    let found: Vec<String> = estate
        .subscriptions
        .iter()
        .map(|subscription| &subscription.id)
        .filter(|id| wanted(id) && !denied.denies(&format!("/subscriptions/{}", id.to_ascii_lowercase())))
        .cloned()
        .collect();
    (!found.is_empty()).then_some(found)
}

fn result(
    snapshot: &Snapshot,
    asked: &Asked,
    subscriptions: &[String],
    denied: &Active,
    now: Timestamp,
) -> Result<Arc<Table>, Reply> {
    let key = format!(
        "{}|{}|{:?}|{}|{}|{}",
        denied.generation,
        asked.as_table,
        asked.scope,
        asked.management_groups.join(","),
        subscriptions.join(","),
        asked.text
    );
    if let Some(table) = snapshot.cached_table(&key) {
        return Ok(table);
    }
    let query = parser::parse(&asked.text).map_err(|fault| parse_refusal(&fault, now))?;
    let of = rows::Asked { subscriptions, management_groups: &asked.management_groups, scope: asked.scope };
    let rows = rows::of(&snapshot.estate, query.table, of, denied);
    let rows = pipeline::run(rows, &query.stages).map_err(|column| unknown_column(&column, now))?;
    let table = Arc::new(print(&rows, asked.as_table));
    snapshot.keep_table(key, Arc::clone(&table));
    Ok(table)
}

fn print(rows: &pipeline::Rows<'_>, as_table: bool) -> Table {
    let columns = &rows.columns.0;
    let id = rows.columns.find("id");
    let has_ids = id.is_some_and(|at| rows.rows.iter().all(|row| row[at].is_string()));
    let printed = rows
        .rows
        .iter()
        .map(|row| {
            if as_table {
                return serde_json::to_string(row).unwrap_or_default();
            }
            let fields: Map<String, Value> =
                columns.iter().zip(row).map(|(column, value)| (column.clone(), Value::clone(value))).collect();
            Value::Object(fields).to_string()
        })
        .collect();
    Table { columns: columns.clone(), rows: printed, has_ids }
}

fn render(table: &Table, page: &[String], as_table: bool, truncated: bool, skip_token: Option<&str>) -> Bytes {
    let rows = page.join(",");
    let data = if as_table {
        let columns: Vec<Value> = table.columns.iter().map(|name| json!({"name": name, "type": "string"})).collect();
        format!("{{\"columns\":{},\"rows\":[{rows}]}}", Value::Array(columns))
    } else {
        format!("[{rows}]")
    };
    let token = skip_token.map_or(String::new(), |token| format!(",\"$skipToken\":\"{token}\""));
    Bytes::from(format!(
        "{{\"totalRecords\":{},\"count\":{},\"data\":{data},\"facets\":[],\"resultTruncated\":\"{truncated}\"{token}}}",
        table.rows.len(),
        page.len(),
    ))
}

/// An error as Resource Graph prints it: the reasons are in `details`.
pub(crate) fn refusal(status: u16, code: &str, now: Timestamp, details: &[(&str, &str)]) -> Reply {
    let details = details.iter().map(|(code, message)| json!({"code": code, "message": message}));
    error(status, code, now, &details.collect::<Vec<_>>())
}

fn error(status: u16, code: &str, now: Timestamp, details: &[Value]) -> Reply {
    let timestamp = seven_digits(now);
    let correlation = guid(hash(5, &timestamp), hash(6, &timestamp));
    let message = format!(
        "Please provide below info when asking for support: timestamp = {timestamp}, correlationId = {correlation}."
    );
    Reply::json(status, &json!({"error": {"code": code, "message": message, "details": details}}))
}

const INVALID: &str = "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying.";

fn parse_refusal(fault: &Fault, now: Timestamp) -> Reply {
    let details = [
        json!({"code": "InvalidQuery", "message": INVALID}),
        json!({
            "code": "ParserFailure",
            "message": format!("ParserFailure: {}", fault.message),
            "line": fault.line,
            "characterPositionInLine": fault.column,
            "token": fault.token,
            "expectedToken": "",
        }),
    ];
    error(400, "BadRequest", now, &details)
}

fn unknown_column(name: &str, now: Timestamp) -> Reply {
    let message = format!("Failed to resolve column or scalar expression named '{name}'");
    refusal(400, "BadRequest", now, &[("InvalidQuery", INVALID), ("UnresolvedColumn", &message)])
}
