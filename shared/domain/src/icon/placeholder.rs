//! Pictures for resources without one: a window or a screen, with the initials of the resource's name.

use super::png_of;
use crate::estate::ResourceKind;
use crate::text::{sha256_hex, title};
use font8x8::{BASIC_FONTS, GREEK_FONTS, LATIN_FONTS, UnicodeFonts};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// The edge of a placeholder, in pixels.
const EDGE: u32 = 48;
/// How many initials fit.
const MAX_INITIALS: usize = 2;
/// The edge of a letter in the font, and how many pixels one of its dots becomes each way.
const LETTER_EDGE: u32 = 8;
const DOT: u32 = 2;
/// How many pictures are kept in memory; a few hundred bytes each.
const KEPT: usize = 1_024;

const INK: [u8; 4] = [0x1F, 0x4E, 0x79, 0xFF];
const PAPER: [u8; 4] = [0xE8, 0xF1, 0xFA, 0xFF];
const NOTHING: [u8; 4] = [0; 4];

/// A picture, and the name it is stored under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// The SHA-256 of the PNG.
    pub sha256: Arc<str>,
    /// The PNG.
    pub png: Arc<[u8]>,
}

type Kept = RwLock<HashMap<(ResourceKind, Vec<char>), Placeholder>>;

/// The picture for a resource of this kind and name. Names with the same initials have the same one.
///
/// Letters that the font does not have (it has Latin and Greek ones, and digits) are left out; without any the picture
/// shows its kind only.
pub fn placeholder(kind: ResourceKind, name: &str) -> Placeholder {
    static KEPT_PICTURES: LazyLock<Kept> = LazyLock::new(Kept::default);
    let key = (kind, initials(name));
    // A picture is put there whole or not at all, so that whoever panicked meanwhile left nothing half done.
    if let Some(kept) = KEPT_PICTURES.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return kept.clone();
    }
    let png = draw(kind, &key.1);
    let drawn = Placeholder { sha256: sha256_hex(&png).into(), png: png.into() };
    let mut kept = KEPT_PICTURES.write().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < KEPT {
        kept.insert(key, drawn.clone());
    }
    drawn
}

/// The first letters of the first two words: `ME` for "Microsoft Excel", `SD` for "SessionDesktop", `7Z` for "7-Zip".
fn initials(name: &str) -> Vec<char> {
    let name = title(name).unwrap_or_default();
    let (mut initials, mut words) = (Vec::new(), 0);
    let mut before = ' ';
    for c in name.chars() {
        // An accent that is a character of its own belongs to the letter before it.
        if matches!(c, '\u{300}'..='\u{36F}') {
            continue;
        }
        let begins_a_word =
            c.is_alphanumeric() && (!before.is_alphanumeric() || before.is_lowercase() && c.is_uppercase());
        if begins_a_word && words < MAX_INITIALS {
            words += 1;
            initials.extend(Some(capital(c)).filter(|c| glyph(*c).is_some()));
        }
        before = c;
    }
    initials
}

