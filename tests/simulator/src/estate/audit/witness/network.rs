//! Rules about networks: V21 to V23 and V27 to V35.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    directory::has_sign,
    hosts::{Host, hosts, is_entra, is_old_server},
    view::{Found, View, group_of},
};
use crate::estate::audit::{ids, record::Violation};

const NICS: &str = "Microsoft.Network/networkInterfaces";
const GROUPS: &str = "Microsoft.Network/networkSecurityGroups";
const ADDRESSES: &str = "Microsoft.Network/publicIPAddresses";
/// Subnets of Azure's own that need no security group.
const OWN_SUBNETS: [&str; 5] = [
    "GatewaySubnet",
    "AzureFirewallSubnet",
    "AzureFirewallManagementSubnet",
    "RouteServerSubnet",
    "AzureBastionSubnet",
];

/// Where hosts are: ids in lower case.
struct Places<'a> {
    nics: BTreeSet<String>,
    subnets: BTreeSet<String>,
    networks: BTreeMap<String, &'a Value>,
    groups: BTreeSet<String>,
}

fn lower(value: &Value) -> Option<String> {
    value.as_str().map(str::to_ascii_lowercase)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A rule's values under a name or its plural.
fn values<'a>(rule: &'a Value, name: &str, plural: &str) -> Vec<&'a str> {
    rule[name].as_str().into_iter().chain(list(&rule[plural]).filter_map(Value::as_str)).collect()
}

fn nics_of(body: &Value) -> impl Iterator<Item = String> {
    list(&body["properties"]["networkProfile"]["networkInterfaces"]).filter_map(|nic| lower(&nic["id"]))
}

fn subnets_of(nic: &Value) -> impl Iterator<Item = String> {
    list(&nic["properties"]["ipConfigurations"]).filter_map(|one| lower(&one["properties"]["subnet"]["id"]))
}

fn subnet<'a>(view: &View<'a>, id: &str) -> Option<&'a Value> {
    let network = id.split("/subnets/").next()?;
    let network = view.draft.resources.get(network)?;
    list(&network["properties"]["subnets"]).find(|subnet| lower(&subnet["id"]).as_deref() == Some(id))
}

fn places<'a>(view: &View<'a>, machines: impl Iterator<Item = &'a Value>) -> Places<'a> {
    let nics: BTreeSet<String> = machines.flat_map(nics_of).collect();
    let bodies: Vec<&Value> = nics.iter().filter_map(|id| view.draft.resources.get(id)).collect();
    let subnets: BTreeSet<String> = bodies.iter().flat_map(|nic| subnets_of(nic)).collect();
    let own = bodies.iter().filter_map(|nic| lower(&nic["properties"]["networkSecurityGroup"]["id"]));
    let theirs = subnets.iter().filter_map(|id| subnet(view, id));
    let theirs = theirs.filter_map(|subnet| lower(&subnet["properties"]["networkSecurityGroup"]["id"]));
    let groups = own.chain(theirs).collect();
    let networks = subnets
        .iter()
        .filter_map(|id| id.split("/subnets/").next())
        .filter_map(|id| Some((id.to_owned(), view.draft.resources.get(id)?)))
        .collect();
    Places { nics, subnets, networks, groups }
}

