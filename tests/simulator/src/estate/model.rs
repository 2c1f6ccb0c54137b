//! The estate itself: resources by ARM id, and the collections they are
//! listed in. It knows nothing of HTTP; a clone shares all unchanged parts,
//! so that an older state can be kept for those who lag behind.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    access::{Access, Grant},
    directory::{Directory, Object},
    other::{Other, Others, VaultContents},
};
use crate::dice::{guid, hash};

/// The ARM namespace of Azure Virtual Desktop.
pub(crate) const PROVIDER: &str = "Microsoft.DesktopVirtualization";

/// The kinds of resource an estate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    HostPool,
    SessionHost,
    ApplicationGroup,
    Application,
    Desktop,
    Workspace,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::HostPool, Self::SessionHost, Self::ApplicationGroup, Self::Application, Self::Desktop, Self::Workspace];

    /// The type below the namespace, as ARM spells it.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::HostPool => "hostPools",
            Self::SessionHost => "hostPools/sessionHosts",
            Self::ApplicationGroup => "applicationGroups",
            Self::Application => "applicationGroups/applications",
            Self::Desktop => "applicationGroups/desktops",
            Self::Workspace => "workspaces",
        }
    }

    /// The full type; session hosts mix cases, as ARM does.
    pub(crate) fn type_name(self) -> String {
        match self {
            Self::SessionHost => format!("{PROVIDER}/hostPools/sessionhosts"),
            other => format!("{PROVIDER}/{}", other.path()),
        }
    }

    pub(crate) fn is_child(self) -> bool {
        self.path().contains('/')
    }

    /// The kind of an id's type segments, compared without regard to case.
    pub(crate) fn from_segments(segments: &[&str]) -> Option<Self> {
        let wanted = segments.join("/");
        Self::ALL.into_iter().find(|kind| kind.path().eq_ignore_ascii_case(&wanted))
    }
}

/// One resource with its ARM body, as planted (no oddities of the wire).
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) kind: Kind,
    /// The id in lower case: what the estate is searched by.
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) subscription: String,
    pub(crate) resource_group: String,
    /// The last segment of the id.
    pub(crate) name: String,
    pub(crate) body: Value,
}

impl Resource {
    /// Takes an id apart; `None` when it is not one of the estate's kinds.
    pub(crate) fn new(id: &str, body: Value) -> Option<Self> {
        let segments: Vec<&str> = id.split('/').collect();
        let ["", subs, subscription, groups, group, providers, provider, rest @ ..] = segments.as_slice() else {
            return None;
        };
        let known = subs.eq_ignore_ascii_case("subscriptions")
            && groups.eq_ignore_ascii_case("resourceGroups")
            && providers.eq_ignore_ascii_case("providers")
            && provider.eq_ignore_ascii_case(PROVIDER);
        if !known || rest.len() % 2 != 0 || rest.iter().any(|segment| segment.is_empty()) {
            return None;
        }
        let types: Vec<&str> = rest.iter().copied().step_by(2).collect();
        Some(Self {
            kind: Kind::from_segments(&types)?,
            key: id.to_ascii_lowercase(),
            id: id.to_owned(),
            subscription: (*subscription).to_owned(),
            resource_group: (*group).to_owned(),
            name: (*rest.last()?).to_owned(),
            body,
        })
    }

    pub(crate) fn property(&self, name: &str) -> &Value {
        &self.body["properties"][name]
    }

    /// The key of the resource this one is a part of.
    pub(crate) fn parent_key(&self) -> Option<&str> {
        let collection = self.key.rsplit_once('/')?.0;
        self.kind.is_child().then(|| collection.rsplit_once('/').map(|(parent, _)| parent))?
    }
}

/// A subscription of the tenant.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The name of the management group it is in; empty for the root one.
    pub(crate) management_group: String,
}

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

/// A collection: resources by key, in the order ARM lists them.
pub(crate) type Collection = BTreeMap<String, Arc<Resource>>;

/// Everything planted.
#[derive(Debug, Clone)]
pub(crate) struct Estate {
    pub(crate) tenant: String,
    pub(crate) subscriptions: Arc<Vec<Subscription>>,
    pub(crate) resource_groups: Arc<BTreeSet<String>>,
    pub(crate) access: Arc<Access>,
    pub(crate) directory: Arc<Directory>,
    /// The root first, and each after the one it is in.
    pub(crate) management_groups: Arc<Vec<ManagementGroup>>,
    pub(crate) classic_administrators: Arc<Vec<ClassicAdministrator>>,
    /// Resources of other providers.
    pub(crate) other: Arc<Others>,
    /// What is in key vaults, by the vaults' names in lower case.
    pub(crate) vaults: Arc<BTreeMap<String, VaultContents>>,
    /// What was planted for an audit to find, for `GET /_sim/violations`.
    pub(crate) violations: Arc<Value>,
    collections: HashMap<Arc<str>, Arc<Collection>>,
}

