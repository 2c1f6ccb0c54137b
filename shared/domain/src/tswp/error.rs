//! Why a document, or a part of one, was not taken as it stands.

use super::place::{self, Place};
use super::reader::short;
use super::{MAX_DEPTH, MAX_FEED_BYTES};
use serde::Serialize;
use std::fmt;

/// What a parser made of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parsed<T> {
    /// What the document says.
    pub value: T,
    /// What was odd, but understood: `value` has it, mended where the flaw says so, or lacks a detail of no consequence.
    pub warnings: Vec<Flaw>,
    /// What is there but could not be taken: a resource or feed that `value` lacks is unknown, not gone.
    pub skipped: Vec<Flaw>,
}

/// Something wrong with a part of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// The element's local name.
    pub element: String,
    /// In words. What it quotes of the document is short and has no query of an address in it.
    pub what: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, element, what } = self;
        write!(f, "line {line}, column {column}, {element}: {what}")
    }
}

/// Why nothing of a document was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TswpError {
    /// More bytes than [`MAX_FEED_BYTES`].
    #[error("the document has {0} bytes, more than {MAX_FEED_BYTES}")]
    TooLarge(usize),
    /// A web page, as a proxy or a sign-in page sends it.
    #[error("this is a web page, not a feed; it says: {excerpt}")]
    Html {
        /// The first of its words, printable and short.
        excerpt: String,
    },
    /// Not text, or not well-formed XML.
    #[error("line {line}, column {column}: not well-formed XML: {what}")]
    NotXml {
        /// From 1.
        line: u32,
        /// In characters, from 1.
        column: u32,
        /// In the words of the XML parser.
        what: String,
    },
    /// A document type definition, which no feed needs and which can name files and make entities.
    #[error("line {line}, column {column}: the document has a document type definition, which is refused")]
    Dtd {
        /// From 1.
        line: u32,
        /// In characters, from 1.
        column: u32,
    },
    /// An entity other than XML's own five.
    #[error("line {line}, column {column}: the entity &{name}; is not one of XML's own, and is refused")]
    Entity {
        /// From 1.
        line: u32,
        /// In characters, from 1.
        column: u32,
        /// Without `&` and `;`.
        name: String,
    },
    /// Well-formed, but another document.
    #[error("line {line}, column {column}: the root element is {found}, not {wanted}")]
    WrongRoot {
        /// From 1.
        line: u32,
        /// In characters, from 1.
        column: u32,
        /// Its local name, shortened if it is long.
        found: String,
        /// What the document had to be.
        wanted: &'static str,
    },
    /// Elements in elements, beyond [`MAX_DEPTH`].
    #[error("line {line}, column {column}, {element}: nested in more than {MAX_DEPTH} elements")]
    TooDeep {
        /// From 1.
        line: u32,
        /// In characters, from 1.
        column: u32,
        /// The local name of the first that lies too deep.
        element: String,
    },
    /// More of something than its limit.
    #[error("line {line}, column {column}, {element}: more than {most} {what}")]
    TooMany {
        /// From 1.
        line: u32,
        /// In characters, from 1.
        column: u32,
        /// The local name of the element where the limit is passed; `document` where no element is at hand.
        element: String,
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
}

impl TswpError {
    /// Whether a web page came instead of a feed.
    pub fn is_html(&self) -> bool {
        matches!(self, Self::Html { .. })
    }
}

impl TswpError {
    /// What the XML parser found.
    pub(super) fn not_xml(error: &roxmltree::Error, text: &str) -> Self {
        let Place { line, column } = match error {
            // The parser names no place for these.
            roxmltree::Error::UnclosedRootNode | roxmltree::Error::NoRootNode => place::of(text, text.len()),
            _ => Place { line: error.pos().row, column: error.pos().col },
        };
        match error {
            roxmltree::Error::DtdDetected => Self::Dtd { line, column },
            roxmltree::Error::UnknownEntityReference(name, _) => Self::Entity { line, column, name: short(name) },
            _ => {
                let what = error.to_string().replace(&format!(" at {}", error.pos()), "");
                Self::NotXml { line, column, what: short(&what) }
            }
        }
    }
}
