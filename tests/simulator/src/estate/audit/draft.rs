//! An audited estate while it is being grown: who is in the directory, who
//! holds what where, which other resources there are, and what of it is
//! wrong. It is kept in plain lists here, so that plants can change it and the
//! witness can count over it, and poured into the estate at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    super::model::{Estate, Kind, Resource},
    record::Violation,
};
use crate::dice::Dice;

/// What stands for everybody in deny assignments.
pub(crate) const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";

/// How a role is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// By a role assignment.
    Standing,
    /// For good, through Privileged Identity Management, without a role
    /// assignment that is listed.
    Scheduled,
    /// By a role assignment that an activation made for a while.
    Activated,
    /// Not now: until the end of 2031 it can be activated.
    Eligible,
    /// The same without an end.
    EligibleForEver,
    /// The same, and its end has passed.
    EligibleOnce,
}

impl How {
    /// Whether it is held all the time.
    pub(crate) fn is_standing(self) -> bool {
        matches!(self, Self::Standing | Self::Scheduled)
    }

    /// Whether it is held now.
    pub(crate) fn is_active(self) -> bool {
        self.is_standing() || self == Self::Activated
    }

    /// Whether a role assignment is listed for it.
    pub(crate) fn is_assignment(self) -> bool {
        matches!(self, Self::Standing | Self::Activated)
    }
}

/// A role that somebody holds somewhere.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) how: How,
    pub(crate) scope: String,
    pub(crate) principal: String,
    /// The GUID of the role.
    pub(crate) role: String,
    pub(crate) condition: Option<String>,
}

/// What somebody is kept from.
#[derive(Debug, Clone)]
pub(crate) struct Denied {
    pub(crate) scope: String,
    pub(crate) principals: Vec<String>,
    pub(crate) except: Vec<String>,
    pub(crate) actions: Vec<String>,
    pub(crate) data_actions: Vec<String>,
    pub(crate) here_only: bool,
}

/// A role of somebody's own.
#[derive(Debug, Clone)]
pub(crate) struct CustomRole {
    pub(crate) guid: String,
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) permissions: Permissions,
}

/// What a role holds: patterns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Permissions {
    pub(crate) actions: Vec<String>,
    pub(crate) not_actions: Vec<String>,
    pub(crate) data_actions: Vec<String>,
    pub(crate) not_data_actions: Vec<String>,
}

impl Permissions {
    /// Those of the control plane, and what is taken away of them.
    pub(crate) fn control(actions: &[&str], not_actions: &[&str]) -> Self {
        Self { actions: owned(actions), not_actions: owned(not_actions), ..Self::default() }
    }

    /// Those of the data plane.
    pub(crate) fn data(data_actions: &[&str]) -> Self {
        Self { data_actions: owned(data_actions), ..Self::default() }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// What a principal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    User {
        guest: bool,
        enabled: bool,
    },
    Group,
    /// An application or a managed identity, with what is registered of it.
    ServicePrincipal(Box<Service>),
    /// Nobody any more: what role assignments still call it.
    Deleted(&'static str),
}

/// What the directory shows of a service principal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) app_id: String,
    pub(crate) managed: bool,
    /// The start and the end of each secret.
    pub(crate) secrets: Vec<(String, String)>,
    /// Whether the application is registered in this tenant.
    pub(crate) registered_here: bool,
    /// Whether it is one of Microsoft's.
    pub(crate) microsoft: bool,
    /// Who owns it, by id.
    pub(crate) owners: Vec<String>,
}

/// Somebody who can hold something.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) name: String,
    pub(crate) who: Who,
}

impl Principal {
    /// What role assignments call it.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.who {
            Who::User { .. } => "User",
            Who::Group => "Group",
            Who::ServicePrincipal(_) => "ServicePrincipal",
            Who::Deleted(kind) => kind,
        }
    }
}

/// A management group.
#[derive(Debug, Clone)]
pub(crate) struct ManagementGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    /// None for the tenant's root.
    pub(crate) parent: Option<String>,
}

/// An application permission that was granted.
#[derive(Debug, Clone)]
pub(crate) struct AppRole {
    pub(crate) principal: String,
    pub(crate) resource_app_id: &'static str,
    pub(crate) value: &'static str,
}

/// Delegated permissions that were granted.
#[derive(Debug, Clone)]
pub(crate) struct Delegated {
    pub(crate) client: String,
    pub(crate) resource_app_id: &'static str,
    pub(crate) user: Option<String>,
    pub(crate) scopes: Vec<&'static str>,
}