pub(super) fn check(view: &View<'_>, found: &mut Found) {
    let hosts = hosts(view);
    let places_of_hosts = places(view, hosts.iter().map(|host| host.body));
    let old = view.resources(ids::MACHINES).filter(|(id, _)| is_old_server(id));
    let places_of_old = places(view, old.map(|(_, body)| body));
    open(view, "V31", &places_of_hosts, found);
    if has_sign(view) {
        open(view, "V21", &places_of_old, found);
        addresses(view, &places_of_hosts, &places_of_old, found);
        vendor_rules(view, found);
    }
    kinds(view, &places_of_hosts, &places_of_old, found);
    for (id, network) in &places_of_hosts.networks {
        peerings(view, id, network, found);
        servers(view, id, network, &hosts, found);
        overlaps(view, id, network, found);
        for subnet in list(&network["properties"]["subnets"]) {
            let properties = &subnet["properties"];
            let is_own = OWN_SUBNETS.iter().any(|name| subnet["name"] == *name);
            let is_files = list(&properties["delegations"])
                .any(|one| one["properties"]["serviceName"] == "Microsoft.NetApp/volumes");
            if properties["networkSecurityGroup"]["id"].is_null() && !is_own && !is_files {
                found.push(Violation::new("V30", subnet["id"].as_str().unwrap_or(""), None, None));
            }
        }
    }
    for id in &places_of_hosts.subnets {
        ways_out(view, id, found);
    }
    for group in &places_of_hosts.groups {
        needed(view, group, found);
    }
}

/// The whole Internet, as the two kinds of addresses write it.
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// Where a rule is about, unless it is about groups of machines.
fn sources(rule: &Value) -> Vec<String> {
    let has_groups = rule["sourceApplicationSecurityGroups"].as_array().is_some_and(|groups| !groups.is_empty());
    let sources = values(rule, "sourceAddressPrefix", "sourceAddressPrefixes");
    sources.into_iter().filter(|_| !has_groups).map(str::to_ascii_lowercase).collect()
}

fn is_anybody(source: &str) -> bool {
    ["*", "internet", "any"].contains(&source)
}

/// Of which kinds of addresses a rule is about so much of the Internet that it
/// may as well be all of it.
fn wide(rule: &Value) -> BTreeSet<&'static str> {
    let is_of = |source: &str, all: &str| match prefix(source) {
        Some((_, length)) => all == EVERYWHERE[0] && length < 8,
        None => is_anybody(source) || source == all,
    };
    let sources = sources(rule);
    EVERYWHERE.into_iter().filter(|all| sources.iter().any(|source| is_of(source, all))).collect()
}

/// Whether a rule keeps everything of a kind of addresses out.
fn shuts(rule: &Value, all: &str) -> bool {
    ["protocol", "destinationPortRange", "destinationAddressPrefix"].iter().all(|name| rule[name] == "*")
        && sources(rule).iter().any(|source| is_anybody(source) || source == all)
}

fn open(view: &View<'_>, number: &str, places: &Places<'_>, found: &mut Found) {
    for group in &places.groups {
        let rules: Vec<&Value> = view
            .draft
            .resources
            .get(group)
            .into_iter()
            .flat_map(|body| list(&body["properties"]["securityRules"]))
            .collect();
        for rule in &rules {
            let properties = &rule["properties"];
            let is_shut = |all: &str| {
                rules.iter().map(|rule| &rule["properties"]).any(|other| {
                    other["direction"] == "Inbound"
                        && other["access"] == "Deny"
                        && other["priority"].as_u64() < properties["priority"].as_u64()
                        && shuts(other, all)
                })
            };
            let lets_in = properties["direction"] == "Inbound" && properties["access"] == "Allow";
            if lets_in && wide(properties).into_iter().any(|all| !is_shut(all)) {
                found.push(Violation::new(number, group, None, rule["name"].as_str()));
            }
        }
    }
}

/// V22: public addresses of hosts and of the old server, and those that nothing
/// uses.
fn addresses(view: &View<'_>, hosts: &Places<'_>, old: &Places<'_>, found: &mut Found) {
    let nics = hosts.nics.iter().chain(&old.nics).filter_map(|id| view.draft.resources.get(id));
    let configurations = nics.flat_map(|nic| list(&nic["properties"]["ipConfigurations"]));
    let named: BTreeSet<String> =
        configurations.filter_map(|one| lower(&one["properties"]["publicIPAddress"]["id"])).collect();
    let old_groups: BTreeSet<String> =
        view.resources(ids::MACHINES).map(|(id, _)| id).filter(|id| is_old_server(id)).map(group_of).collect();
    for (id, body) in view.resources(ADDRESSES) {
        let is_idle = body["properties"]["ipConfiguration"].is_null() && body["properties"]["natGateway"].is_null();
        let is_here = view.is_of_estate(id) || old_groups.contains(&group_of(id));
        if named.contains(id) || (is_here && is_idle) {
            found.push(Violation::new("V22", id, None, None));
        }
    }
}

