//! What a deployment by VDS leaves in Azure and nothing needs any more: `V18`–`V26`. The control server itself is in
//! [`super::control_server`].

use super::address::{is_public, prefix};
use super::estate::{
    CONTROL_ROLE, Deployed, EXTENSIONS, SECRETS, SIGNS, control_servers, if_vds, is_administrator_secret, is_extension,
    reference,
};
use super::mend::{delete, delete_security_rule, seen, violation};
use super::rule;
use super::security_rules::{SecurityRule, rules};
use super::wiring::{Wiring, configurations};
use crate::ArmId;
use crate::access::{ArmResource, DefinitionKind, Facet, at};
use crate::audit::fix::{ps, sh};
use crate::audit::{Audit, Evidence, Fix, Outcome, Rule, Severity};
use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) const SECURITY_GROUPS: &str = "microsoft.network/networksecuritygroups";
const PUBLIC_ADDRESSES: &str = "microsoft.network/publicipaddresses";
const AUTOMATION_ACCOUNTS: &str = "microsoft.automation/automationaccounts";
/// The key under which the official template leaves a pool's registration token.
const TOKEN: &str = "registrationInfoToken";
/// What names and descriptions of the vendor's rules hold, without blanks and dashes.
const VENDOR_WORDS: [&str; 4] = ["cloudworkspace", "cloudjumper", "netappvds", "cwmgr"];
/// How deep settings of an extension are looked through.
const MAX_DEPTH: usize = 16;

const DSC: &[&str] = &["https://learn.microsoft.com/azure/virtual-machines/extensions/dsc-overview"];
/// How security groups work.
pub(super) const GROUPS: &[&str] =
    &["https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview"];

pub(super) const V18: Rule = rule(
    "V18",
    Severity::Medium,
    "No Automation account of the deployment is left",
    "It keeps credentials and runs as somebody who may change the estate. Checked: the Automation accounts of an \
     estate in which VDS has been.",
    &["https://learn.microsoft.com/azure/automation/delete-account"],
    &[SIGNS[0], SIGNS[1], SIGNS[2], SIGNS[3], SIGNS[4], Facet::Automation],
    |audit| if_vds(audit, || accounts(audit)),
);

pub(super) const V19: Rule = rule(
    "V19",
    Severity::Medium,
    "The custom role Automation Contributor is gone",
    "It let the control server reach the Automation account. Checked: names of custom roles.",
    &["https://learn.microsoft.com/azure/role-based-access-control/custom-roles"],
    &[Facet::RoleDefinitions],
    |audit| if_vds(audit, || control_role(audit)),
);

pub(super) const V22: Rule = rule(
    "V22",
    Severity::High,
    "No public address of the deployment is left",
    "Azure Virtual Desktop needs none: hosts call out. Checked: public addresses of network interfaces of CWMGR1 and \
     the hosts, and those in their resource groups that belong to nothing.",
    &["https://learn.microsoft.com/azure/virtual-desktop/network-connectivity"],
    &[SIGNS[0], SIGNS[1], SIGNS[2], SIGNS[3], SIGNS[4], Facet::DesktopVirtualization, Facet::Network],
    |audit| if_vds(audit, || public_addresses(audit)),
);

pub(super) const V23: Rule = rule(
    "V23",
    Severity::Medium,
    "No rule of a security group names the vendor's addresses",
    "The addresses may be somebody else's by now. Checked: rules with an address that the policy lists \
     (vendor_addresses), or with a public address and a name or description of the vendor's.",
    GROUPS,
    &[SIGNS[0], SIGNS[1], SIGNS[2], SIGNS[3], SIGNS[4], Facet::Network],
    |audit| if_vds(audit, || vendor_rules(audit)),
);

pub(super) const V24: Rule = rule(
    "V24",
    Severity::Critical,
    "No vault keeps a domain administrator's credentials",
    "Whoever reads the vault has the domain. Checked: names of secrets that begin with cjDomainAdministrator.",
    &["https://learn.microsoft.com/azure/key-vault/secrets/secrets-best-practices"],
    &[Facet::VaultContents],
    |audit| if_vds(audit, || administrator_secrets(audit)),
);

