//! How hosts are wired: `V27`–`V30` and `V33`. What gets through is in [`super::security_groups`], addresses are in
//! [`super::address_space`].

use super::absence::Absence;
use super::estate::{
    Deployed, NETWORK_INTERFACES, control_servers, extensions, if_hosts, is_extension, reference, texts,
};
use super::mend::{bicep, seen, shown, violation};
use super::rule;
use super::wiring::{Subnet, Wiring, configurations, subnets};
use crate::ArmId;
use crate::access::{ArmResource, Facet, at};
use crate::audit::{Audit, Evidence, Outcome, Rule, Severity};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What the rules about networks need.
pub(super) const NEEDS: &[Facet] = &[Facet::DesktopVirtualization, Facet::Compute, Facet::Network];
/// The extension that joins a machine to Entra instead of a domain.
const ENTRA_JOIN: &str = "AADLoginForWindows";
/// Subnets of Azure's own services, which take no security group or bring their own rules.
const OF_SERVICES: [&str; 5] = [
    "GatewaySubnet",
    "AzureFirewallSubnet",
    "AzureFirewallManagementSubnet",
    "RouteServerSubnet",
    "AzureBastionSubnet",
];
/// Subnets of Azure NetApp Files: with basic network features they take no security group.
const NETAPP: &str = "Microsoft.NetApp/volumes";

pub(super) const V27: Rule = rule(
    "V27",
    Severity::High,
    "Hosts, platform and directory have subnets of their own",
    "Users' machines beside domain controllers are one rule away from them. Checked: network interfaces by subnet: the \
     hosts', CWMGR1's, and those whose address the networks name as DNS server.",
    &[
        "https://learn.microsoft.com/azure/cloud-adoption-framework/scenarios/azure-virtual-desktop/eslz-network-topology-and-connectivity",
    ],
    NEEDS,
    |audit| if_hosts(audit, |deployed| apart(audit, deployed)),
);

pub(super) const V28: Rule = rule(
    "V28",
    Severity::High,
    "The hosts' networks are peered both ways",
    "A peering of one side carries nothing: hosts find no domain controller. Checked: virtualNetworkPeerings of the \
     hosts' networks, peeringState, and the way back.",
    &["https://learn.microsoft.com/azure/virtual-network/virtual-network-peering-overview"],
    NEEDS,
    |audit| if_hosts(audit, |deployed| peered(deployed)),
);

pub(super) const V29: Rule = rule(
    "V29",
    Severity::High,
    "The hosts' networks name the domain controllers as their DNS servers",
    "Hosts find their domain by DNS, and Azure's own does not know it. Checked: dhcpOptions.dnsServers of the networks \
     of hosts that are not joined to Entra, against the policy's domain_controllers.",
    &["https://learn.microsoft.com/azure/virtual-network/virtual-networks-name-resolution-for-vms-and-role-instances"],
    NEEDS,
    |audit| if_hosts(audit, |deployed| names_controllers(audit, deployed)),
);

pub(super) const V30: Rule = rule(
    "V30",
    Severity::High,
    "Every subnet of the hosts' networks has a security group",
    "Without one, everything in and beside the network reaches the machines. Checked: networkSecurityGroup of each \
     subnet, but those of Azure's gateways, firewall, Bastion, route server and NetApp Files.",
    &["https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview"],
    NEEDS,
    |audit| if_hosts(audit, |deployed| guarded(deployed)),
);

pub(super) const V33: Rule = rule(
    "V33",
    Severity::High,
    "The hosts' subnets have a way out of their own",
    "Networks made after March 2026 have none by default. Checked: natGateway of the hosts' subnets, or a route for \
     0.0.0.0/0 to an appliance or a gateway.",
    &["https://learn.microsoft.com/azure/virtual-network/ip-services/default-outbound-access"],
    NEEDS,
    |audit| if_hosts(audit, |deployed| leads_out(deployed)),
);

/// What the hosts are wired to.
pub(super) fn wiring_of_hosts<'a>(deployed: &Deployed<'a>) -> Wiring<'a> {
    Wiring::of(deployed, deployed.hosts.iter().map(|host| host.vm))
}

/// A subnet's id and a property of it, as evidence.
fn seen_in(subnet: &Subnet<'_>, property: &str) -> Vec<Evidence> {
    let value = shown(at(subnet.body, &format!("properties/{property}")));
    vec![Evidence::new("subnet", subnet.id.as_str()), Evidence::new(format!("properties.{property}"), value)]
}

