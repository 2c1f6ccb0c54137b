//! An estate to be looked at: who is in which group, what is above a scope,
//! what a role holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::estate::{
    audit::{
        draft::{Draft, EVERYBODY, Held, Permissions, Service, Who},
        ids,
        record::Violation,
    },
    model::{Kind, Resource},
    roles,
};

/// What was found, as it is added to.
pub(crate) type Found = Vec<Violation>;

/// The estate to be looked at.
pub(crate) struct View<'a> {
    pub(crate) draft: &'a Draft,
    roles: HashMap<String, Permissions>,
    /// The groups that somebody is in directly.
    in_groups: HashMap<&'a str, Vec<&'a str>>,
    closures: HashMap<&'a str, BTreeSet<&'a str>>,
    by_scope: HashMap<String, Vec<&'a Held>>,
    by_type: HashMap<String, Vec<(&'a str, &'a Value)>>,
    estate_groups: BTreeSet<String>,
}

impl<'a> View<'a> {
    pub(crate) fn new(draft: &'a Draft) -> Self {
        let mut roles: HashMap<String, Permissions> =
            roles::built_in().iter().map(|role| (role.guid.clone(), permissions(&role.properties))).collect();
        roles.extend(draft.roles.iter().map(|role| (role.guid.clone(), role.permissions.clone())));
        let mut in_groups: HashMap<&str, Vec<&str>> = HashMap::new();
        for (group, members) in &draft.members {
            for member in members {
                in_groups.entry(member).or_default().push(group);
            }
        }
        let mut by_scope: HashMap<String, Vec<&Held>> = HashMap::new();
        for held in &draft.held {
            by_scope.entry(held.scope.to_ascii_lowercase()).or_default().push(held);
        }
        let mut by_type: HashMap<String, Vec<(&str, &Value)>> = HashMap::new();
        for (id, body) in &draft.resources {
            let kind = body["type"].as_str().unwrap_or("").to_ascii_lowercase();
            by_type.entry(kind).or_default().push((id, body));
        }
        let mut view = Self {
            draft,
            roles,
            in_groups,
            closures: HashMap::new(),
            by_scope,
            by_type,
            estate_groups: BTreeSet::new(),
        };
        view.estate_groups = view.estate_groups();
        view.closures = draft.principals.keys().map(|id| (id.as_str(), view.climb(id))).collect();
        view
    }

    fn climb(&self, id: &'a str) -> BTreeSet<&'a str> {
        let (mut seen, mut next) = (BTreeSet::from([id]), vec![id]);
        while let Some(at) = next.pop() {
            for group in self.in_groups.get(at).into_iter().flatten() {
                if seen.insert(group) {
                    next.push(group);
                }
            }
        }
        seen
    }

    /// Somebody, and every group that it is in, however deep.
    pub(crate) fn groups(&self, id: &str) -> &BTreeSet<&'a str> {
        &self.closures[id]
    }

    /// Everybody in a group, however deep, and itself.
    pub(crate) fn everybody(&self, id: &'a str) -> BTreeSet<&'a str> {
        let (mut seen, mut next) = (BTreeSet::from([id]), vec![id]);
        while let Some(at) = next.pop() {
            for member in self.draft.members.get(at).into_iter().flatten() {
                if seen.insert(member) {
                    next.push(member);
                }
            }
        }
        seen
    }

    pub(crate) fn who(&self, id: &str) -> &'a Who {
        &self.draft.principals[id].who
    }

    pub(crate) fn is_user(&self, id: &str) -> bool {
        self.draft.principals[id].kind() == "User"
    }

    pub(crate) fn is_group(&self, id: &str) -> bool {
        *self.who(id) == Who::Group
    }

