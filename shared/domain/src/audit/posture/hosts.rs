//! How hosts are made, and what is left where one was: `V62`–`V68`.

use super::absence::{Absence, is_nowhere};
use super::estate::{
    Deployed, Host, NETWORK_INTERFACES, SIGNS, VIRTUAL_MACHINES, has_sign_of_vds, if_deployed, if_hosts,
    is_control_server,
};
use super::mend::{bicep, delete, seen, shown, violation};
use super::rule;
use crate::ArmId;
use crate::access::{ArmResource, Facet, at};
use crate::audit::context::{HOST_POOLS, SESSION_HOSTS};
use crate::audit::{Audit, Evidence, Fix, Outcome, Rule, Severity};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::collections::BTreeSet;

const DISKS: &str = "microsoft.compute/disks";
/// The longest name of a Windows computer.
/// <https://learn.microsoft.com/troubleshoot/windows-server/active-directory/naming-conventions-for-computer-domain-site-ou>
const MAX_NAME: usize = 15;
const NEEDS: &[Facet] = &[Facet::DesktopVirtualization, Facet::Compute];

pub(super) const V62: Rule = rule(
    "V62",
    Severity::Medium,
    "Hosts start trusted",
    "Without secure boot and a virtual TPM nobody can say what started. Checked: securityProfile.securityType of the \
     hosts' virtual machines: TrustedLaunch or ConfidentialVM.",
    &["https://learn.microsoft.com/azure/virtual-machines/trusted-launch"],
    NEEDS,
    |audit| {
        const PATH: &str = "securityProfile/securityType";
        const LINES: &str = "securityProfile: { securityType: 'TrustedLaunch', uefiSettings: { secureBootEnabled: \
            true, vTpmEnabled: true } } of the virtual machine.";
        if_hosts(audit, |deployed| {
            is_one_of(deployed, PATH, &["TrustedLaunch", "ConfidentialVM"], "does not start trusted", LINES)
        })
    },
);

pub(super) const V63: Rule = rule(
    "V63",
    Severity::Medium,
    "Hosts use the licences that come with Azure Virtual Desktop",
    "Windows is paid twice otherwise. Checked: licenseType of the hosts' virtual machines: Windows_Client, or \
     Windows_Server.",
    &["https://learn.microsoft.com/azure/virtual-desktop/apply-windows-license"],
    NEEDS,
    |audit| {
        const LINES: &str = "licenseType: 'Windows_Client' of the virtual machine.";
        if_hosts(audit, |deployed| {
            is_one_of(deployed, "licenseType", &["Windows_Client", "Windows_Server"], "pays for Windows again", LINES)
        })
    },
);

pub(super) const V64: Rule = rule(
    "V64",
    Severity::Low,
    "A host's disk and network interface go with it",
    "Left behind, they cost money and hold the name and the address. Checked: deleteOption of osDisk and \
     networkInterfaces of the hosts' virtual machines.",
    &["https://learn.microsoft.com/azure/virtual-machines/delete"],
    NEEDS,
    |audit| if_hosts(audit, goes_along),
);

pub(super) const V65: Rule = rule(
    "V65",
    Severity::Medium,
    "Hosts of pooled pools are made from an image that is up to date",
    "What is not in the image is not mended until the host is built anew. Checked: the date of the gallery image \
     version that imageReference names, else that at the end of the version of a marketplace image.",
    &["https://learn.microsoft.com/azure/virtual-desktop/set-up-golden-image"],
    NEEDS,
    |audit| if_hosts(audit, |deployed| fresh(audit, deployed)),
);

pub(super) const V66: Rule = rule(
    "V66",
    Severity::Low,
    "Hosts are named as the deployment names them",
    "A longer name cannot be a computer's, and one that begins with a digit made backups that could not be restored. \
     Checked: names of the hosts' virtual machines; where VDS has been, also {code}TS{n}.",
    &["https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules"],
    &[Facet::DesktopVirtualization, SIGNS[0], SIGNS[1], SIGNS[2], SIGNS[3], SIGNS[4]],
    |audit| if_hosts(audit, |deployed| named(audit, deployed)),
);

