//! The audit's page in a real browser.

use super::python;
use super::steps::Tally;
use crate::cargo::{self, Programs};
use crate::processes::capture;
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tokio::process::Command;

/// The tests.
const TESTS: &str = "infra/tests/test_report.py";
/// What somebody in the estate is called; the tests look for it.
const HOSTILE: &str = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";
/// What the browser is called.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Audits a small estate from files, and opens the page.
pub(super) async fn check(programs: &Programs) -> Result<Tally> {
    ensure_browser().await?;
    let folder = cargo::fresh_folder("report")?;
    let facts = folder.join("facts");
    std::fs::create_dir_all(&facts).context("cannot make a folder for the facts")?;
    std::fs::write(facts.join("facts.json"), estate().to_string()).context("cannot write the facts")?;
    let page = folder.join("audit.html");
    let mut audit = Command::new(&programs.poolwarden);
    audit.current_dir(&folder).arg("audit").arg("--from").arg(&facts).args(["--format", "html", "--output"]).arg(&page);
    let (status, out, err) = capture(&mut audit).await?;
    ensure!(page.is_file(), "`poolwarden audit` wrote no page ({status}): {out}{err}");
    python::script(TESTS, &[page.as_os_str()]).await
}

async fn has_browser() -> bool {
    for browser in BROWSERS {
        let found = Command::new(browser).arg("--version").kill_on_drop(true).output().await;
        if found.is_ok_and(|found| found.status.success()) {
            return true;
        }
    }
    false
}

async fn ensure_browser() -> Result<()> {
    if has_browser().await {
        return Ok(());
    }
    if python::apt_install("chromium").await? && has_browser().await {
        return Ok(());
    }
    bail!("Chromium is missing: install it (on Debian: apt-get install chromium)")
}

/// An estate with a pool, and somebody whose name is markup.
fn estate() -> serde_json::Value {
    const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";
    let group = format!("{SUBSCRIPTION}/resourceGroups/rg-avd/providers/Microsoft.DesktopVirtualization");
    let (pool, apps) = (format!("{group}/hostPools/hp-sales"), format!("{group}/applicationGroups/ag-sales"));
    let user = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
    let app = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";
    let role = |guid: &str| format!("/providers/Microsoft.Authorization/roleDefinitions/{guid}");
    let (owner, avd_user) = ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63");
    let assignment = |name: &str, scope: &str, guid: &str, principal: &str, kind: &str| {
        json!({
            "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"),
            "scope": scope, "role": role(guid), "principal": {"id": principal, "type": kind},
        })
    };
    let definition = |guid: &str, name: &str, actions: &[&str], data: &[&str]| {
        json!({
            "id": role(guid), "name": name, "kind": "BuiltIn", "assignable_scopes": ["/"],
            "permissions": [{"actions": actions, "notActions": [], "dataActions": data, "notDataActions": []}],
        })
    };
    let read = |facet: &str, scope: &str| json!({"scope": scope, "facet": facet, "state": "read", "items": 1});
    let of_subscription = [
        "management_groups",
        "role_assignments",
        "role_definitions",
        "pim_active",
        "pim_eligible",
        "classic_administrators",
        "desktop_virtualization",
        "key_vaults",
        "compute",
        "automation",
    ];
    let coverage: Vec<_> = of_subscription
        .iter()
        .map(|facet| read(facet, SUBSCRIPTION))
        .chain(["principals", "group_members"].map(|facet| read(facet, "/")))
        .collect();
    json!({
        "read_at": "2026-11-01T00:00:00Z", "tenant": "contoso", "management_groups": [],
        "subscriptions": [{"id": SUBSCRIPTION, "name": "Contoso", "management_group": null}],
        "assignments": [
            assignment("1", SUBSCRIPTION, owner, user, "User"),
            assignment("2", SUBSCRIPTION, owner, app, "ServicePrincipal"),
            assignment("3", &apps, avd_user, user, "User"),
        ],
        "definitions": [
            definition(owner, "Owner", &["*"], &[]),
            definition(avd_user, "Desktop Virtualization User", &[],
                &["Microsoft.DesktopVirtualization/applicationGroups/useApplications/action"]),
        ],
        "denies": [], "pim": [],
        "classic_administrators": [{"subscription": SUBSCRIPTION, "email": "old@contoso.com", "role": "CoAdministrator"}],
        "directory": {
            "objects": {
                user: {"type": "User", "name": HOSTILE, "upn": "h@contoso.com", "guest": false, "enabled": true},
                app: {"type": "ServicePrincipal", "name": "Deployer", "app_id": app, "kind": "Application",
                      "enabled": true, "owner_tenant": null, "owners": [], "passwords": [], "resource": null},
            },
            "missing": [], "members": {}, "opaque_groups": [], "applications": [], "app_roles": [], "delegated": [],
            "roles": [], "organization": null,
        },
        "resources": [
            {"id": pool, "type": "microsoft.desktopvirtualization/hostpools", "location": "westeurope",
             "body": {"properties": {"hostPoolType": "Pooled"}}},
            {"id": apps, "type": "microsoft.desktopvirtualization/applicationgroups", "location": "westeurope",
             "body": {"properties": {"hostPoolArmPath": pool, "applicationGroupType": "Desktop"}}},
        ],
        "coverage": coverage,
    })
}
