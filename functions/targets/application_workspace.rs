//! An import bundle for Recast Application Workspace: manifests, icons, `.rdp` files and the script that brings a zone
//! up to date with them. A package's files are there before its manifest is.

use crate::deps::Deps;
use crate::export::{Pages, write_icons, write_rdps};
use crate::folder::{Folder, Index, is_plain_below};
use crate::lifecycle::offer;
use poolwarden_domain::application_workspace::bundle::{self, Do, PACKAGES};
use poolwarden_domain::application_workspace::script::{SCRIPT, script};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// What a bundle holds: `index.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The script to run.
    pub script: String,
    /// How many packages there are to create or keep up to date.
    pub packages: usize,
    /// How many there are to retire.
    pub retired: usize,
    /// How many icons there are.
    pub icons: usize,
    /// How many `.rdp` files there are.
    pub rdp_files: usize,
    /// Every file, from the folder's root.
    pub files: BTreeSet<String>,
}

impl Index for Bundle {
    fn files(&self) -> &BTreeSet<String> {
        &self.files
    }

    fn is_ours(name: &str) -> bool {
        is_plain_below(name, &[("packages", 1), ("icons", 1), ("rdp", 1), (PACKAGES, 0), (SCRIPT, 0)])
    }
}

/// Writes a bundle of the catalogue, or of one connection.
pub async fn export(deps: &Deps, folder: &Path, connection: Option<&str>) -> anyhow::Result<Bundle> {
    let mut folder = Folder::open::<Bundle>(folder)?;
    let (mut icons, mut rdps, mut names) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut retired = 0;
    let mut pages = Pages::of(connection);
    while let Some(page) = pages.next(deps).await? {
        let (mut new_icons, mut new_rdps, mut files) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for package in page {
            let manifest = bundle::manifest(&package, &offer(deps, &package.connection));
            match manifest.action {
                Do::Ensure => {
                    let (icon, rdp) = (&manifest.content.icon, &manifest.content.rdp);
                    new_icons.extend(icons.insert(icon.clone()).then(|| icon.clone()));
                    new_rdps.extend(rdp.iter().filter(|rdp| rdps.insert((*rdp).clone())).cloned());
                }
                Do::Retire => retired += 1,
            }
            files.push((manifest.file(), manifest.bytes()));
            names.insert(manifest.name);
        }
        folder = write_icons(deps, folder, &new_icons).await?;
        folder = write_rdps(deps, folder, &new_rdps).await?;
        folder = folder.write(files).await?;
    }
    let list = bundle::list(names.iter().map(String::as_str));
    let script = script().as_bytes().to_vec();
    folder = folder.write(vec![(PACKAGES.to_owned(), list), (SCRIPT.to_owned(), script)]).await?;
    let (packages, icons, rdp_files) = (names.len() - retired, icons.len(), rdps.len());
    folder.close(move |files| Bundle { script: SCRIPT.to_owned(), packages, retired, icons, rdp_files, files }).await
}
