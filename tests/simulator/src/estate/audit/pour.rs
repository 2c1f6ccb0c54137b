//! Pours a draft into the estate: the directory, roles and grants as Azure
//! writes them, with the liberties that it takes in the case of ids.

use std::sync::Arc;

use serde_json::{Value, json};

use super::draft::{CustomRole, Denied, Draft, EVERYBODY, Held, How, Principal, Service, Who};
use crate::estate::{
    access::{Access, Grant, GrantKind},
    directory::{Directory, MICROSOFT_TENANT, Object},
    model::{ClassicAdministrator, Estate},
    other::Other,
    roles::{self, Role},
};

/// The end of what has one.
const END: &str = "2031-09-10T05:35:17.91Z";
/// An end that has passed.
const PAST: &str = "2025-03-01T00:00:00Z";
/// Share of grants that are written in an unusual case.
const ODD_CASE: f64 = 0.08;
/// Share of standing grants that Privileged Identity Management lists too.
const LISTED_TWICE: f64 = 0.15;
/// Share of a group's eligibilities that are listed for a member as well.
const LISTED_FOR_MEMBER: f64 = 0.3;

/// The estate of a draft, with what was found wrong in it.
pub(super) fn pour(mut draft: Draft) -> Estate {
    directory(&mut draft);
    let mut access = Access::new(roles::built_in());
    access.roles.extend(draft.roles.iter().map(custom));
    draft.estate.access = Arc::new(access);
    for held in std::mem::take(&mut draft.held) {
        grant(&mut draft, &held);
    }
    for denied in std::mem::take(&mut draft.denied) {
        deny(&mut draft, &denied);
    }
    hierarchy(&mut draft);
    for (id, body) in std::mem::take(&mut draft.resources) {
        let id = body["id"].as_str().unwrap_or(&id);
        if let Some(mut other) = Other::new(id, body["properties"].clone()) {
            for (field, value) in body.as_object().into_iter().flatten() {
                if !["id", "name", "type", "properties"].contains(&field.as_str()) {
                    other = other.with(field, value.clone());
                }
            }
            draft.estate.add_other(other);
        }
    }
    vaults(&mut draft);
    let found: Vec<Value> = draft.violations.iter().map(|violation| json!(violation)).collect();
    draft.estate.violations = Arc::new(json!({"policy": draft.policy, "violations": found}));
    draft.estate
}

