//! What persons do to packages: stages with rules and approvals, edits, assignments, the recycle bin; and that runs,
//! killed commands and connections that are gone leave it as it is.

use crate::desk::{CONNECTION, Desk, Post};
use crate::harness::{Output, Stand, Synced, manifest_of, tiny};
use jiff::SignedDuration;
use poolwarden::{keys, lifecycle};
use poolwarden_domain::discovery::pool_key;
use poolwarden_domain::event;
use poolwarden_domain::lifecycle::{Decided, Rules, Wish, promote, retire};
use poolwarden_domain::package::{Package, PackageState, Revision, Stage};
use poolwarden_domain::plan::{PoolIndex, Row};
use serde_json::{Value, json};

/// One of the stand's applications: its id, and its package's key.
async fn one(stand: &Stand) -> (String, String) {
    let id = stand.applications().remove(0);
    let key = manifest_of(&stand.export().await, &id).unwrap()["key"].as_str().unwrap().to_owned();
    (id, key)
}

/// `packages` with a verb, a key and more arguments, as somebody.
async fn act(stand: &Stand, who: &str, verb: &str, key: &str, more: &[&str]) -> Output {
    stand.run(&[&["packages", verb, key, "--as", who], more].concat()).await
}

async fn done(stand: &Stand, verb: &str, key: &str, more: &[&str]) -> String {
    let output = act(stand, "ann", verb, key, more).await;
    assert_eq!(output.code, Some(0), "{verb} {more:?}: {output:?}");
    output.stdout
}

async fn refused(stand: &Stand, who: &str, verb: &str, key: &str, more: &[&str]) -> String {
    let output = act(stand, who, verb, key, more).await;
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{verb} {more:?}: {output:?}");
    output.stderr
}

/// A package as `packages show --json` has it.
async fn shown(stand: &Stand, key: &str) -> Value {
    stand.run(&["packages", "show", key, "--json"]).await.json()[0].take()
}

fn changes(package: &Value) -> Vec<&str> {
    package["revisions"].as_array().unwrap().iter().map(|revision| revision["change"].as_str().unwrap()).collect()
}

/// A run that nothing has to change in.
async fn sync_unchanged(stand: &Stand) -> Synced {
    let synced = stand.sync_whole(&[]).await;
    assert_eq!(synced.changed(), 0, "{:#}", synced.report);
    synced
}

#[tokio::test]
async fn a_package_goes_through_its_stages_by_the_rules_and_runs_leave_it_there() {
    let stand = Stand::new(tiny()).await;
    let rules = "stage = \"Development\"\n[connection.promotion.production]\nby = [\"ops*\"]\napproval = true\n\
        [connection.promotion.acceptance]\nafter = \"0s\"";
    stand.configure(rules);
    stand.sync_whole(&[]).await;
    let (_, key) = one(&stand).await;
    assert!(done(&stand, "promote", &key, &[]).await.contains("promoted to Test"));
    assert!(done(&stand, "promote", &key, &["--to", "Test"]).await.contains("is so already"), "twice is once");
    done(&stand, "promote", &key, &["--to", "acceptance"]).await;
    let not_me = refused(&stand, "ann", "promote", &key, &[]).await;
    assert!(not_me.contains("ann may not") && not_me.contains("ops*"), "{not_me}");

    let asked = act(&stand, "ops-1", "promote", &key, &[]).await;
    assert_eq!(asked.code, Some(2), "{asked:?}");
    assert!(asked.stdout.contains("--approve"), "{asked:?}");
    let listed = stand.run(&["packages", "list"]).await.stdout;
    assert!(listed.contains("Acceptance, Production waits for approval"), "{listed}");
    let status = stand.run(&["status"]).await;
    assert!(status.code == Some(2) && status.stdout.contains(&format!("promotion of {key} waits")), "{status:?}");
    let own = refused(&stand, "ops-1", "promote", &key, &["--approve"]).await;
    assert!(own.contains("somebody else"), "{own}");
    let approved = act(&stand, "ops-2", "promote", &key, &["--approve", "--json"]).await;
    assert_eq!((approved.code, &approved.json()[0]["stage"]), (Some(0), &json!("Production")), "{approved:?}");
    assert!(!stand.run(&["status"]).await.stdout.contains("promotion of"));

    sync_unchanged(&stand).await;
    stand.sync_whole(&["--full"]).await;
    let package = shown(&stand, &key).await;
    assert_eq!((&package["stage"], &package["requested"]), (&json!("Production"), &Value::Null));
    assert_eq!(changes(&package), ["created", "promoted", "promoted", "requested", "promoted"]);
    assert_eq!(package["revisions"][4]["by"], "ops-2");
    let demoted = refused(&stand, "ann", "demote", &key, &[]).await;
    assert!(demoted.contains("ann may not"), "{demoted}");
    assert_eq!(act(&stand, "ops-1", "demote", &key, &["--to", "test"]).await.code, Some(0));
    stand.assert_true().await;
}

