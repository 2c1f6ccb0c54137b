//! How machines are wired: from a virtual machine over its network interfaces to subnets, networks and the security
//! groups on both.

use super::address::prefix;
use super::estate::{Deployed, items, reference, texts};
use crate::ArmId;
use crate::access::{ArmResource, at};
use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeMap;

/// A subnet, which Azure describes inside its network.
#[derive(Debug, Clone)]
pub(super) struct Subnet<'a> {
    /// Its id.
    pub id: ArmId,
    /// Its own part of the network's body.
    pub body: &'a Value,
}

impl Subnet<'_> {
    /// Its address prefixes.
    pub(super) fn prefixes(&self) -> Vec<IpNet> {
        let one = texts(self.body, "properties/addressPrefix");
        let several = texts(self.body, "properties/addressPrefixes");
        let texts = if several.is_empty() { one } else { several };
        texts.into_iter().filter_map(prefix).collect()
    }

    /// A resource that it refers to.
    pub(super) fn refers_to(&self, property: &str) -> Option<ArmId> {
        reference(self.body, &format!("properties/{property}/id"))
    }

    /// Whether it is delegated to a service, such as `Microsoft.NetApp/volumes`.
    pub(super) fn is_delegated_to(&self, service: &str) -> bool {
        let delegations = items(self.body, "properties/delegations");
        let names = delegations.iter().filter_map(|one| at(one, "properties/serviceName")?.as_str());
        names.into_iter().any(|name| name.eq_ignore_ascii_case(service))
    }
}

/// The subnets of a network.
pub(super) fn subnets(network: &ArmResource) -> impl Iterator<Item = Subnet<'_>> {
    network.list("subnets").iter().filter_map(move |body| {
        let id = reference(body, "id").or_else(|| {
            let name = at(body, "name")?.as_str()?;
            Some(ArmId::new(&format!("{}/subnets/{name}", network.id)))
        })?;
        Some(Subnet { id, body })
    })
}

/// A network interface's addresses: private, of which subnet, and which public one.
pub(super) fn configurations(interface: &ArmResource) -> &[Value] {
    interface.list("ipConfigurations")
}

/// Some virtual machines with what they are wired to. Built once for a check.
#[derive(Debug, Default)]
pub(super) struct Wiring<'a> {
    /// Their network interfaces, by id.
    pub interfaces: BTreeMap<ArmId, &'a ArmResource>,
    /// The subnets of these.
    pub subnets: BTreeMap<ArmId, Subnet<'a>>,
    /// The networks of these.
    pub networks: BTreeMap<ArmId, &'a ArmResource>,
    /// What is named and is not among the facts.
    pub unknown: Vec<String>,
}

impl<'a> Wiring<'a> {
    /// Follows it from these machines.
    pub(super) fn of(deployed: &Deployed<'a>, machines: impl IntoIterator<Item = &'a ArmResource>) -> Self {
        let mut wiring = Self::default();
        for machine in machines {
            let ids = machine.list("networkProfile/networkInterfaces").iter().filter_map(|one| reference(one, "id"));
            for id in ids {
                match deployed.get(&id) {
                    Some(interface) => drop(wiring.interfaces.insert(id, interface)),
                    None => wiring.missing("network interface", &id),
                }
            }
        }
        let interfaces: Vec<&ArmResource> = wiring.interfaces.values().copied().collect();
        for configuration in interfaces.into_iter().flat_map(configurations) {
            if let Some(subnet) = reference(configuration, "properties/subnet/id") {
                wiring.follow(deployed, subnet);
            }
        }
        wiring
    }

    fn follow(&mut self, deployed: &Deployed<'a>, id: ArmId) {
        if self.subnets.contains_key(&id) {
            return;
        }
        let network = id.up_to("virtualNetworks").and_then(|network| deployed.get(&network));
        let Some(network) = network else { return self.missing("virtual network of subnet", &id) };
        let Some(subnet) = subnets(network).find(|subnet| subnet.id == id) else {
            return self.missing("subnet", &id);
        };
        self.networks.insert(network.id.clone(), network);
        self.subnets.insert(id, subnet);
    }

    fn missing(&mut self, what: &str, id: &ArmId) {
        let line = format!("the {what} {id} was not found");
        if !self.unknown.contains(&line) {
            self.unknown.push(line);
        }
    }

    /// The security groups on the network interfaces and subnets, by id.
    pub(super) fn security_groups(&mut self, deployed: &Deployed<'a>) -> BTreeMap<ArmId, &'a ArmResource> {
        let of_interfaces = self.interfaces.values().filter_map(|one| one.reference("networkSecurityGroup/id"));
        let of_subnets = self.subnets.values().filter_map(|one| one.refers_to("networkSecurityGroup"));
        let ids: Vec<ArmId> = of_interfaces.chain(of_subnets).collect();
        let mut groups = BTreeMap::new();
        for id in ids {
            match deployed.get(&id) {
                Some(group) => drop(groups.insert(id, group)),
                None => self.missing("security group", &id),
            }
        }
        groups
    }
}
