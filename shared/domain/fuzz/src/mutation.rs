//! Changes documents at random.

use rand::RngExt;
use rand::rngs::StdRng;

/// The most changes that are made to one document.
const MAX_CHANGES: usize = 8;
/// The longest part that is taken out, doubled or brought in, in bytes.
const MAX_PART_BYTES: usize = 400;

/// What parsers stumble over.
const PIECES: [&[u8]; 34] = [
    b"<",
    b">",
    b"/>",
    b"</",
    b"\"",
    b"'",
    b"&",
    b"&#0;",
    b"&#x10FFFF;",
    b"&amp;",
    b"&x;",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?xml",
    b"<!DOCTYPE x>",
    b" xmlns:x=\"x\"",
    b"x:",
    b"\r\n",
    b"\0",
    b"\xFF\xFE",
    b"\xEF\xBB\xBF",
    b"\xED\xA0\x80",
    b":",
    b":s:",
    b":i:",
    b"signature:s:",
    b"signscope:s:",
    b"\x89PNG\r\n\x1A\n",
    b"\0\0\x01\0",
    b"\x01\0\0\0",
    b"\0\0\0\x80",
    b"\xFF\xFF\xFF\xFF",
];

/// A changed copy of the document. `other` is where parts come from.
pub fn changed(document: &[u8], other: &[u8], dice: &mut StdRng) -> Vec<u8> {
    let mut bytes = document.to_vec();
    for _ in 0..dice.random_range(1..=MAX_CHANGES) {
        change(&mut bytes, other, dice);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], dice: &mut StdRng) {
    let part = part(bytes, dice);
    match dice.random_range(0..8) {
        0 => drop(bytes.drain(part)),
        1 => {
            let doubled = bytes[part.clone()].to_vec();
            bytes.splice(part.start..part.start, doubled);
        }
        2 => {
            let brought = other[self::part(other, dice)].to_vec();
            bytes.splice(part, brought);
        }
        3 | 4 => {
            let piece = PIECES[dice.random_range(0..PIECES.len())];
            bytes.splice(part.start..part.start, piece.iter().copied());
        }
        5 => {
            // In its place, so that what stands behind it stays where it was.
            let piece = PIECES[dice.random_range(0..PIECES.len())];
            let end = bytes.len().min(part.start + piece.len());
            bytes.splice(part.start..end, piece.iter().copied());
        }
        6 => {
            if let Some(byte) = bytes.get_mut(part.start) {
                *byte ^= 1 << dice.random_range(0..8);
            }
        }
        _ => {
            if dice.random_range(0..10) == 0 {
                bytes.truncate(part.start);
            }
        }
    }
}

fn part(bytes: &[u8], dice: &mut StdRng) -> std::ops::Range<usize> {
    let start = dice.random_range(0..=bytes.len());
    let length = dice.random_range(0..=MAX_PART_BYTES).min(bytes.len() - start);
    start..start + length
}
