//! What a deployment needs beside its machines: `V36`–`V39`. Backups are in [`super::backups`], vaults in
//! [`super::vaults`], files in [`super::files`].

use super::absence::Absence;
use super::estate::{Deployed, Host, extensions, if_deployed, if_hosts, is_extension};
use super::mend::{bicep, seen, set, violation};
use super::rule;
use crate::ArmId;
use crate::access::{ArmResource, Facet, at};
use crate::audit::context::{APPLICATION_GROUPS, HOST_POOLS, SESSION_HOSTS};
use crate::audit::fix::sh;
use crate::audit::{Audit, Evidence, Fix, Outcome, Rule, Severity, Violation};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const WORKSPACES: &str = "microsoft.desktopvirtualization/workspaces";
const LOG_WORKSPACES: &str = "microsoft.operationalinsights/workspaces";
const DIAGNOSTIC_SETTINGS: &str = "microsoft.insights/diagnosticsettings";
const RULE_ASSOCIATIONS: &str = "microsoft.insights/datacollectionruleassociations";

/// The extension of the Azure Monitor agent.
const MONITOR_AGENT: &str = "AzureMonitorWindowsAgent";
/// How many fault domains keep a rack's failure from stopping a pool.
const FAULT_DOMAINS: f64 = 2.0;

pub(super) const V36: Rule = rule(
    "V36",
    Severity::Medium,
    "A pool's hosts are spread over zones or fault domains",
    "One rack or one building would stop the pool. Checked: zones of the hosts' virtual machines, else \
     platformFaultDomainCount of their availability sets; pools with two hosts and more.",
    &["https://learn.microsoft.com/azure/reliability/reliability-virtual-desktop"],
    &[Facet::DesktopVirtualization, Facet::Compute],
    |audit| if_hosts(audit, |deployed| spread(audit, deployed)),
);

pub(super) const V37: Rule = rule(
    "V37",
    Severity::Medium,
    "Logs are kept for a month at least",
    "What happened before somebody looked is gone otherwise. Checked: retentionInDays of the Log Analytics workspaces \
     of the deployment, and of those that its diagnostic settings name.",
    &["https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure"],
    &[Facet::DesktopVirtualization, Facet::DiagnosticSettings, Facet::Monitoring],
    |audit| if_deployed(audit, |deployed| retention(audit, deployed)),
);

pub(super) const V38: Rule = rule(
    "V38",
    Severity::Medium,
    "Host pools, application groups and workspaces log what happens",
    "Without them nobody can say why a user could not connect. Checked: a diagnostic setting of each, with a \
     destination and a log that is on.",
    &["https://learn.microsoft.com/azure/virtual-desktop/diagnostics-log-analytics"],
    &[Facet::DesktopVirtualization, Facet::DiagnosticSettings],
    diagnosed,
);

pub(super) const V39: Rule = rule(
    "V39",
    Severity::Low,
    "Every host is watched by the Azure Monitor agent and a data collection rule",
    "The agent alone collects nothing. Checked: extensions of the hosts' virtual machines, and their data collection \
     rule associations.",
    &["https://learn.microsoft.com/azure/virtual-desktop/insights"],
    &[Facet::DesktopVirtualization, Facet::Compute, Facet::Monitoring],
    |audit| if_hosts(audit, |deployed| watched(audit, deployed)),
);

