//! How hosts are wired.

use super::super::address_space::*;
use super::super::network::*;
use super::super::testing::{HUB, NET, NONE, VM1, VM2, deployed, edited, found, id, verdict, with, without};
use crate::access::Facet;
use crate::audit::Verdict;
use crate::audit::testing::{Estate, S1};
use serde_json::{Value, json};

fn hosts_subnet() -> String {
    format!("{NET}/subnets/hosts")
}

fn nic(estate: Estate, name: &str, address: &str, subnet: &str) -> Estate {
    let configuration = json!({ "privateIPAddress": address, "subnet": { "id": id(subnet) } });
    let properties =
        json!({ "virtualMachine": { "id": "/vm" }, "ipConfigurations": [{ "properties": configuration }] });
    with(estate, &format!("Microsoft.Network/networkInterfaces/{name}"), properties)
}

#[test]
fn a_controller_or_the_control_server_beside_hosts_is_found() {
    let subnet = hosts_subnet();
    let controller = edited(deployed(), NET, "/properties/dhcpOptions/dnsServers", json!(["10.0.1.99"]));
    assert_eq!(found(&controller, &V27), NONE);
    assert_eq!(found(&nic(controller, "dc2-nic", "10.0.1.99", &subnet), &V27), [format!("{subnet} - hosts+directory")]);

    let server = |nic_subnet: &str| {
        let interface = json!([{ "id": id("Microsoft.Network/networkInterfaces/cw-nic") }]);
        let server = json!({ "networkProfile": { "networkInterfaces": interface } });
        with(nic(deployed(), "cw-nic", "10.0.1.50", nic_subnet), "Microsoft.Compute/virtualMachines/CWMGR1", server)
    };
    assert_eq!(found(&server(&subnet), &V27), [format!("{subnet} - hosts+platform")]);
    let directory = format!("{HUB}/subnets/directory");
    assert_eq!(found(&server(&directory), &V27), [format!("{directory} - platform+directory")]);
}

#[test]
fn a_controller_that_the_policy_names_counts_too() {
    let estate = nic(deployed(), "dc2-nic", "10.0.1.99", &hosts_subnet());
    assert_eq!(found(&estate, &V27), NONE);
    let estate = estate.policy(|policy| policy.domain_controllers.push("10.0.1.99".to_owned()));
    assert_eq!(found(&estate, &V27), [format!("{} - hosts+directory", hosts_subnet())]);
}

#[test]
fn a_peering_is_connected_on_both_sides() {
    let state = |network: &str, state: &str| {
        edited(deployed(), network, "/properties/virtualNetworkPeerings/0/properties/peeringState", json!(state))
    };
    let line = [format!("{NET} - to-other")];
    assert_eq!(found(&state(NET, "Disconnected"), &V28), line);
    assert_eq!(found(&state(HUB, "Initiated"), &V28), line);
    assert_eq!(found(&edited(deployed(), HUB, "/properties/virtualNetworkPeerings", json!([])), &V28), line);
    assert_eq!(found(&without(deployed(), HUB), &V28), NONE);
    let alone = edited(deployed(), NET, "/properties/virtualNetworkPeerings", json!([]));
    assert_eq!(verdict(&alone, &V28), Verdict::NotApplicable);
}

#[test]
fn dns_servers_are_the_controllers_in_any_order() {
    let servers = |servers: Value| edited(deployed(), NET, "/properties/dhcpOptions/dnsServers", servers);
    let two = |estate: Estate| estate.policy(|policy| policy.domain_controllers.push("10.1.0.5".to_owned()));
    assert_eq!(found(&two(servers(json!(["10.1.0.5", "10.1.0.4"]))), &V29), NONE);
    for wrong in [json!([]), json!(["10.1.0.4", "8.8.8.8"]), Value::Null] {
        assert_eq!(found(&servers(wrong), &V29), [format!("{NET} - -")]);
    }
    assert_eq!(found(&two(servers(json!(["10.1.0.4"]))), &V29), [format!("{NET} - -")]);
}

