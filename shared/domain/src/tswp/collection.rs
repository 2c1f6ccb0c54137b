//! Reads `ResourceCollection`, down to its resources.

use super::bounds::too_many;
use super::reader::{Reader, attributes, children, owned, short};
use super::{MAX_RESOURCES, Publisher, Resource, ResourceCollection, TerminalServer, TswpError, folder, parts};
use crate::estate::ResourceKind;
use roxmltree::Node;
use std::borrow::Cow;
use std::collections::HashSet;

/// The schemas that are known.
const SCHEMA_VERSIONS: [&str; 3] = ["1.1", "2.0", "2.1"];

pub(super) fn read<'d>(root: Node<'d, 'd>, reader: &mut Reader<'d>) -> Result<ResourceCollection, TswpError> {
    let mut collection = ResourceCollection::default();
    for attribute in attributes(root) {
        match attribute.name() {
            "SchemaVersion" => {
                collection.schema_version = reader.token(root, &attribute).unwrap_or_default().into_owned();
            }
            "PubDate" => collection.pub_date = owned(reader.token(root, &attribute)),
            "SupportsReconnect" => collection.supports_reconnect = reader.truth(root, &attribute),
            "DisplayFolder" => {
                let name = reader.words(root, &attribute);
                collection.display_folder = name.and_then(|name| folder::normalized(&name, root, reader));
            }
            _ => {}
        }
    }
    let version = &collection.schema_version;
    if !SCHEMA_VERSIONS.contains(&version.as_str()) {
        reader.warn(root, || format!("SchemaVersion is none of {}: {:?}", SCHEMA_VERSIONS.join(", "), short(version)));
    }
    let mut known = Known::default();
    for element in children(root, "Publisher") {
        collection.publishers.push(publisher(element, &mut known, reader)?);
    }
    if collection.publishers.is_empty() {
        reader.warn(root, || "a collection without Publisher".into());
    }
    for (element, name) in known.references {
        if !known.servers.contains(&name) {
            reader.warn(element, || format!("there is no TerminalServer with the ID {:?}", short(&name)));
        }
    }
    Ok(collection)
}

/// What has been met in the document so far.
#[derive(Default)]
pub(super) struct Known<'d> {
    resources: HashSet<Cow<'d, str>>,
    resource_elements: usize,
    servers: HashSet<Cow<'d, str>>,
    pub(super) references: Vec<(Node<'d, 'd>, Cow<'d, str>)>,
}

fn publisher<'d>(
    element: Node<'d, 'd>,
    known: &mut Known<'d>,
    reader: &mut Reader<'d>,
) -> Result<Publisher, TswpError> {
    let mut publisher = Publisher::default();
    for attribute in attributes(element) {
        match attribute.name() {
            "ID" => publisher.id = owned(reader.token(element, &attribute)),
            "Name" => publisher.name = owned(reader.words(element, &attribute)),
            "Description" => publisher.description = owned(reader.words(element, &attribute)),
            "LastUpdated" => publisher.last_updated = owned(reader.token(element, &attribute)),
            "SupportsReconnect" => publisher.supports_reconnect = reader.truth(element, &attribute),
            "DisplayFolder" => {
                let name = reader.words(element, &attribute);
                publisher.display_folder = name.and_then(|name| folder::normalized(&name, element, reader));
            }
            _ => {}
        }
    }
    publisher.sub_folders = folder::read_all(element, "SubFolders", reader);
    for found in children(element, "Resources").flat_map(|list| children(list, "Resource")) {
        known.resource_elements += 1;
        if known.resource_elements > MAX_RESOURCES {
            return Err(too_many(reader.text, found.range().start, "resources", MAX_RESOURCES));
        }
        publisher.resources.extend(resource(found, known, reader));
    }
    let mut ids = HashSet::new();
    for found in children(element, "TerminalServers").flat_map(|list| children(list, "TerminalServer")) {
        publisher.terminal_servers.extend(terminal_server(found, &mut ids, reader));
    }
    known.servers.extend(ids);
    Ok(publisher)
}

fn terminal_server<'d>(
    element: Node<'d, 'd>,
    known: &mut HashSet<Cow<'d, str>>,
    reader: &mut Reader<'d>,
) -> Option<TerminalServer> {
    let (mut id, mut name, mut last_updated) = (Cow::default(), None, None);
    for attribute in attributes(element) {
        match attribute.name() {
            "ID" => id = reader.token(element, &attribute).unwrap_or_default(),
            "Name" => name = owned(reader.words(element, &attribute)),
            "LastUpdated" => last_updated = owned(reader.token(element, &attribute)),
            _ => {}
        }
    }
    if id.is_empty() {
        reader.warn(element, || "a server without ID is left out".into());
        return None;
    }
    if !known.insert(id.clone()) {
        reader.warn(element, || format!("another server has the ID {:?}; only the first is taken", short(&id)));
        return None;
    }
    Some(TerminalServer { id: id.into_owned(), name, last_updated })
}

fn resource<'d>(element: Node<'d, 'd>, known: &mut Known<'d>, reader: &mut Reader<'d>) -> Option<Resource> {
    let (mut id, mut kind) = (Cow::default(), Cow::default());
    let (mut alias, mut title, mut last_updated, mut arm_path) = (None, None, None, None);
    let (mut required_command_line, mut executable_name, mut show_by_default) = (None, None, None);
    for attribute in attributes(element) {
        match attribute.name() {
            "ID" => id = reader.token(element, &attribute).unwrap_or_default(),
            "Type" => kind = reader.token(element, &attribute).unwrap_or_default(),
            "Alias" => alias = owned(reader.words(element, &attribute)),
            "Title" => title = owned(reader.words(element, &attribute)),
            "LastUpdated" => last_updated = owned(reader.token(element, &attribute)),
            "RequiredCommandLine" => required_command_line = owned(reader.words(element, &attribute)),
            "ExecutableName" => executable_name = owned(reader.words(element, &attribute)),
            "ShowByDefault" => show_by_default = reader.truth(element, &attribute),
            "ArmPath" => arm_path = owned(reader.token(element, &attribute)),
            _ => {}
        }
    }
    let kind = match &*kind {
        "Desktop" => ResourceKind::Desktop,
        "RemoteApp" => ResourceKind::RemoteApp,
        _ => {
            let named = title.as_deref().unwrap_or(&id);
            reader.skip(element, || format!("{:?} has the unknown Type {:?}", short(named), short(&kind)));
            return None;
        }
    };
    if id.is_empty() {
        reader.skip(element, || format!("{:?} has no ID", short(title.as_deref().unwrap_or_default())));
        return None;
    }
    if !known.resources.insert(id.clone()) {
        reader.skip(element, || format!("another resource has the ID {:?}; only the first is taken", short(&id)));
        return None;
    }
    Some(Resource {
        id: id.into_owned(),
        alias,
        title,
        last_updated,
        kind,
        required_command_line,
        executable_name,
        show_by_default: show_by_default.unwrap_or(true),
        arm_path,
        icons: parts::icons(element, "Icons", reader),
        file_extensions: parts::file_extensions(element, reader),
        folders: folder::read_all(element, "Folders", reader),
        hosting: parts::hosting(element, known, reader),
    })
}
