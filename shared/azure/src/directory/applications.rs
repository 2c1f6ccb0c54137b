//! Applications and service principals: those that are named, who owns those in view, and what they may do.

use super::ask::{Part, Topic};
use super::run::{Run, USER, USERS, parts_by, there};
use super::{Wanted, wire};
use crate::versions::GRAPH_IN;
use poolwarden_domain::access::{AppRoleAssignment, Application, DelegatedGrant, DirectoryObject, Facet, principal_id};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Most names and application ids that are looked for.
const MAX_NAMED: usize = 1_000;
/// Most service principals whose owners and permissions are read.
const MAX_SERVICE_PRINCIPALS: usize = 20_000;
/// Most permissions of all service principals, of each kind.
const MAX_PERMISSIONS: usize = 500_000;
/// Most permissions that one delegated grant names.
const MAX_SCOPES: usize = 1_000;

const READ_APPLICATIONS: &str = "Application.Read.All";
const NAMED: Topic =
    Topic { what: "the service principals by name and application", permission: READ_APPLICATIONS, units: 1 };
const PEOPLE: Topic = Topic { what: "the users and groups by name", permission: "Directory.Read.All", units: 1 };
const DETAILS: Topic = Topic { what: "the details of service principals", permission: READ_APPLICATIONS, units: 1 };
const REGISTRATIONS: Topic = Topic { what: "the application registrations", permission: READ_APPLICATIONS, units: 1 };
const OWNERS: Topic = Topic { what: "the owners of service principals", permission: READ_APPLICATIONS, units: 1 };
const APP_ROLES: Topic = Topic { what: "the application permissions", permission: READ_APPLICATIONS, units: 2 };
const DELEGATED: Topic = Topic { what: "the delegated permissions", permission: "Directory.Read.All", units: 2 };
const RESOURCES: Topic =
    Topic { what: "the applications that permissions are for", permission: READ_APPLICATIONS, units: 1 };

