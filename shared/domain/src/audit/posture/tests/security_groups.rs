//! What gets through to hosts and from them.

use super::super::security_groups::*;
use super::super::testing::{NET, NONE, NSG, deployed, edited, found, id, verdict, with, without};
use crate::audit::Verdict;
use crate::audit::testing::Estate;
use serde_json::{Value, json};

fn rule(name: &str, priority: u32, direction: &str, access: &str, more: &Value) -> Value {
    let mut properties = json!({ "direction": direction, "access": access, "protocol": "*", "priority": priority,
        "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*" });
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    json!({ "name": name, "properties": properties })
}

fn rules(rules: &[Value]) -> Estate {
    edited(deployed(), NSG, "/properties/securityRules", json!(rules))
}

fn denied(rules: &[Value]) -> Vec<String> {
    let lines = found(&self::rules(rules), &V32);
    lines.iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn nothing_comes_in_from_the_internet() {
    let open = rule("rdp", 300, "Inbound", "Allow", &json!({}));
    assert_eq!(found(&rules(std::slice::from_ref(&open)), &V31), [format!("{NSG} - rdp")]);
    let shut = rule("shut", 200, "Inbound", "Deny", &json!({}));
    assert_eq!(found(&rules(&[open.clone(), shut]), &V31), NONE);
    let inner = rule("inner", 300, "Inbound", "Allow", &json!({ "sourceAddressPrefix": "VirtualNetwork" }));
    assert_eq!(found(&rules(&[inner]), &V31), NONE);

    let other = "Microsoft.Network/networkSecurityGroups/other";
    let estate = with(deployed(), other, json!({ "securityRules": [open] }));
    assert_eq!(found(&estate, &V31), NONE);
    let nic = "Microsoft.Network/networkInterfaces/acmeTS1-nic";
    let estate = edited(estate, nic, "/properties/networkSecurityGroup", json!({ "id": id(other) }));
    assert_eq!(found(&estate, &V31), [format!("{other} - rdp")]);
}

#[test]
fn a_security_group_that_was_not_found_is_unknown() {
    assert_eq!(verdict(&without(deployed(), NSG), &V31), Verdict::Unknown);
    assert_eq!(verdict(&without(deployed(), NSG), &V32), Verdict::Unknown);
    let bare = edited(deployed(), NET, "/properties/subnets/0/properties/networkSecurityGroup", Value::Null);
    assert_eq!(verdict(&bare, &V31), Verdict::Pass);
}

#[test]
fn what_hosts_need_outside_is_let_out() {
    let all = ["51.5.0.0/16", "AzureActiveDirectory", "AzureMonitor", "WindowsVirtualDesktop", "kms"];
    let deny = rule("deny", 400, "Outbound", "Deny", &json!({ "destinationAddressPrefix": "Internet" }));
    assert_eq!(denied(std::slice::from_ref(&deny)), all);
    let allow = |tag: &str| rule(tag, 300, "Outbound", "Allow", &json!({ "destinationAddressPrefix": tag }));
    assert_eq!(denied(&[deny.clone(), allow("AzureCloud")]), NONE);
    assert_eq!(
        denied(&[deny.clone(), allow("AzureMonitor"), allow("20.118.99.224")]),
        ["51.5.0.0/16", "AzureActiveDirectory", "WindowsVirtualDesktop",]
    );
    // The relays are in the tag of the service.
    assert_eq!(denied(&[deny, allow("WindowsVirtualDesktop")]), ["AzureActiveDirectory", "AzureMonitor", "kms"]);
}

#[test]
fn what_lets_out_fits_into_the_group_all_at_once() {
    let deny = rule("deny", 400, "Outbound", "Deny", &json!({ "destinationAddressPrefix": "Internet" }));
    let taken = rule("taken", 101, "Outbound", "Allow", &json!({ "destinationAddressPrefix": "AzureMonitor" }));
    let fixes: Vec<String> =
        rules(&[deny, taken]).check(&V32).violations.into_iter().map(|violation| violation.fix.portal).collect();
    let part = |fix: &String, from: &str| {
        let (_, rest) = fix.split_once(from).unwrap();
        rest.split([',', '\'']).next().unwrap().to_owned()
    };
    let names: Vec<String> = fixes.iter().map(|fix| part(fix, "name: '")).collect();
    assert_eq!(names, ["avd-WindowsVirtualDesktop", "avd-AzureActiveDirectory", "avd-kms", "avd-51.5.0.0-16"]);
    let priorities: Vec<String> = fixes.iter().map(|fix| part(fix, "priority: ")).collect();
    assert_eq!(priorities, ["100", "102", "103", "104"]);
}

#[test]
fn port_and_protocol_count() {
    let deny = |more: Value| rule("deny", 400, "Outbound", "Deny", &more);
    assert_eq!(denied(&[deny(json!({ "protocol": "Udp" }))]), ["51.5.0.0/16"]);
    assert_eq!(denied(&[deny(json!({ "destinationPortRange": "1000-2000" }))]), ["kms"]);
    assert_eq!(
        denied(&[deny(json!({ "sourceAddressPrefix": "10.0.1.0/24", "destinationPortRange": "1688" }))]),
        ["kms"]
    );
    assert_eq!(denied(&[deny(json!({ "sourceAddressPrefix": "10.0.9.0/24" }))]), NONE);
}

#[test]
fn the_platforms_own_address_is_shut_off_only_by_name() {
    let deny = |to: &str| rule("deny", 400, "Outbound", "Deny", &json!({ "destinationAddressPrefix": to }));
    for named in ["AzurePlatformIMDS", "169.254.0.0/16", "169.254.169.254"] {
        assert_eq!(denied(&[deny(named)]), ["169.254.169.254"], "{named}");
    }
    for all in ["*", "0.0.0.0/0", "128.0.0.0/1"] {
        assert!(!denied(&[deny(all)]).contains(&"169.254.169.254".to_owned()), "{all}");
    }
}
