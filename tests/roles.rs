//! Role assignments as verbs: made, removed and carried over from the classic service, again and again with the same
//! end.

use crate::harness::{CONNECTION, Output, Stand, until};
use serde_json::{Value, json};
use simulator::EstateSpec;

const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const ADELE: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b01";
const UPN: &str = "adele@contoso.example";
const BOB: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b03";
const GROUP: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b02";
/// The classic scopes of the simulated estate.
const TENANT_GROUP: &str = "Default Tenant Group";
const TENANT: &str = "Tenant 01";

/// An installation with a connection to Azure and one to the classic service, and three in the directory.
struct Desk(Stand);

impl Desk {
    async fn new() -> Self {
        let stand = Stand::new(EstateSpec { page_size: 50, ..EstateSpec::default() }).await;
        let url = stand.azure.url();
        let connection = |name: &str, kind: &str| {
            format!(
                "[[connection]]\nname = \"{name}\"\nkind = \"{kind}\"\ncredential = {{ kind = \"managed_identity\" }}\n\
                 endpoints = {{ {kind} = \"{url}\", graph = \"{url}\" }}\n"
            )
        };
        let text = connection(CONNECTION, "arm") + &connection("old", "classic");
        std::fs::write(stand.path("poolwarden.toml"), text).unwrap();
        let desk = Self(stand);
        desk.tell("PUT", "/_sim/graph/applications", &json!({"allow": true})).await;
        desk.tell(
            "POST",
            "/_sim/graph/change",
            &json!([
                {"op": "add_user", "id": ADELE, "displayName": "Adele", "userPrincipalName": UPN},
                {"op": "add_user", "id": BOB, "displayName": "Bob", "userPrincipalName": "bob@contoso.example"},
                {"op": "add_group", "id": GROUP, "displayName": "Nobody's group", "members": []},
            ]),
        )
        .await;
        desk
    }

    async fn tell(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.0.azure.url());
        let request = reqwest::Client::new().request(method.parse().unwrap(), url);
        let request = request.bearer_auth(self.0.azure.token()).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }

    /// Leaves only these Owners of the first subscription.
    async fn only_owners(&self, mine: &[&str]) {
        let subscription = self.subscription();
        let owners = self.roles(&["list", "--json", "--scope", &subscription, "--role", "Owner"]).await.json();
        for owner in owners["assignments"].as_array().unwrap() {
            if !mine.contains(&owner["principal"]["id"].as_str().unwrap()) {
                let id = owner["id"].as_str().unwrap();
                assert_eq!(outcome(&self.roles(&["revoke", "--json", "--id", id]).await), "revoked");
            }
        }
    }

    async fn plant_owner(&self, scope: &str, principal: &str, kind: &str) {
        let grant = json!({"op": "grant", "kind": "assignment", "scope": scope, "role": OWNER, "principal": principal,
            "principalType": kind});
        self.tell("POST", "/_sim/plant", &json!([grant])).await;
    }

    fn subscription(&self) -> String {
        format!("/subscriptions/{}", self.0.azure.estate()["subscriptions"][0]["id"].as_str().unwrap())
    }

    /// Something of the estate: its id, and its name.
    fn first(&self, kind: &str) -> (String, String) {
        let id = self.0.azure.estate()[kind][0]["id"].as_str().unwrap().to_owned();
        let name = id.rsplit('/').next().unwrap().to_owned();
        (id, name)
    }

    /// What somebody holds in the first subscription, as Azure lists it.
    async fn held(&self, principal: &str) -> Vec<Value> {
        let url = format!(
            "{}{}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter=principalId eq '{principal}'",
            self.0.azure.url(),
            self.subscription()
        );
        let answer = reqwest::Client::new().get(url).bearer_auth(self.0.azure.token()).send().await.unwrap();
        let page: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        page["value"].as_array().unwrap().clone()
    }

    /// How many requests wrote something.
    fn writes(&self) -> u64 {
        let stats = self.0.azure.stats();
        let counts = stats["requests"]["by_operation"].as_object().unwrap().iter();
        let wrote = |operation: &str| {
            operation.starts_with("PUT ") || operation.starts_with("DELETE ") || operation == "POST classic"
        };
        counts.filter(|(operation, _)| wrote(operation)).map(|(_, count)| count.as_u64().unwrap()).sum()
    }

    async fn roles(&self, arguments: &[&str]) -> Output {
        self.0.run(&[&["roles"], arguments].concat()).await
    }

    async fn classic(&self, arguments: &[&str]) -> Output {
        self.0.run(&[&["classic", "roles"], arguments].concat()).await
    }
}

