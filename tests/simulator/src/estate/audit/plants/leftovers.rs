//! What is left of the old automation: V16, V18 to V26.

use serde_json::json;

use crate::estate::audit::{
    clean::{Clean, extension, interface, network, rule, subnet},
    draft::{Draft, How, Permissions, Principal, Who},
    ids,
};

/// Makes sure that something tells that VDS was here.
fn sign(draft: &mut Draft) {
    if draft.dice.chance(0.5) {
        let id = draft.application("Cloud Workspace");
        draft.violates("V04", "/", Some(&id), None);
    } else {
        let subscription = draft.any_subscription();
        let role = draft.role_named("Automation Contributor", &[&subscription], automation_rights());
        let (scope, holder) = (draft.spare_group(), draft.somebody("Automation"));
        draft.hold(How::Standing, &scope, &holder, &role);
        draft.violates("V19", &subscription, None, Some(&role));
    }
}

fn automation_rights() -> Permissions {
    Permissions::control(&["Microsoft.Automation/automationAccounts/*", "Microsoft.Authorization/*/read"], &[])
}

pub(super) fn service_account(draft: &mut Draft, _: &Clean) {
    let id = draft.dice.guid();
    let name = *draft.dice.pick(&["CloudWorkspaceSVC", "CloudWorkspaceCASVC"]);
    let who = Who::User { guest: false, enabled: true };
    draft.principals.insert(id.clone(), Principal { name: name.to_owned(), who });
    draft.violates("V16", "/", Some(&id), None);
}

fn automation_account(draft: &mut Draft) -> String {
    let scope = draft.spare_group();
    let number = draft.number();
    let id = format!("{scope}/providers/Microsoft.Automation/automationAccounts/CW-Automation-{number}");
    draft.resource(&id, "Microsoft.Automation/automationAccounts", json!({"properties": {"state": "Ok"}}))
}

pub(super) fn automation(draft: &mut Draft, _: &Clean) {
    sign(draft);
    let id = automation_account(draft);
    draft.violates("V18", &id, None, None);
}

pub(super) fn automation_role(draft: &mut Draft, clean: &Clean) {
    let subscription = draft.any_subscription();
    let scopes = [subscription.as_str(), clean.landing.as_str()];
    let role = draft.role_named("Automation Contributor", &scopes, automation_rights());
    draft.violates("V19", &clean.landing, None, Some(&role));
}

