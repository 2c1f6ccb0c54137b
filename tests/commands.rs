//! The command line: what it says, what it returns, and what it leaves alone.

use crate::harness::{CONNECTION, Output, Stand, Synced, files, finished, program, tiny};
use serde_json::Value;
use std::path::Path;

async fn run(folder: &Path, arguments: &[&str]) -> Output {
    finished(program(folder, arguments)).await
}

#[tokio::test]
async fn the_help_of_every_command_shows_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "serve",
        "sync",
        "packages list",
        "packages show",
        "packages export",
        "packages promote",
        "packages demote",
        "packages edit",
        "packages assign",
        "packages unassign",
        "packages retire",
        "packages restore",
        "packages bin",
        "packages purge",
        "connections list",
        "connections check",
        "runs list",
        "runs show",
        "runs approve",
        "handler",
    ] {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = run(folder.path(), &arguments).await;
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{command}");
        let (_, example) = help.stdout.split_once("Example").unwrap_or_else(|| panic!("{command}:\n{}", help.stdout));
        assert!(example.contains(&format!("poolwarden {command}")), "{command}:\n{}", help.stdout);
        assert!(help.stdout.contains("--json") && help.stdout.contains("--config"), "{command}");
    }
    let all = run(folder.path(), &["--help"]).await;
    assert!(all.stdout.contains("Exit codes"), "{}", all.stdout);
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_is_refused_with_its_own_code() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["snyc"][..], &[], &["sync", "--colour"], &["sync", "--dry-run", "--wait"], &["packages"]] {
        let output = run(folder.path(), arguments).await;
        assert_eq!((output.code, output.stdout.as_str()), (Some(64), ""), "{arguments:?}");
        assert!(output.stderr.contains("Usage"), "{arguments:?}: {}", output.stderr);
    }
    assert!(files(folder.path()).is_empty(), "nothing was written");
}

#[tokio::test]
async fn without_a_configuration_an_example_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["sync"][..], &["serve"], &["connections", "check"]] {
        let output = run(folder.path(), arguments).await;
        assert_eq!(output.code, Some(1), "{arguments:?}");
        assert!(output.stderr.contains("poolwarden.toml does not exist"), "{}", output.stderr);
        assert!(output.stderr.contains("[[connection]]\nname = \"contoso\""), "{}", output.stderr);
    }
    assert!(files(folder.path()).is_empty(), "nothing was written");
}

#[tokio::test]
async fn every_fault_of_a_configuration_is_told_at_once_with_its_place_and_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = "[[connection]]\nname = \"Contoso East\"\nschedule = \"often\"\n\n\
        [[connection]]\nname = \"b\"\ncredential = \"hunter2\"\nsubscriptoins = []\n";
    std::fs::write(folder.path().join("poolwarden.toml"), faulty).unwrap();
    let output = run(folder.path(), &["sync", "--json"]).await;
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""));
    let lines: Vec<&str> = output.stderr.lines().filter(|line| line.contains("poolwarden.toml:")).collect();
    for (line, what) in [
        ("2:8:", "write \"contoso-east\""),
        ("3:12:", "write {second} {minute}"),
        ("7:14:", "write one of azure_cli"),
        ("8:1:", "did you mean `subscriptions`?"),
    ] {
        let told = lines.iter().any(|told| told.contains(&format!("poolwarden.toml:{line}")) && told.contains(what));
        assert!(told, "{line} {what} is not in:\n{}", output.stderr);
    }
    assert_eq!(lines.len(), 4, "{}", output.stderr);
    assert!(!output.stderr.contains("hunter2"), "it may be a password");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let stand = Stand::new(tiny()).await;
    stand.sync_whole(&[]).await;
    for arguments in [
        &["sync", "--connection", "fabrikam"][..],
        &["connections", "check", "fabrikam"],
        &["packages", "show", "fabrikam"],
        &["runs", "show", "fabrikam"],
        &["runs", "approve", "fabrikam"],
    ] {
        let output = stand.run(arguments).await;
        assert_eq!(output.code, Some(1), "{arguments:?}");
        assert!(output.stderr.contains("\"fabrikam\""), "{arguments:?}: {}", output.stderr);
    }
    let known = stand.run(&["sync", "--connection", "fabrikam"]).await;
    assert!(known.stderr.contains(CONNECTION), "and what is there: {}", known.stderr);
}

/// Every file of a stand's folder with its bytes, the lock that only says who serves left out.
fn contents(stand: &Stand) -> Vec<(String, Vec<u8>)> {
    let files = files(&stand.path("")).into_iter().map(|file| (file.display().to_string(), file));
    let files = files.filter(|(name, _)| !name.ends_with(".lock"));
    files.map(|(name, file)| (name, std::fs::read(file).unwrap())).collect()
}