const SELECT: &str = "id,displayName,appId,accountEnabled,servicePrincipalType,appOwnerOrganizationId,alternativeNames,passwordCredentials";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppRole {
    id: String,
    app_role_id: String,
    resource_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Grant {
    id: String,
    resource_id: String,
    #[serde(default)]
    consent_type: Option<String>,
    #[serde(default)]
    principal_id: Option<String>,
    #[serde(default)]
    scope: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawResource {
    id: String,
    app_id: String,
    #[serde(default)]
    app_roles: Vec<Permission>,
}

#[derive(Deserialize)]
struct Permission {
    id: String,
    #[serde(default)]
    value: Option<String>,
}

/// What a permission is for.
#[derive(Default)]
struct Resource {
    app_id: String,
    /// The names of its permissions, by id.
    values: BTreeMap<String, String>,
}

fn resource(raw: &RawValue) -> Result<(String, Resource), String> {
    let resource: RawResource = wire::item(raw)?;
    let value =
        |role: Permission| Some((wire::id(&role.id)?, wire::short(&role.value.filter(|value| !value.is_empty())?)));
    let values = resource.app_roles.into_iter().filter_map(value).collect();
    Ok((wire::needed_id(&resource.id)?, Resource { app_id: wire::needed_id(&resource.app_id)?, values }))
}

fn named(values: &[String]) -> Vec<String> {
    let values: BTreeSet<String> = values.iter().map(|value| value.trim().to_owned()).collect();
    values.into_iter().filter(|value| !value.is_empty()).take(MAX_NAMED).collect()
}

impl Run<'_> {
    /// The service principals and registrations that are asked for by name or application id.
    pub(super) async fn find_named(&mut self, wanted: &Wanted) {
        let names = named(&wanted.names);
        let app_ids: Vec<String> = named(&wanted.app_ids).iter().filter_map(|id| wire::id(id)).collect();
        if wanted.names.len().max(wanted.app_ids.len()) > MAX_NAMED {
            self.gap(Facet::Principals, NAMED.too_large(&format!("more than {MAX_NAMED} are asked for")));
        }
        let mut parts = parts_by("servicePrincipals", "appId", &app_ids, SELECT);
        parts.extend(parts_by("servicePrincipals", "displayName", &names, SELECT));
        for (_, answer) in self.arm.graph_lists(NAMED, parts, wire::service_principal).await {
            for seen in self.take(Facet::Principals, there(NAMED, answer)) {
                self.add(seen);
            }
        }
        self.find_accounts(&named(&wanted.accounts)).await;
        let parts = parts_by("applications", "displayName", &names, "id,appId,displayName,passwordCredentials");
        let mut found: BTreeMap<String, Application> = BTreeMap::new();
        for (_, answer) in self.arm.graph_lists(REGISTRATIONS, parts, wire::application).await {
            let applications = self.take(Facet::Applications, there(REGISTRATIONS, answer));
            found.extend(applications.into_iter().map(|application| (application.id.clone(), application)));
        }
        self.directory.applications = found.into_values().collect();
    }

    /// Users by what they are called.
    async fn find_accounts(&mut self, accounts: &[String]) {
        let one = |name: &String| {
            let name = name.replace('\'', "''");
            format!("displayName eq '{name}' or startswith(userPrincipalName,'{name}@')")
        };
        let part = |names: &[String]| {
            let filter = names.iter().map(one).collect::<Vec<_>>().join(" or ");
            Part::new("displayName", "users", &[("$filter", &filter), ("$select", USER)])
        };
        let parts = accounts.chunks(GRAPH_IN / 2).map(part).collect();
        for (_, answer) in self.arm.graph_lists(USERS, parts, wire::user).await {
            for seen in self.take(Facet::Principals, there(USERS, answer)) {
                self.add(seen);
            }
        }
    }

    /// The users and groups that are asked for by name.
    pub(super) async fn find_people(&mut self, wanted: &[String]) {
        const GROUP: &str = "id,displayName,isAssignableToRole,visibility";
        let names = named(wanted);
        if wanted.len() > MAX_NAMED {
            self.gap(Facet::Principals, PEOPLE.too_large(&format!("more than {MAX_NAMED} are asked for")));
        }
        let mut users = parts_by("users", "userPrincipalName", &names, USER);
        users.extend(parts_by("users", "displayName", &names, USER));
        let groups = parts_by("groups", "displayName", &names, GROUP);
        let mut answers = self.arm.graph_lists(PEOPLE, users, wire::user).await;
        answers.extend(self.arm.graph_lists(PEOPLE, groups, wire::group).await);
        for (_, answer) in answers {
            for seen in self.take(Facet::Principals, there(PEOPLE, answer)) {
                self.add(seen);
            }
        }
    }

    /// Details, owners and permissions of every service principal in view.
    pub(super) async fn look_into_service_principals(&mut self) {
        let mut ids = self.service_principals();
        if ids.len() > MAX_SERVICE_PRINCIPALS {
            ids.truncate(MAX_SERVICE_PRINCIPALS);
            for facet in [Facet::Applications, Facet::Owners, Facet::AppRoleAssignments, Facet::DelegatedGrants] {
                self.gap(facet, DETAILS.too_large(&format!("there are more than {MAX_SERVICE_PRINCIPALS}")));
            }
        }
        self.read_details(&ids).await;
        self.read_owners(&ids).await;
        let app_roles = self.read_app_roles(&ids).await;
        let grants = self.read_grants(&ids).await;
        let mut wanted: BTreeSet<String> = app_roles.iter().map(|(_, role)| role.resource_id.clone()).collect();
        wanted.extend(grants.iter().map(|(_, grant)| grant.resource_id.clone()));
        let wanted: Vec<String> = wanted.iter().filter_map(|id| wire::id(id)).collect();
        let resources = self.read_resources(&wanted, !app_roles.is_empty(), !grants.is_empty()).await;
        self.put_app_roles(app_roles, &resources);
        self.put_grants(grants, &resources);
    }

    async fn read_details(&mut self, ids: &[String]) {
        let parts = parts_by("servicePrincipals", "id", ids, SELECT);
        let mut told = BTreeSet::new();
        for (_, answer) in self.arm.graph_lists(DETAILS, parts, wire::service_principal).await {
            for seen in self.take(Facet::Applications, there(DETAILS, answer)) {
                told.insert(seen.id.clone());
                if seen.is_bare {
                    self.gap(Facet::Applications, DETAILS.forbidden("some came with nothing but their ids"));
                } else if ids.binary_search(&seen.id).is_ok() {
                    self.add(seen);
                }
            }
        }
        if ids.iter().any(|id| !told.contains(id)) {
            self.gap(Facet::Applications, DETAILS.failed("some are there and were left out of the answer"));
        }
    }

    async fn read_owners(&mut self, ids: &[String]) {
        let mut people = BTreeSet::new();
        let part = |id: &String| Part::new(id, &format!("servicePrincipals/{id}/owners"), &[("$select", "id")]);
        for (id, answer) in self.arm.graph_lists(OWNERS, ids.iter().map(part).collect(), wire::only_id).await {
            let is_read = answer.is_ok();
            let found = self.take(Facet::Owners, there(OWNERS, answer));
            if let Some(DirectoryObject::ServicePrincipal { owners, .. }) = self.directory.objects.get_mut(&id) {
                people.extend(found.iter().cloned());
                *owners = is_read.then_some(found);
            }
        }
        self.resolve_people(people).await;
    }

    /// Puts names to those for whom something of these names was consented to.
    pub(super) async fn resolve_consenters(&mut self, names: &[String]) {
        let objects = &self.directory.objects;
        let is_named = |id: &String| {
            let name = objects.get(id).map(DirectoryObject::name).unwrap_or_default().trim();
            names.iter().any(|one| one.trim().eq_ignore_ascii_case(name))
        };
        let of_named = self.directory.delegated.iter().filter(|grant| is_named(&grant.client));
        let users: BTreeSet<String> = of_named.filter_map(|grant| grant.user.clone()).collect();
        self.resolve_people(users).await;
    }

    async fn read_app_roles(&mut self, ids: &[String]) -> Vec<(String, AppRole)> {
        let part = |id: &String| Part::new(id, &format!("servicePrincipals/{id}/appRoleAssignments"), &[]);
        let mut all = Vec::new();
        for (id, answer) in self.arm.graph_lists(APP_ROLES, ids.iter().map(part).collect(), wire::item::<AppRole>).await
        {
            let found = self.take(Facet::AppRoleAssignments, there(APP_ROLES, answer));
            all.extend(found.into_iter().map(|role| (id.clone(), role)));
        }
        self.cut(&mut all, Facet::AppRoleAssignments, APP_ROLES);
        all
    }

    async fn read_grants(&mut self, ids: &[String]) -> Vec<(String, Grant)> {
        let part = |id: &String| Part::new(id, &format!("servicePrincipals/{id}/oauth2PermissionGrants"), &[]);
        let mut all = Vec::new();
        for (id, answer) in self.arm.graph_lists(DELEGATED, ids.iter().map(part).collect(), wire::item::<Grant>).await {
            let found = self.take(Facet::DelegatedGrants, there(DELEGATED, answer));
            all.extend(found.into_iter().map(|grant| (id.clone(), grant)));
        }
        self.cut(&mut all, Facet::DelegatedGrants, DELEGATED);
        all
    }

    fn cut<T>(&mut self, all: &mut Vec<T>, facet: Facet, topic: Topic) {
        if all.len() > MAX_PERMISSIONS {
            all.truncate(MAX_PERMISSIONS);
            self.gap(facet, topic.too_large(&format!("there are more than {MAX_PERMISSIONS}")));
        }
    }

    /// What the permissions are for. What cannot be told leaves both facets open that need it.
    async fn read_resources(&mut self, ids: &[String], by_role: bool, by_grant: bool) -> BTreeMap<String, Resource> {
        let mut resources = BTreeMap::new();
        let mut reasons = Vec::new();
        let parts = parts_by("servicePrincipals", "id", ids, "id,appId,appRoles");
        for (_, answer) in self.arm.graph_lists(RESOURCES, parts, resource).await {
            match there(RESOURCES, answer) {
                Ok(found) => {
                    resources.extend(found.items);
                    reasons.extend(found.gap);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        if reasons.is_empty() && ids.iter().any(|id| !resources.contains_key(id)) {
            reasons.push(RESOURCES.failed("some are not there, so that nobody can say what the permission is for"));
        }
        for reason in reasons {
            for facet in [(by_role, Facet::AppRoleAssignments), (by_grant, Facet::DelegatedGrants)] {
                if facet.0 {
                    self.gap(facet.1, reason.clone());
                }
            }
        }
        resources
    }

    fn put_app_roles(&mut self, roles: Vec<(String, AppRole)>, resources: &BTreeMap<String, Resource>) {
        for (principal, role) in roles {
            let resource = resources.get(&principal_id(&role.resource_id));
            let app_role_id = principal_id(&role.app_role_id);
            self.directory.app_roles.push(AppRoleAssignment {
                id: wire::short(&role.id),
                principal,
                resource_app_id: resource.map(|resource| resource.app_id.clone()).unwrap_or_default(),
                value: resource.and_then(|resource| resource.values.get(&app_role_id).cloned()),
                app_role_id: wire::short(&app_role_id),
            });
        }
    }

    fn put_grants(&mut self, grants: Vec<(String, Grant)>, resources: &BTreeMap<String, Resource>) {
        for (client, grant) in grants {
            let resource = resources.get(&principal_id(&grant.resource_id));
            let is_for_all = grant.consent_type.is_some_and(|of| of.eq_ignore_ascii_case("AllPrincipals"));
            let scopes = grant.scope.unwrap_or_default();
            self.directory.delegated.push(DelegatedGrant {
                id: wire::short(&grant.id),
                client,
                resource_app_id: resource.map(|resource| resource.app_id.clone()).unwrap_or_default(),
                user: grant.principal_id.as_deref().and_then(wire::id).filter(|_| !is_for_all),
                scopes: scopes.split_whitespace().take(MAX_SCOPES).map(wire::short).collect(),
            });
        }
    }
}
