//! Folder names: `/` is the root, and `/name` lies in it. There is one level of them.

use super::MAX_PARTS;
use super::reader::{Reader, attributes, children, short};
use roxmltree::Node;

/// Reads `Folder` elements, each folder once.
pub(super) fn read_all<'d>(parent: Node<'d, 'd>, list: &'static str, reader: &mut Reader<'d>) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    for element in children(parent, list).flat_map(|list| children(list, "Folder")) {
        if folders.len() == MAX_PARTS {
            reader.warn(element, || format!("more than {MAX_PARTS} folders; this one and the rest are left out"));
            break;
        }
        let name = attributes(element).filter(|attribute| attribute.name() == "Name").last();
        let name = name.and_then(|name| reader.words(element, &name)).unwrap_or_default();
        match normalized(&name, element, reader) {
            Some(folder) if folders.contains(&folder) => {
                reader.warn(element, || format!("the folder is named twice: {:?}", short(&folder)));
            }
            Some(folder) => folders.push(folder),
            None => reader.warn(element, || "a folder without Name is left out".into()),
        }
    }
    folders
}

/// A folder's name with one slash, at its start. None if there is no name.
pub(super) fn normalized<'d>(name: &str, element: Node<'d, 'd>, reader: &mut Reader<'d>) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    let mut levels = name.split('/').filter(|level| !level.is_empty());
    let folder = format!("/{}", levels.next().unwrap_or_default());
    if levels.next().is_some() {
        reader.warn(element, || format!("{:?} has more than one level; taken as {:?}", short(name), short(&folder)));
    } else if folder != name {
        reader.warn(element, || format!("{:?} is taken as {:?}", short(name), short(&folder)));
    }
    Some(folder)
}
