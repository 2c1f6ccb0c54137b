//! What a deployment by VDS and the retired directory interface left behind.

use super::avd::note_faceless;
use super::grants::{MAX_LISTED, listed};
use super::helpers::{name_of, named, role_of, violation_of};
use super::r42_vendor_with_power::is_vendor;
use super::remedy::{remove_app_role, remove_delegated};
use crate::ArmId;
use crate::access::builtin::AZURE_AD_GRAPH;
use crate::access::{ArmResource, DefinitionKind, DirectoryObject, Facet, ServicePrincipalKind};
use crate::audit::fix::{ps, sh};
use crate::audit::permissions::graph_name;
use crate::audit::{Audit, Evidence, Family, Fix, Outcome, Rule, Severity, Violation};
use std::collections::BTreeMap;

pub(super) const RULE: Rule = Rule {
    id: "R43",
    family: Family::Rbac,
    title: "Azure AD Graph, CWMGR1 or the Automation account is left over",
    severity: Severity::Medium,
    rationale: "Azure AD Graph is retired, and the manager CWMGR1 and its Automation account did their work when the \
                deployment was made. What they hold is used by nobody and watched by nobody.",
    references: &[
        "https://learn.microsoft.com/graph/migrate-azure-ad-graph-overview",
        "https://learn.microsoft.com/entra/identity/enterprise-apps/manage-application-permissions",
        "https://learn.microsoft.com/azure/automation/delete-account",
    ],
    needs: &[
        Facet::AppRoleAssignments,
        Facet::DelegatedGrants,
        Facet::RoleAssignments,
        Facet::PimActive,
        Facet::PimEligible,
        Facet::Principals,
        Facet::Automation,
    ],
    check,
};

/// The manager of a VDS deployment, by the name of its virtual machine.
const MANAGER: &str = "CWMGR1";
/// The role with which the manager reached the Automation account.
const MANAGERS_ROLE: &str = "Automation Contributor";
const AUTOMATION_ACCOUNTS: &str = "microsoft.automation/automationaccounts";
const VIRTUAL_MACHINES: &str = "microsoft.compute/virtualmachines";
/// What tells of VDS besides what the rule needs anyway, where there is an Automation account.
const SIGNS: [Facet; 2] = [Facet::Compute, Facet::RoleDefinitions];

fn check(audit: &Audit<'_>) -> Outcome {
    let mut outcome: Outcome = old_permissions(audit).into_iter().collect();
    let of_manager = audit.world.grants().iter().filter(|grant| is_manager(audit, &grant.principal.id));
    outcome.violations.extend(of_manager.map(|grant| {
        let message = format!("{} is left over and holds {}", named(audit, grant.principal), role_of(grant));
        violation_of(audit, grant, message)
    }));
    let signs = signs_of_vds(audit);
    let accounts: Vec<&ArmResource> = audit.facts.resources_of(AUTOMATION_ACCOUNTS).collect();
    if !signs.is_empty() {
        outcome.violations.extend(accounts.iter().map(|account| automation_account(account, &signs)));
    } else if !audit.is_read_everywhere(&SIGNS) {
        let of = |account: &&ArmResource| {
            format!("whether Automation account {} is of VDS: not all that would tell was read", account.id)
        };
        outcome.unknown.extend(accounts.iter().map(of));
    }
    note_faceless(&mut outcome, audit);
    outcome
}

fn is_manager(audit: &Audit<'_>, principal: &str) -> bool {
    match audit.world.object(principal) {
        Some(DirectoryObject::ServicePrincipal { name, kind, .. }) => {
            *kind == ServicePrincipalKind::ManagedIdentity && name.trim().eq_ignore_ascii_case(MANAGER)
        }
        _ => false,
    }
}

/// What tells that VDS deployed here.
fn signs_of_vds(audit: &Audit<'_>) -> Vec<String> {
    let ids = audit.facts.directory.objects.keys();
    let principals = ids.filter(|id| is_vendor(audit, id) || is_manager(audit, id));
    let principals = principals.map(|id| format!("service principal {} ({id})", name_of(audit, id)));
    let machines = audit.facts.resources_of(VIRTUAL_MACHINES).map(|machine| &machine.id);
    let machines = machines.filter(|id| id.name().eq_ignore_ascii_case(MANAGER)).map(ToString::to_string);
    let roles = audit
        .facts
        .definitions
        .iter()
        .filter(|role| role.kind == DefinitionKind::Custom && role.name.trim().eq_ignore_ascii_case(MANAGERS_ROLE));
    let roles = roles.map(|role| format!("custom role {}", role.id));
    principals.chain(machines).chain(roles).collect()
}

