//! Icons: what a source sends is checked before it is stored, and whoever has none gets a [`placeholder`].
//!
//! Everything that is stored is a PNG. One that a source sends stays as it is, so that its hash is the source's; of an
//! ICO the largest picture in it is taken.

mod ico;
mod placeholder;

pub use ico::MAX_ICO_PICTURES;
pub use placeholder::{Placeholder, placeholder};

use std::borrow::Cow;

/// The largest icon accepted, in bytes, before and after it is made a PNG.
pub const MAX_ICON_BYTES: usize = 1 << 20;
/// The longest edge accepted, in pixels.
pub const MAX_ICON_EDGE: u32 = 1024;
/// How a PNG begins.
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";

/// Why an icon was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IconError {
    /// More bytes than [`MAX_ICON_BYTES`].
    #[error("the icon has {0} bytes, more than {MAX_ICON_BYTES}")]
    TooLarge(usize),
    /// Larger than [`MAX_ICON_EDGE`] on an edge, or empty.
    #[error("the icon measures {width} by {height} pixels, not between 1 and {MAX_ICON_EDGE} each way")]
    Dimensions {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Not a PNG that can be decoded to its end.
    #[error("the icon is no readable PNG: {0}")]
    NotPng(String),
    /// An ICO in which no picture can be read.
    #[error("the icon is no readable ICO: {0}")]
    NotIco(String),
    /// Of another format.
    #[error("the icon is neither a PNG nor an ICO")]
    Unknown,
}

/// An icon as it is stored: a PNG as it came if it decodes to its end within the limits, or the largest picture of an
/// ICO that does, as a PNG.
pub fn accept(bytes: &[u8]) -> Result<Cow<'_, [u8]>, IconError> {
    if bytes.len() > MAX_ICON_BYTES {
        return Err(IconError::TooLarge(bytes.len()));
    }
    if bytes.starts_with(PNG_SIGNATURE) {
        return check_png(bytes).map(|()| Cow::Borrowed(bytes));
    }
    if bytes.starts_with(ico::SIGNATURE) {
        return ico::largest(bytes);
    }
    Err(IconError::Unknown)
}

fn check_png(bytes: &[u8]) -> Result<(), IconError> {
    let not_png = |error: png::DecodingError| IconError::NotPng(error.to_string());
    let limits = png::Limits { bytes: (MAX_ICON_EDGE * MAX_ICON_EDGE * 8) as usize };
    let mut reader = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits).read_info().map_err(not_png)?;
    let (width, height) = reader.info().size();
    check_size(width, height)?;
    while reader.next_row().map_err(not_png)?.is_some() {}
    reader.finish().map_err(not_png)
}

fn check_size(width: u32, height: u32) -> Result<(), IconError> {
    let fits = |edge| (1..=MAX_ICON_EDGE).contains(&edge);
    if fits(width) && fits(height) { Ok(()) } else { Err(IconError::Dimensions { width, height }) }
}

/// A PNG of these pixels: red, green, blue and opacity, row by row from the top.
fn png_of(width: u32, height: u32, rgba: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header into memory cannot fail");
    writer.write_image_data(rgba).expect("an image of the announced size into memory cannot fail");
    writer.finish().expect("finishing an image in memory cannot fail");
    bytes
}

#[cfg(test)]
mod tests;
