//! How hosts are made.

use super::super::hosts::*;
use super::super::testing::{NONE, VM1, VM2, deployed, edited, found, id, result, vds, verdict, with, without};
use crate::access::Facet;
use crate::audit::Verdict;
use crate::audit::testing::{POOL, S1};
use serde_json::{Value, json};

#[test]
fn a_host_starts_trusted_or_confidential() {
    let set = |value| edited(deployed(), VM1, "/properties/securityProfile/securityType", value);
    assert_eq!(found(&set(json!("confidentialvm")), &V62), NONE);
    for wrong in [json!("Standard"), Value::Null] {
        assert_eq!(found(&set(wrong), &V62), [format!("{VM1} - -")]);
    }
}

#[test]
fn a_host_uses_the_licence_of_the_service() {
    let set = |value| edited(deployed(), VM2, "/properties/licenseType", value);
    assert_eq!(found(&set(json!("Windows_Server")), &V63), NONE);
    assert_eq!(found(&set(json!("None")), &V63), [format!("{VM2} - -")]);
}

#[test]
fn what_stays_when_a_host_is_deleted_is_told_apart() {
    let disk = edited(deployed(), VM1, "/properties/storageProfile/osDisk/deleteOption", json!("Detach"));
    assert_eq!(found(&disk, &V64), [format!("{VM1} - osDisk")]);
    let path = "/properties/networkProfile/networkInterfaces/0/properties/deleteOption";
    assert_eq!(
        found(&edited(disk, VM1, path, Value::Null), &V64),
        [format!("{VM1} - networkInterfaces"), format!("{VM1} - osDisk"),]
    );
}

#[test]
fn an_image_is_as_old_as_its_version_says() {
    let path = "/properties/storageProfile/imageReference";
    let version = |text: &str| edited(deployed(), VM1, path, json!({ "exactVersion": text }));
    // The tests' day is 2026-06-01: 45 days before is 2026-04-17.
    assert_eq!(found(&version("26100.1.260417"), &V65), NONE);
    assert_eq!(found(&version("26100.1.260416"), &V65), [format!("{VM1} - -")]);
    for unclear in ["latest", "1.0.0", "26100.1.269999"] {
        assert_eq!(verdict(&version(unclear), &V65), Verdict::Unknown, "{unclear}");
    }
}

#[test]
fn an_image_of_a_gallery_is_as_old_as_it_was_published() {
    let image = "Microsoft.Compute/galleries/g/images/i/versions/1.0.0";
    let reference = json!({ "id": id(image) });
    let estate = edited(deployed(), VM1, "/properties/storageProfile/imageReference", reference);
    assert_eq!(verdict(&estate, &V65), Verdict::Unknown);
    let published = |date: &str| with(estate.clone(), image, json!({ "publishingProfile": { "publishedDate": date } }));
    assert_eq!(found(&published("2026-01-01T10:00:00.12+00:00"), &V65), [format!("{VM1} - -")]);
    assert_eq!(verdict(&published("2026-05-30T10:00:00Z"), &V65), Verdict::Pass);
}

#[test]
fn personal_desktops_are_not_made_anew_for_their_image() {
    let estate = edited(deployed(), POOL, "/properties/hostPoolType", json!("Personal"));
    assert_eq!(verdict(&estate, &V65), Verdict::NotApplicable);
    let pooled = with(estate, "Microsoft.DesktopVirtualization/hostPools/p2", json!({ "hostPoolType": "Pooled" }));
    assert_eq!(verdict(&pooled, &V65), Verdict::NotApplicable);
}