/// A permission on Azure AD Graph, with every grant of it to one service principal.
#[derive(Default)]
struct Old {
    grants: Vec<Evidence>,
    fixes: Vec<Fix>,
}

/// What service principals hold on Azure AD Graph: one violation for a permission, however many users agreed to it.
fn old_permissions(audit: &Audit<'_>) -> Vec<Violation> {
    let mut held: BTreeMap<(&str, String), (&str, Old)> = BTreeMap::new();
    let is_old = |app: &str| app.eq_ignore_ascii_case(AZURE_AD_GRAPH);
    for grant in audit.facts.directory.app_roles.iter().filter(|grant| is_old(&grant.resource_app_id)) {
        let name = graph_name(grant);
        let (_, old) = held.entry((&grant.principal, name.to_lowercase())).or_insert((name, Old::default()));
        old.grants.push(Evidence::new("app role assignment", &grant.id));
        old.fixes.push(remove_app_role(&grant.principal, &grant.id, name));
    }
    for grant in audit.facts.directory.delegated.iter().filter(|grant| is_old(&grant.resource_app_id)) {
        for name in grant.scopes.iter().map(|scope| scope.trim()).filter(|scope| !scope.is_empty()) {
            let (_, old) = held.entry((&grant.client, name.to_lowercase())).or_insert((name, Old::default()));
            let whose = grant.user.as_deref().map_or("everybody".to_owned(), |user| name_of(audit, user));
            old.grants.push(Evidence::new("delegated permission grant", format!("{} (for {whose})", grant.id)));
            old.fixes.push(remove_delegated(&grant.client, &grant.id, name));
        }
    }
    held.into_iter().map(|((holder, _), (name, old))| old_permission(audit, holder, name, old)).collect()
}

fn old_permission(audit: &Audit<'_>, holder: &str, name: &str, old: Old) -> Violation {
    let more = old.grants.len().saturating_sub(MAX_LISTED);
    let mut evidence: Vec<Evidence> = old.grants.into_iter().take(MAX_LISTED).collect();
    if more > 0 {
        evidence.push(Evidence::new("further grants", more.to_string()));
    }
    let lines = |pick: fn(&Fix) -> Option<&str>| {
        let lines: Vec<&str> = old.fixes.iter().take(MAX_LISTED).filter_map(pick).collect();
        Some(lines.join("\n"))
    };
    Violation {
        scope: ArmId::new("/"),
        principal: Some(holder.to_owned()),
        subject: Some(name.to_owned()),
        severity: None,
        message: format!("{} still holds {name} on Azure AD Graph, which is retired", name_of(audit, holder)),
        evidence,
        fix: Fix {
            az: lines(|fix| fix.az.as_deref()),
            powershell: lines(|fix| fix.powershell.as_deref()),
            portal: old.fixes.first().map(|fix| fix.portal.clone()).unwrap_or_default(),
        },
    }
}

