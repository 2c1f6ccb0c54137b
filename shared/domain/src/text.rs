//! Text from outside made safe for where it goes: titles for people, slugs for keys and file names, hashes.

use sha2::{Digest, Sha256};

/// The longest title kept, in characters.
pub const MAX_TITLE_CHARS: usize = 200;
/// The longest slug, in bytes.
pub const MAX_SLUG_BYTES: usize = 32;

/// A name as people may see it: one line, no control or direction-override characters, at most
/// [`MAX_TITLE_CHARS`] long. `None` when nothing readable is left.
pub fn title(raw: &str) -> Option<String> {
    let mut clean = String::with_capacity(raw.len().min(MAX_TITLE_CHARS * 4));
    let visible = raw.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect::<String>();
    for word in visible.split_whitespace() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(word);
    }
    if let Some((end, _)) = clean.char_indices().nth(MAX_TITLE_CHARS) {
        clean.truncate(end);
        clean.truncate(clean.trim_end().len());
    }
    (!clean.is_empty()).then_some(clean)
}

/// Control characters, and those that reorder or hide their neighbours or show nothing themselves (so that a name
/// cannot pose as another): Unicode's Default_Ignorable_Code_Point, line separators and interlinear annotations.
/// <https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt>
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}')
        || matches!(c, '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(c, '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
        || matches!(c, '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}')
        || matches!(c, '\u{E0000}'..='\u{E0FFF}')
}

/// Lower-case ASCII letters, digits and single dashes, at most [`MAX_SLUG_BYTES`] long; safe in paths, URLs and keys.
/// Empty when the name has no such character.
pub fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(MAX_SLUG_BYTES);
    for c in name.chars() {
        if slug.len() == MAX_SLUG_BYTES {
            break;
        }
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// A GUID that follows from some texts: the same texts, the same GUID (in the form of version 8 of RFC 9562).
pub fn guid_of(texts: &[&str]) -> String {
    let digest = sha256_hex(texts.join("\n").to_lowercase().as_bytes());
    let variant = ['8', '9', 'a', 'b'][usize::from(digest.as_bytes()[16] % 4)];
    format!("{}-{}-8{}-{variant}{}-{}", &digest[..8], &digest[8..12], &digest[13..16], &digest[17..20], &digest[20..32])
}

/// The SHA-256 of some bytes as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

/// A readable, unique and stable name for the resource with this id: a slug and the first `digits` digits of its hash.
pub fn stable_key(name: &str, id: &crate::ArmId, digits: usize) -> String {
    let (slug, hash) = (slug(name), sha256_hex(id.canonical().as_bytes()));
    let hash = &hash[..digits.min(hash.len())];
    if slug.is_empty() { hash.to_owned() } else { format!("{slug}-{hash}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn titles_are_one_visible_line() {
        assert_eq!(title("  Excel \r\n 2021\t"), Some("Excel 2021".to_owned()));
        assert_eq!(title("gnp\u{202E}exe.tset"), Some("gnp exe.tset".to_owned()));
        assert_eq!(title("\u{200B}\n"), None);
        assert_eq!(title("\u{3164}\u{2800}"), None);
        assert_eq!(title("Ex\u{AD}cel\u{61C}"), Some("Ex cel".to_owned()));
        assert_eq!(title("Ünïcödé 𝄞 <script>"), Some("Ünïcödé 𝄞 <script>".to_owned()));
    }

    #[test]
    fn slugs_are_readable() {
        assert_eq!(slug("Microsoft Excel (2021)!"), "microsoft-excel-2021");
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("日本"), "");
    }

    #[test]
    fn a_key_depends_on_the_id_and_not_on_its_spelling() {
        let id = crate::ArmId::new("/subscriptions/S/Apps/Excel");
        let same = crate::ArmId::new("/SUBSCRIPTIONS/s/apps/EXCEL/");
        assert_eq!(stable_key("Excel", &id, 8), stable_key("EXCEL", &same, 8));
        assert_eq!(stable_key("日本", &id, 8).len(), 8);
        assert_eq!(stable_key("", &id, 1_000).len(), 64);
    }

    proptest! {
        #[test]
        fn whatever_comes_in_slugs_are_safe_and_bounded(name in ".*") {
            let slug = slug(&name);
            prop_assert!(slug.len() <= MAX_SLUG_BYTES);
            prop_assert!(slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            prop_assert!(!slug.starts_with('-') && !slug.ends_with('-'));
        }

        #[test]
        fn cleaning_a_title_twice_changes_nothing(name in ".*") {
            if let Some(once) = title(&name) {
                prop_assert!(once.chars().count() <= MAX_TITLE_CHARS);
                prop_assert_eq!(title(&once), Some(once.clone()));
            }
        }
    }
}