#[test]
fn which_servers_are_controllers_has_to_be_said() {
    let silent = |estate: Estate| estate.policy(|policy| policy.domain_controllers.clear());
    assert_eq!(verdict(&silent(deployed()), &V29), Verdict::Unknown);
    let none = edited(deployed(), NET, "/properties/dhcpOptions", Value::Null);
    assert_eq!(verdict(&silent(none), &V29), Verdict::Fail);
    let mut estate = deployed();
    for vm in [VM1, VM2] {
        estate = with(estate, &format!("{vm}/extensions/aad"), json!({ "type": "AADLoginForWindows" }));
    }
    assert_eq!(verdict(&silent(estate), &V29), Verdict::NotApplicable);
}

#[test]
fn a_host_whose_extensions_were_not_read_is_not_taken_for_one_of_a_domain() {
    let none = edited(deployed(), NET, "/properties/dhcpOptions", Value::Null);
    assert_eq!(verdict(&none, &V29), Verdict::Fail);
    let unread = none.clone().forbidden(Facet::Compute, S1);
    assert_eq!(found(&unread, &V29), NONE);
    assert_eq!(verdict(&unread, &V29), Verdict::Unknown);
    // The other host is of a domain for all to see.
    assert_eq!(found(&none.forbidden(Facet::Compute, &id(VM1)), &V29), [format!("{NET} - -")]);
}

#[test]
fn every_subnet_of_the_hosts_networks_is_guarded_but_those_that_cannot_be() {
    let subnet = |name: &str, service: &str| {
        let delegations = json!([{ "properties": { "serviceName": service } }]);
        json!({ "name": name, "properties": { "addressPrefix": "10.0.9.0/24", "delegations": delegations } })
    };
    let bare = json!([
        { "name": "hosts", "properties": { "addressPrefix": "10.0.1.0/24" } },
        subnet("gatewaySubnet", ""),
        subnet("AzureBastionSubnet", ""),
        subnet("files", "Microsoft.Netapp/volumes"),
        subnet("app", "Microsoft.App/environments"),
    ]);
    let estate = edited(deployed(), NET, "/properties/subnets", bare);
    assert_eq!(found(&estate, &V30), [format!("{NET}/subnets/app - -"), format!("{NET}/subnets/hosts - -")]);
    assert_eq!(found(&deployed(), &V30), NONE);
}

#[test]
fn a_way_out_is_a_gateway_or_a_route() {
    let table = "Microsoft.Network/routeTables/rt";
    let routed = edited(deployed(), NET, "/properties/subnets/0/properties/natGateway", Value::Null);
    let line = [format!("{} - -", hosts_subnet())];
    assert_eq!(found(&routed, &V33), line);
    let routed = edited(routed, NET, "/properties/subnets/0/properties/routeTable", json!({ "id": id(table) }));
    assert_eq!(verdict(&routed, &V33), Verdict::Unknown);
    let route = |prefix: &str, hop: &str| {
        let route = json!({ "properties": { "addressPrefix": prefix, "nextHopType": hop } });
        with(routed.clone(), table, json!({ "routes": [route] }))
    };
    assert_eq!(found(&route("0.0.0.0/0", "VirtualAppliance"), &V33), NONE);
    assert_eq!(found(&route("0.0.0.0/0", "virtualNetworkGateway"), &V33), NONE);
    assert_eq!(found(&route("0.0.0.0/0", "None"), &V33), line);
    assert_eq!(found(&route("10.0.0.0/8", "VirtualAppliance"), &V33), line);
}

#[test]
fn networks_that_are_joined_must_not_overlap() {
    let space = |network: &str, prefix: &str| {
        edited(deployed(), network, "/properties/addressSpace/addressPrefixes", json!([prefix]))
    };
    assert_eq!(found(&space(HUB, "10.0.128.0/17"), &V34), [format!("{NET} - {HUB}")]);

    let spoke = "Microsoft.Network/virtualNetworks/spoke";
    let of_spoke = json!({ "addressSpace": { "addressPrefixes": ["10.0.0.0/8"] } });
    let apart = with(deployed(), spoke, of_spoke);
    assert_eq!(found(&apart, &V34), NONE);
    let peerings = json!([{ "name": "s", "properties": { "remoteVirtualNetwork": { "id": id(spoke) } } }]);
    let joined = edited(apart, HUB, "/properties/virtualNetworkPeerings", peerings);
    assert_eq!(found(&joined, &V34), [format!("{NET} - {spoke}")]);
}