fn automation_account(account: &ArmResource, signs: &[String]) -> Violation {
    let id = account.id.as_str();
    Violation {
        scope: account.id.clone(),
        principal: None,
        subject: Some("automationAccount".to_owned()),
        severity: None,
        message: format!("Automation account {} is left over from a deployment by VDS", account.id.name()),
        evidence: vec![Evidence::new("signs of VDS", listed(signs))],
        fix: Fix {
            az: Some(format!("az resource delete --ids {}", sh(id))),
            powershell: Some(format!("Remove-AzResource -ResourceId {}", ps(id))),
            portal: format!("{id} > Overview > Delete. Export its runbooks and note its variables first"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::{MICROSOFT_GRAPH, READER};
    use crate::access::{AppRoleAssignment, DelegatedGrant};
    use crate::audit::Verdict;
    use crate::audit::testing::{Estate, RG, S1};
    use serde_json::json;

    const ACCOUNT: &str = "/subscriptions/s1/resourceGroups/avd/providers/Microsoft.Automation/automationAccounts/a";

    fn app_role(resource: &str, role: &str) -> AppRoleAssignment {
        AppRoleAssignment {
            id: "g1".to_owned(),
            principal: "own".to_owned(),
            resource_app_id: resource.to_owned(),
            app_role_id: role.to_owned(),
            value: None,
        }
    }

    fn delegated(id: &str, user: Option<&str>, scopes: &[&str]) -> DelegatedGrant {
        DelegatedGrant {
            id: id.to_owned(),
            client: "own".to_owned(),
            resource_app_id: AZURE_AD_GRAPH.to_owned(),
            user: user.map(str::to_owned),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        }
    }

    fn estate() -> Estate {
        Estate::bare().application("own", "Payroll", "own-app").user("ann")
    }

    #[test]
    fn each_permission_on_azure_ad_graph_is_reported_once_whoever_agreed_to_it() {
        let estate = estate().with(|facts| {
            facts.directory.app_roles = vec![
                app_role(AZURE_AD_GRAPH, "78c8a3c8-a07e-4b9e-af1b-b5ccab50a175"),
                app_role(AZURE_AD_GRAPH, "nobody-knows"),
            ];
            facts.directory.delegated = vec![
                delegated("d1", None, &["User.Read", " ", ""]),
                delegated("d2", Some("ann"), &["user.read", "Group.Read.All"]),
            ];
        });
        let expected =
            ["/ own Directory.ReadWrite.All", "/ own Group.Read.All", "/ own User.Read", "/ own nobody-knows"];
        assert_eq!(estate.found(&RULE), expected);
        let violations = estate.check(&RULE).violations;
        let read = violations.iter().find(|one| one.subject.as_deref() == Some("User.Read")).unwrap();
        let az = read.fix.az.as_deref().unwrap();
        assert!(az.lines().count() == 2 && az.contains("oauth2PermissionGrants/d1"), "{az}");
        assert!(read.evidence.iter().any(|one| one.value == "d2 (for User ann)"), "{:?}", read.evidence);
    }

    #[test]
    fn grants_of_the_managers_identity_are_left_over() {
        let estate = estate()
            .identity("manager", "cwmgr1")
            .application("fake", "CWMGR1", "fake-app")
            .assign("manager", READER, S1)
            .eligible("manager", READER, RG, None)
            .assign("fake", READER, S1);
        assert_eq!(estate.found(&RULE), [format!("{S1} manager {READER}"), format!("{RG} manager {READER}")]);
    }

    #[test]
    fn an_automation_account_is_left_over_where_something_tells_of_vds() {
        let with_account = || estate().resource(ACCOUNT, "Microsoft.Automation/automationAccounts", json!({}));
        let vm = format!("{RG}/providers/Microsoft.Compute/virtualMachines/CwMgr1");
        for estate in [
            with_account().application("vendor", "Cloud Workspace", "vendor-app"),
            with_account().identity("manager", "CWMGR1"),
            with_account().resource(&vm, "Microsoft.Compute/virtualMachines", json!({})),
            with_account()
                .role("automation", &[], &[], &[], &[S1])
                .with(|facts| facts.definitions.last_mut().unwrap().name = "Automation Contributor".to_owned()),
        ] {
            assert_eq!(estate.found(&RULE), [format!("{ACCOUNT} - automationAccount")]);
        }
        assert_eq!(with_account().check(&RULE), Outcome::default());
        let built_in = with_account().with(|facts| facts.definitions[0].name = "Automation Contributor".to_owned());
        assert_eq!(built_in.check(&RULE), Outcome::default());
    }

    #[test]
    fn microsoft_graph_is_not_the_retired_one() {
        let estate = estate().with(|facts| {
            facts.directory.app_roles = vec![app_role(MICROSOFT_GRAPH, "19dbc75e-c2e2-444c-a770-ec69d8559fc7")];
        });
        assert_eq!(estate.check(&RULE), Outcome::default());
    }

    #[test]
    fn what_could_not_be_read_leaves_it_open() {
        for (facet, scope) in [(Facet::DelegatedGrants, "/"), (Facet::AppRoleAssignments, "/"), (Facet::Automation, S1)]
        {
            assert_eq!(estate().forbidden(facet, scope).verdict(&RULE), Verdict::Unknown, "{facet}");
        }
        let faceless = estate().assign("unseen", READER, S1).with(|facts| {
            facts.assignments[0].principal.kind = "ServicePrincipal".to_owned();
        });
        assert_eq!(faceless.verdict(&RULE), Verdict::Unknown);
    }

    #[test]
    fn an_automation_account_may_be_of_vds_where_its_signs_were_not_read() {
        for facet in SIGNS {
            let unread = estate().forbidden(facet, S1);
            assert_eq!(unread.verdict(&RULE), Verdict::Pass, "there is no account: {facet}");
            let account = unread.resource(ACCOUNT, "Microsoft.Automation/automationAccounts", json!({}));
            assert_eq!(account.verdict(&RULE), Verdict::Unknown, "{facet}");
            assert!(account.check(&RULE).unknown[0].contains(ACCOUNT));
        }
    }
}
