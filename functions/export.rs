//! The catalogue as a folder: one manifest a package, each icon once, the manifests' JSON Schema, and an index of it
//! all. Every name in it is made here, of letters, digits and dashes; nothing from outside becomes a path.

use crate::deps::Deps;
use crate::{keys, lifecycle};
use anyhow::{Context, bail};
use poolwarden_domain::assignment::{Entitled, effective};
use poolwarden_domain::package::{Package, PackageState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// The name of the file that makes a folder an export.
const INDEX: &str = "index.json";
/// Where the manifests' schema is, from the folder's root.
const SCHEMA: &str = "schema/package.schema.json";

/// What an export wrote: `index.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// Where the schema of the manifests is.
    pub schema: String,
    /// How many packages there are.
    pub packages: usize,
    /// How many icons there are.
    pub icons: usize,
    /// Every file, from the folder's root.
    pub files: BTreeSet<String>,
}

/// A package as it is exported: the catalogue's document, and where its icon is.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(title = "Poolwarden package")]
pub struct Manifest {
    /// The schema this follows, from the manifest's own place.
    #[serde(rename = "$schema")]
    schema: String,
    /// The icon, from the folder's root.
    icon_file: String,
    /// Who has it in the end: what the source entitles and what persons assigned, one entitlement an identity.
    entitled: Vec<Entitled>,
    /// The package.
    #[serde(flatten)]
    package: Package,
}

/// The JSON Schema of [`Manifest`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Manifest).into()
}

/// Writes what the catalogue offers. Files that an earlier export wrote and this one does not are deleted; a folder
/// that holds anything else is refused.
pub async fn export(deps: &Deps, folder: &Path, connection: Option<&str>) -> anyhow::Result<Exported> {
    let before = earlier(folder)?;
    let mut files = BTreeSet::new();
    let mut icons = BTreeSet::new();
    let mut packages = 0;
    let state = deps.state();
    let prefix = connection.map_or_else(|| keys::PACKAGES.to_owned(), |name| keys::package(name, ""));
    let mut after: Option<String> = None;
    loop {
        let page = deps.documents.scan(&prefix, after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (key, document) in page {
            let package: Package = serde_json::from_slice(&document.body)
                .with_context(|| format!("document {key} cannot be understood"))?;
            if package.state != PackageState::Active {
                continue;
            }
            let name = format!("packages/{}/{}.json", package.connection, package.key);
            icons.insert(package.content.icon.sha256.clone());
            let icon_file = icon_file(&package.content.icon.sha256);
            let manifest = Manifest {
                schema: format!("../../{SCHEMA}"),
                icon_file,
                entitled: effective(&package, &lifecycle::offer(deps, &package.connection)),
                package,
            };
            write(folder, &name, &serde_json::to_vec_pretty(&manifest)?)?;
            files.insert(name);
            packages += 1;
        }
    }
    for sha256 in &icons {
        let icon = state.0.get(&keys::icon(sha256)).await?;
        let icon =
            icon.with_context(|| format!("icon {sha256} is not in the store; `poolwarden sync --full` restores it"))?;
        let name = icon_file(sha256);
        write(folder, &name, &icon.body)?;
        files.insert(name);
    }
    write(folder, SCHEMA, &serde_json::to_vec_pretty(&schema())?)?;
    files.insert(SCHEMA.to_owned());
    let exported = Exported { schema: SCHEMA.to_owned(), packages, icons: icons.len(), files };
    for stale in before.difference(&exported.files).filter(|name| is_ours(name)) {
        match std::fs::remove_file(folder.join(stale)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot delete {stale}"));
            }
            _ => {}
        }
    }
    write(folder, INDEX, &serde_json::to_vec_pretty(&exported)?)?;
    Ok(exported)
}

/// How many packages are read at a time.
const PAGE: usize = 200;

fn icon_file(sha256: &str) -> String {
    format!("icons/{sha256}.png")
}

/// The files an earlier export wrote here; none for a new or empty folder.
fn earlier(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let index = folder.join(INDEX);
    if index.try_exists()? {
        let text = std::fs::read(&index).with_context(|| format!("cannot read {}", index.display()))?;
        let exported: Exported = serde_json::from_slice(&text)
            .with_context(|| format!("{} was not written by an export; choose another folder", index.display()))?;
        return Ok(exported.files);
    }
    if folder.try_exists()? && folder.read_dir()?.next().is_some() {
        bail!("{} holds something else; choose a new or empty folder", folder.display());
    }
    Ok(BTreeSet::new())
}

/// Whether a name is one that an export gives: an index that was tampered with deletes nothing else.
fn is_ours(name: &str) -> bool {
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    let parts: Vec<&str> = name.split('/').collect();
    matches!(parts[..], ["packages", _, _] | ["icons" | "schema", _])
        && parts.iter().all(|part| plain(part) && !part.starts_with('.'))
}

/// Writes a file whole or not at all.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = folder.join(name);
    let parent = path.parent().expect("every name has a folder before it");
    std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_names_that_an_export_gives_are_its_own() {
        for ours in ["packages/contoso/excel-0123.json", "icons/ab12.png", "schema/package.schema.json"] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in [
            "../etc/passwd",
            "/etc/passwd",
            "packages/../x",
            "packages/a",
            "icons/.hidden",
            "icons/a/b",
            "index.json",
            "",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
