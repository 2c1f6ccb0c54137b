//! A vendor's application that kept what it needed to deploy.

use super::avd::note_faceless;
use super::grants::grants_whose_role;
use super::helpers::{name_of, role_of, violation_of};
use super::remedy::remove_app_role;
use crate::ArmId;
use crate::access::builtin::{self, AZURE_AD_GRAPH, MICROSOFT_GRAPH};
use crate::access::{AppRoleAssignment, DirectoryObject, Facet};
use crate::audit::permissions::graph_name;
use crate::audit::{Audit, Evidence, Family, Outcome, Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    id: "R42",
    family: Family::Rbac,
    title: "A vendor's application is still owner, or writes to the whole directory",
    severity: Severity::Critical,
    rationale: "Deployment services ask for Owner and for directory-wide permissions while they deploy. Kept afterwards, \
                whoever holds the vendor's secret holds the subscription or the tenant.",
    references: &[
        "https://learn.microsoft.com/entra/identity/enterprise-apps/manage-application-permissions",
        "https://learn.microsoft.com/graph/permissions-reference",
        "https://learn.microsoft.com/azure/role-based-access-control/best-practices",
    ],
    needs: &[
        Facet::RoleAssignments,
        Facet::PimActive,
        Facet::PimEligible,
        Facet::Principals,
        Facet::AppRoleAssignments,
    ],
    check,
};

/// The permissions that write to the whole directory.
const WRITES: [&str; 5] = [
    "Application.ReadWrite.All",
    "Directory.ReadWrite.All",
    "Domain.ReadWrite.All",
    "Device.ReadWrite.All",
    "Group.ReadWrite.All",
];

/// Whether a principal is a vendor's application.
pub(super) fn is_vendor(audit: &Audit<'_>, principal: &str) -> bool {
    match audit.world.object(principal) {
        Some(DirectoryObject::ServicePrincipal { name, .. }) => audit.policy.is_vendor(name),
        _ => false,
    }
}

fn check(audit: &Audit<'_>) -> Outcome {
    let powerful = [builtin::OWNER, builtin::USER_ACCESS_ADMINISTRATOR];
    let grants = grants_whose_role(audit, |grant| powerful.contains(&grant.role.as_str())).into_iter();
    let of_vendors = grants.filter(|grant| is_vendor(audit, &grant.principal.id));
    let mut outcome: Outcome = of_vendors
        .map(|grant| {
            let name = name_of(audit, &grant.principal.id);
            let message = format!("Vendor's application {name} is {} at {}", role_of(grant), grant.scope);
            let mut violation = violation_of(audit, grant, message);
            violation.fix.portal.push_str(
                ". If the vendor still looks after the deployment, give it Contributor at the deployment's resource group",
            );
            violation
        })
        .collect();
    note_faceless(&mut outcome, audit);
    for grant in audit.facts.directory.app_roles.iter().filter(|grant| writes_everywhere(grant)) {
        let holder = grant.principal.as_str();
        if is_vendor(audit, holder) {
            outcome.violations.push(permission(audit, grant));
        } else if audit.world.object(holder).is_none() && !audit.facts.directory.missing.contains(holder) {
            let line = format!("which application service principal {holder} is of, could not be read");
            if !outcome.unknown.contains(&line) {
                outcome.unknown.push(line);
            }
        }
    }
    outcome
}

fn writes_everywhere(grant: &AppRoleAssignment) -> bool {
    let is_graph = [MICROSOFT_GRAPH, AZURE_AD_GRAPH].iter().any(|app| app.eq_ignore_ascii_case(&grant.resource_app_id));
    is_graph && WRITES.iter().any(|name| name.eq_ignore_ascii_case(graph_name(grant)))
}