pub(super) const V25: Rule = rule(
    "V25",
    Severity::High,
    "No extension keeps a registration token in its settings",
    "Settings are public: whoever reads the machine may let a machine of their own join the pool while the token lives. \
     Checked: settings of the virtual machines' extensions, by key; the token itself is not read.",
    DSC,
    &SIGNS,
    |audit| if_vds(audit, || tokens(audit)),
);

pub(super) const V26: Rule = rule(
    "V26",
    Severity::Low,
    "No machine has the DSC extension",
    "It retires, and its configuration is not applied again. Checked: types of the virtual machines' extensions.",
    DSC,
    &SIGNS,
    |audit| if_vds(audit, || dsc(audit)),
);

fn accounts(audit: &Audit<'_>) -> Outcome {
    let found = audit.facts.resources_of(AUTOMATION_ACCOUNTS).map(|account| {
        let message = format!("Automation account {} is left of the deployment", account.id.name());
        let fix = delete(&account.id, "Export its runbooks and note its variables.");
        violation(&account.id, None, message, vec![Evidence::new("resource", account.id.as_str())], fix)
    });
    found.collect()
}

fn control_role(audit: &Audit<'_>) -> Outcome {
    let is_it = |name: &str| name.trim().eq_ignore_ascii_case(CONTROL_ROLE);
    let roles = audit.facts.definitions.iter();
    let ours = roles.filter(|role| role.kind == DefinitionKind::Custom && is_it(&role.name));
    let found = ours.map(|role| {
        let scope = role.assignable_scopes.iter().min().cloned().unwrap_or_else(|| ArmId::new("/"));
        let guid = role.id.name().to_ascii_lowercase();
        let fix = Fix {
            az: Some(format!("az role definition delete --name {} --scope {}", sh(&guid), sh(scope.as_str()))),
            powershell: Some(format!("Remove-AzRoleDefinition -Id {} -Scope {} -Force", ps(&guid), ps(scope.as_str()))),
            portal: format!("{scope} > Access control (IAM) > Roles: take its assignments away, then delete it"),
        };
        let evidence = vec![Evidence::new("role definition", role.id.as_str()), Evidence::new("roleName", &*role.name)];
        violation(&scope, Some(&guid), format!("the custom role {} is left", role.name), evidence, fix)
    });
    found.collect()
}

fn public_addresses(audit: &Audit<'_>) -> Outcome {
    let deployed = Deployed::of(audit);
    let servers: Vec<&ArmResource> = control_servers(audit).collect();
    let machines = servers.iter().copied().chain(deployed.hosts.iter().map(|host| host.vm));
    let wiring = Wiring::of(&deployed, machines);
    let of_machines = wiring.interfaces.values().flat_map(|interface| configurations(interface));
    let used: BTreeSet<ArmId> = of_machines.filter_map(|one| reference(one, "properties/publicIPAddress/id")).collect();
    let own_groups: Vec<ArmId> = servers.iter().filter_map(|vm| vm.id.up_to("resourceGroups")).collect();
    let is_near = |id: &ArmId| deployed.holds(id) || own_groups.iter().any(|group| id.is_within(group));
    let is_free = |address: &ArmResource| {
        address.property("ipConfiguration").is_none() && address.property("natGateway").is_none()
    };
    let addresses = audit.facts.resources_of(PUBLIC_ADDRESSES);
    let wrong = addresses.filter(|address| used.contains(&address.id) || (is_near(&address.id) && is_free(address)));
    let mut outcome: Outcome = wrong
        .map(|address| {
            let message = format!("public address {} is left of the deployment", address.id.name());
            let fix = match is_free(address) {
                true => delete(&address.id, "See that nobody is about to use it."),
                // Azure refuses to delete one that something has.
                false => Fix {
                    az: None,
                    powershell: None,
                    portal: format!("{} > Overview: Dissociate, and then Delete", address.id),
                },
            };
            violation(&address.id, None, message, seen(address, "ipConfiguration/id"), fix)
        })
        .collect();
    outcome.unknown = wiring.unknown;
    outcome.unknown.extend(deployed.unseen);
    outcome
}