/// The secrets of a principal's application: key id, start, end.
pub(super) fn secrets(id: &str, principal: &Principal) -> Vec<(String, String, String)> {
    let Who::ServicePrincipal(service) = &principal.who else {
        return Vec::new();
    };
    let object = with_secrets(Object::service_principal(id, &principal.name, &service.app_id), service);
    let list = object.body["passwordCredentials"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    list.map(|one| (text(&one["keyId"]), text(&one["startDateTime"]), text(&one["endDateTime"]))).collect()
}

fn with_secrets(object: Object, service: &Service) -> Object {
    service.secrets.iter().fold(object, |object, (start, end)| object.secret(start, end))
}

fn directory(draft: &mut Draft) {
    let mut directory = Directory::new(&draft.estate.tenant);
    directory.applications_readable = true;
    for (number, (id, principal)) in draft.principals.iter().enumerate() {
        let members = draft.members.get(id).map(Vec::as_slice).unwrap_or_default();
        if let Some(object) = object(id, principal, number, members, &draft.estate.tenant) {
            directory.add(object);
        }
        if let Who::ServicePrincipal(service) = &principal.who
            && service.registered_here
        {
            directory.applications.push(registration(&service.app_id, &principal.name, &secrets(id, principal)));
        }
    }
    for (app_id, name) in &draft.applications {
        let is_there = directory.applications.iter().any(|known| known["appId"] == app_id.as_str());
        if !is_there {
            directory.applications.push(registration(app_id, name, &[]));
        }
    }
    let granted = "the permission is one of those that the resource has";
    for grant in &draft.app_roles {
        directory.grant_app_role(&grant.principal, grant.resource_app_id, grant.value).expect(granted);
    }
    for grant in &draft.delegated {
        let scopes = grant.scopes.join(" ");
        directory.grant_scopes(&grant.client, grant.resource_app_id, grant.user.as_deref(), &scopes).expect(granted);
    }
    for (template, _, holders) in &draft.directory_roles {
        for holder in holders {
            directory.assign_role(template, holder);
        }
    }
    directory.organization["onPremisesSyncEnabled"] = json!(draft.last_sync.map(|_| true));
    directory.organization["onPremisesLastSyncDateTime"] = json!(draft.last_sync);
    draft.estate.directory = Arc::new(directory);
}

fn registration(app_id: &str, name: &str, secrets: &[(String, String, String)]) -> Value {
    let secrets: Vec<Value> = secrets
        .iter()
        .map(|(key, start, end)| json!({"keyId": key, "startDateTime": start, "endDateTime": end, "secretText": null}))
        .collect();
    json!({
        "id": crate::dice::guid(crate::dice::hash(1, app_id), crate::dice::hash(3, app_id)),
        "appId": app_id,
        "displayName": name,
        "passwordCredentials": secrets,
        "keyCredentials": [],
    })
}

/// A principal as the directory shows it; none of one that is not there.
fn object(id: &str, principal: &Principal, number: usize, members: &[String], tenant: &str) -> Option<Object> {
    let name = principal.name.as_str();
    Some(match &principal.who {
        Who::Deleted(_) => return None,
        Who::Group => Object::group(id, name).members(members),
        Who::User { guest, enabled } => {
            let is_account = name.starts_with("CloudWorkspace");
            let local = if is_account { name.to_owned() } else { format!("user{number:05}") };
            let mut user = Object::user(id, name, &format!("{local}@contoso.example"));
            if *guest {
                user = user.guest();
            }
            if *enabled { user } else { user.disabled() }
        }
        Who::ServicePrincipal(service) if service.managed => {
            let group = "/subscriptions/00000000-0000-4000-8000-000000000000/resourcegroups/rg-identities";
            let resource = format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}");
            Object::managed_identity(id, name, &service.app_id, &resource)
        }
        Who::ServicePrincipal(service) => {
            let object = Object::service_principal(id, name, &service.app_id).owners(&service.owners);
            let home = if service.microsoft { MICROSOFT_TENANT } else { tenant };
            // What is registered here has its secrets at the registration.
            let object = object.owned_by_tenant(home);
            if service.registered_here { object } else { with_secrets(object, service) }
        }
    })
}

fn custom(role: &CustomRole) -> Role {
    fn texts(list: &[String]) -> Vec<&str> {
        list.iter().map(String::as_str).collect()
    }
    let of = &role.permissions;
    let (actions, not_actions) = (texts(&of.actions), texts(&of.not_actions));
    let (data_actions, not_data_actions) = (texts(&of.data_actions), texts(&of.not_data_actions));
    let permissions = roles::Permissions {
        actions: &actions,
        not_actions: &not_actions,
        data_actions: &data_actions,
        not_data_actions: &not_data_actions,
    };
    Role::custom(&role.guid, &role.name, &role.scopes, permissions)
}

fn grant(draft: &mut Draft, held: &Held) {
    let kind = draft.principals.get(&held.principal).map_or("User", Principal::kind);
    if held.how.is_assignment() {
        let id = assignment(draft, held, kind);
        if held.how == How::Activated {
            instance(
                draft,
                held,
                kind,
                GrantKind::Active,
                Some(END),
                &[("assignmentType", json!("Activated")), ("originRoleAssignmentId", json!(id))],
            );
            instance(draft, held, kind, GrantKind::Eligible, Some(END), &[]);
        } else if draft.dice.chance(LISTED_TWICE) {
            instance(
                draft,
                held,
                kind,
                GrantKind::Active,
                None,
                &[("assignmentType", json!("Assigned")), ("originRoleAssignmentId", json!(id))],
            );
        }
        return;
    }
    let end = match held.how {
        How::Eligible => Some(END),
        How::EligibleOnce => Some(PAST),
        _ => None,
    };
    if held.how == How::Scheduled {
        instance(draft, held, kind, GrantKind::Active, None, &[("assignmentType", json!("Assigned"))]);
        return;
    }
    instance(draft, held, kind, GrantKind::Eligible, end, &[]);
    let member = draft.members.get(&held.principal).and_then(|members| members.first()).cloned();
    if let Some(member) = member.filter(|_| draft.dice.chance(LISTED_FOR_MEMBER)) {
        let kind = draft.principals.get(&member).map_or("User", Principal::kind);
        let through = Held { principal: member, ..held.clone() };
        instance(draft, &through, kind, GrantKind::Eligible, None, &[("memberType", json!("Group"))]);
    }
}

