//! What Microsoft Entra knows of the principals that hold something.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An id of the directory as it is compared: lower case, and with dashes even where the source left them out, as deny
/// assignments do.
pub fn principal_id(id: &str) -> String {
    let id = id.trim().to_ascii_lowercase();
    let is_bare = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_bare {
        return id;
    }
    [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
}

/// What a service principal stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum ServicePrincipalKind {
    /// An application.
    Application,
    /// A managed identity.
    ManagedIdentity,
    /// Anything else.
    Other,
}

/// A secret or certificate of an application, as far as the directory shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClientCredential {
    /// Its id.
    pub key_id: String,
    /// From when it holds.
    pub start: Option<Timestamp>,
    /// Until when.
    pub end: Option<Timestamp>,
}

/// Something in the directory that can hold a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type")]
pub enum DirectoryObject {
    /// A person's account.
    User {
        /// What people call it.
        name: String,
        /// Its user principal name.
        upn: Option<String>,
        /// Whether it is invited from elsewhere (`userType`).
        guest: bool,
        /// Whether it can sign in; `None` when that was not to be read.
        enabled: Option<bool>,
    },
    /// A group.
    Group {
        /// What people call it.
        name: String,
        /// Whether directory roles can be assigned to it.
        role_assignable: bool,
    },
    /// An application or a managed identity.
    ServicePrincipal {
        /// What people call it.
        name: String,
        /// The application's (client) id, in lower case.
        app_id: String,
        /// What it stands for.
        kind: ServicePrincipalKind,
        /// Whether it can sign in.
        enabled: Option<bool>,
        /// The tenant that the application is registered in.
        owner_tenant: Option<String>,
        /// Ids of its owners; `None` when they were not to be read.
        owners: Option<Vec<String>>,
        /// Its secrets.
        passwords: Vec<ClientCredential>,
        /// For a managed identity of a resource: that resource's id.
        resource: Option<String>,
    },
    /// A device, a contact, …
    Other {
        /// What people call it.
        name: String,
    },
}

impl DirectoryObject {
    /// What people call it.
    pub fn name(&self) -> &str {
        match self {
            Self::User { name, .. }
            | Self::Group { name, .. }
            | Self::ServicePrincipal { name, .. }
            | Self::Other { name } => name,
        }
    }

    /// Its type, as role assignments spell it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "User",
            Self::Group { .. } => "Group",
            Self::ServicePrincipal { .. } => "ServicePrincipal",
            Self::Other { .. } => "Other",
        }
    }
}

/// An application permission that was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AppRoleAssignment {
    /// The assignment's id.
    pub id: String,
    /// The service principal that holds it, by object id.
    pub principal: String,
    /// The application (client) id of what it is for: Microsoft Graph, Azure AD Graph, …
    pub resource_app_id: String,
    /// Which permission.
    pub app_role_id: String,
    /// Its name (`Directory.ReadWrite.All`), if the resource tells.
    pub value: Option<String>,
}

/// Delegated permissions that were granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DelegatedGrant {
    /// The grant's id.
    pub id: String,
    /// The service principal that holds it, by object id.
    pub client: String,
    /// The application (client) id of what it is for.
    pub resource_app_id: String,
    /// Whose it is to use: everybody's (`AllPrincipals`) for `None`, else one user's.
    pub user: Option<String>,
    /// The names of the permissions.
    pub scopes: Vec<String>,
}

/// An application that is registered in this tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Application {
    /// Its object id.
    pub id: String,
    /// Its application (client) id.
    pub app_id: String,
    /// What people call it.
    pub name: String,
    /// Its secrets.
    pub passwords: Vec<ClientCredential>,
}

/// One of the directory's own roles, with whom it is active for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DirectoryRole {
    /// The role's template id; Global Administrator is `62e90394-69f5-4237-9190-012177145e10`.
    pub template_id: String,
    /// What people call it.
    pub name: String,
    /// Ids of whom it is assigned to for good.
    pub standing: Vec<String>,
}

/// The tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// Whether it is synchronised from an Active Directory.
    pub is_synchronised: bool,
    /// When it last was.
    pub last_sync: Option<Timestamp>,
}

/// What was read of the directory. All ids are as [`principal_id`] writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Directory {
    /// What was found, by id.
    pub objects: BTreeMap<String, DirectoryObject>,
    /// What was asked for and is not there: deleted, or of another tenant.
    pub missing: BTreeSet<String>,
    /// The direct members of each group that was read: users, groups, service principals.
    pub members: BTreeMap<String, Vec<String>>,
    /// Groups whose members could not be read, or not all of them.
    pub opaque_groups: BTreeSet<String>,
    /// Applications that are registered here.
    pub applications: Vec<Application>,
    /// Application permissions of the service principals in view.
    pub app_roles: Vec<AppRoleAssignment>,
    /// Delegated permissions of the service principals in view.
    pub delegated: Vec<DelegatedGrant>,
    /// The directory's own roles.
    pub roles: Vec<DirectoryRole>,
    /// The tenant.
    pub organization: Option<Organization>,
}
