//! Keys of documents as names of blobs.
//!
//! Letters, digits and what is plain in an address stay as they are, so that a container reads like the keys; whatever
//! a path, an address or a folder could take otherwise is written as `!` and two hexadecimal digits, and
//! an empty segment as `!` alone.

use object_store::path::{Error, Path};
use std::fmt::Write;

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=+,:@".contains(&byte)
}

/// The name of the blob that holds a document.
pub(super) fn to_path(key: &str) -> Result<Path, Error> {
    Path::parse(encoded(key))
}

/// The folder in which every key with this prefix is; none for the whole container.
pub(super) fn folder_of(prefix: &str) -> Result<Option<Path>, Error> {
    prefix.rsplit_once('/').map(|(folder, _)| to_path(folder)).transpose()
}

/// The document that a blob holds; `None` for a blob that is none of ours.
pub(super) fn to_key(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = path.as_ref().as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'!' {
            if matches!(rest, [] | [b'/', ..]) {
                continue;
            }
            let (digits, tail) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

fn encoded(key: &str) -> String {
    let segments: Vec<String> = key.split('/').map(segment).collect();
    segments.join("/")
}

fn segment(text: &str) -> String {
    if text.is_empty() {
        return "!".to_owned();
    }
    let mut name = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        // `.` and `..` mean other folders, and a final dot is dropped.
        if is_plain(byte) && !(byte == b'.' && at + 1 == text.len()) {
            name.push(char::from(byte));
        } else {
            write!(name, "!{byte:02X}").expect("a String takes what is written");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn our_own_keys_stay_readable() {
        for key in ["runs/20260301T100000Z-1a2b3c/contoso", "icons/f96d8a6f", "plans/r/c/p.ab12", "dead-letters/1"] {
            assert_eq!(to_path(key).unwrap().as_ref(), key);
        }
    }

    #[test]
    fn what_a_path_would_change_is_escaped() {
        for (key, name) in [
            ("a//b", "a/!/b"),
            ("/a/", "!/a/!"),
            ("../etc", ".!2E/etc"),
            ("a./b.", "a!2E/b!2E"),
            ("50%?#", "50!25!3F!23"),
            ("ä!", "!C3!A4!21"),
        ] {
            assert_eq!(to_path(key).unwrap().as_ref(), name);
        }
    }

    proptest! {
        #[test]
        fn every_key_comes_back(key in "[^\\x00-\\x1f]{1,40}") {
            let path = to_path(&key).unwrap();
            prop_assert_eq!(to_key(&path), Some(key));
        }

        #[test]
        fn a_key_is_in_the_folder_of_each_of_its_prefixes(key in "[a-c/.]{1,12}", cut in 0usize..12) {
            let prefix = &key[..cut.min(key.len())];
            let folder = folder_of(prefix).unwrap();
            let path = to_path(&key).unwrap();
            if let Some(folder) = folder {
                prop_assert!(path.prefix_matches(&folder), "{path} in {folder}");
            }
        }
    }
}
