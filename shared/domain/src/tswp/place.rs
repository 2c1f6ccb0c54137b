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
    line_start: usize,
    offset: usize,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, line: 1, line_start: 0, offset: 0 }
    }

    /// The place of a byte. No byte may come before one that was asked for earlier.
    pub(super) fn next(&mut self, offset: usize) -> Place {
        let text = self.text;
        let offset = text.floor_char_boundary(offset.max(self.offset));
        let lines = memchr::memchr_iter(b'\n', &text.as_bytes()[self.offset..offset]);
        for line_break in lines {
            self.line += 1;
            self.line_start = self.offset + line_break + 1;
        }
        self.offset = offset;
        let column = text[self.line_start..offset].chars().count() + 1;
        Place { line: self.line, column: u32::try_from(column).unwrap_or(u32::MAX) }
    }
}

/// The place of a byte.
pub(super) fn of(text: &str, offset: usize) -> Place {
    Places::new(text).next(offset)
}