#[test]
fn what_a_network_is_joined_to_outside_the_facts_counts_too() {
    let peering = json!([{ "name": "far", "properties": { "peeringState": "Connected",
        "remoteVirtualNetwork": { "id": "/far" }, "remoteAddressSpace": { "addressPrefixes": ["10.0.4.0/22"] } } }]);
    let estate = edited(deployed(), NET, "/properties/virtualNetworkPeerings", peering);
    assert_eq!(found(&estate, &V34), [format!("{NET} - /far")]);
    let gateway = "Microsoft.Network/localNetworkGateways/office";
    let office = |prefix: &str| {
        with(deployed(), gateway, json!({ "localNetworkAddressSpace": { "addressPrefixes": [prefix] } }))
    };
    assert_eq!(found(&office("10.0.0.0/24"), &V34), [format!("{NET} - {gateway}")]);
    assert_eq!(found(&office("192.168.0.0/16"), &V34), NONE);
}

#[test]
fn two_networks_of_hosts_that_overlap_are_one_finding() {
    let estate = edited(deployed(), HUB, "/properties/addressSpace/addressPrefixes", json!(["10.0.0.0/16"]));
    let subnet = json!({ "id": id(&format!("{HUB}/subnets/directory")) });
    let nic = "Microsoft.Network/networkInterfaces/acmeTS2-nic";
    let estate = edited(estate, nic, "/properties/ipConfigurations/0/properties/subnet", subnet);
    assert_eq!(found(&estate, &V34), [format!("{HUB} - {NET}")]);
}

#[test]
fn a_subnet_has_a_fifth_of_its_addresses_free() {
    // A /28 has 16 - 5 = 11: 8 used leave 27 %, 9 leave 18 %.
    let used = |count: usize| {
        let configurations: Vec<Value> = (0..count).map(|at| json!({ "id": format!("/c{at}") })).collect();
        let estate = edited(deployed(), NET, "/properties/subnets/0/properties/addressPrefix", json!("10.0.1.0/28"));
        edited(estate, NET, "/properties/subnets/0/properties/ipConfigurations", json!(configurations))
    };
    assert_eq!(found(&used(8), &V35), NONE);
    assert_eq!(found(&used(9), &V35), [format!("{} - -", hosts_subnet())]);
    let strict = used(8).policy(|policy| policy.thresholds.subnet_free_percent = 50);
    assert_eq!(found(&strict, &V35), [format!("{} - -", hosts_subnet())]);
    // Network interfaces that name it count where the network's own list is shorter: a /29 has 3, two hosts leave 1.
    let small = edited(used(0), NET, "/properties/subnets/0/properties/addressPrefix", json!("10.0.1.0/29"));
    assert_eq!(found(&small, &V35), NONE);
    assert_eq!(found(&nic(small, "third", "10.0.1.6", &hosts_subnet()), &V35), [format!("{} - -", hosts_subnet())]);
    let odd = edited(used(0), NET, "/properties/subnets/0/properties/addressPrefix", json!("nonsense"));
    assert_eq!(verdict(&odd, &V35), Verdict::Unknown);
}

#[test]
fn a_host_whose_wires_cannot_be_followed_leaves_the_rules_unknown() {
    let without_nic = without(deployed(), "Microsoft.Network/networkInterfaces/acmeTS1-nic");
    let without_net = without(deployed(), NET);
    for rule in [V27, V30, V33, V34, V35] {
        assert_eq!(verdict(&without_nic, &rule), Verdict::Unknown, "{}", rule.id);
        assert_eq!(verdict(&without_net, &rule), Verdict::Unknown, "{}", rule.id);
    }
}
