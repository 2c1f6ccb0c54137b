//! Role assignments of the classic service as verbs, and carried over to Azure.

use crate::roles::{ADELE, Desk, UPN, outcome};
use serde_json::{Value, json};

/// The classic scopes of the simulated estate.
const TENANT_GROUP: &str = "Default Tenant Group";
const TENANT: &str = "Tenant 01";

#[tokio::test]
async fn of_two_classic_owners_who_are_removed_at_once_one_stays() {
    let desk = Desk::new().await;
    let change = |verb: &'static str, who: &'static str| {
        let desk = &desk;
        async move { desk.classic(&[verb, "--role-definition-name", "RDS Owner", "--sign-in-name", who]).await }
    };
    for who in [UPN, "bob@contoso.example"] {
        assert_eq!(change("grant", who).await.code, Some(0));
    }
    desk.0.break_with(&["slow:path=roleassignments/,ms=4000"]);
    let (first, second) = tokio::join!(change("revoke", UPN), change("revoke", "bob@contoso.example"));
    assert!(first.stderr.contains("put back") || second.stderr.contains("put back"), "{first:?} {second:?}");
    let left = desk.classic(&["list", "--role-definition-name", "RDS Owner", "--json"]).await.json();
    let at_group = |one: &&Value| one["scope"] == format!("/{TENANT_GROUP}");
    assert!(left["assignments"].as_array().unwrap().iter().any(|one| at_group(&one)), "{left:#}");
}

#[tokio::test]
async fn classic_roles_take_the_cmdlets_parameters() {
    let desk = Desk::new().await;
    for (arguments, words) in [
        (&["list", "--diagnostics"][..], "Infrastructure or with TenantName"),
        (&["list", "--infrastructure", "--tenant-name", "t"], "no TenantName"),
        (&["list", "--host-pool-name", "p"], "needs TenantName"),
        (&["list", "--tenant-name", "t", "--app-group-name", "g"], "needs HostPoolName"),
        (&["list", "--role-definition-name", "Boss"], "there is no role"),
        (&["list", "--aad-tenant-id", "t", "--sign-in-name", "a@b"], "AadTenantId"),
        (&["grant", "--tenant-name", "t", "--sign-in-name", "a@b"], "RoleDefinitionName is missing"),
        (&["grant", "--tenant-name", "t", "--role-definition-name", "RDS Reader"], "SignInName"),
        (
            &["revoke", "--role-definition-name", "RDS Reader", "--sign-in-name", "a", "--group-object-id", "b"],
            "give one",
        ),
    ] {
        let output = desk.classic(arguments).await;
        assert!(output.code == Some(1) && output.stderr.contains(words), "{arguments:?}: {output:?}");
    }
    assert_eq!(desk.0.azure.stats()["requests"]["total"], 0, "nothing was asked for that");

    let who = ["--tenant-name", TENANT, "--role-definition-name", "RDS Reader", "--sign-in-name", UPN];
    let with = |verb: &'static str, more: &[&'static str]| [&[verb, "--json"], &who[..], more].concat();
    assert_eq!(outcome(&desk.classic(&with("grant", &["--dry-run"])).await), "would_grant");
    assert_eq!(desk.writes(), 0);
    assert_eq!(outcome(&desk.classic(&with("grant", &[])).await), "granted");
    assert_eq!(outcome(&desk.classic(&with("grant", &[])).await), "already_granted");
    let listed = desk.classic(&with("list", &[])).await.json();
    assert_eq!(listed["assignments"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["assignments"][0]["scope"], format!("/{TENANT_GROUP}/{TENANT}"));

    let scope = format!("/{TENANT_GROUP}/{TENANT}/pool");
    let explained = desk.classic(&["explain", UPN, &scope, "--json"]).await;
    let can = explained.json()["can"].clone();
    let answers: Vec<&str> = can.as_array().unwrap().iter().map(|one| one["answer"].as_str().unwrap()).collect();
    assert_eq!(answers, ["allowed", "not_granted", "not_granted", "allowed"], "{can}");
    let able = desk.classic(&["who-can", "see", &scope]).await;
    assert!(able.stdout.contains(UPN), "{able:?}");

    assert_eq!(outcome(&desk.classic(&with("revoke", &["--dry-run"])).await), "would_revoke");
    assert_eq!(outcome(&desk.classic(&with("revoke", &[])).await), "revoked");
    assert_eq!(outcome(&desk.classic(&with("revoke", &[])).await), "not_there");
}

