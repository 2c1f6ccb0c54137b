use super::*;
use crate::config::{Config, TEXT_VARIABLE};
use crate::export;
use crate::{status, testing};
use bytes::Bytes;
use poolwarden_domain::feed::RdpRef;
use poolwarden_domain::launch::{LaunchCloud, Target, actions};
use poolwarden_domain::package::{Package, PackageState, Stage};
use poolwarden_domain::run::{Source, Trigger};
use poolwarden_store::{Options, Sqlite};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ICON: &[u8] = b"icon";
const RDP: &[u8] = b"\xFF\xFEfull address:s:x\r\n";

struct Stand {
    deps: Deps,
    folder: tempfile::TempDir,
}

fn package(title: &str) -> Package {
    let mut package = testing::package(title);
    package.content.icon.sha256 = sha256_hex(ICON);
    package.content.launch =
        actions(LaunchCloud::Public, &Target { workspace: "w", resource: "r", ..Target::default() }, None, true);
    package.content.rdp = Some(RdpRef { sha256: sha256_hex(RDP) });
    package
}

impl Stand {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = "[[connection]]\nname = \"contoso\"\n\
            [[connection.target]]\nkind = \"application_workspace\"\nname = \"aw\"\nfolder = \"bundle\"\n";
        let file = folder.path().join("poolwarden.toml");
        let nothing: std::collections::HashMap<&str, &str> = std::collections::HashMap::new();
        let config = Config::parse(text, &file, &nothing, |_| Ok(())).unwrap();
        let store = Sqlite::in_memory(Options::default()).unwrap();
        let deps = Deps::new(config, Arc::new(store.clone()), Arc::new(store)).unwrap();
        deps.state().create_bytes(&keys::icon(&sha256_hex(ICON)), Bytes::from_static(ICON)).await.unwrap();
        deps.state().create_bytes(&keys::rdp(&sha256_hex(RDP)), Bytes::from_static(RDP)).await.unwrap();
        Self { deps, folder }
    }

    async fn publish(&self, package: &Package) {
        let state = self.deps.state();
        state.change(&keys::package("contoso", &package.key), |_| Some(package.clone())).await.unwrap();
        let record = |index: Option<PoolIndex>| {
            let mut index =
                index.unwrap_or_else(|| PoolIndex::new(package.content.host_pool.id.clone(), "hp".to_owned()));
            index.record(package);
            Some(index)
        };
        state.change(&keys::index("contoso", "hp"), record).await.unwrap();
    }

    async fn follow(&self) -> Written {
        let run = Run::new("r1".to_owned(), "contoso", Trigger::Timer, Source::Azure, Timestamp::UNIX_EPOCH);
        follow(&self.deps, &run).await.unwrap();
        self.deps.state().value(&keys::target("contoso", "aw")).await.unwrap().unwrap()
    }

    fn bundle(&self) -> PathBuf {
        self.folder.path().join("bundle")
    }

    fn index(&self) -> application_workspace::Bundle {
        serde_json::from_slice(&fs::read(self.bundle().join(INDEX)).unwrap()).unwrap()
    }
}

