//! Role assignments of the classic model. Those that a tenant starts with
//! follow from the estate, contradictions of published samples included; tests
//! and clients add and remove others.

use std::sync::{Mutex, PoisonError};

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    TENANT_GROUP,
    fields::user_name,
    lists::{Entry, page},
    tenants_of,
};
use crate::{
    dice::Dice,
    estate::model::{Estate, Kind},
    reply::Reply,
    request::Request,
};

/// Role and id.
const ROLES: [(&str, &str); 4] = [
    ("RDS Owner", "3b14baea-8d82-4610-f5da-08d623dd1cc4"),
    ("RDS Contributor", "f5dc85e1-b94d-48f0-f5dc-08d623dd1cc4"),
    ("RDS Reader", "2ea11dc0-46e3-4ee8-f5db-08d623dd1cc4"),
    ("RDS Operator", "827a079d-aa89-4d0d-f5dd-08d623dd1cc4"),
];

/// The role assignments, planted at the first look.
#[derive(Debug, Default)]
pub(crate) struct RoleAssignments(Mutex<Option<Vec<Value>>>);

impl RoleAssignments {
    /// `GET [?upn=]`, `POST`, and `DELETE /{id}` or `?roleAssignmentId=`.
    pub(super) fn handle(&self, estate: &Estate, request: &Request, rest: &[&str], new_id: &str) -> Reply {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = kept.get_or_insert_with(|| planted(estate));
        let named = rest.first().copied().or_else(|| request.query("roleAssignmentId"));
        match request.method {
            Method::GET => {
                let upn = request.query("upn");
                let wanted = all.iter().filter(|record| {
                    let is = |field: &str, value: &str| {
                        record[field].as_str().is_some_and(|known| known.eq_ignore_ascii_case(value))
                    };
                    upn.is_none_or(|upn| is("signInName", upn)) && named.is_none_or(|id| is("roleAssignmentId", id))
                });
                let entries =
                    wanted.map(|record| Entry::new(record["roleAssignmentId"].as_str().unwrap_or(""), record.clone()));
                page(request, entries.collect())
            }
            Method::POST => match request.json().map(|body| added(&body, new_id)) {
                Ok(Ok(record)) => {
                    all.push(record.clone());
                    Reply::json(201, &record)
                }
                Ok(Err(message)) => Reply::error(400, "BadRequest", &message),
                Err(refusal) => refusal,
            },
            Method::DELETE => {
                let before = all.len();
                all.retain(|record| named.is_none_or(|id| record["roleAssignmentId"] != id));
                match named {
                    Some(_) if all.len() < before => Reply::empty(200),
                    _ => Reply::error(404, "NotFound", "RoleAssignment does not exist."),
                }
            }
            _ => Reply::error(405, "MethodNotAllowed", "GET, POST or DELETE."),
        }
    }
}

fn record(id: &str, role: usize, scope: &str, sign_in: Option<&str>, kind: &str, object: &str) -> Value {
    let (name, role_id) = ROLES[role];
    json!({
        "roleAssignmentId": id,
        "scope": scope,
        "displayName": sign_in.map(|name| name.split('@').next()),
        "signInName": sign_in,
        "roleDefinitionName": name,
        "roleDefinitionId": role_id,
        "objectId": object,
        "objectType": kind,
        "item": null,
    })
}

fn planted(estate: &Estate) -> Vec<Value> {
    let mut all = Vec::new();
    for (tenant, subscription) in tenants_of(estate) {
        let mut dice = Dice::new(12, &subscription.id);
        let scope = format!("/{TENANT_GROUP}/{tenant}");
        for (role, kind) in [(0, "User"), (1, "ServicePrincipal"), (2, "Group")] {
            let (id, object) = (dice.guid(), dice.guid());
            let name = user_name(&object);
            all.push(record(&id, role, &scope, (kind == "User").then_some(name.as_str()), kind, &object));
        }
        // A reader by name who is an owner by id, as a published sample has it.
        let (id, object) = (dice.guid(), dice.guid());
        let mut odd = record(&id, 2, &scope, Some(&user_name(&object)), "User", &object);
        odd["roleDefinitionId"] = json!(ROLES[0].1);
        all.push(odd);
        for pool in estate.in_subscription(&subscription.id, Kind::HostPool) {
            let (id, object) = (dice.guid(), dice.guid());
            let scope = format!("{scope}/{}", pool.name);
            all.push(record(&id, 3, &scope, Some(&user_name(&object)), "User", &object));
        }
    }
    all
}

/// A new record from what a client sends.
fn added(body: &Value, id: &str) -> Result<Value, String> {
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    let role = ROLES.iter().position(|(name, guid)| {
        text("roleDefinitionName").is_some_and(|given| given.eq_ignore_ascii_case(name))
            || text("roleDefinitionId").is_some_and(|given| given.eq_ignore_ascii_case(guid))
    });
    let role = role.ok_or("RoleDefinition does not exist.")?;
    let levels = [
        text("tenantGroupName").or(Some(TENANT_GROUP)),
        text("tenantName"),
        text("hostPoolName"),
        text("appGroupName"),
    ];
    let built: String = levels.iter().map_while(|level| *level).map(|level| format!("/{level}")).collect();
    let scope = text("scope").map_or(built, str::to_owned);
    let (sign_in, object, kind) = match (text("signInName"), text("groupObjectId"), text("appId").or(text("objectId")))
    {
        (Some(name), ..) => (Some(name), "00000000-0000-0000-0000-000000000000", "User"),
        (None, Some(group), _) => (None, group, "Group"),
        (None, None, Some(app)) => (None, app, "ServicePrincipal"),
        (None, None, None) => return Err("signInName, groupObjectId or appId is missing.".to_owned()),
    };
    Ok(record(id, role, &scope, sign_in, kind, object))
}