    pub(crate) fn service(&self, id: &str) -> Option<&'a Service> {
        match self.who(id) {
            Who::ServicePrincipal(service) => Some(service),
            _ => None,
        }
    }

    /// Whether a role is there and holds an action of the control plane.
    pub(crate) fn holds(&self, role: &str, action: &str) -> bool {
        self.roles.get(role).is_some_and(|role| grants(&role.actions, &role.not_actions, action))
    }

    /// The same of the data plane.
    pub(crate) fn holds_data(&self, role: &str, action: &str) -> bool {
        self.roles.get(role).is_some_and(|role| grants(&role.data_actions, &role.not_data_actions, action))
    }

    pub(crate) fn permissions(&self, role: &str) -> Option<&Permissions> {
        self.roles.get(role)
    }

    pub(crate) fn is_custom(&self, role: &str) -> bool {
        self.draft.roles.iter().any(|custom| custom.guid == role)
    }

    /// Whether a role opens applications.
    pub(crate) fn entitles(&self, role: &str) -> bool {
        self.holds_data(role, ids::USE_APPLICATIONS)
    }

    /// A scope and everything above it, in lower case.
    pub(crate) fn chain(&self, scope: &str) -> Vec<String> {
        let mut chain = Vec::new();
        let mut at = scope.to_ascii_lowercase();
        if at.starts_with("/subscriptions/") {
            loop {
                let parts = at.split('/').count();
                let before_name = at.rsplit('/').nth(1).unwrap_or("");
                if parts % 2 == 1 && before_name != "providers" {
                    chain.push(at.clone());
                }
                if parts <= 3 {
                    break;
                }
                at.truncate(at.rfind('/').unwrap_or(0));
            }
            let home = self.draft.placed_in.iter().find(|(subscription, _)| subscription.eq_ignore_ascii_case(&at));
            at = home.map(|(_, group)| group.to_ascii_lowercase()).unwrap_or_default();
        }
        while let Some(group) = self.draft.management_groups.iter().find(|group| group.id.eq_ignore_ascii_case(&at)) {
            chain.push(at);
            at = group.parent.as_deref().unwrap_or("").to_ascii_lowercase();
        }
        chain.push("/".to_owned());
        chain
    }

    /// What is held at a scope or above it.
    pub(crate) fn held_on(&self, scope: &str) -> Vec<&'a Held> {
        let chain = self.chain(scope);
        chain.iter().filter_map(|scope| self.by_scope.get(scope)).flatten().copied().collect()
    }

    /// Whether somebody may do something somewhere now, without conditions.
    pub(crate) fn may(&self, id: &str, action: &str, is_data: bool, scope: &str) -> bool {
        let (chain, groups) = (self.chain(scope), self.groups(id));
        let is_denied = self.draft.denied.iter().any(|denied| {
            let at = denied.scope.to_ascii_lowercase();
            let patterns = if is_data { &denied.data_actions } else { &denied.actions };
            let names = |ids: &[String]| ids.iter().any(|one| one == EVERYBODY || groups.contains(one.as_str()));
            chain.contains(&at)
                && (!denied.here_only || at == chain[0])
                && grants(patterns, &[], action)
                && names(&denied.principals)
                && !names(&denied.except)
        });
        let granted = self.held_on(scope).into_iter().any(|held| {
            held.how.is_active()
                && held.condition.is_none()
                && groups.contains(held.principal.as_str())
                && if is_data { self.holds_data(&held.role, action) } else { self.holds(&held.role, action) }
        });
        granted && !is_denied
    }

    /// The resources of another provider of a type, in any case.
    pub(crate) fn resources(&self, kind: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.by_type.get(&kind.to_ascii_lowercase()).into_iter().flatten().copied()
    }

    pub(crate) fn avd(&self, kind: Kind) -> Vec<&'a Resource> {
        self.draft.estate.all(kind).map(AsRef::as_ref).collect()
    }

    /// Storage accounts that hold the files of people.
    pub(crate) fn file_accounts(&self) -> Vec<&'a str> {
        let shares = "Microsoft.Storage/storageAccounts/fileServices/shares";
        let mut accounts: Vec<&str> = Vec::new();
        for (id, body) in self.resources(ids::STORAGE) {
            let source = &body["properties"]["azureFilesIdentityBasedAuthentication"]["directoryServiceOptions"];
            let has_share = self.resources(shares).any(|(share, _)| is_within(share, id));
            if self.is_of_estate(id) && (body["kind"] == "FileStorage" || source.is_string() || has_share) {
                accounts.push(id);
            }
        }
        accounts
    }

    /// The resource groups of host pools and of hosts' machines.
    fn estate_groups(&self) -> BTreeSet<String> {
        let machines = self.avd(Kind::SessionHost).into_iter().filter_map(|host| host.property("resourceId").as_str());
        let pools = self.avd(Kind::HostPool).into_iter().map(|pool| pool.key.as_str());
        machines.chain(pools).map(|id| group_of(&id.to_ascii_lowercase())).collect()
    }

    /// Whether a resource lies in one of them.
    pub(crate) fn is_of_estate(&self, id: &str) -> bool {
        self.estate_groups.contains(&group_of(&id.to_ascii_lowercase()))
    }

    /// Whether a scope is above a resource, or the resource or within it.
    pub(crate) fn concerns(&self, scope: &str, resource: &str) -> bool {
        is_within(scope, resource) || self.chain(resource).contains(&scope.to_ascii_lowercase())
    }

    /// A number of the policy.
    pub(crate) fn threshold(&self, name: &str, default: u64) -> u64 {
        self.draft.policy["thresholds"][name].as_u64().unwrap_or(default)
    }

    /// The application groups that people use.
    pub(crate) fn application_groups(&self) -> Vec<&'a Resource> {
        let mut groups = self.avd(Kind::ApplicationGroup);
        groups.retain(|group| *group.property("cloudPcResource") != true);
        groups
    }

    /// Users who open something, by application group: through active grants.
    pub(crate) fn entitled(&self) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let mut entitled = BTreeMap::new();
        for group in self.application_groups() {
            let holders = self.held_on(&group.key).into_iter();
            let holders = holders.filter(|held| held.how.is_active() && self.entitles(&held.role));
            let everybody: BTreeSet<&str> = holders.flat_map(|held| self.everybody(&held.principal)).collect();
            entitled.insert(group.key.as_str(), everybody);
        }
        entitled
    }

    /// Everybody who opens anything.
    pub(crate) fn all_entitled(&self) -> BTreeSet<&'a str> {
        self.entitled().into_values().flatten().collect()
    }
}

