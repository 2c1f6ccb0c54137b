//! What gets through to the hosts and from them: `V31` and `V32`.

use super::control_server::open_rule;
use super::estate::{Deployed, if_hosts, items, reference};
use super::mend::{bicep, violation};
use super::network::{NEEDS, wiring_of_hosts};
use super::rule;
use super::security_rules::{Need, SecurityRule, lets_out, open_to_internet, rules};
use super::wiring::{Subnet, configurations};
use crate::ArmId;
use crate::audit::{Evidence, Outcome, Rule, Severity};
use ipnet::IpNet;
use std::collections::BTreeSet;

/// The first and the last place of a rule in a group.
const FIRST_PRIORITY: i64 = 100;
const LAST_PRIORITY: i64 = 4_096;

/// What hosts must reach. <https://learn.microsoft.com/azure/virtual-desktop/required-fqdn-endpoint>
#[rustfmt::skip]
const NEEDED: [Need; 6] = [
    Need { name: "WindowsVirtualDesktop", protocol: "Tcp", port: 443, addresses: &[], shortest_prefix: 0,
        tags: &["*", "Internet", "AzureCloud", "WindowsVirtualDesktop"] },
    Need { name: "AzureMonitor", protocol: "Tcp", port: 443, addresses: &[], shortest_prefix: 0,
        tags: &["*", "Internet", "AzureCloud", "AzureMonitor"] },
    Need { name: "AzureActiveDirectory", protocol: "Tcp", port: 443, addresses: &[], shortest_prefix: 0,
        tags: &["*", "Internet", "AzureCloud", "AzureActiveDirectory"] },
    // Activation of Windows: kms.core.windows.net and azkms.core.windows.net.
    Need { name: "kms", protocol: "Tcp", port: 1688, shortest_prefix: 0,
        addresses: &["23.102.135.246", "20.118.99.224", "40.83.235.53"],
        tags: &["*", "Internet", "AzureCloud"] },
    Need { name: "169.254.169.254", protocol: "Tcp", port: 80, shortest_prefix: 8,
        addresses: &["169.254.169.254"], tags: &["AzurePlatformIMDS"] },
    // Relays of RDP Shortpath.
    Need { name: "51.5.0.0/16", protocol: "Udp", port: 3478, shortest_prefix: 0,
        addresses: &["51.5.0.0/16"], tags: &["*", "Internet", "AzureCloud", "WindowsVirtualDesktop"] },
];

pub(super) const V31: Rule = rule(
    "V31",
    Severity::Critical,
    "Nothing on the Internet reaches a host",
    "Sessions come by reverse connect: a host needs no open port. Checked: security groups of the hosts' network \
     interfaces and subnets, rule by rule, up to one that shuts the Internet out.",
    &["https://learn.microsoft.com/azure/virtual-desktop/network-connectivity"],
    NEEDS,
    |audit| if_hosts(audit, shut),
);

pub(super) const V32: Rule = rule(
    "V32",
    Severity::High,
    "Hosts reach what Azure Virtual Desktop needs",
    "A host that cannot is Unavailable, or not activated. Checked: outbound rules of the security groups of the hosts' \
     network interfaces and subnets, by priority: WindowsVirtualDesktop, AzureMonitor and AzureActiveDirectory 443, \
     KMS 1688, 169.254.169.254 port 80, 51.5.0.0/16 UDP 3478.",
    &["https://learn.microsoft.com/azure/virtual-desktop/required-fqdn-endpoint"],
    NEEDS,
    |audit| if_hosts(audit, reaches),
);

fn shut(deployed: &Deployed<'_>) -> Outcome {
    let mut wiring = wiring_of_hosts(deployed);
    let groups = wiring.security_groups(deployed);
    let open = groups.values().flat_map(|group| open_to_internet(group).into_iter().map(|rule| (*group, rule)));
    let mut outcome: Outcome = open.map(|(group, rule)| open_rule(group, &rule, "hosts")).collect();
    outcome.unknown = wiring.unknown;
    outcome
}

/// The priorities that no rule for what goes out has yet: a group takes each but once.
fn free_priorities(rules: &[SecurityRule<'_>]) -> impl Iterator<Item = i64> {
    let taken: BTreeSet<i64> = rules.iter().filter(|rule| !rule.is_inbound).map(|rule| rule.priority).collect();
    (FIRST_PRIORITY..=LAST_PRIORITY).filter(move |priority| !taken.contains(priority))
}

fn reaches(deployed: &Deployed<'_>) -> Outcome {
    let mut wiring = wiring_of_hosts(deployed);
    let groups = wiring.security_groups(deployed);
    let subnets: Vec<IpNet> = wiring.subnets.values().flat_map(Subnet::prefixes).collect();
    let all = wiring.interfaces.values().flat_map(|interface| configurations(interface));
    let lists = all.flat_map(|one| items(one, "properties/applicationSecurityGroups"));
    let applications: Vec<ArmId> = lists.filter_map(|group| reference(group, "id")).collect();
    let mut outcome = Outcome { unknown: wiring.unknown, ..Outcome::default() };
    for group in groups.values() {
        let rules = rules(group);
        let mut priorities = free_priorities(&rules);
        for need in NEEDED.iter().filter(|need| !lets_out(&rules, need, &subnets, &applications)) {
            let (name, protocol, port) = (need.name, need.protocol, need.port);
            let message = format!("security group {} keeps hosts from {name}, {protocol} port {port}", group.id.name());
            let evidence = vec![
                Evidence::new("resource", group.id.as_str()),
                Evidence::new("properties.securityRules", format!("outbound, {protocol} {port} to {name}: denied")),
            ];
            let target = need.addresses.first().copied().unwrap_or(name);
            let priority = priorities.next().unwrap_or(FIRST_PRIORITY);
            let lines = format!(
                "securityRules: [{{ name: 'avd-{}', properties: {{ direction: 'Outbound', access: 'Allow', \
                 priority: {priority}, protocol: '{protocol}', sourceAddressPrefix: 'VirtualNetwork', sourcePortRange: '*', \
                 destinationAddressPrefix: '{target}', destinationPortRange: '{port}' }} }}]. \
                 Its priority must be a smaller number than that of the rule that denies.",
                name.replace('/', "-"),
            );
            let fix = bicep(&lines, format!("{} > Outbound security rules", group.id));
            outcome.violations.push(violation(&group.id, Some(name), message, evidence, fix));
        }
    }
    outcome
}
