//! What service principals may do in the directory.

use super::super::permissions::*;
use super::super::testing::{NONE, deployed, found};
use crate::access::builtin::{AZURE_AD_GRAPH, AZURE_SERVICE_MANAGEMENT, MICROSOFT_GRAPH};
use crate::access::{AppRoleAssignment, DelegatedGrant, DirectoryObject};
use crate::audit::Rule;
use crate::audit::testing::Estate;

fn estate() -> Estate {
    deployed().application("app", "Some application", "app-id")
}

fn role(estate: Estate, resource: &str, role: &str, value: Option<&str>) -> Estate {
    let grant = AppRoleAssignment {
        id: "grant".to_owned(),
        principal: "app".to_owned(),
        resource_app_id: resource.to_owned(),
        app_role_id: role.to_owned(),
        value: value.map(str::to_owned),
    };
    estate.with(|facts| facts.directory.app_roles.push(grant))
}

fn consent(resource: &str, user: Option<&str>, scopes: &[&str]) -> Estate {
    let grant = DelegatedGrant {
        id: "consent".to_owned(),
        client: "app".to_owned(),
        resource_app_id: resource.to_owned(),
        user: user.map(str::to_owned),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    };
    estate().with(|facts| facts.directory.delegated.push(grant))
}

#[test]
fn every_permission_on_azure_ad_graph_is_one_too_many() {
    let both = role(consent(AZURE_AD_GRAPH, Some("u"), &["User.Read", "openid"]), AZURE_AD_GRAPH, "unknown-id", None);
    assert_eq!(found(&both, &V06), ["/ app User.Read", "/ app openid", "/ app unknown-id"]);
    assert_eq!(found(&role(consent(MICROSOFT_GRAPH, None, &["User.Read"]), MICROSOFT_GRAPH, "x", None), &V06), NONE);
}

#[test]
fn permissions_to_write_are_told_by_name_or_by_either_id() {
    let told: [(Rule, &str, &str); 4] = [
        (V07, "Application.ReadWrite.All", "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9"),
        (V08, "Directory.ReadWrite.All", "19dbc75e-c2e2-444c-a770-ec69d8559fc7"),
        (V09, "Domain.ReadWrite.All", "7e05723c-0bb0-42da-be95-ae9f08a6e53c"),
        (V10, "Device.ReadWrite.All", "1138cb37-bd11-4084-a2b7-9f71582aeddb"),
    ];
    for (rule, name, id) in &told {
        let line = [format!("/ app {name}")];
        assert_eq!(found(&role(estate(), MICROSOFT_GRAPH, "x", Some(name)), rule), line);
        assert_eq!(found(&role(estate(), AZURE_AD_GRAPH, "x", Some(name)), rule), line);
        assert_eq!(found(&role(estate(), MICROSOFT_GRAPH, id, None), rule), line);
        assert_eq!(found(&role(estate(), "another-api", id, Some(name)), rule), NONE);
        for (other, other_name, _) in told.iter().filter(|(_, other, _)| other != name) {
            assert_eq!(found(&role(estate(), MICROSOFT_GRAPH, "x", Some(name)), other), NONE, "{name} {other_name}");
        }
    }
}

#[test]
fn devices_may_be_written_where_they_are_removed_with_their_hosts() {
    let estate = role(estate(), MICROSOFT_GRAPH, "x", Some("Device.ReadWrite.All"));
    assert_eq!(found(&estate.policy(|policy| policy.removes_devices = true), &V10), NONE);
}

#[test]
fn consent_for_everybody_is_judged_scope_by_scope() {
    let scopes = ["User.Read", "Directory.AccessAsUser.All", "group.readwrite.all", "Directory.ReadWrite.All"];
    let lines = ["/ app Directory.AccessAsUser.All", "/ app Directory.ReadWrite.All", "/ app group.readwrite.all"];
    assert_eq!(found(&consent(MICROSOFT_GRAPH, None, &scopes), &V11), lines);
    assert_eq!(found(&consent(MICROSOFT_GRAPH, Some("u"), &scopes), &V11), NONE);
    assert_eq!(found(&consent(AZURE_SERVICE_MANAGEMENT, None, &scopes), &V11), NONE);
}

#[test]
fn azure_is_managed_in_nobodys_name() {
    let scopes = ["user_impersonation"];
    assert_eq!(found(&consent(AZURE_SERVICE_MANAGEMENT, None, &scopes), &V12), ["/ app user_impersonation"]);
    assert_eq!(found(&consent(AZURE_SERVICE_MANAGEMENT, Some("u"), &scopes), &V12), NONE);
    assert_eq!(found(&consent(MICROSOFT_GRAPH, None, &scopes), &V12), NONE);
}