/// A role assignment; answers its id.
fn assignment(draft: &mut Draft, held: &Held, kind: &str) -> String {
    let mut grant = Grant::assignment(&mut draft.dice, &held.scope, &held.role, &held.principal, kind);
    if let Some(condition) = &held.condition {
        grant = grant.condition(condition);
    }
    if draft.dice.chance(ODD_CASE) {
        grant = grant.with("principalId", json!(held.principal.to_ascii_uppercase()));
    }
    if draft.dice.chance(ODD_CASE) {
        grant = grant.with("scope", json!(held.scope.to_ascii_lowercase()));
    }
    if draft.dice.chance(ODD_CASE) {
        let role = grant.body["properties"]["roleDefinitionId"].as_str().unwrap_or("").to_ascii_uppercase();
        grant = grant.with("roleDefinitionId", json!(role));
    }
    draft.estate.grant(grant)
}

fn instance(
    draft: &mut Draft,
    held: &Held,
    principal_type: &str,
    kind: GrantKind,
    end: Option<&str>,
    more: &[(&str, Value)],
) {
    let principal = (held.principal.as_str(), principal_type);
    let mut grant = Grant::pim(kind, &mut draft.dice, &held.scope, &held.role, principal, end);
    for (property, value) in more {
        grant = grant.with(property, value.clone());
    }
    if let Some(condition) = &held.condition {
        grant = grant.condition(condition);
    }
    draft.estate.grant(grant);
}

fn deny(draft: &mut Draft, denied: &Denied) {
    let named = |ids: &[String]| -> Vec<Value> {
        let kind = |id: &String| match draft.principals.get(id) {
            _ if id == EVERYBODY => "SystemDefined",
            Some(principal) => principal.kind(),
            None => "User",
        };
        ids.iter().map(|id| json!({"id": id.replace('-', ""), "type": kind(id)})).collect()
    };
    let properties = json!({
        "denyAssignmentName": format!("Deny {}", denied.actions.first().map_or("", String::as_str)),
        "description": "Planted.",
        "permissions": [{
            "actions": denied.actions,
            "notActions": [],
            "dataActions": denied.data_actions,
            "notDataActions": [],
        }],
        "scope": null,
        "doNotApplyToChildScopes": denied.here_only,
        "principals": named(&denied.principals),
        "excludePrincipals": named(&denied.except),
        "isSystemProtected": true,
    });
    let first = denied.principals.first().cloned().unwrap_or_default();
    let mut grant = Grant::new(GrantKind::Deny, &mut draft.dice, &denied.scope, &first, properties);
    grant.principals = denied.principals.iter().map(|id| id.to_ascii_lowercase()).collect();
    draft.estate.grant(grant);
}

fn hierarchy(draft: &mut Draft) {
    let name_of = |id: &str| id.rsplit('/').next().unwrap_or(id).to_owned();
    for group in draft.management_groups.clone() {
        if let Some(parent) = &group.parent {
            draft.estate.add_management_group(&name_of(&group.id), &group.name, Some(&name_of(parent)));
        }
    }
    for (subscription, group) in draft.placed_in.clone() {
        draft.estate.move_subscription(&name_of(&subscription), &name_of(&group));
    }
    for (subscription, email) in std::mem::take(&mut draft.classic_administrators) {
        let (subscription, role) = (name_of(&subscription), "CoAdministrator".to_owned());
        draft.estate.add_classic_administrator(ClassicAdministrator { subscription, email, role });
    }
}

fn vaults(draft: &mut Draft) {
    let name_of = |id: &str| id.rsplit('/').next().unwrap_or(id).to_owned();
    for (vault, name, attributes) in std::mem::take(&mut draft.secrets) {
        let vault = name_of(&vault);
        let id = format!("https://{vault}.vault.azure.net/secrets/{name}");
        draft.estate.vault_mut(&vault).secrets.push(json!({"id": id, "attributes": attributes}));
    }
    for (vault, name, attributes) in std::mem::take(&mut draft.certificates) {
        let vault = name_of(&vault);
        let id = format!("https://{vault}.vault.azure.net/certificates/{name}");
        draft.estate.vault_mut(&vault).certificates.push(json!({"id": id, "attributes": attributes}));
    }
}
