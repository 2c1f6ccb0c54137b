//! The person who installed the deployment, the vendor's service accounts, and Poolwarden itself: `V15`–`V17`.

use super::estate::{SIGNS, has_sign_of_vds, if_vds, vendors};
use super::mend::{delete_in_directory, of_principal};
use super::rule;
use super::vendor_identity::ROLES;
use crate::access::{Action, DirectoryObject, Effective, Facet, builtin, principal_id};
use crate::audit::rules::helpers::{member_violation, name_of, note_opaque};
use crate::audit::rules::standing::Standing;
use crate::audit::{Audit, Evidence, Fix, Outcome, Rule, Severity, Violation};
use std::collections::BTreeSet;

/// The template of Global Administrator.
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
/// The accounts under which the vendor's services ran, which AD Connect may have copied to Entra.
const SERVICE_ACCOUNTS: [&str; 2] = ["CloudWorkspaceSVC", "CloudWorkspaceCASVC"];

pub(super) const V15: Rule = rule(
    "V15",
    Severity::High,
    "Who installed the deployment is Owner or Global Administrator through Privileged Identity Management only",
    "The installation needed both, for an hour. Checked: users who own a service principal of the vendor's, who \
     consented to it, or who hold both roles; each by standing grants of Owner and standing Global Administrators.",
    &["https://learn.microsoft.com/entra/id-governance/privileged-identity-management/pim-configure"],
    &[
        SIGNS[0],
        SIGNS[1],
        SIGNS[2],
        SIGNS[3],
        SIGNS[4],
        Facet::RoleAssignments,
        Facet::PimActive,
        Facet::GroupMembers,
        Facet::DirectoryRoles,
        Facet::Owners,
        Facet::DelegatedGrants,
    ],
    |audit| if_vds(audit, || installers(audit)),
);

pub(super) const V16: Rule = rule(
    "V16",
    Severity::High,
    "The vendor's service accounts are gone from Entra",
    "They have no second factor and a password that people knew. Checked: users by name and user principal name.",
    &["https://learn.microsoft.com/entra/architecture/service-accounts-on-premises"],
    &[Facet::Principals],
    service_accounts,
);

pub(super) const V17: Rule = rule(
    "V17",
    Severity::Critical,
    "Poolwarden's own identity is not Owner and cannot write role assignments",
    "What audits must not be what could change who may do what. Checked: the grants of the identity it runs as and of \
     its groups, whatever their condition, by role and by the actions of custom roles.",
    &[ROLES],
    &[Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive, Facet::PimEligible, Facet::GroupMembers],
    own_power,
);

fn is_user(audit: &Audit<'_>, id: &str) -> bool {
    matches!(audit.world.object(id), Some(DirectoryObject::User { .. }))
}

/// Whether nobody knows who or what a principal is: it is neither in the directory nor gone from it.
fn is_unseen(audit: &Audit<'_>, id: &str) -> bool {
    audit.world.object(id).is_none() && !audit.facts.directory.missing.contains(id)
}

/// The users among these principals and the members of the groups among them.
fn users_among<'b>(
    audit: &Audit<'_>,
    outcome: &mut Outcome,
    principals: impl IntoIterator<Item = &'b str>,
) -> BTreeSet<String> {
    let mut users = BTreeSet::new();
    for id in principals {
        let members = audit.world.members_of(id);
        note_opaque(outcome, audit, &members.opaque);
        let all: BTreeSet<String> = members.ids.into_iter().chain([id.to_owned()]).collect();
        note_opaque(outcome, audit, all.iter().filter(|id| is_unseen(audit, id)));
        users.extend(all.into_iter().filter(|id| is_user(audit, id)));
    }
    users
}

/// The grants of Owner that stand. One that was activated for a while looks the same where nobody read what is active.
fn standing_owners<'a>(audit: &'a Audit<'_>, outcome: &mut Outcome) -> Vec<&'a Effective<'a>> {
    let mut standing = Standing::new(audit);
    let grants = audit.world.grants().iter();
    let owners = grants.filter(|grant| Standing::is_meant(grant) && grant.role == builtin::OWNER);
    let (told, other): (Vec<&Effective<'_>>, Vec<&Effective<'_>>) = owners.partition(|grant| standing.is_told(grant));
    let line = |grant: &&Effective<'_>| {
        let who = name_of(audit, &grant.principal.id);
        format!("whether {who} is Owner at {} all the time or only for now", grant.scope)
    };
    outcome.unknown.extend(other.iter().map(line));
    told
}

