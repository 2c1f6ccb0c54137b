//! What a workspace offers, as desktops and RemoteApps with their icons and `.rdp` files.

use super::client::REQUESTS_OF_A_HANDLE;
use super::documents::Document;
use super::files::{Files, Picture, named_by, path_of};
use super::workspaces::{Found, fit_for_id};
use crate::inventory::Listing;
use futures::{StreamExt, stream};
use poolwarden_domain::estate::{CommandLineSetting, Resource, ResourceKind};
use poolwarden_domain::feed::{self, FeedItem, FileAssociation};
use poolwarden_domain::text::sha256_hex;
use poolwarden_domain::tswp::{self, ResourceCollection};
use poolwarden_domain::{ArmId, Reading, UnknownScope, Unreadable, Why};
use std::collections::HashMap;
use url::Url;

/// Resources of one group that are named one by one when they cannot be read; more, and the group is unknown.
const NAMED: usize = 100;
/// Resources that are read at once: each asks for two files, and more would only queue up.
const AT_ONCE: usize = REQUESTS_OF_A_HANDLE / 2;
/// Items of a group that are logged because they come twice.
const LOGGED: usize = 10;

/// One resource of the document, with what it is called here.
struct Item<'a> {
    offered: &'a tswp::Resource,
    folders: Vec<String>,
    id: ArmId,
    object_id: String,
    workspace_id: String,
    version: String,
}

/// What the document offers of one kind. What is `known` and has not changed is not fetched again.
pub(super) async fn listing(
    files: &Files<'_>,
    workspace: &Found,
    document: &Document<ResourceCollection>,
    kind: ResourceKind,
    known: &[Resource],
) -> Listing {
    let group = feed::group(&workspace.id, kind);
    let known: HashMap<&ArmId, &Resource> = known.iter().map(|known| (&known.id, known)).collect();
    let items = items(workspace, document, kind, &group);
    let reads = items.into_iter().enumerate().map(|(number, item)| {
        let known = known.get(&item.id).copied();
        async move { (number, item.id.clone(), item.read(files, known).await) }
    });
    let reads: Vec<_> = reads.collect();
    let mut read: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
    read.sort_by_key(|(number, ..)| *number);

    let mut listing = Listing { resources: Vec::with_capacity(read.len()), unknown: Vec::new() };
    let mut failed = 0;
    for (_, id, answer) in read {
        match answer {
            Ok(resource) => listing.resources.push(resource),
            Err(reason) => {
                failed += 1;
                if failed <= NAMED {
                    listing.unknown.push(UnknownScope { scope: id, reason });
                }
            }
        }
    }
    let mut dark = |why, detail| {
        listing.unknown.push(UnknownScope { scope: group.clone(), reason: Unreadable::new(why, detail) });
    };
    if failed > NAMED {
        dark(Why::Failed, format!("{failed} of its resources could not be read; {NAMED} of them are named"));
    }
    if let Some(first) = document.parsed.skipped.first() {
        let more = document.parsed.skipped.len() - 1;
        dark(Why::Malformed, format!("something that the feed offers cannot be read ({first}), and {more} more"));
    }
    listing
}

/// What the document says of its resources of one kind: all but their files.
#[cfg(test)]
pub(super) fn described(
    workspace: &Found,
    document: &Document<ResourceCollection>,
    kind: ResourceKind,
) -> Vec<Resource> {
    let group = feed::group(&workspace.id, kind);
    items(workspace, document, kind, &group).iter().map(Item::described).collect()
}

/// The document's resources of one kind, each once: of two with one id, the one whose file has the smaller address,
/// whatever their order.
fn items<'a>(
    workspace: &Found,
    document: &'a Document<ResourceCollection>,
    kind: ResourceKind,
    group: &ArmId,
) -> Vec<Item<'a>> {
    let collection = &document.parsed.value;
    let (mut places, mut twice) = (HashMap::new(), 0);
    let mut items: Vec<Item<'_>> = Vec::new();
    for publisher in &collection.publishers {
        let shown_in = publisher.display_folder.as_ref().or(collection.display_folder.as_ref());
        for offered in publisher.resources.iter().filter(|offered| offered.kind == kind) {
            let item = Item::of(workspace, &document.url, offered, shown_in);
            let place = *places.entry(item.id.clone()).or_insert(items.len());
            let Some(first) = items.get_mut(place) else {
                items.push(item);
                continue;
            };
            twice += 1;
            if twice <= LOGGED {
                let resource = item.id.as_str().escape_debug();
                tracing::warn!(%resource, "the feed offers two things under its id; one of them counts");
            }
            if item.rank(&document.url) < first.rank(&document.url) {
                *first = item;
            }
        }
    }
    if twice > LOGGED {
        tracing::warn!(%group, twice, "resources under an id that another one has");
    }
    items
}