#[tokio::test]
async fn an_unmanaged_package_never_changes_by_itself_and_a_managed_one_follows_again() {
    let stand = Stand::new(tiny()).await;
    stand.sync_whole(&[]).await;
    let (id, key) = one(&stand).await;
    let managed = refused(&stand, "ann", "edit", &key, &["--display-name", "Mine"]).await;
    assert!(managed.contains("follows its source") && managed.contains("--managed false"), "{managed}");
    let other = stand.run(&["packages", "list", "--json"]).await.json();
    let other = other.as_array().unwrap().iter().find(|line| line["key"] != key.as_str()).unwrap();
    let other = other["display_name"].as_str().unwrap();
    let taken = refused(&stand, "ann", "edit", &key, &["--managed", "false", "--display-name", other]).await;
    assert!(taken.contains("is called so"), "{taken}");
    done(&stand, "edit", &key, &["--managed", "false", "--display-name", "Mine", "--categories", "Office, Tools"])
        .await;

    let rename = json!([{"op": "patch", "resource": {"id": id, "properties": {"friendlyName": "Theirs"}}}]);
    stand.change(&rename);
    sync_unchanged(&stand).await;
    let package = shown(&stand, &key).await;
    assert_eq!((&package["display_name"], &package["categories"]), (&json!("Mine"), &json!(["Office", "Tools"])));
    assert_eq!(package["managed"], false);

    // Managed again, it is looked at although nothing has changed since.
    done(&stand, "edit", &key, &["--managed", "true"]).await;
    assert_eq!(stand.sync_whole(&[]).await.packages("updated"), 1);
    stand.assert_true().await;
    assert!(shown(&stand, &key).await["display_name"].as_str().unwrap().contains("Theirs"));

    done(&stand, "edit", &key, &["--managed", "false"]).await;
    stand.delete(std::slice::from_ref(&id));
    for _ in 0..3 {
        sync_unchanged(&stand).await;
    }
    assert!(manifest_of(&stand.export().await, &id).is_some(), "its source is gone, and it stays");
    done(&stand, "edit", &key, &["--managed", "true"]).await;
    stand.sync_whole(&[]).await;
    assert_eq!(stand.sync_whole(&[]).await.packages("retired"), 1);
    stand.assert_true().await;
}

#[tokio::test]
async fn what_a_person_retires_stays_in_the_bin_until_it_is_restored_or_purged() {
    let stand = Stand::new(tiny()).await;
    stand.sync_whole(&[]).await;
    let (id, key) = one(&stand).await;
    let active = refused(&stand, "ann", "purge", &key, &["--yes"]).await;
    assert!(active.contains("`packages retire` it first"), "{active}");
    done(&stand, "retire", &key, &[]).await;
    sync_unchanged(&stand).await;
    assert_eq!(stand.sync_whole(&["--full"]).await.changed(), 0, "no run brings it back");
    assert!(manifest_of(&stand.export().await, &id).is_none());
    let bin = stand.run(&["packages", "bin"]).await.stdout;
    assert!(bin.contains(&key) && bin.contains("ann"), "{bin}");
    done(&stand, "restore", &key, &[]).await;
    stand.assert_true().await;
    sync_unchanged(&stand).await;

    done(&stand, "retire", &key, &[]).await;
    let unsure = act(&stand, "ann", "purge", &key, &[]).await;
    assert_eq!(unsure.code, Some(2), "{unsure:?}");
    let young = stand.run(&["packages", "purge", "--older-than", "30d", "--yes", "--as", "ann"]).await;
    assert_eq!((young.code, young.stdout.contains(&key)), (Some(0), false), "{young:?}");
    let dry = stand.run(&["packages", "purge", "--older-than", "0s", "--dry-run", "--as", "ann", "--json"]).await;
    assert_eq!((dry.code, &dry.json()[0]["outcome"]), (Some(0), &json!("would_be_deleted")), "{dry:?}");
    assert_eq!(changes(&shown(&stand, &key).await), ["created", "retired", "restored", "retired"]);
    let purged = stand.run(&["packages", "purge", "--older-than", "0s", "--yes", "--as", "ann"]).await;
    assert!(purged.code == Some(0) && purged.stdout.contains("deleted for good"), "{purged:?}");
    assert_eq!(stand.run(&["packages", "show", &key]).await.code, Some(1));
    assert!(!stand.run(&["packages", "bin"]).await.stdout.contains(&key));

    let again = stand.sync_whole(&[]).await;
    assert_eq!(again.packages("created"), 1, "its source offers it still: {:#}", again.report);
    let package = shown(&stand, &key).await;
    assert_eq!((changes(&package), &package["revisions"][0]["number"]), (vec!["created"], &json!(6)));
    stand.assert_true().await;
    sync_unchanged(&stand).await;
}

