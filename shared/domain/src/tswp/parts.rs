//! Reads what a resource consists of: icons, file extensions, and where it is hosted.

use super::collection::Known;
use super::reader::{Reader, attributes, children, owned};
use super::{FileExtension, Hosting, Icon, IconForm, MAX_PARTS, ResourceFile};
use roxmltree::Node;
use std::borrow::Cow;

/// The edges that elements are named after.
const ICON_EDGES: [u32; 6] = [16, 32, 48, 64, 100, 256];
/// What a file that opens a resource is when the document does not say it.
const DEFAULT_EXTENSION: &str = ".rdp";

/// The first of the elements, as many as are taken of one resource.
fn bounded<'d>(
    elements: impl Iterator<Item = Node<'d, 'd>>,
    reader: &mut Reader<'d>,
    mut take: impl FnMut(Node<'d, 'd>, &mut Reader<'d>),
) {
    for (count, element) in elements.enumerate() {
        if count == MAX_PARTS {
            reader.warn(element, || format!("more than {MAX_PARTS} of one kind; this one and the rest are left out"));
            return;
        }
        take(element, reader);
    }
}

pub(super) fn icons<'d>(parent: Node<'d, 'd>, list: &'static str, reader: &mut Reader<'d>) -> Vec<Icon> {
    let mut icons = Vec::new();
    let elements = children(parent, list).flat_map(|list| list.children()).filter_map(|element| {
        let form = icon_form(element.tag_name().name())?;
        Some((element, form))
    });
    for (count, (element, form)) in elements.enumerate() {
        if count == MAX_PARTS {
            reader.warn(element, || format!("more than {MAX_PARTS} icons; this one and the rest are left out"));
            break;
        }
        icons.extend(icon(element, form, reader));
    }
    icons
}

fn icon_form(element: &str) -> Option<IconForm> {
    match element.strip_prefix("Icon")? {
        "" => Some(IconForm::Other),
        "Raw" => Some(IconForm::Raw),
        edge => edge.parse().ok().filter(|edge| ICON_EDGES.contains(edge)).map(IconForm::Sized),
    }
}

fn icon<'d>(element: Node<'d, 'd>, form: IconForm, reader: &mut Reader<'d>) -> Option<Icon> {
    let mut icon = Icon { form, dimensions: None, file_type: None, file_url: String::new(), index: None };
    for attribute in attributes(element) {
        match attribute.name() {
            "Dimensions" => icon.dimensions = owned(reader.token(element, &attribute)),
            "FileType" => icon.file_type = owned(reader.token(element, &attribute)),
            "FileURL" => icon.file_url = reader.token(element, &attribute).unwrap_or_default().into_owned(),
            "Index" => icon.index = owned(reader.token(element, &attribute)),
            _ => {}
        }
    }
    if icon.file_url.is_empty() {
        reader.warn(element, || "an icon without FileURL is left out".into());
        return None;
    }
    Some(icon)
}

pub(super) fn file_extensions<'d>(resource: Node<'d, 'd>, reader: &mut Reader<'d>) -> Vec<FileExtension> {
    let mut extensions = Vec::new();
    let elements = children(resource, "FileExtensions").flat_map(|list| children(list, "FileExtension"));
    bounded(elements, reader, |element, reader| {
        let (mut name, mut primary_handler) = (Cow::default(), None);
        for attribute in attributes(element) {
            match attribute.name() {
                "Name" => name = reader.token(element, &attribute).unwrap_or_default(),
                "PrimaryHandler" => primary_handler = reader.truth(element, &attribute),
                _ => {}
            }
        }
        if name.is_empty() {
            reader.warn(element, || "a file extension without Name is left out".into());
            return;
        }
        let icons = icons(element, "FileAssociationIcons", reader);
        let primary_handler = primary_handler.unwrap_or(false);
        extensions.push(FileExtension { name: name.into_owned(), primary_handler, icons });
    });
    extensions
}

pub(super) fn hosting<'d>(resource: Node<'d, 'd>, known: &mut Known<'d>, reader: &mut Reader<'d>) -> Vec<Hosting> {
    let mut hosting = Vec::new();
    let lists = children(resource, "HostingTerminalServers");
    let elements = lists.flat_map(|list| children(list, "HostingTerminalServer"));
    bounded(elements, reader, |element, reader| {
        let resource_file = children(element, "ResourceFile").find_map(|file| resource_file(file, reader));
        let terminal_server_ref = children(element, "TerminalServerRef").find_map(|reference| {
            let attribute = attributes(reference).filter(|attribute| attribute.name() == "Ref").last()?;
            let name = reader.token(reference, &attribute)?;
            known.references.push((reference, name.clone()));
            Some(name.into_owned())
        });
        hosting.push(Hosting { resource_file, terminal_server_ref });
    });
    if !hosting.iter().any(|hosting| hosting.resource_file.is_some()) {
        reader.warn(resource, || "nothing opens the resource: it has no ResourceFile".into());
    }
    hosting
}

fn resource_file<'d>(element: Node<'d, 'd>, reader: &mut Reader<'d>) -> Option<ResourceFile> {
    let (mut extension, mut url) = (None, None);
    for attribute in attributes(element) {
        match attribute.name() {
            "FileExtension" => extension = owned(reader.token(element, &attribute)),
            "URL" => url = owned(reader.token(element, &attribute)),
            _ => {}
        }
    }
    let Some(url) = url.filter(|url| !url.is_empty()) else {
        reader.warn(element, || "a ResourceFile without URL is left out".into());
        return None;
    };
    Some(ResourceFile { extension: extension.unwrap_or_else(|| DEFAULT_EXTENSION.into()), url })
}
