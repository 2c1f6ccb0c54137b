//! What of the facts belongs to a deployment of Azure Virtual Desktop, and whether a deployment vendor made it.

use crate::ArmId;
use crate::access::{ArmResource, DefinitionKind, DirectoryObject, Effective, Facet, ServicePrincipalKind, at};
use crate::audit::context::{HOST_POOLS, SESSION_HOSTS};
use crate::audit::{Audit, Outcome};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The type of virtual machines.
pub(super) const VIRTUAL_MACHINES: &str = "microsoft.compute/virtualmachines";
/// The type of their extensions.
pub(super) const EXTENSIONS: &str = "microsoft.compute/virtualmachines/extensions";
/// The type of network interfaces.
pub(super) const NETWORK_INTERFACES: &str = "microsoft.network/networkinterfaces";
/// The type of secrets of key vaults: names and attributes.
pub(super) const SECRETS: &str = "microsoft.keyvault/vaults/secrets";
/// The type of storage accounts.
pub(super) const STORAGE_ACCOUNTS: &str = "microsoft.storage/storageaccounts";
/// The type of file shares.
pub(super) const SHARES: &str = "microsoft.storage/storageaccounts/fileservices/shares";

/// The control server that VDS made in each deployment.
pub(super) const CONTROL_SERVER: &str = "CWMGR1";
/// The custom role that let it reach the Automation account.
pub(super) const CONTROL_ROLE: &str = "Automation Contributor";
/// How the secrets with the domain administrator's credentials begin.
pub(super) const ADMINISTRATOR_SECRETS: &str = "cjDomainAdministrator";

/// The facets in which a sign of VDS shows.
pub(super) const SIGNS: [Facet; 5] =
    [Facet::Principals, Facet::Applications, Facet::Compute, Facet::RoleDefinitions, Facet::VaultContents];

/// Whether a name is the control server's.
pub(super) fn is_control_server(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case(CONTROL_SERVER)
}

/// Whether the name of a secret is that of a domain administrator's credentials.
pub(super) fn is_administrator_secret(name: &str) -> bool {
    name.get(..ADMINISTRATOR_SECRETS.len()).is_some_and(|head| head.eq_ignore_ascii_case(ADMINISTRATOR_SECRETS))
}

/// The vendor's service principals, by id.
pub(super) fn vendors<'a>(audit: &Audit<'a>) -> impl Iterator<Item = (&'a String, &'a DirectoryObject)> {
    let policy = audit.policy;
    audit.facts.directory.objects.iter().filter(
        move |(_, object)| matches!(object, DirectoryObject::ServicePrincipal { name, .. } if policy.is_vendor(name)),
    )
}

/// The grants of the vendor's service principals.
pub(super) fn vendor_grants<'b>(audit: &'b Audit<'_>) -> impl Iterator<Item = &'b Effective<'b>> {
    audit.world.grants().iter().filter(|grant| {
        let object = audit.world.object(&grant.principal.id);
        matches!(object, Some(DirectoryObject::ServicePrincipal { name, .. }) if audit.policy.is_vendor(name))
    })
}

/// The managed identities of the control server, by id.
pub(super) fn control_identities<'a>(audit: &Audit<'a>) -> impl Iterator<Item = &'a String> {
    audit.facts.directory.objects.iter().filter_map(|(id, object)| match object {
        DirectoryObject::ServicePrincipal { name, kind: ServicePrincipalKind::ManagedIdentity, .. } => {
            is_control_server(name).then_some(id)
        }
        _ => None,
    })
}

/// The control servers.
pub(super) fn control_servers<'a>(audit: &Audit<'a>) -> impl Iterator<Item = &'a ArmResource> {
    audit.facts.resources_of(VIRTUAL_MACHINES).filter(|vm| is_control_server(vm.id.name()))
}

/// Whether VDS has been here: an application of the vendor, the control server or its identity, its role, or the
/// secrets that it kept.
pub(super) fn has_sign_of_vds(audit: &Audit<'_>) -> bool {
    let facts = audit.facts;
    let is_role = |name: &str| name.trim().eq_ignore_ascii_case(CONTROL_ROLE);
    vendors(audit).next().is_some()
        || facts.directory.applications.iter().any(|application| audit.policy.is_vendor(&application.name))
        || control_servers(audit).next().is_some()
        || control_identities(audit).next().is_some()
        || facts.definitions.iter().any(|role| role.kind == DefinitionKind::Custom && is_role(&role.name))
        || facts.resources_of(SECRETS).any(|secret| is_administrator_secret(secret.id.name()))
}

/// A check that concerns only what VDS deployed.
pub(super) fn if_vds(audit: &Audit<'_>, check: impl FnOnce() -> Outcome) -> Outcome {
    const NO_SIGN: &str = "no sign of VDS: no application of the vendor, no CWMGR1, no custom role Automation \
        Contributor, no secret cjDomainAdministrator";
    if has_sign_of_vds(audit) { check() } else { Outcome::not_applicable(NO_SIGN) }
}

/// A session host's virtual machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host<'a> {
    /// The session host.
    pub session_host: &'a ArmResource,
    /// The virtual machine.
    pub vm: &'a ArmResource,
}

impl Host<'_> {
    /// The host pool it serves.
    pub(super) fn pool(&self) -> Option<ArmId> {
        self.session_host.id.up_to("hostPools")
    }
}