fn vendor_rules(view: &View<'_>, found: &mut Found) {
    let theirs: Vec<(u32, u32)> =
        list(&view.draft.policy["vendor_addresses"]).filter_map(Value::as_str).filter_map(prefix).collect();
    for (id, body) in view.resources(GROUPS) {
        for rule in list(&body["properties"]["securityRules"]) {
            let properties = &rule["properties"];
            let mut literals = values(properties, "sourceAddressPrefix", "sourceAddressPrefixes");
            literals.extend(values(properties, "destinationAddressPrefix", "destinationAddressPrefixes"));
            let literals: Vec<(u32, u32)> = literals.into_iter().filter_map(prefix).collect();
            let is_theirs = literals.iter().any(|one| theirs.iter().any(|their| holds(*their, *one)));
            let words = format!("{} {}", rule["name"], properties["description"]).to_lowercase();
            let words = words.replace([' ', '-', '_'], "");
            let is_named =
                ["cloudworkspace", "cloudjumper", "netappvds", "cwmgr"].iter().any(|word| words.contains(word));
            if is_theirs || (is_named && literals.iter().any(|one| is_public(*one))) {
                found.push(Violation::new("V23", id, None, rule["name"].as_str()));
            }
        }
    }
}

fn is_public(one: (u32, u32)) -> bool {
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10"];
    one.1 > 0 && !private.iter().filter_map(|text| prefix(text)).any(|own| holds(own, one))
}

/// V27: what shares a subnet and should not.
fn kinds(view: &View<'_>, hosts: &Places<'_>, old: &Places<'_>, found: &mut Found) {
    let servers = hosts.networks.values().flat_map(|body| list(&body["properties"]["dhcpOptions"]["dnsServers"]));
    let controllers = list(&view.draft.policy["domain_controllers"]);
    let controllers: BTreeSet<&str> = servers.chain(controllers).filter_map(Value::as_str).collect();
    let mut kinds: BTreeMap<String, [bool; 3]> = BTreeMap::new();
    for (id, nic) in view.resources(NICS) {
        let is_controller = list(&nic["properties"]["ipConfigurations"])
            .any(|one| one["properties"]["privateIPAddress"].as_str().is_some_and(|ip| controllers.contains(ip)));
        for subnet in subnets_of(nic) {
            let kinds = kinds.entry(subnet).or_default();
            kinds[0] |= hosts.nics.contains(id);
            kinds[1] |= old.nics.contains(id);
            kinds[2] |= is_controller;
        }
    }
    for (subnet, has) in kinds {
        let names = ["hosts", "platform", "directory"];
        let present: Vec<&str> = names.into_iter().zip(has).filter(|(_, has)| *has).map(|(name, _)| name).collect();
        if present.len() > 1 && !hosts.subnets.is_empty() {
            found.push(Violation::new("V27", &subnet, None, Some(&present.join("+"))));
        }
    }
}

fn peerings(view: &View<'_>, id: &str, network: &Value, found: &mut Found) {
    for peering in list(&network["properties"]["virtualNetworkPeerings"]) {
        let is_connected = |one: &Value| one["properties"]["peeringState"] == "Connected";
        let remote = lower(&peering["properties"]["remoteVirtualNetwork"]["id"]).unwrap_or_default();
        let is_answered = view.draft.resources.get(&remote).is_none_or(|remote| {
            list(&remote["properties"]["virtualNetworkPeerings"]).any(|one| {
                is_connected(one) && lower(&one["properties"]["remoteVirtualNetwork"]["id"]).as_deref() == Some(id)
            })
        });
        if !is_connected(peering) || !is_answered {
            found.push(Violation::new("V28", id, None, peering["name"].as_str()));
        }
    }
}