#[tokio::test]
async fn assignments_and_the_source_come_to_one_entitlement_an_identity() {
    let stand = Stand::new(tiny()).await;
    stand.configure("publish = \"workspace\"\nicons = [\"desktop\"]\nstage = \"Test\"");
    stand.sync_whole(&[]).await;
    let (id, key) = one(&stand).await;
    let before = shown(&stand, &key).await;
    let source = before["entitled"].as_array().unwrap().clone();
    assert!(!source.is_empty(), "the estate entitles somebody: {before:#}");
    for entitled in &source {
        let expected = (&json!("Production"), &json!("workspace"), &json!(["desktop"]), &json!(false));
        assert_eq!((&entitled["stage"], &entitled["publish"], &entitled["icons"], &entitled["sees_it"]), expected);
    }
    let known = source[0]["identity"].as_str().unwrap();
    let test = ["--identity", known, "--stage", "test", "--publish", "forced", "--icons", "start_menu,desktop"];
    done(&stand, "assign", &key, &test).await;
    assert!(done(&stand, "assign", &key, &test).await.contains("is so already"));
    done(&stand, "assign", &key, &["--identity", "Eve@contoso.com", "--stage", "production"]).await;
    let manifests = stand.assert_true().await;
    let entitled = manifest_of(&manifests, &id).unwrap()["entitled"].as_array().unwrap().clone();
    assert_eq!(entitled.len(), source.len() + 1);
    let of = |identity: &str| entitled.iter().find(|one| one["identity"] == identity).unwrap();
    let mut expected = source[0].clone();
    for (name, value) in [("stage", json!("Test")), ("publish", json!("forced")), ("from", json!(["assigned"]))] {
        expected[name] = value;
    }
    expected["icons"] = json!(["desktop", "start_menu"]);
    expected["sees_it"] = json!(true);
    assert_eq!(of(known), &expected);
    assert_eq!(
        (&of("eve@contoso.com")["publish"], &of("eve@contoso.com")["sees_it"]),
        (&json!("catalog"), &json!(false))
    );
    done(&stand, "unassign", &key, &["--identity", "eve@CONTOSO.com"]).await;
    let source_only = refused(&stand, "ann", "unassign", &key, &["--identity", "eve@contoso.com"]).await;
    assert!(source_only.contains("is not assigned"), "{source_only}");
    sync_unchanged(&stand).await;
}

#[tokio::test]
async fn packages_of_a_connection_that_is_no_longer_configured_stay_and_can_be_worked_on() {
    let stand = Stand::new(tiny()).await;
    stand.configure("stage = \"Test\"\n[connection.promotion.acceptance]\nby = [\"nobody\"]");
    stand.sync_whole(&[]).await;
    let (_, key) = one(&stand).await;
    refused(&stand, "ann", "promote", &key, &[]).await;
    std::fs::write(stand.path("poolwarden.toml"), "[[connection]]\nname = \"other\"\nenabled = false\n").unwrap();
    assert!(stand.run(&["packages", "list"]).await.stdout.contains(&key));
    done(&stand, "promote", &key, &[]).await;
    done(&stand, "edit", &key, &["--managed", "false", "--description", "Ours now"]).await;
    done(&stand, "assign", &key, &["--identity", "ann@contoso.com", "--stage", "test"]).await;
    done(&stand, "retire", &key, &[]).await;
    done(&stand, "purge", &key, &["--yes"]).await;
    assert!(!stand.run(&["packages", "list", "--retired"]).await.stdout.contains(&key));
}