impl Estate {
    pub(crate) fn new(tenant: String, subscriptions: Vec<Subscription>, resource_groups: BTreeSet<String>) -> Self {
        let root = ManagementGroup { name: tenant.clone(), display_name: "Tenant Root Group".to_owned(), parent: None };
        Self {
            directory: Arc::new(Directory::new(&tenant)),
            management_groups: Arc::new(vec![root]),
            classic_administrators: Arc::default(),
            other: Arc::default(),
            vaults: Arc::default(),
            violations: Arc::new(json!({"policy": {}, "violations": []})),
            tenant,
            subscriptions: Arc::new(subscriptions),
            resource_groups: Arc::new(resource_groups),
            access: Arc::default(),
            collections: HashMap::new(),
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Resource>> {
        let key = id.to_ascii_lowercase();
        let (collection, _) = key.rsplit_once('/')?;
        self.collections.get(collection)?.get(&key)
    }

    /// The collection at a lower-case path without a trailing slash, such as
    /// `/subscriptions/s/providers/microsoft.desktopvirtualization/hostpools`.
    pub(crate) fn collection(&self, path: &str) -> Option<&Collection> {
        self.collections.get(path).map(AsRef::as_ref)
    }

    /// Adds or replaces a resource.
    pub(crate) fn insert(&mut self, resource: Resource) {
        let resource = Arc::new(resource);
        for path in collection_paths(&resource) {
            let collection = self.collections.entry(path.into()).or_default();
            Arc::make_mut(collection).insert(resource.key.clone(), Arc::clone(&resource));
        }
    }

    /// Removes one resource, and nothing below it.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Arc<Resource>> {
        let resource = Arc::clone(self.get(id)?);
        for path in collection_paths(&resource) {
            if let Some(collection) = self.collections.get_mut(path.as_str()) {
                Arc::make_mut(collection).remove(&resource.key);
            }
        }
        Some(resource)
    }

    /// All resources of a kind, subscription by subscription, in list order.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = &Arc<Resource>> {
        self.subscriptions.iter().flat_map(move |subscription| self.in_subscription(&subscription.id, kind))
    }

    /// The resources of a kind in one subscription.
    pub(crate) fn in_subscription<'a>(
        &'a self,
        subscription: &str,
        kind: Kind,
    ) -> Box<dyn Iterator<Item = &'a Arc<Resource>> + 'a> {
        let subscription = subscription.to_ascii_lowercase();
        let (parent, child) = match kind.path().split_once('/') {
            Some((parent, child)) => (parent, Some(child.to_ascii_lowercase())),
            None => (kind.path(), None),
        };
        let path = format!("/subscriptions/{subscription}/providers/{PROVIDER}/{parent}");
        let parents = self.collection(&path.to_ascii_lowercase());
        let parents = parents.into_iter().flat_map(BTreeMap::values);
        match child {
            None => Box::new(parents),
            Some(child) => Box::new(
                parents
                    .filter_map(move |parent| self.collection(&format!("{}/{child}", parent.key)))
                    .flat_map(BTreeMap::values),
            ),
        }
    }

    /// The children of a resource: `child` is a type such as `sessionHosts`.
    pub(crate) fn children(&self, key: &str, child: &str) -> impl Iterator<Item = &Arc<Resource>> {
        self.collection(&format!("{key}/{}", child.to_ascii_lowercase())).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|subscription| subscription.id.eq_ignore_ascii_case(id))
    }
}

impl Estate {
    /// Puts an object into the directory.
    pub(crate) fn add_object(&mut self, object: Object) {
        self.directory_mut().add(object);
    }

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

/// Where a resource is listed: in its own collection and, at top level, in its
/// subscription's.
fn collection_paths(resource: &Resource) -> Vec<String> {
    let own = resource.key.rsplit_once('/').map_or("", |(collection, _)| collection);
    let mut paths = vec![own.to_owned()];
    if !resource.kind.is_child() {
        paths.push(
            format!("/subscriptions/{}/providers/{PROVIDER}/{}", resource.subscription, resource.kind.path())
                .to_ascii_lowercase(),
        );
    }
    paths
}
