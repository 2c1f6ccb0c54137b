use super::*;
use serde_json::json;

fn fixture() -> FileInventory {
    FileInventory::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/export")).unwrap()
}

/// The estate as text, without the machine's own paths.
fn shown_estate(inventory: &FileInventory) -> String {
    let estate = &inventory.estate;
    let hosts: Vec<_> = estate.session_hosts.iter().map(|(pool, count)| json!([pool, count])).collect();
    let text = serde_json::to_string_pretty(&json!({
        "subscriptions": estate.subscriptions, "host_pools": estate.host_pools, "groups": estate.application_groups,
        "workspaces": estate.workspaces, "session_hosts": hosts, "role_assignments": estate.role_assignments,
        "roles": estate.role_definitions.iter().map(|role| &role.role_name).collect::<Vec<_>>(),
        "unknown": estate.unknown, "ignored": estate.ignored,
    }));
    text.unwrap().replace(&inventory.folder, "DIR")
}

fn group(name: &str) -> ArmId {
    let scope = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-avd";
    ArmId::new(&format!("{scope}/providers/Microsoft.DesktopVirtualization/applicationGroups/{name}"))
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

#[test]
fn an_export_of_many_shapes_is_one_estate() {
    let shown = shown_estate(&fixture());
    assert!(!shown.contains("never-shown"));
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn lists_are_read_when_they_are_asked_for() {
    let inventory = fixture();
    let listing = inventory.listing(&group("AG-Office"), ResourceKind::RemoteApp, &[]).await.unwrap().unwrap();
    insta::assert_json_snapshot!(listing.resources);
    assert_eq!(listing.resources[0].icon.as_deref(), Some(&b"\x89PNG\r\n\x1a\n"[..]));
    assert_eq!(listing.unknown.iter().map(|unknown| unknown.scope.name()).collect::<Vec<_>>(), ["broken"]);
    let desktops = inventory.resources(&group("ag-desktop"), ResourceKind::Desktop).await;
    assert_eq!(desktops, Ok(Some(vec![])), "an empty list whose request says of what it is");
    let missing = inventory.resources(&group("ag-office"), ResourceKind::Desktop).await.unwrap_err();
    assert_eq!(missing.why, Why::Missing);
    assert!(missing.detail.contains("lists the desktops of"), "{missing}");
}

#[tokio::test]
async fn files_tell_neither_changes_nor_what_does_not_exist() {
    let inventory = fixture();
    assert_eq!(inventory.changes("s", Timestamp::UNIX_EPOCH).await.unwrap_err().why, Why::Missing);
    assert_eq!(inventory.host_pool(&ArmId::new("/none")).await.unwrap_err().why, Why::Missing);
    let pool = inventory.estate.host_pools[0].clone();
    assert_eq!(inventory.host_pool(&ArmId::new(&pool.id.canonical())).await, Ok(Some(pool)));
}

#[tokio::test]
async fn a_list_that_goes_on_elsewhere_is_not_whole() {
    let folder = tempfile::tempdir().unwrap();
    let app = |name: &str| json!({"id": format!("{}/applications/{name}", group("g")), "properties": {}});
    let first = json!({"value": [app("a")], "nextLink": "https://management.azure.com/next"});
    write(folder.path(), "1.json", first.to_string());
    let inventory = FileInventory::open(folder.path()).unwrap();
    let listing = inventory.listing(&group("g"), ResourceKind::RemoteApp, &[]).await.unwrap().unwrap();
    assert_eq!((listing.resources.len(), listing.unknown.len()), (1, 1));
    write(folder.path(), "2.json", json!({"value": [app("a"), app("b")], "nextLink": null}).to_string());
    let inventory = FileInventory::open(folder.path()).unwrap();
    let listing = inventory.listing(&group("g"), ResourceKind::RemoteApp, &[]).await.unwrap().unwrap();
    assert_eq!((listing.resources.len(), listing.unknown.len()), (2, 0));
}

#[tokio::test]
async fn a_single_application_is_no_list() {
    let folder = tempfile::tempdir().unwrap();
    let app = json!({"id": format!("{}/applications/a", group("g")), "objectId": "o"});
    write(folder.path(), "app.json", app.to_string());
    let inventory = FileInventory::open(folder.path()).unwrap();
    assert_eq!(inventory.resources(&group("g"), ResourceKind::RemoteApp).await.unwrap_err().why, Why::Missing);
    assert!(inventory.estate.unknown.iter().any(|unknown| unknown.scope == group("g")), "the group does not vanish");
}

#[test]
fn what_is_no_estate_is_listed_and_never_fatal() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a/empty.json", "");
    write(folder.path(), "a/utf16.json", [0xff, 0xfe, b'[', 0, b']', 0]);
    write(folder.path(), "b/latin1.json", [b'"', 0xe9, b'"']);
    write(folder.path(), "b/list.json", "[]");
    write(folder.path(), "c/deep.json", "[".repeat(100_000));
    write(folder.path(), "c/odd.JSON", "[1, null, {\"id\": 7}]");
    write(folder.path(), "notes.txt", "not read");
    let inventory = FileInventory::open(folder.path()).unwrap();
    insta::assert_snapshot!(inventory.estate.ignored.join("\n"));
    assert_eq!(inventory.estate.unknown[0].scope, ArmId::new("/"), "and nothing is taken for gone");
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_not_followed() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(outside.path(), "secret.json", "{}");
    std::os::unix::fs::symlink(outside.path().join("secret.json"), folder.path().join("a.json")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("b")).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("c")).unwrap();
    let inventory = FileInventory::open(folder.path()).unwrap();
    assert_eq!(inventory.estate.ignored, ["a.json: a link that leads out of the folder or nowhere"]);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_that_names_it() {
    let error = FileInventory::open(Path::new("/no/such/folder")).unwrap_err();
    assert!(error.to_string().contains("/no/such/folder"));
}

/// The public samples of the REST API specifications, which the repository does not hold.
#[tokio::test]
async fn the_specifications_own_examples_are_readable() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let folder = std::env::var_os("POOLWARDEN_FIXTURES").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        eprintln!("SKIPPED: no fixtures in {}; set POOLWARDEN_FIXTURES to their folder", folder.display());
        return;
    }
    let inventory = FileInventory::open(&folder).unwrap();
    insta::assert_snapshot!(shown_estate(&inventory));
    let group = &inventory.estate.application_groups[0].id;
    let applications = inventory.resources(group, ResourceKind::RemoteApp).await.unwrap().unwrap();
    assert_eq!(applications.iter().map(|app| app.name.as_str()).collect::<Vec<_>>(), ["application1", "application2"]);
    let desktops = inventory.resources(group, ResourceKind::Desktop).await.unwrap().unwrap();
    assert_eq!(desktops[0].name, "SessionDesktop");
}