fn outcome(output: &Output) -> String {
    assert_eq!(output.code, Some(0), "{output:?}");
    output.json()["outcome"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn granting_twice_grants_once_and_revoking_twice_removes_it() {
    let desk = Desk::new().await;
    let (id, name) = desk.first("applicationGroups");
    let grant = ["grant", "--json", "--scope", &name, "--role", "desktop virtualization user", "--principal", UPN];
    let dry = desk.roles(&[&grant[..], &["--dry-run"]].concat()).await;
    assert_eq!(outcome(&dry), "would_grant");
    assert_eq!((desk.held(ADELE).await.len(), desk.writes()), (0, 0), "a dry run writes nothing");
    let first = desk.roles(&grant).await;
    assert_eq!(outcome(&first), "granted");
    assert_eq!(first.json()["id"], dry.json()["id"], "the name follows from the rest");
    assert_eq!((desk.held(ADELE).await.len(), desk.writes()), (1, 1));
    assert_eq!(outcome(&desk.roles(&grant).await), "already_granted");
    assert_eq!(desk.writes(), 1, "what is there is left alone");
    let by_ids =
        ["grant", "--json", "--scope", &id, "--role", "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63", "--principal", ADELE];
    assert_eq!(outcome(&desk.roles(&by_ids).await), "already_granted");

    let list = desk.roles(&["list", "--json", "--scope", &id, "--principal", UPN]).await;
    let listed = &list.json()["assignments"];
    assert_eq!(
        (list.code, listed[0]["role_name"].as_str()),
        (Some(0), Some("Desktop Virtualization User")),
        "{list:?}"
    );
    let shown = desk.roles(&["list", "--principal", ADELE]).await;
    assert!(
        shown.stdout.contains("Desktop Virtualization User") && shown.stdout.contains("1 role assignments"),
        "{shown:?}"
    );

    let other = desk.roles(&[&by_ids[..], &["--condition", "@Resource[x] StringEquals 'y'"]].concat()).await;
    assert!(other.code == Some(1) && other.stderr.contains("under no condition"), "{other:?}");

    let revoke =
        ["revoke", "--json", "--scope", &name, "--role", "Desktop Virtualization User", "--principal", "Adele"];
    assert_eq!(outcome(&desk.roles(&[&revoke[..], &["--dry-run"]].concat()).await), "would_revoke");
    assert_eq!(desk.held(ADELE).await.len(), 1);
    assert_eq!(outcome(&desk.roles(&revoke).await), "revoked");
    assert_eq!(outcome(&desk.roles(&revoke).await), "not_there");
    let by_id = desk.roles(&["revoke", "--json", "--id", first.json()["id"].as_str().unwrap()]).await;
    assert_eq!(outcome(&by_id), "not_there");
    assert_eq!(desk.held(ADELE).await.len(), 0);
}

#[tokio::test]
async fn what_is_meant_must_be_clear_and_refusals_say_what_to_do() {
    let desk = Desk::new().await;
    let subscription = desk.subscription();
    for (scope, role, principal, words) in [
        ("/subscriptions/../x", "Reader", ADELE, "is no resource id"),
        (&subscription, "Raeder", ADELE, "is called \"Raeder\""),
        (&subscription, "Desktop Virtualization", ADELE, "Desktop Virtualization Reader"),
        (&subscription, "Reader", "Somebody Else", "nobody in the directory is called"),
    ] {
        let output = desk.roles(&["grant", "--scope", scope, "--role", role, "--principal", principal]).await;
        assert!(output.code == Some(1) && output.stderr.contains(words), "{words}: {output:?}");
    }
    let stranger = ["grant", "--scope", &subscription, "--role", "Reader", "--principal", OWNER];
    let output = desk.roles(&stranger).await;
    assert!(output.code == Some(1) && output.stderr.contains("--principal-type"), "{output:?}");
    assert_eq!(desk.roles(&[&stranger[..], &["--principal-type", "ServicePrincipal"]].concat()).await.code, Some(0));
    desk.0.break_with(&["403:path=roleassignments/"]);
    let output = desk.roles(&["grant", "--scope", &subscription, "--role", "Reader", "--principal", ADELE]).await;
    assert!(output.code == Some(1) && output.stderr.contains("roleAssignments/write"), "{output:?}");
    assert_eq!(desk.roles(&["revoke"]).await.code, Some(64), "wrong usage");
}

#[tokio::test]
async fn a_grant_that_was_killed_before_its_answer_came_is_there_once() {
    let desk = Desk::new().await;
    let subscription = desk.subscription();
    let grant = ["roles", "grant", "--json", "--scope", &subscription, "--role", "Reader", "--principal", ADELE];
    // It is done, and nobody hears of it.
    desk.0.break_with(&["cut:path=roleassignments/"]);
    let mut killed = desk.0.start(&grant);
    until("it is there", || async { desk.held(ADELE).await.len() == 1 }).await;
    killed.kill().await.unwrap();
    desk.0.break_with(&[]);
    assert_eq!(outcome(&desk.0.run(&grant).await), "already_granted");
    assert_eq!(desk.held(ADELE).await.len(), 1);
}

#[tokio::test]
async fn the_last_owner_of_a_subscription_stays() {
    let desk = Desk::new().await;
    let subscription = desk.subscription();
    desk.plant_owner(&subscription, ADELE, "User").await;
    desk.plant_owner(&subscription, BOB, "User").await;
    desk.plant_owner(&subscription, GROUP, "Group").await;
    desk.only_owners(&[ADELE, BOB, GROUP]).await;
    let revoke = |who: &'static str| {
        let (desk, subscription) = (&desk, &subscription);
        async move {
            desk.roles(&["revoke", "--json", "--scope", subscription, "--role", "Owner", "--principal", who]).await
        }
    };
    assert_eq!(outcome(&revoke(BOB).await), "revoked", "Adele is left");
    let refused = revoke(ADELE).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("last Owner"), "{refused:?}");
    assert!(refused.stderr.contains("Nobody's group") && refused.stderr.contains("no member"), "{refused:?}");
    assert_eq!(desk.held(ADELE).await.len(), 1);
    desk.tell("POST", "/_sim/graph/change", &json!([{"op": "add_member", "group": GROUP, "member": BOB}])).await;
    assert_eq!(outcome(&revoke(ADELE).await), "revoked", "the group has somebody now");
    let refused = revoke(GROUP).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("last Owner"), "{refused:?}");
    // An Owner above counts, and is the last one then.
    desk.plant_owner("/", ADELE, "User").await;
    assert_eq!(outcome(&revoke(GROUP).await), "revoked");
    let refused = desk.roles(&["revoke", "--scope", "/", "--role", "Owner", "--principal", ADELE]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("last Owner"), "{refused:?}");
}

