use super::package::{Staged, assemble, zip};
use crate::cargo::{fresh_folder, root};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A folder of this test, and something in it that stands for the binary.
fn stand(name: &str) -> (PathBuf, PathBuf) {
    let folder = fresh_folder(&format!("stage-tests/{name}")).expect("a folder");
    let binary = folder.join("built").join("poolwarden");
    fs::create_dir_all(folder.join("built")).expect("a folder");
    fs::create_dir_all(folder.join("app")).expect("a folder");
    fs::write(&binary, b"\x7fELF and so on").expect("a file");
    (folder.join("app"), binary)
}

/// Every file below a folder, with `/`.
fn files_below(folder: &Path, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_str().expect("text"));
        if entry.path().is_dir() {
            found.extend(files_below(&entry.path(), &format!("{name}/")));
        } else {
            found.insert(name);
        }
    }
    found
}

fn expected() -> BTreeSet<String> {
    let functions = files_below(&root().join("functions"), "");
    let definitions = functions.into_iter().filter(|name| name.ends_with("/function.json"));
    definitions.chain(["host.json".to_owned(), "poolwarden".to_owned()]).collect()
}

#[test]
fn the_folder_holds_what_the_host_reads_and_nothing_else() {
    let (app, binary) = stand("folder");
    let files = assemble(&binary, root(), &app).expect("files");
    let expected = expected();
    assert!(expected.contains("sync_timer/function.json") && expected.len() > 5, "{expected:?}");
    assert_eq!(files_below(&app, ""), expected);
    assert_eq!(files.iter().map(|file| file.name.clone()).collect::<BTreeSet<_>>(), expected);
    for Staged { name, bytes, mode } in &files {
        let metadata = fs::metadata(app.join(name)).expect("a file");
        assert_eq!(metadata.len(), *bytes, "{name}");
        assert_eq!(*mode, if name == "poolwarden" { 0o755 } else { 0o644 }, "{name}");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777, *mode, "{name}");
    }
}

#[test]
fn the_zip_holds_the_same_with_its_modes() {
    let (app, binary) = stand("zip");
    let files = assemble(&binary, root(), &app).expect("files");
    let path = app.with_extension("zip");
    zip(&app, &files, &path).expect("a zip");
    let mut archive = zip::ZipArchive::new(File::open(&path).expect("a file")).expect("a zip");
    let names: BTreeSet<String> = archive.file_names().map(|name| name.expect("text").into_owned()).collect();
    assert_eq!((archive.len(), names), (files.len(), expected()));
    for file in &files {
        let mut entry = archive.by_name(&file.name).expect("an entry");
        // The kind of file stands above the nine bits.
        assert_eq!(entry.unix_mode().map(|mode| mode & 0o777), Some(file.mode), "{}", file.name);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("the entry's bytes");
        assert_eq!(bytes, fs::read(app.join(&file.name)).expect("a file"), "{}", file.name);
    }
}

#[test]
fn the_same_files_make_the_same_zip() {
    let (app, binary) = stand("again");
    let mut bytes = Vec::new();
    for name in ["first.zip", "second.zip"] {
        let path = app.with_file_name(name);
        let files = assemble(&binary, root(), &app).expect("files");
        zip(&app, &files, &path).expect("a zip");
        bytes.push(fs::read(path).expect("a file"));
    }
    assert!(!bytes[0].is_empty());
    assert_eq!(bytes[0], bytes[1]);
}

#[test]
fn a_folder_without_functions_is_no_app() {
    let (app, binary) = stand("empty");
    let root = app.with_file_name("root");
    fs::create_dir_all(root.join("functions").join("config")).expect("a folder");
    fs::write(root.join("host.json"), "{}").expect("a file");
    assert!(assemble(&binary, &root, &app).expect_err("no functions").to_string().contains("holds no function"));
}
