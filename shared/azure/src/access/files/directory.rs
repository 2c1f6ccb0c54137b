//! The directory in files: what Microsoft Graph, `az ad` and Azure PowerShell print of it.

use super::super::item::Item;
use super::content::{Asked, EVERYBODY, What};
use poolwarden_domain::ArmId;
use poolwarden_domain::access::{
    AppRoleAssignment, Application, ClientCredential, Coverage, DelegatedGrant, Directory, DirectoryObject,
    DirectoryRole, Facet, Organization, ServicePrincipalKind, builtin, principal_id,
};
use poolwarden_domain::{Unreadable, Why};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What of the directory was in files so far.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) directory: Directory,
    /// Lists that were there to their end, of the whole tenant.
    whole: BTreeSet<Facet>,
    /// … and of single service principals.
    of_principal: BTreeSet<(Facet, String)>,
    /// Permissions whose resource is to be found yet: by object id, or by name.
    resources: BTreeMap<String, String>,
    /// Lists of everybody of a kind that were there to their end: who is not in them is not there.
    everybody: BTreeSet<&'static str>,
}

/// What `https://graph.microsoft.com/v1.0` is as an id: the version, and the root above it.
const VERSION_AND_ROOT: usize = 2;

/// The facet of the directory that a kind of item belongs to.
pub(super) fn facet_of(what: What) -> Option<Facet> {
    Some(match what {
        What::AppRoleAssignment => Facet::AppRoleAssignments,
        What::DelegatedGrant => Facet::DelegatedGrants,
        What::DirectoryRoleAssignment => Facet::DirectoryRoles,
        What::Application => Facet::Applications,
        What::Organization => Facet::Organization,
        _ => return None,
    })
}

fn id_of(item: &Item<'_>) -> Result<String, String> {
    item.own("id").or_else(|| item.own("objectId")).map(principal_id).ok_or_else(|| "has no id".to_owned())
}