pub(super) const V67: Rule = rule(
    "V67",
    Severity::Medium,
    "Every session host has its virtual machine, and every such machine its session host",
    "One without the other takes users nowhere, or costs money for nothing. Checked: resourceId of session hosts, and \
     client machines of their resource groups and those tagged with a host pool.",
    &["https://learn.microsoft.com/azure/virtual-desktop/add-session-hosts-host-pool"],
    NEEDS,
    |audit| if_deployed(audit, |deployed| paired(audit, deployed)),
);

pub(super) const V68: Rule = rule(
    "V68",
    Severity::Low,
    "No network interface and no disk is left of a machine that is gone",
    "They cost money, and the disk holds what was on it. Checked: network interfaces without a machine or an endpoint, \
     and disks that are Unattached, in the deployment's resource groups.",
    &["https://learn.microsoft.com/azure/virtual-machines/windows/find-unattached-disks"],
    &[Facet::DesktopVirtualization, Facet::Compute, Facet::Network],
    |audit| if_deployed(audit, |deployed| left_behind(audit, deployed)),
);

/// What mends a host: it is built anew.
fn rebuild(vm: &ArmId, lines: &str) -> Fix {
    bicep(lines, format!("{vm}: drain the host, build a new one, and remove this one"))
}

/// The hosts of which a property is none of these values.
fn is_one_of(deployed: &Deployed<'_>, path: &str, good: &[&str], wrong: &str, lines: &str) -> Outcome {
    let is_good =
        |vm: &ArmResource| vm.text(path).is_some_and(|own| good.iter().any(|one| own.eq_ignore_ascii_case(one)));
    let found = deployed.hosts.iter().filter(|host| !is_good(host.vm)).map(|Host { vm, .. }| {
        violation(&vm.id, None, format!("host {} {wrong}", vm.id.name()), seen(vm, path), rebuild(&vm.id, lines))
    });
    found.collect()
}

fn goes_along(deployed: &Deployed<'_>) -> Outcome {
    let is_delete = |value: Option<&Value>| {
        value.and_then(Value::as_str).is_some_and(|option| option.eq_ignore_ascii_case("Delete"))
    };
    let mut outcome = Outcome::default();
    for Host { vm, .. } in &deployed.hosts {
        let mut add = |subject: &str, what: &str, evidence: Vec<Evidence>| {
            let lines = "deleteOption: 'Delete' of storageProfile.osDisk and of networkProfile.networkInterfaces.";
            let message = format!("{what} of host {} stays when it is deleted", vm.id.name());
            outcome.violations.push(violation(&vm.id, Some(subject), message, evidence, rebuild(&vm.id, lines)));
        };
        if !is_delete(vm.property("storageProfile/osDisk/deleteOption")) {
            add("osDisk", "the disk", seen(vm, "storageProfile/osDisk/deleteOption"));
        }
        let interfaces = vm.list("networkProfile/networkInterfaces");
        if let Some(kept) = interfaces.iter().find(|one| !is_delete(at(one, "properties/deleteOption"))) {
            let evidence = vec![
                Evidence::new("resource", vm.id.as_str()),
                Evidence::new("properties.networkProfile.networkInterfaces.id", shown(at(kept, "id"))),
                Evidence::new("deleteOption", shown(at(kept, "properties/deleteOption"))),
            ];
            add("networkInterfaces", "a network interface", evidence);
        }
    }
    outcome
}

/// When the image of a machine was made, as far as that can be told.
fn image_date(deployed: &Deployed<'_>, vm: &ArmResource) -> Option<Date> {
    let version = vm.reference("storageProfile/imageReference/id").and_then(|id| deployed.get(&id));
    if let Some(published) = version.and_then(|version| version.text("publishingProfile/publishedDate")) {
        return Some(published.parse::<Timestamp>().ok()?.to_zoned(TimeZone::UTC).date());
    }
    let path = "storageProfile/imageReference/";
    let texts = ["exactVersion", "version"].into_iter().filter_map(|name| vm.text(&format!("{path}{name}")));
    texts.into_iter().find_map(version_date)
}