fn addresses<'b>(texts: impl IntoIterator<Item = &'b str>) -> BTreeSet<IpAddr> {
    texts.into_iter().filter_map(|text| text.trim().parse().ok()).collect()
}

fn dns_servers(network: &ArmResource) -> BTreeSet<IpAddr> {
    addresses(texts(&network.body, "properties/dhcpOptions/dnsServers"))
}

fn apart(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    const HOSTS: &str = "hosts";
    const PLATFORM: &str = "platform";
    const DIRECTORY: &str = "directory";
    let hosts = wiring_of_hosts(deployed);
    let platform = Wiring::of(deployed, control_servers(audit));
    let mut controllers = addresses(audit.policy.domain_controllers.iter().map(String::as_str));
    controllers.extend(hosts.networks.values().flat_map(|network| dns_servers(network)));
    let all = audit.facts.resources_of(NETWORK_INTERFACES).flat_map(configurations);
    let directory = all.filter(|one| {
        addresses(texts(one, "properties/privateIPAddress")).iter().any(|address| controllers.contains(address))
    });
    let directory: BTreeSet<ArmId> = directory.filter_map(|one| reference(one, "properties/subnet/id")).collect();

    let subnets: BTreeSet<&ArmId> = hosts.subnets.keys().chain(platform.subnets.keys()).chain(&directory).collect();
    let mut outcome = Outcome::default();
    for subnet in subnets {
        let kinds = [
            (HOSTS, hosts.subnets.contains_key(subnet)),
            (PLATFORM, platform.subnets.contains_key(subnet)),
            (DIRECTORY, directory.contains(subnet)),
        ];
        let kinds: Vec<&str> = kinds.into_iter().filter(|(_, is_in)| *is_in).map(|(kind, _)| kind).collect();
        if kinds.len() > 1 {
            let message = format!("subnet {} holds {} together", subnet.name(), kinds.join(" and "));
            let evidence = vec![Evidence::new("subnet", subnet.as_str()), Evidence::new("holds", kinds.join(", "))];
            let lines = "subnets: [{ name: 'hosts', … }, { name: 'platform', … }, { name: 'directory', … }], each with \
                         a networkSecurityGroup.";
            let fix = bicep(lines, format!("{subnet}: move the network interfaces to subnets of their own"));
            outcome.violations.push(violation(subnet, Some(&kinds.join("+")), message, evidence, fix));
        }
    }
    outcome.unknown = hosts.unknown;
    outcome.unknown.extend(platform.unknown);
    outcome
}

fn is_connected(peering: &Value) -> bool {
    let state = at(peering, "properties/peeringState").and_then(Value::as_str);
    state.is_some_and(|state| state.eq_ignore_ascii_case("Connected"))
}

/// The network at the other end of a peering.
pub(super) fn remote(peering: &Value) -> Option<ArmId> {
    reference(peering, "properties/remoteVirtualNetwork/id")
}

fn peered(deployed: &Deployed<'_>) -> Outcome {
    let wiring = wiring_of_hosts(deployed);
    let peerings =
        || wiring.networks.values().flat_map(|one| one.list("virtualNetworkPeerings").iter().map(|p| (*one, p)));
    let mut outcome = Outcome::default();
    for (network, peering) in peerings() {
        let other = remote(peering).and_then(|id| deployed.get(&id));
        let leads_back = |back: &Value| is_connected(back) && remote(back).is_some_and(|id| id == network.id);
        let is_back = other.is_none_or(|other| other.list("virtualNetworkPeerings").iter().any(leads_back));
        if is_connected(peering) && is_back {
            continue;
        }
        let name = at(peering, "name").and_then(Value::as_str).unwrap_or("peering");
        let evidence = vec![
            Evidence::new("resource", network.id.as_str()),
            Evidence::new(
                format!("properties.virtualNetworkPeerings {name} peeringState"),
                shown(at(peering, "properties/peeringState")),
            ),
            Evidence::new("peering back", if is_back { "present or not read" } else { "absent or not connected" }),
        ];
        let message = format!("peering {name} of network {} is not connected both ways", network.id.name());
        let lines = "resource peering 'Microsoft.Network/virtualNetworks/virtualNetworkPeerings@2024-05-01' in each of \
                     the two networks, with remoteVirtualNetwork.id of the other.";
        let fix = bicep(lines, format!("{} > Peerings: delete {name} on both sides and add it anew", network.id));
        outcome.violations.push(violation(&network.id, Some(name), message, evidence, fix));
    }
    if peerings().next().is_none() {
        outcome = Outcome::not_applicable("no peering of a network with hosts");
    }
    outcome.unknown = wiring.unknown;
    outcome
}