/// The capital letter where it is a single one, which it is not for `ß`.
fn capital(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

/// A letter's rows, from the top; the lowest bit is the leftmost dot.
fn glyph(c: char) -> Option<[u8; LETTER_EDGE as usize]> {
    let rows = BASIC_FONTS.get(c).or_else(|| LATIN_FONTS.get(c)).or_else(|| GREEK_FONTS.get(c))?;
    rows.iter().any(|row| *row != 0).then_some(rows)
}

fn draw(kind: ResourceKind, initials: &[char]) -> Vec<u8> {
    let glyphs: Vec<_> = initials.iter().filter_map(|c| glyph(*c)).collect();
    // The middle of the paper, so that letters stand on it evenly.
    let middle = match kind {
        ResourceKind::RemoteApp => 27,
        ResourceKind::Desktop => 20,
    };
    let left = EDGE / 2 - glyphs.len() as u32 * LETTER_EDGE * DOT / 2;
    let top = middle - LETTER_EDGE * DOT / 2;
    let is_letter = |x: u32, y: u32| {
        let (Some(column), Some(row)) = (x.checked_sub(left), y.checked_sub(top)) else { return false };
        let (column, row) = (column / DOT, row / DOT);
        let letter = glyphs.get((column / LETTER_EDGE) as usize);
        let dots = letter.and_then(|rows| rows.get(row as usize));
        dots.is_some_and(|dots| dots >> (column % LETTER_EDGE) & 1 == 1)
    };
    let pixel = |x: u32, y: u32| if is_letter(x, y) { INK } else { picture(kind, x, y) };
    let pixels: Vec<u8> = (0..EDGE).flat_map(|y| (0..EDGE).flat_map(move |x| pixel(x, y))).collect();
    png_of(EDGE, EDGE, &pixels)
}

/// A window for an application, a screen for a desktop.
fn picture(kind: ResourceKind, x: u32, y: u32) -> [u8; 4] {
    match kind {
        ResourceKind::RemoteApp => match (x, y) {
            (4..44, 6..14) => INK,
            (6..42, 14..40) => PAPER,
            (4..44, 14..42) => INK,
            _ => NOTHING,
        },
        ResourceKind::Desktop => match (x, y) {
            (6..42, 8..32) => PAPER,
            (4..44, 6..34) | (21..27, 34..40) | (14..34, 40..43) => INK,
            _ => NOTHING,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::icon::accept;

    fn called(name: &str) -> String {
        initials(name).into_iter().collect()
    }

    #[test]
    fn initials_are_those_of_the_first_two_words_that_the_font_has() {
        for (name, expected) in [
            ("Microsoft Excel 2021", "ME"),
            ("SessionDesktop", "SD"),
            ("excel", "E"),
            ("7-Zip", "7Z"),
            ("SAP GUI", "SG"),
            ("école", "É"),
            ("e\u{301}cole", "E"),
            ("ßharp", "ß"),
            ("Ωmega Χ", "ΩΧ"),
            ("Excel 日本", "E"),
            ("Ворд", ""),
            ("\u{202E}--", ""),
            ("", ""),
        ] {
            assert_eq!(called(name), expected, "{name}");
        }
    }

    #[test]
    fn pictures_differ_by_kind_and_initials_and_by_nothing_else() {
        use ResourceKind::{Desktop, RemoteApp};
        let excel = placeholder(RemoteApp, "Microsoft Excel");
        assert_eq!(excel, placeholder(RemoteApp, "money exchange"));
        assert_ne!(excel, placeholder(RemoteApp, "Excel"));
        assert_ne!(excel, placeholder(Desktop, "Microsoft Excel"));
        assert_eq!(placeholder(Desktop, "日本"), placeholder(Desktop, ""));
        assert_ne!(placeholder(Desktop, "日本"), placeholder(RemoteApp, "日本"));
        assert_eq!(*excel.sha256, *sha256_hex(&excel.png));
    }

    #[test]
    fn every_picture_is_an_icon_even_when_more_are_asked_for_than_are_kept() {
        for first in 'A'..='Z' {
            for second in ('0'..='9').chain('A'..='Z').chain('Α'..='Ρ') {
                let name = format!("{first} {second}");
                let drawn = placeholder(ResourceKind::Desktop, &name);
                assert!(accept(&drawn.png).is_ok(), "{name}");
                assert_eq!(drawn, placeholder(ResourceKind::Desktop, &name));
            }
        }
    }

    #[test]
    fn letters_stand_on_the_paper() {
        for kind in [ResourceKind::Desktop, ResourceKind::RemoteApp] {
            let plain: Vec<[u8; 4]> = (0..EDGE).flat_map(|y| (0..EDGE).map(move |x| picture(kind, x, y))).collect();
            let drawn = placeholder(kind, "W M");
            let mut drawn = png::Decoder::new(std::io::Cursor::new(&*drawn.png)).read_info().unwrap();
            let mut pixels = vec![0; drawn.output_buffer_size().unwrap()];
            drawn.next_frame(&mut pixels).unwrap();
            let changed: Vec<_> = plain.iter().zip(pixels.as_chunks::<4>().0).filter(|(a, b)| a != b).collect();
            assert!(changed.len() > 100, "{}", changed.len());
            assert!(changed.iter().all(|(plain, drawn)| **plain == PAPER && **drawn == INK));
        }
    }
}
