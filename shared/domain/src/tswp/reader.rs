//! Reads elements and attributes of the tree, and keeps what is wrong with them until the places can be told.

use super::place::{Place, Places};
use super::{Flaw, MAX_ATTRIBUTE_BYTES, MAX_FLAWS, Parsed, line_breaks};
use roxmltree::{Attribute, Node, StringStorage};
use std::borrow::Cow;
use std::fmt::Write as _;

/// How many characters are quoted of a document.
const MAX_QUOTED_CHARS: usize = 120;

/// The start of a text, printable, for errors and flaws. An address loses its query, which may hold a signature.
pub(super) fn short(text: &str) -> String {
    let mut quoted = String::new();
    for (at, character) in text.chars().enumerate() {
        match character {
            _ if at >= MAX_QUOTED_CHARS => return quoted + "…",
            '?' if text.contains('/') => return quoted + "?…",
            _ if character.is_control() => write!(quoted, "{}", character.escape_default()).unwrap_or_default(),
            _ => quoted.push(character),
        }
    }
    quoted
}

/// Collects the flaws of a document while its tree is read.
pub(super) struct Reader<'d> {
    pub(super) text: &'d str,
    warnings: Flaws<'d>,
    skipped: Flaws<'d>,
}

#[derive(Default)]
struct Flaws<'d> {
    listed: Vec<(usize, &'d str, String)>,
    beyond: usize,
}

impl<'d> Reader<'d> {
    pub(super) fn new(text: &'d str) -> Self {
        Self { text, warnings: Flaws::default(), skipped: Flaws::default() }
    }

    /// The element, or a detail of it, was mended, or lacks something of no consequence.
    pub(super) fn warn(&mut self, element: Node<'d, 'd>, what: impl FnOnce() -> String) {
        self.warnings.add(element, element.range().start, what);
    }

    /// The element is not taken: what it stands for is unknown.
    pub(super) fn skip(&mut self, element: Node<'d, 'd>, what: impl FnOnce() -> String) {
        self.skipped.add(element, element.range().start, what);
    }

    /// The value of an attribute that is free text, as XML defines it; line breaks at its ends are no part of it.
    pub(super) fn words(&mut self, element: Node<'d, 'd>, attribute: &Attribute<'d, 'd>) -> Option<Cow<'d, str>> {
        self.value(element, attribute, line_breaks::of_words)
    }

    /// The value of an attribute that has no line breaks of its own: an id, an address, a time. Those that a printer
    /// or an editor put in are taken out, with the white space around them.
    pub(super) fn token(&mut self, element: Node<'d, 'd>, attribute: &Attribute<'d, 'd>) -> Option<Cow<'d, str>> {
        self.value(element, attribute, line_breaks::of_token)
    }

    /// The value of an attribute that is true or false.
    pub(super) fn truth(&mut self, element: Node<'d, 'd>, attribute: &Attribute<'d, 'd>) -> Option<bool> {
        let value = self.token(element, attribute)?;
        match &*value {
            _ if value.eq_ignore_ascii_case("true") || value == "1" => Some(true),
            _ if value.eq_ignore_ascii_case("false") || value == "0" => Some(false),
            _ => {
                let name = attribute.name();
                self.warnings.add(element, attribute.range().start, || {
                    format!("{name} is neither true nor false, and is ignored: {:?}", short(&value))
                });
                None
            }
        }
    }

    fn value(
        &mut self,
        element: Node<'d, 'd>,
        attribute: &Attribute<'d, 'd>,
        without_breaks: fn(&str, &'d str) -> Cow<'d, str>,
    ) -> Option<Cow<'d, str>> {
        let (name, value, start) = (attribute.name(), attribute.value(), attribute.range().start);
        if value.len() > MAX_ATTRIBUTE_BYTES {
            self.warnings.add(element, start, || {
                format!("{name} has {} bytes, more than {MAX_ATTRIBUTE_BYTES}, and is ignored", value.len())
            });
            return None;
        }
        // Borrowed is what needed no normalization, so no line break is in it.
        if let StringStorage::Borrowed(value) = attribute.value_storage() {
            return Some(Cow::Borrowed(value));
        }
        let raw = self.text.get(attribute.range_value()).unwrap_or_default();
        if !line_breaks::any(raw) {
            return Some(Cow::Borrowed(value));
        }
        let mended = without_breaks(raw, value);
        self.warnings.add(element, start, || format!("{name} is broken over lines; read as {:?}", short(&mended)));
        Some(mended)
    }

    /// The places of all flaws are found here, in one pass over the text.
    pub(super) fn finish<T>(self, value: T) -> Parsed<T> {
        Parsed { value, warnings: self.warnings.placed(self.text), skipped: self.skipped.placed(self.text) }
    }
}

impl<'d> Flaws<'d> {
    fn add(&mut self, element: Node<'d, 'd>, offset: usize, what: impl FnOnce() -> String) {
        if self.listed.len() < MAX_FLAWS {
            self.listed.push((offset, element.tag_name().name(), what()));
        } else {
            self.beyond += 1;
        }
    }

    fn placed(mut self, text: &str) -> Vec<Flaw> {
        self.listed.sort_by_key(|(offset, ..)| *offset);
        let mut places = Places::new(text);
        let place = |(offset, element, what): (usize, &str, String)| {
            let Place { line, column } = places.next(offset);
            Flaw { line, column, element: short(element), what }
        };
        let mut flaws: Vec<_> = self.listed.into_iter().map(place).collect();
        if self.beyond > 0 {
            let last = flaws.last().map_or((1, 1), |flaw| (flaw.line, flaw.column));
            let what = format!("{} more flaws like these are not listed", self.beyond);
            flaws.push(Flaw { line: last.0, column: last.1, element: "document".into(), what });
        }
        flaws
    }
}

/// The children of this name, in their order.
pub(super) fn children<'d>(element: Node<'d, 'd>, name: &'static str) -> impl Iterator<Item = Node<'d, 'd>> {
    element.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The attributes. Should one have the local name of another, the one without a namespace comes later and wins: it is
/// the specification's.
pub(super) fn attributes<'d>(element: Node<'d, 'd>) -> impl Iterator<Item = Attribute<'d, 'd>> {
    let (others, own) = (element.attributes(), element.attributes());
    let others = others.filter(|attribute| attribute.namespace().is_some());
    others.chain(own.filter(|attribute| attribute.namespace().is_none()))
}

/// An attribute that may be missing.
pub(super) fn owned(value: Option<Cow<'_, str>>) -> Option<String> {
    value.map(Cow::into_owned)
}
