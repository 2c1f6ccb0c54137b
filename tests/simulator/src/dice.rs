//! Deterministic chance: the same seed and the same words give the same
//! numbers on every machine, so that an estate, an oddity or a fault can be
//! reproduced from its seed alone. Not for secrets.

/// A small generator (SplitMix64) seeded from a number and a name.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of one thing: `what` names it, so that adding another thing
    /// beside it does not change its numbers.
    pub(crate) fn new(seed: u64, what: &str) -> Self {
        Self(hash(seed, what))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `n - 1`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        if n == 0 {
            return 0;
        }
        usize::try_from(self.next() % n as u64).unwrap_or(0)
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        fraction(self.next()) < share
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A version-4 GUID.
    pub(crate) fn guid(&mut self) -> String {
        guid(self.next(), self.next())
    }
}

/// 64 bits that depend on every bit of the seed and of the text.
pub(crate) fn hash(seed: u64, what: &str) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ mix(seed);
    for byte in what.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mix(state)
}

/// Maps 64 bits to 0.0 ≤ x < 1.0.
#[expect(clippy::cast_precision_loss, reason = "53 bits are kept, which is what a double holds")]
pub(crate) fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Formats 128 bits as a version-4 GUID.
pub(crate) fn guid(high: u64, low: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

/// Whether a text is a GUID with dashes.
pub(crate) fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
