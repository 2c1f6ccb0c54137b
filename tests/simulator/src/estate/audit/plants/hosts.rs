//! Hosts: V36, V39, V47, V62 to V68.

use serde_json::{Value, json};

use super::leftovers::any_machine;
use crate::estate::{
    audit::{
        clean::{Clean, add_host, interface, run_command},
        draft::Draft,
        ids,
    },
    model::Kind,
};

/// Changes one of the machines; answers its id.
fn change(draft: &mut Draft, clean: &Clean, act: impl FnOnce(&mut Value)) -> String {
    let machine = any_machine(draft, clean);
    draft.edit(&machine, |body| act(&mut body["properties"]));
    machine
}

pub(super) fn one_zone(draft: &mut Draft, clean: &Clean) {
    let pools: Vec<usize> = (0..clean.pools.len()).filter(|at| clean.pools[*at].machines.len() >= 2).collect();
    let pool = &clean.pools[*draft.dice.pick(&pools)];
    let zones = if draft.dice.chance(0.5) { json!(["2"]) } else { Value::Null };
    let key = pool.pool.to_ascii_lowercase();
    let hosts = draft.estate.children(&key, "sessionHosts");
    let machines: Vec<String> =
        hosts.filter_map(|host| host.property("resourceId").as_str().map(str::to_owned)).collect();
    for machine in machines {
        draft.edit(&machine, |body| {
            body["zones"] = zones.clone();
            body["properties"]["availabilitySet"] = Value::Null;
        });
    }
    draft.violates("V36", &pool.pool, None, None);
}

pub(super) fn unwatched(draft: &mut Draft, clean: &Clean) {
    let machine = any_machine(draft, clean);
    let (part, subject) = if draft.dice.chance(0.5) {
        ("/extensions/AzureMonitorWindowsAgent", "AzureMonitorWindowsAgent")
    } else {
        let association = "/providers/Microsoft.Insights/dataCollectionRuleAssociations/avd";
        (association, "dataCollectionRuleAssociations")
    };
    draft.resources.remove(&format!("{machine}{part}").to_ascii_lowercase());
    draft.violates("V39", &machine, None, Some(subject));
}

pub(super) fn profiles_elsewhere(draft: &mut Draft, clean: &Clean) {
    let machine = any_machine(draft, clean);
    let places = *draft.dice.pick(&[r"\\oldserver\profiles", r"\\anf-1.contoso.example\home;\\oldserver\profiles"]);
    run_command(draft, &machine, places);
    draft.violates("V47", &machine, None, Some("VHDLocations"));
}

pub(super) fn untrusted(draft: &mut Draft, clean: &Clean) {
    let profile = if draft.dice.chance(0.5) { Value::Null } else { json!({"securityType": "Standard"}) };
    let machine = change(draft, clean, |properties| properties["securityProfile"] = profile);
    draft.violates("V62", &machine, None, None);
}

pub(super) fn unlicensed(draft: &mut Draft, clean: &Clean) {
    let license = if draft.dice.chance(0.5) { Value::Null } else { json!("None") };
    let machine = change(draft, clean, |properties| properties["licenseType"] = license);
    draft.violates("V63", &machine, None, None);
}

pub(super) fn kept_parts(draft: &mut Draft, clean: &Clean) {
    let of_disk = draft.dice.chance(0.5);
    let machine = change(draft, clean, |properties| {
        if of_disk {
            properties["storageProfile"]["osDisk"]["deleteOption"] = json!("Detach");
        } else {
            properties["networkProfile"]["networkInterfaces"][0]["properties"] = json!({});
        }
    });
    draft.violates("V64", &machine, None, Some(if of_disk { "osDisk" } else { "networkInterfaces" }));
}

pub(super) fn old_image(draft: &mut Draft, clean: &Clean) {
    let is_pooled = |pool: &str| draft.estate.get(pool).is_some_and(|pool| *pool.property("hostPoolType") == "Pooled");
    let mut pools: Vec<usize> = (0..clean.pools.len()).filter(|at| is_pooled(&clean.pools[*at].pool)).collect();
    if pools.is_empty() {
        draft.set(&clean.pools[0].pool, "hostPoolType", json!("Pooled"));
        pools.push(0);
    }
    let pool = &clean.pools[*draft.dice.pick(&pools)];
    let machine = draft.dice.pick(&pool.machines).clone();
    draft.edit(&machine, |body| {
        body["properties"]["storageProfile"]["imageReference"]["exactVersion"] = json!("22631.4169.240910");
    });
    draft.violates("V65", &machine, None, None);
}

pub(super) fn odd_name(draft: &mut Draft, clean: &Clean) {
    let name = *draft.dice.pick(&["1st-host", "engineering-desktop"]);
    let name = format!("{name}{}", draft.number());
    let pool = draft.dice.pick(&clean.pools);
    let machine = add_host(draft, clean, pool, Some(&name));
    draft.violates("V66", &machine, None, None);
}

pub(super) fn unpaired(draft: &mut Draft, clean: &Clean) {
    if draft.dice.chance(0.5) {
        let pool = draft.dice.pick(&clean.pools).resource_group.clone();
        let machine = format!("{pool}/providers/{}/vm-left-{}", ids::MACHINES, draft.number());
        draft.resource(&machine, ids::MACHINES, json!({"properties": {"licenseType": "Windows_Client"}}));
        draft.violates("V67", &machine, None, None);
    } else {
        let pool = draft.any(Kind::HostPool);
        let scope = draft.spare_group();
        let machine = format!("{scope}/providers/{}/vm-tagged-{}", ids::MACHINES, draft.number());
        let tags = json!({"cm-resource-parent": pool});
        draft.resource(&machine, ids::MACHINES, json!({"tags": tags, "properties": {}}));
        draft.violates("V67", &machine, None, None);
    }
}

pub(super) fn orphan(draft: &mut Draft, clean: &Clean) {
    let number = draft.number();
    let site = draft.dice.below(clean.sites.len());
    let site = &clean.sites[site];
    if draft.dice.chance(0.5) {
        let nic = format!("{}/providers/Microsoft.Network/networkInterfaces/nic-left-{number}", site.home);
        interface(draft, &nic, None, &format!("{}/subnets/snet-platform", site.network), "10.0.128.9");
        draft.violates("V68", &nic, None, None);
    } else {
        let disk = format!("{}/providers/Microsoft.Compute/disks/disk-left-{number}", site.home);
        draft.resource(&disk, "Microsoft.Compute/disks", json!({"properties": {"diskState": "Unattached"}}));
        draft.violates("V68", &disk, None, None);
    }
}