/// The estate while it is being grown.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) dice: Dice,
    pub(crate) estate: Estate,
    pub(crate) management_groups: Vec<ManagementGroup>,
    /// The management group of each subscription, by its scope.
    pub(crate) placed_in: BTreeMap<String, String>,
    pub(crate) principals: BTreeMap<String, Principal>,
    pub(crate) members: BTreeMap<String, Vec<String>>,
    pub(crate) roles: Vec<CustomRole>,
    pub(crate) held: Vec<Held>,
    pub(crate) denied: Vec<Denied>,
    /// Subscription scope, account.
    pub(crate) classic_administrators: Vec<(String, String)>,
    pub(crate) app_roles: Vec<AppRole>,
    pub(crate) delegated: Vec<Delegated>,
    /// Who holds a directory role for good: template id, name, principals.
    pub(crate) directory_roles: Vec<(&'static str, &'static str, Vec<String>)>,
    /// When the directory was synchronised; `None` if it is one of its own.
    pub(crate) last_sync: Option<&'static str>,
    /// Applications that are registered here: application id, name.
    pub(crate) applications: Vec<(String, String)>,
    /// Other resources than those of Azure Virtual Desktop, by lower-case id.
    pub(crate) resources: BTreeMap<String, Value>,
    /// The secrets of key vaults: vault, name, attributes.
    pub(crate) secrets: Vec<(String, String, Value)>,
    /// The same of certificates.
    pub(crate) certificates: Vec<(String, String, Value)>,
    pub(crate) violations: BTreeSet<Violation>,
    /// The policy under which these are the violations.
    pub(crate) policy: Value,
    /// What was numbered so far: names stay apart.
    counter: usize,
    seed: u64,
}

impl Draft {
    pub(crate) fn new(estate: Estate, seed: u64) -> Self {
        Self {
            dice: Dice::new(seed, "audit"),
            estate,
            management_groups: Vec::new(),
            placed_in: BTreeMap::new(),
            principals: BTreeMap::new(),
            members: BTreeMap::new(),
            roles: Vec::new(),
            held: Vec::new(),
            denied: Vec::new(),
            classic_administrators: Vec::new(),
            app_roles: Vec::new(),
            delegated: Vec::new(),
            directory_roles: Vec::new(),
            last_sync: None,
            applications: Vec::new(),
            resources: BTreeMap::new(),
            secrets: Vec::new(),
            certificates: Vec::new(),
            violations: BTreeSet::new(),
            policy: json!({ "thresholds": {} }),
            counter: 0,
            seed,
        }
    }

    /// The dice of one thing.
    pub(crate) fn dice_of(&self, what: &str) -> Dice {
        Dice::new(self.seed, what)
    }

    /// The next number: for a name that nothing else has.
    pub(crate) fn number(&mut self) -> usize {
        self.counter += 1;
        self.counter
    }

    /// The scopes of the subscriptions.
    pub(crate) fn subscriptions(&self) -> Vec<String> {
        self.estate.subscriptions.iter().map(|one| format!("/subscriptions/{}", one.id)).collect()
    }

    /// The scope of one of the subscriptions.
    pub(crate) fn any_subscription(&mut self) -> String {
        let all = self.subscriptions();
        self.dice.pick(&all).clone()
    }

    /// The ids of all resources of a kind.
    pub(crate) fn ids(&self, kind: Kind) -> Vec<String> {
        self.estate.all(kind).map(|one| one.id.clone()).collect()
    }

    /// The id of one of the resources of a kind, of which there must be some.
    pub(crate) fn any(&mut self, kind: Kind) -> String {
        let all = self.ids(kind);
        self.dice.pick(&all).clone()
    }

    /// The application groups of a pool of a type (`Desktop`, `RemoteApp`).
    pub(crate) fn groups_of(&self, pool: &str, group_type: &str) -> Vec<String> {
        let of_pool = |group: &&Arc<Resource>| {
            group.property("hostPoolArmPath").as_str().is_some_and(|path| path.eq_ignore_ascii_case(pool))
                && *group.property("applicationGroupType") == group_type
        };
        self.estate.all(Kind::ApplicationGroup).filter(of_pool).map(|group| group.id.clone()).collect()
    }

    /// Sets a property of a resource of Azure Virtual Desktop.
    pub(crate) fn set(&mut self, id: &str, name: &str, value: Value) {
        if let Some(found) = self.estate.get(id) {
            let mut changed = Resource::clone(found);
            changed.body["properties"][name] = value;
            self.estate.insert(changed);
        }
    }