fn classic_fixture() -> FileInventory {
    FileInventory::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/classic/powershell")).unwrap()
}

const CLASSIC_POOL: &str =
    "/classic/RdsManagement/tenantGroups/Default Tenant Group/tenants/contoso/hostPools/Sales pool";

fn classic_group(name: &str) -> ArmId {
    ArmId::new(&format!("{CLASSIC_POOL}/applicationGroups/{name}"))
}

#[test]
fn what_the_classic_module_printed_is_an_estate_like_any_other() {
    let shown = shown_estate(&classic_fixture());
    assert!(!shown.contains("hush"));
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn classic_applications_and_desktops_are_read_from_files() {
    let inventory = classic_fixture();
    let apps = inventory.listing(&classic_group("Office"), ResourceKind::RemoteApp, &[]).await.unwrap().unwrap();
    insta::assert_json_snapshot!(apps.resources);
    assert_eq!(apps.unknown.iter().map(|unknown| unknown.scope.name()).collect::<Vec<_>>(), ["Odd"]);
    let desktop_group = classic_group("Desktop Application Group");
    let desktops = inventory.resources(&desktop_group, ResourceKind::Desktop).await.unwrap().unwrap();
    assert_eq!(desktops[0].friendly_name.as_deref(), Some("Session Desktop"));
    let none = inventory.resources(&desktop_group, ResourceKind::RemoteApp).await.unwrap_err();
    assert_eq!(none.why, Why::Missing, "a list that no file holds is unknown, never empty");
}

#[test]
fn both_models_may_be_in_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    for fixtures in ["fixtures/export/az", "fixtures/classic/powershell"] {
        for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(fixtures)).unwrap().flatten() {
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
    }
    let both = FileInventory::open(folder.path()).unwrap();
    let classic = classic_fixture();
    let ids = |inventory: &FileInventory| -> Vec<ArmId> {
        let pools = inventory.estate.host_pools.iter().map(|pool| pool.id.clone());
        pools.filter(is_classic).collect()
    };
    assert_eq!(ids(&both), ids(&classic));
    assert!(both.estate.host_pools.len() > classic.estate.host_pools.len());
    assert!(both.estate.role_definitions.len() > classic.estate.role_definitions.len());
}

