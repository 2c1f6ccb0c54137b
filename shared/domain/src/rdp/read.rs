//! Bytes in, properties out, or the reason why these bytes are not a `.rdp` file that anyone should be handed.

use super::{Line, Rdp};
use crate::text::title;

/// The largest file accepted, in bytes. Signed ones have about 10,000.
pub const MAX_RDP_BYTES: usize = 256 * 1024;
/// The most lines accepted, blank ones included.
pub const MAX_LINES: usize = 4_096;
/// The most properties accepted.
pub const MAX_PROPERTIES: usize = 1_024;
/// The longest name of a property, in bytes.
const MAX_NAME_BYTES: usize = 128;
/// How much of a page is quoted, in characters.
const EXCERPT_CHARS: usize = 120;

/// Why a file was refused. Nothing of a file is quoted, except of an HTML page, which is nobody's secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RdpError {
    /// No property at all.
    #[error("the .rdp file is empty")]
    Empty,
    /// More bytes than [`MAX_RDP_BYTES`].
    #[error("the .rdp file has {0} bytes, more than {MAX_RDP_BYTES}")]
    TooLarge(usize),
    /// More lines than [`MAX_LINES`] or more properties than [`MAX_PROPERTIES`].
    #[error("the .rdp file has more than {MAX_LINES} lines or {MAX_PROPERTIES} properties")]
    TooLong,
    /// A web page instead: usually one that wants somebody to sign in, or a proxy's.
    #[error("a web page came instead of an .rdp file: {excerpt}")]
    Html {
        /// Its title, or how its text begins.
        excerpt: String,
    },
    /// Neither UTF-8 nor UTF-16LE with its byte order mark.
    #[error("the .rdp file is no text: {0}")]
    NotText(&'static str),
    /// A line that is no property.
    #[error("line {line} of the .rdp file {what}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Reads a file: UTF-8 with or without a byte order mark, or UTF-16LE with one; lines that end in CRLF or LF, the last
/// one also in nothing.
///
/// Blank lines are passed over, and so are spaces around a name (they come from `customRdpProperty` of a host pool).
/// There are no comments in this format. Numbers are not looked at: an `i` may hold anything until it is asked for.
pub fn parse(bytes: &[u8]) -> Result<Rdp, RdpError> {
    if bytes.len() > MAX_RDP_BYTES {
        return Err(RdpError::TooLarge(bytes.len()));
    }
    let text = decode(bytes)?;
    if text.trim_start().starts_with('<') {
        return Err(RdpError::Html { excerpt: excerpt(&text) });
    }
    let lines = lines(&text)?;
    if lines.is_empty() {
        return Err(RdpError::Empty);
    }
    Ok(Rdp { bytes: bytes.to_vec(), text, lines })
}

/// The text without its byte order mark.
fn decode(bytes: &[u8]) -> Result<String, RdpError> {
    if let Some(wide) = bytes.strip_prefix(b"\xFF\xFE") {
        let (units, []) = wide.as_chunks::<2>() else {
            return Err(RdpError::NotText("it is UTF-16 with half a character at its end"));
        };
        return char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit)))
            .collect::<Result<String, _>>()
            .map_err(|_| RdpError::NotText("it is UTF-16 with half of a pair of surrogates"));
    }
    if bytes.starts_with(b"\xFE\xFF") {
        return Err(RdpError::NotText("it is UTF-16 with its high bytes first"));
    }
    let narrow = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if narrow.contains(&0) {
        return Err(RdpError::NotText("it has zero bytes, and no mark that says it is UTF-16"));
    }
    str::from_utf8(narrow).map(str::to_owned).map_err(|_| RdpError::NotText("it is not UTF-8"))
}

fn lines(text: &str) -> Result<Vec<Line>, RdpError> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (index, whole) in text.split_inclusive('\n').enumerate() {
        if index == MAX_LINES {
            return Err(RdpError::TooLong);
        }
        let written = whole.strip_suffix('\n').map_or(whole, |line| line.strip_suffix('\r').unwrap_or(line));
        if !written.trim_ascii().is_empty() {
            if lines.len() == MAX_PROPERTIES {
                return Err(RdpError::TooLong);
            }
            lines.push(line(written, start).map_err(|what| RdpError::Malformed { line: index + 1, what })?);
        }
        start += whole.len();
    }
    Ok(lines)
}

/// One line, which begins at `start` of the text.
fn line(written: &str, start: usize) -> Result<Line, &'static str> {
    if written.chars().any(|c| c.is_control() && c != '\t') {
        return Err("has a control character");
    }
    let not_a_property = "is not name:type:value";
    let (before, rest) = written.split_once(':').ok_or(not_a_property)?;
    let (kind, value) = rest.split_once(':').ok_or(not_a_property)?;
    let name = before.trim_ascii();
    if name.is_empty() {
        return Err("has no name");
    }
    // So that none can look like another one.
    if !name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err("has a name with other characters than ASCII's");
    }
    if name.len() > MAX_NAME_BYTES {
        return Err("has a name of more than 128 bytes");
    }
    let kind = match kind {
        "s" | "S" => 's',
        "i" | "I" => 'i',
        "b" | "B" => 'b',
        _ => return Err("has a type other than s, i and b"),
    };
    let named = start + (before.len() - before.trim_ascii_start().len());
    let end = start + written.len();
    Ok(Line { name: named..named + name.len(), kind, value: end - value.len()..end })
}

/// A page's title, or how its text begins; never an address, which may be a signed one.
fn excerpt(page: &str) -> String {
    let head = || {
        let start = page.to_ascii_lowercase().find("<title")?;
        let (_, inside) = page[start..].split_once('>')?;
        title(inside.split('<').next()?)
    };
    let body = || {
        let text = page.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text);
        let words: Vec<&str> = text.flat_map(str::split_whitespace).take(EXCERPT_CHARS).collect();
        title(&words.join(" "))
    };
    let told = head().or_else(body).unwrap_or_else(|| "(without any text)".to_owned());
    let words = told.split(' ').map(|word| if word.contains("://") { "…" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(EXCERPT_CHARS).collect()
}
