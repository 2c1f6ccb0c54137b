//! Application groups that nobody may open, or that nobody sees.

use super::grants::ByScope;
use super::remedy::{Grantee, Place, assign};
use crate::access::{ArmResource, Facet, builtin};
use crate::audit::fix::{ps, sh};
use crate::audit::{Audit, Evidence, Family, Fix, Outcome, Rule, Severity, Violation};

pub(super) const RULE: Rule = Rule {
    id: "R27",
    family: Family::Rbac,
    title: "An application group is assigned to nobody, or in no workspace",
    severity: Severity::Low,
    rationale: "Nobody can open what such a group publishes. It is either forgotten, or people who should have it miss it.",
    references: &[
        "https://learn.microsoft.com/azure/virtual-desktop/deploy-azure-virtual-desktop",
        "https://learn.microsoft.com/azure/virtual-desktop/manage-app-groups",
    ],
    needs: &[
        Facet::RoleAssignments,
        Facet::RoleDefinitions,
        Facet::PimActive,
        Facet::PimEligible,
        Facet::DesktopVirtualization,
        Facet::ManagementGroups,
    ],
    check,
};

/// What tells whether somebody is entitled: where these are not read, a lack of grants proves nothing.
const TELLING: [Facet; 5] =
    [Facet::RoleAssignments, Facet::RoleDefinitions, Facet::PimActive, Facet::PimEligible, Facet::ManagementGroups];

fn check(audit: &Audit<'_>) -> Outcome {
    let entitling = ByScope::entitling(audit);
    let mut outcome = Outcome::default();
    for group in audit.application_groups() {
        if entitling.on(audit, &group.id).is_empty() {
            let subscription = group.id.up_to("subscriptions");
            match subscription.is_some_and(|subscription| audit.is_read(&TELLING, &subscription)) {
                true => outcome.violations.push(without_assignment(group)),
                false => outcome.unknown.push(format!("who is entitled to {} could not be read in full", group.id)),
            }
        }
        if group.reference("workspaceArmPath").is_none() {
            outcome.violations.push(without_workspace(group));
        }
    }
    outcome
}

fn violation(group: &ArmResource, subject: &str, message: String, evidence: Evidence, fix: Fix) -> Violation {
    Violation {
        scope: group.id.clone(),
        principal: None,
        subject: Some(subject.to_owned()),
        severity: None,
        message,
        evidence: vec![evidence],
        fix,
    }
}

fn without_assignment(group: &ArmResource) -> Violation {
    let mut fix = assign(
        Grantee::AGroup,
        builtin::DESKTOP_VIRTUALIZATION_USER,
        "Desktop Virtualization User",
        Place::At(&group.id),
    );
    fix.portal.push_str(". Or delete the application group, if nobody needs it");
    violation(
        group,
        "assignment",
        format!("Nobody is entitled to application group {}", group.id.name()),
        Evidence::new("role assignments that open it", "none"),
        fix,
    )
}

fn without_workspace(group: &ArmResource) -> Violation {
    let workspace = "\"${WORKSPACE:?id of the workspace}\"";
    let id = group.id.as_str();
    let fix = Fix {
        az: Some(format!(
            "az desktopvirtualization workspace update --ids {workspace} --application-group-references \
             $(az desktopvirtualization workspace show --ids {workspace} --query 'applicationGroupReferences' \
             --output tsv) {}",
            sh(id)
        )),
        powershell: Some(format!(
            "Register-AzWvdApplicationGroup -ResourceGroupName (Read-Host 'Resource group of the workspace') \
             -WorkspaceName (Read-Host 'Name of the workspace') -ApplicationGroupPath {} -SubscriptionId {}",
            ps(id),
            ps(group.id.subscription().unwrap_or_default())
        )),
        portal: format!(
            "Azure Virtual Desktop > Workspaces > the workspace > Application groups > Add: {id}. Or delete the \
             application group, if nobody needs it"
        ),
    };
    violation(
        group,
        "workspace",
        format!("Application group {} is in no workspace, so nobody sees it", group.id.name()),
        Evidence::new("properties.workspaceArmPath", "none"),
        fix,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::DESKTOP_VIRTUALIZATION_USER as USER;
    use crate::audit::context::APPLICATION_GROUPS;
    use crate::audit::testing::{Estate, GROUP, LANDING, POOL, S1};
    use serde_json::json;

    fn estate(workspace: Option<&str>) -> Estate {
        let properties = json!({ "hostPoolArmPath": POOL, "workspaceArmPath": workspace });
        Estate::bare().resource(GROUP, APPLICATION_GROUPS, properties).user("ann")
    }

    #[test]
    fn a_group_without_grants_and_a_group_without_a_workspace_are_two_things() {
        assert_eq!(estate(Some("/w")).found(&RULE), [format!("{GROUP} - assignment")]);
        assert_eq!(estate(None).found(&RULE), [format!("{GROUP} - assignment"), format!("{GROUP} - workspace")]);
        let other_role = estate(Some("/w")).assign("ann", builtin::OWNER, GROUP);
        assert_eq!(other_role.found(&RULE), [format!("{GROUP} - assignment")]);
        let blank = estate(Some("")).assign("ann", USER, GROUP);
        assert_eq!(blank.found(&RULE), [format!("{GROUP} - workspace")]);
    }

    #[test]
    fn any_grant_at_the_group_or_above_is_enough_be_it_eligible() {
        for scope in [GROUP, S1, LANDING] {
            assert_eq!(estate(Some("/w")).assign("ann", USER, scope).check(&RULE), Outcome::default());
        }
        assert_eq!(estate(Some("/w")).eligible("ann", USER, S1, None).check(&RULE), Outcome::default());
    }

    #[test]
    fn groups_of_cloud_pcs_are_not_looked_at() {
        let estate = Estate::bare().resource(GROUP, APPLICATION_GROUPS, json!({ "cloudPcResource": true }));
        assert_eq!(estate.check(&RULE), Outcome::default());
    }

    #[test]
    fn what_could_not_be_read_is_not_taken_for_a_lack_of_grants() {
        for facet in TELLING {
            let outcome = estate(Some("/w")).forbidden(facet, S1).check(&RULE);
            assert!(outcome.violations.is_empty() && outcome.unknown.len() == 1, "{facet}: {outcome:?}");
        }
    }
}
