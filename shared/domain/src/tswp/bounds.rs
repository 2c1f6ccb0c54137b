//! What a document may cost, checked in one pass over its markup before it is parsed.
//!
//! The XML parser compares each attribute with all others of its element, and looks up each prefix among all namespaces
//! around it. Some megabytes made for that would keep it busy for minutes. This pass sees the same elements as the
//! parser does, up to the first place that is not well-formed, and that is where the parser stops.

use super::place::{self, Place};
use super::reader::short;
use super::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_NAMESPACES, MAX_NODES, TswpError};
use memchr::{memchr, memchr3, memmem};

/// Checks that the document stays within every limit that is about its markup, and has no document type definition.
pub(super) fn check(text: &str) -> Result<(), TswpError> {
    let mut bounds = Bounds { text, at: 0, nodes: 0, namespaces: Vec::with_capacity(MAX_DEPTH) };
    while let Some(found) = memchr(b'<', &text.as_bytes()[bounds.at..]) {
        bounds.at += found;
        if bounds.markup()?.is_none() {
            break;
        }
    }
    Ok(())
}

struct Bounds<'t> {
    text: &'t str,
    at: usize,
    nodes: usize,
    /// How many namespaces are declared in and around each element that is open.
    namespaces: Vec<usize>,
}

/// A part of the markup was passed; none when it does not end, which the parser will tell.
type Passed = Result<Option<()>, TswpError>;

impl Bounds<'_> {
    /// Passes what begins with the `<` here.
    fn markup(&mut self) -> Passed {
        let rest = &self.text.as_bytes()[self.at..];
        match rest.get(1) {
            Some(b'/') => {
                self.namespaces.pop();
                Ok(self.skip_past(b">"))
            }
            Some(b'?') => {
                self.count_node()?;
                Ok(self.skip_past(b"?>"))
            }
            Some(b'!') if rest.starts_with(b"<!--") => {
                self.count_node()?;
                // `<!-->` is no whole comment: what opens one does not close it.
                self.at += b"<!--".len();
                Ok(self.skip_past(b"-->"))
            }
            Some(b'!') if rest.starts_with(b"<![CDATA[") => Ok(self.skip_past(b"]]>")),
            Some(b'!') if rest.starts_with(b"<!DOCTYPE") => {
                let Place { line, column } = place::of(self.text, self.at);
                Err(TswpError::Dtd { line, column })
            }
            _ => self.element(),
        }
    }

    fn skip_past(&mut self, end: &[u8]) -> Option<()> {
        self.at += memmem::find(&self.text.as_bytes()[self.at..], end)? + end.len();
        Some(())
    }

    fn element(&mut self) -> Passed {
        let start = self.at;
        self.count_node()?;
        if self.namespaces.len() > MAX_DEPTH {
            let Place { line, column } = place::of(self.text, start);
            return Err(TswpError::TooDeep { line, column, element: short(name(self.text, start)) });
        }
        let mut attributes = 0;
        let mut namespaces = self.namespaces.last().copied().unwrap_or(0);
        let bytes = self.text.as_bytes();
        self.at += 1;
        loop {
            let Some(next) = memchr3(b'>', b'"', b'\'', &bytes[self.at..]) else { return Ok(None) };
            let end = self.at + next;
            if bytes[end] == b'>' {
                self.at = end + 1;
                if bytes[end - 1] != b'/' {
                    self.namespaces.push(namespaces);
                }
                return Ok(Some(()));
            }
            attributes += 1;
            namespaces += usize::from(declares_namespace(&bytes[self.at..end]));
            for (count, most, what) in
                [(attributes, MAX_ATTRIBUTES, "attributes"), (namespaces, MAX_NAMESPACES, "namespaces")]
            {
                if count > most {
                    return Err(too_many(self.text, start, what, most));
                }
            }
            let Some(length) = memchr(bytes[end], &bytes[end + 1..]) else { return Ok(None) };
            self.at = end + 1 + length + 1;
        }
    }

    fn count_node(&mut self) -> Result<(), TswpError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(too_many(self.text, self.at, "elements and comments", MAX_NODES));
        }
        Ok(())
    }
}

/// Whether what stands before an attribute's value begins with `xmlns`.
fn declares_namespace(before_value: &[u8]) -> bool {
    // Of the first attribute, the element's name stands before it.
    let name = before_value.iter().rposition(|byte| !matches!(byte, b'=' | b' ' | b'\t' | b'\r' | b'\n'));
    let name = &before_value[..name.map_or(0, |last| last + 1)];
    let start = name.iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
    name[start..].starts_with(b"xmlns")
}

/// The local name of the element that begins here.
fn name(text: &str, start: usize) -> &str {
    let name = &text[start + 1..];
    let end = name.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/' | '<')).unwrap_or(name.len());
    name[..end].rsplit(':').next().unwrap_or_default()
}

/// The error of a document with more of something than its limit: the one that begins here is too much, or has it.
pub(super) fn too_many(text: &str, offset: usize, what: &'static str, most: usize) -> TswpError {
    let Place { line, column } = place::of(text, offset);
    TswpError::TooMany { line, column, element: short(name(text, offset)), what, most }
}
