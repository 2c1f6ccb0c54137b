//! What Azure Virtual Desktop's own service principals hold, for the rules about them.

use crate::ArmId;
use crate::access::builtin::{AVD_APPLICATION, AVD_NAME_SAKES};
use crate::access::{Action, Answer, Decision, DirectoryObject, Facet};
use crate::audit::{Audit, Outcome};
use crate::estate::Principal;
use std::collections::BTreeMap;

/// Deallocates a virtual machine.
pub(super) const DEALLOCATE_VIRTUAL_MACHINE: &str = "Microsoft.Compute/virtualMachines/deallocate/action";
/// What tells whether the service principal holds something: where these are not read, its lack of it proves nothing.
const TELLING: [Facet; 5] =
    [Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive, Facet::GroupMembers, Facet::ManagementGroups];

/// Which of Azure Virtual Desktop's applications a service principal is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// The one that starts and stops virtual machines.
    Itself,
    /// One of nearly the same name, which does not.
    NameSake,
}

/// The service principals of Azure Virtual Desktop, by object id.
pub(super) fn services<'a>(audit: &Audit<'a>) -> BTreeMap<&'a str, Service> {
    let services = audit.facts.directory.objects.iter().filter_map(|(id, object)| match object {
        DirectoryObject::ServicePrincipal { app_id, .. } => Some((id.as_str(), service_of(app_id)?)),
        _ => None,
    });
    services.collect()
}

fn service_of(app_id: &str) -> Option<Service> {
    let is = |id: &str| id.eq_ignore_ascii_case(app_id.trim());
    match () {
        () if is(AVD_APPLICATION) => Some(Service::Itself),
        () if AVD_NAME_SAKES.into_iter().any(is) => Some(Service::NameSake),
        () => None,
    }
}

/// Service principals that hold something and of which the directory does not say which application they are of: they
/// might be Azure Virtual Desktop's.
pub(super) fn note_faceless(outcome: &mut Outcome, audit: &Audit<'_>) {
    let principals = audit.world.grants().iter().map(|grant| grant.principal);
    let faceless = principals.filter(|principal| is_faceless(audit, principal));
    let ids: std::collections::BTreeSet<&str> = faceless.map(|principal| principal.id.as_str()).collect();
    let line = |id| format!("which application service principal {id} is of, could not be read");
    outcome.unknown.extend(ids.into_iter().map(line));
}

/// Whether it is a service principal that the directory, as far as it was read, neither holds nor misses.
pub(super) fn is_faceless(audit: &Audit<'_>, principal: &Principal) -> bool {
    let directory = &audit.facts.directory;
    principal.kind.eq_ignore_ascii_case("ServicePrincipal")
        && !directory.objects.contains_key(&principal.id)
        && !directory.missing.contains(&principal.id)
}

/// What the service's right to do something depends on.
pub(super) const SERVICE_RIGHT: &[Facet] = &[
    Facet::RoleAssignments,
    Facet::RoleDefinitions,
    Facet::DenyAssignments,
    Facet::PimActive,
    Facet::Principals,
    Facet::DesktopVirtualization,
    Facet::ManagementGroups,
];

/// What is known of the service's right to do something.
#[derive(Debug)]
pub(super) enum Right {
    /// It may.
    Held,
    /// It may not, for this reason.
    Lacking(String),
    /// Nobody can say, for this reason.
    Unclear(String),
}

/// Whether Azure Virtual Desktop's service principal may do all of this somewhere.
pub(super) fn right_of_service(audit: &Audit<'_>, actions: &[&str], scope: &ArmId) -> Right {
    let services = services(audit);
    let itself: Vec<&str> = services.iter().filter(|(_, one)| **one == Service::Itself).map(|(id, _)| *id).collect();
    if itself.is_empty() {
        return match audit.is_read_everywhere(&[Facet::Principals]) {
            true => Right::Lacking("it is not in the directory".to_owned()),
            false => Right::Unclear("whether it is in the directory, could not be read".to_owned()),
        };
    }
    let mut unclear = None;
    for action in actions.iter().map(|action| Action::control(*action)) {
        let decisions: Vec<Decision> = itself.iter().map(|id| audit.world.decide(id, &action, scope)).collect();
        let has = |answer: Answer| decisions.iter().any(|decision| decision.answer == answer);
        let denial = decisions.iter().find_map(|decision| decision.denied_by.as_ref());
        // Something grants it, and whether a deny assignment takes it away is not known.
        let in_doubt = decisions.iter().find(|one| one.answer == Answer::Unknown && !one.proofs.is_empty());
        match (denial, in_doubt) {
            _ if has(Answer::Allowed) => {}
            (_, Some(doubt)) => {
                unclear =
                    Some(format!("whether it may {action} at {scope} is not known: {}", doubt.unknown.join("; ")));
            }
            _ if has(Answer::Conditional) => {
                unclear = Some(format!("a condition decides whether it may {action} at {scope}"));
            }
            (Some(denial), None) => {
                return Right::Lacking(format!("deny assignment {} keeps it from {action}", denial.deny));
            }
            (None, None) if is_told(audit, scope) => return Right::Lacking(format!("nothing grants it {action}")),
            (None, None) => unclear = Some(format!("what it holds at {scope} could not be read in full")),
        }
    }
    unclear.map_or(Right::Held, Right::Unclear)
}

fn is_told(audit: &Audit<'_>, scope: &ArmId) -> bool {
    scope.up_to("subscriptions").is_some_and(|subscription| audit.is_read(&TELLING, &subscription))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_told_from_its_name_sakes_by_the_application_id_alone() {
        assert_eq!(service_of(&AVD_APPLICATION.to_uppercase()), Some(Service::Itself));
        assert_eq!(service_of(AVD_NAME_SAKES[3]), Some(Service::NameSake));
        assert_eq!(service_of("Azure Virtual Desktop"), None);
    }
}
