//! Command lines and links that an action opens, made of values from outside.

use crate::template::{self, PLACEHOLDERS};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest link that is handed on, in bytes. Windows cuts command lines at 32 KiB; links are much shorter.
pub const MAX_LINK_BYTES: usize = 2_000;
/// The schemes that a link may have. A link of any other could start anything.
const SCHEMES: [&str; 2] = ["ms-avd:", "https://"];

/// An argument as a program reads it back from its command line, by the rules of `CommandLineToArgvW`:
/// <https://learn.microsoft.com/windows/win32/api/shellapi/nf-shellapi-commandlinetoargvw>. Not for a program's own
/// name, and not for `cmd`.
///
/// A NUL would end the command line and is left out.
pub fn argument(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    let mut backslashes = 0;
    for c in value.chars().filter(|c| *c != '\0') {
        match c {
            '\\' => backslashes += 1,
            // Backslashes before a quotation mark count double, and one more makes the mark one of the text.
            '"' => {
                quoted.extend(std::iter::repeat_n('\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        quoted.push(c);
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes));
    quoted.push('"');
    quoted
}

/// What a link keeps as it is: what RFC 3986 allows, but for what Application Workspace (`$`), Explorer (`,`) and
/// shells read for themselves. `%` stays, since a link comes encoded.
const NOT_IN_A_LINK: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'\'')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'$')
    .add(b',')
    .add(b';')
    .add(b'(')
    .add(b')');

/// A link as an action may open it: of a scheme that Poolwarden makes, with nothing in it that is read as anything but
/// the link. `None` for every other.
pub fn link(uri: &str) -> Option<String> {
    let known = SCHEMES.iter().any(|scheme| uri.starts_with(scheme));
    let safe = utf8_percent_encode(uri, NOT_IN_A_LINK).to_string();
    (known && safe.len() <= MAX_LINK_BYTES).then_some(safe)
}

/// Everything but what RFC 3986 leaves unreserved.
const IN_A_LINK_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// A template of a user name for a place in a link: the placeholders as they are, for Application Workspace fills them
/// in, and the rest encoded. `None` for what is no template.
pub fn template_in_link(text: &str) -> Option<String> {
    template::check(text).ok()?;
    let encode = |text: &str| utf8_percent_encode(text, IN_A_LINK_VALUE).to_string();
    let mut parts = text.split("${");
    let mut link = encode(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once('}')?;
        let known = PLACEHOLDERS.iter().find(|known| known.eq_ignore_ascii_case(name))?;
        link += &format!("${{{known}}}{}", encode(rest));
    }
    Some(link)
}
