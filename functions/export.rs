//! The catalogue as a folder: one manifest a package, each icon and `.rdp` file once, the manifests' JSON Schema, and an
//! index of it all. Every name in it is made here, of letters, digits and dashes; nothing from outside becomes a path.

use crate::deps::Deps;
use crate::folder::{Folder, Index, is_plain_below};
use crate::{keys, lifecycle};
use anyhow::Context;
use poolwarden_domain::assignment::{Entitled, effective};
use poolwarden_domain::package::{Package, PackageState};
use poolwarden_store::Document;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

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
    /// How many `.rdp` files there are.
    #[serde(default)]
    pub rdp_files: usize,
    /// Every file, from the folder's root.
    pub files: BTreeSet<String>,
}

impl Index for Exported {
    fn files(&self) -> &BTreeSet<String> {
        &self.files
    }

    fn is_ours(name: &str) -> bool {
        is_plain_below(name, &[("packages", 2), ("icons", 1), ("rdp", 1), ("schema", 1)])
    }
}

/// A package as it is exported: the catalogue's document, and where its icon and its `.rdp` file are.
#[derive(Debug, Serialize, schemars::JsonSchema)]
#[schemars(title = "Poolwarden package")]
pub struct Manifest {
    /// The schema this follows, from the manifest's own place.
    #[serde(rename = "$schema")]
    schema: String,
    /// The icon, from the folder's root.
    icon_file: String,
    /// The signed `.rdp` file, from the folder's root, where the source has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    rdp_file: Option<String>,
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
    let mut folder = Folder::open::<Exported>(folder)?;
    let (mut icons, mut rdps) = (BTreeSet::new(), BTreeSet::new());
    let mut packages = 0;
    let mut pages = Pages::of(connection);
    while let Some(page) = pages.next(deps).await? {
        let mut files = Vec::new();
        for package in page.into_iter().filter(|package| package.state == PackageState::Active) {
            let name = format!("packages/{}/{}.json", package.connection, package.key);
            icons.insert(package.content.icon.sha256.clone());
            rdps.extend(package.content.rdp.as_ref().map(|rdp| rdp.sha256.clone()));
            let manifest = Manifest {
                schema: format!("../../{SCHEMA}"),
                icon_file: icon_file(&package.content.icon.sha256),
                rdp_file: package.content.rdp.as_ref().map(|rdp| rdp_file(&rdp.sha256)),
                entitled: effective(&package, &lifecycle::offer(deps, &package.connection)),
                package,
            };
            files.push((name, serde_json::to_vec_pretty(&manifest)?));
        }
        packages += files.len();
        folder = folder.write(files).await?;
    }
    let folder = write_icons(deps, folder, &icons).await?;
    let folder = write_rdps(deps, folder, &rdps).await?;
    let folder = folder.write(vec![(SCHEMA.to_owned(), serde_json::to_vec_pretty(&schema())?)]).await?;
    let (icons, rdp_files) = (icons.len(), rdps.len());
    folder.close(move |files| Exported { schema: SCHEMA.to_owned(), packages, icons, rdp_files, files }).await
}

/// How many packages, or their files, are read at a time.
const PAGE: usize = 200;

/// The packages of the catalogue, retired ones too, some at a time.
pub(crate) struct Pages {
    prefix: String,
    after: Option<String>,
}

impl Pages {
    /// Those of one connection, or all.
    pub(crate) fn of(connection: Option<&str>) -> Self {
        let prefix = connection.map_or_else(|| keys::PACKAGES.to_owned(), |name| keys::package(name, ""));
        Self { prefix, after: None }
    }

    /// The next page; `None` after the last.
    pub(crate) async fn next(&mut self, deps: &Deps) -> anyhow::Result<Option<Vec<Package>>> {
        let page = deps.documents.scan(&self.prefix, self.after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(None) };
        self.after = Some(last.clone());
        let understood = |(key, document): (String, Document)| {
            serde_json::from_slice(&document.body).with_context(|| format!("document {key} cannot be understood"))
        };
        page.into_iter().map(understood).collect::<anyhow::Result<Vec<Package>>>().map(Some)
    }
}

/// Writes icons as `icons/<sha256>.png`.
pub(crate) async fn write_icons(deps: &Deps, folder: Folder, icons: &BTreeSet<String>) -> anyhow::Result<Folder> {
    write_blobs(deps, folder, icons, "icon", keys::icon, icon_file).await
}

/// Writes `.rdp` files as `rdp/<sha256>.rdp`, byte for byte: they are signed.
pub(crate) async fn write_rdps(deps: &Deps, folder: Folder, rdps: &BTreeSet<String>) -> anyhow::Result<Folder> {
    write_blobs(deps, folder, rdps, ".rdp file", keys::rdp, rdp_file).await
}

async fn write_blobs(
    deps: &Deps,
    mut folder: Folder,
    hashes: &BTreeSet<String>,
    what: &str,
    key: fn(&str) -> String,
    file: fn(&str) -> String,
) -> anyhow::Result<Folder> {
    let hashes: Vec<&String> = hashes.iter().collect();
    for some in hashes.chunks(PAGE) {
        let mut files = Vec::new();
        for sha256 in some {
            let blob = deps.documents.get(&key(sha256)).await?;
            let blob = blob.with_context(|| {
                format!("{what} {sha256} is not in the store; `poolwarden sync --full` restores it")
            })?;
            files.push((file(sha256), blob.body.to_vec()));
        }
        folder = folder.write(files).await?;
    }
    Ok(folder)
}

fn icon_file(sha256: &str) -> String {
    format!("icons/{sha256}.png")
}

fn rdp_file(sha256: &str) -> String {
    format!("rdp/{sha256}.rdp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_an_export_gives_are_its_own() {
        for ours in ["packages/contoso/excel-0123.json", "icons/ab12.png", "rdp/ab12.rdp", "schema/package.schema.json"]
        {
            assert!(Exported::is_ours(ours), "{ours}");
        }
        for other in ["../etc/passwd", "packages/../x", "packages/a", "icons/.hidden", "icons/a/b", "index.json", ""] {
            assert!(!Exported::is_ours(other), "{other}");
        }
    }
}
