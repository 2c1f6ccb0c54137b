//! What is granted in the directory: application permissions, delegated
//! permissions, and the directory's own roles. Ids follow from the content.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Directory, Object};
use crate::dice::{guid, hash};

/// When grants were made; Graph prints it.
const GRANTED: &str = "2024-02-03T04:05:06Z";

impl Directory {
    /// Grants an application permission of a resource, by the name of the
    /// permission; answers the grant's id.
    pub(crate) fn grant_app_role(
        &mut self,
        principal: &str,
        resource_app_id: &str,
        value: &str,
    ) -> Result<String, String> {
        let resource = self.resource(resource_app_id)?;
        let roles = resource.body["appRoles"].as_array().into_iter().flatten();
        let role = roles.clone().find(|role| role["value"].as_str().is_some_and(|name| name == value));
        let role = role.ok_or_else(|| format!("{resource_app_id} has no application permission {value}"))?;
        let holder = self.get(principal).ok_or_else(|| format!("there is no {principal} in the directory"))?;
        let id = content_id(&["app role", &holder.id, &resource.id, value]);
        let grant = json!({
            "id": id,
            "appRoleId": role["id"],
            "createdDateTime": GRANTED,
            "deletedDateTime": null,
            "principalId": holder.id,
            "principalDisplayName": holder.body["displayName"],
            "principalType": "ServicePrincipal",
            "resourceId": resource.id,
            "resourceDisplayName": resource.body["displayName"],
        });
        replace(&mut self.app_roles, grant);
        Ok(id)
    }

    /// Grants delegated permissions of a resource: for one user, or for all.
    /// `scopes` are names with spaces between them. Answers the grant's id.
    pub(crate) fn grant_scopes(
        &mut self,
        client: &str,
        resource_app_id: &str,
        user: Option<&str>,
        scopes: &str,
    ) -> Result<String, String> {
        let resource = self.resource(resource_app_id)?.id.clone();
        let client = client.to_ascii_lowercase();
        let id = content_id(&["delegated", &client, &resource, user.unwrap_or("")]);
        let grant = json!({
            "id": id,
            "clientId": client,
            "consentType": if user.is_some() { "Principal" } else { "AllPrincipals" },
            "principalId": user.map(str::to_ascii_lowercase),
            "resourceId": resource,
            "scope": scopes,
        });
        replace(&mut self.delegated, grant);
        Ok(id)
    }

    /// Assigns one of the directory's own roles; answers the assignment's id.
    pub(crate) fn assign_role(&mut self, role_template: &str, principal: &str) -> String {
        let principal = principal.to_ascii_lowercase();
        let id = content_id(&["directory role", role_template, &principal]);
        let assignment = json!({
            "id": id,
            "roleDefinitionId": role_template,
            "principalId": principal,
            "directoryScopeId": "/",
        });
        replace(&mut self.role_assignments, assignment);
        id
    }

    /// Takes back an application permission, a delegated permission or a
    /// directory role by its id; whether there was one.
    pub(crate) fn revoke(&mut self, id: &str) -> bool {
        let lists = [&mut self.app_roles, &mut self.delegated, &mut self.role_assignments];
        let mut found = false;
        for list in lists {
            let before = list.len();
            list.retain(|grant| grant["id"] != id);
            found |= list.len() < before;
        }
        found
    }

    fn resource(&self, app_id: &str) -> Result<Arc<Object>, String> {
        let found = self.service_principal_of(app_id).cloned();
        found.ok_or_else(|| format!("the application {app_id} has no service principal"))
    }
}

fn replace(list: &mut Vec<Value>, item: Value) {
    list.retain(|known| known["id"] != item["id"]);
    list.push(item);
}

fn content_id(parts: &[&str]) -> String {
    let content = parts.join(" ");
    guid(hash(1, &content), hash(2, &content))
}