#[test]
fn names_follow_the_scheme_only_where_vds_has_been() {
    let named = |name: &str| {
        let (vm, host) = (format!("Microsoft.Compute/virtualMachines/{name}"), format!("{POOL}/sessionHosts/{name}"));
        with(with(deployed(), &vm, json!({})), &host, json!({ "resourceId": id(&vm) }))
    };
    let line = |name: &str| vec![format!("Microsoft.Compute/virtualMachines/{name} - -")];
    assert_eq!(found(&named("avd-pool1-0"), &V66), NONE);
    assert_eq!(found(&named("much-too-long-0001"), &V66), line("much-too-long-0001"));
    assert_eq!(found(&named("1TS1"), &V66), line("1TS1"));
    assert_eq!(found(&vds(named("avd-pool1-0")), &V66), line("avd-pool1-0"));
    assert_eq!(found(&vds(named("xyzts12")), &V66), NONE);
    for odd in ["ts1", "xyzts", "xyzts1a", "x-yts1"] {
        assert!(!is_of_scheme(odd), "{odd}");
    }
}

#[test]
fn a_session_host_without_its_machine_is_found_and_the_other_way_round() {
    let lost = without(deployed(), VM1);
    let host = "Microsoft.DesktopVirtualization/hostPools/p1/sessionHosts/acmeTS1.example.com";
    assert_eq!(found(&lost, &V67), [format!("{host} - -")]);
    assert_eq!(found(&without(deployed(), host), &V67), [format!("{VM1} - -")]);
    let elsewhere = edited(deployed(), host, "/properties/resourceId", json!("/subscriptions/s9/resourceGroups/r/x/y"));
    assert_eq!(found(&elsewhere, &V67), [format!("{VM1} - -")]);
    assert!(result(&elsewhere, "V67").reasons.iter().any(|reason| reason.contains("not audited")));
}

#[test]
fn other_machines_need_no_session_host_but_those_that_were_made_for_a_pool_do() {
    let server = "/subscriptions/s1/resourceGroups/other/providers/Microsoft.Compute/virtualMachines/srv";
    let estate = with(deployed(), server, json!({ "licenseType": "Windows_Client" }));
    assert_eq!(found(&estate, &V67), NONE);
    let tagged = edited(estate, server, "/tags", json!({ "cm-resource-parent": POOL }));
    assert_eq!(found(&tagged, &V67), [format!("{server} - -")]);
    let control =
        with(deployed(), "Microsoft.Compute/virtualMachines/CWMGR1", json!({"licenseType": "Windows_Client"}));
    assert_eq!(found(&control, &V67), NONE);
}

#[test]
fn what_is_left_of_a_machine_is_found_in_the_deployments_groups_only() {
    let (nic, disk) = ("Microsoft.Network/networkInterfaces/old", "Microsoft.Compute/disks/old");
    let estate = with(deployed(), nic, json!({}));
    let estate = with(estate, disk, json!({ "diskState": "Unattached" }));
    assert_eq!(found(&estate, &V68), [format!("{disk} - -"), format!("{nic} - -")]);
    let estate = edited(estate, nic, "/properties/privateEndpoint", json!({ "id": "/pe" }));
    let estate = edited(estate, disk, "/properties/diskState", json!("Attached"));
    let other = "/subscriptions/s1/resourceGroups/other/providers/Microsoft.Compute/disks/d";
    assert_eq!(found(&with(estate, other, json!({ "diskState": "Unattached" })), &V68), NONE);
}

#[test]
fn a_machine_that_was_not_read_is_not_taken_for_gone() {
    let lost = without(deployed(), VM1);
    for place in [S1.to_owned(), id(VM1)] {
        let estate = lost.clone().forbidden(Facet::Compute, &place);
        assert_eq!(found(&estate, &V67), NONE, "{place}");
        assert_eq!(verdict(&estate, &V67), Verdict::Unknown, "{place}");
    }
    // What was not read of another machine changes nothing.
    let other = lost.forbidden(Facet::Compute, &id(VM2));
    assert_eq!(verdict(&other, &V67), Verdict::Fail);
}

#[test]
fn a_machine_is_not_taken_for_left_over_where_session_hosts_were_not_read() {
    let host = "Microsoft.DesktopVirtualization/hostPools/p1/sessionHosts/acmeTS1.example.com";
    let estate = without(deployed(), host).forbidden(Facet::DesktopVirtualization, S1);
    assert_eq!(found(&estate, &V67), NONE);
    assert_eq!(verdict(&estate, &V67), Verdict::Unknown);
}
