//! A set of small numbers.

/// A set of numbers below a bound.
#[derive(Debug, Clone, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// An empty set for numbers below a bound; greater ones are never in it.
    pub(super) fn with(bound: usize) -> Self {
        Self(vec![0; bound.div_ceil(64)])
    }

    /// Puts one in, and says whether it is new.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let (word, bit) = (&mut self.0[number as usize / 64], 1 << (number % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Whether it is in.
    pub(super) fn has(&self, number: u32) -> bool {
        self.0.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}
