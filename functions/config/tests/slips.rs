//! Whatever slips into a configuration: it is read, or its faults are told with their places.

use super::{EXAMPLE, parse};
use crate::config::{ConfigError, Place};
use proptest::prelude::*;
use proptest::sample::Index;

/// One slip of the hand.
fn slip(text: &str, at: Index, kind: u8, c: char) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let mut lines: Vec<&str> = text.lines().collect();
    let (place, line) = (at.index(chars.len()), at.index(lines.len()));
    match kind {
        0 => drop(chars.remove(place)),
        1 => chars.insert(place, c),
        2 => chars[place] = c,
        3 => chars.truncate(place),
        4 => drop(lines.remove(line)),
        5 => lines.insert(line, lines[line]),
        _ => lines.rotate_left(line),
    }
    if kind < 4 { chars.into_iter().collect() } else { lines.join("\n") }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_is_a_configuration_or_has_faults_with_places(
        slips in prop::collection::vec((any::<Index>(), 0..7u8, prop_oneof![any::<char>(), proptest::sample::select(vec!['"', '[', ']', '{', '}', '=', '\n', '.', '#', '0', '\u{feff}', '\r'])]), 1..6),
    ) {
        let mut text = EXAMPLE.to_owned();
        for (at, kind, c) in slips {
            if !text.is_empty() {
                text = slip(&text, at, kind, c);
            }
        }
        match parse(&text) {
            Ok(_) => {}
            Err(ConfigError::Faulty(faults)) => {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    let Place::File { line, column, .. } = fault.place else { panic!("{fault}") };
                    let lines: Vec<_> = text.split('\n').collect();
                    prop_assert!((1..=lines.len()).contains(&line), "{fault}");
                    prop_assert!((1..=lines[line - 1].chars().count() + 1).contains(&column), "{fault}");
                    prop_assert!(!fault.to_string().contains(char::is_control), "{fault:?}");
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
}
