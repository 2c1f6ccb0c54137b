//! Whether the hosts' networks can be joined to others, and have room: `V34` and `V35`.

use super::address::{capacity, overlap, prefix};
use super::estate::{Deployed, NETWORK_INTERFACES, if_hosts, items, reference, texts};
use super::mend::{bicep, violation};
use super::network::{NEEDS, remote, wiring_of_hosts};
use super::rule;
use super::wiring::configurations;
use crate::ArmId;
use crate::access::ArmResource;
use crate::audit::{Audit, Evidence, Fix, Outcome, Rule, Severity};
use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeMap;

const GATEWAYS: &str = "microsoft.network/localnetworkgateways";

pub(super) const V34: Rule = rule(
    "V34",
    Severity::High,
    "The hosts' networks overlap with no network they are joined to",
    "What overlaps cannot be reached or peered. Checked: addressSpace of the hosts' networks, of networks one or two \
     peerings away, and of local network gateways.",
    &["https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering"],
    NEEDS,
    |audit| if_hosts(audit, |deployed| overlaps(audit, deployed)),
);

pub(super) const V35: Rule = rule(
    "V35",
    Severity::Medium,
    "The hosts' subnets have room",
    "A host that gets no address is not built. Checked: addresses of the hosts' subnets, less the five that Azure \
     keeps, against ipConfigurations.",
    &["https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq"],
    NEEDS,
    |audit| if_hosts(audit, |deployed| has_room(audit, deployed)),
);

fn space(body: &Value, path: &str) -> Vec<IpNet> {
    texts(body, path).into_iter().filter_map(prefix).collect()
}

/// The networks that a network is peered with, and what addresses they have.
fn neighbours(deployed: &Deployed<'_>, network: &ArmResource) -> Vec<(ArmId, Vec<IpNet>)> {
    let peerings = network.list("virtualNetworkPeerings").iter();
    let of = |peering| {
        let id = remote(peering)?;
        let prefixes = match deployed.get(&id) {
            Some(other) => space(&other.body, "properties/addressSpace/addressPrefixes"),
            None => space(peering, "properties/remoteAddressSpace/addressPrefixes"),
        };
        Some((id, prefixes))
    };
    peerings.filter_map(of).collect()
}

fn overlaps(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let wiring = wiring_of_hosts(deployed);
    let gateways: Vec<(ArmId, Vec<IpNet>)> = audit
        .facts
        .resources_of(GATEWAYS)
        .map(|one| (one.id.clone(), space(&one.body, "properties/localNetworkAddressSpace/addressPrefixes")))
        .collect();
    let mut pairs: BTreeMap<(ArmId, ArmId), (IpNet, IpNet)> = BTreeMap::new();
    for network in wiring.networks.values() {
        let own = space(&network.body, "properties/addressSpace/addressPrefixes");
        let near = neighbours(deployed, network);
        let known = near.iter().filter_map(|(id, _)| deployed.get(id));
        let far: Vec<(ArmId, Vec<IpNet>)> = known.flat_map(|one| neighbours(deployed, one)).collect();
        for (other, prefixes) in near.iter().chain(&far).chain(&gateways).filter(|(id, _)| *id != network.id) {
            let both = own.iter().flat_map(|a| prefixes.iter().map(move |b| (*a, *b)));
            let Some(clash) = both.into_iter().find(|(a, b)| overlap(a, b)) else { continue };
            let is_second = wiring.networks.contains_key(other) && *other < network.id;
            let pair = if is_second { (other, &network.id) } else { (&network.id, other) };
            pairs.entry((pair.0.clone(), pair.1.clone())).or_insert(clash);
        }
    }
    let found = pairs.into_iter().map(|((network, other), (a, b))| {
        let evidence = vec![
            Evidence::new("resource", network.as_str()),
            Evidence::new("other", other.as_str()),
            Evidence::new("properties.addressSpace.addressPrefixes", format!("{a} and {b}")),
        ];
        let message = format!("the addresses of networks {} and {} overlap", network.name(), other.name());
        let fix = Fix {
            az: None,
            powershell: None,
            portal: format!(
                "Make a network with addresses of its own, build the hosts anew in it, and delete {network}"
            ),
        };
        violation(&network, Some(other.as_str()), message, evidence, fix)
    });
    let mut outcome: Outcome = found.collect();
    outcome.unknown = wiring.unknown;
    outcome
}

fn has_room(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let wiring = wiring_of_hosts(deployed);
    let least = audit.policy.thresholds.subnet_free_percent;
    let mut named: BTreeMap<ArmId, u64> = BTreeMap::new();
    let all = audit.facts.resources_of(NETWORK_INTERFACES).flat_map(configurations);
    for subnet in all.filter_map(|one| reference(one, "properties/subnet/id")) {
        *named.entry(subnet).or_default() += 1;
    }
    let mut outcome = Outcome { unknown: wiring.unknown, ..Outcome::default() };
    for subnet in wiring.subnets.values() {
        let all = capacity(&subnet.prefixes());
        if all == 0 {
            outcome.unknown.push(format!("how many addresses {} has", subnet.id));
            continue;
        }
        let told = items(subnet.body, "properties/ipConfigurations").len() as u64;
        let used = told.max(named.get(&subnet.id).copied().unwrap_or_default());
        let free = all.saturating_sub(used);
        if free * 100 < all.saturating_mul(least) {
            let evidence = vec![
                Evidence::new("subnet", subnet.id.as_str()),
                Evidence::new("addresses", all.to_string()),
                Evidence::new("properties.ipConfigurations", used.to_string()),
            ];
            let message = format!("subnet {} has {free} of {all} addresses left", subnet.id.name());
            let lines = "addressPrefixes: [ … , another prefix ] in the subnet's properties.";
            let fix = bicep(lines, format!("{} > add a prefix, or another subnet for new hosts", subnet.id));
            outcome.violations.push(violation(&subnet.id, None, message, evidence, fix));
        }
    }
    outcome
}
