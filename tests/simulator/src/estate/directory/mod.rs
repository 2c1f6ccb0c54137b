//! The directory of the tenant: who is there, who is in which group, and what
//! applications may do. A clone shares all objects, so that an older state can
//! be kept for those who ask what changed since.

mod first_party;
mod generate;
mod object;
mod permissions;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};

pub(crate) use first_party::{
    AVD_APPLICATION, AZURE_AD_GRAPH, AZURE_SERVICE_MANAGEMENT, MICROSOFT_GRAPH, MICROSOFT_TENANT, object_id,
};
pub(crate) use generate::{any_principal, populate};
pub(crate) use object::{Object, ObjectKind};

/// The directory's objects and what they may do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    objects: BTreeMap<String, Arc<Object>>,
    /// How many of them are users: the service's limits depend on it.
    users: usize,
    /// Registered applications, as Graph prints them.
    pub(crate) applications: Vec<Value>,
    /// Whether the caller may read them; in most tenants it may not.
    pub(crate) applications_readable: bool,
    /// Application permissions (`appRoleAssignments`), as Graph prints them.
    pub(crate) app_roles: Vec<Value>,
    /// Delegated permissions (`oauth2PermissionGrants`), as Graph prints them.
    pub(crate) delegated: Vec<Value>,
    /// Assignments of the directory's own roles, as Graph prints them.
    pub(crate) role_assignments: Vec<Value>,
    /// The tenant, as Graph prints it.
    pub(crate) organization: Value,
}

impl Directory {
    /// A directory that holds nothing but the resources whose permissions
    /// applications ask for.
    pub(crate) fn new(tenant: &str) -> Self {
        let mut directory = Self {
            organization: json!({
                "id": tenant,
                "displayName": "Contoso",
                "onPremisesSyncEnabled": null,
                "onPremisesLastSyncDateTime": null,
                "verifiedDomains": [{"name": "contoso.example", "isDefault": true, "isInitial": true}],
            }),
            ..Self::default()
        };
        for object in first_party::resources() {
            directory.add(object);
        }
        directory
    }

    /// Adds an object, or replaces the one of its id.
    pub(crate) fn add(&mut self, object: Object) {
        let is_user = |object: &Object| usize::from(object.kind == ObjectKind::User);
        self.users += is_user(&object);
        if let Some(before) = self.objects.insert(object.id.clone(), Arc::new(object)) {
            self.users -= is_user(&before);
        }
    }

    /// How many users there are.
    pub(crate) fn users(&self) -> usize {
        self.users
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Object>> {
        self.objects.get(&id.to_ascii_lowercase())
    }

    /// The objects of a kind, in the order of their ids.
    pub(crate) fn all(&self, kind: ObjectKind) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values().filter(move |object| object.kind == kind)
    }

    /// The service principal of an application.
    pub(crate) fn service_principal_of(&self, app_id: &str) -> Option<&Arc<Object>> {
        self.all(ObjectKind::ServicePrincipal)
            .find(|object| object.text("appId").is_some_and(|id| id.eq_ignore_ascii_case(app_id)))
    }

    /// Changes an object; whether it is there.
    pub(crate) fn change(&mut self, id: &str, change: impl FnOnce(&mut Object)) -> bool {
        match self.objects.get_mut(&id.to_ascii_lowercase()) {
            Some(object) => {
                change(Arc::make_mut(object));
                true
            }
            None => false,
        }
    }

    /// Deletes an object, its memberships and what it may do; whether it was
    /// there. Role assignments in Azure stay behind, as they do in truth.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        let id = id.to_ascii_lowercase();
        let Some(removed) = self.objects.remove(&id) else {
            return false;
        };
        self.users -= usize::from(removed.kind == ObjectKind::User);
        for object in self.objects.values_mut() {
            if object.members.contains(&id) || object.owners.contains(&id) {
                let object = Arc::make_mut(object);
                object.members.remove(&id);
                object.owners.remove(&id);
            }
        }
        self.app_roles.retain(|grant| grant["principalId"] != id.as_str() && grant["resourceId"] != id.as_str());
        self.delegated.retain(|grant| grant["clientId"] != id.as_str() && grant["resourceId"] != id.as_str());
        self.role_assignments.retain(|assignment| assignment["principalId"] != id.as_str());
        true
    }

    /// Puts a member into a group; whether that changed it. The member need
    /// not be in the directory.
    pub(crate) fn add_member(&mut self, group: &str, member: &str) -> bool {
        let member = member.to_ascii_lowercase();
        let mut changed = false;
        self.change(group, |group| changed = group.members.insert(member));
        changed
    }

    /// Takes a member out of a group; whether that changed it.
    pub(crate) fn remove_member(&mut self, group: &str, member: &str) -> bool {
        let member = member.to_ascii_lowercase();
        let mut changed = false;
        self.change(group, |group| changed = group.members.remove(&member));
        changed
    }

    /// Everything in a group, however deep; the group itself is among it when
    /// it is in a circle.
    pub(crate) fn transitive_members(&self, group: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut waiting: Vec<String> = vec![group.to_ascii_lowercase()];
        while let Some(next) = waiting.pop() {
            for member in self.objects.get(&next).into_iter().flat_map(|object| &object.members) {
                if found.insert(member.clone()) {
                    waiting.push(member.clone());
                }
            }
        }
        found
    }

    /// The groups that an object is in, however deep.
    pub(crate) fn groups_of(&self, id: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![id.to_ascii_lowercase()];
        while let Some(next) = waiting.pop() {
            for group in self.all(ObjectKind::Group).filter(|group| group.members.contains(&next)) {
                if found.insert(group.id.clone()) {
                    waiting.push(group.id.clone());
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn groups_in_a_circle_are_walked_once() {
        let mut directory = Directory::new("t");
        directory.add(Object::user("u", "Ada", "ada@contoso.example"));
        directory.add(Object::group("a", "A").members(["B"]));
        directory.add(Object::group("b", "B").members(["a", "u"]));
        let all = |ids: [&str; 3]| ids.map(str::to_owned).into_iter().collect::<BTreeSet<_>>();
        assert_eq!(directory.transitive_members("A"), all(["a", "b", "u"]));
        assert_eq!(directory.groups_of("U").len(), 2);
        assert!(directory.remove("b"));
        assert_eq!(directory.transitive_members("a").len(), 0);
        assert!(!directory.remove("b"));
    }

    #[test]
    fn what_an_application_may_do_goes_with_it() {
        let mut directory = Directory::new("t");
        directory.add(Object::service_principal("s", "Tool", "app"));
        directory.grant_app_role("s", MICROSOFT_GRAPH, "Directory.ReadWrite.All").unwrap();
        directory.grant_scopes("s", AZURE_AD_GRAPH, None, "Directory.AccessAsUser.All User.Read").unwrap();
        assert_eq!(directory.app_roles[0]["appRoleId"], "19dbc75e-c2e2-444c-a770-ec69d8559fc7");
        assert!(directory.grant_app_role("s", MICROSOFT_GRAPH, "No.Such").is_err());
        assert!(directory.remove("s"));
        assert!(directory.app_roles.is_empty() && directory.delegated.is_empty());
    }
}