/// The date at the end of a marketplace version: `26100.4061.250508` is of 8 May 2025.
fn version_date(version: &str) -> Option<Date> {
    let last = version.trim().rsplit('.').next()?;
    if last.len() != 6 || !last.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| last.get(at..at + 2)?.parse::<i8>().ok();
    Date::new(2000 + i16::from(part(0)?), part(2)?, part(4)?).ok()
}

fn fresh(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let is_pooled =
        |pool: &&ArmResource| pool.text("hostPoolType").is_some_and(|kind| kind.eq_ignore_ascii_case("Pooled"));
    let pooled: BTreeSet<&ArmId> = audit.host_pools().filter(is_pooled).map(|pool| &pool.id).collect();
    let of_pooled = deployed.hosts.iter().filter(|host| host.pool().is_some_and(|pool| pooled.contains(&pool)));
    let hosts: Vec<&Host<'_>> = of_pooled.collect();
    if hosts.is_empty() {
        return Outcome::not_applicable("no host of a pooled host pool");
    }
    let days = audit.policy.thresholds.image_age_days;
    let today = audit.now.to_zoned(TimeZone::UTC).date();
    let mut outcome = Outcome::default();
    for Host { vm, .. } in hosts {
        let Some(made) = image_date(deployed, vm) else {
            outcome.unknown.push(format!("how old the image of {} is", vm.id));
            continue;
        };
        let age = made.duration_until(today).as_hours() / 24;
        if age > days {
            let mut evidence = seen(vm, "storageProfile/imageReference");
            evidence.push(Evidence::new("date of the image", made.to_string()));
            let message = format!("host {} is made from an image of {made}, {age} days old", vm.id.name());
            let lines = "storageProfile.imageReference of a new version of the image.";
            outcome.violations.push(violation(&vm.id, None, message, evidence, rebuild(&vm.id, lines)));
        }
    }
    outcome
}