/// Every file below a folder, from its root.
fn below(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in root.read_dir().unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        match entry.path() {
            path if path.is_dir() => files.extend(below(&path).into_iter().map(|file| format!("{name}/{file}"))),
            _ => files.push(name),
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn a_bundle_holds_all_that_its_script_needs_and_nothing_else() {
    let stand = Stand::new().await;
    let evil = package("'; Remove-Item C:\\ -Recurse #");
    let gone = Package { state: PackageState::Retired, ..package("gone") };
    stand.publish(&evil).await;
    stand.publish(&gone).await;
    assert_eq!(stand.follow().await.error, None);
    let index = stand.index();
    assert_eq!((index.packages, index.retired, index.icons, index.rdp_files), (1, 1, 1, 1));
    let mut files: Vec<String> = index.files.into_iter().chain([INDEX.to_owned()]).collect();
    files.sort();
    assert_eq!(below(&stand.bundle()), files);
    let read = |name: String| fs::read(stand.bundle().join(name)).unwrap();
    assert_eq!(read("import.ps1".to_owned()), script().as_bytes());
    assert_eq!(read(format!("icons/{}.png", sha256_hex(ICON))), ICON);
    assert_eq!(read(format!("rdp/{}.rdp", sha256_hex(RDP))), RDP, "a signed file is handed on byte for byte");
    let list: Value = serde_json::from_slice(&read("packages.json".to_owned())).unwrap();
    let names: Vec<&str> = list["packages"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names.len(), 2);
    for name in names {
        let manifest: Value = serde_json::from_slice(&read(format!("packages/{name}.json"))).unwrap();
        assert_eq!(manifest["do"], if name.ends_with(&gone.key) { "retire" } else { "ensure" });
    }
}

#[tokio::test]
async fn a_target_is_written_again_only_when_it_would_say_something_else() {
    let stand = Stand::new().await;
    stand.publish(&package("one")).await;
    let first = stand.follow().await;
    assert_eq!(stand.follow().await, first, "nothing changed");
    stand.publish(&Package { stage: Stage::Test, ..package("one") }).await;
    let promoted = stand.follow().await;
    assert_ne!(promoted.digest, first.digest);
    let name = format!("packages/poolwarden-contoso-{}.json", package("one").key);
    let manifest: Value = serde_json::from_slice(&fs::read(stand.bundle().join(&name)).unwrap()).unwrap();
    assert_eq!(manifest["stage"], "Test");

    fs::remove_dir_all(stand.bundle()).unwrap();
    stand.follow().await;
    assert!(stand.bundle().join(name).exists(), "a folder that somebody removed comes back");
}

#[tokio::test]
async fn a_target_that_cannot_be_written_fails_no_run_is_told_and_tried_again() {
    let stand = Stand::new().await;
    stand.publish(&package("one")).await;
    fs::write(stand.bundle(), "a file where the folder should be").unwrap();
    let error = stand.follow().await.error.unwrap();
    let told = status::of(&stand.deps).await.unwrap();
    assert!(!told.healthy);
    assert_eq!(told.attention, [format!("contoso: target aw was not written: {error}")]);

    fs::remove_file(stand.bundle()).unwrap();
    assert_eq!(stand.follow().await.error, None);
    assert!(stand.bundle().join("import.ps1").exists());
    assert_eq!(status::of(&stand.deps).await.unwrap().attention, [""; 0]);
}

#[tokio::test]
async fn a_writing_that_broke_off_half_way_is_finished_by_the_next() {
    let stand = Stand::new().await;
    let mut broken = package("broken");
    broken.content.icon.sha256 = "0".repeat(64);
    stand.publish(&package("one")).await;
    stand.publish(&broken).await;
    let error = stand.follow().await.error.unwrap();
    assert!(error.contains("is not in the store"), "{error}");
    assert!(!stand.bundle().join(INDEX).exists(), "the index comes last");
    stand.publish(&package("broken")).await;
    assert_eq!(stand.follow().await.error, None);
    assert_eq!(stand.index().packages, 2);
}

#[tokio::test]
async fn the_folders_of_the_two_formats_are_told_apart() {
    let stand = Stand::new().await;
    stand.publish(&package("one")).await;
    let catalogue = stand.folder.path().join("catalogue");
    let exported = export::export(&stand.deps, &catalogue, None).await.unwrap();
    assert_eq!((exported.packages, exported.icons, exported.rdp_files), (1, 1, 1));
    let manifest = below(&catalogue.join("packages")).remove(0);
    let manifest: Value =
        serde_json::from_slice(&fs::read(catalogue.join("packages").join(manifest)).unwrap()).unwrap();
    let rdp = manifest["rdp_file"].as_str().unwrap();
    assert_eq!(fs::read(catalogue.join(rdp)).unwrap(), RDP);

    let before = below(&catalogue);
    let refused = application_workspace::export(&stand.deps, &catalogue, None).await.unwrap_err().to_string();
    assert!(refused.contains("choose another folder"), "{refused}");
    assert_eq!(below(&catalogue), before);
    stand.follow().await;
    export::export(&stand.deps, &stand.bundle(), None).await.unwrap_err();
}

#[test]
fn targets_are_refused_where_nobody_could_take_them_up() {
    let target = "[[connection.target]]\nkind = \"application_workspace\"\nname = \"aw\"\nfolder = \"b\"\n";
    let parse = |text: &str| {
        let nothing: std::collections::HashMap<&str, &str> = std::collections::HashMap::new();
        Config::parse(text, Path::new(TEXT_VARIABLE), &nothing, |_| Ok(()))
    };
    let azure = "[azure]\nservice_bus = \"https://c.servicebus.windows.net\"\n\
        blob = \"https://c.blob.core.windows.net/poolwarden\"\n";
    let connection = |name: &str| format!("[[connection]]\nname = \"{name}\"\n{target}");
    let refused = parse(&format!("{azure}{}", connection("a"))).unwrap_err().to_string();
    assert!(refused.contains("poolwarden packages export DIR --format application_workspace"), "{refused}");
    let shared = parse(&(connection("a") + &connection("b"))).unwrap_err().to_string();
    assert!(shared.contains("give each target its own folder"), "{shared}");
    let config = parse(&connection("a")).unwrap();
    assert_eq!(config.connections[0].targets[0].name, "aw");
    assert_eq!(config.without_webhooks().connections[0].targets, [], "a run that nobody shall be told of writes none");
    for (wrong, told) in [("kind = \"aw\"", "application_workspace"), ("kind = \"application_workspace\"", "`folder`")]
    {
        let text = format!("[[connection]]\nname = \"a\"\n[[connection.target]]\n{wrong}\nname = \"n\"\n");
        let faults = parse(&text).unwrap_err().to_string();
        assert!(faults.contains(told), "{faults}");
    }
}
