//! Users, groups and service principals, and how they are made.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::dice::{guid, hash};

/// The kinds of object that can hold a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ObjectKind {
    User,
    Group,
    ServicePrincipal,
}

impl ObjectKind {
    /// The type as OData writes it.
    pub(crate) fn odata_type(self) -> &'static str {
        match self {
            Self::User => "#microsoft.graph.user",
            Self::Group => "#microsoft.graph.group",
            Self::ServicePrincipal => "#microsoft.graph.servicePrincipal",
        }
    }

    /// The type as `getByIds` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::ServicePrincipal => "servicePrincipal",
        }
    }
}

/// An object of the directory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) kind: ObjectKind,
    /// Its id in lower case.
    pub(crate) id: String,
    /// Every field that Graph prints of it.
    pub(crate) body: Value,
    /// Of a group: the ids of its direct members, in lower case.
    pub(crate) members: BTreeSet<String>,
    /// Of a group: whether its members show only to who may read hidden
    /// memberships.
    pub(crate) hides_members: bool,
    /// Of a service principal: the ids of its owners, in lower case.
    pub(crate) owners: BTreeSet<String>,
}

impl Object {
    fn new(kind: ObjectKind, id: &str, body: Value) -> Self {
        let id = id.to_ascii_lowercase();
        let mut object =
            Self { kind, body, members: BTreeSet::new(), hides_members: false, owners: BTreeSet::new(), id };
        object.body["id"] = json!(object.id);
        object
    }

    /// A member of the tenant who can sign in.
    pub(crate) fn user(id: &str, name: &str, upn: &str) -> Self {
        let body = json!({
            "displayName": name,
            "userPrincipalName": upn,
            "mail": upn,
            "userType": "Member",
            "accountEnabled": true,
            "onPremisesSyncEnabled": null,
        });
        Self::new(ObjectKind::User, id, body)
    }

    /// A security group.
    pub(crate) fn group(id: &str, name: &str) -> Self {
        let body = json!({
            "displayName": name,
            "securityEnabled": true,
            "mailEnabled": false,
            "groupTypes": [],
            "visibility": null,
            "isAssignableToRole": null,
        });
        Self::new(ObjectKind::Group, id, body)
    }

    /// The service principal of an application.
    pub(crate) fn service_principal(id: &str, name: &str, app_id: &str) -> Self {
        let app_id = app_id.to_ascii_lowercase();
        let body = json!({
            "displayName": name,
            "appId": app_id,
            "appDisplayName": name,
            "servicePrincipalType": "Application",
            "accountEnabled": true,
            "alternativeNames": [],
            "appOwnerOrganizationId": null,
            "servicePrincipalNames": [app_id],
            "passwordCredentials": [],
            "keyCredentials": [],
            "appRoles": [],
            "oauth2PermissionScopes": [],
            "tags": [],
        });
        Self::new(ObjectKind::ServicePrincipal, id, body)
    }

    /// The service principal of a managed identity: of a user-assigned one when
    /// `resource` is one, else of the resource itself.
    pub(crate) fn managed_identity(id: &str, name: &str, app_id: &str, resource: &str) -> Self {
        let is_explicit = resource.to_ascii_lowercase().contains("/userassignedidentities/");
        let flag = if is_explicit { "isExplicit=True" } else { "isExplicit=False" };
        Self::service_principal(id, name, app_id)
            .with("servicePrincipalType", json!("ManagedIdentity"))
            .with("alternativeNames", json!([flag, resource]))
    }

    /// The object with a field set to another value.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.body[field] = value;
        self
    }

    /// Of a user: invited from another tenant.
    pub(crate) fn guest(self) -> Self {
        self.with("userType", json!("Guest"))
    }

    /// Of a user or service principal: cannot sign in.
    pub(crate) fn disabled(self) -> Self {
        self.with("accountEnabled", json!(false))
    }

    /// Of a group: with these members besides those it has.
    pub(crate) fn members<S: AsRef<str>>(mut self, ids: impl IntoIterator<Item = S>) -> Self {
        self.members.extend(ids.into_iter().map(|id| id.as_ref().to_ascii_lowercase()));
        self
    }

    /// Of a group: hides its membership, or shows it.
    pub(crate) fn hide_members(&mut self, hidden: bool) {
        self.hides_members = hidden;
        self.body["visibility"] = if hidden { json!("HiddenMembership") } else { Value::Null };
    }

    /// Of a service principal: with these owners besides those it has.
    pub(crate) fn owners<S: AsRef<str>>(mut self, ids: impl IntoIterator<Item = S>) -> Self {
        self.owners.extend(ids.into_iter().map(|id| id.as_ref().to_ascii_lowercase()));
        self
    }

    /// Of a service principal: the tenant its application is registered in.
    pub(crate) fn owned_by_tenant(self, tenant: &str) -> Self {
        self.with("appOwnerOrganizationId", json!(tenant))
    }

    /// Of a service principal: with another secret, of which Graph shows only
    /// from when to when it holds.
    pub(crate) fn secret(mut self, start: &str, end: &str) -> Self {
        let number = self.body["passwordCredentials"].as_array().map_or(0, Vec::len);
        let key = format!("secret {number} {start} {end}");
        self.push(
            "passwordCredentials",
            json!({
                "keyId": guid(hash(1, &key), hash(2, &self.id)),
                "displayName": "secret",
                "startDateTime": start,
                "endDateTime": end,
                "secretText": null,
                "hint": "sim",
            }),
        );
        self
    }

    /// Of a resource's service principal: with a permission for applications.
    pub(crate) fn app_role(mut self, id: &str, value: &str) -> Self {
        self.push(
            "appRoles",
            json!({
                "id": id,
                "value": value,
                "displayName": value,
                "description": value,
                "isEnabled": true,
                "allowedMemberTypes": ["Application"],
                "origin": "Application",
            }),
        );
        self
    }

    /// Of a resource's service principal: with a permission for users.
    pub(crate) fn scope(mut self, id: &str, value: &str) -> Self {
        let scope = json!({"id": id, "value": value, "type": "Admin", "isEnabled": true});
        self.push("oauth2PermissionScopes", scope);
        self
    }

    fn push(&mut self, field: &str, item: Value) {
        if let Some(items) = self.body[field].as_array_mut() {
            items.push(item);
        }
    }

    /// A field that is text.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.body[field].as_str()
    }
}
