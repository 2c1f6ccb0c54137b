//! Microsoft Graph, as far as it tells when the credentials of an application
//! end: `GET /v1.0/applications?$filter=appId eq '…'`. As in most tenants the
//! caller may not read applications, until a test allows it.

use std::sync::{Mutex, PoisonError};

use axum::http::Method;
use serde_json::{Map, Value, json};

use crate::{options::Client, reply::Reply, request::Request};

/// The applications, and whether they can be read.
#[derive(Debug)]
pub(crate) struct Directory(Mutex<State>);

#[derive(Debug)]
struct State {
    allowed: bool,
    applications: Vec<Value>,
}

impl Directory {
    /// With the clients that can sign in, whose secrets end in 2027.
    pub(crate) fn new(clients: &[Client]) -> Self {
        let applications = clients
            .iter()
            .map(|client| {
                json!({
                    "id": client.id,
                    "appId": client.id,
                    "displayName": "Simulated application",
                    "passwordCredentials": [{
                        "keyId": client.id,
                        "displayName": "secret",
                        "startDateTime": "2025-01-01T00:00:00Z",
                        "endDateTime": "2027-01-01T00:00:00Z",
                        "secretText": null,
                        "hint": "sim",
                    }],
                    "keyCredentials": [],
                })
            })
            .collect();
        Self(Mutex::new(State { allowed: false, applications }))
    }

    /// Answers a request with a token for Graph.
    pub(crate) fn handle(&self, request: &Request) -> Reply {
        if request.method != Method::GET {
            return refusal(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.");
        }
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (path, single) = match request.lower.split_once("(appid='") {
            Some((path, rest)) => (path, Some(rest.trim_end_matches("')").to_owned())),
            None => (request.lower.as_str(), None),
        };
        if path != "/v1.0/applications" {
            return refusal(404, "BadRequest", "Resource not found for the segment.");
        }
        if !state.allowed {
            return refusal(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
        }
        let wanted = match (single.clone(), request.query("$filter")) {
            (Some(id), _) => Some(id),
            (None, Some(filter)) => match filtered(filter) {
                Some(id) => Some(id),
                None => return refusal(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause."),
            },
            (None, None) => None,
        };
        let found: Vec<Value> = state
            .applications
            .iter()
            .filter(|app| {
                let id = app["appId"].as_str().unwrap_or("");
                wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(id))
            })
            .map(|app| selected(app, request.query("$select")))
            .collect();
        let context = format!("{}/v1.0/$metadata#applications", request.origin);
        match (single, found.into_iter()) {
            (Some(id), mut found) => found.next().map_or_else(
                || refusal(404, "Request_ResourceNotFound", &format!("Resource '{id}' does not exist.")),
                |app| Reply::json(200, &app),
            ),
            (None, found) => Reply::json(200, &json!({"@odata.context": context, "value": found.collect::<Vec<_>>()})),
        }
    }

    /// `{"allow": bool, "applications": [{"appId", "passwordCredentials",
    /// "keyCredentials"}]}`; what is left out stays. An array is the
    /// applications, and allows.
    pub(crate) fn set(&self, body: &Value) -> Result<Value, String> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (allow, applications) = match body {
            Value::Array(_) => (Some(true), Some(body)),
            Value::Object(fields) => (fields.get("allow").and_then(Value::as_bool), fields.get("applications")),
            _ => return Err("the body is neither an object nor an array of applications".to_owned()),
        };
        if let Some(applications) = applications {
            let applications = applications.as_array().ok_or("applications is not an array")?;
            if applications.iter().any(|app| !app["appId"].is_string()) {
                return Err("an application has no appId".to_owned());
            }
            state.applications = applications.clone();
        }
        state.allowed = allow.unwrap_or(state.allowed);
        Ok(json!({"allow": state.allowed, "applications": state.applications}))
    }
}

/// The id in `appId eq '…'`.
fn filtered(filter: &str) -> Option<String> {
    let (name, rest) = filter.trim().split_once(" eq ")?;
    let value = rest.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    name.trim().eq_ignore_ascii_case("appId").then(|| value.to_owned())
}

fn selected(app: &Value, select: Option<&str>) -> Value {
    let (Some(select), Some(fields)) = (select, app.as_object()) else {
        return app.clone();
    };
    let kept: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| select.split(',').any(|wanted| wanted.trim() == name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    kept.into()
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message, "innerError": {}}}))
}