fn servers(view: &View<'_>, id: &str, network: &Value, hosts: &[Host<'_>], found: &mut Found) {
    if hosts.iter().all(|host| is_entra(view, host.id)) {
        return;
    }
    let needs_directory = hosts.iter().filter(|host| !is_entra(view, host.id)).any(|host| {
        let nics = nics_of(host.body).filter_map(|nic| view.draft.resources.get(&nic));
        nics.flat_map(subnets_of).any(|subnet| subnet.split("/subnets/").next() == Some(id))
    });
    let set = |value: &Value| list(value).filter_map(Value::as_str).map(str::to_owned).collect::<BTreeSet<_>>();
    let servers = set(&network["properties"]["dhcpOptions"]["dnsServers"]);
    let wanted = set(&view.draft.policy["domain_controllers"]);
    if needs_directory && (servers.is_empty() || (!wanted.is_empty() && servers != wanted)) {
        found.push(Violation::new("V29", id, None, None));
    }
}

/// V34: networks near by, and those at the other end of a gateway, with the
/// same addresses.
fn overlaps(view: &View<'_>, id: &str, network: &Value, found: &mut Found) {
    let space = |body: &Value, name: &str| -> Vec<(u32, u32)> {
        list(&body["properties"][name]["addressPrefixes"]).filter_map(Value::as_str).filter_map(prefix).collect()
    };
    let own = space(network, "addressSpace");
    let remotes = |body: &Value| -> Vec<String> {
        list(&body["properties"]["virtualNetworkPeerings"])
            .filter_map(|one| lower(&one["properties"]["remoteVirtualNetwork"]["id"]))
            .collect()
    };
    let mut near: BTreeSet<String> = remotes(network).into_iter().collect();
    for one in near.clone() {
        near.extend(view.draft.resources.get(&one).into_iter().flat_map(remotes));
    }
    near.remove(id);
    let overlap = |theirs: &[(u32, u32)]| {
        own.iter().any(|mine| theirs.iter().any(|their| holds(*mine, *their) || holds(*their, *mine)))
    };
    for other in near {
        if view.draft.resources.get(&other).is_some_and(|body| overlap(&space(body, "addressSpace"))) {
            found.push(Violation::new("V34", id, None, Some(&other)));
        }
    }
    for (other, body) in view.resources("Microsoft.Network/localNetworkGateways") {
        if overlap(&space(body, "localNetworkAddressSpace")) {
            found.push(Violation::new("V34", id, None, Some(other)));
        }
    }
}

fn ways_out(view: &View<'_>, id: &str, found: &mut Found) {
    let Some(subnet) = subnet(view, id) else {
        return;
    };
    let properties = &subnet["properties"];
    let table = lower(&properties["routeTable"]["id"]).and_then(|table| view.draft.resources.get(&table));
    let has_route = table.into_iter().flat_map(|table| list(&table["properties"]["routes"])).any(|route| {
        let hop = &route["properties"]["nextHopType"];
        route["properties"]["addressPrefix"] == "0.0.0.0/0"
            && (*hop == "VirtualAppliance" || *hop == "VirtualNetworkGateway")
    });
    if properties["natGateway"]["id"].is_null() && !has_route {
        found.push(Violation::new("V33", id, None, None));
    }
    let length = properties["addressPrefix"].as_str().and_then(prefix).map_or(32, |(_, length)| length);
    let capacity = (1_u64 << (32 - length)).saturating_sub(5);
    let named = view.resources(NICS).flat_map(|(_, nic)| subnets_of(nic)).filter(|one| one == id).count();
    let used = named.max(properties["ipConfigurations"].as_array().map_or(0, Vec::len)) as u64;
    let free = view.threshold("subnet_free_percent", 20);
    if capacity.saturating_sub(used) * 100 < free * capacity {
        found.push(Violation::new("V35", id, None, None));
    }
}

