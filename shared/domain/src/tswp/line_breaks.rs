//! Line breaks inside attribute values. XML turns each into a space, and then nobody can tell it from one that was
//! meant; so the value is compared with its source. A line break that is written as a character reference was meant.

use std::borrow::Cow;
use std::ops::Range;

/// Whether an attribute's source has a line break.
pub(super) fn any(raw: &str) -> bool {
    memchr::memchr2(b'\n', b'\r', raw.as_bytes()).is_some()
}

/// The value without line breaks and the white space around them.
pub(super) fn of_token<'v>(raw: &str, value: &'v str) -> Cow<'v, str> {
    let mut mended = value.to_owned();
    for run in broken_runs(raw, value).into_iter().rev() {
        mended.replace_range(run, "");
    }
    Cow::Owned(mended)
}

/// The value without line breaks at its ends. Those between words stay the spaces that they are to XML.
pub(super) fn of_words<'v>(raw: &str, value: &'v str) -> Cow<'v, str> {
    let runs = broken_runs(raw, value);
    let start = runs.first().filter(|run| run.start == 0).map_or(0, |run| run.end);
    let end =
        runs.last().filter(|run| run.end == value.len() && run.start >= start).map_or(value.len(), |run| run.start);
    Cow::Borrowed(&value[start..end])
}

/// Where the value has white space that is a line break, or more than one, in its source.
fn broken_runs(raw: &str, value: &str) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut run: Option<(usize, bool)> = None;
    let mut at = 0;
    let mut source = raw.chars().peekable();
    let mut characters = value.chars();
    // Each character of a value has one in the source, or a reference there, or the two that end a line on Windows.
    while let (Some(read), Some(character)) = (source.next(), characters.next()) {
        match read {
            '&' => while source.next().is_some_and(|part| part != ';') {},
            '\r' if source.peek() == Some(&'\n') => drop(source.next()),
            _ => {}
        }
        if matches!(read, ' ' | '\t' | '\r' | '\n') {
            let (_, broken) = run.get_or_insert((at, false));
            *broken |= matches!(read, '\r' | '\n');
        } else if let Some((start, true)) = run.take() {
            runs.push(start..at);
        }
        at += character.len_utf8();
    }
    if let Some((start, true)) = run {
        runs.push(start..at);
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_broke_the_line_is_taken_out_of_an_address() {
        assert_eq!(of_token("/a-\r\n  b", "/a-   b"), "/a-b");
        assert_eq!(of_token("\n/a b\n", " /a b "), "/a b");
        assert_eq!(of_token("/é&amp;\n&#x20;x", "/é&  x"), "/é& x");
        assert_eq!(of_token("a&#10;\nb", "a\n b"), "a\nb");
        assert_eq!(of_token("\n", " "), "");
    }

    #[test]
    fn words_keep_the_spaces_between_them() {
        assert_eq!(of_words("\n Two\nwords \r\n", "  Two words  "), "Two words");
        assert_eq!(of_words(" Two\nwords ", " Two words "), " Two words ");
        assert_eq!(of_words("\n \n", "   "), "");
    }
}
