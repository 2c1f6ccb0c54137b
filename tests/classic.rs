//! Azure Virtual Desktop (classic): files of it become packages like any other, and what takes their place is found.

use crate::harness::{Output, finished, program};
use serde_json::{Value, json};
use std::path::Path;

fn avd(rest: &str) -> String {
    format!(
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.DesktopVirtualization/{rest}"
    )
}

/// What Azure Resource Manager publishes now: the pool is spelled otherwise, and nobody made its desktop anew.
fn successor_estate() -> Vec<(&'static str, Value)> {
    let group = avd("applicationGroups/office");
    vec![
        (
            "pool.json",
            json!({"value": [{"id": avd("hostPools/sales-pool"), "properties": {"objectId": "1", "applicationGroupReferences": [group]}}]}),
        ),
        (
            "group.json",
            json!({"value": [{"id": group, "properties": {"applicationGroupType": "RemoteApp", "objectId": "2",
                "hostPoolArmPath": avd("hostPools/sales-pool"), "workspaceArmPath": avd("workspaces/ws")}}]}),
        ),
        ("workspace.json", json!({"value": [{"id": avd("workspaces/ws"), "properties": {"objectId": "3"}}]})),
        (
            "apps.json",
            json!({"value": [{"id": format!("{group}/applications/excel"), "properties": {"objectId": "4", "filePath": "excel.exe"}}]}),
        ),
    ]
}

async fn sync(home: &Path, connection: &str, from: &Path) -> Output {
    let from = from.to_str().unwrap();
    finished(program(home, &["sync", "--json", "--connection", connection, "--from", from])).await
}

async fn successors(home: &Path, more: &[&str]) -> Output {
    let arguments = [&["classic", "successors", "--from", "old", "--to", "contoso"], more].concat();
    finished(program(home, &arguments)).await
}

#[tokio::test]
async fn each_classic_package_has_its_successor_or_a_reason_why_not() {
    let home = tempfile::tempdir().unwrap();
    let saved = Path::new(env!("CARGO_MANIFEST_DIR")).join("shared/azure/fixtures/classic/powershell");
    let output = sync(home.path(), "old", &saved).await;
    assert_eq!(output.json()["connections"][0]["packages"]["created"], 2, "{output:?}");

    let export = home.path().join("export");
    std::fs::create_dir(&export).unwrap();
    for (name, content) in successor_estate() {
        std::fs::write(export.join(name), content.to_string()).unwrap();
    }
    let output = sync(home.path(), "contoso", &export).await;
    assert_eq!(output.json()["connections"][0]["packages"]["created"], 1, "{output:?}");

    let output = successors(home.path(), &["--json"]).await;
    assert_eq!(output.code, Some(2), "{output:?}");
    let mapping = output.json();
    let line = |at: usize| {
        let line = &mapping["packages"][at];
        (line["display_name"].as_str().unwrap(), line["outcome"].as_str().unwrap())
    };
    assert_eq!(line(0), ("Excel 2019 (Sales)", "found"));
    assert_eq!(mapping["packages"][0]["how"], "called_the_same");
    assert_eq!(line(1), ("Session Desktop (Sales)", "unmatched"));
    assert_eq!(mapping["packages"][1]["reason"], "the other connection publishes no Desktop at all");
    assert_eq!((&mapping["found"], &mapping["unmatched"]), (&json!(1), &json!(1)));

    let shown = successors(home.path(), &[]).await;
    assert_eq!(shown.code, Some(2));
    assert!(shown.stdout.contains("excel (sales-pool)") && shown.stdout.contains("1 have a successor"), "{shown:?}");
    let back = finished(program(home.path(), &["classic", "successors", "--from", "contoso", "--to", "old"])).await;
    assert_eq!(back.code, Some(1));
    assert!(back.stderr.contains("offers no package of the classic service"), "{back:?}");
}