impl<'a> Item<'a> {
    fn of(workspace: &Found, base: &Url, offered: &'a tswp::Resource, shown_in: Option<&String>) -> Self {
        let named = offered.resource_file().and_then(|file| named_by(&file.url));
        let (workspace_id, object_id) = named.unwrap_or((&workspace.object_id, &offered.id));
        let own: Vec<&String> = offered.folders.iter().collect();
        let folders = if own.is_empty() { shown_in.into_iter().collect() } else { own };
        let mut folders: Vec<String> = folders.iter().map(|folder| folder.trim_matches('/').to_owned()).collect();
        folders.retain(|folder| !folder.trim().is_empty());
        Self {
            id: feed::resource(&workspace.id, offered.kind, &fit_for_id(object_id)),
            object_id: object_id.to_owned(),
            workspace_id: workspace_id.to_owned(),
            version: version(base, offered),
            folders,
            offered,
        }
    }

    /// What decides between two of one id. Which host serves a file changes by itself, and does not count.
    fn rank(&self, base: &Url) -> impl Ord + use<'a> {
        let offered = self.offered;
        let file = offered.resource_file().map(|file| path_of(base, &file.url));
        (file, &offered.id, &offered.title, self.version.clone())
    }

    /// The resource with its files: fetched, or known already.
    async fn read(self, files: &Files<'_>, known: Option<&Resource>) -> Reading<Resource> {
        let rdp_url = self.offered.resource_file().map(|file| file.url.as_str());
        let known_item = known.and_then(|known| known.feed.as_deref());
        let same = known
            .zip(known_item)
            .filter(|_| !files.anew())
            .filter(|(_, item)| item.version == self.version && item.rdp.is_some() == rdp_url.is_some());
        if let Some((known, item)) = same {
            let mut resource = self.described();
            resource.icon_sha256.clone_from(&known.icon_sha256);
            if let Some(feed) = &mut resource.feed {
                (feed.rdp, feed.host_pool) = (item.rdp.clone(), item.host_pool.clone());
            }
            return Ok(resource);
        }
        if !files.are_wanted {
            let mut resource = self.described();
            if let Some(feed) = &mut resource.feed {
                // No digest is like this one: once they are wanted, they are asked for.
                feed.version.push_str("-without-files");
            }
            return Ok(resource);
        }
        let rdp = async {
            match rdp_url {
                Some(url) => files.rdp(&self.id, url).await.map(Some),
                None => Ok(None),
            }
        };
        let (rdp, picture) = futures::join!(rdp, files.icon(&self.id, &self.offered.icons));
        let rdp = rdp?;
        let mut resource = self.described();
        let Picture { bytes, is_settled } = picture;
        if let Some(feed) = &mut resource.feed {
            feed.host_pool = rdp.as_ref().and_then(|file| file.host_pool.clone());
            if !is_settled {
                // No digest is like this one: the icon is asked for again.
                feed.version.push_str("-without-icon");
            }
        }
        resource.rdp = rdp.map(|file| file.bytes);
        // An icon that the feed names and that cannot be had is not an icon that is gone.
        let is_kept = !is_settled || (bytes.is_none() && !self.offered.icons.is_empty());
        resource.icon_sha256 = known.and_then(|known| known.icon_sha256.clone()).filter(|_| is_kept);
        resource.icon = bytes.filter(|_| resource.icon_sha256.is_none());
        Ok(resource)
    }

    /// All but its files.
    fn described(&self) -> Resource {
        let offered = self.offered;
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let is_app = offered.kind == ResourceKind::RemoteApp;
        let arguments = filled(&offered.required_command_line).filter(|_| is_app);
        Resource {
            id: self.id.clone(),
            object_id: self.object_id.clone(),
            name: self.id.name().to_owned(),
            friendly_name: filled(&offered.title),
            description: None,
            show_in_portal: (!offered.show_by_default).then_some(false),
            file_path: filled(&offered.executable_name).filter(|_| is_app),
            command_line_setting: arguments.as_ref().map(|_| CommandLineSetting::Require),
            command_line_arguments: arguments,
            icon: None,
            icon_sha256: None,
            feed: Some(Box::new(FeedItem {
                workspace_id: self.workspace_id.clone(),
                alias: filled(&offered.alias),
                arm_path: filled(&offered.arm_path),
                host_pool: None,
                folders: self.folders.clone(),
                file_associations: associations(offered),
                version: self.version.clone(),
                rdp: None,
            })),
            rdp: None,
        }
    }
}

/// A digest of what the feed says of when the resource changed and where its files are. Which host serves them, and
/// with what signature, changes by itself.
fn version(base: &Url, offered: &tswp::Resource) -> String {
    let icons = offered.icons.iter().map(|icon| path_of(base, &icon.file_url));
    let file = offered.resource_file().map(|file| path_of(base, &file.url));
    let mut said = offered.last_updated.clone().unwrap_or_default();
    for path in icons.chain(file) {
        said.push('\n');
        said.push_str(&path);
    }
    sha256_hex(said.as_bytes())
}

fn associations(offered: &tswp::Resource) -> Vec<FileAssociation> {
    let each = offered.file_extensions.iter().map(|extension| FileAssociation {
        extension: extension.name.to_lowercase(),
        primary: extension.primary_handler,
    });
    let mut associations: Vec<FileAssociation> = each.collect();
    associations.sort();
    associations.dedup_by(|next, kept| {
        // Sorted, the one that is not primary comes first.
        let is_same = next.extension == kept.extension;
        kept.primary |= is_same && next.primary;
        is_same
    });
    associations
}
