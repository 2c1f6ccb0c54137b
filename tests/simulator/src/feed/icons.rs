//! Icons as files: the estate's own PNG, and an ICO that holds it as its
//! largest image beside two small bitmaps. What has no icon in the estate gets
//! an ICO of its own, as the service draws from the executable.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;

use super::catalogue::{Icons, Offer};
use crate::{
    dice::{Dice, hash},
    estate::icons::draw as drawn,
};

/// The sides of the bitmaps in an ICO.
const SMALL_SIDES: [u8; 2] = [16, 32];
/// The side of the PNG in it.
const LARGE_SIDE: u8 = 48;
const ICO_HEADER: u32 = 6;
const ICO_ENTRY: u32 = 16;

/// An icon in a format; `None` when there is none.
pub(super) fn draw(offer: &Offer, format: &str, seed: u64) -> Option<Bytes> {
    match (format, offer.icons()) {
        ("png", Icons::IcoAndPng) => png(offer, seed).map(Bytes::from),
        ("ico", Icons::IcoAndPng | Icons::Ico) => Some(ico(offer, &png(offer, seed)?)),
        _ => None,
    }
}

fn png(offer: &Offer, seed: u64) -> Option<Vec<u8>> {
    let content = match offer.source.property("iconContent").as_str() {
        Some(content) => content.to_owned(),
        None => drawn(seed, usize::try_from(offer.dice >> 16).unwrap_or(0)).content,
    };
    BASE64_STANDARD.decode(content).ok()
}

/// What the largest image of an offer's icon is, for those who compare.
pub(super) fn largest(offer: &Offer, seed: u64) -> Option<Vec<u8>> {
    (offer.icons() != Icons::None).then(|| png(offer, seed)).flatten()
}

fn ico(offer: &Offer, png: &[u8]) -> Bytes {
    let mut images: Vec<(u8, Vec<u8>)> = SMALL_SIDES.iter().map(|&side| (side, bitmap(offer, side))).collect();
    images.push((LARGE_SIDE, png.to_vec()));
    let count = u16::try_from(images.len()).unwrap_or(0);
    let mut file = Vec::new();
    for word in [0, 1, count] {
        file.extend(u16::to_le_bytes(word));
    }
    let mut at = ICO_HEADER + ICO_ENTRY * u32::from(count);
    for (side, bytes) in &images {
        let length = u32::try_from(bytes.len()).unwrap_or(0);
        file.extend([*side, *side, 0, 0]);
        file.extend(u16::to_le_bytes(1));
        file.extend(u16::to_le_bytes(32));
        file.extend(length.to_le_bytes());
        file.extend(at.to_le_bytes());
        at += length;
    }
    for (_, bytes) in images {
        file.extend(bytes);
    }
    file.into()
}

/// A bitmap of 32 bits as an ICO holds it: twice the height, bottom row first,
/// and a mask that hides nothing.
fn bitmap(offer: &Offer, side: u8) -> Vec<u8> {
    let side = u32::from(side);
    let mut bytes = Vec::new();
    for word in [40, side, side * 2] {
        bytes.extend(u32::to_le_bytes(word));
    }
    bytes.extend(u16::to_le_bytes(1));
    bytes.extend(u16::to_le_bytes(32));
    let mask = side * side.div_ceil(32) * 4;
    for word in [0, side * side * 4 + mask, 0, 0, 0, 0] {
        bytes.extend(u32::to_le_bytes(word));
    }
    let mut dice = Dice::new(hash(8, &offer.id), &side.to_string());
    let base = dice.next().to_le_bytes();
    for pixel in 0..side * side {
        let shade = u8::try_from((pixel / side + pixel % side) & 0x3f).unwrap_or(0);
        bytes.extend(base[..3].iter().map(|colour| colour.wrapping_add(shade)));
        bytes.push(255);
    }
    bytes.extend((0..mask).map(|_| 0));
    bytes
}
