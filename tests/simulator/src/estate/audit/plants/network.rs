//! Networks: V27 to V35.

use serde_json::{Value, json};

use crate::estate::audit::{
    clean::{CONTROLLERS, Clean, Site, add_host, extension, hub_id, interface, join, name_of, network, rule, subnet},
    draft::Draft,
};

fn any_site<'c>(draft: &mut Draft, clean: &'c Clean) -> &'c Site {
    draft.dice.pick(&clean.sites)
}

/// The site that a machine is in.
fn site_of<'c>(clean: &'c Clean, machine: &str) -> &'c Site {
    clean.sites.iter().find(|site| machine.starts_with(&site.subscription)).unwrap_or(&clean.sites[0])
}

/// One more host, in a new subnet of its network that has what a subnet needs
/// except as told. Answers the subnet's id.
fn place_host(draft: &mut Draft, clean: &Clean, name: &str, length: u32, more: &Value) -> String {
    let pool = draft.dice.pick(&clean.pools);
    let machine = add_host(draft, clean, pool, None);
    let site = site_of(clean, &machine);
    let number = draft.number();
    let name = format!("{name}-{number}");
    let prefix = format!("{}.{}.0/{length}", site.prefix, 140 + number % 100);
    let mut new = subnet(
        &site.network,
        &name,
        &prefix,
        Some(&site.host_nsg),
        &json!({
            "natGateway": {"id": format!("{}/providers/Microsoft.Network/natGateways/nat-avd", site.home)},
        }),
    );
    for (key, value) in more.as_object().into_iter().flatten() {
        new["properties"][key] = value.clone();
    }
    draft.push(&site.network, &["properties", "subnets"], new);
    let nic = draft.body(&machine)["properties"]["networkProfile"]["networkInterfaces"][0]["id"].clone();
    let id = format!("{}/subnets/{name}", site.network);
    draft.edit(nic.as_str().unwrap_or(""), |body| {
        body["properties"]["ipConfigurations"][0]["properties"]["subnet"] = json!({"id": id});
    });
    id
}

pub(super) fn mixed_subnet(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    let number = draft.number();
    let nic = format!("{}/providers/Microsoft.Network/networkInterfaces/dc-old-{number}", site.home);
    let machine = format!("{}/providers/Microsoft.Compute/virtualMachines/dc-old-{number}", site.home);
    let subnet = site.host_subnet.clone();
    let address = *draft.dice.pick(&CONTROLLERS);
    interface(draft, &nic, Some(&machine), &subnet, address);
    draft.violates("V27", &subnet, None, Some("hosts+directory"));
}

pub(super) fn broken_peering(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    let (network, hub) = (site.network.clone(), hub_id(clean));
    let (at, name) = if draft.dice.chance(0.5) {
        (network.clone(), "to-hub".to_owned())
    } else {
        (hub, format!("to-{}", site.prefix))
    };
    let state = *draft.dice.pick(&["Disconnected", "Initiated"]);
    draft.edit(&at, |body| {
        for peering in body["properties"]["virtualNetworkPeerings"].as_array_mut().into_iter().flatten() {
            if peering["name"] == name.as_str() {
                peering["properties"]["peeringState"] = json!(state);
            }
        }
    });
    draft.violates("V28", &network, None, Some("to-hub"));
}

pub(super) fn name_servers(draft: &mut Draft, clean: &Clean) {
    let pools: Vec<usize> = (0..clean.pools.len()).filter(|at| !clean.pools[*at].entra).collect();
    // Where all hosts are joined to Entra, one is joined to the old directory.
    let machine = match pools.as_slice() {
        [] => {
            let machine = clean.pools.last().and_then(|pool| pool.machines.last()).cloned().unwrap_or_default();
            draft.resources.remove(&format!("{machine}/extensions/AADLoginForWindows").to_ascii_lowercase());
            extension(
                draft,
                &machine,
                "Microsoft.Compute",
                "JsonADDomainExtension",
                &json!({"Name": "contoso.example"}),
            );
            machine
        }
        some => clean.pools[*draft.dice.pick(some)].machines[0].clone(),
    };
    let network = site_of(clean, &machine).network.clone();
    let servers = if draft.dice.chance(0.5) { json!([]) } else { json!(["10.255.1.4", "8.8.8.8"]) };
    draft.edit(&network, |body| body["properties"]["dhcpOptions"]["dnsServers"] = servers);
    draft.violates("V29", &network, None, None);
}