fn vendor_rules(audit: &Audit<'_>) -> Outcome {
    let vendor: Vec<IpNet> = audit.policy.vendor_addresses.iter().filter_map(|text| prefix(text)).collect();
    let mut outcome = Outcome::default();
    for group in audit.facts.resources_of(SECURITY_GROUPS) {
        for rule in rules(group) {
            let sides = [rule.addresses("source"), rule.addresses("destination")].concat();
            let literal: Vec<IpNet> = sides.iter().filter_map(|text| prefix(text)).collect();
            let is_listed = literal.iter().any(|net| vendor.iter().any(|own| own.contains(net)));
            let is_foreign = literal.iter().any(is_public);
            if is_listed || (is_foreign && is_named_for_vendor(&rule)) {
                let evidence = vec![
                    Evidence::new("resource", group.id.as_str()),
                    Evidence::new("properties.securityRules.name", rule.name),
                    Evidence::new("addresses", sides.join(", ")),
                ];
                let message =
                    format!("rule {} of security group {} is for the vendor's addresses", rule.name, group.id.name());
                let fix = delete_security_rule(&group.id, rule.name);
                outcome.violations.push(violation(&group.id, Some(rule.name), message, evidence, fix));
            }
        }
    }
    outcome
}

fn is_named_for_vendor(rule: &SecurityRule<'_>) -> bool {
    let letters = |text: &str| -> String { text.to_lowercase().chars().filter(|c| !" -_".contains(*c)).collect() };
    let (name, description) = (letters(rule.name), letters(rule.description()));
    VENDOR_WORDS.iter().any(|word| name.contains(word) || description.contains(word))
}

fn administrator_secrets(audit: &Audit<'_>) -> Outcome {
    let secrets = audit.facts.resources_of(SECRETS).filter(|secret| is_administrator_secret(secret.id.name()));
    let found = secrets.map(|secret| {
        let vault = secret.id.up_to("vaults").map(|vault| vault.name().to_owned()).unwrap_or_default();
        let name = secret.id.name();
        let fix = Fix {
            az: Some(format!("az keyvault secret delete --vault-name {} --name {}", sh(&vault), sh(name))),
            powershell: Some(format!("Remove-AzKeyVaultSecret -VaultName {} -Name {} -Force", ps(&vault), ps(name))),
            portal: format!(
                "Change the account's password first. Then {vault} > Secrets > {name} > Delete, and purge it."
            ),
        };
        let evidence = vec![Evidence::new("secret", secret.id.as_str())];
        violation(&secret.id, None, format!("vault {vault} keeps the secret {name}"), evidence, fix)
    });
    found.collect()
}

/// Whether a value holds the key of a token with some text, at any depth that is looked at.
fn has_token(value: &Value, depth: usize) -> bool {
    let is_one = |(key, value): (&String, &Value)| {
        let is_text = value.as_str().is_some_and(|text| !text.trim().is_empty());
        key.eq_ignore_ascii_case(TOKEN) && is_text
    };
    match value {
        _ if depth >= MAX_DEPTH => false,
        Value::Object(map) => map.iter().any(is_one) || map.values().any(|one| has_token(one, depth + 1)),
        Value::Array(list) => list.iter().any(|one| has_token(one, depth + 1)),
        _ => false,
    }
}

fn tokens(audit: &Audit<'_>) -> Outcome {
    let has = |extension: &&ArmResource| {
        at(&extension.body, "properties/settings").is_some_and(|settings| has_token(settings, 0))
    };
    let found = audit.facts.resources_of(EXTENSIONS).filter(has).map(|extension| {
        let evidence = vec![
            Evidence::new("resource", extension.id.as_str()),
            Evidence::new(format!("properties.settings … {TOKEN}"), "present; not shown"),
        ];
        let message = format!("the settings of extension {} hold a registration token", extension.id.name());
        let fix = delete(&extension.id, "Let the pool's registration token end.");
        violation(&extension.id, None, message, evidence, fix)
    });
    found.collect()
}

fn dsc(audit: &Audit<'_>) -> Outcome {
    let ours = audit.facts.resources_of(EXTENSIONS).filter(|extension| is_extension(extension, "DSC"));
    let found = ours.map(|extension| {
        let message = format!("extension {} is DSC, which retires", extension.id.name());
        let fix = delete(&extension.id, "Note what it configures.");
        violation(&extension.id, None, message, seen(extension, "type"), fix)
    });
    found.collect()
}