fn zones(vm: &ArmResource) -> impl Iterator<Item = &str> {
    vm.at("zones").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The machines that session hosts name and that are not among the facts, by host pool.
fn lost_machines(audit: &Audit<'_>, deployed: &Deployed<'_>) -> BTreeMap<ArmId, Vec<ArmId>> {
    let mut lost: BTreeMap<ArmId, Vec<ArmId>> = BTreeMap::new();
    for host in audit.facts.resources_of(SESSION_HOSTS) {
        let vm = host.reference("resourceId").filter(|vm| deployed.get(vm).is_none());
        if let (Some(vm), Some(pool)) = (vm, host.id.up_to("hostPools")) {
            lost.entry(pool).or_default().push(vm);
        }
    }
    lost
}

fn spread(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let mut pools: BTreeMap<ArmId, Vec<&Host<'_>>> = BTreeMap::new();
    for host in &deployed.hosts {
        if let Some(pool) = host.pool() {
            pools.entry(pool).or_default().push(host);
        }
    }
    pools.retain(|_, hosts| hosts.len() > 1);
    if pools.is_empty() {
        return Outcome::not_applicable("no host pool with two hosts");
    }
    let (of_pools, of_machines) =
        (Absence::of(audit, &[Facet::DesktopVirtualization]), Absence::of(audit, &[Facet::Compute]));
    let lost = lost_machines(audit, deployed);
    let mut outcome = Outcome::default();
    for (pool, hosts) in pools {
        let zones: BTreeSet<&str> = hosts.iter().flat_map(|host| zones(host.vm)).collect();
        let sets: Vec<Option<ArmId>> = hosts.iter().map(|host| host.vm.reference("availabilitySet/id")).collect();
        let unseen = sets.iter().flatten().find(|set| deployed.get(set).is_none());
        let is_safe = |set: &Option<ArmId>| {
            let set = set.as_ref().and_then(|set| deployed.get(set));
            set.and_then(|set| set.number("platformFaultDomainCount")).is_some_and(|count| count >= FAULT_DOMAINS)
        };
        if zones.len() > 1 || sets.iter().all(is_safe) {
            continue;
        }
        if let Some(set) = unseen {
            outcome.unknown.push(format!("the availability set {set} was not found"));
            continue;
        }
        // Hosts that nobody has seen may be elsewhere.
        let mut is_gone = |vm: &ArmId| of_machines.proves(&mut outcome, vm, "another zone has");
        let are_gone = lost.get(&pool).into_iter().flatten().filter(|vm| !is_gone(vm)).count() == 0;
        if !are_gone || !of_pools.proves(&mut outcome, &pool, "another zone has a host of") {
            continue;
        }
        let named: Vec<&str> = zones.into_iter().collect();
        let evidence = vec![
            Evidence::new("resource", pool.as_str()),
            Evidence::new("hosts", hosts.len().to_string()),
            Evidence::new("zones", if named.is_empty() { "none".to_owned() } else { named.join(", ") }),
        ];
        let message = format!("the {} hosts of pool {} are in one zone or none", hosts.len(), pool.name());
        let fix = bicep(
            "zones: [string(i % 3 + 1)] of each virtual machine; where a region has no zones, availabilitySet: { id: \
             set.id } with platformFaultDomainCount: 2.",
            format!("{pool}: build new hosts in other zones, and remove as many of the old"),
        );
        outcome.violations.push(violation(&pool, None, message, evidence, fix));
    }
    outcome
}

fn retention(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let settings = audit.facts.resources_of(DIAGNOSTIC_SETTINGS);
    let named: BTreeSet<ArmId> = settings.filter_map(|setting| setting.reference("workspaceId")).collect();
    let least = audit.policy.thresholds.log_retention_days;
    let all = audit.facts.resources_of(LOG_WORKSPACES);
    let ours: Vec<&ArmResource> = all.filter(|one| deployed.holds(&one.id) || named.contains(&one.id)).collect();
    let unseen = named.iter().filter(|id| deployed.get(id).is_none());
    let mut outcome = Outcome::default();
    outcome.unknown.extend(unseen.map(|id| format!("the Log Analytics workspace {id} was not found")));
    if ours.is_empty() {
        outcome.not_applicable = Some("no Log Analytics workspace of the deployment".to_owned());
    }
    for workspace in ours {
        match workspace.property("retentionInDays").and_then(Value::as_i64) {
            None => outcome.unknown.push(format!("how long {} keeps logs", workspace.id)),
            Some(days) if days >= least => {}
            Some(days) => {
                let message = format!("workspace {} keeps logs for {days} days", workspace.id.name());
                let lines = format!("retentionInDays: {least} in the workspace's properties.");
                let fix = set(&workspace.id, "retentionInDays", &least.to_string(), &lines);
                let evidence = seen(workspace, "retentionInDays");
                outcome.violations.push(violation(&workspace.id, None, message, evidence, fix));
            }
        }
    }
    outcome
}

/// Whether a diagnostic setting sends some log somewhere.
fn sends_logs(setting: &ArmResource) -> bool {
    let destinations = ["workspaceId", "storageAccountId", "eventHubAuthorizationRuleId"];
    let is_on = |log: &Value| at(log, "enabled").and_then(Value::as_bool) == Some(true);
    destinations.iter().any(|one| setting.reference(one).is_some()) && setting.list("logs").iter().any(is_on)
}

fn diagnosed(audit: &Audit<'_>) -> Outcome {
    let facts = audit.facts;
    let mut all: Vec<&ArmResource> = facts.resources_of(HOST_POOLS).collect();
    all.extend(audit.application_groups());
    all.extend(facts.resources_of(WORKSPACES));
    if all.is_empty() {
        return Outcome::not_applicable("no host pool, application group or workspace");
    }
    let settings = facts.resources_of(DIAGNOSTIC_SETTINGS).filter(|setting| sends_logs(setting));
    let of = settings.filter_map(|setting| setting.id.ancestors().nth(4));
    let logging: BTreeSet<ArmId> = of.collect();
    let absence = Absence::of(audit, &[Facet::DiagnosticSettings]);
    let mut outcome = Outcome::default();
    for resource in all.into_iter().filter(|resource| !logging.contains(&resource.id)) {
        if absence.proves(&mut outcome, &resource.id, "there is a diagnostic setting of") {
            outcome.violations.push(silent(resource));
        }
    }
    outcome
}

/// The violation that a resource is which logs nothing.
fn silent(resource: &ArmResource) -> Violation {
    let kind = match &*resource.kind {
        HOST_POOLS => "host pool",
        APPLICATION_GROUPS => "application group",
        _ => "workspace",
    };
    let (id, name) = (resource.id.as_str(), resource.id.name());
    let logs = r#"[{"categoryGroup":"allLogs","enabled":true}]"#;
    let az = format!(
        "az monitor diagnostic-settings create --name avd --resource {} --workspace \"$WORKSPACE\" --logs {}",
        sh(id),
        sh(logs)
    );
    let lines = "resource d 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = { scope: it, properties: \
                 { workspaceId: logs.id, logs: [{ categoryGroup: 'allLogs', enabled: true }] } }.";
    let fix = Fix { az: Some(az), ..bicep(lines, format!("{id} > Diagnostic settings")) };
    let evidence = vec![Evidence::new("resource", id), Evidence::new("diagnosticSettings with a log", "absent")];
    violation(&resource.id, None, format!("{kind} {name} logs nothing"), evidence, fix)
}

fn watched(audit: &Audit<'_>, deployed: &Deployed<'_>) -> Outcome {
    let by_vm = extensions(audit);
    let rules = audit.facts.resources_of(RULE_ASSOCIATIONS);
    let rules = rules.filter(|one| one.reference("dataCollectionRuleId").is_some());
    let collected: BTreeSet<ArmId> = rules.filter_map(|one| one.id.up_to("virtualMachines")).collect();
    let (of_machines, of_rules) =
        (Absence::of(audit, &[Facet::Compute]), Absence::of(audit, &[Facet::Compute, Facet::Monitoring]));
    let mut outcome = Outcome::default();
    for Host { vm, .. } in &deployed.hosts {
        let name = vm.id.name();
        let own = by_vm.get(&vm.id).map_or(&[][..], Vec::as_slice);
        if !own.iter().any(|extension| is_extension(extension, MONITOR_AGENT))
            && of_machines.proves(&mut outcome, &vm.id, "the Azure Monitor agent is on")
        {
            let lines = "resource agent 'Microsoft.Compute/virtualMachines/extensions@2024-11-01' with publisher \
                         'Microsoft.Azure.Monitor', type 'AzureMonitorWindowsAgent', typeHandlerVersion '1.0'.";
            let message = format!("host {name} has no Azure Monitor agent");
            outcome.violations.push(unwatched(vm, MONITOR_AGENT, message, lines));
        }
        if !collected.contains(&vm.id) && of_rules.proves(&mut outcome, &vm.id, "a data collection rule is for") {
            let lines = "resource a 'Microsoft.Insights/dataCollectionRuleAssociations@2023-03-11' = { scope: vm, \
                         properties: { dataCollectionRuleId: dcr.id } }.";
            let message = format!("host {name} has no data collection rule");
            outcome.violations.push(unwatched(vm, "dataCollectionRuleAssociations", message, lines));
        }
    }
    outcome
}

fn unwatched(vm: &ArmResource, what: &str, message: String, lines: &str) -> Violation {
    let evidence = vec![Evidence::new("resource", vm.id.as_str()), Evidence::new(what, "absent")];
    let portal = format!("Azure Virtual Desktop > Insights > Configuration workbook: add {}", vm.id);
    violation(&vm.id, Some(what), message, evidence, bicep(lines, portal))
}