#[tokio::test]
async fn an_owner_under_a_condition_does_not_count() {
    let desk = Desk::new().await;
    let subscription = desk.subscription();
    desk.plant_owner(&subscription, ADELE, "User").await;
    desk.only_owners(&[ADELE]).await;
    let owner = |verb: &'static str, who: &'static str| {
        [verb, "--json", "--scope", &subscription, "--role", "Owner", "--principal", who].map(str::to_owned)
    };
    let bound = [&owner("grant", BOB)[..], &["--condition".to_owned(), "@Resource[x] StringEquals 'y'".to_owned()]];
    let bound: Vec<String> = bound.concat();
    let bound: Vec<&str> = bound.iter().map(String::as_str).collect();
    assert_eq!(outcome(&desk.roles(&bound).await), "granted");
    let refused = desk.roles(&owner("revoke", ADELE).each_ref().map(String::as_str)).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("last Owner"), "{refused:?}");
    assert!(refused.stderr.contains("under a condition"), "{refused:?}");
    assert_eq!(outcome(&desk.roles(&owner("revoke", BOB).each_ref().map(String::as_str)).await), "revoked");
}

#[tokio::test]
async fn of_two_owners_who_are_removed_at_once_one_stays() {
    let desk = Desk::new().await;
    let subscription = desk.subscription();
    desk.plant_owner(&subscription, ADELE, "User").await;
    desk.plant_owner(&subscription, BOB, "User").await;
    desk.only_owners(&[ADELE, BOB]).await;
    // Each looks while the other one is still there.
    desk.0.break_with(&["slow:path=roleassignments/,ms=4000"]);
    let revoke = |who: &'static str| {
        let (desk, subscription) = (&desk, &subscription);
        async move { desk.roles(&["revoke", "--scope", subscription, "--role", "Owner", "--principal", who]).await }
    };
    let (first, second) = tokio::join!(revoke(ADELE), revoke(BOB));
    assert!(first.stderr.contains("put back") || second.stderr.contains("put back"), "{first:?} {second:?}");
    assert!(!desk.held(ADELE).await.is_empty() || !desk.held(BOB).await.is_empty());
}

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
async fn a_name_is_whose_it_is_now() {
    let desk = Desk::new().await;
    let subscription = desk.subscription();
    desk.plant_owner(&subscription, ADELE, "User").await;
    assert_eq!(desk.0.run(&["audit", "--connection", CONNECTION]).await.code.unwrap_or_default() & !3, 0);
    // Whoever was called so when the connection was read is not any more.
    let renamed = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b77";
    desk.tell(
        "POST",
        "/_sim/graph/change",
        &json!([
            {"op": "update", "id": ADELE, "fields": {"displayName": "Adele of old"}},
            {"op": "add_group", "id": renamed, "displayName": "Adele", "members": []},
        ]),
    )
    .await;
    let grant = ["grant", "--json", "--dry-run", "--scope", &subscription, "--role", "Reader", "--principal"];
    let granted = desk.roles(&[&grant[..], &["Adele"]].concat()).await;
    assert_eq!(granted.json()["principal"]["id"], renamed, "{granted:?}");
    let twin =
        json!([{"op": "add_user", "id": OWNER, "displayName": "Adele", "userPrincipalName": "a2@contoso.example"}]);
    desk.tell("POST", "/_sim/graph/change", &twin).await;
    let refused = desk.roles(&[&grant[..], &["Adele"]].concat()).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("several are called"), "{refused:?}");
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
