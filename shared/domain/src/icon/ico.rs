//! ICO: several pictures of one icon in a file, each a PNG or a bitmap with a mask.
//!
//! A reader of our own: the crate `ico` 0.6 panics at a bitmap whose palette is shorter than its pixels say, and one
//! broken entry of the directory costs it all others.
//! <https://learn.microsoft.com/previous-versions/ms997538(v=msdn.10)>

use super::{IconError, MAX_ICON_BYTES, PNG_SIGNATURE, check_png, check_size, png_of};
use std::borrow::Cow;
use std::cmp::Reverse;

/// How an ICO begins: a zero, and the type that is not a cursor's.
pub(super) const SIGNATURE: &[u8] = &[0, 0, 1, 0];
/// The most pictures that are looked at in one file. Real ones have up to 13 or so.
pub const MAX_ICO_PICTURES: usize = 32;
/// The lengths of the file's header, of an entry of its directory, and of a bitmap's header (BITMAPINFOHEADER).
const HEADER_BYTES: usize = 6;
const ENTRY_BYTES: usize = 16;
const BITMAP_HEADER_BYTES: usize = 40;

/// How many pictures of a file are tried; each may cost the decoding of the largest.
const PICTURES_TRIED: usize = 8;

/// The largest picture that can be read, as a PNG; of equal ones that with the most colours.
pub(super) fn largest(file: &[u8]) -> Result<Cow<'_, [u8]>, IconError> {
    let not_ico = |what: &str| IconError::NotIco(what.to_owned());
    let count = usize::from(u16_at(file, 4).ok_or_else(|| not_ico("it ends within its header"))?);
    if !(1..=MAX_ICO_PICTURES).contains(&count) {
        return Err(IconError::NotIco(format!("it has {count} pictures, not 1 to {MAX_ICO_PICTURES}")));
    }
    let mut pictures: Vec<Picture<'_>> = (0..count).filter_map(|index| Picture::find(file, index)).collect();
    pictures.sort_by_key(|picture| Reverse((u64::from(picture.width) * u64::from(picture.height), picture.bits)));
    let mut first_error = None;
    for picture in pictures.into_iter().take(PICTURES_TRIED) {
        match picture.to_png() {
            Ok(png) => return Ok(png),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| not_ico("none of its pictures lies within the file")))
}

/// One picture, and what it says of itself (an entry of the directory has room for edges up to 255 only).
struct Picture<'a> {
    width: u32,
    height: u32,
    bits: u16,
    data: &'a [u8],
}

impl<'a> Picture<'a> {
    /// `None` for one that lies outside of the file, or is too short to say how large it is.
    fn find(file: &'a [u8], index: usize) -> Option<Self> {
        let entry = file.get(HEADER_BYTES + index * ENTRY_BYTES..)?.get(..ENTRY_BYTES)?;
        let (length, start) = (u32_at(entry, 8)? as usize, u32_at(entry, 12)? as usize);
        let data = file.get(start..)?.get(..length)?;
        if data.starts_with(PNG_SIGNATURE) {
            // Behind the signature comes IHDR: its length, its name, the width and the height, high bytes first.
            let edge = |at: usize| Some(u32::from_be_bytes(data.get(at..at + 4)?.try_into().ok()?));
            return Some(Self { width: edge(16)?, height: edge(20)?, bits: u16_at(entry, 6)?, data });
        }
        // The height counts the rows of the picture and those of the mask.
        Some(Self { width: u32_at(data, 4)?, height: u32_at(data, 8)? / 2, bits: u16_at(data, 14)?, data })
    }

