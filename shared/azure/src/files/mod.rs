//! An estate from files, for those who may not or will not let Poolwarden ask Azure: the same snapshot, from whatever
//! `az`, `Invoke-RestMethod`, the classic service's PowerShell module or a recording left behind.
//!
//! What is not understood is listed, never fatal; what is not there is unknown, never gone.

mod classic;
mod collect;
mod content;

use crate::classic::wire as classic_wire;
use crate::inventory::{Inventory, Listing, Requests};
use crate::listing::{Item, Listed};
use crate::wire;
use async_trait::async_trait;
use classic::{AS_A_LIST, Known, what_is};
use collect::{Collector, Lists, holder};
pub(crate) use content::text;
use content::{Kind, parse};
use jiff::Timestamp;
use poolwarden_domain::classic::is_classic;
use poolwarden_domain::estate::{ApplicationGroup, Estate, HostPool, Resource, ResourceKind};
use poolwarden_domain::{ArmId, Reading, UnknownScope, Unreadable, Why};
use serde_json::value::RawValue;
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// Files that are read at most.
const FILES: usize = 20_000;
/// Folders below folders at most.
const DEPTH: usize = 16;

/// The folder cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the folder {} cannot be read; give the folder that holds the exported .json files", folder.display())]
pub struct OpenError {
    folder: PathBuf,
    #[source]
    source: std::io::Error,
}

/// An estate read from the `.json` files of a folder and the folders in it.
#[derive(Debug)]
pub struct FileInventory {
    folder: String,
    estate: Estate,
    lists: Lists,
}

impl FileInventory {
    /// Reads every file once. Applications and desktops are read again when they are asked for, so that their icons
    /// take no memory meanwhile. Blocks on the disk.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let mut collector = Collector::default();
        let Found { root, files, problems } = find(folder)?;
        for problem in problems {
            match problem {
                Problem::Ignored(shown, reason) => collector.ignore(&shown, reason),
                Problem::CutShort(reason) => collector.cut_short(reason),
            }
        }
        for file in &files {
            let shown = shown(&root, file);
            match text(file) {
                Ok(text) => match parse(&text) {
                    Ok(content) => collector.take_in(file, &shown, &content),
                    Err(reason) => collector.ignore(&shown, &reason),
                },
                Err(reason) => collector.ignore(&shown, &reason),
            }
        }
        let folder = folder.display().to_string();
        let (estate, lists) = collector.finish(&folder);
        Ok(Self { folder, estate, lists })
    }
}

/// The `.json` files of a folder.
pub(crate) struct Found {
    /// The folder, without links.
    pub(crate) root: PathBuf,
    /// The files that may be read.
    pub(crate) files: BTreeSet<PathBuf>,
    /// What is not among them.
    pub(crate) problems: Vec<Problem>,
}

/// Why something of a folder was not read.
pub(crate) enum Problem {
    /// One file, and why.
    Ignored(String, &'static str),
    /// More than one, in words.
    CutShort(String),
}

/// Finds the files of a folder and the folders in it.
pub(crate) fn find(folder: &Path) -> Result<Found, OpenError> {
    let failed = |source| OpenError { folder: folder.to_owned(), source };
    let root = folder.canonicalize().map_err(failed)?;
    std::fs::read_dir(&root).map_err(failed)?;
    let mut found = Found { root: root.clone(), files: BTreeSet::new(), problems: Vec::new() };
    walk(&root, &root, DEPTH, &mut found);
    Ok(found)
}

pub(crate) fn shown(root: &Path, file: &Path) -> String {
    crate::answers::safe(&file.strip_prefix(root).unwrap_or(file).to_string_lossy(), 300)
}

fn walk(root: &Path, folder: &Path, depth: usize, found: &mut Found) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        let text = format!("{}: the folder cannot be read", shown(root, folder));
        found.problems.push(Problem::CutShort(text));
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if metadata.is_dir() {
            if depth == 0 {
                let text = format!("{}: more than {DEPTH} folders deep; it was not read", shown(root, &path));
                found.problems.push(Problem::CutShort(text));
            } else {
                walk(root, &path, depth - 1, found);
            }
        } else if is_json {
            // A link may lead to anything on this machine; only what is in the folder was meant.
            if metadata.is_symlink()
                && !path.canonicalize().is_ok_and(|target| target.starts_with(root) && target.is_file())
            {
                let reason = "a link that leads out of the folder or nowhere";
                found.problems.push(Problem::Ignored(shown(root, &path), reason));
            } else if !metadata.is_symlink() && !metadata.is_file() {
                found.problems.push(Problem::Ignored(shown(root, &path), "no file"));
            } else if found.files.len() >= FILES {
                let text = format!("there are more than {FILES} files; the rest was not read");
                found.problems.push(Problem::CutShort(text));
                return;
            } else {
                found.files.insert(path);
            }
        }
    }
}

