//! The two documents of a user's feed, as the MS-TSWP open specification and Azure Virtual Desktop write them:
//! discovery (`TenantFeedURLs`) and what a workspace offers (`ResourceCollection`, schema 1.1, 2.0 and 2.1).
//!
//! Elements are matched by their local names, unknown ones are ignored, and whatever can be understood is taken: what
//! had to be mended for it is a warning, and what could not be taken is named, so that nobody thinks it gone. Addresses
//! are not resolved here and times are not read; those are for whoever asks for the files.
//!
//! A document goes through four steps: [`bytes`] makes text of it, [`bounds`] refuses what would cost too much to
//! parse, roxmltree checks that it is well-formed, and [`discovery`] or [`collection`] reads the tree through a
//! [`reader`], which keeps the flaws.

mod bounds;
mod bytes;
mod collection;
mod discovery;
mod error;
mod folder;
mod line_breaks;
mod model;
mod parts;
mod place;
mod reader;

#[cfg(any(test, feature = "generator"))]
pub mod generator;
#[cfg(test)]
mod tests;

pub use error::{Flaw, Parsed, TswpError};
pub use model::{
    Discovery, FileExtension, Hosting, Icon, IconForm, Publisher, Resource, ResourceCollection, ResourceFile,
    TenantFeed, TerminalServer,
};

use place::Place;
use reader::Reader;
use roxmltree::{Document, Node, ParsingOptions};

/// The largest document accepted, in bytes.
pub const MAX_FEED_BYTES: usize = 4 << 20;
/// How many elements may lie in each other. Those that mean something lie 7 deep.
pub const MAX_DEPTH: usize = 32;
/// How many elements, comments and processing instructions a document may have.
pub const MAX_NODES: usize = 200_000;
/// How many attributes an element may have.
pub const MAX_ATTRIBUTES: usize = 64;
/// How many namespaces may be declared around an element.
pub const MAX_NAMESPACES: usize = 64;
/// The longest attribute that is read, in bytes. A longer one counts as missing.
pub const MAX_ATTRIBUTE_BYTES: usize = 8 << 10;
/// How many resources a document may have.
pub const MAX_RESOURCES: usize = 10_000;
/// How many feeds a discovery document may name.
pub const MAX_TENANT_FEEDS: usize = 1_000;
/// How many icons, file extensions, folders or servers are taken of one resource, and folders of one publisher.
pub const MAX_PARTS: usize = 256;
/// How many warnings, and how many skipped elements, are listed. One more says how many there are beyond.
pub const MAX_FLAWS: usize = 1_000;

/// Reads a discovery document: which feeds an account has.
pub fn discovery(bytes: &[u8]) -> Result<Parsed<Discovery>, TswpError> {
    read(bytes, "TenantFeedURLs", discovery::read)
}

/// Reads a feed: what a workspace offers an account.
pub fn resource_collection(bytes: &[u8]) -> Result<Parsed<ResourceCollection>, TswpError> {
    read(bytes, "ResourceCollection", collection::read)
}

/// How the tree of one of the documents is read, from its root.
type ReadRoot<T> = for<'d> fn(Node<'d, 'd>, &mut Reader<'d>) -> Result<T, TswpError>;

fn read<T>(bytes: &[u8], root: &'static str, read_root: ReadRoot<T>) -> Result<Parsed<T>, TswpError> {
    if bytes.len() > MAX_FEED_BYTES {
        return Err(TswpError::TooLarge(bytes.len()));
    }
    let text = &*bytes::text(bytes)?;
    if let Some(excerpt) = bytes::web_page(text) {
        return Err(TswpError::Html { excerpt });
    }
    bounds::check(text)?;
    let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| TswpError::not_xml(&error, text))?;
    let element = document.root_element();
    if element.tag_name().name() != root {
        let Place { line, column } = place::of(text, element.range().start);
        let found = reader::short(element.tag_name().name());
        return Err(TswpError::WrongRoot { line, column, found, wanted: root });
    }
    let mut reader = Reader::new(text);
    let value = read_root(element, &mut reader)?;
    Ok(reader.finish(value))
}
