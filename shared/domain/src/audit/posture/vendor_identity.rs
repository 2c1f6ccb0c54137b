//! What the vendor's applications, its service accounts and the person who installed it still hold: `V01`–`V05` and
//! `V14`–`V17`. What they may do in the directory is in [`super::permissions`].

use super::estate::{Deployed, SIGNS, has_sign_of_vds, if_vds, vendor_grants, vendors};
use super::mend::{delete_in_directory, of_principal, violation};
use super::rule;
use crate::ArmId;
use crate::access::{
    Action, ClientCredential, DirectoryObject, Effective, Facet, GrantKind, ServicePrincipalKind, builtin, principal_id,
};
use crate::audit::rules::helpers::{member_violation, name_of, note_opaque, violation_of};
use crate::audit::{Audit, Evidence, Fix, Outcome, Rule, Severity, Violation, fix};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// Facets of every kind of grant, and of who holds it.
const GRANTS: &[Facet] = &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::Principals];
/// The template of Global Administrator.
/// <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
/// The accounts under which the vendor's services ran, which AD Connect may have copied to Entra.
const SERVICE_ACCOUNTS: [&str; 2] = ["CloudWorkspaceSVC", "CloudWorkspaceCASVC"];

const ROLES: &str = "https://learn.microsoft.com/azure/role-based-access-control/best-practices";
const CONSENT: &str = "https://learn.microsoft.com/entra/identity/enterprise-apps/manage-application-permissions";

pub(super) const V01: Rule = rule(
    "V01",
    Severity::Critical,
    "No application of the deployment's vendor is Owner or User Access Administrator",
    "Whoever has the vendor's secret has the subscription. Checked: role assignments and Privileged Identity \
     Management, by the names of the service principals that hold them.",
    &[ROLES],
    GRANTS,
    |audit| {
        let roles = [builtin::OWNER, builtin::USER_ACCESS_ADMINISTRATOR];
        if_vds(audit, || held(audit, |grant| roles.contains(&grant.role.as_str())))
    },
);

pub(super) const V02: Rule = rule(
    "V02",
    Severity::High,
    "No application of the deployment's vendor is Contributor above its resource group",
    "The day-to-day work of a deployment needs its own resource group only. Checked: the scope of each grant of \
     Contributor to a service principal with a name of the vendor's.",
    &[ROLES],
    GRANTS,
    |audit| {
        let is_above = |grant: &Effective<'_>| {
            grant.role == builtin::CONTRIBUTOR && grant.scope.segment("resourceGroups").is_none()
        };
        if_vds(audit, || held(audit, is_above))
    },
);

pub(super) const V03: Rule = rule(
    "V03",
    Severity::High,
    "Owner is not used to set permissions on Azure Files",
    "The vendor asked for Owner of the subscription to give users their shares; the data roles for SMB shares do that. \
     Checked: grants of Owner to the vendor's service principals at or above a storage account that serves files.",
    &["https://learn.microsoft.com/azure/storage/files/storage-files-identity-assign-share-level-permissions"],
    &[
        Facet::RoleAssignments,
        Facet::PimActive,
        Facet::PimEligible,
        Facet::Principals,
        Facet::Storage,
        Facet::DesktopVirtualization,
        Facet::ManagementGroups,
    ],
    |audit| if_vds(audit, || owners_for_files(audit)),
);

pub(super) const V04: Rule = rule(
    "V04",
    Severity::Medium,
    "No service principal of the deployment's vendor is left",
    "A service principal that nobody uses can still be signed in to. Checked: the directory, by display name.",
    &[CONSENT],
    &[Facet::Principals],
    |audit| if_vds(audit, || vendors(audit).map(|(id, object)| left_over(id, object)).collect()),
);

pub(super) const V05: Rule = rule(
    "V05",
    Severity::Medium,
    "No application registration of the deployment's vendor is left",
    "Whoever owns a registration can add a secret to it. Checked: the registrations of this tenant, by display name.",
    &["https://learn.microsoft.com/entra/identity-platform/howto-remove-app"],
    &[Facet::Applications],
    |audit| if_vds(audit, || registrations(audit)),
);

pub(super) const V14: Rule = rule(
    "V14",
    Severity::High,
    "The vendor's applications have no old client secret",
    "A client secret is a password that never changes by itself. Checked: passwordCredentials of the vendor's service \
     principals and registrations that are still valid, by when they began.",
    &["https://learn.microsoft.com/entra/identity-platform/security-best-practices-for-app-registration"],
    &[Facet::Principals, Facet::Applications],
    |audit| if_vds(audit, || old_secrets(audit)),
);

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
    |audit| service_accounts(audit),
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

fn held(audit: &Audit<'_>, is_wrong: impl Fn(&Effective<'_>) -> bool) -> Outcome {
    let grants = vendor_grants(audit).filter(|grant| is_wrong(grant));
    let found = grants.map(|grant| {
        let (vendor, role) = (name_of(audit, &grant.principal.id), grant.role_name());
        violation_of(audit, grant, format!("{vendor} is {role} at {}", grant.scope))
    });
    found.collect()
}

fn owners_for_files(audit: &Audit<'_>) -> Outcome {
    let accounts = Deployed::of(audit).file_accounts(audit);
    if accounts.is_empty() {
        return Outcome::not_applicable("no storage account that serves files");
    }
    let covers = |grant: &Effective<'_>| {
        grant.role == builtin::OWNER
            && accounts.iter().any(|account| audit.world.chain(&account.id).contains(grant.scope))
    };
    let mut outcome = held(audit, covers);
    for violation in &mut outcome.violations {
        violation.message +=
            "; for Azure Files, Storage File Data SMB Share Elevated Contributor at the share suffices";
    }
    outcome
}

