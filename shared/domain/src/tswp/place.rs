//! Lines and columns of places in a text.

/// A place, as editors show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// From 1.
    pub(super) line: u32,
    /// In characters, from 1.
    pub(super) column: u32,
}

/// Finds places one after the other, and passes over the text once for all of them.
pub(super) struct Places<'t> {
    text: &'t str,
    line: u32,
    column: usize,
    offset: usize,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, line: 1, column: 1, offset: 0 }
    }

    /// The place of a byte. No byte may come before one that was asked for earlier.
    pub(super) fn next(&mut self, offset: usize) -> Place {
        let text = self.text;
        let offset = text.floor_char_boundary(offset.max(self.offset));
        let passed = &text[self.offset..offset];
        let lines = memchr::memchr_iter(b'\n', passed.as_bytes()).count();
        let in_line = passed.rfind('\n').map_or(passed, |line_break| &passed[line_break + 1..]);
        self.line += u32::try_from(lines).unwrap_or(u32::MAX);
        self.column = if lines > 0 { 1 } else { self.column } + in_line.chars().count();
        self.offset = offset;
        Place { line: self.line, column: u32::try_from(self.column).unwrap_or(u32::MAX) }
    }
}

/// The place of a byte.
pub(super) fn of(text: &str, offset: usize) -> Place {
    Places::new(text).next(offset)
}
