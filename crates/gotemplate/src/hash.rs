//! A fast hash for names that come from the program or from one chart, where a few collisions do no harm.

use std::hash::{BuildHasherDefault, Hasher};

/// Builds the hash of maps whose keys are names of functions or templates.
pub type NameHash = BuildHasherDefault<NameHasher>;

/// A factor whose bits are spread well: the fraction of the golden ratio.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Multiplies eight bytes at a time into the hash.
#[derive(Debug, Clone, Copy, Default)]
pub struct NameHasher(u64);

impl NameHasher {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        // The upper bits depend on all others; tables look at the lower ones too.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.mix(rest.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)));
        }
    }
}
