//! Resources of providers other than Azure Virtual Desktop, by their ids: they
//! are read as they were planted. Resources of AVD's own provider that the
//! estate does not grow (scaling plans, packages) are here too.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::access::subscription_of;

/// A resource of any provider.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    pub(crate) id: String,
    /// The id in lower case: what it is found by.
    pub(crate) key: String,
    /// Its type in lower case, such as `microsoft.compute/virtualmachines`.
    pub(crate) kind: String,
    pub(crate) subscription: String,
    /// Empty when it is in none.
    pub(crate) resource_group: String,
    /// The body as ARM prints it.
    pub(crate) body: Value,
}

impl Other {
    /// A resource with its properties; `None` when the id is not one of a
    /// resource in a subscription.
    pub(crate) fn new(id: &str, properties: Value) -> Option<Self> {
        let (_, typed) = split_provider(id)?;
        let segments: Vec<&str> = typed.split('/').collect();
        let (namespace, rest) = segments.split_first()?;
        if rest.is_empty() || rest.len() % 2 != 0 || segments.iter().any(|segment| segment.is_empty()) {
            return None;
        }
        let types: Vec<&str> = std::iter::once(*namespace).chain(rest.iter().copied().step_by(2)).collect();
        let spelled = types.join("/");
        let subscription = subscription_of(id);
        let place: Vec<&str> = id.split('/').collect();
        let in_group = place.get(3).is_some_and(|segment| segment.eq_ignore_ascii_case("resourceGroups"));
        if subscription.is_empty() {
            return None;
        }
        let mut body = json!({
            "id": id,
            "name": rest.last(),
            "type": spelled,
            "location": "westeurope",
        });
        body["properties"] = properties;
        Some(Self {
            id: id.to_owned(),
            key: id.to_ascii_lowercase(),
            kind: spelled.to_ascii_lowercase(),
            subscription: subscription.to_owned(),
            resource_group: if in_group { place[4].to_owned() } else { String::new() },
            body,
        })
    }

    /// The resource with something beside its properties: `sku`, `zones`,
    /// `tags`, `identity`, …
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.body[field] = value;
        self
    }
}

/// What stands before and after the last `/providers/` of a path.
fn split_provider(path: &str) -> Option<(&str, &str)> {
    const PROVIDERS: &str = "/providers/";
    let at = path.to_ascii_lowercase().rfind(PROVIDERS)?;
    Some((&path[..at], &path[at + PROVIDERS.len()..]))
}

/// Resources by their ids in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Others(BTreeMap<String, Arc<Other>>);

impl Others {
    pub(crate) fn insert(&mut self, other: Other) {
        self.0.insert(other.key.clone(), Arc::new(other));
    }

    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.0.remove(&id.to_ascii_lowercase()).is_some()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Other>> {
        self.0.get(&id.to_ascii_lowercase())
    }

    /// All resources, in the order of their ids.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Other>> {
        self.0.values()
    }

    /// The resources of a subscription.
    pub(crate) fn in_subscription<'a>(&'a self, subscription: &str) -> impl Iterator<Item = &'a Arc<Other>> + use<'a> {
        self.below(&format!("/subscriptions/{}/", subscription.to_ascii_lowercase()))
    }

    /// What a list shows: `path` is in lower case and ends with a type. Below a
    /// subscription it shows all of that type, else those right below the path.
    pub(crate) fn listed(&self, path: &str) -> Vec<&Arc<Other>> {
        let wide = match path.split('/').collect::<Vec<_>>()[..] {
            ["", "subscriptions", subscription, "providers", namespace, kind] => {
                Some((format!("/subscriptions/{subscription}/"), format!("{namespace}/{kind}")))
            }
            _ => None,
        };
        match wide {
            Some((prefix, kind)) => self.below(&prefix).filter(|other| other.kind == kind).collect(),
            None => self
                .below(&format!("{path}/"))
                .filter(|other| other.key.rsplit_once('/').is_some_and(|(collection, _)| collection == path))
                .collect(),
        }
    }

    fn below<'a>(&'a self, prefix: &str) -> impl Iterator<Item = &'a Arc<Other>> + use<'a> {
        let prefix = prefix.to_owned();
        self.0.range(prefix.clone()..).take_while(move |(key, _)| key.starts_with(&prefix)).map(|(_, other)| other)
    }
}

/// What is in a key vault, as its data plane lists it.
#[derive(Debug, Clone, Default)]
pub(crate) struct VaultContents {
    /// `{"id", "attributes": {"enabled", "exp", …}, …}` each.
    pub(crate) secrets: Vec<Value>,
    /// The same of certificates.
    pub(crate) certificates: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_listed_by_type_and_below_what_they_extend() {
        let group = "/subscriptions/S/resourceGroups/G";
        let pool = format!("{group}/providers/Microsoft.DesktopVirtualization/hostPools/P");
        let mut others = Others::default();
        for id in [
            format!("{group}/providers/Microsoft.Compute/virtualMachines/vm"),
            format!("{group}/providers/Microsoft.Compute/virtualMachines/vm/extensions/AADLogin"),
            format!("{pool}/providers/Microsoft.Insights/diagnosticSettings/all"),
        ] {
            others.insert(Other::new(&id, json!({})).expect("these are ids of resources"));
        }
        let listed = |path: &str| -> Vec<String> {
            others.listed(&path.to_ascii_lowercase()).iter().map(|other| other.kind.clone()).collect()
        };
        let machine = "microsoft.compute/virtualmachines";
        assert_eq!(listed("/subscriptions/S/providers/Microsoft.Compute/virtualMachines"), [machine]);
        assert_eq!(listed(&format!("{group}/providers/Microsoft.Compute/virtualMachines")), [machine]);
        let extensions = listed(&format!("{group}/providers/Microsoft.Compute/virtualMachines/vm/extensions"));
        assert_eq!(extensions, [format!("{machine}/extensions")]);
        let settings = listed(&format!("{pool}/providers/Microsoft.Insights/diagnosticSettings"));
        assert_eq!(settings, ["microsoft.insights/diagnosticsettings"]);
        assert!(Other::new("/subscriptions/S/resourceGroups/G", json!({})).is_none());
        assert!(Other::new(&format!("{group}/providers/Microsoft.Compute/virtualMachines"), json!({})).is_none());
    }
}
