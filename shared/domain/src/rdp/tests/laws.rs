//! What holds for every file.

use super::*;
use proptest::prelude::*;

/// The properties as lines of text.
fn lines(properties: &[(String, char, String)]) -> String {
    properties.iter().map(|(name, kind, value)| format!("{name}:{kind}:{value}\r\n")).collect()
}

fn owned(rdp: &Rdp) -> Vec<(String, char, String)> {
    rdp.properties().map(|p| (p.name.to_owned(), p.kind, p.value.to_owned())).collect()
}

/// Names in use, and others.
fn name() -> impl Strategy<Value = String> {
    let known =
        prop::sample::select(vec!["full address", "activityhint", "geo", "armpath", "signature", "workspace id"]);
    prop_oneof![known.prop_map(str::to_owned), "[a-zA-Z][a-z0-9 _]{0,6}[a-z]"]
}

fn properties() -> impl Strategy<Value = Vec<(String, char, String)>> {
    let kind = prop::sample::select(vec!['s', 'i', 'b']);
    prop::collection::vec((name(), kind, "[ -~é𝄞\u{2028}\t]{0,12}"), 1..12)
}

fn is_ignored(name: &str) -> bool {
    CHANGES_BY_ITSELF.contains(&name.to_ascii_lowercase().as_str())
}

/// Texts with what somebody would try.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\r\n",
        "\n",
        "\r",
        "\0",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{B}",
        "\u{C}",
        "\u{1C}",
        "\u{FEFF}",
        "\u{10A}",
        "\u{D0A}",
        "alternate shell:s:cmd.exe",
        ":",
        "x",
        " ",
        "é",
    ]);
    prop_oneof![prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn whatever_comes_in_is_kept_to_the_byte_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(rdp) = parse(&bytes) {
            prop_assert_eq!(rdp.as_bytes(), &bytes[..]);
            prop_assert!(rdp.properties().count() > 0);
            let (_, _) = (rdp.concerns(), rdp.host_pool());
        }
    }

    #[test]
    fn properties_come_out_as_they_went_in_whatever_the_encoding(all in properties(), ending in "\r?\n") {
        let text = lines(&all).replace("\r\n", &ending);
        let digest = parse(text.as_bytes()).unwrap().content_sha256();
        let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        let unended = text.trim_end_matches(['\r', '\n']).as_bytes().to_vec();
        for bytes in [text.clone().into_bytes(), utf16(&text), marked, unended] {
            let rdp = parse(&bytes).unwrap();
            prop_assert_eq!(rdp.as_bytes(), &bytes[..]);
            prop_assert_eq!(owned(&rdp), all.clone());
            prop_assert_eq!(rdp.content_sha256(), digest.clone());
        }
    }

    #[test]
    fn the_digest_changes_with_every_property_that_does_not_change_by_itself(
        all in properties(), at in any::<prop::sample::Index>(), value in "[ -~]{0,12}"
    ) {
        let digest = |all: &[(String, char, String)]| {
            parse(format!("x:i:1\n{}", lines(all)).as_bytes()).unwrap().content_sha256()
        };
        let at = at.index(all.len());
        let ignored = is_ignored(&all[at].0);
        let mut changed = all.clone();
        changed[at].2.push('!');
        prop_assert_eq!(digest(&all) == digest(&changed), ignored);
        changed[at].2 = value;
        prop_assert_eq!(digest(&all) == digest(&changed), ignored || all[at] == changed[at]);
        let mut retyped = all.clone();
        retyped[at].1 = if all[at].1 == 's' { 'b' } else { 's' };
        prop_assert_eq!(digest(&all) == digest(&retyped), ignored);
        let mut fewer = all.clone();
        fewer.remove(at);
        prop_assert_eq!(digest(&all) == digest(&fewer), ignored);
    }

    #[test]
    fn no_value_can_bring_a_property_of_its_own(values in prop::collection::vec(hostile(), 1..4), wide in any::<bool>()) {
        let mut set = Vec::new();
        let mut builder = Builder::new().integer(Integer::UseMultimon, -1);
        for (property, value) in Text::ALL.iter().zip(&values) {
            match builder.clone().text(*property, value) {
                Ok(with) => {
                    let ends = ['\r', '\n', '\0', '\u{85}', '\u{2028}', '\u{2029}', '\u{B}', '\u{C}'];
                    prop_assert!(!value.contains(ends));
                    builder = with;
                    set.push((property.name().to_owned(), 's', value.clone()));
                }
                Err(refused) => {
                    let reason = value.chars().any(|c| c.is_control() || "\u{2028}\u{2029}".contains(c));
                    prop_assert!(reason, "{refused}");
                }
            }
        }
        set.push(("use multimon".to_owned(), 'i', "-1".to_owned()));
        let encoding = if wide { Encoding::Utf16Le } else { Encoding::Utf8 };
        let written = builder.build(encoding).unwrap();
        prop_assert_eq!(owned(&written), set);
        prop_assert_eq!(parse(written.as_bytes()), Ok(written.clone()));
    }
}