fn names_controllers(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let by_vm = extensions(audit);
    let is_entra = |vm: &ArmResource| {
        by_vm.get(&vm.id).is_some_and(|own| own.iter().any(|extension| is_extension(extension, ENTRA_JOIN)))
    };
    let absence = Absence::of(audit, &[Facet::Compute]);
    let mut outcome = Outcome::default();
    let mut is_joined =
        |vm: &&ArmResource| !is_entra(vm) && absence.proves(&mut outcome, &vm.id, "a domain, and not Entra, has");
    let joined: Vec<&ArmResource> = deployed.hosts.iter().map(|host| host.vm).filter(&mut is_joined).collect();
    if joined.is_empty() {
        outcome.not_applicable = Some("every host is joined to Entra".to_owned());
        return outcome;
    }
    let wiring = Wiring::of(deployed, joined);
    let controllers = addresses(audit.policy.domain_controllers.iter().map(String::as_str));
    outcome.unknown.extend(wiring.unknown);
    for network in wiring.networks.values() {
        let own = dns_servers(network);
        if controllers.is_empty() && !own.is_empty() {
            let id = &network.id;
            outcome.unknown.push(format!(
                "whether the DNS servers of {id} are domain controllers: the policy names none (domain_controllers)"
            ));
        } else if own.is_empty() || own != controllers {
            let message = format!("network {} does not name the domain controllers as DNS servers", network.id.name());
            let lines = "dhcpOptions: { dnsServers: [ /* the controllers' addresses */ ] } of the virtual network.";
            let fix = bicep(lines, format!("{} > DNS servers: Custom", network.id));
            let evidence = seen(network, "dhcpOptions/dnsServers");
            outcome.violations.push(violation(&network.id, None, message, evidence, fix));
        }
    }
    outcome
}

fn guarded(deployed: &Deployed<'_>) -> Outcome {
    let wiring = wiring_of_hosts(deployed);
    let is_of_service = |subnet: &Subnet<'_>| {
        OF_SERVICES.iter().any(|name| subnet.id.name().eq_ignore_ascii_case(name)) || subnet.is_delegated_to(NETAPP)
    };
    let all = wiring.networks.values().flat_map(|network| subnets(network));
    let bare = all.filter(|subnet| subnet.refers_to("networkSecurityGroup").is_none() && !is_of_service(subnet));
    let mut outcome: Outcome = bare
        .map(|subnet| {
            let message = format!("subnet {} has no security group", subnet.id.name());
            let lines = "networkSecurityGroup: { id: nsg.id } in the subnet's properties.";
            let fix = bicep(lines, format!("{} > Network security group", subnet.id));
            violation(&subnet.id, None, message, seen_in(&subnet, "networkSecurityGroup"), fix)
        })
        .collect();
    outcome.unknown = wiring.unknown;
    outcome
}

/// Whether a route table sends what is for nobody else to an appliance or a gateway.
fn routes_out(table: &ArmResource) -> bool {
    table.list("routes").iter().any(|route| {
        let text = |path: &str| at(route, path).and_then(Value::as_str).unwrap_or_default();
        let hops = ["VirtualAppliance", "VirtualNetworkGateway"];
        text("properties/addressPrefix") == "0.0.0.0/0"
            && hops.iter().any(|hop| hop.eq_ignore_ascii_case(text("properties/nextHopType")))
    })
}

fn leads_out(deployed: &Deployed<'_>) -> Outcome {
    let wiring = wiring_of_hosts(deployed);
    let mut outcome = Outcome { unknown: wiring.unknown, ..Outcome::default() };
    for subnet in wiring.subnets.values().filter(|subnet| subnet.refers_to("natGateway").is_none()) {
        let table = subnet.refers_to("routeTable");
        match table.as_ref().map(|id| deployed.get(id)) {
            Some(None) => outcome.unknown.push(format!("the route table of {} was not found", subnet.id)),
            Some(Some(table)) if routes_out(table) => {}
            _ => {
                let mut evidence = seen_in(subnet, "natGateway");
                evidence.extend(seen_in(subnet, "routeTable").into_iter().skip(1));
                let message =
                    format!("subnet {} has no way out: no NAT gateway and no default route", subnet.id.name());
                let lines = "natGateway: { id: nat.id } in the subnet's properties, with resource nat \
                             'Microsoft.Network/natGateways@2024-05-01'.";
                let fix = bicep(lines, format!("{} > NAT gateway", subnet.id));
                outcome.violations.push(violation(&subnet.id, None, message, evidence, fix));
            }
        }
    }
    outcome
}
