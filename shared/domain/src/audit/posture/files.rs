//! Where profiles and data are: `V44`–`V47`.

use super::absence::is_nowhere;
use super::estate::{Deployed, Host, if_deployed, if_hosts};
use super::mend::{bicep, seen, set, shown, violation};
use super::rule;
use super::vaults::is_public;
use crate::ArmId;
use crate::access::{ArmResource, Effective, Facet, at, builtin};
use crate::audit::rules::helpers::{is_entitling, name_of, note_opaque, users_of, violation_of};
use crate::audit::{Audit, Evidence, Outcome, Rule, Severity, Violation};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const RUN_COMMANDS: &str = "microsoft.compute/virtualmachines/runcommands";
const CAPACITY_POOLS: &str = "microsoft.netapp/netappaccounts/capacitypools";
const VOLUMES: &str = "microsoft.netapp/netappaccounts/capacitypools/volumes";
/// What tells which servers are the deployment's.
const SERVERS: &[Facet] = &[Facet::DesktopVirtualization, Facet::Storage, Facet::NetApp];
const WHERE: &str = "the servers on which hosts keep profiles are the deployment's";
/// FSLogix' setting of where profiles are. <https://learn.microsoft.com/fslogix/reference-configuration-settings>
const LOCATIONS: &str = "VHDLocations";
/// The levels of Azure NetApp Files, the slowest first.
const LEVELS: [&str; 3] = ["Standard", "Premium", "Ultra"];
const ENTITLED: [Facet; 7] = [
    Facet::ManagementGroups,
    Facet::RoleAssignments,
    Facet::RoleDefinitions,
    Facet::PimActive,
    Facet::Principals,
    Facet::GroupMembers,
    Facet::DesktopVirtualization,
];

pub(super) const V44: Rule = rule(
    "V44",
    Severity::High,
    "File shares know users by the directory and are not on the Internet",
    "Without a directory the account's key opens every profile. Checked: directoryServiceOptions (AD or AADKERB), \
     publicNetworkAccess and networkAcls of the deployment's storage accounts that serve files.",
    &["https://learn.microsoft.com/azure/storage/files/storage-files-active-directory-overview"],
    &[Facet::DesktopVirtualization, Facet::Storage],
    |audit| if_files(audit, accounts_of),
);

pub(super) const V45: Rule = rule(
    "V45",
    Severity::High,
    "Only administrators change permissions on the profiles' shares",
    "The elevated role opens and re-permissions everybody's profile. Checked: grants of Storage File Data SMB Share \
     Elevated Contributor on the deployment's accounts, against who is entitled to applications.",
    &["https://learn.microsoft.com/azure/storage/files/storage-files-identity-assign-share-level-permissions"],
    &[ENTITLED[0], ENTITLED[1], ENTITLED[2], ENTITLED[3], ENTITLED[4], ENTITLED[5], ENTITLED[6], Facet::Storage],
    |audit| if_files(audit, |accounts| elevated(audit, accounts)),
);

pub(super) const V46: Rule = rule(
    "V46",
    Severity::Medium,
    "Azure NetApp Files is fast enough for the users",
    "Sign-ins wait for profiles. Checked: serviceLevel of the capacity pools against the number of users who are \
     entitled to applications in the subscription: 150 for Standard, 500 for Premium, more for Ultra.",
    &["https://learn.microsoft.com/azure/azure-netapp-files/azure-netapp-files-service-levels"],
    &[ENTITLED[0], ENTITLED[1], ENTITLED[2], ENTITLED[3], ENTITLED[4], ENTITLED[5], ENTITLED[6], Facet::NetApp],
    levels,
);

pub(super) const V47: Rule = rule(
    "V47",
    Severity::Medium,
    "Hosts keep profiles where the deployment's files are",
    "A profile elsewhere is not backed up, and a user has two. Checked: the parameter VHDLocations of the hosts' run \
     commands, against the deployment's storage accounts and NetApp volumes. The registry is not read.",
    &["https://learn.microsoft.com/fslogix/reference-configuration-settings"],
    &[Facet::DesktopVirtualization, Facet::Compute, Facet::Storage, Facet::NetApp],
    |audit| if_hosts(audit, |deployed| locations(audit, deployed)),
);