type Need = (&'static str, &'static [&'static str], &'static [&'static str], &'static str, u32);

/// V32: what hosts must reach: name, tags that mean it, addresses, protocol and
/// port.
const NEEDED: [Need; 6] = [
    ("WindowsVirtualDesktop", &["WindowsVirtualDesktop"], &[], "tcp", 443),
    ("AzureMonitor", &["AzureMonitor"], &[], "tcp", 443),
    ("AzureActiveDirectory", &["AzureActiveDirectory"], &[], "tcp", 443),
    ("kms", &[], &["23.102.135.246", "20.118.99.224", "40.83.235.53"], "tcp", 1688),
    ("169.254.169.254", &["AzurePlatformIMDS"], &["169.254.169.254"], "tcp", 80),
    ("51.5.0.0/16", &["WindowsVirtualDesktop"], &["51.5.0.0/16"], "udp", 3478),
];

fn needed(view: &View<'_>, group: &str, found: &mut Found) {
    let mut rules: Vec<&Value> = view
        .draft
        .resources
        .get(group)
        .into_iter()
        .flat_map(|body| list(&body["properties"]["securityRules"]))
        .map(|rule| &rule["properties"])
        .filter(|rule| rule["direction"] == "Outbound")
        .collect();
    rules.sort_by_key(|rule| rule["priority"].as_u64());
    for (name, tags, addresses, protocol, port) in NEEDED {
        let targets: Vec<Option<(u32, u32)>> = match addresses {
            [] => vec![None],
            some => some.iter().map(|text| prefix(text)).collect(),
        };
        let is_denied = |target: &Option<(u32, u32)>| {
            let is_platform = name == "169.254.169.254";
            let first = rules.iter().find(|rule| matches(rule, tags, *target, protocol, port, is_platform));
            first.is_some_and(|rule| rule["access"] == "Deny")
        };
        if targets.iter().all(is_denied) {
            found.push(Violation::new("V32", group, None, Some(name)));
        }
    }
}

fn matches(
    rule: &Value,
    tags: &[&str],
    target: Option<(u32, u32)>,
    protocol: &str,
    port: u32,
    is_platform: bool,
) -> bool {
    let its = rule["protocol"].as_str().unwrap_or("*").to_ascii_lowercase();
    let in_range = |range: &str| match range.split_once('-') {
        Some((from, to)) => {
            from.parse().is_ok_and(|from: u32| from <= port) && to.parse().is_ok_and(|to: u32| to >= port)
        }
        None => range == "*" || range.parse() == Ok(port),
    };
    let ports = values(rule, "destinationPortRange", "destinationPortRanges");
    let means = |place: &str| {
        let is_tag = tags.iter().any(|tag| tag.eq_ignore_ascii_case(place));
        let is_wide = ["*", "internet", "azurecloud", "0.0.0.0/0"].contains(&place.to_ascii_lowercase().as_str());
        let is_literal = prefix(place)
            .zip(target)
            .is_some_and(|(place, target)| holds(place, target) && (!is_platform || place.1 >= 8));
        is_tag || is_literal || (is_wide && !is_platform)
    };
    let places = values(rule, "destinationAddressPrefix", "destinationAddressPrefixes");
    (its == "*" || its == protocol) && ports.into_iter().any(in_range) && places.into_iter().any(means)
}

/// An IPv4 address or prefix: its first address and its length.
fn prefix(text: &str) -> Option<(u32, u32)> {
    let (address, length) = text.split_once('/').unwrap_or((text, "32"));
    let address: std::net::Ipv4Addr = address.trim().parse().ok()?;
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    Some((u32::from(address), length))
}

/// Whether a prefix holds another whole.
fn holds(outer: (u32, u32), inner: (u32, u32)) -> bool {
    let mask = if outer.1 == 0 { 0 } else { u32::MAX << (32 - outer.1) };
    inner.1 >= outer.1 && (outer.0 & mask) == (inner.0 & mask)
}
