//! Icons made by chance: PNGs, and ICOs with bitmaps of every depth and PNGs in them.

use poolwarden_domain::estate::ResourceKind;
use poolwarden_domain::icon::placeholder;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The most pictures in one ICO.
const MAX_PICTURES: usize = 4;
/// The longest edge of a bitmap, in pixels.
const MAX_EDGE: u32 = 20;
/// The share of PNGs, as one of so many.
const ONE_PNG_IN: u32 = 4;

/// An icon as a source may send it.
pub fn icon(seed: u64) -> Vec<u8> {
    let mut dice = StdRng::seed_from_u64(seed);
    if dice.random_range(0..ONE_PNG_IN) == 0 {
        return png(&mut dice);
    }
    let count = dice.random_range(1..=MAX_PICTURES);
    let pictures: Vec<Vec<u8>> = (0..count)
        .map(|_| if dice.random_range(0..ONE_PNG_IN) == 0 { png(&mut dice) } else { bitmap(&mut dice) })
        .collect();
    ico(&pictures)
}

fn png(dice: &mut StdRng) -> Vec<u8> {
    let name: String = (0..2).map(|_| dice.random_range('A'..='Z')).collect();
    placeholder(ResourceKind::Desktop, &name).png.to_vec()
}

fn ico(pictures: &[Vec<u8>]) -> Vec<u8> {
    let mut file = vec![0, 0, 1, 0];
    file.extend((pictures.len() as u16).to_le_bytes());
    let mut start = 6 + 16 * pictures.len();
    for picture in pictures {
        // Edges and depths are read from the pictures themselves.
        file.extend([0, 0, 0, 0, 1, 0, 32, 0]);
        file.extend((picture.len() as u32).to_le_bytes());
        file.extend((start as u32).to_le_bytes());
        start += picture.len();
    }
    file.extend(pictures.concat());
    file
}

/// A header, a palette where the depth has one, the rows, and the mask.
fn bitmap(dice: &mut StdRng) -> Vec<u8> {
    let bits = [1_u16, 4, 8, 16, 24, 32][dice.random_range(0..6)];
    let (width, height) = (dice.random_range(1..=MAX_EDGE), dice.random_range(1..=MAX_EDGE));
    let palette = if bits <= 8 { 1_usize << bits } else { 0 };
    let row_bytes = |bits: u32| ((width * bits).div_ceil(32) * 4) as usize;
    let mut data = Vec::new();
    for value in [40, width, height * 2] {
        data.extend(value.to_le_bytes());
    }
    data.extend(1_u16.to_le_bytes());
    data.extend(bits.to_le_bytes());
    for value in [0, 0, 0, 0, palette as u32, 0] {
        data.extend(value.to_le_bytes());
    }
    let rest = palette * 4 + (row_bytes(u32::from(bits)) + row_bytes(1)) * height as usize;
    data.extend((0..rest).map(|_| dice.random::<u8>()));
    data
}
