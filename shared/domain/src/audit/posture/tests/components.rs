//! Zones, logs, agents and backups.

use super::super::backups::*;
use super::super::components::*;
use super::super::testing::{FILES, NONE, RECOVERY, VM1, VM2, deployed, edited, found, id, verdict, with, without};
use crate::access::Facet;
use crate::audit::testing::{Estate, GROUP, POOL, S1};
use crate::audit::{Rule, Verdict};
use serde_json::{Value, json};

const LOGS: &str = "Microsoft.OperationalInsights/workspaces/logs";
const POOL_SHORT: &str = "Microsoft.DesktopVirtualization/hostPools/p1";

#[test]
fn hosts_are_spread_over_zones() {
    let one_zone = edited(deployed(), VM2, "/zones", json!(["1"]));
    assert_eq!(found(&one_zone, &V36), [format!("{POOL_SHORT} - -")]);
    let no_zone = edited(edited(deployed(), VM1, "/zones", Value::Null), VM2, "/zones", Value::Null);
    assert_eq!(found(&no_zone, &V36), [format!("{POOL_SHORT} - -")]);
    let single = without(one_zone, "Microsoft.DesktopVirtualization/hostPools/p1/sessionHosts/acmeTS1.example.com");
    assert_eq!(verdict(&single, &V36), Verdict::NotApplicable);
}

#[test]
fn or_over_the_fault_domains_of_a_set() {
    let set = "Microsoft.Compute/availabilitySets/as";
    let mut estate = deployed();
    for vm in [VM1, VM2] {
        estate = edited(estate, vm, "/zones", json!([]));
        estate = edited(estate, vm, "/properties/availabilitySet", json!({ "id": id(set) }));
    }
    assert_eq!(verdict(&estate, &V36), Verdict::Unknown);
    let domains = |count: u32| with(estate.clone(), set, json!({ "platformFaultDomainCount": count }));
    assert_eq!(verdict(&domains(2), &V36), Verdict::Pass);
    assert_eq!(found(&domains(1), &V36), [format!("{POOL_SHORT} - -")]);
    let half = edited(domains(2), VM2, "/properties/availabilitySet", Value::Null);
    assert_eq!(found(&half, &V36), [format!("{POOL_SHORT} - -")]);
}

#[test]
fn logs_are_kept_for_thirty_days() {
    let days = |days: Value| edited(deployed(), LOGS, "/properties/retentionInDays", days);
    assert_eq!(found(&days(json!(29)), &V37), [format!("{LOGS} - -")]);
    assert_eq!(verdict(&days(Value::Null), &V37), Verdict::Unknown);
    let longer = days(json!(60)).policy(|policy| policy.thresholds.log_retention_days = 90);
    assert_eq!(found(&longer, &V37), [format!("{LOGS} - -")]);
}

#[test]
fn a_workspace_elsewhere_counts_if_a_setting_sends_there() {
    let other = "/subscriptions/s1/resourceGroups/other/providers/Microsoft.OperationalInsights/workspaces/w";
    let estate = with(deployed(), other, json!({ "retentionInDays": 7 }));
    assert_eq!(found(&estate, &V37), NONE);
    let setting = format!("{POOL}/providers/microsoft.insights/diagnosticSettings/avd");
    let estate = edited(estate, &setting, "/properties/workspaceId", json!(other));
    assert_eq!(found(&estate, &V37), [format!("{other} - -")]);
    assert_eq!(verdict(&without(estate, other), &V37), Verdict::Unknown);
    let mut none = without(deployed(), LOGS);
    none.facts.resources.retain(|one| one.kind != "microsoft.insights/diagnosticsettings");
    assert_eq!(verdict(&none, &V37), Verdict::NotApplicable);
}

#[test]
fn pools_groups_and_workspaces_send_some_log_somewhere() {
    let (group, workspace) =
        ("Microsoft.DesktopVirtualization/applicationGroups/g1", "Microsoft.DesktopVirtualization/workspaces/w1");
    let mut none = deployed();
    none.facts.resources.retain(|one| one.kind != "microsoft.insights/diagnosticsettings");
    assert_eq!(found(&none, &V38), [format!("{group} - -"), format!("{POOL_SHORT} - -"), format!("{workspace} - -")]);

    let setting = format!("{GROUP}/providers/microsoft.insights/diagnosticSettings/avd");
    let off = edited(deployed(), &setting, "/properties/logs/0/enabled", json!(false));
    assert_eq!(found(&off, &V38), [format!("{group} - -")]);
    let nowhere = edited(deployed(), &setting, "/properties/workspaceId", Value::Null);
    assert_eq!(found(&nowhere, &V38), [format!("{group} - -")]);
    let hub = edited(nowhere, &setting, "/properties/eventHubAuthorizationRuleId", json!("/hub"));
    assert_eq!(found(&hub, &V38), NONE);
    let cloud_pc = edited(off, GROUP, "/properties/cloudPcResource", json!(true));
    assert_eq!(found(&cloud_pc, &V38), NONE);
}

#[test]
fn hosts_have_an_agent_and_a_rule_for_it() {
    let no_agent = without(deployed(), &format!("{VM1}/extensions/agent"));
    assert_eq!(found(&no_agent, &V39), [format!("{VM1} - AzureMonitorWindowsAgent")]);
    let association = format!("{VM2}/providers/Microsoft.Insights/dataCollectionRuleAssociations/avd");
    let line = [format!("{VM2} - dataCollectionRuleAssociations")];
    assert_eq!(found(&without(deployed(), &association), &V39), line);
    // An association with an endpoint only collects nothing.
    assert_eq!(found(&edited(deployed(), &association, "/properties/dataCollectionRuleId", Value::Null), &V39), line);
}

