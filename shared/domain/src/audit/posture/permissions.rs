//! What service principals may do in the directory that a deployment never needs: `V06`–`V13`. These are about every
//! service principal in view, whoever made it, but Microsoft's own.

use super::mend::{delete_in_directory, of_principal};
use super::rule;
use crate::access::{AppRoleAssignment, DelegatedGrant, DirectoryObject, Facet, builtin};
use crate::audit::permissions::graph_name;
use crate::audit::rules::helpers::name_of;
use crate::audit::{Audit, Evidence, Fix, Outcome, Rule, Severity, Violation, fix};

/// The tenant in which Microsoft registers its own applications.
const MICROSOFT: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";
const REFERENCES: &[&str] = &[
    "https://learn.microsoft.com/graph/permissions-reference",
    "https://learn.microsoft.com/entra/identity/enterprise-apps/manage-application-permissions",
];
/// Tells who is in groups that hide their members.
const HIDDEN: &str = "Member.Read.Hidden";
const APPLICATION: &[Facet] = &[Facet::AppRoleAssignments, Facet::Principals];
const DELEGATED: &[Facet] = &[Facet::DelegatedGrants, Facet::Principals];
const BOTH: &[Facet] = &[Facet::AppRoleAssignments, Facet::DelegatedGrants, Facet::Principals];

pub(super) const V06: Rule = rule(
    "V06",
    Severity::High,
    "Nothing has permissions on Azure AD Graph",
    "Azure AD Graph is retired: what still has consent to it was made for a world that is gone. Checked: \
     appRoleAssignments and oauth2PermissionGrants on 00000002-0000-0000-c000-000000000000.",
    &["https://learn.microsoft.com/graph/migrate-azure-ad-graph-overview"],
    BOTH,
    |audit| {
        let mut outcome = application(audit, |grant| is(&grant.resource_app_id, builtin::AZURE_AD_GRAPH));
        let all = delegated(audit, is_on_retired_graph);
        outcome.violations.extend(all.violations);
        outcome
    },
);

pub(super) const V07: Rule = rule(
    "V07",
    Severity::Critical,
    "Nothing may write all applications of the directory",
    "Who may write every application may add a secret to each and be any of them. Checked: appRoleAssignments for \
     Application.ReadWrite.All.",
    REFERENCES,
    APPLICATION,
    |audit| application(audit, |grant| is_graph_role(grant, "Application.ReadWrite.All")),
);

pub(super) const V08: Rule = rule(
    "V08",
    Severity::Critical,
    "Nothing may write all of the directory",
    "It changes groups, and groups hold roles. Checked: appRoleAssignments for Directory.ReadWrite.All.",
    REFERENCES,
    APPLICATION,
    |audit| application(audit, |grant| is_graph_role(grant, "Directory.ReadWrite.All")),
);

pub(super) const V09: Rule = rule(
    "V09",
    Severity::Critical,
    "Nothing may write the tenant's domains",
    "Who can federate a domain can sign in as anybody in it. Checked: appRoleAssignments for Domain.ReadWrite.All.",
    REFERENCES,
    APPLICATION,
    |audit| application(audit, |grant| is_graph_role(grant, "Domain.ReadWrite.All")),
);

pub(super) const V10: Rule = rule(
    "V10",
    Severity::High,
    "Devices may be written only where hosts' devices are removed with them",
    "It deletes any device of the tenant. Checked: appRoleAssignments for Device.ReadWrite.All, unless the policy says \
     that devices are removed (removes_devices).",
    REFERENCES,
    APPLICATION,
    |audit| {
        let is_wrong = |grant: &AppRoleAssignment| is_graph_role(grant, "Device.ReadWrite.All");
        application(audit, |grant| !audit.policy.removes_devices && is_wrong(grant))
    },
);

pub(super) const V11: Rule = rule(
    "V11",
    Severity::High,
    "No application writes the directory in the name of whoever signs in",
    "An administrator who signs in hands over their power. Checked: oauth2PermissionGrants of consentType \
     AllPrincipals for Directory.AccessAsUser.All, Directory.ReadWrite.All, Group.ReadWrite.All.",
    REFERENCES,
    DELEGATED,
    |audit| delegated(audit, writes_directory_for_everybody),
);

pub(super) const V12: Rule = rule(
    "V12",
    Severity::High,
    "No application manages Azure in the name of whoever signs in",
    "An Owner who signs in hands over the subscription. Checked: oauth2PermissionGrants of consentType AllPrincipals \
     for user_impersonation of Azure Service Management.",
    REFERENCES,
    DELEGATED,
    |audit| delegated(audit, manages_azure_for_everybody),
);

pub(super) const V13: Rule = rule(
    "V13",
    Severity::Medium,
    "Nothing reads hidden memberships",
    "Nothing in a deployment needs to know them. Checked: appRoleAssignments and oauth2PermissionGrants for \
     Member.Read.Hidden.",
    REFERENCES,
    BOTH,
    |audit| {
        let mut outcome = application(audit, |grant| is_graph_role(grant, HIDDEN));
        outcome.violations.extend(delegated(audit, reads_hidden).violations);
        outcome
    },
);

fn is(text: &str, other: &str) -> bool {
    text.eq_ignore_ascii_case(other)
}

fn is_graph(app_id: &str) -> bool {
    is(app_id, builtin::MICROSOFT_GRAPH) || is(app_id, builtin::AZURE_AD_GRAPH)
}

fn is_graph_role(grant: &AppRoleAssignment, name: &str) -> bool {
    is_graph(&grant.resource_app_id) && is(graph_name(grant), name)
}