fn planned(synced: &Synced, change: &str) -> usize {
    let plan = synced.summary["plan"].as_array();
    plan.into_iter().flatten().filter(|line| line["change"] == change).count()
}

#[tokio::test]
async fn a_dry_run_tells_the_plan_and_writes_nothing() {
    let stand = Stand::new(tiny()).await;
    let expected = stand.expected().len();
    let before = contents(&stand);
    let first = stand.sync_whole(&["--dry-run"]).await;
    assert_eq!(planned(&first, "created"), expected);
    assert!(contents(&stand) == before, "no store and no other file was written");
    let shown = stand.run(&["sync", "--dry-run"]).await;
    assert!(shown.stdout.contains("WOULD BE") && shown.stdout.contains("created"), "{}", shown.stdout);

    stand.sync_whole(&[]).await;
    stand.delete(&stand.applications()[..1]);
    let before = contents(&stand);
    let again = stand.sync_whole(&["--dry-run"]).await;
    assert_eq!((planned(&again, "created"), planned(&again, "retired")), (0, 0), "{:#}", again.summary);
    assert!(contents(&stand) == before, "the store is the same to the byte");
    // What a dry run missed does not count: only the first of these two sees it missing for the first time.
    assert_eq!(stand.sync_whole(&[]).await.packages("retired"), 0);
    let due = stand.sync_whole(&["--dry-run"]).await;
    assert_eq!(planned(&due, "retired"), 1, "{:#}", due.summary);
    assert_eq!(stand.sync_whole(&[]).await.packages("retired"), 1);
}

#[tokio::test]
async fn a_refused_sign_in_fails_the_check_and_the_run_and_says_what_to_do() {
    let mut stand = Stand::new(tiny()).await;
    stand.set("IDENTITY_HEADER", "wrong");
    let checked = stand.run(&["connections", "check", "--json"]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert_eq!(checked.json()[0]["ok"], false);
    let synced = stand.sync(&[]).await;
    assert_eq!((synced.code, synced.status()), (Some(1), "failed"));
    assert!(synced.report["error"].as_str().unwrap().contains("401"), "{:#}", synced.report);
    let listed = stand.run(&["connections", "list", "--json"]).await.json();
    assert_eq!(listed[0]["health"]["state"], "needs_attention");

    stand.set("IDENTITY_HEADER", simulator::DEFAULT_IDENTITY_HEADER);
    let checked = stand.run(&["connections", "check", CONNECTION]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("1 subscriptions, 2 host pools, 4 application groups"), "{}", checked.stdout);
    let listed = stand.run(&["connections", "list", "--json"]).await.json();
    assert_eq!(listed[0]["health"]["state"], "valid");
}

#[tokio::test]
async fn a_disabled_connection_runs_only_when_it_is_named() {
    let stand = Stand::new(tiny()).await;
    stand.configure("enabled = false");
    let nothing = stand.run(&["sync"]).await;
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.stderr.contains("no connection is enabled"), "{}", nothing.stderr);
    stand.sync_whole(&["--connection", CONNECTION]).await;
    stand.assert_true().await;
}

#[tokio::test]
async fn what_people_see_has_no_control_characters_and_a_line_for_each_package() {
    let odd = simulator::EstateSpec { odd_names_share: 1.0, odd_wire_share: 0.5, ..tiny() };
    let stand = Stand::new(odd).await;
    let synced = stand.run(&["sync"]).await;
    let listed = stand.run(&["packages", "list"]).await;
    let lines: Vec<&str> = listed.stdout.lines().collect();
    let keys: Vec<Value> = stand.assert_true().await.iter().map(|manifest| manifest["key"].clone()).collect();
    for key in &keys {
        let key = key.as_str().unwrap();
        assert!(lines.iter().any(|line| line.contains(key)), "{key} is not in:\n{}", listed.stdout);
        let shown = stand.run(&["packages", "show", key]).await;
        assert_eq!(shown.code, Some(0), "{shown:?}");
        assert_visible(&shown.stdout);
    }
    assert_visible(&listed.stdout);
    assert_visible(&synced.stdout);
    for file in files(&stand.path("catalogue")) {
        let name = file.strip_prefix(stand.path("catalogue")).unwrap().to_str().unwrap().to_owned();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '/' | '.');
        assert!(name.chars().all(plain) && !name.contains(".."), "{name:?}");
    }
}

fn assert_visible(text: &str) {
    let hidden =
        |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let found: Vec<&str> = text.lines().filter(|line| line.contains(hidden)).collect();
    assert!(found.is_empty(), "{found:?}");
}