#[tokio::test]
async fn several_packages_are_changed_at_once_and_each_refusal_is_named() {
    let stand = Stand::new(tiny()).await;
    stand.sync_whole(&[]).await;
    let (_, key) = one(&stand).await;
    let output = act(&stand, "ann", "demote", &key, &["nothing-0123", "--json"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    let lines = output.json();
    assert_eq!((&lines[0]["outcome"], &lines[1]["outcome"]), (&json!("changed"), &json!("refused")), "{lines:#}");
    let nameless = stand.run(&["packages", "retire", &key]).await;
    assert!(nameless.code == Some(1) && nameless.stderr.contains("--as NAME"), "{nameless:?}");
    for usage in [&["packages", "edit", &key][..], &["packages", "purge"], &["packages", "promote"]] {
        assert_eq!(stand.run(usage).await.code, Some(64), "{usage:?}");
    }
}

/// A desk after a run, and the key of a package.
async fn desk() -> (Desk, String) {
    let desk = Desk::new(tiny(), "enabled = false").await;
    desk.begin("run-1").await;
    desk.drain(Post::Tidy).await;
    let key = desk.assert_true().await[0]["key"].as_str().unwrap().to_owned();
    (desk, key)
}

async fn told(desk: &Desk, kind: &str) -> usize {
    let told = reqwest::get(format!("{}/_sim/webhook/ops", desk.azure.url())).await.unwrap();
    let told: Value = told.json().await.unwrap();
    let kind = format!("dev.poolwarden.package.{kind}");
    told["deliveries"].as_array().unwrap().iter().filter(|delivery| delivery["type"] == kind.as_str()).count()
}

async fn row(desk: &Desk, key: &str) -> Option<Row> {
    let indexes: Vec<(String, PoolIndex)> = desk.deps.state().all(&keys::indexes(CONNECTION)).await.unwrap();
    indexes.into_iter().find_map(|(_, mut index)| index.rows.remove(key))
}

#[tokio::test]
async fn what_a_killed_command_did_is_told_once_and_reaches_the_index() {
    let (desk, key) = desk().await;
    let (state, document) = (desk.deps.state(), keys::package(CONNECTION, &key));
    // As a command leaves it that is killed right after it wrote the package, and one right before.
    for command in ["killed-after", "killed-before"] {
        let mark = json!({"after": 1, "at": desk.deps.now()});
        assert!(state.create(&keys::untold(CONNECTION, &key, command), &mark).await.unwrap());
    }
    let wish = Wish { to: Some(Stage::Test), who: "ann", now: desk.deps.now() };
    let change = |package: Option<Package>| {
        let package = Package { stage: Stage::Development, ..package? };
        match promote(&package, wish, false, &Rules::default()) {
            Ok(Decided::Write(package)) => Some(*package),
            _ => None,
        }
    };
    state.change(&document, change).await.unwrap();
    desk.tick().await;
    assert_eq!((told(&desk, "promoted").await, row(&desk, &key).await.unwrap().stage), (0, Stage::Production));
    desk.pass(SignedDuration::from_mins(6));
    for _ in 0..2 {
        desk.tick().await;
        desk.drain(Post::BackwardsAndTwice).await;
    }
    assert_eq!((told(&desk, "promoted").await, row(&desk, &key).await.unwrap().stage), (1, Stage::Test));
    assert!(state.is_empty(keys::UNTOLD).await.unwrap(), "no mark is left");
}

#[tokio::test]
async fn a_command_tells_at_once_and_a_purge_that_was_cut_off_is_finished() {
    let (desk, key) = desk().await;
    let now = desk.deps.now();
    let retired = lifecycle::change(&desk.deps, CONNECTION, &key, |package| Ok(retire(package, "ann", now))).await;
    assert!(matches!(retired, Ok(Some(lifecycle::Outcome::Changed(_)))), "{retired:?}");
    let package: Package = desk.deps.state().value(&keys::package(CONNECTION, &key)).await.unwrap().unwrap();
    let pool = pool_key(&package.content.host_pool.id);
    let revision = Revision::purged(&package, "ann", now);
    let event = event::package(&package, &revision, &package.content);
    let mark = json!({"after": 2, "at": now, "purged": {"pool": pool, "event": event}});
    let state = desk.deps.state();
    // Cut off before it deleted anything: nothing is told. Cut off after: it is told, and the index lets go.
    for (command, deletes, told_of) in [("before", false, 0), ("after", true, 1)] {
        assert!(state.create(&keys::untold(CONNECTION, &key, command), &mark).await.unwrap());
        if deletes {
            assert!(state.create(&keys::purged(CONNECTION, &key), &revision.number).await.unwrap());
            state.delete(&keys::package(CONNECTION, &key)).await.unwrap();
        }
        desk.pass(SignedDuration::from_mins(6));
        desk.tick().await;
        assert_eq!(row(&desk, &key).await.is_none(), deletes, "{command}");
        desk.drain(Post::BackwardsAndTwice).await;
        assert_eq!(told(&desk, "purged").await, told_of, "{command}");
    }
    // The tick began a run, too, and the source offers it still.
    let again: Package = state.value(&keys::package(CONNECTION, &key)).await.unwrap().unwrap();
    assert_eq!((again.revision(), again.state), (4, PackageState::Active));
    assert!(state.is_empty(keys::UNTOLD).await.unwrap());
}
