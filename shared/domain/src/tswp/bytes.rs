//! From bytes to text: encodings, and what is a web page rather than a feed.

use super::TswpError;
use super::place::{self, Place};
use super::reader::short;
use std::borrow::Cow;

const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
const UTF16_LE_MARK: &[u8] = &[0xFF, 0xFE];
const UTF16_BE_MARK: &[u8] = &[0xFE, 0xFF];

/// The text of a document: UTF-8, with or without a byte order mark, or UTF-16 with one. The mark is not part of it.
pub(super) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, TswpError> {
    if let Some(rest) = bytes.strip_prefix(UTF16_LE_MARK) {
        return utf16(rest, u16::from_le_bytes).map(Cow::Owned);
    }
    if let Some(rest) = bytes.strip_prefix(UTF16_BE_MARK) {
        return utf16(rest, u16::from_be_bytes).map(Cow::Owned);
    }
    let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("the error says that this is valid");
        not_text(valid, "not UTF-8 from here on")
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, TswpError> {
    let (pairs, rest) = bytes.as_chunks();
    let mut text = String::with_capacity(pairs.len());
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(not_text(&text, "not UTF-16 from here on")),
        }
    }
    if rest.is_empty() { Ok(text) } else { Err(not_text(&text, "UTF-16 that ends with half a character")) }
}

fn not_text(valid: &str, what: &str) -> TswpError {
    let Place { line, column } = place::of(valid, valid.len());
    TswpError::NotXml { line, column, what: what.into() }
}

/// What a web page says, when the document is one.
pub(super) fn web_page(text: &str) -> Option<String> {
    let start = after_prolog(text);
    let is_page = ["<!doctype html", "<html"].iter().any(|opening| {
        let Some(head) = start.get(..opening.len()) else { return false };
        head.eq_ignore_ascii_case(opening)
            && start[opening.len()..].starts_with(|next| matches!(next, '>' | '/') || char::is_whitespace(next))
    });
    is_page.then(|| excerpt(start))
}

/// A document without what may come before its first element: a declaration, comments, white space.
fn after_prolog(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let end = match rest {
            _ if rest.starts_with("<?") => rest.split_once("?>"),
            _ if rest.starts_with("<!--") => rest.split_once("-->"),
            _ => return rest,
        };
        match end {
            Some((_, after)) => rest = after.trim_start(),
            None => return rest,
        }
    }
}

/// How much of a page is looked at for its words: scripts may come first, but not without end.
const EXCERPT_SOURCE_BYTES: usize = 16 << 10;

/// The first words of a page that a browser would show.
fn excerpt(page: &str) -> String {
    let mut rest = &page[..page.floor_char_boundary(EXCERPT_SOURCE_BYTES)];
    let mut words = String::new();
    while let Some((shown, markup)) = rest.split_once('<') {
        words.push_str(shown);
        words.push(' ');
        rest = ["script", "style"].iter().find_map(|hidden| after_element(markup, hidden)).unwrap_or_else(|| {
            let end = if markup.starts_with("!--") { "-->" } else { ">" };
            markup.split_once(end).map_or("", |(_, after)| after)
        });
    }
    words.push_str(rest);
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() { "nothing that can be read".into() } else { short(&words) }
}

/// What follows an element whose content is not shown, if this is one. `markup` begins after its `<`.
fn after_element<'t>(markup: &'t str, name: &str) -> Option<&'t str> {
    let is_it = markup.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    if !is_it {
        return None;
    }
    let closing = markup
        .match_indices("</")
        .find(|(at, _)| markup.get(at + 2..at + 2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)));
    // Never closed: nothing of the rest is shown.
    let (at, _) = closing.unwrap_or((markup.len(), ""));
    Some(markup[at..].split_once('>').map_or("", |(_, after)| after))
}
