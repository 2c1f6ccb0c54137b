//! Role assignments as verbs: made and removed, again and again with the same end.

use crate::harness::{CONNECTION, Output, Stand, until};
use serde_json::{Value, json};
use simulator::EstateSpec;

const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
pub(crate) const ADELE: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b01";
pub(crate) const UPN: &str = "adele@contoso.example";
pub(crate) const BOB: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b03";
pub(crate) const GROUP: &str = "0b5f8d5c-1d0e-4c5a-9c57-0f4d2e3a1b02";

/// An installation with a connection to Azure and one to the classic service, and three in the directory.
pub(crate) struct Desk(pub(crate) Stand);

impl Desk {
    pub(crate) async fn new() -> Self {
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

    pub(crate) async fn tell(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.0.azure.url());
        let request = reqwest::Client::new().request(method.parse().unwrap(), url);
        let request = request.bearer_auth(self.0.azure.token()).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }

    /// Leaves only these Owners of the first subscription.
    pub(crate) async fn only_owners(&self, mine: &[&str]) {
        let subscription = self.subscription();
        let owners = self.roles(&["list", "--json", "--scope", &subscription, "--role", "Owner"]).await.json();
        for owner in owners["assignments"].as_array().unwrap() {
            if !mine.contains(&owner["principal"]["id"].as_str().unwrap()) {
                let id = owner["id"].as_str().unwrap();
                assert_eq!(outcome(&self.roles(&["revoke", "--json", "--id", id]).await), "revoked");
            }
        }
    }

    pub(crate) async fn plant_owner(&self, scope: &str, principal: &str, kind: &str) {
        let grant = json!({"op": "grant", "kind": "assignment", "scope": scope, "role": OWNER, "principal": principal,
            "principalType": kind});
        self.tell("POST", "/_sim/plant", &json!([grant])).await;
    }

    pub(crate) fn subscription(&self) -> String {
        format!("/subscriptions/{}", self.0.azure.estate()["subscriptions"][0]["id"].as_str().unwrap())
    }

    /// Something of the estate: its id, and its name.
    pub(crate) fn first(&self, kind: &str) -> (String, String) {
        let id = self.0.azure.estate()[kind][0]["id"].as_str().unwrap().to_owned();
        let name = id.rsplit('/').next().unwrap().to_owned();
        (id, name)
    }

    /// What somebody holds in the first subscription, as Azure lists it.
    pub(crate) async fn held(&self, principal: &str) -> Vec<Value> {
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
    pub(crate) fn writes(&self) -> u64 {
        let stats = self.0.azure.stats();
        let counts = stats["requests"]["by_operation"].as_object().unwrap().iter();
        let wrote = |operation: &str| {
            operation.starts_with("PUT ") || operation.starts_with("DELETE ") || operation == "POST classic"
        };
        counts.filter(|(operation, _)| wrote(operation)).map(|(_, count)| count.as_u64().unwrap()).sum()
    }

    pub(crate) async fn roles(&self, arguments: &[&str]) -> Output {
        self.0.run(&[&["roles"], arguments].concat()).await
    }

    pub(crate) async fn classic(&self, arguments: &[&str]) -> Output {
        self.0.run(&[&["classic", "roles"], arguments].concat()).await
    }
}

pub(crate) fn outcome(output: &Output) -> String {
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
    let mine = desk.held(ADELE).await[0]["id"].clone();
    desk.tell("POST", "/_sim/plant", &json!([{"op": "remove_grant", "id": mine}])).await;
    let last = desk.roles(&owner("revoke", BOB).each_ref().map(String::as_str)).await;
    assert_eq!(outcome(&last), "revoked", "who never counted can go");
}

#[tokio::test]
async fn a_removal_of_which_the_answer_is_lost_is_told_as_one() {
    let desk = Desk::new().await;
    let subscription = desk.subscription();
    let reader = ["--json", "--scope", &subscription, "--role", "Reader", "--principal", ADELE];
    assert_eq!(outcome(&desk.roles(&[&["grant"], &reader[..]].concat()).await), "granted");
    let id = desk.held(ADELE).await[0]["id"].as_str().unwrap().to_owned();
    // The first request looks; of the second the answer does not come.
    desk.0.break_with(&[&format!("cut:path={id},after=1,count=1")]);
    let writes = desk.writes();
    assert_eq!(outcome(&desk.roles(&["revoke", "--json", "--id", &id]).await), "revoked");
    assert_eq!(desk.writes(), writes + 2, "it was asked for again");
    assert!(desk.held(ADELE).await.is_empty());
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
