//! What VDS leaves behind.

use super::super::control_server::*;
use super::super::leftovers::*;
use super::super::testing::{NET, NONE, NSG, VAULT, VM1, deployed, edited, found, id, result, vds, verdict, with};
use crate::access::{DirectoryObject, Facet};
use crate::audit::Verdict;
use crate::audit::testing::{Estate, POOL, S1};
use serde_json::{Value, json};

const CONTROL: &str = "Microsoft.Compute/virtualMachines/cwmgr1";
const PUBLIC: &str = "Microsoft.Network/publicIPAddresses/pip";

fn security_rule(name: &str, more: &Value) -> Value {
    let mut properties = json!({ "direction": "Inbound", "access": "Allow", "protocol": "Tcp", "priority": 100,
        "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "destinationPortRange": "443" });
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    json!({ "name": name, "properties": properties })
}

/// The control server, with a network interface in the hosts' subnet and a security group of its own.
fn control_server() -> Estate {
    let nic = id("Microsoft.Network/networkInterfaces/cwmgr1-nic");
    let group = id("Microsoft.Network/networkSecurityGroups/cwmgr1-nsg");
    let estate = with(deployed(), CONTROL, json!({ "networkProfile": { "networkInterfaces": [{ "id": nic }] } }));
    let subnet = format!("{}/subnets/hosts", id(NET));
    let address =
        json!({ "privateIPAddress": "10.0.1.9", "subnet": { "id": subnet }, "publicIPAddress": { "id": id(PUBLIC) } });
    let estate = with(
        estate,
        &nic,
        json!({ "virtualMachine": { "id": id(CONTROL) }, "networkSecurityGroup": { "id": group },
            "ipConfigurations": [{ "properties": address }] }),
    );
    with(estate, &group, json!({ "securityRules": [security_rule("https", &json!({}))] }))
}

#[test]
fn an_automation_account_is_a_leftover_only_where_vds_has_been() {
    let account = "Microsoft.Automation/automationAccounts/a";
    let estate = with(deployed(), account, json!({}));
    assert_eq!(verdict(&estate, &V18), Verdict::NotApplicable);
    assert_eq!(found(&vds(estate), &V18), [format!("{account} - -")]);
}

#[test]
fn the_control_servers_role_is_found_by_name_at_its_first_scope() {
    assert_eq!(found(&vds(deployed()), &V19), [format!("{S1} - control")]);
    let other = vds(deployed()).with(|facts| facts.definitions.last_mut().unwrap().name = "Automation".to_owned());
    assert_eq!(found(&other, &V19), NONE);
}

#[test]
fn the_control_server_is_found_or_else_its_identity() {
    assert_eq!(found(&control_server(), &V20), [format!("{CONTROL} - -")]);
    let both = control_server().identity("mi", "CWMGR1");
    assert_eq!(found(&both, &V20), [format!("{CONTROL} - -")]);
    assert_eq!(found(&deployed().identity("mi", "CWMGR1"), &V20), ["/ mi -"]);
    assert_eq!(found(&vds(deployed()).identity("mi", "CWMGR2"), &V20), NONE);
}

#[test]
fn the_control_server_is_open_by_its_own_group_or_its_subnets() {
    let own = "Microsoft.Network/networkSecurityGroups/cwmgr1-nsg";
    assert_eq!(found(&control_server(), &V21), [format!("{own} - https")]);
    let shut = edited(control_server(), own, "/properties/securityRules", json!([]));
    assert_eq!(found(&shut, &V21), NONE);
    assert_eq!(verdict(&shut, &V21), Verdict::Pass);
    let rules = json!([security_rule("rdp", &json!({ "sourceAddressPrefix": "Internet" }))]);
    assert_eq!(found(&edited(shut, NSG, "/properties/securityRules", rules), &V21), [format!("{NSG} - rdp")]);
}

#[test]
fn a_control_server_whose_wires_cannot_be_followed_is_unknown() {
    let nics = json!([{ "id": "/gone" }]);
    let estate = edited(control_server(), CONTROL, "/properties/networkProfile/networkInterfaces", nics);
    assert_eq!(verdict(&estate, &V21), Verdict::Unknown);
    assert_eq!(verdict(&estate, &V22), Verdict::Unknown);
}

#[test]
fn public_addresses_of_its_machines_and_idle_ones_beside_them_are_leftovers() {
    let used = json!({ "ipConfiguration": { "id": "/nic/ipConfigurations/a" } });
    let estate = with(control_server(), PUBLIC, used.clone());
    let estate = with(estate, "Microsoft.Network/publicIPAddresses/gateway", used);
    assert_eq!(found(&estate, &V22), [format!("{PUBLIC} - -")]);
    let idle = "Microsoft.Network/publicIPAddresses/idle";
    let of_nat = json!({ "natGateway": { "id": "/nat" } });
    let beside = vds(with(deployed(), idle, json!({})));
    assert_eq!(found(&beside, &V22), [format!("{idle} - -")]);
    // Azure does not delete an address that something has.
    assert!(beside.check(&V22).violations.remove(0).fix.az.unwrap().starts_with("az resource delete"));
    let of_used = estate.check(&V22).violations.remove(0).fix;
    assert!(of_used.az.is_none() && of_used.powershell.is_none() && of_used.portal.contains("Dissociate"));
    assert_eq!(found(&vds(with(deployed(), idle, of_nat)), &V22), NONE);
    let other = "/subscriptions/s1/resourceGroups/other/providers/Microsoft.Network/publicIPAddresses/idle";
    assert_eq!(found(&vds(with(deployed(), other, json!({}))), &V22), NONE);
}

#[test]
fn rules_for_the_vendors_addresses_are_told_by_address_or_by_name() {
    let rules = json!([
        security_rule("listed", &json!({ "sourceAddressPrefixes": ["198.51.100.7"], "sourceAddressPrefix": "" })),
        security_rule("NetApp-VDS", &json!({ "direction": "Outbound", "destinationAddressPrefix": "203.0.113.0/24" })),
        security_rule("office", &json!({ "sourceAddressPrefix": "203.0.113.9" })),
        security_rule(
            "described",
            &json!({ "sourceAddressPrefix": "203.0.113.9", "description": "for Cloud Workspace" })
        ),
        security_rule("CWMGR", &json!({ "sourceAddressPrefix": "10.0.2.4" })),
        security_rule("VDS", &json!({ "sourceAddressPrefix": "203.0.113.9" })),
    ]);
    let estate = vds(edited(deployed(), NSG, "/properties/securityRules", rules));
    assert_eq!(found(&estate, &V23), [format!("{NSG} - NetApp-VDS"), format!("{NSG} - described")]);
    let estate = estate.policy(|policy| policy.vendor_addresses = vec!["198.51.100.0/24".to_owned()]);
    assert_eq!(found(&estate, &V23).len(), 3);
}

#[test]
fn credentials_of_a_domain_administrator_are_a_sign_and_a_finding() {
    let secret = format!("{VAULT}/secrets/CJDomainAdministratorPassword");
    let estate = with(deployed(), &secret, json!({ "attributes": { "enabled": true, "exp": 1_809_129_600 } }));
    assert_eq!(found(&estate, &V24), [format!("{secret} - -")]);
    assert_eq!(found(&vds(deployed()), &V24), NONE);
}

#[test]
fn a_token_in_settings_is_found_however_deep_and_never_shown() {
    let extension = format!("{VM1}/extensions/dsc");
    let settings = |settings: Value| vds(with(deployed(), &extension, json!({ "settings": settings })));
    let token = json!({ "properties": { "lists": [{ "RegistrationInfoToken": "top-secret" }] } });
    assert_eq!(found(&settings(token.clone()), &V25), [format!("{extension} - -")]);
    assert_eq!(found(&settings(json!({ "registrationInfoToken": " " })), &V25), NONE);
    assert_eq!(found(&settings(json!({ "hostPoolName": "p" })), &V25), NONE);
    assert!(!format!("{:?}", settings(token).check(&V25)).contains("top-secret"));
}

#[test]
fn the_dsc_extension_is_found_by_type() {
    let extension = format!("{VM1}/extensions/x");
    let of = |kind: &str| vds(with(deployed(), &extension, json!({ "type": kind })));
    assert_eq!(found(&of("dsc"), &V26), [format!("{extension} - -")]);
    assert_eq!(found(&of("CustomScriptExtension"), &V26), NONE);
}

#[test]
fn an_identity_is_left_over_only_if_its_server_was_looked_for() {
    let estate = deployed().identity("mi", "CWMGR1");
    for place in [S1, CONTROL] {
        let unread = estate.clone().forbidden(Facet::Compute, &id(place));
        assert_eq!(found(&unread, &V20), NONE, "{place}");
        assert_eq!(verdict(&unread, &V20), Verdict::Unknown, "{place}");
    }
    let of = |subscription: &str| {
        estate.clone().with(|facts| {
            let Some(DirectoryObject::ServicePrincipal { resource, .. }) = facts.directory.objects.get_mut("mi") else {
                panic!("it is there");
            };
            *resource = Some(id(CONTROL).replace("/s1/", subscription));
        })
    };
    assert_eq!(found(&of("/s1/"), &V20), ["/ mi -"]);
    assert_eq!(found(&of("/s9/"), &V20), NONE);
    assert_eq!(verdict(&of("/s9/"), &V20), Verdict::Unknown);
}

#[test]
fn public_addresses_of_hosts_that_are_not_audited_are_unknown() {
    let vm = "/subscriptions/s9/resourceGroups/r/providers/Microsoft.Compute/virtualMachines/x";
    let host = with(vds(deployed()), &format!("{POOL}/sessionHosts/x"), json!({ "resourceId": vm }));
    assert_eq!(verdict(&host, &V22), Verdict::Unknown);
    assert!(result(&host, "V22").reasons.iter().any(|reason| reason.contains("not audited")));
}