    /// A new resource group without anything of Azure Virtual Desktop in it.
    pub(crate) fn spare_group(&mut self) -> String {
        let subscription = self.any_subscription();
        self.spare_group_in(&subscription)
    }

    /// The same, in a subscription.
    pub(crate) fn spare_group_in(&mut self, subscription: &str) -> String {
        let number = self.number();
        let name = format!("rg-{}-{number:03}", self.dice.pick(&["shared", "tools", "lab", "archive"]));
        let scope = format!("{subscription}/resourceGroups/{name}");
        self.resource_group(&scope);
        scope
    }

    /// Adds a resource group.
    pub(crate) fn resource_group(&mut self, scope: &str) {
        self.estate.add_resource_group(scope);
    }

    /// Adds a resource by its id, type and body without these.
    pub(crate) fn resource(&mut self, id: &str, resource_type: &str, mut body: Value) -> String {
        body["id"] = json!(id);
        body["name"] = json!(id.rsplit('/').next());
        body["type"] = json!(resource_type);
        if body["location"].is_null() {
            body["location"] = json!("westeurope");
        }
        self.resources.insert(id.to_ascii_lowercase(), body);
        id.to_owned()
    }

    /// The body of a resource; null if there is none.
    pub(crate) fn body(&self, id: &str) -> &Value {
        self.resources.get(&id.to_ascii_lowercase()).unwrap_or(&Value::Null)
    }

    /// Changes a resource.
    pub(crate) fn edit(&mut self, id: &str, change: impl FnOnce(&mut Value)) {
        if let Some(body) = self.resources.get_mut(&id.to_ascii_lowercase()) {
            change(body);
        }
    }

    /// Adds something to a list in a resource's body.
    pub(crate) fn push(&mut self, id: &str, path: &[&str], item: Value) {
        self.edit(id, |body| {
            let list = path.iter().fold(body, |at, name| &mut at[*name]);
            if let Some(list) = list.as_array_mut() {
                list.push(item);
            }
        });
    }

    /// Adds a secret to a key vault, as its attributes show it. Answers its id
    /// as a part of the vault.
    pub(crate) fn secret(&mut self, vault: &str, name: &str, attributes: Value) -> String {
        self.secrets.push((vault.to_owned(), name.to_owned(), attributes));
        format!("{vault}/secrets/{name}")
    }

    /// The same of a certificate.
    pub(crate) fn certificate(&mut self, vault: &str, name: &str, attributes: Value) -> String {
        self.certificates.push((vault.to_owned(), name.to_owned(), attributes));
        format!("{vault}/certificates/{name}")
    }

    /// Lets somebody hold a role.
    pub(crate) fn hold(&mut self, how: How, scope: &str, principal: &str, role: &str) {
        self.held.push(Held {
            how,
            scope: scope.to_owned(),
            principal: principal.to_owned(),
            role: role.to_owned(),
            condition: None,
        });
    }

    /// The same under a condition.
    pub(crate) fn hold_if(&mut self, how: How, scope: &str, principal: &str, role: &str, condition: &str) {
        self.hold(how, scope, principal, role);
        if let Some(held) = self.held.last_mut() {
            held.condition = Some(condition.to_owned());
        }
    }

    /// A custom role, which nobody holds yet. Answers its GUID.
    pub(crate) fn role(&mut self, name: &str, scopes: &[&str], permissions: Permissions) -> String {
        let number = self.number();
        self.role_named(&format!("{name} {number:03}"), scopes, permissions)
    }

    /// The same with exactly this name.
    pub(crate) fn role_named(&mut self, name: &str, scopes: &[&str], permissions: Permissions) -> String {
        let guid = self.dice.guid();
        let name = name.to_owned();
        self.roles.push(CustomRole { guid: guid.clone(), name, scopes: owned(scopes), permissions });
        guid
    }

    /// Records a violation.
    pub(crate) fn violates(&mut self, rule: &'static str, scope: &str, principal: Option<&str>, subject: Option<&str>) {
        self.violations.insert(Violation::new(rule, scope, principal, subject));
    }

    /// Records violations of several rules by one grant.
    pub(crate) fn grant_violates(&mut self, rules: &[&'static str], scope: &str, principal: &str, role: &str) {
        for rule in rules {
            self.violates(rule, scope, Some(principal), Some(role));
        }
    }
}