    fn to_png(&self) -> Result<Cow<'a, [u8]>, IconError> {
        if self.data.starts_with(PNG_SIGNATURE) {
            return check_png(self.data).map(|()| Cow::Owned(self.data.to_vec()));
        }
        check_size(self.width, self.height)?;
        let rgba = self.bitmap().map_err(|what| IconError::NotIco(what.to_owned()))?;
        let png = png_of(self.width, self.height, &rgba);
        if png.len() > MAX_ICON_BYTES { Err(IconError::TooLarge(png.len())) } else { Ok(Cow::Owned(png)) }
    }

    /// A bitmap's pixels, from the top (the file has them from the bottom).
    fn bitmap(&self) -> Result<Vec<u8>, &'static str> {
        let cut = "a bitmap ends too early";
        if u32_at(self.data, 0) != Some(BITMAP_HEADER_BYTES as u32) || u32_at(self.data, 16) != Some(0) {
            return Err("a bitmap has another header, or is compressed");
        }
        let colours = match self.bits {
            1 | 4 | 8 => match u32_at(self.data, 32).ok_or(cut)? as usize {
                0 => 1 << self.bits,
                used => used.min(1 << self.bits),
            },
            16 | 24 | 32 => 0,
            _ => return Err("a bitmap has a depth other than 1, 4, 8, 16, 24 and 32"),
        };
        let (palette, rest) =
            self.data.get(BITMAP_HEADER_BYTES..).and_then(|rest| rest.split_at_checked(colours * 4)).ok_or(cut)?;
        let (width, height) = (self.width as usize, self.height as usize);
        let row_bytes = row_bytes(width, usize::from(self.bits));
        let (rows, mask) = rest.split_at_checked(row_bytes * height).ok_or(cut)?;
        let mut rgba = Vec::with_capacity(width * height * 4);
        for row in rows.chunks_exact(row_bytes).rev() {
            for x in 0..width {
                rgba.extend(pixel(self.bits, row, x, palette).ok_or("a bitmap uses a colour that it does not have")?);
            }
        }
        // A picture with an opacity of its own needs no mask. Many with room for one leave it empty, and have a mask.
        let has_opacity = self.bits == 32 && rgba.chunks_exact(4).any(|pixel| pixel[3] != 0);
        if !has_opacity {
            apply(mask, width, &mut rgba).ok_or("a bitmap has no mask")?;
        }
        Ok(rgba)
    }
}

/// Rows begin at multiples of four bytes.
fn row_bytes(width: usize, bits: usize) -> usize {
    (width * bits).div_ceil(32) * 4
}

/// One pixel of a row; `None` where the palette has no such colour.
fn pixel(bits: u16, row: &[u8], x: usize, palette: &[u8]) -> Option<[u8; 4]> {
    let [blue, green, red, opacity] = match bits {
        1 | 4 | 8 => {
            let (bits, first_bit) = (usize::from(bits), x * usize::from(bits));
            let shift = 8 - bits - first_bit % 8;
            let index = usize::from(row[first_bit / 8] >> shift) & ((1 << bits) - 1);
            let colour = palette.get(index * 4..)?.get(..3)?;
            [colour[0], colour[1], colour[2], 0xFF]
        }
        16 => {
            let packed = u16_at(row, x * 2)?;
            // Five bits each, spread over eight.
            let part = |shift: u16| ((((packed >> shift) & 0x1F) * 255 + 15) / 31) as u8;
            [part(0), part(5), part(10), 0xFF]
        }
        24 => {
            let colour = row.get(x * 3..)?.get(..3)?;
            [colour[0], colour[1], colour[2], 0xFF]
        }
        _ => row.get(x * 4..)?.get(..4)?.try_into().ok()?,
    };
    Some([red, green, blue, opacity])
}

/// Makes clear what the mask marks, and opaque the rest. `None` if the mask is cut off.
fn apply(mask: &[u8], width: usize, rgba: &mut [u8]) -> Option<()> {
    let row_bytes = row_bytes(width, 1);
    let rows = rgba.len() / 4 / width;
    let mask = mask.get(..rows * row_bytes)?;
    for (row, pixels) in mask.chunks_exact(row_bytes).rev().zip(rgba.chunks_exact_mut(width * 4)) {
        for (x, pixel) in pixels.chunks_exact_mut(4).enumerate() {
            let is_clear = row[x / 8] >> (7 - x % 8) & 1 == 1;
            pixel[3] = if is_clear { 0 } else { 0xFF };
        }
    }
    Some(())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}
