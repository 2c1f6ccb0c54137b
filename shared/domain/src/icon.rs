//! Icons: what a source sends is checked before it is stored, and whoever has none gets a placeholder.

use crate::estate::ResourceKind;
use crate::text::sha256_hex;
use std::sync::LazyLock;

/// The largest icon accepted, in bytes.
pub const MAX_ICON_BYTES: usize = 1 << 20;
/// The longest edge accepted, in pixels.
pub const MAX_ICON_EDGE: u32 = 1024;
/// The edge of a placeholder, in pixels.
const PLACEHOLDER_EDGE: u32 = 48;

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
}

/// Accepts a PNG that decodes to its end within the limits.
pub fn check(bytes: &[u8]) -> Result<(), IconError> {
    if bytes.len() > MAX_ICON_BYTES {
        return Err(IconError::TooLarge(bytes.len()));
    }
    let not_png = |error: png::DecodingError| IconError::NotPng(error.to_string());
    let limits = png::Limits { bytes: (MAX_ICON_EDGE * MAX_ICON_EDGE * 8) as usize };
    let mut reader = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits).read_info().map_err(not_png)?;
    let (width, height) = reader.info().size();
    if !(1..=MAX_ICON_EDGE).contains(&width) || !(1..=MAX_ICON_EDGE).contains(&height) {
        return Err(IconError::Dimensions { width, height });
    }
    while reader.next_row().map_err(not_png)?.is_some() {}
    reader.finish().map_err(not_png)
}

/// The picture of a resource without one: a window for an application, a screen for a desktop.
pub fn placeholder(kind: ResourceKind) -> Vec<u8> {
    const INK: [u8; 4] = [0x1F, 0x4E, 0x79, 0xFF];
    const PAPER: [u8; 4] = [0xE8, 0xF1, 0xFA, 0xFF];
    const NOTHING: [u8; 4] = [0; 4];
    let pixel = |x: u32, y: u32| match kind {
        ResourceKind::RemoteApp => match (x, y) {
            (4..44, 6..14) => INK,
            (6..42, 14..40) => PAPER,
            (4..44, 14..42) => INK,
            _ => NOTHING,
        },
        ResourceKind::Desktop => match (x, y) {
            (6..42, 8..32) => PAPER,
            (4..44, 6..34) | (21..27, 34..40) | (14..34, 40..43) => INK,
            _ => NOTHING,
        },
    };
    let pixels: Vec<u8> =
        (0..PLACEHOLDER_EDGE).flat_map(|y| (0..PLACEHOLDER_EDGE).flat_map(move |x| pixel(x, y))).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, PLACEHOLDER_EDGE, PLACEHOLDER_EDGE);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header of fixed size into memory cannot fail");
    writer.write_image_data(&pixels).expect("an image of the announced size into memory cannot fail");
    writer.finish().expect("finishing an image in memory cannot fail");
    bytes
}

/// The SHA-256 of a kind's placeholder: the name it is stored under.
pub fn placeholder_sha256(kind: ResourceKind) -> &'static str {
    static HASHES: [LazyLock<String>; 2] = [
        LazyLock::new(|| sha256_hex(&placeholder(ResourceKind::Desktop))),
        LazyLock::new(|| sha256_hex(&placeholder(ResourceKind::RemoteApp))),
    ];
    &HASHES[kind as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_icons_and_differ_by_kind() {
        let (app, desktop) = (placeholder(ResourceKind::RemoteApp), placeholder(ResourceKind::Desktop));
        assert_eq!(check(&app), Ok(()));
        assert_eq!(check(&desktop), Ok(()));
        assert_ne!(app, desktop);
    }

    #[test]
    fn what_is_no_whole_png_is_refused() {
        let icon = placeholder(ResourceKind::Desktop);
        assert!(matches!(check(b""), Err(IconError::NotPng(_))));
        assert!(matches!(check(b"<svg/>"), Err(IconError::NotPng(_))));
        assert!(matches!(check(&icon[..icon.len() / 2]), Err(IconError::NotPng(_))));
        assert!(matches!(check(&vec![0; MAX_ICON_BYTES + 1]), Err(IconError::TooLarge(_))));
    }

    #[test]
    fn a_small_file_that_claims_a_huge_picture_is_refused_before_it_is_decoded() {
        let mut bomb = Vec::new();
        let mut encoder = png::Encoder::new(&mut bomb, 60_000, 60_000);
        encoder.set_color(png::ColorType::Grayscale);
        drop(encoder.write_header().unwrap());
        assert!(check(&bomb).is_err());
    }
}
