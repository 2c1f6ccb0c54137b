//! Icons: small real PNG files, drawn from a number, with the hash AVD prints
//! beside them.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use sha2::{Digest as _, Sha256};

use crate::dice::Dice;

const SIDE: u32 = 48;

/// An icon as AVD returns it.
#[derive(Debug, Clone)]
pub(crate) struct Icon {
    /// Base64 of a PNG.
    pub(crate) content: String,
    /// SHA-256 of the PNG, in base64 without padding.
    pub(crate) hash: String,
}

/// The icon of a number: always the same one.
pub(crate) fn draw(seed: u64, number: usize) -> Icon {
    let mut dice = Dice::new(seed, &format!("icon {number}"));
    let png = encode(&pixels(&mut dice));
    Icon { content: BASE64_STANDARD.encode(&png), hash: BASE64_STANDARD_NO_PAD.encode(Sha256::digest(&png)) }
}

/// A disc on a gradient, with noise inside the disc so that files differ in
/// size as real icons do.
fn pixels(dice: &mut Dice) -> Vec<u8> {
    let base = dice.next().to_le_bytes();
    let radius = 8 + i64::try_from(dice.below(12)).unwrap_or(0);
    let centre = i64::from(SIDE / 2);
    let mut rgba = Vec::with_capacity((SIDE * SIDE * 4) as usize);
    for y in 0..i64::from(SIDE) {
        for x in 0..i64::from(SIDE) {
            let inside = (x - centre).pow(2) + (y - centre).pow(2) <= radius * radius;
            let shade = u8::try_from((x + y) & 0x3f).unwrap_or(0);
            let noise = if inside { dice.next().to_le_bytes()[0] & 0x7f } else { 0 };
            for colour in &base[..3] {
                rgba.push(colour.wrapping_add(shade).wrapping_add(noise));
            }
            rgba.push(if inside { 255 } else { 200 });
        }
    }
    rgba
}

fn encode(rgba: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIDE, SIDE);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("writing a PNG header to memory cannot fail");
    writer.write_image_data(rgba).expect("the buffer has exactly the announced size");
    writer.finish().expect("finishing a PNG in memory cannot fail");
    file
}
