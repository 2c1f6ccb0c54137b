//! The estate itself: resources by ARM id, and the collections they are
//! listed in. It knows nothing of HTTP; a clone shares all unchanged parts,
//! so that an older state can be kept for those who lag behind.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    access::Access,
    directory::Directory,
    other::{Others, VaultContents},
};

pub(crate) use super::scopes::{ClassicAdministrator, ManagementGroup};

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
