//! Patterns with `*`, as Azure roles and Poolwarden's filters use them: anywhere in the pattern, without regard to case.

/// Whether `text` matches `pattern`, in which each `*` stands for any run of characters, none included.
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern.is_ascii() && text.is_ascii() {
        // What Azure names is of this kind, and asked about often enough to spare the copies.
        return meets(pattern.as_bytes(), text.as_bytes(), b'*', u8::eq_ignore_ascii_case);
    }
    meets(&fold(pattern), &fold(text), '*', char::eq)
}

fn meets<T: Copy + PartialEq>(pattern: &[T], text: &[T], star: T, same: fn(&T, &T) -> bool) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when the characters after the last star turn out not to match.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&star) {
            retry = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|one| same(one, &text[t])) {
            p += 1;
            t += 1;
        } else if let Some((after_star, from)) = retry {
            retry = Some((after_star, from + 1));
            p = after_star;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|one| *one == star)
}

fn fold(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::matches;
    use proptest::prelude::*;

    #[test]
    fn stars_stand_anywhere() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("Microsoft.Authorization/*/read", "microsoft.authorization/roleAssignments/READ", true),
            ("Microsoft.Authorization/*/read", "Microsoft.Authorization/read", false),
            ("Microsoft.DesktopVirtualization/*", "Microsoft.DesktopVirtualization/hostPools/write", true),
            ("Microsoft.DesktopVirtualization/*", "Microsoft.Desktop/read", false),
            ("*/useApplications/action", "A/b/useApplications/action", true),
            ("**", "anything", true),
            ("*/action/*", "Microsoft.X/y/action", false),
            ("a*a", "a", false),
            ("a*b*c", "aXbbYc", true),
            ("a*b*c", "aXbbYcd", false),
            ("", "", true),
            ("", "a", false),
            ("ÄB*d", "äbÇD", true),
            ("ÄB*d", "äbÇ", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} on {text:?}");
        }
    }

    /// The definition, straight from the sentence that describes it, and exponentially slow.
    fn reference(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|n| reference(rest, &text[n..])),
            Some((c, rest)) => {
                text.split_first().is_some_and(|(t, tail)| c.eq_ignore_ascii_case(t) && reference(rest, tail))
            }
        }
    }

    proptest! {
        #[test]
        fn equals_its_definition(pattern in "[aAb*]{0,8}", text in "[aAb]{0,10}") {
            prop_assert_eq!(matches(&pattern, &text), reference(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
