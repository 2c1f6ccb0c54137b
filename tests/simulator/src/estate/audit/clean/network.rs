//! The networks of the clean estate: one for each subscription, and a hub that
//! all are peered with, where the domain controllers are.

use serde_json::{Value, json};

use super::{Clean, Site};
use crate::estate::audit::{draft::Draft, ids};

/// The addresses of the domain controllers, in the hub.
pub(crate) const CONTROLLERS: [&str; 2] = ["10.255.1.4", "10.255.1.5"];
/// Addresses that were the vendor's.
pub(crate) const VENDOR_ADDRESSES: &str = "203.0.113.0/24";
/// The first resource group with pools, as the estate names it.
const HOME: &str = "rg-avd-01";
/// Where the hub is.
const HUB_GROUP: &str = "rg-hub";

/// A rule of a security group.
pub(crate) fn rule(name: &str, priority: u32, direction: &str, access: &str, parts: &Value) -> Value {
    let mut properties = json!({
        "direction": direction,
        "access": access,
        "priority": priority,
        "protocol": "*",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "*",
        "provisioningState": "Succeeded",
    });
    for (key, value) in parts.as_object().into_iter().flatten() {
        properties[key] = value.clone();
        // Azure prints a list in place of the single value.
        let single = key.strip_suffix("Prefixes").map(|start| format!("{start}Prefix"));
        let single = single.or_else(|| key.strip_suffix("Ranges").map(|start| format!("{start}Range")));
        if let Some(single) = single {
            properties[single] = Value::Null;
        }
    }
    json!({"name": name, "properties": properties})
}

/// The network of a subscription.
pub(super) fn grow(draft: &mut Draft, index: usize, subscription: &str) -> Site {
    let home = format!("{subscription}/resourceGroups/{HOME}");
    let base = format!("{home}/providers/Microsoft.Network");
    let mut site = Site {
        subscription: subscription.to_owned(),
        network: format!("{base}/virtualNetworks/vnet-avd"),
        host_nsg: format!("{base}/networkSecurityGroups/nsg-hosts"),
        prefix: format!("10.{index}"),
        home,
        ..Site::default()
    };
    site.host_subnet = format!("{}/subnets/snet-hosts", site.network);
    let rules = if draft.dice.chance(0.5) { closed() } else { quiet() };
    let nsg = site.host_nsg.clone();
    draft.resource(&nsg, "Microsoft.Network/networkSecurityGroups", json!({"properties": {"securityRules": rules}}));
    let platform = format!("{base}/networkSecurityGroups/nsg-platform");
    let open = rule(
        "AllowPortal",
        300,
        "Inbound",
        "Allow",
        &json!({
            "sourceAddressPrefix": "Internet", "protocol": "Tcp", "destinationPortRange": "443",
        }),
    );
    // Open to the Internet, but for no host.
    let body = json!({"properties": {"securityRules": [open]}});
    draft.resource(&platform, "Microsoft.Network/networkSecurityGroups", body);
    let way_out = way_out(draft, &base);
    let prefix = &site.prefix;
    let subnets = json!([
        subnet(&site.network, "snet-hosts", &format!("{prefix}.0.0/17"), Some(&nsg), &way_out),
        subnet(&site.network, "snet-platform", &format!("{prefix}.128.0/24"), Some(&platform), &json!({})),
        subnet(&site.network, "GatewaySubnet", &format!("{prefix}.129.0/27"), None, &json!({})),
        subnet(
            &site.network,
            "snet-files",
            &format!("{prefix}.130.0/28"),
            None,
            &json!({
                "delegations": [{"name": "files", "properties": {"serviceName": "Microsoft.NetApp/volumes"}}],
            })
        ),
    ]);
    network(draft, &site.network, &format!("{prefix}.0.0/16"), &CONTROLLERS, &subnets);
    site
}

/// A virtual network.
pub(crate) fn network(draft: &mut Draft, id: &str, prefix: &str, servers: &[&str], subnets: &Value) {
    let properties = json!({
        "addressSpace": {"addressPrefixes": [prefix]},
        "dhcpOptions": {"dnsServers": servers},
        "subnets": subnets,
        "virtualNetworkPeerings": [],
        "provisioningState": "Succeeded",
    });
    draft.resource(id, "Microsoft.Network/virtualNetworks", json!({"properties": properties}));
}

/// A subnet with further properties.
pub(crate) fn subnet(network: &str, name: &str, prefix: &str, nsg: Option<&str>, more: &Value) -> Value {
    let mut properties = json!({"addressPrefix": prefix, "ipConfigurations": []});
    if let Some(nsg) = nsg {
        properties["networkSecurityGroup"] = json!({"id": nsg});
    }
    for (key, value) in more.as_object().into_iter().flatten() {
        properties[key] = value.clone();
    }
    json!({"name": name, "id": format!("{network}/subnets/{name}"), "properties": properties})
}

/// Either a NAT gateway or a route through a firewall.
fn way_out(draft: &mut Draft, base: &str) -> Value {
    if draft.dice.chance(0.5) {
        return json!({"natGateway": {"id": format!("{base}/natGateways/nat-avd")}});
    }
    let table = format!("{base}/routeTables/rt-avd");
    let route = json!({"name": "out", "properties": {
        "addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.255.0.4",
    }});
    draft.resource(&table, "Microsoft.Network/routeTables", json!({"properties": {"routes": [route]}}));
    json!({"routeTable": {"id": table}})
}

