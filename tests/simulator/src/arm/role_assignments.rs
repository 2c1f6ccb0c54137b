//! PUT and DELETE of a role assignment, at any scope.

use axum::http::Method;
use serde_json::{Value, json};

use super::error;
use crate::{
    dice::{Dice, is_guid},
    estate::{
        access::{Grant, GrantKind, role_definition_id, subscription_of},
        change::Change,
        directory::ObjectKind,
        model::Estate,
    },
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// What a caller may set beside who, what and where.
const OPTIONAL: [&str; 4] = ["condition", "conditionVersion", "description", "delegatedManagedIdentityResourceId"];

/// `scope` as it was spelled, `name` the assignment's.
pub(super) fn handle(simulation: &Simulation, request: &Request, scope: &str, name: &str) -> Result<Reply, Reply> {
    match request.method {
        Method::PUT => put(simulation, request, scope, name),
        Method::DELETE => delete(simulation, scope, name),
        _ => Err(error::not_allowed(request)),
    }
}

/// What a body asks for.
struct Asked {
    role: String,
    principal: String,
    principal_type: Option<String>,
    rest: Vec<(&'static str, Value)>,
}

impl Asked {
    fn parse(body: &Value) -> Result<Self, Reply> {
        let properties = &body["properties"];
        let text = |name: &str| properties[name].as_str().filter(|text| !text.is_empty());
        let wrong = || Reply::error(400, "BadRequestFormat", "The request was incorrectly formatted.");
        let (role, principal) = (text("roleDefinitionId").ok_or_else(wrong)?, text("principalId").ok_or_else(wrong)?);
        if !is_guid(principal) {
            return Err(wrong());
        }
        let role = role.rsplit('/').next().unwrap_or(role);
        if !is_guid(role) {
            let message = format!("The role definition ID '{role}' is not valid.");
            return Err(Reply::error(400, "InvalidRoleDefinitionId", &message));
        }
        let rest = OPTIONAL.iter().filter(|name| !properties[**name].is_null());
        Ok(Self {
            role: role.to_ascii_lowercase(),
            principal: principal.to_ascii_lowercase(),
            principal_type: text("principalType").map(str::to_owned),
            rest: rest.map(|name| (*name, properties[*name].clone())).collect(),
        })
    }

    /// The type of the principal: the directory's, and only for want of it the
    /// caller's word.
    fn principal_type(&self, estate: &Estate) -> Result<String, Reply> {
        let known = estate.directory.get(&self.principal).map(|object| match object.kind {
            ObjectKind::User => "User",
            ObjectKind::Group => "Group",
            ObjectKind::ServicePrincipal => "ServicePrincipal",
        });
        match (known, self.principal_type.as_deref()) {
            (Some(known), Some(said)) if !known.eq_ignore_ascii_case(said) => {
                let message = format!(
                    "The PrincipalId '{}' has type '{known}' , which is different from specified PrinciaplType '{said}'.",
                    self.principal.replace('-', "")
                );
                Err(Reply::error(400, "UnmatchedPrincipalType", &message))
            }
            (Some(known), _) => Ok(known.to_owned()),
            (None, Some(said)) => Ok(said.to_owned()),
            (None, None) => {
                let message = format!(
                    "Principal {} does not exist in the directory {}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
                    self.principal.replace('-', ""),
                    estate.tenant
                );
                Err(Reply::error(400, "PrincipalNotFound", &message))
            }
        }
    }
}

fn put(simulation: &Simulation, request: &Request, scope: &str, name: &str) -> Result<Reply, Reply> {
    if !is_guid(name) {
        let message = format!("The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.");
        return Err(Reply::error(400, "InvalidRoleAssignmentId", &message));
    }
    let asked = Asked::parse(&request.json()?)?;
    let now = simulation.now_text();
    let (body, is_new) = simulation.world.change(simulation.now(), |estate| {
        let changed = assign(estate, scope, name, &asked, &now)?;
        Ok::<_, Reply>(match changed {
            Assigned::Is(body) => ((body, false), Vec::new()),
            Assigned::Becomes(body, is_new) => {
                let change = Change::write(body["id"].as_str().unwrap_or(""));
                ((body, is_new), vec![change])
            }
        })
    })?;
    Ok(Reply::json(if is_new { 201 } else { 200 }, &body))
}

enum Assigned {
    /// It is there as it was asked for.
    Is(Value),
    /// It was made or changed; whether it is new.
    Becomes(Value, bool),
}

fn assign(estate: &mut Estate, scope: &str, name: &str, asked: &Asked, now: &str) -> Result<Assigned, Reply> {
    check_scope(estate, scope)?;
    let lower = scope.to_ascii_lowercase();
    let chain = estate.chain(&lower);
    if !estate.access.roles_around(&chain).any(|role| role.guid.eq_ignore_ascii_case(&asked.role)) {
        let message =
            format!("The specified role definition with ID '{}' does not exist.", asked.role.replace('-', ""));
        return Err(Reply::error(404, "RoleDefinitionDoesNotExist", &message));
    }
    let principal_type = asked.principal_type(estate)?;
    let subscription = subscription_of(&lower).to_owned();
    let at_scope = |grant: &&Grant| grant.scope == lower;
    let here: Vec<&Grant> =
        estate.access.in_subscription(&subscription, GrantKind::Assignment).filter(at_scope).collect();
    let is_asked = |grant: &Grant| {
        let role = grant.body["properties"]["roleDefinitionId"].as_str().and_then(|id| id.rsplit('/').next());
        role.is_some_and(|role| role.eq_ignore_ascii_case(&asked.role)) && grant.principals.contains(&asked.principal)
    };
    let same_name = here.iter().find(|grant| grant.name.eq_ignore_ascii_case(name));
    let old = same_name.map(|grant| grant.body.clone());
    if let Some(same_name) = same_name
        && !is_asked(same_name)
    {
        let message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
        return Err(Reply::error(400, "RoleAssignmentUpdateNotPermitted", message));
    }
    let other = here.iter().find(|grant| !grant.name.eq_ignore_ascii_case(name) && is_asked(grant));
    if let (None, Some(other)) = (same_name, other) {
        let id = other.name.replace('-', "");
        let message = format!("The role assignment already exists. The ID of the existing role assignment is {id}.");
        return Err(Reply::error(409, "RoleAssignmentExists", &message));
    }
    let mut properties = json!({
        "roleDefinitionId": role_definition_id(subscription_of(scope), &asked.role),
        "principalId": asked.principal,
        "principalType": principal_type,
        "scope": scope,
        "condition": null,
        "conditionVersion": null,
        "createdOn": now,
        "updatedOn": now,
        "createdBy": Dice::new(0, "role assignments").guid(),
        "updatedBy": null,
        "delegatedManagedIdentityResourceId": null,
        "description": null,
    });
    for (field, value) in &asked.rest {
        properties[*field] = value.clone();
    }
    let is_new = old.is_none();
    if let Some(old) = old {
        properties["createdOn"] = old["properties"]["createdOn"].clone();
        if OPTIONAL.iter().all(|field| old["properties"][*field] == properties[*field]) {
            return Ok(Assigned::Is(old));
        }
    }
    let grant = Grant::named(GrantKind::Assignment, name, scope, &asked.principal, properties);
    let body = grant.body.clone();
    estate.ungrant(grant.id());
    estate.grant(grant);
    Ok(Assigned::Becomes(body, is_new))
}

/// Roles are given only where something is.
fn check_scope(estate: &Estate, scope: &str) -> Result<(), Reply> {
    let lower = scope.to_ascii_lowercase();
    let segments: Vec<&str> = lower.split('/').skip(1).collect();
    match segments[..] {
        ["subscriptions", _, "resourcegroups", name] if !estate.resource_groups.contains(&lower) => {
            Err(error::no_resource_group(name))
        }
        ["subscriptions", _, "resourcegroups", _, "providers", ..]
            if estate.get(&lower).is_none() && estate.other.get(&lower).is_none() =>
        {
            Err(error::no_resource(scope))
        }
        _ => Ok(()),
    }
}

fn delete(simulation: &Simulation, scope: &str, name: &str) -> Result<Reply, Reply> {
    let lower = scope.to_ascii_lowercase();
    simulation.world.change(simulation.now(), |estate| {
        let found = estate
            .access
            .in_subscription(subscription_of(&lower), GrantKind::Assignment)
            .find(|grant| grant.scope == lower && grant.name.eq_ignore_ascii_case(name))
            .map(|grant| grant.body.clone());
        let Some(body) = found else {
            return Ok((Reply::empty(204), Vec::new()));
        };
        let id = body["id"].as_str().unwrap_or("").to_owned();
        estate.ungrant(&id);
        Ok((Reply::json(200, &body), vec![Change::delete(&id)]))
    })
}
