//! Writes XML in as many ways as there are, all of the same meaning.

use super::Chance;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::fmt::Write as _;

/// How a line break may be in an attribute's value without a change to what is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaks {
    /// Anywhere.
    Token,
    /// At the ends.
    Words,
    /// Nowhere, because the value is broken in another way.
    Never,
}

/// An attribute to be written.
pub(super) struct Written {
    name: &'static str,
    value: String,
    breaks: Breaks,
}

/// The attributes of an element, while they are collected.
#[derive(Default)]
pub(super) struct Attributes(pub(super) Vec<Written>);

impl Attributes {
    pub(super) fn token(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push(Written { name, value: value.into(), breaks: Breaks::Token });
    }

    pub(super) fn words(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push(Written { name, value: value.into(), breaks: Breaks::Words });
    }

    pub(super) fn exactly(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push(Written { name, value: value.into(), breaks: Breaks::Never });
    }
}

pub(super) struct Writer {
    pub(super) dice: StdRng,
    pub(super) xml: String,
    /// For values that are broken over lines.
    pub(super) warnings: usize,
    prefix: &'static str,
    line_end: &'static str,
    /// In hundred: comments, unknown elements and attributes, broken lines.
    noise: u32,
}

const FOREIGN: [&str; 5] = [
    "<!-- <Resource ID=\"comment\" Type=\"Desktop\"/> -->",
    "<?work <Resource/> ?>",
    "<x:Other xmlns:x=\"urn:x\" x:ID=\"1\"/><Unknown ID=\"1\"><Resource ID=\"unknown\" Type=\"Desktop\"/></Unknown>",
    "text &lt;Resource/&gt; &#x1F9EE;",
    "<![CDATA[<Resource ID=\"data\" Type=\"Desktop\"/>]]>",
];

impl Writer {
    pub(super) fn new(mut dice: StdRng) -> Self {
        let prefix = dice.one_of(&["", "", "t:"]);
        let line_end = dice.one_of(&["\n", "\r\n", ""]);
        let noise = [0, 3, 10][dice.below(3)];
        Self { dice, xml: String::new(), warnings: 0, prefix, line_end, noise }
    }

    /// The declaration and the root's namespace, which belong together.
    pub(super) fn prolog(&mut self) -> &'static str {
        let declaration =
            self.dice.one_of(&["", "<?xml version=\"1.0\" encoding=\"utf-8\" ?>", "<?xml version='1.0'?>\r\n"]);
        self.xml.push_str(declaration);
        if self.prefix.is_empty() { "xmlns" } else { "xmlns:t" }
    }

    pub(super) fn open(&mut self, name: &str, attributes: Attributes) {
        self.tag(name, attributes, ">");
        self.between();
    }

    pub(super) fn close(&mut self, name: &str) {
        self.close_root(name);
        self.between();
    }

    /// Little may follow the root.
    pub(super) fn close_root(&mut self, name: &str) {
        let (prefix, space) = (self.prefix, self.space());
        write!(self.xml, "</{prefix}{name}{space}>{}", self.line_end).expect("a string takes everything");
    }

    pub(super) fn empty(&mut self, name: &str, attributes: Attributes) {
        if self.dice.in_hundred(20) {
            self.tag(name, attributes, ">");
            self.between();
            self.close(name);
        } else {
            self.tag(name, attributes, "/>");
            self.between();
        }
    }

    fn tag(&mut self, name: &str, mut attributes: Attributes, end: &str) {
        let prefix = self.prefix;
        write!(self.xml, "<{prefix}{name}").expect("a string takes everything");
        attributes.0.shuffle(&mut self.dice);
        if self.dice.in_hundred(self.noise) {
            attributes.exactly("Unknown", "a=\"b\" <c/> 'd'");
        }
        for attribute in attributes.0 {
            self.attribute(&attribute);
        }
        let space = self.space();
        self.xml.push_str(space);
        self.xml.push_str(end);
    }

    fn attribute(&mut self, attribute: &Written) {
        let quote = ['"', '\''][self.dice.below(2)];
        let (before, after) = (self.space(), self.space());
        let broken = if self.dice.in_hundred(self.noise) { self.place_of_break(attribute) } else { None };
        self.warnings += usize::from(broken.is_some());
        write!(self.xml, " {before}{}{after}={before}{quote}", attribute.name).expect("a string takes everything");
        let as_references = self.dice.in_hundred(self.noise);
        if broken.is_none() && !as_references && !attribute.value.contains(['&', '<', '"', '\'', '\t', '\r', '\n']) {
            self.xml.push_str(&attribute.value);
            self.xml.push(quote);
            return;
        }
        for (at, character) in attribute.value.char_indices() {
            if broken == Some(at) {
                self.xml.push_str(" \r\n  ");
            }
            self.character(character, quote, as_references);
        }
        if broken == Some(attribute.value.len()) {
            self.xml.push_str("\n\t");
        }
        self.xml.push(quote);
    }

    /// Where the value may be broken: not beside a space of its own, which would look like a part of the break.
    fn place_of_break(&mut self, attribute: &Written) -> Option<usize> {
        let value = &attribute.value;
        let end = if self.dice.in_hundred(50) { 0 } else { value.len() };
        let place = match attribute.breaks {
            Breaks::Never => return None,
            Breaks::Words => end,
            Breaks::Token => value.floor_char_boundary(self.dice.below(value.len() + 1)),
        };
        let (before, after) = value.split_at(place);
        (!before.ends_with(' ') && !after.starts_with(' ')).then_some(place)
    }

    fn character(&mut self, character: char, quote: char, as_reference: bool) {
        let written = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '"' if quote == '"' => "&quot;",
            '\'' if quote == '\'' => "&apos;",
            '\t' | '\r' | '\n' => {
                write!(self.xml, "&#{};", u32::from(character)).expect("a string takes everything");
                return;
            }
            _ if as_reference => {
                write!(self.xml, "&#x{:X};", u32::from(character)).expect("a string takes everything");
                return;
            }
            _ => return self.xml.push(character),
        };
        self.xml.push_str(written);
    }

    /// White space or nothing, where either is allowed.
    fn space(&mut self) -> &'static str {
        if self.dice.in_hundred(self.noise) { self.dice.one_of(&[" ", "\n", "\r\n\t"]) } else { "" }
    }

    /// What may stand between elements.
    fn between(&mut self) {
        self.xml.push_str(self.line_end);
        if self.dice.in_hundred(self.noise) {
            let foreign = self.dice.one_of(&FOREIGN);
            self.xml.push_str(foreign);
        }
    }
}