/// Whether a name is `{code}TS{n}`.
pub(super) fn is_of_scheme(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let Some((code, number)) = name.rsplit_once("ts") else { return false };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn named(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let is_vds = has_sign_of_vds(audit);
    let fault = |name: &str| match name {
        long if long.len() > MAX_NAME => Some("is longer than 15 characters"),
        odd if !odd.starts_with(|first: char| first.is_ascii_alphabetic()) => Some("does not begin with a letter"),
        other if is_vds && !is_of_scheme(other) => Some("is not {code}TS{n}"),
        _ => None,
    };
    let wrong = deployed.hosts.iter().filter_map(|host| Some((host.vm, fault(host.vm.id.name())?)));
    let found = wrong.map(|(vm, fault)| {
        let name = vm.id.name();
        let evidence = vec![Evidence::new("resource", vm.id.as_str()), Evidence::new("name", name)];
        let lines = "name and osProfile.computerName of the new virtual machine: the company's code, TS, and a number.";
        violation(&vm.id, None, format!("the name of host {name} {fault}"), evidence, rebuild(&vm.id, lines))
    });
    found.collect()
}

/// The host pool for which Azure Virtual Desktop made a machine, as its tag tells.
fn tagged_pool(vm: &ArmResource) -> Option<ArmId> {
    vm.at("tags/cm-resource-parent").and_then(Value::as_str).map(ArmId::new)
}

fn paired(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let mut outcome = Outcome { unknown: deployed.unseen.clone(), ..Outcome::default() };
    let has_hosts = audit.facts.resources_of(SESSION_HOSTS).next().is_some();
    hosts_without_machine(audit, deployed, &mut outcome);
    let has_machines = machines_without_host(audit, deployed, &mut outcome);
    if !has_hosts && !has_machines {
        return Outcome::not_applicable("no session host, and no machine that should be one");
    }
    outcome
}

fn hosts_without_machine(audit: &Audit<'_>, deployed: &Deployed<'_>, outcome: &mut Outcome) {
    let absence = Absence::of(audit, &[Facet::Compute]);
    for session_host in audit.facts.resources_of(SESSION_HOSTS) {
        let is_lost = match session_host.reference("resourceId") {
            None => true,
            // Of machines in subscriptions that are not audited, `unseen` tells.
            Some(id) if deployed.get(&id).is_some() || !audit.is_audited(&id) => false,
            Some(id) => absence.proves(outcome, &id, "there is the virtual machine"),
        };
        if is_lost {
            let message = format!("session host {} has no virtual machine", session_host.id.name());
            let fix = delete(&session_host.id, "See that nobody is signed in.");
            outcome.violations.push(violation(&session_host.id, None, message, seen(session_host, "resourceId"), fix));
        }
    }
}

/// Adds the machines that should be session hosts and are not; whether there is one that should be.
fn machines_without_host(audit: &Audit<'_>, deployed: &Deployed<'_>, outcome: &mut Outcome) -> bool {
    let named: BTreeSet<ArmId> =
        audit.facts.resources_of(SESSION_HOSTS).filter_map(|host| host.reference("resourceId")).collect();
    let pools: BTreeSet<&ArmId> = audit.facts.resources_of(HOST_POOLS).map(|pool| &pool.id).collect();
    let machines = audit.facts.resources_of(VIRTUAL_MACHINES).filter(|vm| {
        let is_client = vm.text("licenseType").is_some_and(|kind| kind.eq_ignore_ascii_case("Windows_Client"));
        let is_tagged = tagged_pool(vm).is_some_and(|pool| pools.contains(&pool));
        !is_control_server(vm.id.name()) && (is_tagged || (is_client && deployed.holds(&vm.id)))
    });
    let machines: Vec<&ArmResource> = machines.collect();
    let free: Vec<&&ArmResource> = machines.iter().filter(|vm| !named.contains(&vm.id)).collect();
    let what = format!("{} machines are session hosts", free.len());
    // A session host names its machine from any pool of any subscription.
    if !free.is_empty() && is_nowhere(audit, &[Facet::DesktopVirtualization], outcome, &what) {
        outcome.violations.extend(free.into_iter().map(|vm| {
            let message = format!("virtual machine {} is no session host", vm.id.name());
            let mut evidence = seen(vm, "licenseType");
            evidence.push(Evidence::new("tags.cm-resource-parent", shown(vm.at("tags/cm-resource-parent"))));
            let fix = delete(&vm.id, "Register it with its host pool again, or see that nobody needs it.");
            violation(&vm.id, None, message, evidence, fix)
        }));
    }
    !machines.is_empty()
}

fn left_behind(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let owners = ["virtualMachine", "privateEndpoint", "privateLinkService"];
    let interfaces = deployed.resources_of(audit, NETWORK_INTERFACES);
    let interfaces = interfaces.filter(|one| owners.iter().all(|owner| one.property(owner).is_none())).map(|one| {
        let fix = delete(&one.id, "See that nobody is about to use it.");
        let message = format!("network interface {} belongs to no machine", one.id.name());
        violation(&one.id, None, message, seen(one, "virtualMachine/id"), fix)
    });
    let is_free =
        |disk: &&ArmResource| disk.text("diskState").is_some_and(|state| state.eq_ignore_ascii_case("Unattached"));
    let disks = deployed.resources_of(audit, DISKS).filter(is_free).map(|disk| {
        let fix = delete(&disk.id, "Take a snapshot if somebody may need what is on it.");
        let message = format!("disk {} belongs to no machine", disk.id.name());
        violation(&disk.id, None, message, seen(disk, "diskState"), fix)
    });
    interfaces.chain(disks).collect()
}