fn installers(audit: &Audit<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let directory = &audit.facts.directory;
    let owners = standing_owners(audit, &mut outcome);
    let is_high = |grant: &Effective<'_>| grant.scope.segment("resourceGroups").is_none();
    let high = owners.iter().filter(|grant| is_high(grant)).map(|grant| grant.principal.id.as_str());
    let high = users_among(audit, &mut outcome, high);
    // Who only has it for a while is told apart by the same reading.
    let is_told = audit.is_read_everywhere(&[Facet::DirectoryRoles]);
    let is_it = |template: &str| is_told && template.eq_ignore_ascii_case(GLOBAL_ADMINISTRATOR);
    let roles = directory.roles.iter().filter(|role| is_it(&role.template_id));
    let administrators = users_among(audit, &mut outcome, roles.flat_map(|role| &role.standing).map(String::as_str));

    let mut installers: BTreeSet<String> = high.intersection(&administrators).cloned().collect();
    for (id, object) in vendors(audit) {
        let grants = directory.delegated.iter().filter(|grant| grant.client == *id);
        installers.extend(grants.filter_map(|grant| grant.user.as_deref()).map(principal_id));
        if let DirectoryObject::ServicePrincipal { owners: Some(owners), .. } = object {
            installers.extend(owners.iter().map(|owner| principal_id(owner)));
        }
    }
    note_opaque(&mut outcome, audit, installers.iter().filter(|id| is_unseen(audit, id)));
    for user in installers.iter().filter(|id| is_user(audit, id)) {
        let ways = audit.world.ways_up(user);
        for grant in owners.iter().filter(|grant| ways.contains_key(&grant.principal.id)) {
            let message = format!("{}, who installed the deployment, is Owner all the time", name_of(audit, user));
            outcome.violations.push(member_violation(audit, grant, user, message));
        }
        if administrators.contains(user) {
            outcome.violations.push(standing_administrator(audit, user));
        }
    }
    outcome
}

fn standing_administrator(audit: &Audit<'_>, user: &str) -> Violation {
    let message =
        format!("{}, who installed the deployment, is Global Administrator all the time", name_of(audit, user));
    let evidence = vec![Evidence::new("user", user), Evidence::new("directory role", GLOBAL_ADMINISTRATOR)];
    let portal = "Privileged Identity Management > Microsoft Entra roles > Assignments: make it eligible".to_owned();
    let fix = Fix { az: None, powershell: None, portal };
    of_principal(user, Some(GLOBAL_ADMINISTRATOR), message, evidence, fix)
}

fn service_accounts(audit: &Audit<'_>) -> Outcome {
    let is_one = |text: &str| SERVICE_ACCOUNTS.iter().any(|account| text.trim().eq_ignore_ascii_case(account));
    let found: Vec<Violation> = audit
        .facts
        .directory
        .objects
        .iter()
        .filter_map(|(id, object)| {
            let DirectoryObject::User { name, upn, .. } = object else { return None };
            let local = upn.as_deref().and_then(|upn| upn.split('@').next());
            if !is_one(name) && !local.is_some_and(is_one) {
                return None;
            }
            let evidence = vec![
                Evidence::new("user", &**id),
                Evidence::new("userPrincipalName", upn.as_deref().unwrap_or("absent")),
            ];
            let fix = delete_in_directory(
                &format!("users/{id}"),
                "Leave its organizational unit out in AD Connect, or delete it under Microsoft Entra ID > Users",
            );
            let message = format!("the vendor's service account {} is in Entra", name_of(audit, id));
            Some(of_principal(id, None, message, evidence, fix))
        })
        .collect();
    if found.is_empty() && !has_sign_of_vds(audit) {
        return if_vds(audit, Outcome::default);
    }
    found.into_iter().collect()
}

fn own_power(audit: &Audit<'_>) -> Outcome {
    let Some(own) = audit.facts.own_principal.as_deref().map(principal_id) else {
        let unknown = vec!["which identity Poolwarden runs as is not known".to_owned()];
        return Outcome { unknown, ..Outcome::default() };
    };
    let write = Action::control(builtin::WRITE_ROLE_ASSIGNMENTS);
    let ways = audit.world.ways_up(&own);
    let grants = audit.world.grants().iter().filter(|grant| ways.contains_key(&grant.principal.id));
    let found = grants.filter(|grant| grant.role == builtin::OWNER || grant.allows(&write)).map(|grant| {
        let message = format!("Poolwarden's own identity is {} at {}", grant.role_name(), grant.scope);
        member_violation(audit, grant, &own, message)
    });
    found.collect()
}