/// The old server: its machine, with an interface in a network of its own.
/// Answers its security group.
fn old_server(draft: &mut Draft, address: bool) -> (String, String, Option<String>) {
    let scope = draft.spare_group();
    let base = format!("{scope}/providers/Microsoft.Network");
    let machine = format!("{scope}/providers/{}/CWMGR1", ids::MACHINES);
    let (nic, group) =
        (format!("{base}/networkInterfaces/cwmgr1-nic"), format!("{base}/networkSecurityGroups/cwmgr1-nsg"));
    let home = format!("{base}/virtualNetworks/cwmgr1-vnet");
    let rules = json!({"properties": {"securityRules": []}});
    draft.resource(&group, "Microsoft.Network/networkSecurityGroups", rules);
    let subnets = json!([subnet(&home, "default", "172.16.0.0/24", Some(&group), &json!({}))]);
    network(draft, &home, "172.16.0.0/16", &[], &subnets);
    interface(draft, &nic, Some(&machine), &format!("{home}/subnets/default"), "172.16.0.4");
    let public = address.then(|| {
        let id = format!("{base}/publicIPAddresses/cwmgr1-ip");
        let used = json!({"ipConfiguration": {"id": format!("{nic}/ipConfigurations/ipconfig1")}});
        draft.resource(&id, "Microsoft.Network/publicIPAddresses", json!({"properties": used}));
        draft.edit(&nic, |body| {
            body["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = json!({"id": id});
        });
        id
    });
    draft.resource(
        &machine,
        ids::MACHINES,
        json!({"properties": {
            "licenseType": "Windows_Server",
            "networkProfile": {"networkInterfaces": [{"id": nic}]},
        }}),
    );
    (machine, group, public)
}

pub(super) fn server(draft: &mut Draft, _: &Clean) {
    let (machine, _, _) = old_server(draft, false);
    draft.violates("V20", &machine, None, None);
}

pub(super) fn open_server(draft: &mut Draft, _: &Clean) {
    let (_, group, _) = old_server(draft, false);
    let source = *draft.dice.pick(&["*", "Internet", "0.0.0.0/0"]);
    let open = rule(
        "RDP",
        1000,
        "Inbound",
        "Allow",
        &json!({
            "sourceAddressPrefix": source, "protocol": "Tcp", "destinationPortRange": "3389",
        }),
    );
    draft.push(&group, &["properties", "securityRules"], open);
    draft.violates("V21", &group, None, Some("RDP"));
}

pub(super) fn public_address(draft: &mut Draft, clean: &Clean) {
    if draft.dice.chance(0.5) {
        let (_, _, public) = old_server(draft, true);
        if let Some(public) = public {
            draft.violates("V22", &public, None, None);
        }
    } else {
        sign(draft);
        let number = draft.number();
        let id = format!("{}/providers/Microsoft.Network/publicIPAddresses/pip-{number}", clean.sites[0].home);
        draft.resource(
            &id,
            "Microsoft.Network/publicIPAddresses",
            json!({"properties": {"ipAddress": "198.51.100.7"}}),
        );
        draft.violates("V22", &id, None, None);
    }
}

pub(super) fn vendor_rule(draft: &mut Draft, clean: &Clean) {
    sign(draft);
    let number = draft.number();
    let site = draft.dice.below(clean.sites.len());
    let group = clean.sites[site].host_nsg.clone();
    let (name, parts) = if draft.dice.chance(0.5) {
        (format!("Management{number}"), json!({"sourceAddressPrefixes": ["203.0.113.17"], "sourceAddressPrefix": null}))
    } else {
        (format!("Cloud_Workspace-{number}"), json!({"sourceAddressPrefix": "198.51.100.0/24"}))
    };
    let priority = 2_000 + u32::try_from(number).unwrap_or(0) % 1_000;
    draft.push(&group, &["properties", "securityRules"], rule(&name, priority, "Inbound", "Allow", &parts));
    draft.violates("V23", &group, None, Some(&name));
}

pub(super) fn domain_secret(draft: &mut Draft, clean: &Clean) {
    let site = draft.dice.below(clean.sites.len());
    let vault = clean.sites[site].vault.clone();
    let name = format!("cjDomainAdministrator{}", draft.number());
    let attributes = json!({"enabled": true, "exp": 2_177_452_800_u64, "created": 1_924_992_000_u64});
    let id = draft.secret(&vault, &name, attributes);
    draft.violates("V24", &id, None, None);
}

/// One of the machines of the hosts.
pub(super) fn any_machine(draft: &mut Draft, clean: &Clean) -> String {
    let machines: Vec<&String> = clean.pools.iter().flat_map(|pool| &pool.machines).collect();
    (*draft.dice.pick(&machines)).clone()
}

pub(super) fn token_in_settings(draft: &mut Draft, clean: &Clean) {
    sign(draft);
    let machine = any_machine(draft, clean);
    let settings = json!({
        "modulesUrl": "https://example.com/Configuration.zip",
        "properties": {"hostPoolName": "hp", "registrationInfoToken": "planted"},
    });
    let id = extension(draft, &machine, "Microsoft.Powershell", "DSC", &settings);
    draft.violates("V25", &id, None, None);
}

pub(super) fn desired_state(draft: &mut Draft, clean: &Clean) {
    sign(draft);
    let machine = any_machine(draft, clean);
    let id = format!("{machine}/extensions/DSC");
    if draft.body(&id).is_null() {
        extension(draft, &machine, "Microsoft.Powershell", "DSC", &json!({"wmfVersion": "latest"}));
    }
    draft.violates("V26", &id, None, None);
}