/// What a rule has against a permission of a delegated grant.
type IsWrong = fn(&DelegatedGrant, &str) -> bool;

/// All that the rules here have against one: V06, V11, V12 and V13.
const WRONG: [IsWrong; 4] =
    [is_on_retired_graph, writes_directory_for_everybody, manages_azure_for_everybody, reads_hidden];

fn is_on_retired_graph(grant: &DelegatedGrant, _: &str) -> bool {
    is(&grant.resource_app_id, builtin::AZURE_AD_GRAPH)
}

fn writes_directory_for_everybody(grant: &DelegatedGrant, scope: &str) -> bool {
    const SCOPES: [&str; 3] = ["Directory.AccessAsUser.All", "Directory.ReadWrite.All", "Group.ReadWrite.All"];
    grant.user.is_none() && is_graph(&grant.resource_app_id) && SCOPES.iter().any(|one| is(scope, one))
}

fn manages_azure_for_everybody(grant: &DelegatedGrant, scope: &str) -> bool {
    let is_arm = is(&grant.resource_app_id, builtin::AZURE_SERVICE_MANAGEMENT);
    grant.user.is_none() && is_arm && is(scope, "user_impersonation")
}

fn reads_hidden(grant: &DelegatedGrant, scope: &str) -> bool {
    is_graph(&grant.resource_app_id) && is(scope, HIDDEN)
}

fn is_wrong_for_any(grant: &DelegatedGrant, scope: &str) -> bool {
    WRONG.iter().any(|is_wrong| is_wrong(grant, scope))
}

/// Whether an application is Microsoft's own, whose permissions nobody here has given.
fn is_microsofts(audit: &Audit<'_>, principal: &str) -> bool {
    let object = audit.world.object(principal);
    matches!(object, Some(DirectoryObject::ServicePrincipal { owner_tenant: Some(tenant), .. }) if is(tenant, MICROSOFT))
}

fn resource_name(app_id: &str) -> &str {
    match app_id {
        id if is(id, builtin::MICROSOFT_GRAPH) => "Microsoft Graph",
        id if is(id, builtin::AZURE_AD_GRAPH) => "Azure AD Graph",
        id if is(id, builtin::AZURE_SERVICE_MANAGEMENT) => "Azure Service Management",
        other => other,
    }
}

/// The application permissions that are wrong.
fn application(audit: &Audit<'_>, is_wrong: impl Fn(&AppRoleAssignment) -> bool) -> Outcome {
    let grants = audit.facts.directory.app_roles.iter();
    let wrong = grants.filter(|grant| !is_microsofts(audit, &grant.principal) && is_wrong(grant));
    let found = wrong.map(|grant| {
        let (name, resource) = (graph_name(grant), resource_name(&grant.resource_app_id));
        let message = format!("{} holds {name} on {resource}", name_of(audit, &grant.principal));
        let evidence = vec![
            Evidence::new("appRoleAssignment", &*grant.id),
            Evidence::new("resource application", &*grant.resource_app_id),
            Evidence::new("appRoleId", &*grant.app_role_id),
        ];
        let fix = delete_in_directory(
            &format!("servicePrincipals/{}/appRoleAssignments/{}", grant.principal, grant.id),
            "Microsoft Entra ID > Enterprise applications > the application > Permissions > Revoke",
        );
        of_principal(&grant.principal, Some(name), message, evidence, fix)
    });
    found.collect()
}

/// The delegated permissions that are wrong, each by its name. What mends a grant leaves nothing in it that any rule has
/// something against, whichever of its permissions it is told of: one command must not give back what another one took.
fn delegated(audit: &Audit<'_>, is_wrong: IsWrong) -> Outcome {
    let grants = audit.facts.directory.delegated.iter().filter(|grant| !is_microsofts(audit, &grant.client));
    let mut outcome = Outcome::default();
    for grant in grants {
        let scopes = || grant.scopes.iter().map(String::as_str);
        let rest: Vec<&str> = scopes().filter(|scope| !is_wrong_for_any(grant, scope)).collect();
        let wrong = scopes().filter(|scope| is_wrong(grant, scope));
        outcome.violations.extend(wrong.map(|scope| delegated_violation(audit, grant, scope, &rest)));
    }
    outcome
}

fn delegated_violation(audit: &Audit<'_>, grant: &DelegatedGrant, scope: &str, rest: &[&str]) -> Violation {
    let whose = if grant.user.is_none() { "everybody" } else { "one user" };
    let message = format!(
        "{} may use {scope} on {} in the name of {whose}",
        name_of(audit, &grant.client),
        resource_name(&grant.resource_app_id)
    );
    let evidence = vec![
        Evidence::new("oauth2PermissionGrant", &*grant.id),
        Evidence::new("consentType", if grant.user.is_none() { "AllPrincipals" } else { "Principal" }),
        Evidence::new("scope", scope),
    ];
    let portal = "Microsoft Entra ID > Enterprise applications > the application > Permissions > Revoke";
    let path = format!("oauth2PermissionGrants/{}", grant.id);
    let fix = match rest.is_empty() {
        true => delete_in_directory(&path, portal),
        false => {
            let body = fix::sh(&serde_json::json!({ "scope": rest.join(" ") }).to_string());
            let url = fix::sh(&format!("https://graph.microsoft.com/v1.0/{path}"));
            let az = format!("az rest --method patch --url {url} --body {body}");
            Fix { az: Some(az), powershell: None, portal: portal.to_owned() }
        }
    };
    of_principal(&grant.client, Some(scope), message, evidence, fix)
}