fn if_files<'a>(audit: &Audit<'a>, check: impl FnOnce(&[&'a ArmResource]) -> Outcome) -> Outcome {
    if_deployed(audit, |deployed| match deployed.file_accounts(audit) {
        accounts if accounts.is_empty() => Outcome::not_applicable("no storage account that serves files"),
        accounts => check(&accounts),
    })
}

fn accounts_of(accounts: &[&ArmResource]) -> Outcome {
    const DIRECTORY: &str = "azureFilesIdentityBasedAuthentication/directoryServiceOptions";
    let mut outcome = Outcome::default();
    for account in accounts {
        let name = account.id.name();
        let option = account.text(DIRECTORY);
        if !option.is_some_and(|own| ["AD", "AADKERB"].iter().any(|good| own.eq_ignore_ascii_case(good))) {
            let lines = "azureFilesIdentityBasedAuthentication: { directoryServiceOptions: 'AADKERB' } in the account's \
                         properties; for AD, Join-AzStorageAccount of AzFilesHybrid, once, by a domain administrator.";
            let fix = bicep(lines, format!("{} > File shares > Identity-based access", account.id));
            let message = format!("storage account {name} does not know users by the directory");
            let evidence = seen(account, DIRECTORY);
            outcome.violations.push(violation(&account.id, Some("directoryServiceOptions"), message, evidence, fix));
        }
        if is_public(account) {
            let lines =
                "publicNetworkAccess: 'Disabled' in the account's properties, with a private endpoint for file.";
            let fix = set(&account.id, "publicNetworkAccess", "Disabled", lines);
            let message = format!("storage account {name} is open to every network");
            let evidence = seen(account, "publicNetworkAccess");
            outcome.violations.push(violation(&account.id, Some("publicNetworkAccess"), message, evidence, fix));
        }
    }
    outcome
}

/// The active grants that entitle somebody to an application group, and the groups they reach.
fn entitlements<'b>(audit: &'b Audit<'_>) -> Vec<(&'b Effective<'b>, Vec<ArmId>)> {
    let groups: Vec<(ArmId, Vec<ArmId>)> =
        audit.application_groups().map(|group| (group.id.clone(), audit.world.chain(&group.id))).collect();
    let grants = audit.world.grants().iter().filter(|grant| grant.is_active() && is_entitling(grant));
    let reached = |grant: &Effective<'_>| -> Vec<ArmId> {
        groups.iter().filter(|(_, chain)| chain.contains(grant.scope)).map(|(id, _)| id.clone()).collect()
    };
    grants.map(|grant| (grant, reached(grant))).filter(|(_, groups)| !groups.is_empty()).collect()
}

fn elevated(audit: &Audit<'_>, accounts: &[&ArmResource]) -> Outcome {
    let entitling = entitlements(audit);
    let mut outcome = Outcome::default();
    let mut entitled = BTreeSet::new();
    for (grant, _) in &entitling {
        let users = users_of(audit, grant);
        note_opaque(&mut outcome, audit, &users.opaque);
        entitled.extend(users.ids);
    }
    let bears = |scope: &ArmId| {
        accounts.iter().any(|one| scope.is_within(&one.id) || audit.world.chain(&one.id).contains(scope))
    };
    let grants = audit.world.grants().iter();
    let wrong = grants.filter(|grant| {
        grant.is_active() && grant.role == builtin::SMB_SHARE_ELEVATED_CONTRIBUTOR && bears(grant.scope)
    });
    for grant in wrong {
        let users = users_of(audit, grant);
        note_opaque(&mut outcome, audit, &users.opaque);
        if let Some(user) = users.ids.iter().find(|id| entitled.contains(*id)) {
            let (holder, user) = (name_of(audit, &grant.principal.id), name_of(audit, user));
            let message = format!("{holder} may change everybody's permissions on files, and {user} is a user");
            outcome.violations.push(violation_of(audit, grant, message));
        }
    }
    outcome
}