fn item() -> String {
    format!("{RECOVERY}/backupFabrics/Azure/protectionContainers/c/protectedItems/i")
}

#[test]
fn every_share_is_backed_up() {
    let share = format!("{FILES}/fileServices/default/shares/profiles");
    let line = [format!("{share} - protectedItem")];
    assert_eq!(found(&without(deployed(), &item()), &V40), line);
    assert_eq!(found(&edited(deployed(), &item(), "/properties/friendlyName", json!("data")), &V40), line);
    assert_eq!(
        found(&edited(deployed(), &item(), "/properties/protectedItemType", json!("AzureVMProtectedItem")), &V40),
        line
    );
    assert_eq!(found(&edited(deployed(), &item(), "/properties/sourceResourceId", json!("/other")), &V40), line);
    let state = |state: &str| edited(deployed(), &item(), "/properties/protectionState", json!(state));
    assert_eq!(found(&state("IRPending"), &V40), NONE);
    assert_eq!(found(&state("protectionStopped"), &V40), line);
    let deleted = |is_it: bool| edited(deployed(), &item(), "/properties/isScheduledForDeferredDelete", json!(is_it));
    assert_eq!(found(&deleted(false), &V40), NONE);
    assert_eq!(found(&deleted(true), &V40), line);
    let unlisted = without(deployed(), &share);
    assert_eq!(found(&unlisted, &V40), NONE);
    assert_eq!(found(&without(unlisted, &item()), &V40), [format!("{FILES} - protectedItem")]);
}

#[test]
fn a_vault_keeps_what_is_deleted() {
    let state = |estate: Estate, vault: &str, state: Value| {
        edited(estate, vault, "/properties/securitySettings/softDeleteSettings/softDeleteState", state)
    };
    assert_eq!(found(&state(deployed(), RECOVERY, json!("Disabled")), &V40), [format!("{RECOVERY} - softDeleteState")]);
    assert_eq!(found(&state(deployed(), RECOVERY, json!("enabled")), &V40), NONE);
    assert_eq!(verdict(&state(deployed(), RECOVERY, Value::Null), &V40), Verdict::Unknown);
    let other = "/subscriptions/s1/resourceGroups/other/providers/Microsoft.RecoveryServices/vaults/v";
    let off = json!({ "securitySettings": { "softDeleteSettings": { "softDeleteState": "Disabled" } } });
    let elsewhere = with(deployed(), other, off);
    assert_eq!(found(&elsewhere, &V40), NONE);
    let protecting = with(
        elsewhere,
        &format!("{other}/backupFabrics/Azure/protectionContainers/c/protectedItems/i"),
        json!({ "protectedItemType": "AzureFileShareProtectedItem", "sourceResourceId": id(FILES) }),
    );
    assert_eq!(found(&protecting, &V40), [format!("{other} - softDeleteState")]);
    assert_eq!(verdict(&without(without(deployed(), RECOVERY), FILES), &V40), Verdict::NotApplicable);
}

/// That a rule finds nothing and knows it, once a facet was not read at one of these places; at another, if there is
/// such a one, it finds the same as before.
fn is_unknown(estate: &Estate, rule: &Rule, facet: Facet, places: &[&str], elsewhere: Option<&str>) {
    assert_eq!(verdict(estate, rule), Verdict::Fail);
    for place in places {
        let unread = estate.clone().forbidden(facet, &id(place));
        assert_eq!(found(&unread, rule), NONE, "{} {place}", rule.id);
        assert_eq!(verdict(&unread, rule), Verdict::Unknown, "{} {place}", rule.id);
    }
    if let Some(place) = elsewhere {
        assert_eq!(found(&estate.clone().forbidden(facet, &id(place)), rule), found(estate, rule), "{place}");
    }
}

#[test]
fn a_host_that_was_not_read_may_be_in_another_zone() {
    let one_zone = edited(edited(deployed(), VM1, "/zones", json!(["1"])), VM2, "/zones", json!(["1"]));
    let third = "Microsoft.Compute/virtualMachines/acmeTS3";
    let one_zone = with(one_zone, &format!("{POOL}/sessionHosts/acmeTS3"), json!({ "resourceId": id(third) }));
    is_unknown(&one_zone, &V36, Facet::Compute, &[S1, third], Some(VM1));
    is_unknown(&one_zone, &V36, Facet::DesktopVirtualization, &[S1, POOL], Some(GROUP));
}

#[test]
fn settings_that_were_not_read_are_not_taken_for_none() {
    let setting = format!("{POOL}/providers/microsoft.insights/diagnosticSettings/avd");
    is_unknown(&without(deployed(), &setting), &V38, Facet::DiagnosticSettings, &[S1, POOL], Some(GROUP));
}

#[test]
fn agents_and_rules_that_were_not_read_are_not_taken_for_none() {
    let no_agent = without(deployed(), &format!("{VM1}/extensions/agent"));
    is_unknown(&no_agent, &V39, Facet::Compute, &[S1, VM1], Some(VM2));
    let association = format!("{VM2}/providers/Microsoft.Insights/dataCollectionRuleAssociations/avd");
    is_unknown(&without(deployed(), &association), &V39, Facet::Monitoring, &[S1, VM2], Some(VM1));
}

#[test]
fn backups_that_were_not_read_are_not_taken_for_none() {
    let estate = without(deployed(), &item());
    is_unknown(&estate, &V40, Facet::RecoveryServices, &[S1, RECOVERY], None);
    let unlisted = without(estate, &format!("{FILES}/fileServices/default/shares/profiles"));
    is_unknown(&unlisted, &V40, Facet::Storage, &[S1, FILES], Some("Microsoft.Storage/storageAccounts/other"));
}