impl Gathered {
    /// Takes in one item.
    pub(super) fn take(&mut self, what: What, value: &Value) -> Result<(), String> {
        let item = Item::of(value)?;
        let text = |name: &str| item.text(name).map(str::to_owned);
        match what {
            What::Members => {
                let group = principal_id(item.text("groupId").ok_or("has no groupId")?);
                let members = item.list("members").iter().map(|member| match member {
                    Value::String(id) => Some(principal_id(id)),
                    member => {
                        // A whole object says who the member is, too.
                        let _ = self.take(What::DirectoryObject, member);
                        Some(principal_id(Item::of(member).ok()?.own("id")?))
                    }
                });
                let members = members.collect::<Option<Vec<_>>>().ok_or("has a member without an id")?;
                self.members(group, members);
            }
            What::AppRoleAssignment => {
                let resource = principal_id(&text("resourceId").unwrap_or_default());
                self.resources.extend(text("resourceDisplayName").map(|name| (resource.clone(), name)));
                self.directory.app_roles.push(AppRoleAssignment {
                    id: item.own("id").unwrap_or_default().to_owned(),
                    principal: principal_id(item.text("principalId").ok_or("lacks a principalId")?),
                    resource_app_id: resource,
                    app_role_id: text("appRoleId").unwrap_or_default().to_ascii_lowercase(),
                    value: None,
                });
            }
            What::DelegatedGrant => self.directory.delegated.push(DelegatedGrant {
                id: item.own("id").unwrap_or_default().to_owned(),
                client: principal_id(item.text("clientId").ok_or("lacks a clientId")?),
                resource_app_id: principal_id(&text("resourceId").unwrap_or_default()),
                user: text("principalId").map(|id| principal_id(&id)),
                scopes: text("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            }),
            What::DirectoryRoleAssignment => {
                let role = text("roleDefinitionId").ok_or("lacks a roleDefinitionId")?.to_ascii_lowercase();
                let holder = principal_id(item.text("principalId").ok_or("lacks a principalId")?);
                let is_everywhere = text("directoryScopeId").is_none_or(|scope| scope == "/");
                let roles = &mut self.directory.roles;
                let at = roles.iter().position(|one| one.template_id == role).unwrap_or_else(|| {
                    roles.push(DirectoryRole { name: role.clone(), template_id: role, standing: Vec::new() });
                    roles.len() - 1
                });
                if is_everywhere && !roles[at].standing.contains(&holder) {
                    roles[at].standing.push(holder);
                }
            }
            What::Application => {
                let (id, app_id) = (id_of(&item)?, principal_id(item.text("appId").ok_or("lacks an appId")?));
                let name = text("displayName").unwrap_or_default();
                self.directory.applications.push(Application { id, app_id, name, passwords: passwords(&item) });
            }
            What::Organization => {
                self.directory.organization = Some(Organization {
                    id: id_of(&item)?,
                    is_synchronised: item.flag("onPremisesSyncEnabled") == Some(true),
                    last_sync: item.time("onPremisesLastSyncDateTime"),
                });
            }
            _ => {
                let id = id_of(&item)?;
                self.directory.objects.entry(id.clone()).or_insert_with(|| object(&item, &id));
            }
        }
        Ok(())
    }

    /// The direct members of a group, all of them.
    pub(super) fn members(&mut self, group: String, members: Vec<String>) {
        let known = self.directory.members.entry(group).or_default();
        known.extend(members);
        known.sort();
        known.dedup();
    }

    /// Takes note of a file that says by its name that everybody of a kind is in it.
    pub(super) fn named(&mut self, list: &'static str) {
        self.everybody.insert(list);
    }

    /// Takes note of a list that is here to its end.
    pub(super) fn listed(&mut self, whats: &[What], items: &[Value], asked: Option<&Asked>) {
        // A question with a filter, or about a resource's own grants, is not about all that there is.
        let is_narrow = asked.is_some_and(|asked| asked.filter.is_some() || asked.list == "approleassignedto");
        let is_of_client = asked.and_then(|asked| asked.filter.as_deref()).is_some_and(|filter| {
            let filter = filter.to_ascii_lowercase();
            filter.starts_with("clientid eq ") && !filter.contains(" and ")
        });
        let holder = |value: &Value| {
            let item = Item::of(value).ok()?;
            item.any_text(&["principalId", "clientId"]).map(principal_id)
        };
        for (what, value) in whats.iter().zip(items) {
            match (facet_of(*what), holder(value)) {
                (Some(facet @ (Facet::AppRoleAssignments | Facet::DelegatedGrants)), Some(holder))
                    if !is_narrow || is_of_client =>
                {
                    self.of_principal.insert((facet, holder));
                }
                (Some(facet), _) if !is_narrow => drop(self.whole.insert(facet)),
                _ => {}
            }
        }
        let Some(asked) = asked else { return };
        let is_of_tenant = !is_narrow && asked.of.ancestors().count() == VERSION_AND_ROOT;
        self.everybody.extend(EVERYBODY.iter().filter(|list| is_of_tenant && list.eq_ignore_ascii_case(&asked.list)));
        let facet = match asked.list.as_str() {
            "approleassignments" => Facet::AppRoleAssignments,
            "oauth2permissiongrants" => Facet::DelegatedGrants,
            "applications" => Facet::Applications,
            "getbyids" => {
                let found: BTreeSet<String> =
                    items.iter().filter_map(|value| id_of(&Item::of(value).ok()?).ok()).collect();
                let missing = asked.ids.iter().map(|id| principal_id(id)).filter(|id| !found.contains(id));
                self.directory.missing.extend(missing);
                return;
            }
            _ => return,
        };
        if is_narrow {
            return;
        }
        match asked.of.segment("v1.0").filter(|of| of.eq_ignore_ascii_case("servicePrincipals")) {
            Some(_) => drop(self.of_principal.insert((facet, principal_id(asked.of.name())))),
            None => drop(self.whole.insert(facet)),
        }
    }

    /// The directory, and what of it nobody put into a file. `held` are those who hold something, with the type that
    /// their grants give.
    pub(super) fn finish(mut self, held: &BTreeMap<String, String>, facets: &[Facet]) -> (Directory, Vec<Coverage>) {
        let unresolved = self.resolve_resources();
        let directory = &mut self.directory;
        let objects = &directory.objects;
        directory.missing.retain(|id| !objects.contains_key(id));
        let mut known: BTreeSet<&String> = held.keys().collect();
        known.extend(directory.members.values().flatten());
        let nameless =
            known.iter().filter(|id| !objects.contains_key(**id) && !directory.missing.contains(**id)).count();
        let is_group = |id: &str| {
            let kind = objects.get(id).map(DirectoryObject::kind).or_else(|| held.get(id).map(String::as_str));
            kind == Some("Group")
        };
        let groups = known.into_iter().filter(|id| is_group(id));
        let opaque: BTreeSet<String> = groups.filter(|id| !directory.members.contains_key(*id)).cloned().collect();
        // The posture looks for accounts and applications by their names, whether they hold anything or not.
        let by_name = facets.contains(&Facet::DirectoryRoles);
        let principals: Vec<&String> =
            objects.iter().filter(|(_, one)| one.kind() == "ServicePrincipal").map(|(id, _)| id).collect();
        let without = |facet: Facet| {
            let is_told =
                |id: &&&String| self.whole.contains(&facet) || self.of_principal.contains(&(facet, (**id).clone()));
            principals.iter().filter(|id| !is_told(id)).count()
        };
        let reason = |facet: Facet| match facet {
            Facet::Principals if nameless > 0 => Some(format!("of {nameless} principals no file says who they are")),
            Facet::Principals => {
                let lacks = EVERYBODY.iter().find(|list| by_name && !self.everybody.contains(*list));
                lacks.map(|list| {
                    format!(
                        "no file holds all {list} of the tenant, so that nobody can be found by name: keep the whole \
                         exchange of /v1.0/{list}, or call the file with all of them {list}.json"
                    )
                })
            }
            Facet::GroupMembers if nameless > 0 => {
                Some(format!("{nameless} principals may be groups, for all that files say"))
            }
            Facet::GroupMembers => {
                (!opaque.is_empty()).then(|| format!("of {} groups no file holds the members", opaque.len()))
            }
            Facet::AppRoleAssignments | Facet::DelegatedGrants => {
                let count = without(facet);
                let unresolved = unresolved.get(&facet).copied().unwrap_or_default();
                match count {
                    0 => (unresolved > 0).then(|| {
                        format!("no file says which applications {unresolved} permissions are for (service principals)")
                    }),
                    _ => Some(format!("of {count} service principals no file holds the {facet}")),
                }
            }
            Facet::Applications | Facet::DirectoryRoles | Facet::Organization if self.whole.contains(&facet) => None,
            facet => Some(format!("no file holds the {facet}")),
        };
        let line = |facet: &Facet| match reason(*facet) {
            Some(text) => Coverage::unknown(ArmId::new("/"), *facet, Unreadable::new(Why::Missing, text)),
            None => Coverage::read(ArmId::new("/"), *facet, objects.len()),
        };
        let coverage = facets.iter().map(line).collect();
        directory.opaque_groups.extend(opaque);
        (self.directory, coverage)
    }

    /// Permissions name what they are for by its object id; rules know it by its application's. Of how many that cannot
    /// be told, by facet.
    fn resolve_resources(&mut self) -> BTreeMap<Facet, usize> {
        let Directory { objects, app_roles, delegated, .. } = &mut self.directory;
        let mut unresolved: BTreeMap<Facet, usize> = BTreeMap::new();
        let mut resolve = |facet: Facet, resource: &mut String| {
            let known = match objects.get(resource) {
                Some(DirectoryObject::ServicePrincipal { app_id, .. }) if !app_id.is_empty() => Some(app_id.as_str()),
                _ => match self.resources.get(resource).map(String::as_str) {
                    Some("Microsoft Graph") => Some(builtin::MICROSOFT_GRAPH),
                    Some("Windows Azure Active Directory") => Some(builtin::AZURE_AD_GRAPH),
                    Some("Windows Azure Service Management API") => Some(builtin::AZURE_SERVICE_MANAGEMENT),
                    _ => None,
                },
            };
            match known {
                Some(app_id) => app_id.clone_into(resource),
                None => *unresolved.entry(facet).or_default() += 1,
            }
        };
        app_roles.iter_mut().for_each(|one| resolve(Facet::AppRoleAssignments, &mut one.resource_app_id));
        delegated.iter_mut().for_each(|one| resolve(Facet::DelegatedGrants, &mut one.resource_app_id));
        unresolved
    }
}

fn object(item: &Item<'_>, id: &str) -> DirectoryObject {
    let kind = item.text("@odata.type").unwrap_or_default().to_ascii_lowercase();
    let kind = kind.trim_start_matches("#microsoft.graph.");
    let name = item.text("displayName").unwrap_or(id).to_owned();
    let is = |named: &str, has: &[&str]| {
        kind == named || kind.is_empty() && has.iter().any(|name| item.value(name).is_some())
    };
    match () {
        () if is("user", &["userPrincipalName"]) => {
            let upn = item.text("userPrincipalName").map(str::to_owned);
            let looks_invited = || upn.as_deref().is_some_and(|upn| upn.to_ascii_uppercase().contains("#EXT#"));
            let guest = item.text("userType").map_or_else(looks_invited, |of| of.eq_ignore_ascii_case("Guest"));
            DirectoryObject::User { name, guest, upn, enabled: item.flag("accountEnabled") }
        }
        () if is("serviceprincipal", &["servicePrincipalType", "appId"]) => DirectoryObject::ServicePrincipal {
            name,
            app_id: item.text("appId").map(principal_id).unwrap_or_default(),
            kind: match item.text("servicePrincipalType") {
                Some("Application") => ServicePrincipalKind::Application,
                Some("ManagedIdentity") => ServicePrincipalKind::ManagedIdentity,
                _ => ServicePrincipalKind::Other,
            },
            enabled: item.flag("accountEnabled"),
            owner_tenant: item.text("appOwnerOrganizationId").map(principal_id),
            owners: None,
            passwords: passwords(item),
            resource: item.texts("alternativeNames").into_iter().find(|name| name.starts_with("/subscriptions/")),
        },
        () if is("group", &["securityEnabled", "mailEnabled", "groupTypes"]) => {
            DirectoryObject::Group { name, role_assignable: item.flag("isAssignableToRole") == Some(true) }
        }
        () => DirectoryObject::Other { name },
    }
}

fn passwords(item: &Item<'_>) -> Vec<ClientCredential> {
    let read = |value: &Value| {
        let one = Item::of(value).ok()?;
        let key_id = one.text("keyId").unwrap_or_default().to_owned();
        Some(ClientCredential { key_id, start: one.time("startDateTime"), end: one.time("endDateTime") })
    };
    item.list("passwordCredentials").iter().filter_map(read).collect()
}