/// The permissions of a built-in role.
fn permissions(properties: &Value) -> Permissions {
    let list = |name: &str| -> Vec<String> {
        let list = properties["permissions"][0][name].as_array();
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Permissions {
        actions: list("actions"),
        not_actions: list("notActions"),
        data_actions: list("dataActions"),
        not_data_actions: list("notDataActions"),
    }
}

fn grants(patterns: &[String], withheld: &[String], action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let in_any = |patterns: &[String]| patterns.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), &action));
    in_any(patterns) && !in_any(withheld)
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(head) else {
        return false;
    };
    (0..=rest.len()).filter(|&at| rest.is_char_boundary(at)).any(|at| fits(tail, &rest[at..]))
}

/// The resource group of an id in lower case.
pub(crate) fn group_of(id: &str) -> String {
    id.split('/').take(5).collect::<Vec<_>>().join("/")
}

/// Whether a path is another or below it.
pub(crate) fn is_within(path: &str, of: &str) -> bool {
    let (path, of) = (path.to_ascii_lowercase(), of.to_ascii_lowercase());
    crate::estate::access::is_at_or_below(&path, &of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_anywhere() {
        assert!(fits("*", "a/b"));
        assert!(fits("a/*/read", "a/b/c/read"));
        assert!(!fits("a/*/read", "a/read"));
        assert!(!fits("a/*", "b/a/"));
    }
}