#[tokio::test]
async fn recorded_answers_of_the_classic_service_are_lists_that_say_of_what() {
    let folder = tempfile::tempdir().unwrap();
    let base =
        "https://rdbroker.wvd.microsoft.com/RdsManagement/V1/TenantGroups/Default%20Tenant%20Group/Tenants/contoso";
    let record = |name: &str, of: &str, body: serde_json::Value| {
        let exchange = json!({"request": {"url": format!("{base}{of}")}, "response": {"status": 200, "body": body}});
        write(folder.path(), name, exchange.to_string());
    };
    record("pools.json", "/HostPools", json!([{"hostPoolName": "Sales pool", "persistent": false}]));
    record("groups.json", "/HostPools/Sales%20pool/AppGroups", json!([{"appGroupName": "g", "resourceType": 0}]));
    record("apps.json", "/HostPools/Sales%20pool/AppGroups/g/RemoteApps?PageSize=2", json!([{"remoteAppName": "a"}]));
    record(
        "users.json",
        "/HostPools/Sales%20pool/AppGroups/g/AssignedUsers?PageSize=1",
        json!([{"userPrincipalName": "u"}]),
    );
    record("hosts.json", "/HostPools/Sales%20pool/SessionHosts/h", json!({"sessionHostName": "h"}));
    let inventory = FileInventory::open(folder.path()).unwrap();
    let apps = inventory.resources(&classic_group("g"), ResourceKind::RemoteApp).await.unwrap().unwrap();
    assert_eq!(apps[0].id, ArmId::new(&format!("{}/applications/a", classic_group("g"))));
    let open: Vec<_> = inventory.estate.unknown.iter().map(|unknown| unknown.scope.name()).collect();
    assert_eq!(open, ["sessionHosts", "assignedUsers"], "a single host is no list, and a full page not the end of one");
    assert_eq!(inventory.estate.ignored, Vec::<String>::new());
}

/// What the module prints of one, in a folder that says by a recording what else there is.
fn single(thing: &serde_json::Value) -> (FileInventory, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let base =
        "https://rdbroker.wvd.microsoft.com/RdsManagement/V1/TenantGroups/Default%20Tenant%20Group/Tenants/contoso";
    for (name, of, body) in [
        ("pools.json", "/HostPools", json!([{"hostPoolName": "Sales pool", "persistent": false}])),
        ("groups.json", "/HostPools/Sales%20pool/AppGroups", json!([{"appGroupName": "g", "resourceType": 0}])),
    ] {
        let exchange = json!({"request": {"url": format!("{base}{of}")}, "response": {"status": 200, "body": body}});
        write(folder.path(), name, exchange.to_string());
    }
    let mut thing = thing.clone();
    thing["TenantName"] = json!("contoso");
    write(folder.path(), "single.json", thing.to_string());
    (FileInventory::open(folder.path()).unwrap(), folder)
}

#[tokio::test]
async fn a_single_classic_application_is_read_and_may_be_one_of_many() {
    let excel = json!({"HostPoolName": "Sales pool", "AppGroupName": "g", "RemoteAppName": "Excel"});
    let (inventory, _folder) = single(&excel);
    let listing = inventory.listing(&classic_group("g"), ResourceKind::RemoteApp, &[]).await.unwrap().unwrap();
    assert_eq!(listing.resources.len(), 1);
    let [unknown] = &listing.unknown[..] else { panic!("one list is open: {:?}", listing.unknown) };
    assert_eq!((&unknown.scope, unknown.reason.why), (&classic_group("g"), Why::Missing));
    assert!(unknown.reason.detail.contains("ConvertTo-Json -AsArray"), "{}", unknown.reason);
}

#[tokio::test]
async fn a_single_classic_desktop_is_all_that_its_group_has() {
    let desktop = json!({"HostPoolName": "Sales pool", "AppGroupName": "g", "RemoteDesktopName": "Desktop"});
    let (inventory, _folder) = single(&desktop);
    let listing = inventory.listing(&classic_group("g"), ResourceKind::Desktop, &[]).await.unwrap().unwrap();
    assert_eq!((listing.resources.len(), listing.unknown.len()), (1, 0));
}

#[test]
fn a_single_classic_pool_or_group_leaves_its_list_open() {
    let folder = tempfile::tempdir().unwrap();
    let pool = json!({"TenantName": "contoso", "HostPoolName": "Sales pool", "Persistent": false});
    let group = json!({"TenantName": "contoso", "HostPoolName": "Sales pool", "AppGroupName": "g", "ResourceType": 0});
    write(folder.path(), "pool.json", pool.to_string());
    write(folder.path(), "group.json", group.to_string());
    let inventory = FileInventory::open(folder.path()).unwrap();
    assert_eq!((inventory.estate.host_pools.len(), inventory.estate.application_groups.len()), (1, 1));
    let open = |scope: &str| inventory.estate.unknown.iter().any(|unknown| unknown.scope == ArmId::new(scope));
    assert!(open(CLASSIC_POOL), "another group");
    assert!(open("/classic/RdsManagement/tenantGroups/Default Tenant Group/tenants/contoso"), "another pool");
}