#[tokio::test]
async fn an_application_is_told_by_its_old_parameter_and_made_once() {
    let desk = Desk::new().await;
    let (object, app) = ("0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b08", "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b09");
    let add = json!([{"op": "add_service_principal", "id": object, "displayName": "Deployer", "appId": app}]);
    desk.tell("POST", "/_sim/graph/change", &add).await;
    let grant = |name: &'static str| {
        let desk = &desk;
        async move {
            let role = ["--role-definition-name", "RDS Contributor", "--server-principle-name", name];
            desk.classic(&[&["grant", "--json", "--tenant-name", TENANT], &role[..]].concat()).await
        }
    };
    assert_eq!(outcome(&grant("Deployer").await), "granted");
    assert_eq!(outcome(&grant("Deployer").await), "already_granted");
    assert_eq!(outcome(&grant(app).await), "already_granted");
    let unknown = grant("Nobody's tool").await;
    assert!(unknown.code == Some(1) && unknown.stderr.contains("application id"), "{unknown:?}");
}

#[tokio::test]
async fn what_records_do_not_tell_apart_is_made_anyway_and_removed_by_id_only() {
    let desk = Desk::new().await;
    let reader = ["--json", "--role-definition-name", "RDS Reader", "--sign-in-name", UPN];
    let with = |verb: &'static str, more: &[&'static str]| [&[verb], &reader[..], more].concat();
    for (plain, special) in [
        (&["--tenant-name", TENANT][..], &["--tenant-name", TENANT, "--diagnostics"][..]),
        (&[], &["--infrastructure"]),
    ] {
        assert_eq!(outcome(&desk.classic(&with("grant", plain)).await), "granted");
        let writes = desk.writes();
        assert_eq!(outcome(&desk.classic(&with("grant", &[special, &["--dry-run"]].concat())).await), "would_grant");
        let refused = desk.classic(&with("revoke", special)).await;
        assert!(refused.code == Some(1) && refused.stderr.contains("--id"), "{refused:?}");
        assert_eq!(desk.writes(), writes, "the role on the whole is left alone");
        let made = desk.classic(&with("grant", special)).await;
        assert_eq!(outcome(&made), "granted");
        let id = made.json()["assignments"][0]["id"].as_str().unwrap().to_owned();
        let unclear = desk.classic(&with("revoke", plain)).await;
        assert!(unclear.code == Some(1) && unclear.stderr.contains(&id), "it may be either: {unclear:?}");
        let other = [&with("revoke", special)[..], &["--id", "another"]].concat();
        assert_eq!(outcome(&desk.classic(&other).await), "not_there");
        let revoke = [&with("revoke", special)[..], &["--id", &id]].concat();
        assert_eq!(outcome(&desk.classic(&revoke).await), "revoked");
        assert_eq!(outcome(&desk.classic(&with("grant", plain)).await), "already_granted", "that one stayed");
    }
    let listed = desk.classic(&["list", "--infrastructure"]).await;
    assert!(listed.code == Some(2) && listed.stdout.contains("not read: which of them"), "{listed:?}");
}

#[tokio::test]
async fn a_name_that_several_bear_removes_nothing() {
    let desk = Desk::new().await;
    let ids = |number: u8| {
        let id = |last: u8| format!("0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1c{last:02}");
        (id(number), id(number + 1))
    };
    let add = |number: u8| {
        let (object, app) = ids(number);
        json!([{"op": "add_service_principal", "id": object, "displayName": "Automation", "appId": app}])
    };
    let change = |verb: &'static str, name: String| {
        let desk = &desk;
        async move {
            let role = ["--role-definition-name", "RDS Contributor", "--service-principal-name", &name];
            desk.classic(&[&[verb, "--json", "--tenant-name", TENANT], &role[..]].concat()).await
        }
    };
    desk.tell("POST", "/_sim/graph/change", &add(10)).await;
    assert_eq!(outcome(&change("grant", ids(10).1).await), "granted");
    desk.tell("POST", "/_sim/graph/change", &add(20)).await;
    let writes = desk.writes();
    let refused = change("revoke", "Automation".to_owned()).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("several applications"), "{refused:?}");
    assert_eq!(desk.writes(), writes);
    assert_eq!(outcome(&change("revoke", ids(20).1).await), "not_there");
    assert_eq!(outcome(&change("revoke", ids(10).1).await), "revoked");
}

#[tokio::test]
async fn contradictions_are_listed_and_the_last_owner_of_a_tenant_group_stays() {
    let desk = Desk::new().await;
    let listed = desk.classic(&["list", "--tenant-name", TENANT]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stdout.contains("called RDS Reader and has the id of RDS Owner"), "{listed:?}");

    let owner = ["--json", "--role-definition-name", "RDS Owner", "--sign-in-name", UPN];
    assert_eq!(outcome(&desk.classic(&[&["grant"], &owner[..]].concat()).await), "granted");
    let refused = desk.classic(&[&["revoke"], &owner[..]].concat()).await;
    assert!(
        refused.code == Some(1) && refused.stderr.contains("last RDS Owner of /Default Tenant Group"),
        "{refused:?}"
    );
    let other = ["grant", "--json", "--role-definition-name", "RDS Owner", "--sign-in-name", "bob@contoso.example"];
    assert_eq!(outcome(&desk.classic(&other).await), "granted");
    assert_eq!(outcome(&desk.classic(&[&["revoke"], &owner[..]].concat()).await), "revoked");

    desk.tell("PUT", "/_sim/feed", &json!({"classic": "retired"})).await;
    let retired = desk.classic(&["list"]).await;
    assert!(retired.code == Some(1) && retired.stderr.contains("retired since"), "{retired:?}");
}

