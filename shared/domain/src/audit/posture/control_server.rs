//! The control server of a deployment by VDS: `V20` and `V21`.

use super::absence::is_nowhere;
use super::estate::{Deployed, control_identities, control_servers, if_vds};
use super::leftovers::GROUPS;
use super::mend::{delete, delete_in_directory, delete_security_rule, of_principal, violation};
use super::rule;
use super::security_rules::{SecurityRule, open_to_internet};
use super::wiring::Wiring;
use crate::ArmId;
use crate::access::{ArmResource, DirectoryObject, Facet};
use crate::audit::{Audit, Evidence, Outcome, Rule, Severity, Violation};

pub(super) const V20: Rule = rule(
    "V20",
    Severity::High,
    "The control server CWMGR1 is gone",
    "It runs the vendor's services with rights over the domain, and nobody mends it any more. Checked: virtual \
     machines and managed identities by name.",
    &["https://learn.microsoft.com/azure/virtual-machines/delete"],
    &[Facet::Compute, Facet::Principals],
    |audit| if_vds(audit, || control_server(audit)),
);

pub(super) const V21: Rule = rule(
    "V21",
    Severity::Critical,
    "CWMGR1 is not open to the Internet",
    "Its gateway and web services are no longer mended. Checked: security groups of its network interfaces and their \
     subnets, rule by rule.",
    GROUPS,
    &[Facet::Compute, Facet::Network],
    |audit| if_vds(audit, || open_control_server(audit)),
);

fn control_server(audit: &Audit<'_>) -> Outcome {
    let machines: Vec<Violation> = control_servers(audit)
        .map(|vm| {
            let evidence = vec![Evidence::new("resource", vm.id.as_str())];
            let fix = delete(&vm.id, "Take a last backup, stop it for a week and see that nobody misses it.");
            violation(&vm.id, None, format!("the control server {} is left", vm.id.name()), evidence, fix)
        })
        .collect();
    if !machines.is_empty() {
        return machines.into_iter().collect();
    }
    let identities: Vec<&String> = control_identities(audit).collect();
    let mut outcome = Outcome::default();
    // Whose identity it is may be running where nobody looked.
    let what = "there is a virtual machine CWMGR1";
    if identities.is_empty() || !is_nowhere(audit, &[Facet::Compute], &mut outcome, what) {
        return outcome;
    }
    for id in identities {
        match unaudited_resource(audit, id) {
            Some(of) => outcome.unknown.push(format!("whether there is {of}, in a subscription that is not audited")),
            None => outcome.violations.push(left_identity(id)),
        }
    }
    outcome
}

/// What an identity belongs to, if that is in a subscription that is not audited.
fn unaudited_resource(audit: &Audit<'_>, id: &str) -> Option<ArmId> {
    let Some(DirectoryObject::ServicePrincipal { resource: Some(resource), .. }) = audit.world.object(id) else {
        return None;
    };
    let resource = ArmId::new(resource);
    (!audit.is_audited(&resource)).then_some(resource)
}

fn left_identity(id: &str) -> Violation {
    let fix = delete_in_directory(&format!("servicePrincipals/{id}"), "Microsoft Entra ID > Enterprise applications");
    let message = "the control server's managed identity is left, and no such server".to_owned();
    of_principal(id, None, message, vec![Evidence::new("service principal", id)], fix)
}

fn open_control_server(audit: &Audit<'_>) -> Outcome {
    let deployed = Deployed::of(audit);
    let mut wiring = Wiring::of(&deployed, control_servers(audit));
    if control_servers(audit).next().is_none() {
        return Outcome::not_applicable("no virtual machine CWMGR1");
    }
    let groups = wiring.security_groups(&deployed);
    let open = groups.values().flat_map(|group| open_to_internet(group).into_iter().map(|rule| (*group, rule)));
    let mut outcome: Outcome = open.map(|(group, rule)| open_rule(group, &rule, "CWMGR1")).collect();
    outcome.unknown = wiring.unknown;
    outcome
}

/// The violation that a rule is which lets the Internet in.
pub(super) fn open_rule(group: &ArmResource, rule: &SecurityRule<'_>, whom: &str) -> Violation {
    let evidence = vec![
        Evidence::new("resource", group.id.as_str()),
        Evidence::new("properties.securityRules.name", rule.name),
        Evidence::new("sourceAddressPrefix", rule.addresses("source").join(", ")),
    ];
    let message = format!("rule {} of security group {} lets the Internet in to {whom}", rule.name, group.id.name());
    violation(&group.id, Some(rule.name), message, evidence, delete_security_rule(&group.id, rule.name))
}