pub(super) fn bare_subnet(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    let network = site.network.clone();
    let name = format!("snet-bare-{}", draft.number());
    let bare = subnet(&network, &name, &format!("{}.250.0/24", site.prefix), None, &json!({}));
    draft.push(&network, &["properties", "subnets"], bare);
    draft.violates("V30", &format!("{network}/subnets/{name}"), None, None);
}

pub(super) fn open_hosts(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    let group = site.host_nsg.clone();
    let name = format!("Open{}", draft.number());
    let source = *draft.dice.pick(&["*", "Internet", "0.0.0.0/0", "128.0.0.0/1"]);
    // Before any rule that denies.
    let open = rule(
        &name,
        80,
        "Inbound",
        "Allow",
        &json!({
            "sourceAddressPrefix": source, "protocol": "Tcp", "destinationPortRange": "3389",
        }),
    );
    // To keep out a part of the Internet, or other addresses, leaves the rest.
    let part = if source == "0.0.0.0/0" { "::/0" } else { "2.0.0.0/7" };
    let priority = 70;
    let geo = rule(&format!("{name}Geo"), priority, "Inbound", "Deny", &json!({"sourceAddressPrefix": part}));
    draft.push(&group, &["properties", "securityRules"], geo);
    draft.push(&group, &["properties", "securityRules"], open);
    draft.violates("V31", &group, None, Some(&name));
}

pub(super) fn shut_in(draft: &mut Draft, clean: &Clean) {
    const SHUT: [(&str, &str, &str, &str); 6] = [
        ("WindowsVirtualDesktop", "Tcp", "443", "WindowsVirtualDesktop"),
        ("AzureMonitor", "Tcp", "443", "AzureMonitor"),
        ("AzureActiveDirectory", "*", "400-500", "AzureActiveDirectory"),
        ("kms", "Tcp", "1688", "Internet"),
        ("169.254.169.254", "Tcp", "80", "169.254.169.254/32"),
        ("51.5.0.0/16", "Udp", "3478", "51.4.0.0/15"),
    ];
    let site = any_site(draft, clean);
    let group = site.host_nsg.clone();
    let (what, protocol, port, to) = *draft.dice.pick(&SHUT);
    let name = format!("Shut{}", draft.number());
    let shut = rule(
        &name,
        70,
        "Outbound",
        "Deny",
        &json!({
            "protocol": protocol, "destinationPortRange": port, "destinationAddressPrefix": to,
        }),
    );
    draft.push(&group, &["properties", "securityRules"], shut);
    draft.violates("V32", &group, None, Some(what));
}

pub(super) fn no_way_out(draft: &mut Draft, clean: &Clean) {
    let id = place_host(draft, clean, "snet-inside", 24, &json!({"natGateway": null}));
    draft.violates("V33", &id, None, None);
}

pub(super) fn full_subnet(draft: &mut Draft, clean: &Clean) {
    let used: Vec<Value> = (0..9).map(|number| json!({"id": format!("nic{number}")})).collect();
    let id = place_host(draft, clean, "snet-full", 28, &json!({"ipConfigurations": used}));
    draft.violates("V35", &id, None, None);
}

pub(super) fn overlap(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    let host_network = site.network.clone();
    let number = draft.number();
    let base = format!("{}/providers/Microsoft.Network", site.home);
    let prefix = format!("{}.64.0/20", site.prefix);
    let other = if draft.dice.chance(0.5) {
        let id = format!("{base}/localNetworkGateways/lng-{number}");
        draft.resource(
            &id,
            "Microsoft.Network/localNetworkGateways",
            json!({
                "properties": {"localNetworkAddressSpace": {"addressPrefixes": ["192.168.7.0/24", prefix]}},
            }),
        )
    } else {
        let id = format!("{base}/virtualNetworks/vnet-lab-{number}");
        network(draft, &id, &prefix, &[], &json!([]));
        let (there, back) = (format!("to-{}", name_of(&id)), "to-avd");
        join(draft, &host_network, &id, &there);
        join(draft, &id, &host_network, back);
        id
    };
    draft.violates("V34", &host_network, None, Some(&other));
}