fn left_over(id: &str, object: &DirectoryObject) -> Violation {
    let name = object.name();
    let evidence = vec![Evidence::new("service principal", id), Evidence::new("displayName", name)];
    let fix = delete_in_directory(
        &format!("servicePrincipals/{id}"),
        "Microsoft Entra ID > Enterprise applications > the application > Properties > Delete",
    );
    of_principal(id, None, format!("service principal {name} of the deployment's vendor is left"), evidence, fix)
}

fn registrations(audit: &Audit<'_>) -> Outcome {
    let applications = &audit.facts.directory.applications;
    let ours = applications.iter().filter(|application| audit.policy.is_vendor(&application.name));
    let found = ours.map(|application| {
        let evidence = vec![
            Evidence::new("application", &*application.id),
            Evidence::new("appId", &*application.app_id),
            Evidence::new("displayName", &*application.name),
        ];
        let message = format!("application {} of the deployment's vendor is registered here", application.name);
        let fix = delete_in_directory(
            &format!("applications/{}", application.id),
            "Microsoft Entra ID > App registrations > the application > Delete",
        );
        violation(&ArmId::new("/"), Some(&application.app_id), message, evidence, fix)
    });
    found.collect()
}

fn old_secrets(audit: &Audit<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    for (id, object) in vendors(audit) {
        if let DirectoryObject::ServicePrincipal { name, passwords, .. } = object {
            judge_secrets(audit, &mut outcome, Some(id), name, &format!("servicePrincipals/{id}"), passwords);
        }
    }
    let applications = &audit.facts.directory.applications;
    for application in applications.iter().filter(|application| audit.policy.is_vendor(&application.name)) {
        let is_own = |object: &DirectoryObject| {
            matches!(object, DirectoryObject::ServicePrincipal { app_id, kind: ServicePrincipalKind::Application, .. }
                if app_id.eq_ignore_ascii_case(&application.app_id))
        };
        let owner = audit.facts.directory.objects.iter().find(|(_, object)| is_own(object)).map(|(id, _)| id.as_str());
        let path = format!("applications/{}", application.id);
        judge_secrets(audit, &mut outcome, owner, &application.name, &path, &application.passwords);
    }
    outcome
}

fn judge_secrets(
    audit: &Audit<'_>,
    outcome: &mut Outcome,
    principal: Option<&str>,
    name: &str,
    path: &str,
    passwords: &[ClientCredential],
) {
    let days = audit.policy.thresholds.secret_age_days;
    let oldest = audit.now - SignedDuration::from_hours(days.saturating_mul(24));
    for password in passwords.iter().filter(|password| password.end.is_none_or(|end| end > audit.now)) {
        let Some(start) = password.start else {
            outcome.unknown.push(format!("when the client secret {} of {name} began", password.key_id));
            continue;
        };
        if start >= oldest {
            continue;
        }
        let body = fix::sh(&format!(r#"{{"keyId":"{}"}}"#, password.key_id));
        let url = fix::sh(&format!("https://graph.microsoft.com/v1.0/{path}/removePassword"));
        let fix = Fix {
            az: Some(format!("az rest --method post --url {url} --body {body}")),
            powershell: None,
            portal: "Microsoft Entra ID > App registrations > the application > Certificates & secrets".to_owned(),
        };
        let evidence = vec![
            Evidence::new("passwordCredentials.keyId", &*password.key_id),
            Evidence::new("passwordCredentials.startDateTime", start.to_string()),
        ];
        let message = format!("a client secret of {name} is older than {days} days");
        let mut found = violation(&ArmId::new("/"), Some(&password.key_id), message, evidence, fix);
        found.principal = principal.map(str::to_owned);
        outcome.violations.push(found);
    }
}

fn is_user(audit: &Audit<'_>, id: &str) -> bool {
    matches!(audit.world.object(id), Some(DirectoryObject::User { .. }))
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
        users.extend(members.ids.into_iter().chain([id.to_owned()]).filter(|id| is_user(audit, id)));
    }
    users
}

fn installers(audit: &Audit<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let directory = &audit.facts.directory;
    let owners: Vec<&Effective<'_>> = audit
        .world
        .grants()
        .iter()
        .filter(|grant| grant.kind == GrantKind::Standing && grant.role == builtin::OWNER)
        .collect();
    let is_high = |grant: &Effective<'_>| grant.scope.segment("resourceGroups").is_none();
    let high = owners.iter().filter(|grant| is_high(grant)).map(|grant| grant.principal.id.as_str());
    let high = users_among(audit, &mut outcome, high);
    let roles = directory.roles.iter().filter(|role| role.template_id.eq_ignore_ascii_case(GLOBAL_ADMINISTRATOR));
    let administrators = users_among(audit, &mut outcome, roles.flat_map(|role| &role.standing).map(String::as_str));

    let mut installers: BTreeSet<String> = high.intersection(&administrators).cloned().collect();
    for (id, object) in vendors(audit) {
        let grants = directory.delegated.iter().filter(|grant| grant.client == *id);
        installers.extend(grants.filter_map(|grant| grant.user.as_deref()).map(principal_id));
        if let DirectoryObject::ServicePrincipal { owners: Some(owners), .. } = object {
            installers.extend(owners.iter().map(|owner| principal_id(owner)));
        }
    }
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
