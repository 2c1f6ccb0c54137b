//! Files instead of Azure: every shape that people have them in, and what is said of the rest.

use crate::harness::{Output, files, finished, program, read};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-0000-0000-000000000001";

fn id(rest: &str) -> String {
    format!("{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.DesktopVirtualization/{rest}")
}

fn application(group: &str, name: &str, object: u32) -> Value {
    json!({
        "id": id(&format!("applicationGroups/{group}/applications/{name}")),
        "name": format!("{group}/{name}"),
        "type": "Microsoft.DesktopVirtualization/applicationgroups/applications",
        "properties": {
            "objectId": format!("50000000-0000-0000-0000-{object:012}"),
            "friendlyName": name.to_uppercase(),
            "filePath": format!("C:\\{name}.exe"),
            "commandLineSetting": "DoNotAllow",
            "showInPortal": true,
        },
    })
}

fn exchange(path: &str, body: &Value) -> Value {
    let url = format!("https://management.azure.com{path}?api-version=2025-10-10");
    json!({"request": {"method": "GET", "url": url}, "response": {"status": 200, "body": body}})
}

/// One estate, each part of it in another shape.
fn estate() -> Vec<(&'static str, Value)> {
    let pool = json!({
        "id": id("hostPools/hp"),
        "type": "Microsoft.DesktopVirtualization/hostpools",
        "properties": {"objectId": "1", "friendlyName": "Pool", "hostPoolType": "Pooled", "applicationGroupReferences":
            [id("applicationGroups/apps"), id("applicationGroups/desk")]},
    });
    let group = |name: &str, kind: &str| {
        // As `az … -o json` prints it: without `properties`.
        json!({
            "id": id(&format!("applicationgroups/{name}")),
            "type": "Microsoft.DesktopVirtualization/applicationgroups",
            "applicationGroupType": kind,
            "hostPoolArmPath": id("hostpools/hp"),
            "workspaceArmPath": id("workspaces/ws"),
            "friendlyName": format!("Group {name}"),
        })
    };
    let workspace = json!({
        "id": id("workspaces/ws"),
        "type": "Microsoft.DesktopVirtualization/workspaces",
        "objectId": "30000000-0000-0000-0000-000000000001",
        "friendlyName": "Office",
    });
    let desktop = json!({
        "id": id("applicationGroups/desk/desktops/SessionDesktop"),
        "type": "Microsoft.DesktopVirtualization/applicationgroups/desktops",
        "properties": {"objectId": "60000000-0000-0000-0000-000000000001", "friendlyName": "SessionDesktop"},
    });
    let host = json!({"id": id("hostPools/hp/sessionHosts/vm-0.contoso.example"),
        "type": "Microsoft.DesktopVirtualization/hostpools/sessionhosts", "properties": {}});
    let role = format!(
        "{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63"
    );
    let assignment = json!({
        "id": format!("{}/providers/Microsoft.Authorization/roleAssignments/a", id("applicationGroups/apps")),
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {"scope": id("applicationGroups/apps"), "roleDefinitionId": role, "principalType": "Group",
            "principalId": "40000000-0000-0000-0000-000000000001"},
    });
    let hosts = id("hostPools/hp/sessionHosts");
    let applications = id("applicationGroups/apps/applications");
    vec![
        ("pages/host-pools.json", json!({"value": [pool], "nextLink": null})),
        ("az/groups.json", json!([group("apps", "RemoteApp"), group("desk", "Desktop")])),
        ("workspace.json", workspace),
        ("recorded/applications-1.json", {
            let mut page = json!({"value": [application("apps", "excel", 1), application("apps", "word", 2)]});
            page["nextLink"] = json!(format!("https://management.azure.com{applications}?$skip=2"));
            exchange(&applications, &page)
        }),
        ("recorded/applications-2.json", json!({"value": [application("apps", "visio", 3)]})),
        ("desktops.json", json!({"value": [desktop]})),
        ("recorded/hosts.json", exchange(&hosts, &json!({"value": [host]}))),
        ("graph/assignments.json", json!({"totalRecords": 1, "count": 1, "data": [assignment]})),
        (
            "az/accounts.json",
            json!([{"cloudName": "AzureCloud", "id": SUBSCRIPTION.rsplit('/').next(),
            "name": "Contoso", "state": "Enabled", "tenantId": "t"}]),
        ),
    ]
}

