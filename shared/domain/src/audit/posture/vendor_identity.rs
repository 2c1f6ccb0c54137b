//! What the vendor's applications still are and hold: `V01`–`V05` and `V14`. What they may do in the directory is in
//! [`super::permissions`], and who else is left in [`super::accounts`].

use super::estate::{Deployed, if_vds, vendor_grants, vendors};
use super::mend::{delete_in_directory, of_principal, violation};
use super::{days_before, rule};
use crate::ArmId;
use crate::access::{ClientCredential, DirectoryObject, Effective, Facet, ServicePrincipalKind, builtin};
use crate::audit::rules::helpers::{name_of, violation_of};
use crate::audit::{Audit, Evidence, Fix, Outcome, Rule, Severity, Violation, fix};

/// Facets of every kind of grant, and of who holds it.
const GRANTS: &[Facet] = &[Facet::RoleAssignments, Facet::PimActive, Facet::PimEligible, Facet::Principals];

pub(super) const ROLES: &str = "https://learn.microsoft.com/azure/role-based-access-control/best-practices";
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
    let oldest = days_before(audit.now, days);
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
