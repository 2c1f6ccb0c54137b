//! What stands above and beside the resources of an estate: management groups,
//! classic administrators, and how all of it is added to and changed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    access::Grant,
    directory::Directory,
    model::Estate,
    other::{Other, VaultContents},
};
use crate::dice::{guid, hash};

/// A management group. The tenant's root group is one of them: its name is the
/// tenant's id.
#[derive(Debug, Clone)]
pub(crate) struct ManagementGroup {
    /// The last segment of its id.
    pub(crate) name: String,
    pub(crate) display_name: String,
    /// The name of the group it is in; `None` for the root.
    pub(crate) parent: Option<String>,
}

impl ManagementGroup {
    pub(crate) fn id(&self) -> String {
        format!("/providers/Microsoft.Management/managementGroups/{}", self.name)
    }
}

/// A classic administrator of a subscription.
#[derive(Debug, Clone)]
pub(crate) struct ClassicAdministrator {
    pub(crate) subscription: String,
    pub(crate) email: String,
    /// `ServiceAdministrator`, `CoAdministrator`, `AccountAdministrator`, or
    /// several with `;` between them.
    pub(crate) role: String,
}

impl ClassicAdministrator {
    /// The record as ARM prints it.
    pub(crate) fn body(&self) -> Value {
        let name = guid(hash(1, &self.subscription), hash(2, &self.email));
        json!({
            "id": format!(
                "/subscriptions/{}/providers/Microsoft.Authorization/classicAdministrators/{name}",
                self.subscription
            ),
            "name": name,
            "type": "Microsoft.Authorization/classicAdministrators",
            "properties": {"emailAddress": self.email, "role": self.role},
        })
    }
}

impl Estate {
    /// The directory, to be changed.
    pub(crate) fn directory_mut(&mut self) -> &mut Directory {
        Arc::make_mut(&mut self.directory)
    }

    /// Adds a role assignment, deny assignment or PIM instance; answers its id.
    pub(crate) fn grant(&mut self, grant: Grant) -> String {
        let id = grant.id().to_owned();
        Arc::make_mut(&mut self.access).add(grant);
        id
    }

    /// Removes such a record by its id; whether there was one.
    pub(crate) fn ungrant(&mut self, id: &str) -> bool {
        Arc::make_mut(&mut self.access).remove(id)
    }

    /// Adds a resource of another provider, and its resource group.
    pub(crate) fn add_other(&mut self, other: Other) {
        if !other.resource_group.is_empty() {
            let group = format!("/subscriptions/{}/resourceGroups/{}", other.subscription, other.resource_group);
            self.add_resource_group(&group);
        }
        Arc::make_mut(&mut self.other).insert(other);
    }

    /// Adds a resource group by its id.
    pub(crate) fn add_resource_group(&mut self, id: &str) {
        let key = id.to_ascii_lowercase();
        if !self.resource_groups.contains(&key) {
            Arc::make_mut(&mut self.resource_groups).insert(key);
        }
    }

    /// What is in a key vault, to be changed; `vault` is its name.
    pub(crate) fn vault_mut(&mut self, vault: &str) -> &mut VaultContents {
        Arc::make_mut(&mut self.vaults).entry(vault.to_ascii_lowercase()).or_default()
    }

    pub(crate) fn add_classic_administrator(&mut self, administrator: ClassicAdministrator) {
        Arc::make_mut(&mut self.classic_administrators).push(administrator);
    }

    /// Adds a management group below another; `None` is the root.
    pub(crate) fn add_management_group(&mut self, name: &str, display_name: &str, parent: Option<&str>) {
        let parent = parent.unwrap_or(&self.tenant).to_owned();
        let group =
            ManagementGroup { name: name.to_owned(), display_name: display_name.to_owned(), parent: Some(parent) };
        Arc::make_mut(&mut self.management_groups).push(group);
    }

    /// Moves a subscription into a management group.
    pub(crate) fn move_subscription(&mut self, subscription: &str, management_group: &str) {
        for known in Arc::make_mut(&mut self.subscriptions) {
            if known.id.eq_ignore_ascii_case(subscription) {
                management_group.clone_into(&mut known.management_group);
            }
        }
    }

    pub(crate) fn management_group(&self, name: &str) -> Option<&ManagementGroup> {
        self.management_groups.iter().find(|group| group.name.eq_ignore_ascii_case(name))
    }

    /// A management group and those above it, the nearest first. An empty name
    /// is the root.
    pub(crate) fn ancestors(&self, name: &str) -> Vec<&ManagementGroup> {
        let mut chain: Vec<&ManagementGroup> = Vec::new();
        let mut next = self.management_group(if name.is_empty() { &self.tenant } else { name });
        // No chain is longer than there are groups, even where they form a circle.
        while let Some(group) = next.filter(|_| chain.len() < self.management_groups.len()) {
            chain.push(group);
            next = group.parent.as_deref().and_then(|parent| self.management_group(parent));
        }
        chain
    }

    /// A scope with everything above it, in lower case, the scope itself first
    /// and `/` last. `scope` is in lower case.
    pub(crate) fn chain(&self, scope: &str) -> Vec<String> {
        const GROUPS: &str = "/providers/microsoft.management/managementgroups/";
        let mut chain = Vec::new();
        if let Some(name) = scope.strip_prefix(GROUPS) {
            chain.extend(self.ancestors(name).iter().map(|group| group.id().to_ascii_lowercase()));
        } else if scope.starts_with("/subscriptions/") {
            let segments: Vec<&str> = scope.split('/').collect();
            let above = |count: usize| segments[..count].join("/");
            let depths = (3..=segments.len()).rev().filter(|count| count % 2 == 1);
            chain.extend(depths.map(above));
            let home = segments.get(2).and_then(|id| self.subscription(id));
            let home = home.map_or("", |subscription| subscription.management_group.as_str());
            chain.extend(self.ancestors(home).iter().map(|group| group.id().to_ascii_lowercase()));
        }
        chain.push("/".to_owned());
        chain
    }
}