#[tokio::test]
async fn saved_assignments_are_listed_and_planned_for_without_any_connection() {
    let desk = Desk::new().await;
    std::fs::write(desk.0.path("poolwarden.toml"), "").unwrap();
    let record = |id: &str, scope: &str, role: &str| {
        json!({"RoleAssignmentId": id, "Scope": scope, "SignInName": UPN, "RoleDefinitionName": role,
            "ObjectId": ADELE, "ObjectType": "User"})
    };
    let saved = json!([
        record("1", "/Default Tenant Group/contoso", "RDS Owner"),
        record("2", "/Default Tenant Group/contoso/gone", "RDS Reader"),
        record("3", "/a/b/c/d/e", "RDS Reader"),
    ]);
    std::fs::write(desk.0.path("saved.json"), saved.to_string()).unwrap();
    let listed = desk.classic(&["list", "--from", "saved.json"]).await;
    assert_eq!(listed.code, Some(2), "one cannot be understood: {listed:?}");
    assert!(listed.stdout.contains("2 role assignments") && listed.stdout.contains("not read"), "{listed:?}");

    let map = "Default Tenant Group/contoso=/subscriptions/s/resourceGroups/rg";
    let plan = desk.roles(&["migrate", "--from", "saved.json", "--map", map, "--format", "az"]).await;
    assert_eq!(plan.code, Some(2), "{plan:?}");
    assert_eq!(plan.stdout.matches("az role assignment create").count(), 2, "{plan:?}");
    assert!(plan.stdout.contains("# not migrated: RDS Reader") && plan.stderr.contains("no equivalent"), "{plan:?}");
    let bicep =
        desk.roles(&["migrate", "--from", "saved.json", "--map", map, "--format", "bicep", "--output", "plan"]).await;
    assert_eq!(bicep.code, Some(2), "{bicep:?}");
    let text = std::fs::read_to_string(desk.0.path("plan/s-rg.bicep")).unwrap();
    assert!(text.contains(ADELE), "{text}");
    let apply = desk.roles(&["migrate", "--from", "saved.json", "--map", map, "--apply"]).await;
    assert!(apply.code == Some(1) && apply.stderr.contains("no connection of kind \"arm\""), "{apply:?}");
    assert_eq!(desk.0.azure.stats()["requests"]["total"], 0);
}

#[tokio::test]
async fn a_migration_that_is_applied_twice_changes_nothing_the_second_time() {
    let desk = Desk::new().await;
    let (pool, name) = desk.first("hostPools");
    // Whom the classic service tells by name only, the directory knows.
    let grant = ["grant", "--json", "--tenant-name", TENANT, "--host-pool-name", &name];
    let reader = ["--role-definition-name", "RDS Reader", "--sign-in-name", UPN];
    assert_eq!(outcome(&desk.classic(&[&grant[..], &reader[..]].concat()).await), "granted");

    let migrate = |more: &'static [&'static str]| {
        let desk = &desk;
        async move { desk.roles(&[&["migrate", "--json", "--from-classic", "old"], more].concat()).await }
    };
    let count = |report: &Value, outcome: &str| {
        report["outcomes"].as_array().unwrap().iter().filter(|one| one["outcome"] == outcome).count()
    };
    let (plan, before) = (migrate(&["--dry-run"]).await, desk.writes());
    let plan = plan.json();
    let lines = plan["lines"].as_array().unwrap().len();
    assert!(lines > 1 && count(&plan, "would_make") == lines, "{plan:#}");
    assert!(!plan["contradictions"].as_object().unwrap().is_empty(), "{plan:#}");
    assert_eq!(desk.writes(), before, "a dry run writes nothing");
    let line = plan["lines"].as_array().unwrap().iter().find(|line| line["principal_id"] == ADELE).unwrap();
    assert_eq!(line["role_name"], "Desktop Virtualization Reader");
    assert!(line["scope"].as_str().unwrap().eq_ignore_ascii_case(&pool), "{line}");

    let first = migrate(&["--apply"]).await;
    let report = first.json();
    assert_eq!(count(&report, "made"), lines, "{report:#}");
    let without = report["without"].as_array().unwrap().len();
    assert_eq!(first.code, Some(if without == 0 { 0 } else { 2 }));
    assert_eq!(desk.held(ADELE).await.len(), 1);
    let written = desk.writes();
    let again = migrate(&["--apply"]).await.json();
    assert_eq!((count(&again, "already"), desk.writes()), (lines, written), "{again:#}");
}
