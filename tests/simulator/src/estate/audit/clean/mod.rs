//! The clean estate: as RULES.md describes it, sized by the estate's own
//! numbers, with much that looks like a violation and is none.

mod access;
mod components;
mod machines;
mod network;
mod variety;

pub(crate) use components::{diagnose, protect, share_of};
pub(crate) use machines::{add_host, extension, name_of, run_command};
pub(crate) use network::{CONTROLLERS, hub_id, interface, join, network, rule, subnet};

use super::draft::{Draft, ManagementGroup, Principal, Service, Who};
use super::ids;
use crate::dice::{guid, hash};
use crate::options::DEFAULT_CLIENT_ID;

/// Who watches whom in the clean estate, and where its parts are: what plants
/// start from.
#[derive(Debug, Default)]
pub(crate) struct Clean {
    /// The service principal of Azure Virtual Desktop.
    pub(crate) avd: String,
    /// Service principals of nearly the same name.
    pub(crate) name_sakes: Vec<String>,
    /// The identity that an audit itself runs as.
    pub(crate) own: String,
    /// The group that can be Owner of each subscription.
    pub(crate) owners: String,
    /// Its members.
    pub(crate) owner_users: Vec<String>,
    /// The group that operates the estate.
    pub(crate) operators: String,
    /// The group that administers machines and shares.
    pub(crate) admins: String,
    /// The custom role for locks.
    pub(crate) lock_role: String,
    /// What people use.
    pub(crate) pools: Vec<PoolAccess>,
    /// The subscriptions' parts.
    pub(crate) sites: Vec<Site>,
    /// The management group right above the subscriptions.
    pub(crate) landing: String,
}

/// Who uses a pool.
#[derive(Debug)]
pub(crate) struct PoolAccess {
    pub(crate) pool: String,
    /// The resource group that it is in.
    pub(crate) resource_group: String,
    /// The group that opens desktops, with its people.
    pub(crate) desktop: (String, Vec<String>),
    /// The group that opens applications, with its people.
    pub(crate) remote: (String, Vec<String>),
    /// The virtual machines of its hosts.
    pub(crate) machines: Vec<String>,
    /// Whether these are joined to Entra.
    pub(crate) entra: bool,
}

/// The parts of a subscription: ids.
#[derive(Debug, Default)]
pub(crate) struct Site {
    pub(crate) subscription: String,
    /// The first resource group with pools.
    pub(crate) home: String,
    pub(crate) vault: String,
    pub(crate) storage: String,
    pub(crate) share: String,
    pub(crate) recovery_vault: String,
    pub(crate) log_workspace: String,
    pub(crate) network: String,
    pub(crate) host_subnet: String,
    pub(crate) host_nsg: String,
    /// The first two numbers of the network's addresses.
    pub(crate) prefix: String,
}

/// Grows it.
pub(crate) fn grow(draft: &mut Draft) -> Clean {
    let mut clean = Clean::default();
    hierarchy(draft, &mut clean);
    directory(draft, &mut clean);
    for (index, subscription) in draft.subscriptions().into_iter().enumerate() {
        let site = network::grow(draft, index, &subscription);
        clean.sites.push(site);
    }
    network::peer(draft, &clean);
    machines::grow(draft, &mut clean);
    components::grow(draft, &mut clean);
    access::grow(draft, &mut clean);
    variety::grow(draft, &clean);
    clean
}

/// The tenant's root group, a few levels below it, and the subscriptions in
/// the lowest.
fn hierarchy(draft: &mut Draft, clean: &mut Clean) {
    let of = |name: &str| format!("/providers/Microsoft.Management/managementGroups/{name}");
    let mut parent = of(&draft.estate.tenant);
    let root = ManagementGroup { id: parent.clone(), name: "Tenant Root Group".to_owned(), parent: None };
    draft.management_groups.push(root);
    let levels: &[&str] = match draft.dice.below(3) {
        0 => &["mg-landing"],
        1 => &["mg-contoso", "mg-landing"],
        _ => &["mg-contoso", "mg-platform", "mg-landing"],
    };
    for name in levels {
        let group = ManagementGroup { id: of(name), name: (*name).to_owned(), parent: Some(parent) };
        parent = group.id.clone();
        draft.management_groups.push(group);
    }
    for subscription in draft.subscriptions() {
        draft.placed_in.insert(subscription, parent.clone());
    }
    clean.landing = parent;
}

/// Those whom every tenant has, and those who own and operate.
fn directory(draft: &mut Draft, clean: &mut Clean) {
    clean.avd = draft.service("Azure Virtual Desktop", microsoft(ids::AVD_APPLICATION));
    for (app_id, name) in ids::AVD_NAME_SAKES {
        let name_sake = draft.service(name, microsoft(app_id));
        clean.name_sakes.push(name_sake);
    }
    let client = DEFAULT_CLIENT_ID;
    clean.own = guid(hash(1, client), hash(2, client));
    let who = Who::ServicePrincipal(Box::new(Service {
        app_id: client.to_owned(),
        registered_here: true,
        ..Service::default()
    }));
    draft.principals.insert(clean.own.clone(), Principal { name: "Poolwarden".to_owned(), who });
    let owners = 2 + draft.dice.below(2);
    clean.owner_users = draft.several(owners);
    clean.owners = draft.group("AVD owners", clean.owner_users.clone());
    let operators = 2 + draft.dice.below(4);
    clean.operators = draft.group_of_new("AVD operators", operators);
    clean.admins = draft.group_of_new("AVD administrators", 2);
    let of_vault = draft.several(2);
    draft.directory_roles.push(("62e90394-69f5-4237-9190-012177145e10", "Global Administrator", of_vault));
    // A time that is never long ago.
    draft.last_sync = draft.dice.chance(0.7).then_some("2031-01-02T03:04:05Z");
}

fn microsoft(app_id: &str) -> Service {
    Service { app_id: app_id.to_owned(), microsoft: true, ..Service::default() }
}