fn levels(audit: &Audit<'_>) -> Outcome {
    let pools: Vec<&ArmResource> = audit.facts.resources_of(CAPACITY_POOLS).collect();
    if pools.is_empty() {
        return Outcome::not_applicable("no capacity pool of Azure NetApp Files");
    }
    let mut outcome = Outcome::default();
    let mut users: BTreeMap<ArmId, BTreeSet<String>> = BTreeMap::new();
    for (grant, groups) in entitlements(audit) {
        let reached = users_of(audit, grant);
        note_opaque(&mut outcome, audit, &reached.opaque);
        for subscription in groups.iter().filter_map(|group| group.up_to("subscriptions")) {
            users.entry(subscription).or_default().extend(reached.ids.iter().cloned());
        }
    }
    let thresholds = &audit.policy.thresholds;
    for pool in pools {
        let count = pool.id.up_to("subscriptions").and_then(|id| users.get(&id)).map_or(0, BTreeSet::len);
        let needed = match count {
            count if count <= thresholds.netapp_standard_users => 0,
            count if count <= thresholds.netapp_premium_users => 1,
            _ => 2,
        };
        let own = pool.text("serviceLevel").unwrap_or_default();
        match LEVELS.iter().position(|level| level.eq_ignore_ascii_case(own)) {
            None => outcome.unknown.push(format!("how fast {} is: {}", pool.id, shown(pool.property("serviceLevel")))),
            Some(level) if level >= needed => {}
            Some(_) => {
                let needed = LEVELS[needed];
                let mut evidence = seen(pool, "serviceLevel");
                evidence.push(Evidence::new("users entitled in the subscription", count.to_string()));
                let message = format!("capacity pool {} is {own}; {count} users need {needed}", pool.id.name());
                let lines = format!("a capacity pool with serviceLevel: '{needed}'.");
                let fix = bicep(&lines, format!("{} > Volumes > Change pool, to one of that level", pool.id));
                outcome.violations.push(violation(&pool.id, None, message, evidence, fix));
            }
        }
    }
    outcome
}

/// The servers on which the deployment's files are, in lower case: names, or the first label of a storage account's.
fn servers(audit: &Audit<'_>, deployed: &Deployed<'_>) -> BTreeSet<String> {
    let mut servers: BTreeSet<String> = BTreeSet::new();
    let accounts = deployed.file_accounts(audit);
    servers.extend(accounts.iter().map(|account| format!("{}.file.", account.id.name().to_ascii_lowercase())));
    for target in audit.facts.resources_of(VOLUMES).flat_map(|volume| volume.list("mountTargets")) {
        let paths = ["ipAddress", "smbServerFqdn", "properties/ipAddress", "properties/smbServerFqdn"];
        let named = paths.iter().filter_map(|path| at(target, path)?.as_str());
        servers.extend(named.map(str::to_ascii_lowercase).filter(|name| !name.is_empty()));
    }
    servers
}

/// What the parameters of a host's run commands say of where profiles are; none where there is no such parameter.
fn told_locations<'a>(commands: &[&'a ArmResource]) -> Vec<&'a str> {
    let parameters = commands.iter().flat_map(|command| command.list("parameters"));
    let is_it =
        |one: &&Value| at(one, "name").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case(LOCATIONS));
    parameters.filter(is_it).filter_map(|one| at(one, "value")?.as_str()).collect()
}

fn locations(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let servers = servers(audit, deployed);
    let mut by_vm: HashMap<ArmId, Vec<&ArmResource>> = HashMap::new();
    for command in audit.facts.resources_of(RUN_COMMANDS) {
        if let Some(vm) = command.id.up_to("virtualMachines") {
            by_vm.entry(vm).or_default().push(command);
        }
    }
    let is_ours = |path: &str| {
        let server = path.trim_start_matches('\\').split('\\').next().unwrap_or_default().to_ascii_lowercase();
        path.starts_with(r"\\")
            && servers.iter().any(|own| *own == server || (own.ends_with(".file.") && server.starts_with(own)))
    };
    let (mut outcome, mut foreign, mut silent) = (Outcome::default(), Vec::new(), 0_usize);
    for Host { vm, .. } in &deployed.hosts {
        let told = by_vm.get(&vm.id).map(|commands| told_locations(commands)).unwrap_or_default();
        silent += usize::from(told.is_empty());
        let mut paths = told.iter().flat_map(|told| told.split([';', ','])).map(str::trim);
        if paths.any(|path| !path.is_empty() && !is_ours(path)) {
            foreign.push(is_elsewhere(vm, &told.join("; ")));
        }
    }
    if !foreign.is_empty() && is_nowhere(audit, SERVERS, &mut outcome, WHERE) {
        outcome.violations = foreign;
    }
    if silent > 0 {
        outcome
            .unknown
            .push(format!("where {silent} hosts keep profiles: no run command tells, and the registry is not read"));
    }
    outcome
}

fn is_elsewhere(vm: &ArmResource, told: &str) -> Violation {
    let told = shown(Some(&Value::String(told.to_owned())));
    let evidence = vec![Evidence::new("resource", vm.id.as_str()), Evidence::new(LOCATIONS, told)];
    let message = format!("host {} keeps profiles outside the deployment's files", vm.id.name());
    let lines = "the run command 'configure' with the parameter VHDLocations of the storage account's share.";
    violation(&vm.id, Some(LOCATIONS), message, evidence, bicep(lines, format!("{}: build the host anew", vm.id)))
}