/// Reads one group's list from its files.
fn read_list(files: &BTreeSet<PathBuf>, kind: Kind, group: &ArmId) -> Listed<Resource> {
    let (mut listed, mut seen) = (Listed::new(), HashSet::new());
    for file in files {
        let result = text(file).and_then(|text| {
            let content = parse(&text)?;
            let read = |item: &&RawValue| -> Option<Item<Resource>> {
                let Known { kind: of_kind, id, is_classic } = what_is(item, content.asked_classic.as_ref()).ok()?;
                let id = id.filter(|id| of_kind == kind && holder(kind, id).is_some_and(|holder| holder == *group))?;
                let read = if is_classic { classic_wire::resource(item, &id) } else { wire::resource(item) };
                Some((Some(id.as_str().to_owned()), read))
            };
            listed.take_in(&mut seen, group, content.items.iter().filter_map(read).collect());
            Ok(())
        });
        if let Err(reason) = result {
            listed.stopped = Some(Unreadable::new(Why::Failed, format!("{} {reason}", file.display())));
        }
    }
    listed
}

#[async_trait]
impl Inventory for FileInventory {
    async fn estate(&self) -> Reading<Estate> {
        Ok(self.estate.clone())
    }

    async fn host_pool(&self, id: &ArmId) -> Reading<Option<HostPool>> {
        let found = self.estate.host_pools.iter().find(|pool| pool.id == *id);
        // Files cannot say that something does not exist.
        let missing = || Unreadable::new(Why::Missing, format!("no file in {} holds the host pool {id}", self.folder));
        found.cloned().map(Some).ok_or_else(missing)
    }

    async fn application_group(&self, id: &ArmId) -> Reading<Option<ApplicationGroup>> {
        let found = self.estate.application_groups.iter().find(|group| group.id == *id);
        let missing =
            || Unreadable::new(Why::Missing, format!("no file in {} holds the application group {id}", self.folder));
        found.cloned().map(Some).ok_or_else(missing)
    }

    async fn workspace_groups(&self, id: &ArmId) -> Reading<Option<Vec<ArmId>>> {
        let groups = self.estate.application_groups.iter().filter(|group| group.workspace.as_ref() == Some(id));
        Ok(Some(groups.map(|group| group.id.clone()).collect()))
    }

    async fn listing(&self, group: &ArmId, kind: ResourceKind, _: &[Resource]) -> Reading<Option<Listing>> {
        let (kind, what) = match kind {
            ResourceKind::Desktop => (Kind::Desktop, "desktops"),
            ResourceKind::RemoteApp => (Kind::Application, "applications"),
        };
        let Some(list) = self.lists.get(&(kind, group.clone())) else {
            let text = format!("no file in {} lists the {what} of {group}", self.folder);
            return Err(Unreadable::new(Why::Missing, text));
        };
        let (files, of_group) = (list.files.clone(), group.clone());
        let read = tokio::task::spawn_blocking(move || read_list(&files, kind, &of_group)).await;
        let read = read.map_err(|_| Unreadable::new(Why::Failed, format!("reading the {what} of {group} failed")))?;
        let mut unknown = read.flaws;
        unknown.extend(read.stopped.map(|reason| UnknownScope { scope: group.clone(), reason }));
        if !list.is_whole {
            let text = match is_classic(group) {
                true => format!("no file in {} lists the {what} of {group} to the end{AS_A_LIST}", self.folder),
                false => format!("the list of {what} of {group} has a next page that is in no file in {}", self.folder),
            };
            unknown.push(UnknownScope { scope: group.clone(), reason: Unreadable::new(Why::Missing, text) });
        }
        Ok(Some(Listing { resources: read.items, unknown }))
    }

    async fn changes(&self, _: &str, _: Timestamp) -> Reading<Vec<ArmId>> {
        Err(Unreadable::new(Why::Missing, format!("files such as those in {} tell no changes", self.folder)))
    }

    fn requests(&self) -> Requests {
        Requests::default()
    }
}

#[cfg(test)]
mod tests;