/// What belongs to a deployment of Azure Virtual Desktop. Built once for a check.
#[derive(Debug)]
pub(super) struct Deployed<'a> {
    by_id: HashMap<&'a ArmId, &'a ArmResource>,
    /// The session hosts' virtual machines, each once, by id.
    pub hosts: Vec<Host<'a>>,
    /// The resource groups of host pools and of the virtual machines that session hosts name.
    pub groups: BTreeSet<ArmId>,
    /// Virtual machines of session hosts that lie in subscriptions which are not audited.
    pub unseen: Vec<String>,
}

impl<'a> Deployed<'a> {
    /// Looks for it in the facts.
    pub(super) fn of(audit: &Audit<'a>) -> Self {
        let facts = audit.facts;
        let by_id: HashMap<&ArmId, &ArmResource> =
            facts.resources.iter().map(|resource| (&resource.id, resource)).collect();
        let session_hosts = || facts.resources_of(SESSION_HOSTS);
        let (mut hosts, mut unseen) = (BTreeMap::new(), Vec::new());
        for session_host in session_hosts() {
            let Some(id) = session_host.reference("resourceId") else { continue };
            match by_id.get(&id) {
                Some(vm) => drop(hosts.entry(&vm.id).or_insert(Host { session_host, vm })),
                None if audit.is_audited(&id) => {}
                None => unseen.push(format!("the virtual machine {id} is in a subscription that is not audited")),
            }
        }
        let of_pools = facts.resources_of(HOST_POOLS).filter_map(|pool| pool.id.up_to("resourceGroups"));
        let vms = session_hosts().filter_map(|host| host.reference("resourceId"));
        let groups = of_pools.chain(vms.filter_map(|vm| vm.up_to("resourceGroups"))).collect();
        Self { by_id, hosts: hosts.into_values().collect(), groups, unseen }
    }

    /// A resource.
    pub(super) fn get(&self, id: &ArmId) -> Option<&'a ArmResource> {
        self.by_id.get(id).copied()
    }

    /// Whether a resource lies in one of the deployment's resource groups.
    pub(super) fn holds(&self, id: &ArmId) -> bool {
        id.up_to("resourceGroups").is_some_and(|group| self.groups.contains(&group))
    }

    /// The resources of a type in the deployment's resource groups.
    pub(super) fn resources_of(&self, audit: &Audit<'a>, kind: &'static str) -> impl Iterator<Item = &'a ArmResource> {
        audit.facts.resources_of(kind).filter(|resource| self.holds(&resource.id))
    }

    /// The storage accounts that serve files: of that kind, joined to a directory or not, or with a share.
    pub(super) fn file_accounts(&self, audit: &Audit<'a>) -> Vec<&'a ArmResource> {
        let shares: Vec<&ArmId> = audit.facts.resources_of(SHARES).map(|share| &share.id).collect();
        let accounts = self.resources_of(audit, STORAGE_ACCOUNTS).filter(|account| {
            let kind = account.at("kind").and_then(Value::as_str);
            kind.is_some_and(|kind| kind.eq_ignore_ascii_case("FileStorage"))
                || account.property("azureFilesIdentityBasedAuthentication/directoryServiceOptions").is_some()
                || shares.iter().any(|share| share.is_within(&account.id))
        });
        accounts.collect()
    }
}

/// A check that concerns the session hosts' virtual machines.
pub(super) fn if_hosts<'a>(audit: &Audit<'a>, check: impl FnOnce(&Deployed<'a>) -> Outcome) -> Outcome {
    let deployed = Deployed::of(audit);
    let mut outcome = match deployed.hosts.is_empty() {
        true => Outcome::not_applicable("no session host with a virtual machine that was read"),
        false => check(&deployed),
    };
    outcome.unknown.extend(deployed.unseen);
    outcome
}

/// A check that concerns what is in the resource groups of a deployment.
pub(super) fn if_deployed<'a>(audit: &Audit<'a>, check: impl FnOnce(&Deployed<'a>) -> Outcome) -> Outcome {
    let deployed = Deployed::of(audit);
    match deployed.groups.is_empty() {
        true => Outcome::not_applicable("no host pool and no session host"),
        false => check(&deployed),
    }
}

/// The extensions of virtual machines, by the machine.
pub(super) fn extensions<'a>(audit: &Audit<'a>) -> HashMap<ArmId, Vec<&'a ArmResource>> {
    let mut by_vm: HashMap<ArmId, Vec<&ArmResource>> = HashMap::new();
    for extension in audit.facts.resources_of(EXTENSIONS) {
        if let Some(vm) = extension.id.up_to("virtualMachines") {
            by_vm.entry(vm).or_default().push(extension);
        }
    }
    by_vm
}

/// Whether an extension is of a type, such as `AADLoginForWindows`.
pub(super) fn is_extension(extension: &ArmResource, kind: &str) -> bool {
    extension.text("type").is_some_and(|own| own.eq_ignore_ascii_case(kind))
}

/// A reference to another resource somewhere in a body.
pub(super) fn reference(value: &Value, path: &str) -> Option<ArmId> {
    at(value, path)?.as_str().filter(|id| !id.trim().is_empty()).map(ArmId::new)
}

/// Texts somewhere in a body: a list of them, or a single one.
pub(super) fn texts<'v>(value: &'v Value, path: &str) -> Vec<&'v str> {
    match at(value, path) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => vec![text],
        _ => Vec::new(),
    }
}

/// The items of a list somewhere in a body.
pub(super) fn items<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