fn permission(audit: &Audit<'_>, grant: &AppRoleAssignment) -> Violation {
    let name = graph_name(grant);
    Violation {
        scope: ArmId::new("/"),
        principal: Some(grant.principal.clone()),
        subject: Some(name.to_owned()),
        severity: None,
        message: format!("Vendor's application {} holds {name} on the directory", name_of(audit, &grant.principal)),
        evidence: vec![
            Evidence::new("application permission", name),
            Evidence::new("app role assignment", &grant.id),
            Evidence::new("app role", &grant.app_role_id),
            Evidence::new("resource application", &grant.resource_app_id),
        ],
        fix: remove_app_role(&grant.principal, &grant.id, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::{Estate, RG, S1};

    fn permission(principal: &str, resource: &str, role: &str, value: Option<&str>) -> AppRoleAssignment {
        AppRoleAssignment {
            id: format!("{principal}-{role}"),
            principal: principal.to_owned(),
            resource_app_id: resource.to_owned(),
            app_role_id: role.to_owned(),
            value: value.map(str::to_owned),
        }
    }

    fn estate() -> Estate {
        Estate::bare()
            .application("vendor", "Cloud Workspace API", "vendor-app")
            .application("own", "Payroll", "own-app")
            .user("cloud workspace")
    }

    #[test]
    fn a_vendor_that_is_owner_or_decides_about_access_is_reported_also_if_it_could_become_so() {
        let estate = estate().assign("vendor", builtin::OWNER, S1).eligible(
            "vendor",
            builtin::USER_ACCESS_ADMINISTRATOR,
            RG,
            None,
        );
        let expected =
            [format!("{S1} vendor {}", builtin::OWNER), format!("{RG} vendor {}", builtin::USER_ACCESS_ADMINISTRATOR)];
        assert_eq!(estate.found(&RULE), expected);
    }

    #[test]
    fn permissions_are_known_by_name_and_by_either_graphs_id() {
        let estate = estate().with(|facts| {
            facts.directory.app_roles = vec![
                permission("vendor", MICROSOFT_GRAPH, "x", Some("domain.readwrite.all")),
                permission("vendor", AZURE_AD_GRAPH, "1cda74f2-2616-4834-b122-5cb1b07f8a59", None),
                permission("vendor", MICROSOFT_GRAPH, "62a82d76-70ea-41e2-9197-370581804d09", None),
            ];
        });
        let expected =
            ["/ vendor Application.ReadWrite.All", "/ vendor Group.ReadWrite.All", "/ vendor domain.readwrite.all"];
        assert_eq!(estate.found(&RULE), expected);
        let az = estate.check(&RULE).violations.remove(0).fix.az.unwrap();
        let url = "https://graph.microsoft.com/v1.0/servicePrincipals/vendor/appRoleAssignments/vendor-x";
        assert_eq!(az, format!("az rest --method DELETE --url '{url}'"));
    }

    #[test]
    fn a_vendor_with_less_others_with_the_same_and_other_resources_are_fine() {
        let estate =
            estate().assign("vendor", builtin::CONTRIBUTOR, RG).assign("own", builtin::OWNER, S1).with(|facts| {
                facts.directory.app_roles = vec![
                    permission("vendor", MICROSOFT_GRAPH, "x", Some("Directory.Read.All")),
                    permission("vendor", MICROSOFT_GRAPH, "1cda74f2-2616-4834-b122-5cb1b07f8a59", None),
                    permission("vendor", "another-resource", "y", Some("Directory.ReadWrite.All")),
                    permission("own", MICROSOFT_GRAPH, "z", Some("Directory.ReadWrite.All")),
                ];
            });
        assert_eq!(estate.check(&RULE), Outcome::default());
    }

    #[test]
    fn whom_the_policy_names_is_the_vendor() {
        let estate = estate()
            .assign("own", builtin::OWNER, S1)
            .assign("vendor", builtin::OWNER, S1)
            .policy(|policy| policy.vendor_applications = Some(vec!["PAYROLL".to_owned()]));
        assert_eq!(estate.found(&RULE), [format!("{S1} own {}", builtin::OWNER)]);
    }

    #[test]
    fn a_service_principal_without_a_name_might_be_the_vendors() {
        let estate = estate().with(|facts| {
            facts.directory.app_roles =
                vec![permission("unseen", MICROSOFT_GRAPH, "x", Some("Directory.ReadWrite.All"))];
        });
        let outcome = estate.check(&RULE);
        assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{outcome:?}");
    }
}