/// Rules that let out what is needed and nothing else, and let nothing in
/// though one of them seems to.
fn closed() -> Vec<Value> {
    let out = |name: &str, priority: u32, protocol: &str, port: &str, to: Value| {
        let mut parts = json!({"protocol": protocol, "destinationPortRange": port});
        let targets = if to.is_array() { "destinationAddressPrefixes" } else { "destinationAddressPrefix" };
        parts[targets] = to;
        rule(name, priority, "Outbound", "Allow", &parts)
    };
    vec![
        rule("DenyInternetIn", 100, "Inbound", "Deny", &json!({"sourceAddressPrefix": "Internet"})),
        rule(
            "AllowOldPortal",
            200,
            "Inbound",
            "Allow",
            &json!({
                "sourceAddressPrefix": "*", "protocol": "Tcp", "destinationPortRange": "3389",
            }),
        ),
        rule("AllowOffice", 90, "Inbound", "Allow", &json!({"sourceAddressPrefix": "192.168.0.0/16"})),
        out("AllowAvd", 100, "Tcp", "443", json!("WindowsVirtualDesktop")),
        out("AllowMonitor", 110, "TCP", "443", json!("AzureMonitor")),
        out("AllowEntra", 120, "*", "443", json!("AzureActiveDirectory")),
        out("AllowKms", 130, "Tcp", "1688", json!(["20.118.99.224", "40.83.235.53/32"])),
        out("AllowTurn", 140, "Udp", "3478", json!("51.5.0.0/16")),
        rule("DenyInternetOut", 4000, "Outbound", "Deny", &json!({"destinationAddressPrefix": "Internet"})),
    ]
}

/// Hardly any rules: Azure's own let everything out and nothing in.
fn quiet() -> Vec<Value> {
    vec![
        rule(
            "AllowBastion",
            200,
            "Inbound",
            "Allow",
            &json!({
                "sourceAddressPrefix": "10.255.3.0/26", "protocol": "Tcp", "destinationPortRanges": ["3389", "22"],
            }),
        ),
        rule("DenySmtp", 300, "Outbound", "Deny", &json!({"protocol": "Tcp", "destinationPortRange": "25"})),
    ]
}

/// The id of the hub.
pub(crate) fn hub_id(clean: &Clean) -> String {
    format!(
        "{}/resourceGroups/{HUB_GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-hub",
        clean.sites[0].subscription
    )
}

/// The hub, and the peerings of all networks with it.
pub(super) fn peer(draft: &mut Draft, clean: &Clean) {
    let group = format!("{}/resourceGroups/{HUB_GROUP}", clean.sites[0].subscription);
    let base = format!("{group}/providers/Microsoft.Network");
    let hub = hub_id(clean);
    let nsg = format!("{base}/networkSecurityGroups/nsg-directory");
    draft.resource(&nsg, "Microsoft.Network/networkSecurityGroups", json!({"properties": {"securityRules": []}}));
    let subnets = json!([
        subnet(&hub, "AzureFirewallSubnet", "10.255.0.0/26", None, &json!({})),
        subnet(&hub, "snet-directory", "10.255.1.0/24", Some(&nsg), &json!({})),
    ]);
    network(draft, &hub, "10.255.0.0/16", &CONTROLLERS, &subnets);
    for (number, address) in CONTROLLERS.iter().enumerate() {
        let name = format!("dc{}", number + 1);
        let machine = format!("{group}/providers/{}/{name}", ids::MACHINES);
        let nic = format!("{base}/networkInterfaces/{name}-nic");
        interface(draft, &nic, Some(&machine), &format!("{hub}/subnets/snet-directory"), address);
        draft.resource(
            &machine,
            ids::MACHINES,
            json!({"properties": {
                "licenseType": "Windows_Server",
                "networkProfile": {"networkInterfaces": [{"id": nic}]},
            }}),
        );
    }
    for site in &clean.sites {
        join(draft, &site.network, &hub, "to-hub");
        join(draft, &hub, &site.network, &format!("to-{}", site.prefix));
    }
    draft.policy["domain_controllers"] = json!(CONTROLLERS);
    draft.policy["vendor_addresses"] = json!([VENDOR_ADDRESSES]);
}

/// A network interface.
pub(crate) fn interface(draft: &mut Draft, id: &str, machine: Option<&str>, subnet: &str, address: &str) {
    let mut properties = json!({
        "ipConfigurations": [{
            "name": "ipconfig1",
            "properties": {"privateIPAddress": address, "subnet": {"id": subnet}, "primary": true},
        }],
    });
    if let Some(machine) = machine {
        properties["virtualMachine"] = json!({"id": machine});
    }
    draft.resource(id, "Microsoft.Network/networkInterfaces", json!({"properties": properties}));
}

/// One side of a peering.
pub(crate) fn join(draft: &mut Draft, from: &str, to: &str, name: &str) {
    let space = draft.body(to)["properties"]["addressSpace"].clone();
    let peering = json!({
        "name": name,
        "properties": {
            "peeringState": "Connected",
            "remoteVirtualNetwork": {"id": to},
            "remoteAddressSpace": space,
        },
    });
    draft.push(from, &["properties", "virtualNetworkPeerings"], peering);
}