#[test]
fn hidden_memberships_are_read_by_nothing_be_it_for_one_user() {
    let scopes = ["Member.Read.Hidden"];
    assert_eq!(found(&consent(MICROSOFT_GRAPH, Some("u"), &scopes), &V13), ["/ app Member.Read.Hidden"]);
    let by_id = role(estate(), MICROSOFT_GRAPH, "658aa5d8-239f-45c4-aa12-864f4fc7e490", None);
    assert_eq!(found(&by_id, &V13), ["/ app Member.Read.Hidden"]);
    assert_eq!(found(&consent(MICROSOFT_GRAPH, None, &["Member.Read"]), &V13), NONE);
}

#[test]
fn microsofts_own_applications_are_not_judged() {
    let estate = role(estate(), MICROSOFT_GRAPH, "x", Some("Directory.ReadWrite.All"));
    let owned_by = |tenant: &str| {
        let tenant = tenant.to_owned();
        estate.clone().with(|facts| {
            let app = facts.directory.objects.get_mut("app").unwrap();
            let DirectoryObject::ServicePrincipal { owner_tenant, .. } = app else { unreachable!() };
            *owner_tenant = Some(tenant);
        })
    };
    assert_eq!(found(&owned_by("F8CDEF31-a31e-4b4a-93e4-5f571e91255a"), &V08), NONE);
    assert_eq!(found(&owned_by("another"), &V08), ["/ app Directory.ReadWrite.All"]);
}

#[test]
fn taking_one_scope_back_leaves_the_others() {
    let estate = consent(MICROSOFT_GRAPH, None, &["User.Read", "Directory.ReadWrite.All"]);
    let fix = estate.check(&V11).violations.remove(0).fix;
    assert_eq!(
        fix.az.unwrap(),
        "az rest --method patch --url 'https://graph.microsoft.com/v1.0/oauth2PermissionGrants/consent' \
         --body '{\"scope\":\"User.Read\"}'"
    );
    let alone = consent(MICROSOFT_GRAPH, None, &["Directory.ReadWrite.All"]);
    assert!(alone.check(&V11).violations.remove(0).fix.az.unwrap().contains("--method delete"));
}

#[test]
fn what_mends_a_grant_gives_nothing_back_that_is_wrong() {
    let scopes = ["Directory.AccessAsUser.All", "User.Read", "Group.ReadWrite.All"];
    let violations = consent(MICROSOFT_GRAPH, None, &scopes).check(&V11).violations;
    assert_eq!(violations.len(), 2);
    for violation in violations {
        assert!(violation.fix.az.unwrap().ends_with(r#"--body '{"scope":"User.Read"}'"#));
    }
    // Nothing of Azure AD Graph may stay, however many scopes there are.
    for violation in consent(AZURE_AD_GRAPH, None, &["User.Read", "openid"]).check(&V06).violations {
        assert!(violation.fix.az.unwrap().contains("--method delete"));
    }
}

#[test]
fn what_mends_a_grant_for_one_rule_gives_back_nothing_that_another_rule_takes() {
    let az = |estate: &Estate, rule: &Rule| estate.check(rule).violations.remove(0).fix.az.unwrap();
    let three = consent(MICROSOFT_GRAPH, None, &["Directory.ReadWrite.All", "Member.Read.Hidden", "User.Read"]);
    for rule in [&V11, &V13] {
        assert_eq!(found(&three, rule).len(), 1, "{}", rule.id);
        assert!(az(&three, rule).ends_with(r#"--body '{"scope":"User.Read"}'"#), "{}", rule.id);
    }
    let two = consent(MICROSOFT_GRAPH, None, &["Directory.ReadWrite.All", "Member.Read.Hidden"]);
    let old = consent(AZURE_AD_GRAPH, None, &["Directory.ReadWrite.All", "Member.Read.Hidden", "User.Read"]);
    for (estate, rule) in [(&two, &V11), (&two, &V13), (&old, &V06), (&old, &V11), (&old, &V13)] {
        assert!(az(estate, rule).contains("--method delete"), "{}", rule.id);
    }
    // Of one user, who may write the directory in their own name, only what is hidden is taken.
    let own = consent(MICROSOFT_GRAPH, Some("u"), &["Directory.ReadWrite.All", "Member.Read.Hidden"]);
    assert!(az(&own, &V13).ends_with(r#"--body '{"scope":"Directory.ReadWrite.All"}'"#));
    let azure = consent(AZURE_SERVICE_MANAGEMENT, None, &["user_impersonation", "openid"]);
    assert!(az(&azure, &V12).ends_with(r#"--body '{"scope":"openid"}'"#));
}
