//! Users who see a desktop and may not sign in to the host behind it.

mod hosts;
mod login;

use super::grants::ByScope;
use super::helpers::{evidence_of, kind_of, mend, named, note_opaque};
use super::remedy::{Grantee, Place, assign};
use crate::ArmId;
use crate::access::{ArmResource, Effective, Facet, builtin};
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity, Violation};
use hosts::joined_machines;
use login::{Logins, Right};

pub(super) const RULE: Rule = Rule {
    id: "R38",
    family: Family::Rbac,
    title: "Entitled users may not sign in to Entra-joined hosts",
    severity: Severity::Medium,
    rationale: "A host that is joined to Microsoft Entra asks for Virtual Machine User Login at sign-in. Who is entitled to \
                the application group and lacks it sees the icon and gets an error.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/azure-ad-joined-session-hosts",
        "https://learn.microsoft.com/entra/identity/devices/howto-vm-sign-in-azure-ad-windows",
    ],
    needs: &[
        Facet::RoleAssignments,
        Facet::RoleDefinitions,
        Facet::DenyAssignments,
        Facet::PimActive,
        Facet::GroupMembers,
        Facet::DesktopVirtualization,
        Facet::Compute,
        Facet::ManagementGroups,
    ],
    check,
};

fn check(audit: &Audit<'_>) -> Outcome {
    let machines = joined_machines(audit);
    if machines.is_empty() {
        return Outcome::not_applicable("no session host is joined to Microsoft Entra");
    }
    let (entitling, mut logins) = (ByScope::entitling_now(audit), Logins::new(audit));
    let mut outcome = Outcome::default();
    for group in audit.application_groups() {
        let Some(machines) = group.reference("hostPoolArmPath").and_then(|pool| machines.get(&pool)) else { continue };
        let machines = logins.distinct(machines);
        for grant in entitling.holders_on(audit, &group.id).into_values() {
            judge(audit, &mut outcome, &mut logins, group, grant, &machines);
        }
    }
    outcome
}

/// Whether whoever holds a grant can sign in to each of the machines: the principal as such, or everybody in it.
fn judge(
    audit: &Audit<'_>,
    outcome: &mut Outcome,
    logins: &mut Logins<'_>,
    group: &ArmResource,
    grant: &Effective<'_>,
    machines: &[ArmId],
) {
    let mut unclear: Vec<String> = Vec::new();
    for machine in machines {
        match logins.right(&grant.principal.id, machine) {
            Right::Held => continue,
            Right::Unclear(why) => {
                unclear.push(why);
                continue;
            }
            Right::Lacking => {}
        }
        let users = logins.users(grant);
        let mut members = users.ids.iter().chain(&users.services).peekable();
        if members.peek().is_none() && users.opaque.is_empty() {
            outcome.violations.push(violation(audit, group, grant, machine, None));
            return;
        }
        for member in members {
            match logins.right(member, machine) {
                Right::Held => {}
                Right::Unclear(why) => unclear.push(why),
                Right::Lacking => {
                    outcome.violations.push(violation(audit, group, grant, machine, Some(member)));
                    return;
                }
            }
        }
        note_opaque(outcome, audit, &users.opaque);
    }
    if let Some(why) = unclear.into_iter().next().filter(|why| !outcome.unknown.contains(why)) {
        outcome.unknown.push(why);
    }
}

fn violation(
    audit: &Audit<'_>,
    group: &ArmResource,
    grant: &Effective<'_>,
    machine: &ArmId,
    user: Option<&str>,
) -> Violation {
    let mut evidence = evidence_of(grant);
    evidence.push(Evidence::new("host joined to Microsoft Entra", machine.as_str()));
    if let Some(user) = user.filter(|user| *user != grant.principal.id) {
        evidence.push(Evidence::new("member who may not sign in", user));
    }
    let place = machine.up_to("resourceGroups").unwrap_or_else(|| machine.clone());
    Violation {
        scope: group.id.clone(),
        principal: Some(grant.principal.id.clone()),
        subject: None,
        severity: None,
        message: format!(
            "{} is entitled to application group {} and may not sign in to host {}",
            named(audit, grant.principal),
            group.id.name(),
            machine.name()
        ),
        evidence,
        fix: mend(audit, grant, |grant| {
            let whom = Grantee::Known(&grant.principal.id, kind_of(audit, grant.principal));
            assign(whom, builtin::VIRTUAL_MACHINE_USER_LOGIN, "Virtual Machine User Login", Place::At(&place))
        }),
    }
}

#[cfg(test)]
mod tests;
