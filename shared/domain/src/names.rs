//! Names for people, told apart where they clash.

use std::collections::BTreeMap;

/// What tells the thing at a place of the list from others of its name.
pub(crate) type Qualifier<'a> = &'a dyn Fn(usize) -> String;

/// The names, each followed by those of its qualifiers that it takes for no two to look the same.
///
/// The last qualifier must be of one length and different for every place. A name may be chosen to look like another
/// one with its qualifiers; so the last one is added again for as long as anything clashes. Each time it tells apart
/// all that had it before, so this ends.
pub(crate) fn told_apart(mut names: Vec<String>, separator: &str, qualifiers: &[Qualifier<'_>]) -> Vec<String> {
    let most = qualifiers.len() + names.len();
    for qualifier in qualifiers.iter().chain(qualifiers.last().into_iter().cycle()).take(most) {
        let clashing = clashing(&names);
        if clashing.is_empty() {
            break;
        }
        for places in clashing {
            let additions: Vec<String> = places.iter().map(|&at| qualifier(at)).collect();
            // What is the same for all of them tells none of them apart.
            if additions.iter().all(|addition| *addition == additions[0]) {
                continue;
            }
            for (at, addition) in places.into_iter().zip(additions) {
                if !addition.is_empty() {
                    names[at].push_str(separator);
                    names[at].push_str(&addition);
                }
            }
        }
    }
    names
}

/// The places of the names that stand more than once in a list, name by name.
fn clashing(names: &[String]) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        places.entry(folded(name)).or_default().push(at);
    }
    places.into_values().filter(|places| places.len() > 1).collect()
}

/// A name without what people overlook: case, and the shape of brackets (see [`without_round_brackets`]).
fn folded(name: &str) -> String {
    // By way of upper case, so that ß and ss, σ and ς are the same.
    without_round_brackets(name).chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// A name that can stand in round brackets behind another one without leaving a doubt where it begins.
pub(crate) fn without_round_brackets(name: &str) -> String {
    name.replace('(', "[").replace(')', "]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn apart(names: &[&str]) -> Vec<String> {
        let key = |at: usize| format!("{at:04}");
        let kind = |at: usize| if at.is_multiple_of(2) { "even".to_owned() } else { String::new() };
        told_apart(names.iter().map(|&name| name.to_owned()).collect(), " – ", &[&kind, &key])
    }

    #[test]
    fn only_names_that_clash_are_qualified_and_no_further_than_it_takes() {
        assert_eq!(apart(&["Excel", "Word"]), ["Excel", "Word"]);
        assert_eq!(apart(&["Excel", "EXCEL"]), ["Excel – even", "EXCEL"]);
        assert_eq!(apart(&["Excel", "Word", "excel"]), ["Excel – 0000", "Word", "excel – 0002"]);
        assert_eq!(apart(&["Straße (1)", "STRASSE [1]"]), ["Straße (1) – even", "STRASSE [1]"]);
    }

    #[test]
    fn a_name_that_poses_as_a_qualified_one_is_told_apart_as_well() {
        let names = apart(&["X", "x – even", "X", "X – even – 0000", "X – even – 0000 – 0000"]);
        assert!(clashing(&names).is_empty(), "{names:?}");
    }

    #[test]
    fn things_that_cannot_be_told_apart_do_not_keep_it_busy_forever() {
        let same = |_: usize| "same".to_owned();
        assert_eq!(told_apart(vec!["X".to_owned(); 2], ", ", &[&same]), ["X", "X"]);
    }

    proptest! {
        #[test]
        fn no_two_names_look_the_same(names in prop::collection::vec("([aA(\\[ß]|ss| – |even|000[0-3]){0,5}", 0..12)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            prop_assert!(clashing(&apart(&names)).is_empty());
        }
    }
}
