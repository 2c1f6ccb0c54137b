//! Where profiles and data are.

use super::super::files::*;
use super::super::testing::{FILES, NONE, VM1, deployed, edited, found, id, result, verdict, with, without};
use crate::access::Facet;
use crate::access::builtin::{DESKTOP_VIRTUALIZATION_USER, SMB_SHARE_ELEVATED_CONTRIBUTOR};
use crate::audit::Verdict;
use crate::audit::testing::{Estate, GROUP, S1};
use serde_json::{Value, json};

const CAPACITY: &str = "Microsoft.NetApp/netAppAccounts/na/capacityPools/cp";

#[test]
fn accounts_know_users_by_the_directory() {
    let option = |option: &str| {
        edited(
            deployed(),
            FILES,
            "/properties/azureFilesIdentityBasedAuthentication/directoryServiceOptions",
            json!(option),
        )
    };
    assert_eq!(found(&option("aadkerb"), &V44), NONE);
    assert_eq!(found(&option("None"), &V44), [format!("{FILES} - directoryServiceOptions")]);
    let premium = edited(deployed(), FILES, "/properties/azureFilesIdentityBasedAuthentication", Value::Null);
    assert_eq!(
        found(&edited(premium, FILES, "/kind", json!("FileStorage")), &V44),
        [format!("{FILES} - directoryServiceOptions")]
    );
}

#[test]
fn accounts_are_not_public() {
    let acls = |acls: Value| edited(deployed(), FILES, "/properties/networkAcls", acls);
    let line = [format!("{FILES} - publicNetworkAccess")];
    assert_eq!(found(&acls(json!({ "defaultAction": "Allow" })), &V44), line);
    assert_eq!(found(&acls(Value::Null), &V44), line);
    let private = edited(acls(Value::Null), FILES, "/properties/publicNetworkAccess", json!("Disabled"));
    assert_eq!(found(&private, &V44), NONE);
}

#[test]
fn accounts_that_serve_no_files_are_not_judged() {
    let blobs = with(deployed(), "Microsoft.Storage/storageAccounts/blobs", json!({}));
    assert_eq!(found(&blobs, &V44), NONE);
    let none = without(blobs, FILES);
    for rule in [V44, V45] {
        assert_eq!(verdict(&none, &rule), Verdict::NotApplicable);
    }
}

#[test]
fn who_uses_applications_does_not_change_permissions_on_files() {
    let role = SMB_SHARE_ELEVATED_CONTRIBUTOR;
    let direct = deployed().assign("ulla", role, &id(FILES));
    assert_eq!(found(&direct, &V45), [format!("{FILES} ulla {role}")]);
    let grouped = deployed().group("helpers", &["adam", "users"]).assign("helpers", role, S1);
    assert_eq!(found(&grouped, &V45), [format!("{S1} helpers {role}")]);
    let share = id(&format!("{FILES}/fileServices/default/fileshares/profiles"));
    assert_eq!(found(&deployed().assign("users", role, &share), &V45).len(), 1);
    assert_eq!(found(&deployed().assign("adam", role, S1), &V45), NONE);
    let elsewhere = "/subscriptions/s1/resourceGroups/other";
    assert_eq!(found(&deployed().assign("ulla", role, elsewhere), &V45), NONE);
}

#[test]
fn a_group_that_cannot_be_seen_into_leaves_it_unknown() {
    let estate = deployed().opaque_group("dark").assign("dark", SMB_SHARE_ELEVATED_CONTRIBUTOR, S1);
    assert_eq!(verdict(&estate, &V45), Verdict::Unknown);
    let estate = deployed().opaque_group("dark").assign("dark", DESKTOP_VIRTUALIZATION_USER, GROUP);
    assert_eq!(verdict(&estate, &V45), Verdict::Unknown);
    assert_eq!(verdict(&estate, &V46), Verdict::Unknown);
}

#[test]
fn the_level_follows_the_number_of_users() {
    let with_users = |count: usize, level: &str| {
        // One user is there already.
        let names: Vec<String> = (1..count).map(|number| format!("u{number}")).collect();
        let members: Vec<&str> = names.iter().map(String::as_str).collect();
        let estate = names.iter().fold(deployed(), |estate: Estate, name| estate.user(name));
        let estate = estate.group("many", &members).assign("many", DESKTOP_VIRTUALIZATION_USER, GROUP);
        edited(estate, CAPACITY, "/properties/serviceLevel", json!(level))
    };
    let line = [format!("{CAPACITY} - -")];
    assert_eq!(found(&with_users(150, "Standard"), &V46), NONE);
    assert_eq!(found(&with_users(151, "standard"), &V46), line);
    assert_eq!(found(&with_users(500, "Premium"), &V46), NONE);
    assert_eq!(found(&with_users(501, "Premium"), &V46), line);
    assert_eq!(found(&with_users(501, "Ultra"), &V46), NONE);
    assert_eq!(verdict(&with_users(2, "Flexible"), &V46), Verdict::Unknown);
    assert_eq!(verdict(&without(deployed(), CAPACITY), &V46), Verdict::NotApplicable);
}

#[test]
fn profiles_are_on_the_deployments_own_servers() {
    let told = |paths: &str| {
        edited(deployed(), &format!("{VM1}/runCommands/configure"), "/properties/parameters/0/value", json!(paths))
    };
    let line = [format!("{VM1} - VHDLocations")];
    assert_eq!(found(&told(r"\\ANF-1.example.com\profiles;\\10.0.2.4\b"), &V47), NONE);
    assert_eq!(found(&told(r"\\AcmeFiles.file.core.windows.net\p"), &V47), NONE);
    for wrong in [
        r"\\fs1\profiles",
        r"\\acmefiles.file.core.windows.net\p,\\fs1\p",
        r"C:\profiles",
        r"acmefiles.file.core.windows.net\p",
        r"\\acmefiles\p",
    ] {
        assert_eq!(found(&told(wrong), &V47), line, "{wrong}");
    }
}

#[test]
fn hosts_of_which_nothing_tells_where_profiles_are_are_counted() {
    let estate = without(deployed(), &format!("{VM1}/runCommands/configure"));
    let result = result(&estate, "V47");
    assert_eq!(result.verdict, Verdict::Unknown);
    assert_eq!(result.reasons, ["where 1 hosts keep profiles: no run command tells, and the registry is not read"]);
}

#[test]
fn every_run_command_is_judged() {
    let command = |value: &str| json!({ "parameters": [{ "name": "vhdlocations", "value": value }] });
    let second = format!("{VM1}/runCommands/later");
    let estate = with(deployed(), &second, command(r"\\fs1\profiles"));
    assert_eq!(found(&estate, &V47), [format!("{VM1} - VHDLocations")]);
    assert_eq!(found(&with(deployed(), &second, command(r"\\10.0.2.4\b")), &V47), NONE);
}

#[test]
fn servers_that_were_not_read_are_not_taken_for_others() {
    let lost = without(deployed(), FILES);
    assert_eq!(verdict(&lost, &V47), Verdict::Fail);
    for facet in [Facet::Storage, Facet::NetApp, Facet::DesktopVirtualization] {
        let unread = lost.clone().forbidden(facet, S1);
        assert_eq!(found(&unread, &V47), NONE, "{facet}");
        assert_eq!(verdict(&unread, &V47), Verdict::Unknown, "{facet}");
    }
}

#[test]
fn what_management_groups_give_is_unknown_where_they_are() {
    for rule in [V45, V46] {
        assert_eq!(verdict(&deployed().forbidden(Facet::ManagementGroups, S1), &rule), Verdict::Unknown, "{}", rule.id);
    }
}