/// A folder with files in it, and room for an installation beside them.
fn folder(files: &[(&str, Value)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        write(folder.path(), name, &content.to_string());
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join("export").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

async fn sync(home: &Path, from: &Path) -> Output {
    finished(program(home, &["sync", "--json", "--from", from.to_str().unwrap()])).await
}

/// A summary without what differs from run to run and from machine to machine.
fn stable(output: &Output, from: &Path) -> Value {
    let mut summary = output.json();
    for (key, stand_in) in [("run", "[run]"), ("elapsed_ms", "[ms]"), ("peak_rss_bytes", "[bytes]")] {
        summary[key] = json!(stand_in);
    }
    let real = from.canonicalize().unwrap();
    serde_json::from_str(&summary.to_string().replace(real.to_str().unwrap(), "[folder]")).unwrap()
}

/// Name, launch links and principals of every package.
async fn packages(home: &Path) -> Vec<Value> {
    std::fs::write(home.join("poolwarden.toml"), "").unwrap();
    let exported = finished(program(home, &["packages", "export", "catalogue"])).await;
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let shown = |manifest: Value| {
        json!({
            "key": manifest["key"],
            "display_name": manifest["display_name"],
            "program": manifest["program"],
            "launch": manifest["launch"],
            "entitlements": manifest["entitlements"],
        })
    };
    files(&home.join("catalogue/packages")).iter().map(|file| shown(read(file))).collect()
}

#[tokio::test]
async fn files_in_every_shape_are_one_estate() {
    let folder = folder(&estate());
    let from = folder.path().join("export");
    let output = sync(folder.path(), &from).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    insta::assert_json_snapshot!("shapes", stable(&output, &from));
    insta::assert_json_snapshot!("shapes_packages", packages(folder.path()).await);
    let again = sync(folder.path(), &from).await.json();
    assert_eq!(again["connections"][0]["packages"]["unchanged"], 4, "{again:#}");
}

#[tokio::test]
async fn what_is_not_understood_or_not_there_is_listed_and_never_fatal() {
    let mut parts = estate();
    parts
        .retain(|(name, _)| !matches!(*name, "desktops.json" | "recorded/applications-2.json" | "recorded/hosts.json"));
    parts.push((
        "plans.json",
        json!({"value": [{"id": id("scalingPlans/sp"),
        "type": "Microsoft.DesktopVirtualization/scalingPlans", "properties": {}}]}),
    ));
    parts.push(("refused.json", {
        let mut refused = exchange(&id("hostPools"), &json!({"error": {"code": "AuthorizationFailed"}}));
        refused["response"]["status"] = json!(403);
        refused
    }));
    parts.push(("nothing-known.json", json!({"colour": "green"})));
    let folder = folder(&parts);
    write(folder.path(), "broken.json", "{\"value\": [");
    write(folder.path(), "hostile\nname\u{1b}[2J.json", "also broken");
    write(folder.path(), "readme.txt", "not JSON by its name");
    let from = folder.path().join("export");
    let output = sync(folder.path(), &from).await;
    assert_eq!(output.code, Some(2), "{output:?}");
    insta::assert_json_snapshot!("incomplete", stable(&output, &from));

    // People see the same, without the hostile name's control characters.
    let shown = finished(program(folder.path(), &["sync", "--from", "export"])).await;
    assert!(shown.stdout.contains("broken.json") && !shown.stdout.contains('\u{1b}'), "{}", shown.stdout);
    assert!(!shown.stdout.contains("readme.txt"));
}

#[tokio::test]
async fn a_list_that_is_no_longer_there_retires_nothing() {
    let folder = folder(&estate());
    let from = folder.path().join("export");
    assert_eq!(sync(folder.path(), &from).await.code, Some(0));
    for name in ["desktops.json", "recorded/applications-1.json", "recorded/applications-2.json"] {
        std::fs::remove_file(from.join(name)).unwrap();
    }
    for _ in 0..3 {
        let output = sync(folder.path(), &from).await;
        assert_eq!(output.code, Some(2), "{output:?}");
        assert_eq!(output.json()["connections"][0]["packages"]["retired"], 0);
    }
    assert_eq!(packages(folder.path()).await.len(), 4);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let home = tempfile::tempdir().unwrap();
    let output = sync(home.path(), Path::new("no-such-folder")).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("no-such-folder"), "{output:?}");
}

#[tokio::test]
async fn what_files_led_to_can_be_looked_at_without_a_configuration() {
    let folder = folder(&estate());
    assert_eq!(sync(folder.path(), &folder.path().join("export")).await.code, Some(0));
    for command in [&["packages", "list", "--json"][..], &["runs", "list", "--json"]] {
        let output = finished(program(folder.path(), command)).await;
        assert_eq!(output.code, Some(0), "{command:?}: {output:?}");
        assert!(!output.json().as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn saved_facts_of_access_alone_are_judged_as_what_they_are_and_not_for_the_posture() {
    let folder = folder(&estate());
    let audit = async |more: &[&str]| finished(program(folder.path(), &[&["audit", "--json"], more].concat())).await;
    let first = audit(&["--from", "export", "--save-facts", "facts.json"]).await;
    assert_eq!(first.code, Some(2), "{first:?}");
    let again = audit(&["--from", "facts.json", "--family", "rbac"]).await;
    assert_eq!(again.json()["rules"], first.json()["rules"], "{again:?}");
    for family in ["all", "posture"] {
        let refused = audit(&["--from", "facts.json", "--family", family]).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.stderr.contains("too little for the posture") && refused.stderr.contains("--family rbac"));
    }
}

/// Microsoft's own payloads, which the repository does not hold.
#[tokio::test]
async fn the_published_payloads_go_through_the_whole_pipeline() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let from = std::env::var_os("POOLWARDEN_FIXTURES").map_or(beside, PathBuf::from);
    if !from.is_dir() {
        eprintln!("SKIPPED: no fixtures in {}; set POOLWARDEN_FIXTURES to their folder", from.display());
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let output = sync(home.path(), &from).await;
    assert_eq!(output.code, Some(2), "{output:?}");
    insta::assert_json_snapshot!("fixtures", stable(&output, &from));
    insta::assert_json_snapshot!("fixtures_packages", packages(home.path()).await);
}
